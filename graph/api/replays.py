"""What a customer's past cases would have cost on the terms of a template. For managers, since it
counts cases that one may not see."""

from __future__ import annotations

from datetime import date
from typing import Annotated
from uuid import UUID

import strawberry

from graph.api.asking import Info
from graph.api.decisions import Refusal
from graph.api.describing import described
from graph.api.entitlement_templates import Allocation
from intake import entitlements, rehearsal
from intake.agents import Act
from intake.errors import NotFound


@strawberry.type(description="What a replay used by one channel.")
class ReplayedChannel:
    channel: str = strawberry.field(description="The channel: email, phone, web …")
    taken: int = strawberry.field(description="Cases or minutes taken.")


@strawberry.type(description="How many cases a replay refused for one reason.")
class ReplayedRefusal:
    refusal: Refusal = strawberry.field(description="Why.")
    cases: int = strawberry.field(description="How many.")


@strawberry.type(description="One month of a replay, by when its cases were opened or resolved.")
class ReplayedMonth:
    month: date = strawberry.field(description="Its first day.")
    cases: int = strawberry.field(description="Cases opened.")
    covered: int = strawberry.field(description="Cases that would have been covered.")
    taken: int = strawberry.field(description="Cases or minutes taken.")
    overage: int = strawberry.field(description="Cases or minutes beyond what was left, to bill.")


@strawberry.type(description="What past cases would have cost on other terms.")
class Replay:
    words: str = strawberry.field(description="The answer in one sentence.")
    allocation: Allocation = strawberry.field(description="What a term is.")
    cases: int = strawberry.field(description="How many cases were looked at.")
    covered: int = strawberry.field(description="How many would have been covered.")
    taken: int = strawberry.field(description="Cases or minutes taken.")
    overage: int = strawberry.field(description="Cases or minutes beyond what was left, to bill.")
    left: int = strawberry.field(description="What the last period would have left.")
    used_up_on: date | None = strawberry.field(
        description="The first day on which a case was refused or billed for want of terms."
    )
    refused: list[ReplayedRefusal] = strawberry.field(description="The cases not covered.")
    by_channel: list[ReplayedChannel] = strawberry.field(description="What was taken, by channel.")
    months: list[ReplayedMonth] = strawberry.field(description="Month by month.")


@strawberry.type
class ReplayQueries:
    @described(
        "What the cases of a customer, opened from a day to before another, would have cost on "
        "the terms of a template. Changes nothing; for managers."
    )
    def replay(
        self,
        info: Info,
        template: UUID,
        since: date,
        until: Annotated[date, strawberry.argument(description="The day after the last.")],
        account: UUID | None = None,
        contact: UUID | None = None,
    ) -> Replay:
        asking = info.context
        asking.principal.must(Act.MANAGE)
        terms = asking.session.get(entitlements.EntitlementTemplate, template)
        if terms is None:
            raise NotFound("there is no such entitlement template")
        told = rehearsal.replay(
            asking.session, terms,
            since=since, until=until, account_id=account, contact_id=contact,
            desk=asking.house.desk,
        )  # fmt: skip
        return Replay(
            words=told.words,
            allocation=terms.allocation,
            cases=told.cases,
            covered=told.covered,
            taken=told.taken,
            overage=told.overage,
            left=told.left,
            used_up_on=told.used_up_on,
            refused=[
                ReplayedRefusal(refusal=refusal, cases=cases)
                for refusal, cases in sorted(told.refused.items())
            ],
            by_channel=[
                ReplayedChannel(channel=channel, taken=taken)
                for channel, taken in sorted(told.by_channel.items())
            ],
            months=[
                ReplayedMonth(
                    month=month, cases=each.cases, covered=each.covered,
                    taken=each.taken, overage=each.overage,
                )
                for month, each in sorted(told.months.items())
            ],
        )  # fmt: skip
