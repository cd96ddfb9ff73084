"""Who works here, and how they get in."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Annotated

import typer
from sqlalchemy import select

from graph import starting
from graph.cli.ground import now, out, settings_in_force
from graph.cli.words import agent_app
from graph.opening import open_database
from intake import agents, staffing
from intake.agents import OPERATOR, Agent, Role
from intake.errors import IntakeError
from intake.nouns import noun
from intake.staffing import AgentTerms


@agent_app.command("add")
def agent_add(
    name: str,
    email: str,
    role: Role = Role.AGENT,
    slack_user: Annotated[str | None, typer.Option(help="The Slack user id, U…")] = None,
) -> None:
    """Let somebody work here."""
    db = open_database(settings_in_force())
    with db.transaction() as session:
        terms = AgentTerms(role, slack_user=slack_user)
        staffing.add_agent(session, OPERATOR, name, email, terms, at=now())
    out.print(f"{name} works here as {role}")
    db.close()


@agent_app.command("set")
def agent_set(
    email: str,
    role: Annotated[Role | None, typer.Option()] = None,
    slack_user: Annotated[str | None, typer.Option(help="The Slack user id, U…")] = None,
    active: Annotated[bool | None, typer.Option(help="Whether they work here.")] = None,
) -> None:
    """Change what an agent may do, who they are in Slack, or whether they work here."""
    db = open_database(settings_in_force())
    with db.transaction() as session:
        agent = session.scalar(select(Agent).where(Agent.email == email.lower()))
        if agent is None:
            raise IntakeError(f"{email} does not work here; `deskbell agent add` lets somebody in")
        terms = staffing.terms_of_agent(agent)
        terms = replace(
            terms,
            role=role or terms.role,
            active=terms.active if active is None else active,
            slack_user=terms.slack_user if slack_user is None else slack_user,
        )
        given = staffing.change_agent(session, OPERATOR, agent.id, terms, at=now())
    went = f"; {given} {noun if given == 1 else noun.many} went to others" if given else ""
    out.print(f"{agent.name} changed{went}")
    db.close()


@agent_app.command("sign-in-link")
def agent_link(email: str) -> None:
    """Print a link that signs an agent in once, within 15 minutes."""
    found = settings_in_force()
    db = open_database(found)
    with db.transaction() as session:
        out.print(starting.sign_in_url(session, found, _agent(agents.by_email(session, email))))
    db.close()


@agent_app.command("token")
def agent_token(
    email: str,
    name: str = "command line",
    days: Annotated[int, typer.Option(min=1, max=3660)] = 90,
) -> None:
    """Print a new API token that acts for an agent; it is shown once."""
    db = open_database(settings_in_force())
    with db.transaction() as session:
        agent = _agent(agents.by_email(session, email))
        lasts = timedelta(days=days)
        token = staffing.add_token(session, OPERATOR, agent, name=name, at=now(), lasts=lasts)
        out.print(token)
    db.close()


def _agent(found: Agent | None) -> Agent:
    if found is None:
        raise IntakeError("there is no active agent with that address")
    return found
