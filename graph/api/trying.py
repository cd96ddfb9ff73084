"""An SLA run against cases of the past: what it would have kept and broken. For managers."""

from __future__ import annotations

from datetime import datetime
from itertools import islice
from typing import Annotated
from uuid import UUID

import strawberry

from graph.api.asking import Info
from graph.api.describing import described
from graph.api.limits import FIRST_DEFAULT
from graph.api.pages import First
from graph.api.slas import Kpi
from intake.sla import trying

Outcome = trying.Outcome
strawberry.enum(
    Outcome, name="PromiseOutcome", description="What became, or would have become, of a promise."
)


@strawberry.type(description="How many promises of a kind had one outcome.")
class OutcomeCount:
    outcome: Outcome = strawberry.field(description="The outcome.")
    was: int = strawberry.field(description="How many had it.")
    would: int = strawberry.field(description="How many would have had it.")


@strawberry.type(description="What became of one kind of promise, and what would have.")
class PromiseTrial:
    kpi: Kpi = strawberry.field(description="The promise.")
    counts: list[OutcomeCount] = strawberry.field(description="By outcome.")


@strawberry.type(description="One promise on one case, as it was and as it would have been.")
class PromiseVerdict:
    case_number: int = strawberry.field(description="The case's number.")
    kpi: Kpi = strawberry.field(description="The promise.")
    was: Outcome = strawberry.field(description="What became of it.")
    would: Outcome = strawberry.field(description="What would have become of it.")
    due_at: datetime | None = strawberry.field(description="The deadline it would have had.")


@strawberry.type(description="What an SLA would have made of cases of the past.")
class SlaTrial:
    cases: int = strawberry.field(description="How many cases it was tried on.")
    cut: bool = strawberry.field(description="Whether there were more, older ones.")
    promises: list[PromiseTrial] = strawberry.field(description="The numbers, by promise.")
    changed: list[PromiseVerdict] = strawberry.field(
        description="The promises whose outcome would have been another, the latest case first."
    )
    more: bool = strawberry.field(description="Whether more would have been than are listed.")


@strawberry.type
class TryQueries:
    @described(
        "What a draft, or any version of an SLA, would have made of the cases that were opened "
        "in a time. Changes nothing; for managers."
    )
    def try_sla(
        self,
        info: Info,
        id: UUID,
        since: Annotated[datetime, strawberry.argument(description="Cases opened from then on, …")],
        until: Annotated[datetime, strawberry.argument(description="… and before then.")],
        first: First = FIRST_DEFAULT,
    ) -> SlaTrial:
        asking = info.context
        found = trying.try_out(
            asking.session, asking.principal, id, since=since, until=until, at=asking.at
        )
        changed = [each for each in found.verdicts if each.was is not each.would]
        return SlaTrial(
            cases=found.cases,
            cut=found.cut,
            promises=[
                PromiseTrial(
                    kpi=kpi,
                    counts=[
                        OutcomeCount(outcome=each, was=of["was"][each], would=of["would"][each])
                        for each in Outcome
                    ],
                )
                for kpi, of in found.counts().items()
            ],
            changed=[
                PromiseVerdict(
                    case_number=each.case_number,
                    kpi=each.kpi,
                    was=each.was,
                    would=each.would,
                    due_at=each.due_at,
                )
                for each in islice(changed, first)
            ],
            more=len(changed) > first,
        )
