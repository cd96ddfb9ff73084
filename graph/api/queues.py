"""Where cases wait, as seen by who asks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import strawberry
from sqlalchemy import select

from graph.api.agents import Agent
from graph.api.asking import Asking, Info
from graph.api.describing import described
from graph.api.limits import FIRST_DEFAULT
from graph.api.loading import Shown, shared, together
from graph.api.pages import After, Connection, First
from graph.api.teams import Team, teams_by_id
from intake import agents, cases
from intake import queues as rows
from intake.visibility import queues_listed_for, queues_visible_to, visible_to

if TYPE_CHECKING:
    from graph.api.cases import Case

WhenNotCovered = rows.WhenNotCovered
strawberry.enum(
    WhenNotCovered,
    name="WhenNotCovered",
    description="What a queue does with a case that no entitlement covers.",
)


Assignment = rows.Assignment
strawberry.enum(Assignment, name="Assignment", description="Who gets what waits in a queue.")
Continuity = rows.Continuity
strawberry.enum(
    Continuity,
    name="Continuity",
    description="What becomes of what a customer writes anew while a young case is open: a case of "
    "its own, one that says where it seems to belong, or part of the young case.",
)


@strawberry.type(description="A place where cases wait.")
class Queue(Shown):
    id: UUID = strawberry.field(description="The queue's id.")
    name: str = strawberry.field(description="What it is called.")
    address: str | None = strawberry.field(description="The mailbox that feeds it.")
    is_default: bool = strawberry.field(description="Whether cases go here that nothing routes.")
    private: bool = strawberry.field(
        description="Whether only its members have it in their lists, whoever sees its cases."
    )
    members_only: bool = strawberry.field(
        description="Whether only its members, and managers, see its cases."
    )
    when_not_covered: WhenNotCovered = strawberry.field(
        description="What it does with a case that no entitlement covers."
    )

    continuity: Continuity = strawberry.field(
        description="What becomes of what a customer writes anew while a young case is open."
    )
    continuity_hours: int = strawberry.field(
        description="How long a case that waits here is young."
    )
    assignment: Assignment = strawberry.field(description="Who gets what waits here.")
    absent_minutes: int | None = strawberry.field(
        description="After how long an absent agent's cases go back to it; null for never."
    )
    archived_at: datetime | None = strawberry.field(
        description="Since when nothing waits here any more."
    )
    version: int = strawberry.field(description="Goes up with each change: `expectedVersion`.")
    owner_id: strawberry.Private[UUID | None]
    owner_team_id: strawberry.Private[UUID | None]

    @described("The agent whose a case is that was released here.")
    def owner(self, info: Info) -> Agent | None:
        return self.named(info, "owner_id", Agent, agents.Agent)

    @described("The team whose a case is that was released here.")
    def owner_team(self, info: Info) -> Team | None:
        return self.loaded(info, owner_teams).get(self.owner_team_id)

    @described("The agents who work it, by name.")
    def members(self, info: Info) -> list[Agent]:
        return self.loaded(info, members).get(self.id, [])

    @described("How many cases wait here, worked on or not; only those you see.")
    def waiting(self, info: Info) -> int:
        return self.loaded(info, counts).get(self.id, (0, 0))[0]

    @described("How many of the waiting ones somebody works on.")
    def worked(self, info: Info) -> int:
        return self.loaded(info, counts).get(self.id, (0, 0))[1]

    @described("Its active cases, the nearest deadline first.")
    def cases(
        self, info: Info, first: First = FIRST_DEFAULT, after: After = None
    ) -> Connection[Annotated[Case, strawberry.lazy("graph.api.cases")]]:
        from graph.api.caselists import in_queues

        return self.loaded(info, in_queues, first, after)[self.id]


@strawberry.type(description="A case's place in the queue where it waits.")
class QueueItem(Shown):
    id: UUID = strawberry.field(description="The item's id.")
    entered_at: datetime = strawberry.field(description="Since when it waits there.")
    worked_since_at: datetime | None = strawberry.field(description="Since when it is worked on.")
    worked_by_id: strawberry.Private[UUID | None]
    worked_by_team_id: strawberry.Private[UUID | None]

    @described("The team that works on it, or for one of whom it waits.")
    def worked_by_team(self, info: Info) -> Team | None:
        return self.loaded(info, crews).get(self.worked_by_team_id)

    @described("Who works on it.")
    def worked_by(self, info: Info) -> Agent | None:
        return self.named(info, "worked_by_id", Agent, agents.Agent)


@strawberry.type
class QueueQueries:
    @described("The queues in your lists, by name; with archived ones, all that you may see.")
    def queues(self, info: Info, archived_too: bool = False) -> list[Queue]:
        asking = info.context
        of = queues_visible_to if archived_too else queues_listed_for
        statement = of(asking.principal)
        return together(Queue, asking.session.scalars(statement))


def counts(asking: Asking, queues: Sequence[Queue]) -> Mapping[UUID, tuple[int, int]]:
    among = visible_to(asking.principal).with_only_columns(cases.Case.id)
    return rows.counts(asking.session, among=among)


def owner_teams(asking: Asking, queues: Sequence[Queue]) -> Mapping[UUID | None, Team]:
    return teams_by_id(asking, (queue.owner_team_id for queue in queues))


def members(asking: Asking, queues: Sequence[Queue]) -> Mapping[UUID, list[Agent]]:
    found = asking.session.execute(
        select(agents.Agent, rows.QueueMember.queue_id)
        .join(rows.QueueMember, rows.QueueMember.agent_id == agents.Agent.id)
        .where(rows.QueueMember.queue_id.in_([queue.id for queue in queues]))
        .order_by(agents.Agent.name)
    )
    return shared(Agent, found)


def crews(asking: Asking, items: Sequence[QueueItem]) -> Mapping[UUID | None, Team]:
    return teams_by_id(asking, (item.worked_by_team_id for item in items))
