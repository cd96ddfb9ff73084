"""What the console shows: the list of cases, one case, mail that was not filed; and to whom."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

import kb.suggestions
from channels.journal import Arrived, keep
from channels.sandbox import Sandbox
from intake import clock, inbound, indexing, work
from intake.agents import Role
from intake.cases import Activity, ActivityKind, Case, Direction
from intake.db import new_id
from intake.inbound import Inbound, State
from intake.queues import QueueMember
from intake.threads import Arrival
from kb.articles import Article
from tests.console import Console, tree, words
from tests.desk import SUPPORT, DeskUnderTest, email

NOW = datetime.now(UTC).replace(microsecond=0)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def console(desk: DeskUnderTest, sandbox: Sandbox) -> Console:
    return Console(desk, sandbox)


def opened(console: Console, *arrivals: Arrival) -> list[Case]:
    """The cases these messages opened, which a worker has let be found."""
    cases = [receipt.case for receipt in console.desk.accepts(*arrivals) if receipt.case]
    with console.desk.transaction() as session:
        while indexing.catch_up(session):
            pass
    return cases


def numbers(text: str) -> list[int]:
    """The cases a page lists, in its order."""
    return [int(number) for number in re.findall(r'class="cover" href="/cases/(\d+)"', text)]


def test_the_list_begins_with_what_is_late_and_ends_with_what_waits_for_nothing(
    console: Console,
) -> None:
    console.desk.has_sla(first_response=timedelta(hours=4))
    browser = console.browser(console.desk.has_agent())
    soon, late, held = opened(
        console,
        email("ada@example.com", "Soon", at=NOW - timedelta(hours=1)),
        email("ada@example.com", "Late", at=NOW - timedelta(hours=6)),
        email("ada@example.com", "Held", at=NOW - timedelta(hours=7)),
    )
    luis = console.desk.principal("Luis")
    with console.desk.transaction() as session:
        work.hold(session, luis, held.id, at=NOW - timedelta(hours=5))
    with console.desk.transaction() as session:
        clock.tick(session, console.desk.settings, at=NOW)

    page = browser.get("/")

    assert numbers(page.text) == [late.number, soon.number, held.number]
    pattern = r"Late 1 .* 2 h (?:1 min )?late .* left .* No clock running 1 .* On hold"
    assert re.search(pattern, words(page))


def test_each_case_is_on_exactly_one_page_of_the_list(console: Console) -> None:
    console.desk.has_sla(first_response=timedelta(hours=4))
    browser = console.browser(console.desk.has_agent())
    # Twelve at each instant, so that pages break between cases of one deadline.
    cases = opened(
        console,
        *(email(f"a{i}@example.com", at=NOW + timedelta(minutes=i // 12)) for i in range(120)),
    )

    seen: list[int] = []
    page = browser.get("/")
    while True:
        seen += numbers(page.text)
        following = tree(page).xpath("//a[@rel='next']/@href")
        if not following:
            break
        page = browser.get(following[0])

    assert len(seen) == 120
    assert set(seen) == {case.number for case in cases}


@pytest.mark.parametrize(
    "query",
    [
        "after=x",
        "after=2026-01-01T00:00:00_x",
        "after=0001-01-01T00:00:00%2B14:00_00000000-0000-0000-0000-000000000000",
        "queue=x",
        "view=x",
        "after=%00",
    ],
)
def test_a_tampered_address_shows_the_list_from_its_beginning(console: Console, query: str) -> None:
    [case] = opened(console, email())
    browser = console.browser(console.desk.has_agent())

    page = browser.get(f"/?{query}")

    assert page.status_code == 200
    assert numbers(page.text) == [case.number]


def test_views_show_what_is_free_and_what_is_mine(console: Console) -> None:
    free, mine, hers = opened(
        console, email("a@example.com"), email("b@example.com"), email("c@example.com")
    )
    agent, other = console.desk.has_agent("Grace"), console.desk.has_agent("Luis")
    with console.desk.transaction() as session:
        work.pick(session, agent.principal("test"), mine.id, at=NOW)
        work.pick(session, other.principal("test"), hers.id, at=NOW)
    browser = console.browser(agent)

    assert numbers(browser.get("/?view=available").text) == [free.number]
    assert numbers(browser.get("/?view=mine").text) == [mine.number]
    assert "All open 3 Available 1 Mine 1" in words(browser.get("/"))


def test_a_view_is_shown_of_one_queue_of_mine_and_of_the_public_ones(console: Console) -> None:
    desk = console.desk
    agent = desk.has_agent("Grace")
    hardware = desk.has_queue("Hardware", address="hardware@desk.example", private=True)
    with desk.transaction() as session:
        session.add(QueueMember(queue_id=hardware.id, agent_id=agent.id))
    free, taken = opened(console, email("a@example.com"), email("b@example.com"))
    [inside] = opened(console, email("c@example.com", mailbox="hardware@desk.example"))
    with desk.transaction() as session:
        work.pick(session, agent.principal("test"), taken.id, at=NOW)
    browser = console.browser(agent)

    def shown(query: str) -> list[int]:
        return sorted(numbers(browser.get(f"/?{query}").text))

    assert shown(f"view=available&queue={desk.queue.id}") == [free.number]
    assert shown(f"view=mine&queue={hardware.id}") == []
    assert shown("view=available&scope=mine") == [inside.number]
    assert shown("scope=public") == [free.number, taken.number]
    page = browser.get("/?view=available&scope=mine")
    assert "/bulk?view=available&scope=mine" in page.text.replace("&amp;", "&")
    assert "Available in my queues" in words(
        browser.get("/bulk?view=available&scope=mine")
    ).replace("the view ", "")


@pytest.mark.parametrize("question", ["1001", "#1001"])
def test_a_search_for_a_number_leads_to_the_case(console: Console, question: str) -> None:
    opened(console, email())
    browser = console.browser(console.desk.has_agent())

    answer = browser.get("/", params={"q": question})

    assert answer.headers["location"] == "/cases/1001"


@pytest.mark.parametrize(
    ("question", "found"),
    [
        ("PRINTER", [1001]),
        ("100%", [1002]),
        ("%", []),
        ("wrng pritner", []),
        ("pritner", [1001]),
        ("_", []),
        ("bert", [1002]),
        ("example.com", [1001, 1002]),
        ("99999999999999999999", []),
        ("' OR 1=1 --", []),
        ("\\", []),
    ],
)
def test_a_search_takes_words_as_they_are(
    console: Console, question: str, found: list[int]
) -> None:
    console.desk.has_customer("ada@example.com")
    console.desk.has_customer("bert@example.com")
    opened(console, email("ada@example.com", "Printer"), email("bert@example.com", "100% wrong"))
    browser = console.browser(console.desk.has_agent())

    assert sorted(numbers(browser.get("/", params={"q": question}).text)) == found


def test_a_case_says_what_was_promised_what_is_covered_and_what_may_help(console: Console) -> None:
    console.desk.has_sla(first_response=timedelta(hours=4))
    console.desk.has_customer("ada@example.com", allotment=2)
    with console.desk.transaction() as session:
        article = Article(
            id=new_id(), number="KB-1", title="Printer shows offline", body="Hold the button.",
            keywords=["printer"], updated_at=NOW,
        )  # fmt: skip
        session.add(article)
    [case] = opened(console, email("ada@example.com", "Printer offline", at=NOW))
    with console.desk.transaction() as session:
        session.add(
            kb.suggestions.Suggestion(
                case_id=case.id, article_id=article.id, position=1, score=1.0,
                reason="title: “printer”", at=NOW,
            )
        )  # fmt: skip
    browser = console.browser(console.desk.has_agent())

    text = words(browser.get(f"/cases/{case.number}"))

    assert "First response" in text
    assert re.search(r"3 h 5\d min left|4 h left", text)
    assert "Support plan: 1 of 2 cases left." in text
    assert "In force active until" in text
    assert "Printer shows offline" in text
    assert "title: “printer”" in text
    assert "To ada@example.com" in text


def test_a_refused_entitlement_says_why(console: Console) -> None:
    console.desk.has_customer("ada@example.com", allotment=1)
    _first, second = opened(console, email("ada@example.com"), email("ada@example.com"))
    browser = console.browser(console.desk.has_agent())

    text = words(browser.get(f"/cases/{second.number}"))

    assert "Not covered" in text
    assert "Support plan: 0 of 1 case left" in text


def test_what_was_said_before_is_folded(console: Console) -> None:
    arrival = email("ada@example.com")
    message = arrival.message
    quoted = type(message)(
        **{
            **{name: getattr(message, name) for name in message.__slots__},
            "text": "New words.\n\n> Old words.",
            "new_text": "New words.",
        }
    )
    [case] = opened(console, Arrival(quoted, SUPPORT, NOW))
    browser = console.browser(console.desk.has_agent())

    page = tree(browser.get(f"/cases/{case.number}"))

    [shown] = page.xpath("//article/div[@class='text']")
    [folded] = page.xpath("//article/details[@class='history']/div")
    assert shown.text_content() == "New words."
    assert "Old words." in folded.text_content()
    assert page.xpath("//article/details/@open") == []


def test_an_article_is_put_into_the_answer_without_scripts(console: Console) -> None:
    with console.desk.transaction() as session:
        session.add(Article(number="KB-7", title="T", body="Hold it.", updated_at=NOW))
        session.add(
            Article(number="KB-8", title="T", body="Secret.", internal=True, updated_at=NOW)
        )
    [case] = opened(console, email())
    browser = console.browser(console.desk.has_agent())

    page = tree(browser.get(f"/cases/{case.number}?article=KB-7"))

    assert page.xpath("string(//textarea[@name='reply'])") == "Hold it.\n"
    assert page.xpath("string(//textarea[@name='note'])") == ""
    assert browser.get("/articles/KB-7").text == "Hold it.\n"
    assert browser.get(f"/cases/{case.number}?article=KB-8").status_code == 404
    assert browser.get("/articles/KB-8").status_code == 404


def test_a_page_that_asks_again_hears_only_what_is_new(console: Console) -> None:
    [case] = opened(console, email())
    browser = console.browser(console.desk.has_agent())
    page = tree(browser.get(f"/cases/{case.number}"))
    again = page.xpath("//*[@id='live']/@hx-get")[0]
    minute = again.rpartition("-")[2]

    unchanged = browser.get(again)
    luis = console.desk.principal("Luis")
    with console.desk.transaction() as session:
        work.note(session, luis, case.id, "News.", at=NOW)
    changed = browser.get(again)

    same_minute = int(datetime.now(UTC).timestamp()) // 60 == int(minute)
    assert unchanged.status_code == (204 if same_minute else 200)
    assert "News." in changed.text


def test_what_somebody_may_not_see_is_nowhere(console: Console, sandbox: Sandbox) -> None:
    luis, grace = console.desk.has_agent("Luis"), console.desk.has_agent("Grace")
    hidden = console.desk.has_queue("Vault", members=(luis,), address="vault@desk.example")
    raw = (
        b"From: ada@example.com\r\nTo: vault@desk.example\r\nSubject: CANARY\r\n"
        b"Message-ID: <c@example.com>\r\nMIME-Version: 1.0\r\n"
        b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n'
        b"--b\r\nContent-Type: text/html\r\n\r\n<p>CANARY</p>\r\n"
        b"--b\r\nContent-Type: text/plain\r\nContent-Disposition: attachment; filename=canary.txt"
        b"\r\n\r\nCANARY\r\n--b--\r\n"
    )
    keep(console.desk.db, [Arrived("email", "vault@desk.example", raw, {}, NOW)])
    console.house.reception.file(at=NOW)
    opened(console, email("ada@example.com", "Another"))
    [secret] = [case for case in console.desk.all(Case) if case.queue_id == hidden.id]
    [activity] = [a for a in console.desk.all(Activity) if a.case_id == secret.id]
    with console.desk.db.reading() as session:
        [file] = session.get_one(Activity, activity.id).attachments
    places = [
        "/", "/?view=available", f"/?queue={hidden.id}", "/?q=CAN", f"/?q={secret.number}",
        f"/cases/{secret.number}", "/cases/1002", f"/cases/{secret.number}?pulse=x",
        f"/activities/{activity.id}/html", f"/attachments/{file.id}",
    ]  # fmt: skip

    for_grace = [console.browser(grace).get(place) for place in places]
    for_luis = [console.browser(luis).get(place) for place in places]

    assert not any(re.search("canary|vault", page.text, re.I) for page in for_grace)
    assert [page.status_code for page in for_grace[5:6] + for_grace[7:]] == [404] * 4
    assert console.browser(grace).post(f"/cases/{secret.number}/take").status_code == 404
    # The same places show it to a member, so that the test could have failed.
    assert sum("CANARY" in page.text for page in for_luis) >= 7


def test_a_reader_sees_the_case_and_no_way_to_change_it(console: Console) -> None:
    [case] = opened(console, email())
    browser = console.browser(console.desk.has_agent("Rita", Role.READ_ONLY))

    page = browser.get(f"/cases/{case.number}")
    answer = browser.post(f"/cases/{case.number}/take", data={"version": "1"})

    forms = [form.action for form in tree(page).forms]
    assert "It does not print." in page.text
    assert forms == ["/", "/sign-out"]
    assert answer.status_code == 403
    assert "may not work here" in answer.text
    assert console.changed(case).owner_id is None


def test_the_list_asks_few_questions_however_long_it_is(console: Console) -> None:
    console.desk.has_sla(resolve_by=timedelta(hours=8))
    for i in range(60):
        console.desk.has_customer(f"ada@company{i}.example", allotment=3)
    opened(console, *(email(f"ada@company{i}.example", at=NOW) for i in range(60)))
    browser = console.browser(console.desk.has_agent("Marta", Role.MANAGER))
    browser.get("/")

    with console.counts_statements() as statements:
        page = browser.get("/")

    assert len(numbers(page.text)) == 50
    assert len(statements) <= 12


def test_a_case_asks_few_questions_however_long_its_story_is(console: Console) -> None:
    console.desk.has_sla(resolve_by=timedelta(hours=8))
    console.desk.has_customer("ada@example.com", allotment=9)
    case, *_others = opened(console, *(email("ada@example.com", at=NOW) for _ in range(5)))
    luis = console.desk.principal("Luis")
    with console.desk.transaction() as session:
        for i in range(30):
            work.note(session, luis, case.id, f"note {i}", at=NOW)
            work.reply(session, luis, case.id, f"r {i}", desk=console.desk.settings, at=NOW)
    browser = console.browser(console.desk.has_agent("Marta", Role.MANAGER))

    with console.counts_statements() as statements:
        page = browser.get(f"/cases/{case.number}")

    assert "note 29" in page.text
    assert len(statements) <= 48


def test_a_story_without_end_shows_its_latest_chapters(console: Console) -> None:
    [case] = opened(console, email(at=NOW))
    with console.desk.transaction() as session:
        session.add_all(
            Activity(
                case_id=case.id, kind=ActivityKind.NOTE, direction=Direction.INTERNAL,
                at=NOW + timedelta(seconds=i), text=f"note {i}.", new_text=f"note {i}.",
            )
            for i in range(300)
        )  # fmt: skip
    browser = console.browser(console.desk.has_agent())

    page = browser.get(f"/cases/{case.number}")

    assert "note 299." in page.text
    assert "note 5." not in page.text
    assert "Only the latest messages are shown." in page.text


def test_managers_find_what_could_not_be_filed_and_try_it_again(console: Console) -> None:
    raw = b"From: x\r\n\r\n<script>alert(1)</script>"
    envelope = {"mail_from": "eve@evil.example"}
    [kept] = keep(console.desk.db, [Arrived("email", SUPPORT, raw, envelope, NOW)])
    with console.desk.transaction() as session:
        inbound.quarantine(session.get_one(Inbound, kept), "unreadable: it crashed the reader")
    manager = console.browser(console.desk.has_agent("Marta", Role.MANAGER))
    agent = console.browser(console.desk.has_agent("Grace"))

    page = words(manager.get("/inbound"))
    file = manager.get(f"/inbound/{kept}/raw")
    refused = [agent.get("/inbound"), agent.get(f"/inbound/{kept}/raw")]
    refused.append(agent.post(f"/inbound/{kept}/retry"))
    still = console.desk.all(Inbound)[0].state
    again = manager.post(f"/inbound/{kept}/retry")

    assert "Unreadable: it crashed the reader" in page
    assert "from eve@evil.example" in page
    assert (file.content, file.headers["content-type"]) == (raw, "application/octet-stream")
    assert file.headers["content-disposition"].startswith("attachment; ")
    assert [answer.status_code for answer in refused] == [403, 403, 403]
    assert "Unfiled mail" not in agent.get("/").text
    assert still is State.QUARANTINED
    assert again.status_code == 303
    assert console.desk.all(Inbound)[0].state is State.PENDING


def test_a_message_that_waits_is_not_tried_again_and_a_filed_one_not_handed_out(
    console: Console,
) -> None:
    raw = b"From: a@example.com\r\nMessage-ID: <1@x>\r\n\r\nhello"
    [kept] = keep(console.desk.db, [Arrived("email", SUPPORT, raw, {}, NOW)])
    manager = console.browser(console.desk.has_agent("Marta", Role.MANAGER))

    waiting = manager.post(f"/inbound/{kept}/retry")
    console.house.reception.file(at=NOW)
    filed = manager.get(f"/inbound/{kept}/raw")

    assert waiting.status_code == 422
    assert "pending, not quarantined" in waiting.text
    assert filed.status_code == 404


def test_an_unknown_page_says_so(console: Console) -> None:
    answer = console.stranger().get("/no/such/page")

    assert answer.status_code == 404
    assert "There is no such page" in answer.text
