"""Past cases like this one, and how each was solved, on both databases."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from channels.sandbox import Sandbox
from intake import work
from intake.agents import Principal
from intake.cases import Case
from intake.db import Database
from kb import similar
from kb.similar import Similar
from tests.console import Console, words
from tests.desk import NOON, DeskUnderTest, email
from tests.office import Office
from tests.test_search import index, opened


@pytest.fixture
def grace(desk: DeskUnderTest) -> Principal:
    return desk.principal("Grace")


def solved(desk: DeskUnderTest, by: Principal, how: str, **fields: str) -> Case:
    case = opened(desk, **fields)
    with desk.transaction() as session:
        work.resolve(session, by, case.id, how, desk=desk.settings, at=NOON)
    return case


def like(desk: DeskUnderTest, by: Principal, case: Case, **how: int) -> list[Similar]:
    index(desk)
    with desk.db.reading() as session:
        return similar.similar(session, by, case, **how)


def test_the_most_alike_come_first_with_what_solved_them(
    desk: DeskUnderTest, grace: Principal
) -> None:
    solved(desk, grace, "Asked for the invoice.", subject="Invoice of May", text="Send it again.")
    some = solved(desk, grace, "Restarted it.", subject="Printer jams", text="Paper everywhere.")
    best = solved(
        desk, grace, "Cleaned the drum.", subject="Printers smear", text="The toner smears."
    )
    case = opened(desk, subject="Our printer smears", text="Hello,\nthe toner comes off the paper.")

    found = like(desk, grace, case)

    assert [one.case.number for one in found] == [best.number, some.number]
    assert found[0].resolution == "Cleaned the drum."
    assert "smears" in found[0].reason
    assert found[0].score > found[1].score


def test_open_cases_and_the_case_itself_are_no_past_cases(
    desk: DeskUnderTest, grace: Principal
) -> None:
    opened(desk, subject="Printer smears")
    mine = solved(desk, grace, "Cleaned.", subject="Printer smears")

    assert like(desk, grace, mine) == []


def test_nothing_of_a_case_that_one_may_not_see_is_shown(
    desk: DeskUnderTest, grace: Principal
) -> None:
    mary = desk.has_agent("Mary")
    desk.has_queue("Board", members=(mary,), address="board@desk.example")
    member = mary.principal("test")
    fields = {"subject": "Printer smears", "mailbox": "board@desk.example"}
    solved(desk, member, "The secret.", **fields)
    case = opened(desk, subject="Printer smears")

    assert like(desk, grace, case) == []
    assert len(like(desk, member, case)) == 1


@pytest.mark.parametrize("subject", ["", "the and of", "'\"*() OR NEAR", "123 456", "é́", "x" * 400])
def test_a_case_that_says_little_is_like_none(
    desk: DeskUnderTest, grace: Principal, subject: str
) -> None:
    solved(desk, grace, "Cleaned.", subject="Printer smears", text="Toner.")
    case = opened(desk, subject=subject, text="")

    assert like(desk, grace, case) == []


def test_at_most_ten_are_shown_and_no_more_than_asked_for(
    desk: DeskUnderTest, grace: Principal
) -> None:
    for _ in range(12):
        solved(desk, grace, "Cleaned.", subject="Printer smears")
    case = opened(desk, subject="Printer smears")

    assert len(like(desk, grace, case, first=99)) == similar.MOST
    assert len(like(desk, grace, case, first=2)) == 2


def test_similar_cases_by_graphql(desk: DeskUnderTest) -> None:
    agent = desk.has_agent("Luis")
    solved(desk, agent.principal("test"), "Cleaned the drum.", subject="Printer smears")
    opened(desk, subject="Printer smears again")
    index(desk)

    [found] = Office(desk).asks(
        "{ similarCases(caseNumber: 1002) { case { number } reason resolution } }", by=agent
    )["similarCases"]

    assert found["case"] == {"number": 1001}
    assert found["resolution"] == "Cleaned the drum."


@pytest.fixture
def console(sqlite_url: str) -> Iterator[Console]:
    with Sandbox() as sandbox:
        db = Database(sqlite_url)
        yield Console(DeskUnderTest(db), sandbox)
        db.close()


def test_they_stand_beside_the_case_once_it_has_loaded(console: Console) -> None:
    agent = console.desk.has_agent("Luis")
    solved(console.desk, agent.principal("test"), "Cleaned the drum.", subject="Printer smears")
    console.desk.accepts(email(subject="Printer smears again"))
    index(console.desk)
    browser = console.browser(agent)

    part = browser.get("/cases/1002/similar", headers={"HX-Request": "true"})

    assert "Look for them" in words(browser.get("/cases/1002")), "a link, without scripts"
    assert "<html" not in part.text
    assert "Cleaned the drum." in part.text
    assert "Cleaned the drum." in words(browser.get("/cases/1002/similar"))
