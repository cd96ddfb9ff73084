"""What is sold again and again: the terms of an entitlement without customer and dates."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import String, exists, inspect, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from intake import events
from intake.agents import Act, Principal
from intake.db import Base, Json, new_id, one_of, refers_to
from intake.entitlements.bought import (
    Allocation,
    ChannelAllotment,
    DecreaseOn,
    Entitlement,
    Overdraw,
    Unlisted,
)
from intake.entitlements.editing import TERMS
from intake.entitlements.periods import add_months
from intake.entitlements.validity import BadEntitlement, check
from intake.errors import NotFound

NAME_LENGTH, MOST_MONTHS = 120, 120
DAYS_A_MONTH = 365.25 / 12
WRITABLE = (*TERMS, "name", "lasts_months", "channels")
USUAL: dict[str, Any] = {
    "allocation": Allocation.CASES,
    "decrease_on": DecreaseOn.CREATION,
    "restricted": True,
    "overdraw": Overdraw.SPLIT,
    "unlisted": Unlisted.DENY,
    "total": 0,
    "reserve": 1,
    "lasts_months": 12,
    "carry_over": 0,
    "thresholds": [20, 0],
    "renewal_days": [],
    "draft_renewal": False,
    "channels": {},
}


class EntitlementTemplate(Base):
    """Terms to start an entitlement from. Entitlements made of it keep theirs when it changes."""

    __tablename__ = "entitlement_templates"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    name: Mapped[str] = mapped_column(String(120), unique=True)
    allocation: Mapped[Allocation] = mapped_column(one_of(Allocation), default=Allocation.CASES)
    decrease_on: Mapped[DecreaseOn] = mapped_column(one_of(DecreaseOn), default=DecreaseOn.CREATION)
    restricted: Mapped[bool] = mapped_column(default=True)
    overdraw: Mapped[Overdraw] = mapped_column(one_of(Overdraw), default=Overdraw.SPLIT)
    unlisted: Mapped[Unlisted] = mapped_column(one_of(Unlisted), default=Unlisted.DENY)
    total: Mapped[int]
    reserve: Mapped[int] = mapped_column(default=1)
    lasts_months: Mapped[int] = mapped_column(default=12)
    period_months: Mapped[int | None]
    carry_over: Mapped[int] = mapped_column(default=0)
    carry_over_days: Mapped[int | None]
    thresholds: Mapped[list[int]] = mapped_column(Json, default=lambda: [20, 0])
    renewal_days: Mapped[list[int]] = mapped_column(Json, default=list)
    draft_renewal: Mapped[bool] = mapped_column(default=False)
    channels: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    """The total of each channel that has one of its own."""
    sla_id: Mapped[UUID | None] = mapped_column(refers_to("slas.id"))
    calendar_id: Mapped[UUID | None] = mapped_column(refers_to("service_calendars.id"))


def add_template(
    session: Session, by: Principal, *, name: str, at: datetime, **fields: Any
) -> EntitlementTemplate:
    """A new template of these fields. Raises BadEntitlement, naming the field."""
    by.must(Act.MANAGE)
    template = EntitlementTemplate(id=new_id(), **USUAL)
    _write(session, template, {"name": name, **fields}, at)
    session.add(template)
    session.flush()
    _record(session, "entitlement-template.added", template, by, at)
    return template


def keep_as_template(
    session: Session, by: Principal, entitlement: Entitlement, name: str, *, at: datetime
) -> EntitlementTemplate:
    """A template of the terms of an entitlement, which lasts as many months."""
    days = (entitlement.ends_on - entitlement.starts_on).days + 1
    return add_template(
        session, by, name=name, at=at,
        lasts_months=max(1, round(days / DAYS_A_MONTH)),
        channels={row.channel: row.total for row in entitlement.channels},
        **{field: getattr(entitlement, field) for field in TERMS},
    )  # fmt: skip


def change_template(
    session: Session, by: Principal, template_id: UUID, *, at: datetime, **fields: Any
) -> EntitlementTemplate:
    """Write other fields into a template, for what is made of it from now on."""
    by.must(Act.MANAGE)
    template = session.get(EntitlementTemplate, template_id, with_for_update=True)
    if template is None:
        raise NotFound("there is no such entitlement template")
    with session.no_autoflush:
        _write(session, template, fields, at)
    session.flush()
    _record(session, "entitlement-template.changed", template, by, at)
    return template


def _write(
    session: Session, template: EntitlementTemplate, fields: dict[str, Any], at: datetime
) -> None:
    for field, value in fields.items():
        if field not in WRITABLE:
            raise BadEntitlement(field, "there is no such field to write")
        setattr(template, field, value)
    template.name = template.name.strip()
    if len(template.name) > NAME_LENGTH:
        raise BadEntitlement("name", f"at most {NAME_LENGTH} characters")
    table = EntitlementTemplate
    same = exists().where(table.name == template.name, table.id != template.id)
    if session.scalar(select(same)):
        raise BadEntitlement("name", f"there is a template {template.name!r} already")
    if not 1 <= template.lasts_months <= MOST_MONTHS:
        raise BadEntitlement("lasts_months", "it lasts from one month to ten years")
    for field in ("sla_id", "calendar_id"):
        [key] = inspect(table).columns[field].foreign_keys
        id = getattr(template, field)
        if id is not None and not session.scalar(select(exists().where(key.column == id))):
            raise BadEntitlement(field, f"there is no such {field.removesuffix('_id')}")
    example = draft(template, starts_on=at.date(), at=at, account_id=template.id)
    for problem in check(example):
        # Where reminders go is the customer's to say.
        if problem.refuses and problem.field != "email":
            raise BadEntitlement(problem.field, problem.words)


def _record(
    session: Session, kind: str, template: EntitlementTemplate, by: Principal, at: datetime
) -> None:
    events.record(session, kind, at=at, actor=by, template=str(template.id), name=template.name)


def draft(
    template: EntitlementTemplate,
    *,
    starts_on: date,
    at: datetime,
    account_id: UUID | None = None,
    contact_id: UUID | None = None,
    name: str = "",
) -> Entitlement:
    """A draft of these terms for a customer, from that day on; the caller keeps it."""
    terms = {field: getattr(template, field) for field in TERMS}
    after = add_months(starts_on, template.lasts_months)
    return Entitlement(
        id=new_id(),
        name=name or template.name,
        account_id=account_id,
        contact_id=contact_id,
        template_id=template.id,
        starts_on=starts_on,
        ends_on=after - timedelta(days=1),
        remaining=0,
        created_at=at,
        channels=[
            ChannelAllotment(channel=channel, total=total, remaining=0)
            for channel, total in sorted(template.channels.items())
        ],
        contacts=[],
        products=[],
        **{**terms, "thresholds": [*terms["thresholds"]]},
    )
