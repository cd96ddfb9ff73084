"""The form of an entitlement: what it asks, what a draft fills in, and what typing means."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from graph.console.filling import Reader
from intake import entitlements
from intake.customers import ContactPoint
from intake.entitlements import (
    Allocation,
    DecreaseOn,
    Entitlement,
    EntitlementTemplate,
    Overdraw,
    Unlisted,
)
from intake.entitlements.bought import hours
from intake.messages import ContactKind
from intake.products import Product, by_number

# In the order of the ways most customers come.
CHANNELS = (
    "email",
    "phone",
    "letter",
    "web",
    "chat",
    "slack",
    "facebook",
    "twitter",
    "instagram",
    "iot",
)
LABELS = {
    "name": "Name",
    "starts_on": "First day",
    "ends_on": "Last day",
    "allocation": "A term is",
    "total": "Total",
    "decrease_on": "Taken on",
    "reserve": "An open {noun} holds back",
    "restricted": "When it is used up",
    "overdraw": "A last {noun} that uses more",
    "unlisted": "Channels without a number",
    "period_months": "Granted anew every … months",
    "carry_over": "Unused terms that move on, at most",
    "carry_over_days": "They last … days",
    "thresholds": "Warn when this percentage is left",
    "renewal_days": "Remind … days before the end",
    "email": "Reminders go to",
    "draft_renewal": "Its renewal",
    "sla_id": "SLA",
    "calendar_id": "Served in",
    "contacts": "Only for these people",
    "products": "Only for these products",
    "owner_id": "Who answers for it",
    "description": "Description",
    **{f"channels.{channel}": f"Total by {channel}" for channel in CHANNELS},
    "channels": "Channels",
    "customer": "Customer",
}
assert set(CHANNELS) == entitlements.ORIGINS


def read(session: Session, form: Mapping[str, str]) -> dict[str, Any]:
    """The fields of the form as the domain takes them. Raises Misfilled."""
    reader = Reader(form)
    allocation = reader.one_of("allocation", Allocation, Allocation.CASES)
    by_hours = allocation is Allocation.HOURS
    fields = {
        "name": reader.text("name", needed=True),
        "description": reader.text("description", longest=4000),
        "email": reader.text("email", longest=320),
        "starts_on": reader.day("starts_on"),
        "ends_on": reader.day("ends_on"),
        "allocation": allocation,
        "decrease_on": reader.one_of("decrease_on", DecreaseOn, DecreaseOn.CREATION),
        "restricted": form.get("restricted") != "no",
        "overdraw": reader.one_of("overdraw", Overdraw, Overdraw.SPLIT),
        "unlisted": reader.one_of("unlisted", Unlisted, Unlisted.DENY),
        "total": reader.units("total", hours=by_hours),
        "reserve": reader.units("reserve", hours=by_hours) if form.get("reserve") else 1,
        "period_months": reader.whole_or_none("period_months"),
        "carry_over": reader.units("carry_over", hours=by_hours) if form.get("carry_over") else 0,
        "carry_over_days": reader.whole_or_none("carry_over_days"),
        "thresholds": reader.numbers("thresholds"),
        "renewal_days": reader.numbers("renewal_days"),
        "draft_renewal": form.get("draft_renewal") == "yes",
        "sla_id": reader.id("sla_id"),
        "calendar_id": reader.id("calendar_id"),
        "owner_id": reader.id("owner_id"),
        "channels": {
            channel: reader.units(f"channels.{channel}", hours=by_hours)
            for channel in CHANNELS
            if form.get(f"channels.{channel}", "").strip()
        },
    }
    fields["products"] = _products(session, reader)
    fields["contacts"] = _contacts(session, reader)
    reader.finish()
    return fields


def limits(session: Session, entitlement: Entitlement) -> dict[str, str]:
    """The lists of a draft as the form fills them in: product numbers, and mail addresses."""
    numbers = select(Product.number).where(
        Product.id.in_([row.product_id for row in entitlement.products])
    )
    people = [row.contact_id for row in entitlement.contacts]
    found = session.execute(
        select(ContactPoint.contact_id, ContactPoint.value)
        .where(ContactPoint.contact_id.in_(people), ContactPoint.kind == ContactKind.EMAIL)
        .order_by(ContactPoint.id.desc())
    )
    addresses = dict(found.all())
    return {
        "products": ", ".join(session.scalars(numbers.order_by(Product.number))),
        "contacts": ", ".join(addresses.get(id, str(id)) for id in people),
    }


def _products(session: Session, reader: Reader) -> list[UUID]:
    numbers = reader.words("products")
    known = by_number(session, numbers)
    if missing := [number for number in numbers if number not in known]:
        reader.wrong["products"] = f"there is no product {missing[0]}; write numbers with commas"
    return [known[number] for number in numbers if number in known]


def _contacts(session: Session, reader: Reader) -> list[UUID]:
    """People by an address of theirs; one who has none is shown by their id."""
    named = reader.words("contacts")
    rows = session.execute(
        select(ContactPoint.value, ContactPoint.contact_id)
        .where(ContactPoint.kind == ContactKind.EMAIL)
        .where(ContactPoint.value.in_([text.lower() for text in named]))
    )
    known: dict[str, UUID] = dict(rows.all())
    found = []
    for text in named:
        id = known.get(text.lower()) or _id(text)
        if id is None:
            reader.wrong["contacts"] = f"nobody has the address {text}; write addresses with commas"
        else:
            found.append(id)
    return list(dict.fromkeys(found))


def _id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def of(terms: Entitlement | EntitlementTemplate) -> dict[str, str]:
    """The form as a draft or a template fills it in; a template says nothing of days."""
    by_hours = terms.allocation is Allocation.HOURS
    if isinstance(terms, Entitlement):
        channels = {row.channel: row.total for row in terms.channels}
        own = {
            "description": terms.description,
            "email": terms.email,
            "starts_on": terms.starts_on.isoformat(),
            "ends_on": terms.ends_on.isoformat(),
            "owner_id": str(terms.owner_id or ""),
        }
    else:
        channels, own = dict(terms.channels), {}

    def units(count: int) -> str:
        return hours(count) if by_hours else str(count)

    return {
        "name": terms.name,
        "allocation": terms.allocation.value,
        "decrease_on": terms.decrease_on.value,
        "restricted": "yes" if terms.restricted else "no",
        "overdraw": terms.overdraw.value,
        "unlisted": terms.unlisted.value,
        "total": units(terms.total),
        "reserve": units(terms.reserve),
        "period_months": str(terms.period_months or ""),
        "carry_over": units(terms.carry_over) if terms.carry_over else "",
        "carry_over_days": str(terms.carry_over_days or ""),
        "thresholds": ", ".join(map(str, terms.thresholds)),
        "renewal_days": ", ".join(map(str, terms.renewal_days)),
        "draft_renewal": "yes" if terms.draft_renewal else "no",
        "sla_id": str(terms.sla_id or ""),
        "calendar_id": str(terms.calendar_id or ""),
        **{f"channels.{channel}": units(total) for channel, total in channels.items()},
        **own,
    }
