"""Who works here, and who asks."""

from __future__ import annotations

from uuid import UUID

import strawberry
from sqlalchemy import select

from graph.api.asking import Info
from graph.api.describing import described
from graph.api.loading import Shown, together
from intake import agents as rows

Role = rows.Role
strawberry.enum(
    Role, name="Role", description="What an agent is trusted with; each includes the next."
)
Act = rows.Act
strawberry.enum(Act, name="Act", description="A kind of thing that may be done.")


@strawberry.type(description="Somebody who works here.")
class Agent(Shown):
    id: UUID = strawberry.field(description="The agent's id.")
    name: str = strawberry.field(description="What colleagues and customers call them.")
    email: str = strawberry.field(description="Their own mail address.")
    role: Role = strawberry.field(description="What they are trusted with.")
    active: bool = strawberry.field(description="Whether they still work here.")


@strawberry.type(description="Who asks, as the desk knows them.")
class Me:
    name: str = strawberry.field(description="The agent's name.")
    acts: list[Act] = strawberry.field(description="What may be done with this token or session.")
    via: str = strawberry.field(description="The way the request came: graphql or console.")
    agent_id: strawberry.Private[UUID | None]

    @described("The agent who asks.")
    def agent(self, info: Info) -> Agent | None:
        row = info.context.session.get(rows.Agent, self.agent_id) if self.agent_id else None
        return Agent.of(row) if row else None


@strawberry.type
class AgentQueries:
    @described("Who you are to this desk.")
    def me(self, info: Info) -> Me:
        principal = info.context.principal
        return Me(
            name=principal.name,
            acts=sorted(principal.acts),
            via=principal.via,
            agent_id=principal.id,
        )

    @described("Who works here, by name.")
    def agents(self, info: Info, active_only: bool = True) -> list[Agent]:
        statement = select(rows.Agent).order_by(rows.Agent.name)
        if active_only:
            statement = statement.where(rows.Agent.active)
        return together(Agent, info.context.session.scalars(statement))
