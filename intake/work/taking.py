"""Taking work and giving it on: pick, release, assign, move to a queue."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from intake import queues, teams
from intake.acting import case_of, done
from intake.agents import Agent, Principal
from intake.cases import ActivityKind, Case, Direction
from intake.errors import IntakeError, NotFound
from intake.nouns import noun
from intake.work.writing import write


def pick(
    session: Session,
    by: Principal,
    case_id: UUID,
    *,
    at: datetime,
    remove_from_queue: bool = False,
    version: int | None = None,
) -> Case:
    """Take a waiting case: I work on it now, whatever my skills, presence and capacity are.

    Raises AlreadyTaken when somebody was first; what I work on already stays as it is.
    """
    case = case_of(session, by, case_id, version=version)
    taken = queues.pick(session, case, _agent(session, by), at=at)
    left = queues.leave(session, case, at=at) if remove_from_queue else None
    if not (taken or left):
        return case
    return done(session, case, by, "case.picked", at)


def release(
    session: Session, by: Principal, case_id: UUID, *, at: datetime, version: int | None = None
) -> Case:
    """Give a case back to its queue; one that nobody has waits there as before."""
    case = case_of(session, by, case_id, version=version)
    if not queues.release(session, case, at=at):
        return case
    return done(session, case, by, "case.released", at)


def assign(
    session: Session,
    by: Principal,
    case_id: UUID,
    agent_id: UUID,
    *,
    at: datetime,
    item_too: bool = True,
    remove_from_queue: bool = False,
    note: str = "",
    version: int | None = None,
) -> Case:
    """Give a case to an agent, whoever had it: they own it and, unless `item_too` is False, work
    on it in its queue from now on. `note` tells them why.

    A case that waits nowhere is in the agent's default queue from now on, if they have one and it
    is not to be in no queue. Who has it already keeps it as it is. Raises CannotWork for who left
    or only reads here.
    """
    case = case_of(session, by, case_id, version=version)
    agent = session.get(Agent, agent_id)
    if agent is None:
        raise NotFound("there is no such agent")
    _noted(session, case, by, note, at)
    own = queues.own_default(session, agent_id=agent.id)
    if own is not None and queues.item_of(session, case) is None and not remove_from_queue:
        queues.add(session, case, own, at=at)
    given = queues.give(session, case, agent, at=at, item_too=item_too)
    left = queues.leave(session, case, at=at) if remove_from_queue else None
    if not (given or left):
        return case
    return done(session, case, by, "case.assigned", at, agent=str(agent.id), name=agent.name)


def assign_team(
    session: Session,
    by: Principal,
    case_id: UUID,
    team_id: UUID,
    *,
    at: datetime,
    remove_from_queue: bool = False,
    note: str = "",
    version: int | None = None,
) -> Case:
    """Give a case to a team, whoever had it: it waits for one of its members.

    `note` tells them why.

    A case that waits nowhere does so in the team's default queue from now on, unless it is to be
    in no queue.
    """
    case = case_of(session, by, case_id, version=version)
    team = teams.one(session, team_id)
    _noted(session, case, by, note, at)
    enters = queues.item_of(session, case) is None and not remove_from_queue
    if enters:
        queues.enter(session, case, queues.default_of(session, team_id=team.id), at=at)
        session.flush()
    given = queues.give_team(session, case, team, at=at)
    left = queues.leave(session, case, at=at) if remove_from_queue else None
    if not (enters or given or left):
        return case
    return done(session, case, by, "case.assigned", at, team=str(team.id), name=team.name)


def route_to(
    session: Session,
    by: Principal,
    case_id: UUID,
    queue_id: UUID,
    *,
    at: datetime,
    version: int | None = None,
) -> Case:
    """Move a case to another queue, where nobody works on it yet; in its own it keeps its turn."""
    case = case_of(session, by, case_id, version=version)
    queue = queues.one(session, queue_id)
    item = queues.item_of(session, case)
    if item is None or item.queue_id != queue.id:
        queues.add(session, case, queue, at=at)
    elif not queues.release(session, case, at=at):
        return case
    case.routed_by = f"moved by {by.name}"
    return done(session, case, by, "case.routed", at, queue=queue.name)


def remove_from_queue(
    session: Session, by: Principal, case_id: UUID, *, at: datetime, version: int | None = None
) -> Case:
    """Let a case wait in no queue. It stays whose it is, and open. Raises HeldByNobody."""
    case = case_of(session, by, case_id, version=version)
    queues.must_be_somebodys(case)
    item = queues.leave(session, case, at=at)
    if item is None:
        return case
    return done(session, case, by, "case.left_queue", at, queue=item.queue.name)


def _agent(session: Session, by: Principal) -> Agent:
    agent = session.get(Agent, by.id) if by.id else None
    if agent is None:
        raise IntakeError(f"only an agent can take {noun.a}")
    return agent


def _noted(session: Session, case: Case, by: Principal, text: str, at: datetime) -> None:
    if text.strip():
        write(session, case, by, ActivityKind.NOTE, Direction.INTERNAL, text, at)
