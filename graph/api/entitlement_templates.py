"""What entitlements are made from, and the terms that they take over."""

from __future__ import annotations

from uuid import UUID

import strawberry
from sqlalchemy import select

from graph.api.asking import Info
from graph.api.describing import described
from graph.api.loading import Shown, together
from graph.api.slas import ServiceCalendar, Sla
from intake import entitlements as rows
from intake import sla

Allocation = rows.Allocation
strawberry.enum(Allocation, name="Allocation", description="What a term is: a case, or an hour.")
DecreaseOn = rows.DecreaseOn
strawberry.enum(DecreaseOn, name="DecreaseOn", description="When a term is taken.")
Overdraw = rows.Overdraw
strawberry.enum(
    Overdraw,
    name="Overdraw",
    description="What becomes of what a resolved case used beyond what was left.",
)
Unlisted = rows.Unlisted
strawberry.enum(
    Unlisted,
    name="UnlistedChannels",
    description="What a channel may do that has no allotment of its own.",
)


@strawberry.type
class Terms(Shown):
    """The terms that an entitlement takes over from its template."""

    allocation: Allocation = strawberry.field(description="What a term is.")
    decrease_on: DecreaseOn = strawberry.field(description="When a term is taken.")
    restricted: bool = strawberry.field(description="Whether used up means no.")
    overdraw: Overdraw = strawberry.field(
        description="What becomes of what a resolved case used beyond what was left."
    )
    unlisted: Unlisted = strawberry.field(
        description="What a channel may do that has no allotment of its own."
    )
    reserve: int = strawberry.field(
        description="What an open case holds back where terms are taken on resolution."
    )
    period_months: int | None = strawberry.field(
        description="Its terms come anew so often; null: once."
    )
    carry_over: int = strawberry.field(description="So much that is unused may move on.")
    carry_over_days: int | None = strawberry.field(
        description="What moved on expires after so many days; null: never."
    )
    thresholds: list[int] = strawberry.field(
        description="It runs low when so many percent, or less, are left."
    )
    renewal_days: list[int] = strawberry.field(
        description="The customer is reminded so many days before its end; < 0 is after it."
    )
    draft_renewal: bool = strawberry.field(
        description="Whether the clock drafts its renewal once it runs low or ends."
    )
    calendar_id: strawberry.Private[UUID | None]
    sla_id: strawberry.Private[UUID | None]

    @described("The SLA of the cases that it covers.")
    def sla(self, info: Info) -> Sla | None:
        return self.named(info, "sla_id", Sla, sla.Sla)

    @described("The hours in which it is served: the clocks of what it covers count in them.")
    def calendar(self, info: Info) -> ServiceCalendar | None:
        return self.named(info, "calendar_id", ServiceCalendar, sla.ServiceCalendar)


@strawberry.type(description="How much a template gives by one channel.")
class ChannelShare:
    channel: str = strawberry.field(description="The channel: email, phone, web …")
    total: int = strawberry.field(description="How much, in cases or minutes.")


@strawberry.type(description="Terms to start an entitlement from, without customer and dates.")
class EntitlementTemplate(Terms):
    id: UUID = strawberry.field(description="The template's id.")
    name: str = strawberry.field(description="What it is called.")
    total: int = strawberry.field(description="How much it gives, in cases or minutes.")
    lasts_months: int = strawberry.field(description="How long it lasts.")

    @described("How much of it may come by which channel.")
    def channels(self) -> list[ChannelShare]:
        totals: dict[str, int] = self.row.channels
        return [ChannelShare(channel=name, total=total) for name, total in sorted(totals.items())]


@strawberry.type
class EntitlementTemplateQueries:
    @described("What entitlements are made from, by name.")
    def entitlement_templates(self, info: Info) -> list[EntitlementTemplate]:
        statement = select(rows.EntitlementTemplate).order_by(rows.EntitlementTemplate.name)
        return together(EntitlementTemplate, info.context.session.scalars(statement))
