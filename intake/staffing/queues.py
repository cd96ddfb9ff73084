"""Setting up queues: what they are called, what feeds them, who works them, and how."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from intake import acting, availability, events, queues
from intake.agents import Act, Agent, Principal
from intake.cases import Case, StaleVersion
from intake.db import new_id
from intake.errors import IntakeError, NotFound
from intake.nouns import noun
from intake.queues import (
    Assignment,
    Continuity,
    Queue,
    QueueItem,
    QueueMember,
    WhenNotCovered,
)
from intake.teams import Team

# A month later it is hardly the same matter.
LONGEST_YOUTH = 31 * 24
_MAILBOX = re.compile(r"[^\s@]+@[^\s@]+\.[^\s@.]+")
LONGEST_ABSENCE = 7 * 24 * 60


class WrongQueue(IntakeError):
    """What was given for a queue cannot be meant; the text begins with the field."""

    code = "wrong-queue"


@dataclass(frozen=True, slots=True)
class QueueTerms:
    """What an administrator says of a queue."""

    name: str
    address: str = ""
    """The mailbox that feeds it."""
    private: bool = False
    members_only: bool = False
    member_ids: frozenset[UUID] = frozenset()
    owner_id: UUID | None = None
    owner_team_id: UUID | None = None
    is_default: bool = False
    assignment: Assignment = Assignment.NONE
    absent_minutes: int | None = None
    when_not_covered: WhenNotCovered = WhenNotCovered.ACCEPT
    acknowledge: bool = True
    slack_channel: str = ""
    continuity: Continuity = Continuity.OFF
    continuity_hours: int = 24


def terms_of_queue(session: Session, queue: Queue) -> QueueTerms:
    """What is said of a queue now, to be changed in part."""
    members = select(QueueMember.agent_id).where(QueueMember.queue_id == queue.id)
    return QueueTerms(
        name=queue.name,
        address=queue.address or "",
        private=queue.private,
        members_only=queue.members_only,
        member_ids=frozenset(session.scalars(members)),
        owner_id=queue.owner_id,
        owner_team_id=queue.owner_team_id,
        is_default=queue.is_default,
        assignment=queue.assignment,
        absent_minutes=queue.absent_minutes,
        when_not_covered=queue.when_not_covered,
        acknowledge=queue.acknowledge,
        slack_channel=queue.slack_channel,
        continuity=queue.continuity,
        continuity_hours=queue.continuity_hours,
    )


def add_queue(session: Session, by: Principal, terms: QueueTerms, *, at: datetime) -> Queue:
    """A new queue. The first one of a desk is its default. Raises WrongQueue."""
    by.must(Act.ADMINISTER)
    if not queues.every(session).every:
        terms = replace(terms, is_default=True)
    queue = Queue(id=new_id(), name="", is_default=False)
    _check(session, queue, terms)
    session.add(queue)
    _write(session, queue, terms, at)
    events.record(session, "queue.added", at=at, actor=by, queue=str(queue.id), name=queue.name)
    return queue


def change_queue(
    session: Session,
    by: Principal,
    queue_id: UUID,
    terms: QueueTerms,
    *,
    at: datetime,
    version: int | None = None,
) -> Queue:
    """Let this be said of a queue from now on. Raises WrongQueue and StaleVersion."""
    queue = held_queue(session, by, queue_id, version=version)
    if queue.archived_at is not None:
        raise IntakeError(f"{queue.name} is archived; restore it first")
    if queue.is_default and not terms.is_default:
        raise WrongQueue("is_default: make another queue the default instead; a desk needs one")
    before = terms_of_queue(session, queue)
    _check(session, queue, terms)
    _write(session, queue, terms, at)
    changed = sorted(n for n in QueueTerms.__slots__ if getattr(before, n) != getattr(terms, n))
    events.record(
        session, "queue.changed", at=at, actor=by, queue=str(queue.id), name=queue.name,
        changed=changed,
    )  # fmt: skip
    return queue


def archive_queue(
    session: Session,
    by: Principal,
    queue_id: UUID,
    *,
    at: datetime,
    move_to_id: UUID | None = None,
    version: int | None = None,
) -> Queue:
    """Let nothing wait here any more; what does moves to another queue.

    Its closed cases keep its name, and wait in the default queue when they are reopened.
    """
    queue = held_queue(session, by, queue_id, version=version)
    if queue.archived_at is not None:
        return queue
    if queue.is_default or queue.is_review:
        what = "default" if queue.is_default else "review"
        raise IntakeError(f"{queue.name} is the {what} queue of this desk; choose another first")
    waiting = select(func.count()).where(
        QueueItem.queue_id == queue.id, QueueItem.ended_at.is_(None)
    )
    count = session.scalar(waiting) or 0
    if count:
        target = session.get(Queue, move_to_id) if move_to_id else None
        if target is None or target.archived_at is not None or target.id == queue.id:
            raise WrongQueue(
                f"move_to: {count} {noun.many} wait in {queue.name}; say where they go"
            )
        _move_all(session, by, queue, target, at)
    queue.archived_at, queue.address = at, None
    session.flush()
    events.record(session, "queue.archived", at=at, actor=by, queue=str(queue.id), name=queue.name)
    return queue


def restore_queue(
    session: Session, by: Principal, queue_id: UUID, *, at: datetime, version: int | None = None
) -> Queue:
    """Let cases wait in an archived queue again. No mailbox feeds it until one is given."""
    queue = held_queue(session, by, queue_id, version=version)
    queue.archived_at = None
    session.flush()
    events.record(session, "queue.restored", at=at, actor=by, queue=str(queue.id), name=queue.name)
    return queue


def held_queue(session: Session, by: Principal, queue_id: UUID, *, version: int | None) -> Queue:
    """That queue, locked, for an administrator. Raises NotFound or StaleVersion."""
    by.must(Act.ADMINISTER)
    queue = session.get(Queue, queue_id, with_for_update=True, populate_existing=True)
    if queue is None:
        raise NotFound("there is no such queue")
    if version is not None and version != queue.version:
        raise StaleVersion(
            f"queue {queue.name} changed since you read it (version {queue.version}, you had "
            f"{version}); look again before you change it"
        )
    return queue


def _check(session: Session, queue: Queue, terms: QueueTerms) -> None:
    name, address = terms.name.strip(), terms.address.strip().lower()
    others = select(Queue.name).where(Queue.id != queue.id)
    if not 0 < len(name) <= 120:
        raise WrongQueue("name: a queue needs a name of at most 120 characters")
    if session.scalar(others.where(Queue.name == name)):
        raise WrongQueue(f"name: there is a queue {name} already")
    if address and not (_MAILBOX.fullmatch(address) and len(address) <= 254):
        raise WrongQueue(f"address: {address:.80} is no mail address, such as help@example.com")
    if address and (fed := session.scalar(others.where(Queue.address == address))):
        raise WrongQueue(f"address: {address} feeds the queue {fed} already")
    if terms.owner_id and terms.owner_team_id:
        raise WrongQueue("owner: a queue is an agent's or a team's, not both")
    if terms.owner_id and not _works_here(session, frozenset({terms.owner_id})):
        raise WrongQueue("owner: there is no such active agent")
    if terms.owner_team_id:
        team = session.get(Team, terms.owner_team_id)
        if team is None or team.archived_at is not None:
            raise WrongQueue("owner_team: there is no such team that takes work")
    if not _works_here(session, terms.member_ids):
        raise WrongQueue("members: one of them does not work here")
    minutes = terms.absent_minutes
    if minutes is not None and not 0 <= minutes <= LONGEST_ABSENCE:
        raise WrongQueue("absent_minutes: from 0 minutes to 7 days, or nothing for never")
    if not 1 <= terms.continuity_hours <= LONGEST_YOUTH:
        raise WrongQueue(f"continuity_hours: from 1 hour to {LONGEST_YOUTH}")


def _works_here(session: Session, agent_ids: frozenset[UUID]) -> bool:
    here = select(func.count()).where(Agent.id.in_(agent_ids), Agent.active)
    return not agent_ids or session.scalar(here) == len(agent_ids)


def _write(session: Session, queue: Queue, terms: QueueTerms, at: datetime) -> None:
    if terms.is_default and not queue.is_default:
        for other in session.scalars(select(Queue).where(Queue.is_default)):
            other.is_default = False
    offers = terms.assignment is not Assignment.NONE
    changed = queue.assignment != terms.assignment
    missed = queue.absent_minutes != terms.absent_minutes
    queue.name, queue.address = terms.name.strip(), terms.address.strip().lower() or None
    queue.private, queue.members_only = terms.private, terms.members_only
    queue.owner_id, queue.owner_team_id = terms.owner_id, terms.owner_team_id
    queue.is_default, queue.assignment = terms.is_default, terms.assignment
    queue.absent_minutes = terms.absent_minutes
    queue.when_not_covered, queue.acknowledge = terms.when_not_covered, terms.acknowledge
    queue.slack_channel = terms.slack_channel.strip()
    queue.continuity, queue.continuity_hours = terms.continuity, terms.continuity_hours
    session.flush()
    joined = _set_members(session, queue, terms.member_ids)
    if missed:
        _mind_absences(session, queue, at)
    if changed or (joined and offers):
        # What waits is looked at anew: there is another way, or somebody more to give it to.
        session.execute(
            update(QueueItem)
            .where(QueueItem.queue_id == queue.id, QueueItem.ended_at.is_(None))
            .where(QueueItem.worked_by_id.is_(None))
            .values(offer_at=at if offers else None)
        )


def _mind_absences(session: Session, queue: Queue, at: datetime) -> None:
    """Let what absent agents have of this queue go back as it says now, or stay with them."""
    session.execute(
        update(QueueItem)
        .where(QueueItem.queue_id == queue.id, QueueItem.ended_at.is_(None))
        .where(QueueItem.worked_by_id.is_not(None))
        .where(QueueItem.worked_by_id.not_in(availability.here()))
        .values(back_at=queues.back_at(queue, at))
    )


def _set_members(session: Session, queue: Queue, wanted: frozenset[UUID]) -> frozenset[UUID]:
    """Let these be its members; who joined."""
    of_queue = QueueMember.queue_id == queue.id
    had = frozenset(session.scalars(select(QueueMember.agent_id).where(of_queue)))
    if gone := had - wanted:
        session.execute(delete(QueueMember).where(of_queue, QueueMember.agent_id.in_(gone)))
    session.add_all(QueueMember(queue_id=queue.id, agent_id=id) for id in sorted(wanted - had))
    session.flush()
    return wanted - had


def _move_all(session: Session, by: Principal, queue: Queue, target: Queue, at: datetime) -> None:
    waiting = (
        select(Case)
        .join(QueueItem, QueueItem.case_id == Case.id)
        .where(QueueItem.queue_id == queue.id, QueueItem.ended_at.is_(None))
        .order_by(Case.id)
        .with_for_update(of=Case, key_share=True)
        .execution_options(populate_existing=True)
    )
    for case in session.scalars(waiting).all():
        queues.leave(session, case, at=at)
        session.flush()
        queues.enter(session, case, target, at=at)
        case.routed_by = f"{queue.name} was archived"
        acting.done(session, case, by, "case.routed", at, queue=target.name)
