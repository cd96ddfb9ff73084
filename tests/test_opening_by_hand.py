"""Cases that agents open: a letter came, somebody phoned."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from channels.sandbox import Sandbox
from intake import work
from intake.agents import SYSTEM, NotAllowed, Principal, Role
from intake.cases import ActivityKind, Case, Direction
from intake.events import Event
from intake.fields import CaseType, FieldKind, Required, WrongField, case_types, custom
from intake.queues import QueueItem
from intake.sla import KpiInstance
from intake.work import Asked, NotFilledIn, WrongOpening
from tests.console import Console, words
from tests.desk import NOON, DeskUnderTest, email
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


@pytest.fixture
def floor(desk: DeskUnderTest) -> CaseType:
    """The type whose cases must say their floor when they open, as every case says its seats."""
    with desk.transaction() as session:
        incident = case_types.add_type(session, SYSTEM, "Incident", at=NOON)
        for key, kind, when, of in (
            ("seats", FieldKind.NUMBER, Required.OPENING, None),
            ("floor", FieldKind.CHOICE, Required.OPENING, incident.id),
            ("cause", FieldKind.TEXT, Required.RESOLVING, None),
        ):
            custom.add_field(
                session, SYSTEM, key=key, label=key.capitalize(), kind=kind, at=NOON,
                choices=["Roof", "Ground"] if kind is FieldKind.CHOICE else (),
                type_id=of, required=when,
            )  # fmt: skip
        return incident


def test_nobody_opens_a_case_by_hand_without_what_must_be_known(
    desk: DeskUnderTest, grace: Principal, floor: CaseType
) -> None:
    contact = desk.has_customer("ada@example.com")
    asked, seats = Asked("phone", "Lamp", "It broke", contact_id=contact.id), {"number.seats": 3}

    with pytest.raises(NotFilledIn, match=r"^number.seats: fill in Seats to open a case"):
        opens(desk, grace, asked)
    with pytest.raises(NotFilledIn, match=r"^number.seats: fill in Seats, Floor to open"):
        opens(desk, grace, asked, says={"type": str(floor.id)})
    with pytest.raises(WrongField, match=r"choice.floor: choose one of Roof, Ground"):
        opens(desk, grace, asked, says={**seats, "type": floor.id, "choice.floor": "Cellar"})
    assert desk.count(Case) == 0, "nothing half is done"

    parent = opens(desk, grace, asked, says={**seats, "type": floor.id, "choice.floor": "Roof"})
    with desk.transaction() as session:
        case = session.get_one(Case, parent.id)
        said = {key: value.value for key, value in case.custom.items()}
        assert (case.type_id, said) == (floor.id, {"seats": 3, "floor": "Roof"})
        [opened] = [e for e in desk.all(Event) if e.kind == "case.opened"]
        assert opened.data["changes"]["number.seats"] == [None, 3]
    with pytest.raises(NotFilledIn, match="Seats"), desk.transaction() as session:
        work.open_child(session, grace, parent.id, "Fuse", "", desk=desk.settings, at=NOON)


def test_a_customer_is_turned_away_for_no_missing_field(
    desk: DeskUnderTest, floor: CaseType
) -> None:
    [receipt] = desk.accepts(email("ada@example.com"))

    assert receipt.opened


def test_graphql_names_what_is_missing_and_takes_it(desk: DeskUnderTest, floor: CaseType) -> None:
    office, grace = Office(desk), desk.has_agent()
    contact = desk.has_customer("ada@example.com")
    asked = f'asked: {{channel: "phone", subject: "Lamp", contact: "{contact.id}"}}'
    shown = "... on WrongInput { field message } ... on CaseChanged { case { number } }"

    def does(act: str) -> Any:
        [result] = office.asks(f"mutation {{ {act} {{ __typename {shown} }} }}", by=grace).values()
        return result

    missing = does(f"openCase({asked})")
    seats = 'fields: {custom: [{field: "number.seats", value: 3}]}'
    opened = does(f"openCase({asked}, {seats})")
    number = opened["case"]["number"]
    childless = does(f'openChild(caseNumber: {number}, subject: "Fuse")')
    child = does(f'openChild(caseNumber: {number}, subject: "Fuse", {seats})')

    assert missing == {
        "__typename": "WrongInput",
        "field": "number.seats",
        "message": "number.seats: fill in Seats to open a case like this",
    }
    assert (childless["field"], child["__typename"]) == ("number.seats", "CaseChanged")


def test_the_console_asks_for_what_must_be_known(desk: DeskUnderTest, floor: CaseType) -> None:
    browser = Console(desk, Sandbox()).browser(desk.has_agent())
    contact = desk.has_customer("ada@example.com")
    typed = {"contact": str(contact.id), "channel": "phone", "subject": "Lamp", "minutes": "0"}

    page = words(browser.get(f"/cases/new?contact={contact.id}"))
    typed |= {"type": str(floor.id), "number.seats": "3"}
    refused = browser.post("/cases/new", data=typed)
    opened = browser.post("/cases/new", data={**typed, "choice.floor": "Roof"})
    [case] = desk.all(Case)
    mine = browser.get(f"/cases/{case.number}")
    child = {"subject": "Fuse", "text": "", "choice.floor": "Roof"}
    without = browser.post(f"/cases/{case.number}/child", data=child)
    browser.post(f"/cases/{case.number}/child", data={**child, "number.seats": "1"})

    assert "Floor (Incident), needed" in page
    assert refused.status_code == 422
    assert "Floor : fill in Floor to open a case like this" in words(refused)
    assert 'value="3"' in refused.text, "what was typed stays"
    assert opened.status_code == 303
    assert "Seats, needed" in words(mine)
    assert "fill in Seats to open a case like this" in words(without)
    assert desk.count(Case) == 2
