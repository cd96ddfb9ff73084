"""Who else looks at a case and who writes, told by pages and sheets, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update

from channels.sandbox import Sandbox
from channels.slack import card, showing
from intake import viewers
from intake.agents import Agent, Principal, Role, SignIn
from intake.cases import Case
from intake.db import Database
from intake.errors import NotFound
from intake.events import Delivery
from intake.queues import Queue
from intake.viewers import Viewer
from tests.console import Console, words
from tests.desk import NOON, DeskUnderTest, email
from tests.office import Office
from tests.promised import tick

SECOND = timedelta(seconds=1)


def opened(desk: DeskUnderTest, **fields: object) -> Case:
    [receipt] = desk.accepts(email(**fields))  # type: ignore[arg-type]
    assert receipt.case is not None
    return receipt.case


def beat(
    desk: DeskUnderTest, by: Principal, case: Case, at: datetime = NOON, *, writing: bool = False
) -> None:
    with desk.transaction() as session:
        viewers.beat(session, by, case.id, at=at, writing=writing)


def there(
    desk: DeskUnderTest, case: Case, at: datetime, but: Principal | None = None
) -> list[tuple[str, bool]]:
    with desk.db.reading() as session:
        found = viewers.at_cases(session, [case.id], at=at, but=but.id if but else None)[case.id]
        return [(one.agent.name, one.writes(at)) for one in found]


def test_those_who_look_and_write_are_seen_by_others_until_they_fall_silent(
    desk: DeskUnderTest,
) -> None:
    case, grace, luis = opened(desk), desk.principal("Grace"), desk.principal("Luis")

    beat(desk, grace, case)
    beat(desk, luis, case, NOON + 10 * SECOND, writing=True)

    assert there(desk, case, NOON + 20 * SECOND) == [("Luis", True), ("Grace", False)]
    assert there(desk, case, NOON + 20 * SECOND, but=luis) == [("Grace", False)]
    assert there(desk, case, NOON + 45 * SECOND) == [("Luis", True)]
    beat(desk, luis, case, NOON + 46 * SECOND)
    assert there(desk, case, NOON + 50 * SECOND) == [("Luis", False)]
    assert there(desk, case, NOON + 90 * SECOND) == []


def test_whoever_went_on_leaves_no_rows_behind(desk: DeskUnderTest) -> None:
    grace = desk.principal("Grace")
    cases = [opened(desk) for _ in range(4)]
    for hours, case in enumerate(cases):
        beat(desk, grace, case, NOON + hours * 2 * viewers.KEPT)

    assert [row.case_id for row in desk.all(Viewer)] == [cases[-1].id]


def test_nobody_is_at_a_case_they_may_not_see(desk: DeskUnderTest) -> None:
    desk.has_queue("Board", members=(desk.has_agent("Mary"),), address="board@desk.example")
    hidden = opened(desk, mailbox="board@desk.example")

    with pytest.raises(NotFound):
        beat(desk, desk.principal("Grace"), hidden)

    assert desk.count(Viewer) == 0


@pytest.fixture
def in_slack(db: Database) -> DeskUnderTest:
    desk = DeskUnderTest(db, slack=True)
    with desk.transaction() as session:
        session.execute(update(Queue).values(slack_channel="#support"))
    return desk


def refreshes(desk: DeskUnderTest) -> int:
    return sum(1 for d in desk.all(Delivery) if d.channel == "slack" and d.kind == "refresh")


def shows(desk: DeskUnderTest, case: Case, at: datetime) -> str:
    with desk.db.reading() as session:
        shown, _queue = showing.shown(session, case.id, "https://desk.example", at=at)
        return str(card.card(shown))


def test_the_card_in_slack_says_who_looks_and_who_writes_and_when_they_stopped(
    in_slack: DeskUnderTest,
) -> None:
    case, grace, luis = opened(in_slack), in_slack.principal("Grace"), in_slack.principal("Luis")

    for seconds in (0, 15):
        beat(in_slack, grace, case, NOON + seconds * SECOND)
    beat(in_slack, luis, case, NOON + 15 * SECOND, writing=True)
    both = shows(in_slack, case, NOON + 20 * SECOND)
    beat(in_slack, luis, case, NOON + 30 * SECOND)
    tick(in_slack, NOON + 60 * SECOND)
    luis_alone = shows(in_slack, case, NOON + 60 * SECOND)
    tick(in_slack, NOON + 90 * SECOND)

    assert "Grace looks at it; Luis is writing" in both
    assert "Luis looks at it" in luis_alone
    assert "Grace" not in luis_alone
    assert "at it" not in shows(in_slack, case, NOON + 90 * SECOND)


def test_a_stay_changes_the_card_twice_however_long_and_passing_by_does_not(
    in_slack: DeskUnderTest,
) -> None:
    cases = [opened(in_slack, sender=f"c{n}@example.com") for n in range(5)]
    grace, luis = in_slack.principal("Grace"), in_slack.principal("Luis")

    for passed, case in enumerate(cases):
        beat(in_slack, luis, case, NOON + 10 * passed * SECOND)
        assert "Luis" not in shows(in_slack, case, NOON + 10 * passed * SECOND)
    tick(in_slack, NOON + 120 * SECOND)
    assert refreshes(in_slack) == 0

    for seconds in range(0, 600, 15):
        for agent in (grace, luis):
            beat(in_slack, agent, cases[0], NOON + seconds * SECOND)
        tick(in_slack, NOON + seconds * SECOND)
    assert refreshes(in_slack) == 2, "each came once"
    tick(in_slack, NOON + 624 * SECOND)
    assert refreshes(in_slack) == 2, "they may still be there"
    for seconds in (625, 640, 3600):
        tick(in_slack, NOON + seconds * SECOND)
    assert refreshes(in_slack) == 3, "both are gone, in one change"


def test_who_sent_what_they_wrote_is_there_no_more(in_slack: DeskUnderTest) -> None:
    case, grace = opened(in_slack), in_slack.principal("Grace")
    beat(in_slack, grace, case, writing=True)

    with in_slack.transaction() as session:
        viewers.leave(session, grace, case.id, at=NOON + SECOND)
        viewers.leave(session, grace, case.id, at=NOON + SECOND)

    assert refreshes(in_slack) == 2
    assert there(in_slack, case, NOON + SECOND) == []


def test_a_page_of_somebody_elses_making_can_say_it_by_graphql(desk: DeskUnderTest) -> None:
    opened(desk)
    office, grace, luis = Office(desk), desk.has_agent("Grace"), desk.has_agent("Luis")
    read_only = desk.has_agent("Rita", Role.READ_ONLY)
    say = "mutation($w: Boolean!) { beat(caseNumber: 1001, writing: $w) { __typename } }"
    who = "{ case(number: 1001) { version viewers { writes agent { name } } } }"

    for agent, writes in ((luis, False), (read_only, False), (grace, True)):
        assert office.asks(say, by=agent, w=writes) == {"beat": {"__typename": "CaseChanged"}}

    found = office.asks(who, by=luis)["case"]
    assert [(v["agent"]["name"], v["writes"]) for v in found["viewers"]] == [
        ("Grace", True),
        ("Luis", False),
        ("Rita", False),
    ]
    assert found["version"] == 1


@pytest.fixture
def console(sqlite_url: str) -> Iterator[Console]:
    with Sandbox() as sandbox:
        db = Database(sqlite_url)
        yield Console(DeskUnderTest(db), sandbox)
        db.close()


@pytest.fixture
def mary(console: Console) -> Agent:
    return console.desk.has_agent("Mary")


def test_the_page_says_who_else_is_there_and_stays_quiet_when_nothing_changed(
    console: Console, mary: Agent
) -> None:
    opened(console.desk)
    mine, theirs = console.browser(mary), console.browser(console.desk.has_agent("Luis"))
    page = mine.get("/cases/1001")
    again = page.text.split('hx-get="')[1].split('"')[0]

    assert (
        theirs.post("/cases/1001/beat", data={"writing": "yes", "seconds": "12"}).status_code == 204
    )
    news = mine.get(again)
    mine.post("/cases/1001/beat", data={"writing": "no"})

    assert news.status_code == 200
    assert "Luis is writing" in words(news)
    assert "Mary is looking" not in words(mine.get("/cases/1001")), "not to herself"
    assert "Mary is looking at it" in words(theirs.get("/cases/1001"))


def test_a_page_left_open_keeps_nobody_signed_in(console: Console, mary: Agent) -> None:
    opened(console.desk)
    browser = console.browser(mary)
    with console.desk.transaction() as session:
        session.execute(update(SignIn).values(used_at=datetime.now(UTC) - timedelta(hours=1)))
    [before] = [row.used_at for row in console.desk.all(SignIn)]

    browser.post("/cases/1001/beat", data={"writing": "no"}, headers={"HX-Request": "true"})
    assert [row.used_at for row in console.desk.all(SignIn)] == [before]

    browser.post("/cases/1001/beat", data={"writing": "no"})
    assert [row.used_at for row in console.desk.all(SignIn)] != [before]
