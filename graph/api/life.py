"""What a manager does to entitlements: write, activate, cancel, renew, put a balance right."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Annotated, Any
from uuid import UUID

import strawberry
from sqlalchemy.orm import Session

from graph.api.asking import Info
from graph.api.describing import described
from graph.api.doing import done
from graph.api.entitlement_templates import Allocation, DecreaseOn, Overdraw, Unlisted
from graph.api.entitlements import Entitlement
from graph.api.loading import by_id
from graph.api.problems import AnyProblem
from intake import entitlements as rows
from intake.agents import Principal

REFERENCES = ("account", "contact", "owner", "sla", "calendar")
Act = Callable[[Session, Principal], rows.Entitlement | None]


@strawberry.input(description="How much may come by one channel.")
class ChannelTotal:
    channel: str = strawberry.field(description="The channel: email, phone, web …")
    total: int = strawberry.field(description="How much, in cases or minutes; 0 closes it.")


@strawberry.input(description="What is written into an entitlement.")
class EntitlementTerms:
    name: str = strawberry.field(description="What it is called.")
    starts_on: date = strawberry.field(description="Its first day.")
    ends_on: date = strawberry.field(description="Its last day, included.")
    total: int = strawberry.field(description="How much, in cases or minutes.")
    account: UUID | None = strawberry.field(default=None, description="Whose: the account's …")
    contact: UUID | None = strawberry.field(default=None, description="… or the contact's own.")
    allocation: Allocation = strawberry.field(
        default=rows.Allocation.CASES, description="What a term is."
    )
    decrease_on: DecreaseOn = strawberry.field(
        default=rows.DecreaseOn.CREATION, description="When a term is taken; hours on resolution."
    )
    restricted: bool = strawberry.field(default=True, description="Whether used up means no.")
    overdraw: Overdraw = strawberry.field(
        default=rows.Overdraw.SPLIT,
        description="What becomes of what a resolved case used beyond what was left.",
    )
    unlisted: Unlisted = strawberry.field(
        default=rows.Unlisted.DENY, description="What channels may do that are not listed."
    )
    channels: list[ChannelTotal] = strawberry.field(
        default_factory=list, description="How much of it may come by which channel."
    )
    contacts: list[UUID] = strawberry.field(
        default_factory=list, description="The contacts it is limited to; none: everybody."
    )
    products: list[UUID] = strawberry.field(
        default_factory=list, description="The products it is limited to; none: all."
    )
    reserve: int = strawberry.field(
        default=1, description="What an open case holds back where terms go on resolution."
    )
    period_months: int | None = strawberry.field(
        default=None, description="Its terms come anew so often; null: once."
    )
    carry_over: int = strawberry.field(default=0, description="So much that is unused may move on.")
    carry_over_days: int | None = strawberry.field(
        default=None, description="What moved on expires after so many days; null: never."
    )
    thresholds: list[int] = strawberry.field(
        default_factory=lambda: [20, 0],
        description="It runs low when so many percent, or less, are left.",
    )
    renewal_days: list[int] = strawberry.field(
        default_factory=list,
        description="Reminders go out so many days before its end; < 0 is after it.",
    )
    draft_renewal: bool = strawberry.field(
        default=False, description="Whether the clock drafts its renewal once it runs low or ends."
    )
    email: str = strawberry.field(default="", description="Where the reminders go.")
    description: str = strawberry.field(default="", description="What it is, in words.")
    owner: UUID | None = strawberry.field(default=None, description="The agent who answers for it.")
    sla: UUID | None = strawberry.field(default=None, description="The SLA of what it covers.")
    calendar: UUID | None = strawberry.field(
        default=None, description="The hours in which it is served, whose zone its days are of."
    )

    def fields(self) -> dict[str, Any]:
        """The terms as the domain takes them. Raises BadEntitlement for a channel given twice."""
        given = dict(vars(self))
        channels = {each.channel: each.total for each in given.pop("channels")}
        if len(channels) < len(self.channels):
            raise rows.BadEntitlement("channels", "one of them is listed twice")
        renamed = {f"{name}_id": given.pop(name) for name in REFERENCES}
        return {**given, **renamed, "channels": channels}


@strawberry.type(description="It was done.")
class EntitlementChanged:
    entitlement_id: strawberry.Private[UUID | None]
    warnings: list[str] = strawberry.field(
        description="What seems doubtful, by field, and was done nevertheless."
    )

    @described("The entitlement now; null when it was deleted.")
    def entitlement(self, info: Info) -> Entitlement | None:
        found = by_id(info.context, Entitlement, rows.Entitlement, [self.entitlement_id])
        return found.get(self.entitlement_id)


EntitlementResult = Annotated[
    EntitlementChanged | AnyProblem,
    strawberry.union("EntitlementResult", description="It was done, or why it was not."),
]
EntitlementId = Annotated[UUID, strawberry.argument(description="The id of the entitlement.")]


def change(info: Info, act: Act) -> EntitlementChanged | AnyProblem:
    """Do that in a transaction of its own, or say why not. What seems doubtful is told too."""

    def acted(session: Session, by: Principal) -> EntitlementChanged:
        held = act(session, by)
        doubts = rows.doubts(session, held) if held else []
        return EntitlementChanged(
            entitlement_id=held.id if held else None,
            warnings=[f"{each.field}: {each.words}" for each in doubts],
        )

    return done(info, acted)


@strawberry.type
class EntitlementMutations:
    @described("Draft an entitlement.")
    def draft_entitlement(self, info: Info, terms: EntitlementTerms) -> EntitlementResult:
        at = info.context.at
        return change(info, lambda session, by: rows.write(session, at=at, by=by, **terms.fields()))

    @described("Draft an entitlement for a customer from a template.")
    def draft_entitlement_from_template(
        self,
        info: Info,
        template: UUID,
        starts_on: date,
        account: UUID | None = None,
        contact: UUID | None = None,
        name: str = "",
    ) -> EntitlementResult:
        at = info.context.at
        return change(
            info,
            lambda session, by: rows.write_from(
                session, template,
                starts_on=starts_on, account_id=account, contact_id=contact, name=name,
                at=at, by=by,
            ),
        )  # fmt: skip

    @described("Write other terms into a draft.")
    def redraft_entitlement(
        self, info: Info, id: EntitlementId, terms: EntitlementTerms
    ) -> EntitlementResult:
        at = info.context.at
        return change(
            info, lambda session, by: rows.rewrite(session, id, at=at, by=by, **terms.fields())
        )

    @described("Put a draft in force: waiting, active or expired by its dates.")
    def activate_entitlement(self, info: Info, id: EntitlementId) -> EntitlementResult:
        asking = info.context
        on = asking.house.desk.day(asking.at)

        def act(session: Session, by: Principal) -> rows.Entitlement:
            entitlement = rows.of_id(session, id)
            rows.activate(session, entitlement, on=on, at=asking.at, by=by)
            return entitlement

        return change(info, act)

    @described("Take it back into draft, to be changed; what was taken from it stays taken.")
    def deactivate_entitlement(self, info: Info, id: EntitlementId) -> EntitlementResult:
        at = info.context.at
        return change(
            info,
            lambda session, by: rows.deactivate(session, rows.of_id(session, id), at=at, by=by),
        )

    @described("End it at once.")
    def cancel_entitlement(
        self, info: Info, id: EntitlementId, reason: str = ""
    ) -> EntitlementResult:
        at = info.context.at
        return change(
            info,
            lambda session, by: rows.cancel(
                session, rows.of_id(session, id), reason=reason, at=at, by=by
            ),
        )

    @described("Draft one like it and as long, from a day on, or from today; each names the other.")
    def renew_entitlement(
        self, info: Info, id: EntitlementId, on: date | None = None
    ) -> EntitlementResult:
        asking = info.context
        day = on or asking.house.desk.day(asking.at)
        return change(
            info,
            lambda session, by: rows.renew(
                session, rows.of_id(session, id), on=day, at=asking.at, by=by
            ),
        )

    @described("Delete a draft that was never in force.")
    def delete_entitlement(self, info: Info, id: EntitlementId) -> EntitlementResult:
        at = info.context.at
        return change(
            info, lambda session, by: rows.discard(session, rows.of_id(session, id), at=at, by=by)
        )

    @described("Make it its customer's first choice.")
    def set_default_entitlement(self, info: Info, id: EntitlementId) -> EntitlementResult:
        at = info.context.at
        return change(
            info,
            lambda session, by: rows.set_default(session, rows.of_id(session, id), at=at, by=by),
        )

    @described("Put a balance right, up or down: a channel's own if one is named, else the whole.")
    def correct_entitlement(
        self, info: Info, id: EntitlementId, amount: int, reason: str, channel: str = ""
    ) -> EntitlementResult:
        at = info.context.at

        def act(session: Session, by: Principal) -> rows.Entitlement:
            entitlement = rows.of_id(session, id)
            rows.correct(
                session,
                entitlement,
                amount,
                reason,
                channel=channel,
                at=at,
                by=by,
            )
            return entitlement

        return change(info, act)
