"""Teams: agents who work together, and whom a case can be given to as one."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, Select, String, select
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from intake.agents import Agent
from intake.db import Base, new_id, refers_to
from intake.errors import NotFound


class Team(Base):
    """Some who work together. Its lead is told of it first, and need not be a member."""

    __tablename__ = "teams"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    name: Mapped[str] = mapped_column(String(120), unique=True)
    lead_id: Mapped[UUID | None] = mapped_column(refers_to("agents.id"))
    created_at: Mapped[datetime]
    archived_at: Mapped[datetime | None]
    """Since when no work is given to it any more."""
    version: Mapped[int] = mapped_column(default=1)
    lead: Mapped[Agent | None] = relationship()

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012


class TeamMember(Base):
    """An agent of a team."""

    __tablename__ = "team_members"

    team_id: Mapped[UUID] = mapped_column(refers_to("teams.id"), primary_key=True)
    agent_id: Mapped[UUID] = mapped_column(refers_to("agents.id"), primary_key=True, index=True)


def every(session: Session, *, archived: bool = False) -> list[Team]:
    """The teams that work is given to, by name; with `archived`, the others too."""
    statement = select(Team).order_by(Team.name)
    return list(session.scalars(statement if archived else statement.where(in_use())))


def in_use() -> ColumnElement[bool]:
    """Whether work is given to a team."""
    return Team.archived_at.is_(None)


def of_agent(agent_id: UUID | None) -> Select[UUID]:
    """The ids of the teams an agent is in, as a query."""
    return select(TeamMember.team_id).where(TeamMember.agent_id == agent_id)


def members_of(team_id: UUID) -> Select[UUID]:
    """The ids of those in a team who work here, as a query."""
    return (
        select(TeamMember.agent_id)
        .join(Agent, Agent.id == TeamMember.agent_id)
        .where(TeamMember.team_id == team_id, Agent.active)
    )


def is_in(session: Session, agent_id: UUID, team_id: UUID) -> bool:
    """Whether the agent is in the team."""
    return session.get(TeamMember, (team_id, agent_id)) is not None


def one(session: Session, team_id: UUID) -> Team:
    """That team, if work is given to it. Raises NotFound."""
    team = session.get(Team, team_id)
    if team is None or team.archived_at is not None:
        raise NotFound("there is no such team that takes work")
    return team
