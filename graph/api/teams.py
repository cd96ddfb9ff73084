"""Teams: who works together, as seen by who asks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from uuid import UUID

import strawberry
from sqlalchemy import select

from graph.api.agents import Agent
from graph.api.asking import Asking, Info
from graph.api.describing import described
from graph.api.loading import Shown, by_id, shared, together
from intake import agents
from intake import teams as rows


@strawberry.type(description="Agents who work together, whom a case can be given to as one.")
class Team(Shown):
    id: UUID = strawberry.field(description="The team's id.")
    name: str = strawberry.field(description="What it is called.")
    archived_at: datetime | None = strawberry.field(
        description="Since when no work is given to it any more."
    )
    version: int = strawberry.field(description="Goes up with each change: `expectedVersion`.")
    lead_id: strawberry.Private[UUID | None]

    @described("Who leads it.")
    def lead(self, info: Info) -> Agent | None:
        return self.named(info, "lead_id", Agent, agents.Agent)

    @described("Who is in it, by name.")
    def members(self, info: Info) -> list[Agent]:
        return self.loaded(info, members).get(self.id, [])


@strawberry.type
class TeamQueries:
    @described("The teams, by name.")
    def teams(self, info: Info, archived_too: bool = False) -> list[Team]:
        return together(Team, rows.every(info.context.session, archived=archived_too))


def teams_by_id(asking: Asking, ids: Iterable[UUID | None]) -> Mapping[UUID | None, Team]:
    """These teams, by their ids."""
    return by_id(asking, Team, rows.Team, ids)


def members(asking: Asking, teams: Sequence[Team]) -> Mapping[UUID, list[Agent]]:
    """Who is in these teams, by name."""
    found = asking.session.execute(
        select(agents.Agent, rows.TeamMember.team_id)
        .join(rows.TeamMember, rows.TeamMember.agent_id == agents.Agent.id)
        .where(rows.TeamMember.team_id.in_([team.id for team in teams]))
        .order_by(agents.Agent.name)
    )
    return shared(Agent, found)
