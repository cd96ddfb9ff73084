"""Queues, teams and skills from the command line, and how an agent works."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated
from uuid import UUID

import typer
from rich.table import Table
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from channels.email.composing import Unsendable, address_on_the_wire
from graph.cli.ground import now, out, settings_in_force
from graph.cli.words import agent_app, queue_app, skill_app, team_app
from graph.opening import open_database
from intake import agents, assigning, queues, skills, staffing, teams
from intake.agents import OPERATOR, Agent
from intake.availability import Availability, Presence
from intake.errors import IntakeError
from intake.queues import Assignment, Queue, QueueMember
from intake.skills import Skill
from intake.staffing import QueueTerms, TeamTerms
from intake.teams import Team

Members = Annotated[list[str] | None, typer.Option(help="The mail address of a member; again.")]


@queue_app.command("list")
def queue_list() -> None:
    """List the queues."""
    db = open_database(settings_in_force())
    with db.reading() as session:
        members = dict(
            session.execute(
                select(QueueMember.queue_id, func.count()).group_by(QueueMember.queue_id)
            ).all()
        )
        table = Table(
            "name", "address", "slack channel", "default", "assignment", "members", box=None
        )
        for queue in queues.every(session).every:
            table.add_row(
                queue.name,
                queue.address or "",
                queue.slack_channel,
                "yes" * queue.is_default,
                queue.assignment.value,
                str(members.get(queue.id, 0)),
            )
        out.print(table)
    db.close()


@queue_app.command("add")
def queue_add(name: str, address: str = "", slack_channel: str = "") -> None:
    """Add a queue; `address` is the mailbox that feeds it."""
    db = open_database(settings_in_force())
    with db.transaction() as session:
        terms = QueueTerms(name, _mailbox(address), slack_channel=slack_channel)
        staffing.add_queue(session, OPERATOR, terms, at=now())
    out.print(f"queue {name} added")
    db.close()


@queue_app.command("set")
def queue_set(
    name: str,
    address: Annotated[str | None, typer.Option(help="The mailbox that feeds it.")] = None,
    slack_channel: Annotated[str | None, typer.Option(help="Where it is announced, C…")] = None,
    private: Annotated[bool | None, typer.Option(help="In the lists of members only.")] = None,
    members_only: Annotated[
        bool | None, typer.Option(help="Only members see what waits there.")
    ] = None,
    default: Annotated[bool, typer.Option(help="Make it the default queue.")] = False,
    assignment: Annotated[Assignment | None, typer.Option(help="Who gets what waits.")] = None,
    absent_minutes: Annotated[
        int | None,
        typer.Option(help="What an absent agent has goes back after so long; -1: never."),
    ] = None,
    member: Members = None,
) -> None:
    """Change a queue; what is not named stays, an empty text takes away, `--member` names all."""
    db = open_database(settings_in_force())
    with db.transaction() as session:
        queue = _queue(session, name)
        terms = staffing.terms_of_queue(session, queue)
        if address is not None:
            terms = replace(terms, address=_mailbox(address))
        if slack_channel is not None:
            terms = replace(terms, slack_channel=slack_channel)
        if absent_minutes is not None:
            terms = replace(terms, absent_minutes=absent_minutes if absent_minutes >= 0 else None)
        if member is not None:
            terms = replace(terms, member_ids=_people(session, member))
        terms = replace(
            terms,
            private=terms.private if private is None else private,
            members_only=terms.members_only if members_only is None else members_only,
            is_default=terms.is_default or default,
            assignment=assignment or terms.assignment,
        )
        staffing.change_queue(session, OPERATOR, queue.id, terms, at=now())
    out.print(f"queue {name} changed")
    db.close()


@queue_app.command("archive")
def queue_archive(
    name: str,
    move_to: Annotated[str | None, typer.Option(help="The queue for what waits there.")] = None,
) -> None:
    """Let nothing wait in a queue any more."""
    db = open_database(settings_in_force())
    with db.transaction() as session:
        target = _queue(session, move_to).id if move_to else None
        queue = _queue(session, name)
        staffing.archive_queue(session, OPERATOR, queue.id, at=now(), move_to_id=target)
    out.print(f"queue {name} archived")
    db.close()


@team_app.command("list")
def team_list() -> None:
    """List the teams with who is in them."""
    db = open_database(settings_in_force())
    with db.reading() as session:
        table = Table("name", "lead", "members", box=None)
        for team in teams.every(session):
            crew = select(Agent.name).where(Agent.id.in_(teams.members_of(team.id)))
            names = session.scalars(crew.order_by(Agent.name))
            table.add_row(team.name, team.lead.name if team.lead else "", ", ".join(names))
        out.print(table)
    db.close()


@team_app.command("add")
def team_add(
    name: str,
    lead: Annotated[str | None, typer.Option(help="The mail address of who leads it.")] = None,
    member: Members = None,
    queue: Annotated[str | None, typer.Option(help="Where its work waits.")] = None,
) -> None:
    """Add a team."""
    db = open_database(settings_in_force())
    with db.transaction() as session:
        terms = TeamTerms(
            name,
            _person(session, lead).id if lead else None,
            _people(session, member or []),
            _queue(session, queue).id if queue else None,
        )
        staffing.add_team(session, OPERATOR, terms, at=now())
    out.print(f"team {name} added")
    db.close()


@team_app.command("set")
def team_set(
    name: str,
    lead: Annotated[str | None, typer.Option(help="The mail address of who leads it.")] = None,
    member: Members = None,
    queue: Annotated[str | None, typer.Option(help="Where its work waits.")] = None,
    archive: Annotated[bool, typer.Option(help="Give no more work to it.")] = False,
) -> None:
    """Change a team; what is not named stays, `--member` names all."""
    db = open_database(settings_in_force())
    with db.transaction() as session:
        team = session.scalar(select(Team).where(Team.name == name))
        if team is None:
            raise IntakeError(
                f"there is no team {name}; `deskbell team list` shows those there are"
            )
        terms = staffing.terms_of_team(session, team)
        if lead is not None:
            terms = replace(terms, lead_id=_person(session, lead).id if lead else None)
        if member is not None:
            terms = replace(terms, member_ids=_people(session, member))
        if queue is not None:
            terms = replace(terms, default_queue_id=_queue(session, queue).id if queue else None)
        staffing.change_team(session, OPERATOR, team.id, terms, at=now())
        if archive:
            staffing.archive_team(session, OPERATOR, team.id, at=now())
    out.print(f"team {name} changed")
    db.close()


@skill_app.command("add")
def skill_add(name: str) -> None:
    """Add a skill."""
    db = open_database(settings_in_force())
    with db.transaction() as session:
        staffing.add_skill(session, OPERATOR, name, at=now())
    out.print(f"skill {name} added")
    db.close()


@skill_app.command("list")
def skill_list() -> None:
    """List the skills of this desk."""
    db = open_database(settings_in_force())
    with db.reading() as session:
        for skill in skills.every(session):
            out.print(skill.name)
    db.close()


@agent_app.command("work")
def agent_work(
    email: str,
    capacity: Annotated[int | None, typer.Option(help="Units they can have at once.")] = None,
    skill: Annotated[
        list[str] | None, typer.Option(help="A skill with its level, as Spanish=4; again.")
    ] = None,
    queue: Annotated[str | None, typer.Option(help="Where their work waits.")] = None,
) -> None:
    """Change how an agent works; what is not named stays, `--skill` names all."""
    db = open_database(settings_in_force())
    with db.transaction() as session:
        agent = _person(session, email)
        terms = staffing.terms_of_work(session, agent.id)
        if capacity is not None:
            terms = replace(terms, capacity=capacity)
        if skill is not None:
            terms = replace(terms, skills=dict(_level(session, words) for words in skill))
        if queue is not None:
            terms = replace(terms, default_queue_id=_queue(session, queue).id if queue else None)
        staffing.change_work(session, OPERATOR, agent.id, terms, at=now())
    out.print(f"{agent.name} changed")
    db.close()


@agent_app.command("list")
def agent_list() -> None:
    """List who works here, who is here, and how much they have."""
    db = open_database(settings_in_force())
    with db.reading() as session:
        found = agents.at_work(session)
        known = {row.agent_id: row for row in session.scalars(select(Availability))}
        used = assigning.used_units(
            session, [agent.id for agent in found], assigning.weights(session)
        )
        table = Table("name", "email", "role", "presence", "units", box=None)
        for agent in found:
            here = known.get(agent.id)
            table.add_row(
                agent.name,
                agent.email,
                agent.role.value,
                (here.presence if here else Presence.OFFLINE).value,
                f"{sum(used.get(agent.id, {}).values())} of {here.capacity if here else '-'}",
            )
        out.print(table)
    db.close()


def _level(session: Session, words: str) -> tuple[UUID, int]:
    name, _, level = words.partition("=")
    skill = session.scalar(select(Skill).where(Skill.name == name.strip()))
    if skill is None or not level.strip().isdecimal():
        raise IntakeError(f"--skill: {words:.60} is not a skill with its level, such as Spanish=4")
    return skill.id, int(level)


def _queue(session: Session, name: str) -> Queue:
    queue = session.scalar(select(Queue).where(Queue.name == name))
    if queue is None:
        raise IntakeError(f"there is no queue {name}; `deskbell queue list` shows those there are")
    return queue


def _people(session: Session, emails: list[str]) -> frozenset[UUID]:
    return frozenset(_person(session, email).id for email in emails if email)


def _person(session: Session, email: str) -> Agent:
    agent = agents.by_email(session, email)
    if agent is None:
        raise IntakeError(f"{email} does not work here; `deskbell agent list` shows who does")
    return agent


def _mailbox(address: str) -> str:
    """The address as mail names it. Raises IntakeError."""
    try:
        return address_on_the_wire(address.lower()) if address else ""
    except Unsendable as error:
        raise IntakeError(str(error)) from None
