"""Agents as sheets ask for them: one of the workspace's people, who must be one of ours."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy.orm import Session

from channels.slack.forms import Block, Submitted
from intake import agents
from intake.agents import Agent, Principal
from intake.errors import NotFound


def person_box(session: Session, chosen: Principal | None = None) -> Block:
    """A list of the workspace's people, in which an agent may be chosen already."""
    box: Block = {"type": "users_select"}
    agent = session.get(Agent, chosen.id) if chosen else None
    return box | {"initial_user": agent.slack_user} if agent and agent.slack_user else box


def chosen_agent(session: Session, sheet: Submitted, name: str) -> UUID | None:
    """The agent chosen there, or None. Raises NotFound for somebody who is none."""
    slack_user = sheet.user(name)
    if not slack_user:
        return None
    found = agents.by_slack_user(session, slack_user)
    if found is None:
        raise NotFound(f"{name}: they are not linked to an active agent of this desk")
    return found.id
