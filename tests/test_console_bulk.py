"""Many cases ticked in the list, looked at, changed and put back, by forms alone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from starlette.testclient import TestClient

from channels.sandbox import Sandbox
from intake import clock
from intake.agents import Role
from intake.bulk import BulkOperation
from intake.cases import Case, Priority, Severity
from intake.db import Database
from tests.console import Console, filled_in, tree, words
from tests.desk import DeskUnderTest, email

NOW = datetime.now(UTC).replace(microsecond=0)


@pytest.fixture
def console(sqlite_url: str) -> Iterator[Console]:
    with Sandbox() as sandbox:
        db = Database(sqlite_url)
        console = Console(DeskUnderTest(db), sandbox)
        console.desk.accepts(*(email(f"c{n}@example.com", f"Case {n}", at=NOW) for n in range(4)))
        yield console
        db.close()


@pytest.fixture
def browser(console: Console) -> TestClient:
    return console.browser(console.desk.has_agent("Grace"))


def work(console: Console) -> None:
    with console.desk.transaction() as session:
        clock.tick(session, console.desk.settings, at=datetime.now(UTC))


def pressing(console: Console) -> list[int]:
    cases = sorted(console.desk.all(Case), key=lambda case: case.number)
    return [case.number for case in cases if case.priority is Priority.HIGH]


def test_ticked_cases_are_changed_after_a_look_and_put_back(
    console: Console, browser: TestClient
) -> None:
    ticks = tree(browser.get("/")).xpath("//input[@class='pick']/@value")
    assert sorted(ticks) == ["1001", "1002", "1003", "1004"]

    chosen = browser.get("/bulk?case=1001&case=1003")
    assert "Change 2 cases" in words(chosen)
    seen = browser.get("/bulk?cases=1001 1003&what=prioritise&priority=high")
    assert "Make the priority high: 2 of 2" in words(seen)
    assert pressing(console) == []
    started = browser.post("/bulk", data=filled_in(seen, "bulk"))

    page = started.headers["location"]
    assert "2 to come" in words(browser.get(page))
    work(console)
    done = browser.get(page)
    assert "2 changed" in words(done)
    assert pressing(console) == [1001, 1003]

    browser.post(f"{page}/undo")
    work(console)
    assert "2 put back" in words(browser.get(page))
    assert pressing(console) == []


def test_all_of_a_list_are_chosen_at_once(console: Console, browser: TestClient) -> None:
    [everything] = tree(browser.get("/")).xpath("//form[@id='picked']//a/@href")

    seen = browser.get(f"{everything}&what=prioritise&priority=high")
    browser.post("/bulk", data=filled_in(seen, "bulk"))
    work(console)

    assert pressing(console) == [1001, 1002, 1003, 1004]


def test_all_of_a_saved_view_and_of_a_search_are_chosen_and_their_fields_changed(
    console: Console, browser: TestClient
) -> None:
    add = browser.post("/views/new", data={
        "name": "Late ones", "column.number": "on", "order": "opened", "sharing": "private",
        "when.join": "all", "when.0.field": "subject", "when.0.op": "contains",
        "when.0.value": "2",
    })  # fmt: skip
    viewed = browser.get(add.headers["location"])
    [of_view] = tree(viewed).xpath("//form[@id='picked']//a/@href")
    [of_search] = tree(browser.get("/?q=Case+3")).xpath("//form[@id='picked']//a/@href")
    assert tree(viewed).xpath("//input[@class='pick']/@value") == ["1003"]

    for chosen, named in ((of_view, "the view Late ones"), (of_search, "what “Case 3” finds")):
        seen = browser.get(f"{chosen}&what=change&f.severity=major&f.priority=")
        assert named in words(seen)
        assert "Set severity to major: 1 of 1" in words(seen)
        browser.post("/bulk", data=filled_in(seen, "bulk"))
        work(console)

    major = [case.number for case in console.desk.all(Case) if case.severity is Severity.MAJOR]
    assert sorted(major) == [1003, 1004]


def test_what_came_to_a_list_since_it_was_looked_at_is_not_changed_unseen(
    console: Console, browser: TestClient
) -> None:
    seen = browser.get("/bulk?view=all&what=prioritise&priority=high")
    console.desk.accepts(email("late@example.com", "One more", at=NOW))

    posted = browser.post("/bulk", data=filled_in(seen, "bulk"))

    assert posted.status_code == 409
    assert "there are 5 by now, not 4; look again" in words(posted)
    assert console.desk.count(BulkOperation) == 0


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("/bulk?cases=1001&what=tag", "tags: name one or more"),
        ("/bulk?cases=1001&what=fire", "what: choose one"),
        ("/bulk?cases=1001&what=change", "fields: choose what to change"),
        ("/bulk?what=resolve", "cases: choose one or more"),
        ("/bulk?cases=4711&what=resolve", "cases: choose one or more"),
    ],
)
def test_what_cannot_be_meant_is_said_and_starts_nothing(
    console: Console, browser: TestClient, address: str, why: str
) -> None:
    shown = browser.get(address)
    form = dict(pair.split("=") for pair in address.partition("?")[2].split("&"))
    posted = browser.post("/bulk", data=form)

    assert (shown.status_code, posted.status_code) == (409, 409)
    assert why in words(shown)
    assert why in words(posted)
    assert console.desk.count(BulkOperation) == 0


def test_cancelled_cases_are_put_back(console: Console, browser: TestClient) -> None:
    seen = browser.get("/bulk?cases=1001&what=cancel&why=Spam")
    page = browser.post("/bulk", data=filled_in(seen, "bulk")).headers["location"]
    work(console)
    assert not console.desk.case(1001).open

    browser.post(f"{page}/undo")
    work(console)

    assert console.desk.case(1001).open
    assert "put it back as it was" in words(browser.get("/cases/1001"))


def test_others_and_readers_find_nothing_to_tick_and_no_progress(
    console: Console, browser: TestClient
) -> None:
    seen = browser.get("/bulk?cases=1001&what=cancel&why=Spam")
    page = browser.post("/bulk", data=filled_in(seen, "bulk")).headers["location"]
    reader = console.browser(console.desk.has_agent("Rita", Role.READ_ONLY))
    manager = console.browser(console.desk.has_agent("Marta", Role.MANAGER))

    assert "pick" not in reader.get("/").text
    assert reader.get("/bulk?cases=1001").status_code == 403
    assert reader.get(page).status_code == 404
    assert manager.get(page).status_code == 200
