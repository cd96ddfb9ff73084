"""Who is told of a case that is not theirs, and by which way."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from intake import events, followers
from intake.agents import Act, Agent, HearsBy, Kind, Principal
from intake.cases import Case
from intake.errors import IntakeError
from intake.visibility import one_visible


def follow(
    session: Session,
    by: Principal,
    case_id: UUID,
    agent_ids: Sequence[UUID] = (),
    *,
    at: datetime,
) -> Case:
    """Let agents follow a case; nobody named: whoever asks. They are told only while they may
    see it."""
    case, agents = _asked(session, by, case_id, agent_ids)
    followers.add(session, case, [agent.id for agent in agents], at=at)
    _record(session, case, by, "case.followed", agents, at)
    return case


def unfollow(
    session: Session,
    by: Principal,
    case_id: UUID,
    agent_ids: Sequence[UUID] = (),
    *,
    at: datetime,
) -> Case:
    """Let agents follow a case no more; nobody named: whoever asks."""
    case, agents = _asked(session, by, case_id, agent_ids)
    for agent in agents:
        followers.remove(session, case, agent.id)
    _record(session, case, by, "case.unfollowed", agents, at)
    return case


def hear_by(session: Session, by: Principal, way: HearsBy) -> Agent:
    """Say how you want to be told of the cases that you follow."""
    by.must(Act.WORK)
    [agent] = _agents(session, by, ())
    agent.hears_by = way
    return agent


def _asked(
    session: Session, by: Principal, case_id: UUID, agent_ids: Sequence[UUID]
) -> tuple[Case, list[Agent]]:
    by.must(Act.WORK if set(agent_ids) - {by.id} else Act.READ)
    return one_visible(session, by, case_id), _agents(session, by, agent_ids)


def _agents(session: Session, by: Principal, agent_ids: Sequence[UUID]) -> list[Agent]:
    if not agent_ids and by.kind is Kind.AGENT and by.id is not None:
        agent_ids = (by.id,)
    active = select(Agent).where(Agent.id.in_(agent_ids), Agent.active).order_by(Agent.name)
    agents = list(session.scalars(active))
    if not agents or len(agents) < len(set(agent_ids)):
        raise IntakeError("there is no such active agent")
    return agents


def _record(
    session: Session, case: Case, by: Principal, kind: str, agents: Sequence[Agent], at: datetime
) -> None:
    names = [agent.name for agent in agents]
    events.record(session, kind, at=at, actor=by, case_id=case.id, number=case.number, agents=names)
