"""Writing an entitlement by hand: a draft that is valid from the start, or a clear no by field."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import exists, inspect, select
from sqlalchemy.orm import Session

from intake import events
from intake.agents import Act, Principal
from intake.db import Base, new_id
from intake.entitlements import editing, templates
from intake.entitlements.bought import (
    ChannelAllotment,
    EntitledContact,
    EntitledProduct,
    Entitlement,
)
from intake.entitlements.templates import EntitlementTemplate
from intake.entitlements.validity import BadEntitlement, must_be_valid
from intake.errors import NotFound


def write(
    session: Session,
    *,
    at: datetime,
    by: Principal,
    channels: Mapping[str, int],
    contacts: Collection[UUID] = (),
    products: Collection[UUID] = (),
    **fields: Any,
) -> Entitlement:
    """A new draft of these `editing.EDITABLE` fields. Raises BadEntitlement, naming the field."""
    by.must(Act.MANAGE)
    _must_exist(session, fields, contacts, products)
    fields["zone"] = zone_of(session, fields.get("calendar_id"))
    drafted = Entitlement(
        id=new_id(),
        remaining=0,
        created_at=at,
        channels=[
            ChannelAllotment(channel=channel, total=total, remaining=0)
            for channel, total in channels.items()
        ],
        contacts=[EntitledContact(contact_id=id) for id in contacts],
        products=[EntitledProduct(product_id=id) for id in products],
        **fields,
    )
    return _kept(session, drafted, by, at)


def rewrite(
    session: Session,
    entitlement_id: UUID,
    *,
    at: datetime,
    by: Principal,
    channels: Mapping[str, int],
    contacts: Collection[UUID] = (),
    products: Collection[UUID] = (),
    **fields: Any,
) -> Entitlement:
    """Write other fields into a draft. Raises NotEditable unless it is one."""
    by.must(Act.MANAGE)
    _must_exist(session, fields, contacts, products)
    drafted = of_id(session, entitlement_id)
    with session.no_autoflush:
        # What a constraint of the database would refuse is refused by its name before.
        editing.edit(session, drafted, at=at, by=by, channels=dict(channels), **fields)
        drafted.zone = zone_of(session, drafted.calendar_id)
        _list(drafted.contacts, EntitledContact, "contact_id", contacts)
        _list(drafted.products, EntitledProduct, "product_id", products)
        must_be_valid(drafted)
    return drafted


def write_from(
    session: Session,
    template_id: UUID,
    *,
    starts_on: date,
    at: datetime,
    by: Principal,
    account_id: UUID | None = None,
    contact_id: UUID | None = None,
    name: str = "",
) -> Entitlement:
    """A new draft of a template's terms for a customer."""
    by.must(Act.MANAGE)
    _must_exist(session, {"account_id": account_id, "contact_id": contact_id}, (), ())
    template = session.get(EntitlementTemplate, template_id)
    if template is None:
        raise NotFound("there is no such entitlement template")
    drafted = templates.draft(
        template,
        starts_on=starts_on,
        at=at,
        account_id=account_id,
        contact_id=contact_id,
        name=name,
    )
    drafted.zone = zone_of(session, drafted.calendar_id)
    return _kept(session, drafted, by, at)


def of_id(session: Session, entitlement_id: UUID) -> Entitlement:
    """That entitlement. Raises NotFound."""
    found = session.get(Entitlement, entitlement_id)
    if found is None:
        raise NotFound("there is no such entitlement")
    return found


def zone_of(session: Session, calendar_id: UUID | None) -> str:
    """The time zone of those hours, in whose days an entitlement begins and ends; '' for none."""
    if calendar_id is None:
        return ""
    calendars = Base.metadata.tables["service_calendars"]  # of a module above this one
    hours = session.scalar(select(calendars.c.hours).where(calendars.c.id == calendar_id))
    return str(hours["zone"]) if hours else ""


def _kept(session: Session, drafted: Entitlement, by: Principal, at: datetime) -> Entitlement:
    must_be_valid(drafted)
    session.add(drafted)
    session.flush()
    events.record(
        session, "entitlement.drafted", at=at, actor=by,
        entitlement=str(drafted.id), name=drafted.name,
    )  # fmt: skip
    return drafted


def _list(listed: list[Any], kind: type[Any], key: str, wanted: Collection[UUID]) -> None:
    for row in list(listed):
        if getattr(row, key) not in wanted:
            listed.remove(row)
    known = {getattr(row, key) for row in listed}
    listed.extend(kind(**{key: id}) for id in wanted if id not in known)


def _must_exist(
    session: Session,
    fields: Mapping[str, Any],
    contacts: Collection[UUID],
    products: Collection[UUID],
) -> None:
    for field, id in fields.items():
        if field.endswith("_id"):
            _one_must_exist(session, Entitlement, field, id, field)
    for id in contacts:
        _one_must_exist(session, EntitledContact, "contact_id", id, "contacts")
    for id in products:
        _one_must_exist(session, EntitledProduct, "product_id", id, "products")


def _one_must_exist(
    session: Session, table: type[Base], column: str, id: UUID | None, field: str
) -> None:
    [key] = inspect(table).columns[column].foreign_keys
    if id is not None and session.scalar(select(exists().where(key.column == id))) is False:
        raise BadEntitlement(field, f"there is no such {column.removesuffix('_id')}")
