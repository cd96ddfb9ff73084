"""Cases that agents open: a letter came, somebody phoned."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from intake import work
from intake.agents import NotAllowed, Principal, Role
from intake.cases import ActivityKind, Case, Direction
from intake.events import Event
from intake.queues import QueueItem
from intake.sla import KpiInstance
from intake.work import Asked, WrongOpening
from tests.desk import NOON, DeskUnderTest
from tests.office import Office


@pytest.fixture
def grace(desk: DeskUnderTest) -> Principal:
    return desk.principal("Grace")


def opens(desk: DeskUnderTest, by: Principal, asked: Asked, **more: Any) -> Case:
    with desk.transaction() as session:
        return work.open_case(session, by, asked, desk=desk.settings, at=NOON, **more)


def test_a_letter_becomes_a_case_covered_routed_and_promised_like_a_mail(
    desk: DeskUnderTest, grace: Principal
) -> None:
    desk.has_sla(first_response=timedelta(hours=4))
    contact = desk.has_customer("ada@example.com")
    plan = desk.has_entitlement(contact.account_id, total=5)

    asked = Asked("letter", "A broken lamp", "Dear all, it broke.", contact_id=contact.id)
    case = desk.case(opens(desk, grace, asked).number)

    [letter] = desk.activities(case)
    assert (case.channel, case.account_id) == ("letter", contact.account_id)
    assert (case.entitlement_id, desk.remaining(plan)) == (plan.id, 4)
    assert (letter.kind, letter.direction) == (ActivityKind.LETTER, Direction.INCOMING)
    assert (letter.author_name, letter.text) == ("Ada", "Dear all, it broke.")
    assert [item.queue_id for item in desk.all(QueueItem)] == [desk.queue.id]
    assert len(desk.all(KpiInstance)) == 1
    assert [e.kind for e in desk.all(Event)].count("case.opened") == 1


def test_a_call_for_an_account_waits_where_the_agent_says(
    desk: DeskUnderTest, grace: Principal
) -> None:
    workshop = desk.has_queue("Workshop")
    account_id = desk.has_customer("ada@example.com").account_id

    asked = Asked("phone", "Lamp", account_id=account_id, text="It broke.", minutes=6)
    case = opens(desk, grace, asked, queue_id=workshop.id)

    [call] = desk.activities(case)
    assert (call.kind, call.duration_minutes) == (ActivityKind.PHONE_CALL, 6)
    assert desk.case(case.number).queue_id == workshop.id


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        pytest.param({"channel": "smoke"}, "channel", id="an unknown way"),
        pytest.param({"subject": " "}, "subject", id="no words"),
        pytest.param({"contact_id": None}, "contact", id="nobody asked"),
        pytest.param({"contact_id": UUID(int=1)}, "contact", id="a stranger"),
        pytest.param({"product_id": UUID(int=1)}, "product", id="no such product"),
    ],
)
def test_what_cannot_be_opened_names_its_field_and_opens_nothing(
    desk: DeskUnderTest, grace: Principal, asked: dict[str, Any], field: str
) -> None:
    contact = desk.has_customer("ada@example.com")
    said = {"channel": "letter", "subject": "Lamp", "text": "", "contact_id": contact.id, **asked}

    with pytest.raises(WrongOpening, match=f"^{field}: "):
        opens(desk, grace, Asked(**said))

    assert desk.count(Case) == 0


def test_a_reader_opens_nothing(desk: DeskUnderTest) -> None:
    contact = desk.has_customer("ada@example.com")
    reader = desk.principal("Rita", role=Role.READ_ONLY)

    with pytest.raises(NotAllowed):
        opens(desk, reader, Asked("letter", "Lamp", "", contact_id=contact.id))


def test_a_case_is_opened_by_graphql(desk: DeskUnderTest) -> None:
    contact, grace = desk.has_customer("ada@example.com"), desk.has_agent("Grace")
    mutation = """mutation ($asked: Asked!) { openCase(asked: $asked) {
        ... on CaseChanged { case { number channel customer { name } } }
        ... on WrongInput { field } } }"""
    asked = {"channel": "letter", "subject": "Lamp", "contact": str(contact.id)}

    office = Office(desk)
    done = office.asks(mutation, by=grace, asked=asked)["openCase"]
    wrong = office.asks(mutation, by=grace, asked={**asked, "channel": "smoke"})["openCase"]

    assert done["case"] == {
        "number": 1001, "channel": "letter", "customer": {"name": "example.com"},
    }  # fmt: skip
    assert wrong == {"field": "channel"}
