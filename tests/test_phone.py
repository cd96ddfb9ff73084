"""Calls that somebody wrote down."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from channels import Never, phone
from channels.journal import Arrived, keep
from channels.phone import WrongCall
from channels.reception import Reception
from channels.sandbox import Sandbox
from intake import work
from intake.cases import ActivityKind, Case
from intake.customers import ContactPoint
from intake.events import Event, Promise
from intake.messages import ContactKind
from intake.settings import Settings
from kb.suggestions import Library
from tests.desk import NOON, DeskUnderTest


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as children:
        yield children


def call(caller: str = "600 123 456", **more: Any) -> Arrived:
    """A call to a desk in Spain."""
    known = {"subject": "No dial tone", "text": "The line is dead.", "region": "ES", "at": NOON}
    return phone.arrived(caller=caller, **{**known, **more})


def takes(desk: DeskUnderTest, sandbox: Sandbox, *arrived: Arrived) -> None:
    """Keep them and let the worker file them."""
    keep(desk.db, arrived)
    Reception(desk.db, sandbox, desk.settings, Library()).file(at=NOON)


def test_a_call_becomes_a_case_with_its_minutes(desk: DeskUnderTest, sandbox: Sandbox) -> None:
    takes(desk, sandbox, call(name="Ada", duration_minutes=12, agent="Grace"))

    (case,) = desk.all(Case)
    (activity,) = desk.activities(case)
    assert (case.channel, case.subject) == ("phone", "No dial tone")
    assert (activity.kind, activity.duration_minutes) == (ActivityKind.PHONE_CALL, 12)
    assert (activity.author_name, activity.author_address) == ("Ada", "+34600123456")
    assert activity.notes == ["Written down by Grace."]


def test_minutes_on_the_phone_count_when_a_case_is_resolved(
    desk: DeskUnderTest, sandbox: Sandbox
) -> None:
    takes(desk, sandbox, call(duration_minutes=12))
    (case,) = desk.all(Case)
    grace = desk.principal()

    with desk.transaction() as session:
        work.resolve(
            session, grace, case.id, "New cable.", desk=desk.settings,
            at=NOON + timedelta(hours=1),
        )  # fmt: skip

    (event,) = [e for e in desk.all(Event) if e.kind == "case.resolved"]
    assert event.data["billable_minutes"] == 12


def test_a_call_draws_on_the_allotment_for_the_phone(desk: DeskUnderTest, sandbox: Sandbox) -> None:
    ada = desk.has_customer("ada@example.com", allotment=10, channels={"phone": 3, "email": 5})
    with desk.transaction() as session:
        session.add(ContactPoint(contact_id=ada.id, kind=ContactKind.PHONE, value="+34600123456"))

    takes(desk, sandbox, call())

    (case,) = desk.all(Case)
    assert case.contact_id == ada.id
    assert not case.billable
    with desk.db.reading() as session:
        entitlement = session.get_one(Case, case.id).entitlement
        assert entitlement is not None
        left = {row.channel: row.remaining for row in entitlement.channels}
    assert left == {"phone": 2, "email": 5}


@pytest.mark.parametrize(
    ("typed", "number"),
    [
        ("600 123 456", "+34600123456"),
        ("+34 600-123-456", "+34600123456"),
        ("0034 600123456", "+34600123456"),
        ("+44 (0)20 7946 0018", "+442079460018"),
        ("tel:+34600123456", "+34600123456"),
        ("withheld", ""),
        (" Anonymous ", ""),
        ("", ""),
    ],
)
def test_a_number_has_one_form_however_it_is_typed(typed: str, number: str) -> None:
    assert phone.number_of(typed, "ES") == number


def test_the_same_number_typed_twice_is_one_customer(desk: DeskUnderTest, sandbox: Sandbox) -> None:
    takes(desk, sandbox, call("600 123 456"), call("+34 600 12 34 56", subject="Again"))

    first, second = desk.all(Case)
    assert first.contact_id == second.contact_id is not None


def test_a_withheld_number_names_nobody(desk: DeskUnderTest, sandbox: Sandbox) -> None:
    takes(desk, sandbox, call("", name="Ada"))

    (case,) = desk.all(Case)
    (activity,) = desk.activities(case)
    assert case.contact_id is None
    assert activity.notes == ["The number was withheld; the caller said: Ada."]


def test_an_outgoing_call_says_so(sandbox: Sandbox) -> None:
    arrived = call(direction="outgoing")

    message = sandbox.parse("phone", arrived.raw, arrived.envelope)

    assert message.notes == ("We called them.",)
    assert message.sent_on == NOON.isoformat()


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"caller": "call me maybe"}, "not a phone number"),
        ({"caller": "12"}, "not a phone number"),
        ({"caller": "+" + "9" * 5000}, "not a phone number"),
        ({"duration_minutes": -1}, "between 0 and 1440"),
        ({"duration_minutes": 1441}, "between 0 and 1440"),
        ({"direction": "sideways"}, "incoming or outgoing"),
        ({"subject": " ", "text": "\n"}, "a subject or a text"),
        ({"text": "a" * 20_001}, "longer than 20000"),
        ({"called_at": NOON.replace(tzinfo=None)}, "needs a zone"),
        ({"called_at": NOON + timedelta(seconds=1)}, "in the future"),
    ],
)
def test_a_wrong_call_is_refused_in_words(wrong: dict[str, Any], says: str) -> None:
    with pytest.raises(WrongCall, match=says):
        call(**wrong)


def test_what_is_just_within_the_limits_is_taken() -> None:
    call(duration_minutes=1440, text="a" * 20_000, called_at=NOON)


def test_the_same_call_reported_twice_is_one(desk: DeskUnderTest, sandbox: Sandbox) -> None:
    takes(desk, sandbox, call(external_id="pbx-7"))
    takes(desk, sandbox, call(external_id="pbx-7", duration_minutes=3), call(external_id="pbx-8"))

    assert desk.count(Case) == 2


def test_what_was_typed_keeps_no_controls(sandbox: Sandbox) -> None:
    arrived = call(subject="a\r\nBcc: v@x.org\x00", name="A\u202eda")

    message = sandbox.parse("phone", arrived.raw, arrived.envelope)

    assert message.subject == "a Bcc: v@x.org\ufffd"
    assert message.sender is not None
    assert message.sender.name == "Ada"


def test_nothing_is_ever_sent_by_phone() -> None:
    promise = Promise(uuid4(), "phone", "reply", "+34600123456", {}, 1, NOON, None, uuid4())

    with pytest.raises(Never):
        phone.send(promise, Settings())
