"""What is sold again and again: templates of entitlements, written by managers."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

import strawberry

from graph.api.asking import Info
from graph.api.describing import described
from graph.api.entitlement_templates import (
    Allocation,
    DecreaseOn,
    EntitlementTemplate,
    Overdraw,
    Unlisted,
)
from graph.api.life import ChannelTotal
from graph.api.loading import by_id
from graph.api.problems import AnyProblem, problem
from intake import entitlements as rows
from intake.errors import IntakeError

UNSET: Any = strawberry.UNSET


@strawberry.input(description="What is written into a template; what is left out stays, or usual.")
class EntitlementTemplateTerms:
    name: str | None = strawberry.field(default=UNSET, description="What it is called.")
    total: int | None = strawberry.field(default=UNSET, description="In cases or minutes.")
    lasts_months: int | None = strawberry.field(default=UNSET, description="How long it lasts: 12.")
    allocation: Allocation | None = strawberry.field(default=UNSET, description="What a term is.")
    decrease_on: DecreaseOn | None = strawberry.field(
        default=UNSET, description="When a term is taken; hours on resolution."
    )
    restricted: bool | None = strawberry.field(
        default=UNSET, description="Whether used up means no: true."
    )
    overdraw: Overdraw | None = strawberry.field(
        default=UNSET, description="What becomes of what was used beyond what was left: split."
    )
    unlisted: Unlisted | None = strawberry.field(
        default=UNSET, description="What channels may do that are not listed: not come."
    )
    channels: list[ChannelTotal] | None = strawberry.field(
        default=UNSET, description="How much of it may come by which channel."
    )
    reserve: int | None = strawberry.field(
        default=UNSET, description="What an open case holds back: 1."
    )
    period_months: int | None = strawberry.field(
        default=UNSET, description="Its terms come anew so often; null: once."
    )
    carry_over: int | None = strawberry.field(
        default=UNSET, description="So much that is unused may move on: 0."
    )
    carry_over_days: int | None = strawberry.field(
        default=UNSET, description="What moved on expires after so many days; null: never."
    )
    thresholds: list[int] | None = strawberry.field(
        default=UNSET, description="It runs low when so many percent are left: 20, 0."
    )
    renewal_days: list[int] | None = strawberry.field(
        default=UNSET, description="Reminders go out so many days before its end."
    )
    draft_renewal: bool | None = strawberry.field(
        default=UNSET, description="Whether the clock drafts its renewal: false."
    )
    sla: UUID | None = strawberry.field(default=UNSET, description="The SLA of what it covers.")
    calendar: UUID | None = strawberry.field(
        default=UNSET, description="The hours in which it is served."
    )

    def fields(self) -> dict[str, Any]:
        """What was given, as the domain takes it. Raises BadEntitlement for a null that is none."""
        given = {name: value for name, value in vars(self).items() if value is not UNSET}
        for name, value in given.items():
            if value is None and name not in (
                "period_months",
                "carry_over_days",
                "sla",
                "calendar",
            ):
                raise rows.BadEntitlement(name, "cannot be null; leave it out to let it stay")
        if "channels" in given:
            listed = given.pop("channels")
            totals = {each.channel: each.total for each in listed}
            if len(totals) < len(listed):
                raise rows.BadEntitlement("channels", "one of them is listed twice")
            given["channels"] = totals
        for name in ("sla", "calendar"):
            if name in given:
                given[f"{name}_id"] = given.pop(name)
        return given


@strawberry.type(description="The template is written.")
class EntitlementTemplateWritten:
    template_id: strawberry.Private[UUID]

    @described("The template now.")
    def template(self, info: Info) -> EntitlementTemplate | None:
        found = by_id(
            info.context, EntitlementTemplate, rows.EntitlementTemplate, [self.template_id]
        )
        return found.get(self.template_id)


EntitlementTemplateResult = Annotated[
    EntitlementTemplateWritten | AnyProblem,
    strawberry.union(
        "EntitlementTemplateResult", description="The template is written, or why it is not."
    ),
]


@strawberry.type
class OfferMutations:
    @described("Write a template that entitlements are drafted from.")
    def add_entitlement_template(
        self, info: Info, terms: EntitlementTemplateTerms
    ) -> EntitlementTemplateResult:
        asking = info.context
        try:
            fields = {"name": "", **terms.fields()}
            with asking.acting() as session:
                made = rows.add_template(session, asking.principal, at=asking.at, **fields)
        except IntakeError as error:
            return problem(error)
        return EntitlementTemplateWritten(template_id=made.id)

    @described("Write other terms into a template; what was made of it keeps its own.")
    def change_entitlement_template(
        self, info: Info, template: UUID, terms: EntitlementTemplateTerms
    ) -> EntitlementTemplateResult:
        asking = info.context
        try:
            fields = terms.fields()
            with asking.acting() as session:
                rows.change_template(session, asking.principal, template, at=asking.at, **fields)
        except IntakeError as error:
            return problem(error)
        return EntitlementTemplateWritten(template_id=template)
