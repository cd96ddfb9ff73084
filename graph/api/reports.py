"""Figures over all cases that who asks may see."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date
from typing import Annotated

import strawberry

from graph.api.asking import Info
from graph.api.describing import described
from graph.api.entitlements import Entitlement, Forecast
from graph.api.limits import FIRST_DEFAULT
from graph.api.loading import together
from graph.api.pages import First
from graph.api.queues import Queue
from graph.api.statuses import CaseState
from intake import reports as rows
from intake.errors import IntakeError

MOST_WEEKS = 53


class TooManyWeeks(IntakeError):
    """The report goes back a year at most."""

    code = "too-many-weeks"


@strawberry.type(description="The cases of a channel that stand in a state.")
class CaseShare:
    state: CaseState = strawberry.field(description="Where they stand.")
    channel: str = strawberry.field(description="Where they came from.")
    count: int = strawberry.field(description="How many there are.")
    percent: float = strawberry.field(description="Their share of all cases, in percent.")


@strawberry.type(description="How the promises of the cases opened in one week were kept.")
class SlaWeek:
    starts_on: date = strawberry.field(description="The week's Monday, on the desk's calendar.")
    near_deadline: int = strawberry.field(description="A clock has warned and still runs.")
    in_time: int = strawberry.field(description="Every promise was kept.")
    in_work: int = strawberry.field(description="The clocks run, none has warned.")
    missed: int = strawberry.field(description="A deadline was missed.")
    without: int = strawberry.field(description="Nothing was promised.")


@strawberry.type(description="The open cases of one queue, each counted once.")
class QueueLoad:
    queue: Queue = strawberry.field(description="The queue.")
    late: int = strawberry.field(description="A deadline was missed.")
    available: int = strawberry.field(description="Free to take.")
    in_work: int = strawberry.field(description="Somebody works on it.")


@strawberry.type(description="What is left of an entitlement in force, and how long it will last.")
class EntitlementExpiration:
    entitlement: Entitlement = strawberry.field(description="What is left of.")
    customer: str = strawberry.field(description="Whose it is.")
    lasts_until: date = strawberry.field(
        description="The day it is used up, as far as one can tell, or ends."
    )
    forecast: Forecast = strawberry.field(description="How that was found.")


@strawberry.type(description="What managers ask of all cases together.")
class Reports:
    @described("The case summary: how many by state and channel.")
    def case_summary(self, info: Info) -> list[CaseShare]:
        shares = rows.case_summary(info.context.session, info.context.principal)
        return [CaseShare(**asdict(share)) for share in shares]

    @described("Cases by SLA status over weeks, the oldest week first.")
    def cases_by_sla_status(
        self,
        info: Info,
        weeks: Annotated[
            int, strawberry.argument(description=f"How many, up to {MOST_WEEKS}.")
        ] = 8,
    ) -> list[SlaWeek]:
        asking = info.context
        if not 1 <= weeks <= MOST_WEEKS:
            raise TooManyWeeks(f"ask for 1 to {MOST_WEEKS} weeks")
        found = rows.sla_weeks(
            asking.session, asking.principal, weeks=weeks, at=asking.at, zone=asking.house.desk.zone
        )
        return [SlaWeek(**asdict(week)) for week in found]

    @described("The open cases of each queue that you may see, the fullest first.")
    def cases_by_queue(self, info: Info) -> list[QueueLoad]:
        asking = info.context
        loads = rows.queue_load(asking.session, asking.principal, at=asking.at)
        shown = together(Queue, (load.queue for load in loads))
        return [
            QueueLoad(queue=queue, late=load.late, available=load.available, in_work=load.in_work)
            for queue, load in zip(shown, loads, strict=True)
        ]

    @described("What is left per customer, of what will be used up or end the soonest.")
    def entitlements_expiration(
        self, info: Info, first: First = FIRST_DEFAULT
    ) -> list[EntitlementExpiration]:
        asking = info.context
        found = rows.running_out(
            asking.session, asking.principal, asking.house.desk, at=asking.at, limit=first
        )
        shown = together(Entitlement, (each.entitlement for each in found))
        return [
            EntitlementExpiration(
                entitlement=entitlement,
                customer=each.customer,
                lasts_until=each.lasts_until,
                forecast=Forecast(**asdict(each.forecast)),
            )
            for entitlement, each in zip(shown, found, strict=True)
        ]


@strawberry.type
class ReportQueries:
    @described("Figures over all cases that you may see.")
    def reports(self) -> Reports:
        return Reports()
