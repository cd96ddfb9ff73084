"""A desk calls a case what it likes, in every text; only names for programs stay."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from channels.sandbox import Sandbox
from intake import nouns, work
from intake.agents import Role
from intake.cases import NotOpen
from intake.events import Delivery
from intake.messages import Outgoing
from intake.nouns import Noun, noun
from intake.settings import WrongSettings, load
from tests.console import Console, tree, words
from tests.desk import NOON, DeskUnderTest, email

CASE = re.compile(r"\bcases?\b(?!\.)", re.I)  # case.resolved is a name for programs
PAGES = (
    *("/", "/?view=mine", "/cases/1001", "/cases/1001/fields", "/cases/1001/history"),
    *("/fields", "/fields/tags", "/fields/custom", "/fields/custom/new", "/fields/checklists"),
    *("/fields/reasons", "/customers", "/reports", "/routing", "/slas", "/calendars"),
    *("/activities", "/inbound", "/webhooks", "/views/new", "/contracts", "/products"),
)


@pytest.fixture
def called() -> Iterator[None]:
    """Back to the usual word after the test."""
    yield
    nouns.use("case")


def shown(console: Console, pages: tuple[str, ...]) -> dict[str, str]:
    """What people read on each page, names of fields and hints included."""
    browser = console.browser(console.desk.has_agent("Ada", Role.ADMINISTRATOR))
    found = {}
    for page in pages:
        answer = browser.get(page)
        assert answer.status_code == 200, page
        said = tree(answer).xpath("//@aria-label | //@placeholder | //@title")
        found[page] = " ".join([words(answer), *map(str, said)])
    return found


def _around(text: str) -> list[str]:
    return [text[max(0, m.start() - 30) : m.end() + 30] for m in CASE.finditer(text)]


@pytest.mark.parametrize("word", ["case", "incident"])
def test_every_page_says_the_word_of_the_desk(desk: DeskUnderTest, called: None, word: str) -> None:
    desk.has_sla()
    [receipt] = desk.accepts(email())
    assert receipt.case
    luis = desk.principal("Luis")
    with desk.transaction() as session:
        work.pick(session, luis, receipt.case.id, at=NOON)
    console = Console(desk, Sandbox())
    nouns.use(word)

    said = shown(console, PAGES)

    assert f"Luis took the {word} " in said["/cases/1001"]
    otherwise = {page: _around(text) for page, text in said.items() if CASE.search(text)}
    if word == "case":
        assert {"/", "/cases/1001"} <= otherwise.keys()
    else:
        assert otherwise == {}


def test_mails_and_refusals_say_the_word_of_the_desk(desk: DeskUnderTest, called: None) -> None:
    nouns.use("incident")
    grace = desk.principal("Grace")
    receipts = desk.accepts(
        email("ada@example.com", language="es"), email("bob@example.com", language="en")
    )
    mails = [Outgoing.from_json(delivery.payload) for delivery in desk.all(Delivery)]
    [case, _] = [receipt.case for receipt in receipts]
    assert case
    with desk.transaction() as session:
        work.resolve(session, grace, case.id, "ok", desk=desk.settings, at=NOON)
        with pytest.raises(NotOpen, match=r"^incident 1001 is resolved; reopen it first$"):
            work.hold(session, grace, case.id, at=NOON)

    assert {mail.subject for mail in mails} == {
        "Incidencia 1001: hemos recibido su mensaje",
        "Incident 1002: we have your message",
    }
    assert any("abierto la incidencia 1001" in mail.text for mail in mails)


@pytest.mark.parametrize(
    ("word", "forms"),
    [
        ("case", ("case", "cases", "Case", "Cases", "a case", "A case")),
        (
            "incident",
            ("incident", "incidents", "Incident", "Incidents", "an incident", "An incident"),
        ),
    ],
)
def test_the_forms_of_the_word(word: str, forms: tuple[str, ...]) -> None:
    said = Noun(word)

    assert (str(said), said.many, said.One, said.Many, said.a, said.A) == forms
    assert said.fill("{A_noun} of {nouns} {x}") == f"{said.A} of {said.many} {{x}}"


def test_the_word_is_one_of_four(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DESKBELL_NOUN", "problem")

    with pytest.raises(WrongSettings, match="noun"):
        load()
    assert str(noun) == "case"
