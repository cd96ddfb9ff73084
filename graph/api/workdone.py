"""What is done for a case and what is still to be done, how long it took, and how it ended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

import strawberry
from sqlalchemy import select

from graph.api.activities import Activity
from graph.api.agents import Agent
from graph.api.asking import Asking, Info
from graph.api.describing import described
from graph.api.loading import Shown, grouped
from graph.api.statuses import CaseReason
from intake import agents, billing, work
from intake import cases as rows
from intake.billing import Spent


@strawberry.type(description="How a case was resolved. Each is kept; the first is the valid one.")
class Resolution(Shown):
    id: UUID = strawberry.field(description="The resolution's id.")
    kind: CaseReason = strawberry.field(description="Its type: a reason of resolved cases.")
    called: str = strawberry.field(description="What people called that type that day.")
    text: str = strawberry.field(description="How it was solved, or empty.")
    total_minutes: int = strawberry.field(description="What all that was done took.")
    billable_minutes: int = strawberry.field(description="What of it is billed or drawn.")
    at: datetime = strawberry.field(description="When.")
    agent_id: strawberry.Private[UUID | None]

    @described("Who resolved it.")
    def agent(self, info: Info) -> Agent | None:
        return self.named(info, "agent_id", Agent, agents.Agent)


@strawberry.type
class WorkDone(Shown):
    """The fields of a case that tell of work."""

    @described("What is still to be done for it, what is due first before the others.")
    def open_activities(self, info: Info) -> list[Activity]:
        return self.loaded(info, to_be_done).get(self.id, [])

    @described("How long all that was done for it took, in minutes.")
    def total_minutes(self, info: Info) -> int:
        return self.loaded(info, spent)[self.id].worked

    @described("What of that nobody took out of billing.")
    def billable_minutes(self, info: Info) -> int:
        return self.loaded(info, spent)[self.id].billable

    @described("How it was resolved, each time; the latest first.")
    def resolutions(self, info: Info) -> list[Resolution]:
        return self.loaded(info, endings).get(self.id, [])


def to_be_done(asking: Asking, cases: Sequence[Shown]) -> Mapping[UUID, list[Activity]]:
    found = work.open_of(asking.session, [case.id for case in cases])
    return grouped(Activity, found, lambda row: row.case_id)


def spent(asking: Asking, cases: Sequence[Shown]) -> Mapping[UUID, Spent]:
    return billing.spent_on(asking.session, [case.id for case in cases])


def endings(asking: Asking, cases: Sequence[Shown]) -> Mapping[UUID, list[Resolution]]:
    found = asking.session.scalars(
        select(rows.Resolution)
        .where(rows.Resolution.case_id.in_([case.id for case in cases]))
        .order_by(rows.Resolution.at.desc(), rows.Resolution.id.desc())
    )
    return grouped(Resolution, found, lambda row: row.case_id)
