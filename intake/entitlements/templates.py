"""What is sold again and again: the terms of an entitlement without customer and dates."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from intake.db import Base, Json, new_id, one_of, refers_to
from intake.entitlements.bought import (
    Allocation,
    ChannelAllotment,
    DecreaseOn,
    Entitlement,
    Overdraw,
    Unlisted,
)
from intake.entitlements.life import TERMS
from intake.entitlements.periods import add_months


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
