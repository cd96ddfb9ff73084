"""How one person is reached: many ways, each in one normal form, each belonging to one contact."""

from __future__ import annotations

import re
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from intake import events
from intake.agents import Act, Principal
from intake.customers.people import Contact, ContactPoint, hold
from intake.db import HELD, new_id
from intake.errors import IntakeError, NotFound
from intake.messages import ContactKind

EMAIL = re.compile(r"[^\s@<>,;]{1,64}@[^\s@<>,;]+\.[^\s@<>,;.]+")
SLACK = re.compile(r"T[A-Z0-9]{2,20}/[UW][A-Z0-9]{2,20}")
LONGEST = 320


class WrongPoint(IntakeError):
    """An address, number or handle that cannot reach anybody; the text names its kind."""

    code = "wrong-contact-point"


class PointTaken(IntakeError):
    """A way to reach somebody belongs to one contact only."""

    code = "contact-point-taken"


def attach(
    session: Session,
    by: Principal,
    contact_id: UUID,
    kind: ContactKind,
    value: str,
    *,
    region: str,
    at: datetime,
    verified: bool = False,
) -> ContactPoint:
    """This contact is reached there too: what comes from there is from them.

    `region` (ISO 3166) is the country of a number without a prefix. Raises WrongPoint, or
    PointTaken when somebody else is reached there.
    """
    by.must(Act.WORK)
    contact = _contact(session, contact_id)
    found = normal(kind, value, region=region)
    hold(session, [(kind, found)])
    point = _point(session, kind, found)
    if point is not None and point.contact_id != contact_id:
        other = session.get_one(Contact, point.contact_id)
        raise PointTaken(f"{kind}: {found} reaches {other.name}; if they are one, merge the two")
    if point is None:
        point = ContactPoint(id=new_id(), contact_id=contact_id, kind=kind, value=found)
        session.add(point)
    elif not verified or point.verified:
        return point
    point.verified = verified
    session.flush()
    _record(session, "contact.point-attached", contact, point, by, at)
    return point


def detach(session: Session, by: Principal, point_id: UUID, *, at: datetime) -> None:
    """This contact is not reached there any more; who writes from there is somebody new."""
    by.must(Act.WORK)
    point = session.get(ContactPoint, point_id, with_for_update=True)
    if point is None:
        raise NotFound("there is no such way to reach a contact")
    contact = _contact(session, point.contact_id)
    session.delete(point)
    _record(session, "contact.point-detached", contact, point, by, at)


def normal(kind: ContactKind, value: str, *, region: str) -> str:
    """The one form in which a value of a kind is kept and compared. Raises WrongPoint."""
    text = value.strip()
    if kind is ContactKind.PHONE:
        return _e164(text, region)
    if kind is ContactKind.EMAIL:
        text = text.lower()
        good = bool(EMAIL.fullmatch(text))
    elif kind is ContactKind.SLACK:
        good = bool(SLACK.fullmatch(text))
    else:
        if kind is ContactKind.TWITTER:
            text = text.removeprefix("@").lower()
        good = bool(text) and text.isprintable() and " " not in text
    if not good or len(text) > LONGEST:
        raise WrongPoint(f"{kind}: {value[:80]!r} is none; write {_EXAMPLES[kind]}")
    return text


def shown(kind: ContactKind, value: str, *, region: str) -> str:
    """A value as people of a country read it: their own numbers national, others international."""
    if kind is ContactKind.TWITTER:
        return f"@{value}"
    if kind is not ContactKind.PHONE:
        return value
    import phonenumbers

    try:
        number = phonenumbers.parse(value)
    except phonenumbers.NumberParseException:
        return value
    ours = number.country_code == phonenumbers.country_code_for_region(region)
    forms = phonenumbers.PhoneNumberFormat
    return phonenumbers.format_number(number, forms.NATIONAL if ours else forms.INTERNATIONAL)


_EXAMPLES = {
    ContactKind.EMAIL: "ada@example.com",
    ContactKind.PHONE: "+34 600 123 456",
    ContactKind.SLACK: "team and user id, T0123/U0456",
    ContactKind.FACEBOOK: "the page-scoped id",
    ContactKind.TWITTER: "@ada",
    ContactKind.DEVICE: "the device's id",
    ContactKind.VISITOR: "the visitor's id",
}


def _e164(value: str, region: str) -> str:
    # Half a second of a process that never sees a number would be this import.
    import phonenumbers

    try:
        number = phonenumbers.parse(value, region)
    except phonenumbers.NumberParseException:
        number = None
    if number is None or not phonenumbers.is_possible_number(number):
        raise WrongPoint(
            f"phone: {value[:40]!r} is no number; write {_EXAMPLES[ContactKind.PHONE]}"
        )
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _contact(session: Session, contact_id: UUID) -> Contact:
    contact = session.get(Contact, contact_id, with_for_update=HELD, populate_existing=True)
    if contact is None:
        raise NotFound("there is no such contact")
    if contact.merged_into_id is not None:
        raise WrongPoint(f"{contact.name} was merged into another contact; attach it there")
    return contact


def _point(session: Session, kind: ContactKind, value: str) -> ContactPoint | None:
    statement = select(ContactPoint).where(ContactPoint.kind == kind, ContactPoint.value == value)
    return session.scalar(statement.with_for_update())


def _record(
    session: Session, kind: str, contact: Contact, point: ContactPoint, by: Principal, at: datetime
) -> None:
    events.record(
        session, kind, at=at, actor=by, contact=str(contact.id), point=str(point.id),
        point_kind=point.kind,
    )  # fmt: skip
