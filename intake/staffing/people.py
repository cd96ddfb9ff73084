"""Who works here, as what, and with which tokens: every change of permission is on the record."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from intake import agents, attendance, events
from intake.agents import Act, Agent, AlreadyHere, Principal, Role
from intake.db import new_id
from intake.errors import IntakeError, NotFound


class WrongAgent(IntakeError):
    """What was given for an agent cannot be meant; the text begins with the field."""

    code = "wrong-agent"


@dataclass(frozen=True, slots=True)
class AgentTerms:
    """What an agent may do, whether they work here, and who they are in Slack."""

    role: Role = Role.AGENT
    active: bool = True
    slack_user: str | None = None


def terms_of_agent(agent: Agent) -> AgentTerms:
    """What is said of an agent now, to be changed in part."""
    return AgentTerms(agent.role, agent.active, agent.slack_user)


def add_agent(
    session: Session, by: Principal, name: str, email: str, terms: AgentTerms, *, at: datetime
) -> Agent:
    """Let somebody work here. Raises WrongAgent, or AlreadyHere for an address that is taken."""
    by.must(Act.ADMINISTER)
    agent = Agent(id=new_id(), name=name.strip(), email=email.strip().lower(), created_at=at)
    if not agent.name:
        raise WrongAgent("name: say what they are called")
    if _somebody(session, agent, Agent.email == agent.email):
        raise AlreadyHere(f"{agent.email} already works here")
    _write(session, agent, terms)
    session.add(agent)
    session.flush()
    events.record(
        session, "agent.added", at=at, actor=by, agent=str(agent.id), name=agent.name,
        email=agent.email, role=agent.role.value, slack_user=agent.slack_user,
    )  # fmt: skip
    return agent


def change_agent(
    session: Session, by: Principal, agent_id: UUID, terms: AgentTerms, *, at: datetime
) -> int:
    """Let this be said of an agent from now on; how many cases others have now, of whom works no
    longer. The event says of each term what it was and what it is."""
    by.must(Act.ADMINISTER)
    agent = session.get(Agent, agent_id, with_for_update=True, populate_existing=True)
    if agent is None:
        raise NotFound("there is no such agent")
    before = terms_of_agent(agent)
    _write(session, agent, terms)
    after = terms_of_agent(agent)
    if after != before:
        session.flush()
        events.record(
            session, "agent.changed", at=at, actor=by, agent=str(agent.id), name=agent.name,
            changes={
                term.name: [getattr(before, term.name), getattr(after, term.name)]
                for term in fields(AgentTerms)
                if getattr(before, term.name) != getattr(after, term.name)
            },
        )  # fmt: skip
    return attendance.hand_over(session, by, agent, at=at)


def add_token(
    session: Session,
    by: Principal,
    agent: Agent,
    *,
    name: str,
    at: datetime,
    lasts: timedelta | None = None,
) -> str:
    """A new token that acts for an agent; the secret is returned, and kept and told nowhere."""
    by.must(Act.ADMINISTER)
    secret = agents.add_token(session, agent, name=name, at=at, lasts=lasts)
    events.record(
        session, "agent.token_added", at=at, actor=by, agent=str(agent.id), name=agent.name,
        token=name, expires_at=(at + lasts).isoformat() if lasts else None,
    )  # fmt: skip
    return secret


def _write(session: Session, agent: Agent, terms: AgentTerms) -> None:
    slack_user = terms.slack_user or None
    if slack_user and (other := _somebody(session, agent, Agent.slack_user == slack_user)):
        raise WrongAgent(f"slack_user: {slack_user} is {other} already")
    agent.role, agent.active, agent.slack_user = terms.role, terms.active, slack_user


def _somebody(session: Session, agent: Agent, who: ColumnElement[bool]) -> str | None:
    """The name of another agent of whom that is true."""
    return session.scalar(select(Agent.name).where(who, Agent.id != agent.id))
