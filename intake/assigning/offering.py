"""Give what waits to those who can take it: as it comes in, later again, and as room comes free."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Select, or_, select, update
from sqlalchemy.orm import Session

from intake import acting, queues
from intake.agents import SYSTEM, Agent
from intake.assigning.choosing import Choice, choose
from intake.assigning.present import Present
from intake.availability import Availability
from intake.cases import Case
from intake.db import alone
from intake.desk import Desk
from intake.queues import Queue, QueueItem, QueueMember
from intake.teams import TeamMember

RETRY = timedelta(minutes=5)
MOST_PUT_OFF = 1000
ASSIGNING = "assigning"


def due(desk: Desk, at: datetime) -> Select[UUID]:
    """The items to look for somebody for."""
    return select(QueueItem.id).where(QueueItem.offer_at <= at)


def move(session: Session, desk: Desk, *, at: datetime, limit: int) -> int:
    """Give what waits to those who can take it, oldest first; how many items were looked at.

    One worker does so at a time: what one gives counts for the next.
    """
    if not alone(session, ASSIGNING):
        return 0
    waiting = select(QueueItem.queue_id).where(QueueItem.offer_at <= at).distinct()
    moved = 0
    for queue in session.scalars(select(Queue).where(Queue.id.in_(waiting)).order_by(Queue.name)):
        if moved < limit:
            moved += offer(session, queue, at=at, limit=limit - moved)
    return moved


def freed_due(desk: Desk, at: datetime) -> Select[UUID]:
    """The agents who may have room for what waits."""
    return select(Availability.agent_id).where(Availability.freed_at <= at)


def call(session: Session, desk: Desk, *, at: datetime, limit: int) -> int:
    """Let what waits longest be offered to those who have room again; how many they are."""
    if not alone(session, ASSIGNING):
        return 0
    freed = session.scalars(
        select(Availability)
        .where(Availability.freed_at <= at)
        .order_by(Availability.freed_at, Availability.agent_id)
        .limit(limit)
        .with_for_update(of=Availability, skip_locked=True)
        .execution_options(populate_existing=True)
    ).all()
    agent_ids = [known.agent_id for known in freed]
    if agent_ids:
        theirs = select(TeamMember.team_id).where(TeamMember.agent_id.in_(agent_ids))
        work = select(QueueMember.queue_id).where(QueueMember.agent_id.in_(agent_ids))
        owned = select(Queue.id).where(Queue.owner_team_id.in_(theirs))
        oldest = session.scalars(
            select(QueueItem.id)
            .where(QueueItem.offer_at > at)
            .where(
                or_(
                    QueueItem.queue_id.in_(work.union(owned)),
                    QueueItem.worked_by_team_id.in_(theirs),
                )
            )
            .order_by(QueueItem.entered_at, QueueItem.id)
            .limit(limit)
            .with_for_update(skip_locked=True)
        ).all()
        session.execute(update(QueueItem).where(QueueItem.id.in_(oldest)).values(offer_at=at))
    for known in freed:
        known.freed_at = None
    return len(freed)


def offer(session: Session, queue: Queue, *, at: datetime, limit: int) -> int:
    """Give what is due in a queue to those who can take it; how many items were looked at."""
    here = Present(session, queue, at)
    if not here.candidates:
        return _put_off(session, queue, at)
    found = session.execute(
        select(Case, QueueItem)
        .join(QueueItem, QueueItem.case_id == Case.id)
        .where(QueueItem.queue_id == queue.id, QueueItem.offer_at <= at)
        .order_by(QueueItem.entered_at, QueueItem.id)
        .limit(limit)
        .with_for_update(of=(Case, QueueItem), skip_locked=True, key_share=True)
        .execution_options(populate_existing=True)
    ).all()
    wanted = here.wanted([case for case, _item in found])
    for place, (case, item) in enumerate(found):
        if not here.anybody_free:
            return place + _put_off(session, queue, at)
        asleep = case.snoozed_at is not None
        fit = [] if asleep else here.those_for(item)
        choice = choose(queue.assignment, fit, wanted[case.id], here.names)
        if choice is None:
            item.offer_at = at + RETRY
            continue
        _give(session, case, choice, at)
        here.gave(choice.candidate, wanted[case.id])
        session.flush()
    return len(found)


def _give(session: Session, case: Case, choice: Choice, at: datetime) -> None:
    agent = session.get_one(Agent, choice.candidate.agent_id)
    queues.give(session, case, agent, at=at)
    acting.done(
        session, case, SYSTEM, "case.assigned", at, agent=str(agent.id), name=agent.name,
        why=choice.why,
    )  # fmt: skip


def _put_off(session: Session, queue: Queue, at: datetime) -> int:
    """Look again later: nobody is there who could take any more."""
    waiting = select(QueueItem.id).where(QueueItem.queue_id == queue.id, QueueItem.offer_at <= at)
    ids = session.scalars(waiting.limit(MOST_PUT_OFF).with_for_update(skip_locked=True)).all()
    session.execute(
        update(QueueItem).where(QueueItem.id.in_(ids)).values(offer_at=at + RETRY),
        execution_options={"synchronize_session": False},
    )
    return len(ids)
