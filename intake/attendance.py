"""Who is here: presence as it is said and as it lapses, and the cases of who is absent."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Select, func, select, text
from sqlalchemy.orm import Session

from intake import acting, availability, events, queues
from intake.agents import SYSTEM, Agent, Principal, SignIn
from intake.availability import ABSENT, Availability, Presence
from intake.cases import Case, State
from intake.db import alone
from intake.desk import Desk
from intake.events import Event
from intake.queues import Queue, QueueItem
from intake.sla import ServiceCalendar

IDLE = timedelta(hours=2)
"""After so long without a sign of them, an agent is taken to be offline."""
LOOK_EACH = timedelta(minutes=10)


def become(
    session: Session,
    by: Principal,
    agent_id: UUID,
    presence: Presence,
    *,
    at: datetime,
    why: str = "",
) -> Availability:
    """Let that be an agent's presence. What waits is offered to who becomes available; the cases
    of who is absent go back after a while, where their queue says so."""
    # The items before the agent, as whoever gives one back holds them.
    items = session.execute(
        select(QueueItem, Queue)
        .join(Queue, Queue.id == QueueItem.queue_id)
        .where(QueueItem.worked_by_id == agent_id, QueueItem.ended_at.is_(None))
        .order_by(QueueItem.id)
        .with_for_update(of=QueueItem)
        .execution_options(populate_existing=True)
    ).all()
    known = availability.held(session, agent_id, at=at)
    was, known.presence = known.presence, presence
    known.offline_at = None if presence is Presence.OFFLINE else at + LOOK_EACH
    known.freed_at = at if presence is Presence.AVAILABLE else None
    if presence is was:
        return known
    known.since_at = at
    absent = presence in ABSENT
    if absent != (was in ABSENT):
        for item, queue in items:
            item.back_at = queues.back_at(queue, at) if absent else None
    session.flush()
    events.record(
        session, "agent.presence", at=at, actor=by, agent=str(agent_id), name=known.agent.name,
        presence=presence.value, was=was.value, why=why,
    )  # fmt: skip
    return known


def hand_over(session: Session, by: Principal, agent: Agent, *, at: datetime) -> int:
    """Let others have what an agent has who works on it no longer: their team, or whose the queue
    is; how many cases. Whoever still works keeps everything."""
    theirs = (
        select(Case)
        .outerjoin(QueueItem, (QueueItem.case_id == Case.id) & QueueItem.ended_at.is_(None))
        .where(Case.state == State.ACTIVE)
        .where((Case.owner_id == agent.id) | (QueueItem.worked_by_id == agent.id))
        .order_by(Case.id)
        .with_for_update(of=Case, key_share=True)
        .execution_options(populate_existing=True)
    )
    found = [] if agent.works else session.scalars(theirs).all()
    for case in found:
        queues.go_on(session, case, queues.item_of(session, case, lock=True), at=at)
        _gave_back(session, case, agent, by, at)
    return len(found)


def lapse_due(desk: Desk, at: datetime) -> Select[UUID]:
    """The agents of whom to see whether they are still there."""
    return select(Availability.agent_id).where(Availability.offline_at <= at)


def lapse(session: Session, desk: Desk, *, at: datetime, limit: int) -> int:
    """Take those to be offline who went home or gave no sign for IDLE; how many were looked at."""
    if not alone(session, "attendance"):
        return 0
    due = session.scalars(lapse_due(desk, at).order_by(Availability.offline_at).limit(limit)).all()
    for agent_id in due:
        known = session.get_one(Availability, agent_id)
        if why := _gone(session, known, at):
            become(session, SYSTEM, agent_id, Presence.OFFLINE, at=at, why=why)
        else:
            known.offline_at = at + LOOK_EACH
    return len(due)


def _gone(session: Session, known: Availability, at: datetime) -> str:
    """Why an agent is not there any more, or ''."""
    if known.calendar_id is not None:
        calendar = session.get_one(ServiceCalendar, known.calendar_id).calendar
        # Who came outside their hours did so on purpose.
        worked = calendar.open_between(known.since_at, at)
        if worked and not calendar.is_open(at):
            return "working hours ended"
    if at - _last_sign(session, known, at) >= IDLE:
        return f"no sign of them for {IDLE // timedelta(hours=1)} hours"
    return ""


def _last_sign(session: Session, known: Availability, at: datetime) -> datetime:
    seen = session.scalar(select(func.max(SignIn.used_at)).where(SignIn.agent_id == known.agent_id))
    done = session.scalar(
        select(func.max(Event.at)).where(
            text("actor_kind = 'agent'"), Event.actor_id == known.agent_id
        )
    )
    return max(instant for instant in (known.since_at, seen, done) if instant is not None)


def give_back_due(desk: Desk, at: datetime) -> Select[UUID]:
    """The items of agents who have been absent for too long."""
    return select(QueueItem.id).where(QueueItem.back_at <= at)


def give_back(session: Session, desk: Desk, *, at: datetime, limit: int) -> int:
    """Let their cases wait in their queues again; how many."""
    found = session.execute(
        select(Case, QueueItem)
        .join(QueueItem, QueueItem.case_id == Case.id)
        .where(QueueItem.back_at <= at)
        .order_by(QueueItem.back_at)
        .limit(limit)
        .with_for_update(of=(Case, QueueItem), skip_locked=True, key_share=True)
        .execution_options(populate_existing=True)
    ).all()
    for case, item in found:
        worker = item.worked_by
        assert worker is not None, "what goes back is worked on"
        queues.release(session, case, at=at)
        _gave_back(session, case, worker, SYSTEM, at)
    return len(found)


def _gave_back(session: Session, case: Case, agent: Agent, by: Principal, at: datetime) -> None:
    queue = session.get_one(Queue, case.queue_id)
    acting.done(
        session, case, by, "case.given_back", at, queue=queue.name, agent=str(agent.id),
        name=agent.name,
    )  # fmt: skip
