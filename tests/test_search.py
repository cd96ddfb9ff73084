"""Finding cases by what anybody remembers of them, on both databases alike."""

from __future__ import annotations

import itertools
import random
import threading
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import delete, select, update

from intake import indexing, merging, search
from intake.agents import Kind, Principal, Role
from intake.cases import Case
from intake.customers import Account, Contact
from intake.messages import Attachment
from intake.search import By
from tests.desk import NOON, DeskUnderTest, email


@pytest.fixture
def grace(desk: DeskUnderTest) -> Principal:
    return desk.principal("Grace")


def opened(desk: DeskUnderTest, sender: str = "ada@example.com", **fields: Any) -> Case:
    [receipt] = desk.accepts(email(sender, **fields))
    assert receipt.case is not None
    return receipt.case


def index(desk: DeskUnderTest) -> None:
    """Let everything that waits be found, as the worker does."""
    with desk.transaction() as session:
        while indexing.catch_up(session):
            pass


def found(desk: DeskUnderTest, by: Principal, question: str, **how: Any) -> list[int]:
    index(desk)
    with desk.db.reading() as session:
        return [hit.case.number for hit in search.search(session, by, question, **how)]


@pytest.mark.parametrize(
    "question",
    ["toner", "TONER", "prin", "drum office", "zoë", "zoe", "zoe@sub-shop.example", "sub-shop",
     "Café", "cafe", "error.log", "contraseña", "contrasena", "#1001", "1001", "E_4711/b",
     "toner zoe", "日本語"],
)  # fmt: skip
def test_a_case_is_found_by_what_was_said_and_by_whom(
    desk: DeskUnderTest, grace: Principal, question: str
) -> None:
    case = opened(
        desk,
        "zoë@sub-shop.example",
        subject="Printer drum",
        text="In the office at Café Central: toner is low, error E_4711/b. Contraseña. 日本語",
        attachments=(Attachment(1, "Error.log", "text/plain", 10, "0" * 64),),
    )
    opened(desk, "bob@example.com", subject="Invoice", text="Please send it again.")
    with desk.transaction() as session:
        session.execute(update(Contact).where(Contact.id == case.contact_id).values(name="Zoë"))

    assert found(desk, grace, question) == [case.number]


def test_every_word_has_to_be_somewhere_in_the_case(desk: DeskUnderTest, grace: Principal) -> None:
    opened(desk, subject="Printer", text="The toner is low.")
    opened(desk, subject="Printer", text="It burns.")

    assert found(desk, grace, "printer") == [1002, 1001]
    assert found(desk, grace, "printer toner") == [1001]
    assert found(desk, grace, "printer toner burns") == []


WORDS_SAID = ("alpha", "bravo", "cedar", "delta", "eagle")


@pytest.mark.parametrize("few", [False, True], ids=["as it is", "of too many texts"])
def test_what_is_found_has_all_the_words_and_all_that_has_them_is_found(
    desk: DeskUnderTest, grace: Principal, monkeypatch: pytest.MonkeyPatch, few: bool
) -> None:
    if few:
        monkeypatch.setattr(search.entries, "ENTRIES", 3)
        monkeypatch.setattr(search.candidates, "OF_EACH", 2)
    chance = random.Random(5)
    said: dict[int, set[str]] = {}
    names = dict(zip(("ada", "bob", "eve"), chance.sample(WORDS_SAID, 3), strict=True))
    for number in range(1001, 1031):
        subject, text = chance.sample(WORDS_SAID, 1), chance.sample(WORDS_SAID, 2)
        who = chance.choice(list(names))
        opened(desk, f"{who}@example.com", subject=subject[0], text=" ".join(text))
        said[number] = {*subject, *text, names[who]}
    with desk.transaction() as session:
        for contact in session.scalars(select(Contact)):
            contact.name = names[contact.name.lower()[:3]]

    index(desk)

    with desk.db.reading() as session:
        for words in (
            *itertools.permutations(WORDS_SAID, 2),
            *itertools.combinations(WORDS_SAID, 3),
        ):
            wanted = {number for number, has in said.items() if has >= set(words)}
            hits = {
                hit.case.number for hit in search.search(session, grace, " ".join(words), first=50)
            }
            assert hits <= wanted if few else hits == wanted, words
        assert search.search(session, grace, WORDS_SAID[0])


def test_only_the_last_word_may_be_unfinished(desk: DeskUnderTest, grace: Principal) -> None:
    opened(desk, subject="Printer offline")

    assert found(desk, grace, "printer offl") == [1001]
    assert found(desk, grace, "offline prin") == [1001]
    assert found(desk, grace, "prin offline and on") == []


def test_resolved_cases_are_found_and_the_subject_tells_more_than_a_message(
    desk: DeskUnderTest, grace: Principal
) -> None:
    opened(desk, subject="Scanner", text="Nothing else.")
    opened(desk, subject="Invoice", text="For the scanner.", at=NOON + timedelta(hours=1))
    with desk.transaction() as session:
        session.execute(update(Case).where(Case.number == 1001).values(state="resolved"))

    assert found(desk, grace, "scanner") == [1001, 1002]


def test_the_case_of_that_number_comes_before_those_that_mention_it(
    desk: DeskUnderTest, grace: Principal
) -> None:
    first = opened(desk, subject="Invoice")
    opened(desk, subject=f"About case {first.number}")

    assert found(desk, grace, f"#{first.number}") == [1001, 1002]
    assert found(desk, grace, "99999999999999999999") == []


def test_a_slip_of_the_pen_finds_what_was_meant(desk: DeskUnderTest, grace: Principal) -> None:
    opened(desk, subject="Printer offline")
    opened(desk, subject="Invoice")
    index(desk)

    with desk.db.reading() as session:
        [hit] = search.search(session, grace, "pritner ofline")
        assert (hit.case.number, hit.by) == (1001, By.SPELLING)
        assert search.search(session, grace, "pritner holiday") == []
        assert search.search(session, grace, "spaceship") == []


@pytest.mark.parametrize("typed", ["lovelcae", "babage", "Lovlace Babbagge"])
def test_a_slip_in_a_name_finds_the_customers_cases(
    desk: DeskUnderTest, grace: Principal, typed: str
) -> None:
    desk.has_customer("ada@example.com")
    case = opened(desk, subject="Engine")
    opened(desk, "bob@other.example", subject="Invoice")
    with desk.transaction() as session:
        session.execute(
            update(Contact).where(Contact.id == case.contact_id).values(name="Ada Lovelace")
        )
        session.execute(update(Account).values(name="Babbage Ltd"))
    index(desk)

    with desk.db.reading() as session:
        [hit] = search.search(session, grace, typed)

    assert (hit.case.id, hit.by) == (case.id, By.SPELLING)


@pytest.mark.parametrize("typed", ["1010", "#1101", "10001", "2001", "1002"])
def test_a_slip_in_a_number_finds_the_case_that_may_be_meant(
    desk: DeskUnderTest, grace: Principal, typed: str
) -> None:
    case = opened(desk, subject="Printer offline")
    index(desk)

    with desk.db.reading() as session:
        [hit] = search.search(session, grace, typed)
        assert (hit.case.id, hit.by) == (case.id, By.SPELLING)
        assert [hit.by for hit in search.search(session, grace, "1001")] == [By.NUMBER]
        assert search.search(session, grace, "1234") == []


def test_words_change_with_what_they_are_words_of(desk: DeskUnderTest, grace: Principal) -> None:
    case = opened(desk, "ada@example.com")
    assert found(desk, grace, "lovelace") == []

    with desk.transaction() as session:
        account = Account(name="Babbage Ltd", created_at=NOON)
        session.add(account)
        session.flush()
        session.execute(update(Contact).values(name="Lovelace"))
        session.execute(update(Case).values(subject="Engine", account_id=account.id))

    assert found(desk, grace, "lovelace babbage engine") == [case.number]
    with desk.transaction() as session:
        session.execute(update(Account).values(name="Analytical"))
    assert found(desk, grace, "babbage") == []
    assert found(desk, grace, "analytical") == [case.number]
    with desk.transaction() as session:
        session.execute(update(Case).values(account_id=None))
        session.execute(delete(Account))
    assert found(desk, grace, "analytical") == []


def test_a_message_is_found_in_the_case_it_was_moved_to(
    desk: DeskUnderTest, grace: Principal
) -> None:
    survivor = opened(desk, subject="One")
    source = opened(desk, subject="Other", text="The flux capacitor.")
    assert found(desk, grace, "capacitor") == [source.number]

    with desk.transaction() as session:
        merging.merge(session, grace, survivor.id, [source.id], desk=desk.settings, at=NOON)

    assert found(desk, grace, "capacitor") == [survivor.number]


@pytest.mark.parametrize("question", ["secret", "secrte", "1001", "plans", "eve", "board.txt"])
def test_nothing_of_a_case_that_one_may_not_see_is_found(
    desk: DeskUnderTest, grace: Principal, question: str
) -> None:
    mary = desk.has_agent("Mary")
    desk.has_queue("Board", members=(mary,), address="board@desk.example")
    hidden = opened(
        desk, "eve@example.com", subject="Secret", text="The plans.", mailbox="board@desk.example",
        attachments=(Attachment(1, "board.txt", "text/plain", 10, "0" * 64),),
    )  # fmt: skip
    desk.has_customer("ada@other.example")
    nobody = Principal(Kind.CUSTOMER, None, "somebody")

    assert found(desk, grace, question) == []
    assert found(desk, nobody, question) == []
    assert found(desk, mary.principal("test"), question) == [hidden.number]
    assert found(desk, desk.principal("Max", Role.MANAGER), question) == [hidden.number]


@pytest.mark.parametrize("question", ["lovelace capacitor", "babbage capac", "capacitor lovelace"])
def test_an_old_case_of_somebody_who_has_many_is_found_by_a_word_beside_the_name(
    desk: DeskUnderTest, grace: Principal, monkeypatch: pytest.MonkeyPatch, question: str
) -> None:
    monkeypatch.setattr(search.candidates, "OF_EACH", 2)
    desk.has_customer("ada@example.com")
    case = opened(desk, subject="Help", text="The capacitor.")
    for hour in range(1, 6):
        opened(desk, subject="Help", text="Again.", at=NOON + timedelta(hours=hour))
    with desk.transaction() as session:
        session.execute(update(Contact).values(name="Lovelace"))
        session.execute(update(Account).values(name="Babbage Ltd"))

    assert found(desk, grace, question) == [case.number]


def test_who_sees_few_cases_finds_a_word_of_everybodys_in_them(
    desk: DeskUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search.entries, "ENTRIES", 10)
    monkeypatch.setattr(search.entries, "JUST_NOW", 20)
    monkeypatch.setattr(search.entries, "LATEST", 20)
    case = opened(desk, "ada@example.com", subject="Help", text="The printer is offline.")
    opened(desk, "ada@example.com", subject="Invoice")
    desk.accepts(*(email(f"a{i}@other.example", subject="Printer") for i in range(30)))
    ada = Principal(Kind.CUSTOMER, case.contact_id, "ada")

    assert found(desk, ada, "printer") == [case.number]
    assert found(desk, ada, "printer offline") == [case.number]


BOMBS = [
    "", " ", '"', "'", "*", "%", "_", "\\", "'; DROP TABLE cases; --", "AND", "a OR b", "NOT x",
    'NEAR("a" "b", 5)', "NEAR/" * 500, "*" * 10_000, '"' * 10_001, "(" * 10_000, "a* b* c*",
    "words:printer", "rowid:1", "printer:*", "!printer", "printer & (", "<-> printer",
    "x" * 100_000, "a " * 50_000, "\0", "printer\0", "\ud800", "́" * 5000, "^printer", "-printer",
]  # fmt: skip


@pytest.mark.parametrize("question", BOMBS, ids=range(len(BOMBS)))
def test_what_is_typed_is_never_a_query(
    desk: DeskUnderTest, grace: Principal, question: str
) -> None:
    opened(desk, subject="100% of a_b", text="Nothing.")

    assert found(desk, grace, question) in ([], [1001])
    assert desk.count(Case) == 1


def test_signs_of_patterns_find_no_more_than_the_words_beside_them(
    desk: DeskUnderTest, grace: Principal
) -> None:
    opened(desk, subject="Printer")

    assert found(desk, grace, "%") == found(desk, grace, "_") == found(desk, grace, "*") == []
    assert found(desk, grace, "pr%er") == []
    assert found(desk, grace, "%printer%") == [1001]


def test_no_more_are_found_than_asked_for_and_never_more_than_fifty(
    desk: DeskUnderTest, grace: Principal
) -> None:
    desk.accepts(*(email(f"a{i}@example.com", subject="Printer") for i in range(60)))

    assert len(found(desk, grace, "printer", first=7)) == 7
    assert len(found(desk, grace, "printer", first=1000)) == search.MOST
    assert found(desk, grace, "printer", first=-1) == []


def test_two_who_index_at_once_index_everything_once(desk: DeskUnderTest, grace: Principal) -> None:
    for turn in range(4):
        desk.accepts(*(email(f"a{turn}x{i}@example.com") for i in range(25)))

    def work() -> None:
        with desk.transaction() as session:
            indexing.catch_up(session, limit=150)

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    index(desk)

    with desk.db.reading() as session:
        assert not indexing.any_waiting(session)
        kept = session.scalars(select(indexing.ENTRIES.c.of)).all()
    # A case, its message, its contact and their address.
    assert len(kept) == len(set(kept)) == 400


def test_a_long_message_is_found_by_its_beginning(desk: DeskUnderTest, grace: Principal) -> None:
    opened(desk, text="alpha " + "x" * 2_000_000 + " omega")

    assert found(desk, grace, "alpha") == [1001]
    assert found(desk, grace, "omega") == []
