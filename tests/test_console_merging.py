"""Cases merged and parted, messages split off and moved, by the forms of the console alone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from uuid import UUID

import pytest
from starlette.testclient import TestClient

from channels.sandbox import Sandbox
from intake.agents import Role
from intake.cases import Reason
from intake.db import Database
from intake.merging import MessageMove
from tests.console import Console, filled_in, words
from tests.desk import DeskUnderTest, email

NOW = datetime.now(UTC).replace(microsecond=0)


@pytest.fixture
def console(sqlite_url: str) -> Iterator[Console]:
    """A desk with two cases of Ada, the first with two messages, and one of Bob."""
    with Sandbox() as sandbox:
        db = Database(sqlite_url)
        console = Console(DeskUnderTest(db), sandbox)
        console.desk.has_customer("ada@example.com", allotment=9)
        asked = email(message_id="a@x", at=NOW), email(subject="Still offline", at=NOW)
        console.desk.accepts(*asked, email("bob@other.example", "The same", at=NOW))
        console.desk.accepts(email(text="Another matter.", in_reply_to="a@x", at=NOW))
        yield console
        db.close()


@pytest.fixture
def browser(console: Console) -> TestClient:
    return console.browser(console.desk.has_agent("Grace"))


def message(console: Console, number: int, place: int) -> UUID:
    return console.desk.activities(console.desk.case(number))[place].id


def test_a_merge_shows_what_would_move_and_then_moves_it(
    console: Console, browser: TestClient
) -> None:
    offered = words(browser.get("/cases/1001/merge"))
    assert "1002 Still offline Ada" in offered
    assert "Merge 1003" not in offered

    page = browser.get("/cases/1001/merge?with=1002&also=1003")
    assert "Goes on 1001 Printer offline" in words(page)
    assert "bob@other.example may write to the case that goes on" in words(page)
    assert "Its term goes back to Support plan" in words(page)
    assert console.desk.case(1002).open, "nothing is done yet"
    done = browser.post("/cases/1001/merge", data=filled_in(page, "merge"))

    assert (done.status_code, done.headers["location"]) == (303, "/cases/1001")
    assert [console.desk.case(n).reason for n in (1002, 1003)] == [Reason.MERGED] * 2
    assert "Grace merged 1002, 1003 into this case" in words(browser.get("/cases/1001"))
    assert "goes on in 1001 Printer offline" in words(browser.get("/cases/1002"))


def test_another_survivor_may_be_chosen(console: Console, browser: TestClient) -> None:
    page = browser.get("/cases/1001/merge?with=1002&survivor=1002")
    assert "Goes on 1002 Still offline" in words(page)

    done = browser.post("/cases/1001/merge", data=filled_in(page, "merge"))

    assert done.headers["location"] == "/cases/1002"
    assert console.desk.case(1001).reason is Reason.MERGED


def test_a_merge_is_undone_from_either_of_its_cases(console: Console, browser: TestClient) -> None:
    page = browser.get("/cases/1001/merge?with=1002 1003")
    browser.post("/cases/1001/merge", data=filled_in(page, "merge"))

    survivor = browser.get("/cases/1001")
    browser.post("/cases/1003/unmerge", data=filled_in(survivor, "unmerge"))
    browser.post("/cases/1002/unmerge", data=filled_in(browser.get("/cases/1002"), "unmerge"))

    assert [console.desk.case(n).open for n in (1002, 1003)] == [True, True]


def test_a_merge_that_cannot_be_says_why_and_keeps_what_was_chosen(
    console: Console, browser: TestClient
) -> None:
    none = browser.get("/cases/1001/merge?also=4711")
    assert "there is no case 4711" in words(none)
    assert 'value="4711 "' in none.text

    form = {"survivor": "1001", "sources": "4711"}
    refused = browser.post("/cases/1001/merge", data=form)

    assert refused.status_code == 409
    assert "there is no case 4711" in words(refused)


def test_a_message_is_split_off_and_put_back(console: Console, browser: TestClient) -> None:
    page = browser.get(f"/activities/{message(console, 1001, 1)}/move")
    assert "Another matter." in words(page)

    done = browser.post(
        f"/activities/{message(console, 1001, 1)}/split",
        data=filled_in(page, "split") | {"subject": "Apart"},
    )
    assert done.headers["location"] == "/cases/1004"
    assert console.desk.case(1004).subject == "Apart"
    [move] = console.desk.all(MessageMove)
    assert "a message of Ada was split off" in words(browser.get("/cases/1001"))

    browser.post(f"/moves/{move.id}/undo")
    assert len(console.desk.activities(console.desk.case(1001))) == 2


def test_a_message_is_moved_and_one_that_may_not_go_says_why(
    console: Console, browser: TestClient
) -> None:
    going, staying = message(console, 1001, 1), message(console, 1003, 0)

    moved = browser.post(f"/activities/{going}/move", data={"to": "#1003"})
    refused = browser.post(f"/activities/{staying}/move", data={"to": "1002"})
    unsaid = browser.post(f"/activities/{going}/move", data={})

    assert moved.headers["location"] == f"/cases/1003#a-{going}"
    assert unsaid.status_code == 409
    assert "give its number" in words(unsaid)
    assert refused.status_code == 303, "it is not the only message of its case any more"


def test_the_only_message_of_a_case_stays(console: Console, browser: TestClient) -> None:
    refused = browser.post(f"/activities/{message(console, 1003, 0)}/move", data={"to": "1001"})

    assert refused.status_code == 409
    assert "it is the only message of case 1003; merge the case instead" in words(refused)


def test_who_may_not_work_finds_no_way_to_merge(console: Console) -> None:
    browser = console.browser(console.desk.has_agent("Rita", Role.READ_ONLY))

    assert "Merge with other cases" not in browser.get("/cases/1001").text
    assert browser.get("/cases/1001/merge").status_code == 403
    assert browser.post("/cases/1001/merge", data={"survivor": "1001"}).status_code == 403
