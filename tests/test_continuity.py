"""A customer who writes again before an answer: another case, a proposal, or one case."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from intake import merging, work
from intake.accept.continuing import APPENDED
from intake.agents import Principal, Role
from intake.cases import Case, Reason
from intake.db import Database
from intake.entitlements import Entitlement
from intake.merging import CannotMerge
from intake.products import Product
from intake.queues import Continuity, Queue
from intake.threads import Arrival
from tests.conftest import fresh_postgres
from tests.desk import NOON, DeskUnderTest, email
from tests.office import Office
from tests.statements import statements_of

HOUR = timedelta(hours=1)


@pytest.fixture
def grace(desk: DeskUnderTest) -> Principal:
    return desk.principal("Grace")


def wants(desk: DeskUnderTest, continuity: Continuity, hours: int = 24) -> None:
    with desk.transaction() as session:
        said = {"continuity": continuity, "continuity_hours": hours}
        session.execute(update(Queue).where(Queue.id == desk.queue.id).values(**said))


def again(sender: str = "ada@example.com", **fields: Any) -> Arrival:
    fields.setdefault("at", NOON + HOUR)
    return email(sender, "Hello?", "Is anybody there?", **fields)


def test_as_ever_each_letter_is_a_case_of_its_own(desk: DeskUnderTest) -> None:
    desk.accepts(email())

    [receipt] = desk.accepts(again())

    assert receipt.opened
    assert desk.case(1002).continues_id is None


def test_a_second_letter_is_part_of_the_young_case_and_takes_no_second_term(
    desk: DeskUnderTest,
) -> None:
    wants(desk, Continuity.APPEND)
    contact = desk.has_customer(allotment=5)
    [first] = desk.accepts(email())

    [second] = desk.accepts(again(message_id="second@example.com"))
    [answer] = desk.accepts(again(in_reply_to="second@example.com"))

    assert (second.opened, second.matched_by) == (False, APPENDED)
    assert first.case is not None
    assert second.case is not None
    assert second.case.id == first.case.id
    assert second.case.contact_id == contact.id
    assert answer.matched_by == "message id", "answers to it follow"
    assert desk.count(Case) == 1
    [held] = desk.all(Entitlement)
    assert held.remaining == 4


def test_letters_that_wait_together_are_told_apart_by_their_sender(desk: DeskUnderTest) -> None:
    wants(desk, Continuity.APPEND)

    receipts = desk.accepts(email(), email("bob@example.com"), again(), again("bob@example.com"))

    assert [r.case.number for r in receipts if r.case] == [1001, 1002, 1001, 1002]


NOT_APPENDED = {
    "another customer": {"sender": "bob@example.com"},
    "a sender in doubt": {"sender_doubt": "DMARC failed"},
    "a machine": {"automatic": "auto-reply"},
    "much later": {"at": NOON + 25 * HOUR},
    "from a form, where anybody writes any address": {"channel": "web"},
    "about another product": {"product": "P-2"},
    "in a chat of its own": {"channel": "chat", "conversation": "visitor"},
}


@pytest.mark.parametrize("how", NOT_APPENDED.values(), ids=NOT_APPENDED)
def test_nothing_is_appended_that_is_not_certain(desk: DeskUnderTest, how: Any) -> None:
    wants(desk, Continuity.APPEND)
    with desk.transaction() as session:
        session.add_all(Product(number=number, name=number) for number in ("P-1", "P-2"))
    desk.accepts(email(product="P-1"))

    [receipt] = desk.accepts(again(**{"product": "P-1", **how}))
    [control] = desk.accepts(again(product="P-1"))

    assert (receipt.opened, control.opened) == (True, False)


def test_a_closed_case_is_not_gone_on_with(desk: DeskUnderTest, grace: Principal) -> None:
    wants(desk, Continuity.APPEND)
    [first] = desk.accepts(email())
    assert first.case is not None
    with desk.transaction() as session:
        work.resolve(session, grace, first.case.id, "done", desk=desk.settings, at=NOON)

    assert desk.accepts(again())[0].opened


def test_an_appended_letter_is_split_off_again(desk: DeskUnderTest, grace: Principal) -> None:
    wants(desk, Continuity.APPEND)
    desk.has_customer(allotment=5)
    desk.accepts(email())
    [second] = desk.accepts(again())
    assert second.activity is not None

    with desk.transaction() as session:
        case = merging.split_off(
            session, grace, second.activity.id, desk=desk.settings, at=NOON + HOUR
        )

    assert (case.number, case.subject) == (1002, "Hello?")
    assert case.entitlement_id is not None, "its own matter takes its own term"


def proposed(desk: DeskUnderTest) -> Case:
    wants(desk, Continuity.PROPOSE)
    desk.has_customer(allotment=5)
    desk.accepts(email())
    desk.accepts(again(channel="web"))
    case = desk.case(1002)
    assert case.continues_id == desk.case(1001).id
    return case


def test_a_proposal_is_followed_by_one_act_and_the_term_comes_back(
    desk: DeskUnderTest, grace: Principal
) -> None:
    case = proposed(desk)

    with desk.transaction() as session:
        survivor = merging.go_on(session, grace, case.id, desk=desk.settings, at=NOON + HOUR)

    assert survivor.number == 1001
    assert desk.case(1002).reason is Reason.MERGED
    assert len(desk.activities(desk.case(1001))) == 2
    with desk.transaction() as session:
        merging.unmerge(session, grace, case.id, desk=desk.settings, at=NOON + HOUR)
    assert desk.case(1002).open


def test_a_case_that_is_kept_apart_only_names_the_other(
    desk: DeskUnderTest, grace: Principal
) -> None:
    case = proposed(desk)

    with desk.transaction() as session:
        merging.keep_apart(session, grace, case.id, at=NOON + HOUR)

    kept = desk.case(1002)
    assert (kept.continues_id, kept.related_case_id) == (None, desk.case(1001).id)
    with pytest.raises(CannotMerge), desk.transaction() as session:
        merging.go_on(session, grace, case.id, desk=desk.settings, at=NOON + HOUR)


def test_a_case_that_somebody_holds_is_only_proposed(request: pytest.FixtureRequest) -> None:
    db = Database(fresh_postgres(request.getfixturevalue("postgres_url")))
    desk = DeskUnderTest(db)
    wants(desk, Continuity.APPEND)
    desk.accepts(email())

    with desk.transaction() as agent:
        agent.get_one(Case, desk.case(1001).id, with_for_update={"key_share": True})
        [receipt] = desk.accepts(again())
    db.close()

    assert receipt.opened
    assert receipt.case is not None
    assert receipt.case.continues_id is not None


def test_it_costs_nothing_where_it_is_off_and_one_question_for_a_batch(
    desk: DeskUnderTest,
) -> None:
    def batch(turn: int) -> list[Arrival]:
        return [email(f"c{turn}x{n}@example.com") for n in range(20)]

    desk.accepts(*batch(0))
    with statements_of(desk.db) as off:
        desk.accepts(*batch(1))
    wants(desk, Continuity.PROPOSE)
    with statements_of(desk.db) as on:
        desk.accepts(*batch(2))

    assert not any("cases.opened_at >=" in statement for statement in off)
    assert len(on) <= len(off) + 1


def test_the_policy_is_a_queues_and_the_proposal_a_cases_by_graphql(desk: DeskUnderTest) -> None:
    office, chief = Office(desk), desk.has_agent("Ada", Role.ADMINISTRATOR)
    change = """mutation($id: UUID!, $terms: QueueTerms!) { changeQueue(id: $id, terms: $terms) {
      __typename ... on QueueChanged { queue { continuity continuityHours } }
      ... on WrongInput { field } } }"""
    how = {"continuity": "PROPOSE", "continuityHours": 12}
    queue = str(desk.queue.id)
    done = office.asks(change, by=chief, id=queue, terms=how)["changeQueue"]
    wrong = office.asks(change, by=chief, id=queue, terms={"continuityHours": 0})["changeQueue"]
    assert done["queue"] == how
    assert (wrong["__typename"], wrong["field"]) == ("WrongInput", "continuityHours")

    desk.accepts(email(), again())
    asked = "{ case(number: 1002) { continues { number } } }"
    assert office.asks(asked, by=chief)["case"] == {"continues": {"number": 1001}}
    act = "mutation { continueCase(caseNumber: 1002) { ... on CaseChanged { case { number } } } }"
    assert office.asks(act, by=chief)["continueCase"] == {"case": {"number": 1001}}
