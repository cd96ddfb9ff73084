"""What is looked up once for all messages accepted together, and what becomes of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from intake import (
    customers,
    entitlements,
    products,
    routing,
    sla,
)
from intake.agents import Kind, Principal
from intake.cases import (
    Activity,
    Case,
)
from intake.customers import Contact, Identified
from intake.desk import Desk
from intake.entitlements import Entitlement
from intake.fields import CustomField
from intake.fields.custom import custom_fields
from intake.messages import Message
from intake.queues import Queues
from intake.routing import RoutingRule
from intake.sla import Slas
from intake.threads import Arrival


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of one message: a case, or the reason why a rule set it aside."""

    arrival: Arrival
    case: Case | None = None
    activity: Activity | None = None
    opened: bool = False
    matched_by: str = ""
    filtered: str = ""


@dataclass(frozen=True, slots=True)
class Books:
    """What is looked up once for all messages accepted together."""

    desk: Desk
    contacts: Identified
    products: Mapping[str, UUID]
    held: Sequence[Entitlement]
    queues: Queues
    rules: Sequence[RoutingRule]
    slas: Slas
    fields: Mapping[str, CustomField]
    """The custom fields by key; none where no message fills one in."""


def look_up(session: Session, arrivals: Sequence[Arrival], every: Queues, desk: Desk) -> Books:
    """What these messages need, in a few statements for all of them."""
    senders = [a.message.sender for a in arrivals if a.message.sender]
    contacts = customers.identify(session, senders, at=latest(arrivals)) if senders else {}
    held = entitlements.held_by(
        session, {(c.id, c.account_id) for c in contacts.values()}, lock=True
    )
    # The clock may not have begun today's period yet.
    for entitlement in held:
        at = latest(arrivals)
        on = entitlement.day(at, desk.day(at))
        session.add_all(entitlements.turn(entitlement, on=on, at=at))
    return Books(
        desk,
        contacts,
        products.by_number(session, {a.message.product for a in arrivals} - {""}),
        held,
        every,
        routing.rules(session),
        sla.in_force(session),
        _fields(session, arrivals),
    )


def _fields(session: Session, arrivals: Sequence[Arrival]) -> Mapping[str, CustomField]:
    if not any(arrival.message.asked for arrival in arrivals):
        return {}
    return {field.key: field for field in custom_fields(session)}


def latest(arrivals: Sequence[Arrival]) -> datetime:
    return max(arrival.received_at for arrival in arrivals)


def contact_of(message: Message, books: Books) -> Contact | None:
    sender = message.sender
    return books.contacts.get((sender.kind, sender.value)) if sender else None


def customer_of(contact: Contact | None, message: Message) -> Principal:
    if contact is None:
        return Principal(Kind.CUSTOMER, None, "somebody unnamed", via=message.channel)
    return Principal(Kind.CUSTOMER, contact.id, contact.name, via=message.channel)
