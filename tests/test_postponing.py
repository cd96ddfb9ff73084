"""A case put off comes back by time or by an answer; a follow-up is reminded of once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from channels.sandbox import Sandbox
from intake import clock, merging, outcomes, work
from intake.agents import Agent, Principal
from intake.cases import Case, NotOpen, Reason, StaleVersion
from intake.db import Database
from intake.events import Delivery, Event
from intake.messages import Outgoing
from intake.sla import KpiInstance, KpiState
from tests.console import Console, filled_in, words
from tests.desk import DESK, NOON, DeskUnderTest, email
from tests.office import Office
from tests.plans import plan
from tests.promised import tick

HOUR = timedelta(hours=1)


@pytest.fixture
def grace(desk: DeskUnderTest) -> Principal:
    return desk.principal("Grace")


def asked(desk: DeskUnderTest, **fields: Any) -> UUID:
    [receipt] = desk.accepts(email(message_id="q@example.com", **fields))
    assert receipt.case is not None
    return receipt.case.id


def snooze(
    desk: DeskUnderTest, by: Principal, case_id: UUID, until: datetime | None = NOON + 2 * HOUR
) -> Case:
    with desk.transaction() as session:
        return work.snooze(session, by, case_id, until, at=NOON)


def told(desk: DeskUnderTest, kind: str) -> list[Event]:
    return [event for event in desk.all(Event) if event.kind == kind]


def test_a_snoozed_case_comes_back_at_its_time_and_no_earlier(
    desk: DeskUnderTest, grace: Principal
) -> None:
    snooze(desk, grace, asked(desk))

    tick(desk, NOON + HOUR)
    assert desk.case(1001).wakes_at == NOON + 2 * HOUR
    tick(desk, NOON + 2 * HOUR)
    tick(desk, NOON + 3 * HOUR)

    assert (desk.case(1001).snoozed_at, desk.case(1001).wakes_at) == (None, None)
    assert [event.actor_name for event in told(desk, "case.woken")] == ["Deskbell"]


def test_the_customer_brings_it_back_and_a_machine_does_not(
    desk: DeskUnderTest, grace: Principal
) -> None:
    snooze(desk, grace, asked(desk), until=None)

    desk.accepts(email(text="I am away", in_reply_to="q@example.com", automatic="auto-reply"))
    assert desk.case(1001).snoozed_at is not None
    desk.accepts(email(text="And now?", in_reply_to="q@example.com"))

    assert desk.case(1001).snoozed_at is None


def test_clocks_run_on_while_it_is_put_off_and_bring_it_back(
    desk: DeskUnderTest, grace: Principal
) -> None:
    desk.has_sla(first_response=4 * HOUR)
    snooze(desk, grace, asked(desk), until=NOON + 9 * HOUR)
    [running] = desk.all(KpiInstance)
    assert (running.state, running.fail_at) == (KpiState.IN_PROGRESS, NOON + 4 * HOUR)

    tick(desk, NOON + 3 * HOUR)  # three quarters: the warning

    assert desk.case(1001).snoozed_at is None
    assert told(desk, "case.woken")[0].data["because"] == "first response is due"


def test_an_answer_that_did_not_arrive_brings_it_back(
    desk: DeskUnderTest, grace: Principal
) -> None:
    case_id = asked(desk)
    with desk.transaction() as session:
        work.reply(session, grace, case_id, "Try again.", desk=desk.settings, at=NOON)
    snooze(desk, grace, case_id)

    with desk.transaction() as session:
        [reply] = [d for d in session.query(Delivery) if d.kind == "reply"]
        outcomes.given_up(session, reply, "550", desk=DESK, at=NOON + HOUR)

    assert desk.case(1001).snoozed_at is None


def close(
    act: Callable[..., object], **how: Any
) -> Callable[[DeskUnderTest, Any, Any, UUID], None]:
    def do(desk: DeskUnderTest, session: Any, by: Principal, case_id: UUID) -> None:
        act(session, by, case_id, "done", desk=desk.settings, at=NOON, **how)

    return do


@pytest.mark.parametrize(
    "end", [close(work.resolve), close(work.cancel)], ids=["resolve", "cancel"]
)
def test_what_is_closed_is_neither_put_off_nor_followed_up(
    desk: DeskUnderTest, grace: Principal, end: Any
) -> None:
    case_id = asked(desk)
    snooze(desk, grace, case_id)
    with desk.transaction() as session:
        work.agree_follow_up(session, grace, case_id, NOON + HOUR, at=NOON)

    with desk.transaction() as session:
        end(desk, session, grace, case_id)
    tick(desk, NOON + 5 * HOUR)

    case = desk.case(1001)
    assert (case.snoozed_at, case.wakes_at, case.follow_up_at, case.remind_at) == (None,) * 4
    assert told(desk, "case.woken") + told(desk, "case.follow_up_due") == []


def test_unmerge_puts_a_snoozed_case_off_again(desk: DeskUnderTest, grace: Principal) -> None:
    survivor, source = asked(desk), asked(desk, sender="bob@example.com")
    snooze(desk, grace, source)
    with desk.transaction() as session:
        merging.merge(session, grace, survivor, [source], desk=desk.settings, at=NOON)
    assert desk.case(1002).wakes_at is None

    with desk.transaction() as session:
        merging.unmerge(session, grace, source, desk=desk.settings, at=NOON)

    assert (desk.case(1002).snoozed_at, desk.case(1002).wakes_at) == (NOON, NOON + 2 * HOUR)


def test_a_snooze_that_cannot_be_is_refused_and_nothing_is_done(
    desk: DeskUnderTest, grace: Principal
) -> None:
    case_id = asked(desk)

    for until in (NOON, NOON - HOUR):
        with pytest.raises(work.WrongInstant, match=r"until: .* is over"):
            snooze(desk, grace, case_id, until)
    with pytest.raises(StaleVersion), desk.transaction() as session:
        work.snooze(session, grace, case_id, None, at=NOON, version=99)
    with desk.transaction() as session:
        work.resolve(session, grace, case_id, "done", desk=desk.settings, at=NOON)
    with pytest.raises(NotOpen):
        snooze(desk, grace, case_id)

    assert desk.case(1001).snoozed_at is None


def test_the_owner_is_reminded_of_a_follow_up_once(desk: DeskUnderTest, grace: Principal) -> None:
    case_id = asked(desk)
    with desk.transaction() as session:
        work.pick(session, grace, case_id, at=NOON)
        work.agree_follow_up(session, grace, case_id, NOON + HOUR, at=NOON)

    for hours in (0.5, 1, 2):
        tick(desk, NOON + hours * HOUR)

    [letter] = [d for d in desk.all(Delivery) if d.kind == "notice"]
    assert (letter.channel, letter.target) == ("email", "grace@desk.example")
    assert Outgoing.from_json(letter.payload).automatic
    assert len(told(desk, "case.follow_up_due")) == 1
    assert desk.case(1001).follow_up_at == NOON + HOUR, "shown until it is settled"


def test_our_answer_settles_a_follow_up(desk: DeskUnderTest, grace: Principal) -> None:
    case_id = asked(desk)
    with desk.transaction() as session:
        work.agree_follow_up(session, grace, case_id, NOON + HOUR, at=NOON)
        work.reply(session, grace, case_id, "As agreed.", desk=desk.settings, at=NOON)

    tick(desk, NOON + 2 * HOUR)

    assert desk.case(1001).follow_up_at is None
    assert told(desk, "case.follow_up_due") == []


@pytest.mark.parametrize(("name", "index"), [("snoozes", "wakes_at"), ("follow-ups", "remind_at")])
def test_what_is_due_is_found_by_index(desk: DeskUnderTest, name: str, index: str) -> None:
    [kind] = [kind for kind in clock.WORK if kind.name == name]

    found = plan(desk, kind.due(desk.settings, NOON).order_by(getattr(Case, index)).limit(200))

    assert f"ix_cases_by_{index}" in found
    assert "TEMP B-TREE" not in found
    assert "Sort" not in found


SNOOZE = """mutation($until: DateTime) { snooze(caseNumber: 1001, until: $until) {
  __typename ... on CaseChanged { case { snoozedAt wakesAt } }
  ... on WrongInput { field message } } }"""
LISTED = "query($snoozed: Boolean) { cases(where: {snoozed: $snoozed}) { nodes { number } } }"


def test_snoozing_by_graphql(desk: DeskUnderTest) -> None:
    office, agent = Office(desk), desk.has_agent("Grace")
    desk.accepts(email(), email(sender="bob@example.com"))

    refused = office.asks(SNOOZE, by=agent, until="2020-01-01T00:00:00Z")["snooze"]
    done = office.asks(SNOOZE, by=agent, until="2999-01-01T00:00:00Z")["snooze"]

    assert (refused["__typename"], refused["field"]) == ("WrongInput", "until")
    assert done["case"]["wakesAt"].startswith("2999-01-01T00:00:00")
    numbers = {
        put_off: [
            n["number"] for n in office.asks(LISTED, by=agent, snoozed=put_off)["cases"]["nodes"]
        ]
        for put_off in (True, False)
    }
    assert numbers == {True: [1001], False: [1002]}
    woken = office.asks("mutation { wake(caseNumber: 1001) { __typename } }", by=agent)
    assert woken == {"wake": {"__typename": "CaseChanged"}}
    assert desk.case(1001).snoozed_at is None


@pytest.fixture
def console(sqlite_url: str) -> Iterator[Console]:
    with Sandbox() as sandbox:
        db = Database(sqlite_url)
        yield Console(DeskUnderTest(db), sandbox)
        db.close()


@pytest.fixture
def luis(console: Console) -> Agent:
    return console.desk.has_agent("Luis")


def test_a_snoozed_case_leaves_the_lists_for_a_list_of_its_own(
    console: Console, luis: Agent
) -> None:
    desk, browser = console.desk, console.browser(luis)
    desk.accepts(email(subject="Not today"), email(sender="bob@example.com", subject="Today"))
    form = filled_in(browser.get("/cases/1001"), "snooze")

    done = browser.post("/cases/1001/snooze", data=form | {"until": "answer"})

    assert done.status_code == 303
    lists = ["/", "/?view=available", f"/?queue={desk.queue.id}"]
    assert [("Not today" in words(browser.get(page))) for page in lists] == [False] * 3
    assert "Today" in words(browser.get("/"))
    assert "Not today Until they write" in words(browser.get("/?view=snoozed")).replace("1001 ", "")
    assert "Snoozed until they write" in words(browser.get("/cases/1001"))

    browser.post("/cases/1001/wake", data=filled_in(browser.get("/cases/1001"), "wake"))
    assert "Not today" in words(browser.get("/"))


def test_a_time_of_the_wall_clock_is_taken_and_one_that_is_over_shown_again(
    console: Console, luis: Agent
) -> None:
    console.desk.accepts(email(at=datetime.now(UTC) - HOUR))
    browser = console.browser(luis)
    form = filled_in(browser.get("/cases/1001"), "follow-up") | {"until": "at"}

    refused = browser.post("/cases/1001/follow-up", data=form | {"at": "2020-01-01T09:00"})
    assert refused.status_code == 409
    assert "is over; give a time that is to come" in words(refused)
    assert 'value="2020-01-01T09:00"' in refused.text
    assert console.desk.case(1001).follow_up_at is None

    browser.post("/cases/1001/follow-up", data=form | {"at": "2999-07-01T09:00"})
    assert console.desk.case(1001).follow_up_at == datetime(2999, 7, 1, 9, tzinfo=UTC)
    assert console.desk.case(1001).reason is Reason.IN_PROGRESS
