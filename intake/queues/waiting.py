"""A case that waits in a queue, and who took it: put in, picked, given, released, left."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Index, Select, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from intake import availability, teams
from intake.agents import Agent
from intake.cases import Case
from intake.db import Base, new_id, partial_index, refers_to
from intake.errors import IntakeError
from intake.nouns import noun
from intake.queues.places import Assignment, Queue, in_use
from intake.teams import Team


class AlreadyTaken(IntakeError):
    """Somebody else works on it."""

    code = "already-taken"


class CannotWork(IntakeError):
    """They are given no cases: they left, or only read here."""

    code = "cannot-work"


class HeldByNobody(IntakeError):
    """A case that nobody has stays in its queue, or nobody would find it."""

    code = "held-by-nobody"


class QueueItem(Base):
    """One waiting case. A case has at most one item that has not ended."""

    __tablename__ = "queue_items"
    __table_args__ = (
        partial_index(
            "uq_queue_items_active_case",
            "case_id",
            unique=True,
            where="ended_at IS NULL",
        ),
        Index("ix_queue_items_by_queue", "queue_id", "ended_at", "worked_by_id"),
        Index("ix_queue_items_by_worker", "worked_by_id", "ended_at"),
        *(
            partial_index(f"ix_queue_items_{name}", *columns, where=f"{columns[0]} IS NOT NULL")
            for name, columns in (
                ("to_offer", ("offer_at", "queue_id")),
                ("to_give_back", ("back_at",)),
            )
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    queue_id: Mapped[UUID] = mapped_column(refers_to("queues.id"))
    case_id: Mapped[UUID] = mapped_column(refers_to("cases.id"), index=True)
    entered_at: Mapped[datetime]
    worked_by_id: Mapped[UUID | None] = mapped_column(refers_to("agents.id"))
    worked_by_team_id: Mapped[UUID | None] = mapped_column(refers_to("teams.id"))
    """The team that works on it, for one of whom it waits, or who works on it for them."""
    worked_since_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    offer_at: Mapped[datetime | None]
    """When the desk looks for somebody to give it to; None where it is picked by hand."""
    back_at: Mapped[datetime | None]
    """When it goes back to its queue, unless the absent agent returns before."""
    worked_by: Mapped[Agent | None] = relationship()
    worked_by_team: Mapped[Team | None] = relationship()
    queue: Mapped[Queue] = relationship()


def add(session: Session, case: Case, queue: Queue, *, at: datetime) -> QueueItem:
    """Put a case in a queue, worked by nobody and whose that is; it leaves the one it was in."""
    leave(session, case, at=at)
    session.flush()  # the unique index allows one active item at a time
    case.owner_id = case.team_id = None
    item = enter(session, case, queue, at=at)
    belong(session, case, in_use(session, queue))
    return item


def enter(session: Session, case: Case, queue: Queue, *, at: datetime) -> QueueItem:
    """Put a case that is in no queue, such as a new one, into this one; into the default queue
    where this one takes nothing any more.

    A case that has an owner, as one that is reopened may, is worked on by them if they still can.
    """
    queue = in_use(session, queue)
    item = QueueItem(id=new_id(), queue_id=queue.id, case_id=case.id, entered_at=at)
    session.add(item)
    case.queue_id, had = queue.id, case.owner_id
    _keep_who_can(session, case, queue)
    worker_id = case.owner_id if case.owner_id == had else None
    _hand(session, case, item, queue, worker_id, case.team_id, at=at)
    return item


def belong(session: Session, case: Case, queue: Queue) -> None:
    """Let the case be whose the queue is, or nobody's."""
    case.owner_id, case.team_id = _whose(session, queue)


def _whose(session: Session, queue: Queue) -> tuple[UUID | None, UUID | None]:
    return _able(session, queue.owner_id), queue.owner_team_id


def item_of(session: Session, case: Case, *, lock: bool = False) -> QueueItem | None:
    """The case's active item, if it waits anywhere."""
    statement = select(QueueItem).where(QueueItem.case_id == case.id, QueueItem.ended_at.is_(None))
    if lock:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    return session.scalar(statement)


def pick(session: Session, case: Case, agent: Agent, *, at: datetime) -> bool:
    """Make the agent the one who works on it; whether they did not already. Raises AlreadyTaken,
    naming who was first.

    What waits for a team is taken by one of its members.
    """
    _must_work(agent)
    item = item_of(session, case, lock=True)
    if item is not None and item.worked_by_id not in (None, agent.id):
        other = session.get_one(Agent, item.worked_by_id)
        raise AlreadyTaken(f"{other.name} already works on {noun} {case.number}")
    team_id = item.worked_by_team_id if item is not None else None
    if team_id is not None and not teams.is_in(session, agent.id, team_id):
        team = session.get_one(Team, team_id)
        raise AlreadyTaken(f"{noun} {case.number} waits for one of {team.name}; assign it instead")
    return _work(session, case, item, agent.id, team_id, at)


def give(
    session: Session, case: Case, agent: Agent, *, at: datetime, item_too: bool = True
) -> bool:
    """Assign the case to an agent, whoever had it before; it stays their team's, if it was.
    Whether they did not have it already.

    Without `item_too` it goes on waiting in its queue for whoever works on it. Raises CannotWork.
    """
    _must_work(agent)
    item = item_of(session, case, lock=True) if item_too else None
    kept = case.team_id and teams.is_in(session, agent.id, case.team_id)
    return _work(session, case, item, agent.id, case.team_id if kept else None, at)


def give_team(session: Session, case: Case, team: Team, *, at: datetime) -> bool:
    """Assign the case to a team, whoever had it before; it waits for one of its members. Whether
    it did not already."""
    return _work(session, case, item_of(session, case, lock=True), None, team.id, at)


def release(session: Session, case: Case, *, at: datetime) -> bool:
    """Give it back to its queue: worked by nobody, and whose the queue is. Whether anybody had
    it."""
    item = item_of(session, case, lock=True)
    if item is None:
        add(session, case, session.get_one(Queue, case.queue_id), at=at)
        return True
    whose = _whose(session, item.queue)
    taken = item.worked_by_id or item.worked_by_team_id
    if not taken and (case.owner_id, case.team_id) == whose:
        return False
    _work(session, case, item, None, None, at)
    case.owner_id, case.team_id = whose
    return True


def leave(session: Session, case: Case, *, at: datetime) -> QueueItem | None:
    """End the case's waiting, as when it is resolved; what has ended."""
    item = item_of(session, case, lock=True)
    availability.freed(session, case.owner_id, at=at)
    case.waiting_since_at = None
    if item is not None:
        item.ended_at, item.offer_at, item.back_at = at, None, None
    return item


def must_be_somebodys(case: Case) -> None:
    """Raises HeldByNobody for an open case that only its queue knows of."""
    if case.owner_id is None and case.team_id is None:
        raise HeldByNobody(
            f"nobody has {noun} {case.number}; assign it before it leaves its queue, or nobody "
            "finds it"
        )


def go_on(session: Session, case: Case, item: QueueItem | None, *, at: datetime) -> None:
    """Let a case go on where it was, in its turn, with those who had it as far as they still can;
    in the default queue, where its own takes nothing any more.

    Without an item it goes on in no queue, as long as somebody has it.
    """
    if item is None:
        if _able(session, case.owner_id) is None and _taking(session, case.team_id) is None:
            add(session, case, session.get_one(Queue, case.queue_id), at=at)
        return
    queue = in_use(session, item.queue)
    item.queue, case.queue_id, item.ended_at = queue, queue.id, None
    _keep_who_can(session, case, queue)
    worker_id, team_id = item.worked_by_id, item.worked_by_team_id
    since = item.worked_since_at
    _hand(
        session, case, item, queue, _able(session, worker_id), _taking(session, team_id),
        at=at, offer_at=item.entered_at,
    )  # fmt: skip
    if (item.worked_by_id, item.worked_by_team_id) == (worker_id, team_id):
        item.worked_since_at = since


def _work(
    session: Session,
    case: Case,
    item: QueueItem | None,
    agent_id: UUID | None,
    team_id: UUID | None,
    at: datetime,
) -> bool:
    """Let that agent, for that team, be who has the case and works on it; whether they were not,
    for who has it keeps it since when they did."""
    who = (agent_id, team_id)
    if (case.owner_id, case.team_id) == who and (
        item is None or (item.worked_by_id, item.worked_by_team_id) == who
    ):
        return False
    if case.owner_id != agent_id:
        availability.freed(session, case.owner_id, at=at)
    if item is not None:
        _hand(session, case, item, item.queue, agent_id, team_id, at=at)
    case.owner_id, case.team_id = who
    return True


def _hand(
    session: Session,
    case: Case,
    item: QueueItem,
    queue: Queue,
    agent_id: UUID | None,
    team_id: UUID | None,
    *,
    at: datetime,
    offer_at: datetime | None = None,
) -> None:
    """Let that agent, for that team, work on an item; it goes back after a while if they are
    absent. Without an agent it waits, and the desk looks for one from `offer_at` on.

    Its turn counts from when it entered the queue, however often it was taken and given back.
    """
    item.worked_by_id, item.worked_by_team_id = agent_id, team_id
    item.worked_since_at = at if agent_id or team_id else None
    item.back_at = None
    goes_back = back_at(queue, at)
    if agent_id is not None and goes_back and availability.is_absent(session, agent_id):
        item.back_at = goes_back
    waits = agent_id is None
    case.waiting_since_at = item.entered_at if waits else None
    offers = waits and queue.assignment is not Assignment.NONE
    item.offer_at = (offer_at or at) if offers else None


def back_at(queue: Queue, absent_at: datetime) -> datetime | None:
    """When what an agent has of that queue goes back to it, who is absent from then on."""
    minutes = queue.absent_minutes
    return None if minutes is None else absent_at + timedelta(minutes=minutes)


def _keep_who_can(session: Session, case: Case, queue: Queue) -> None:
    """Let those have it who had it and still can; or, if nobody can, whoever has the queue."""
    had = case.owner_id or case.team_id
    case.owner_id = _able(session, case.owner_id)
    case.team_id = _taking(session, case.team_id)
    if had and not (case.owner_id or case.team_id):
        belong(session, case, queue)


def _able(session: Session, agent_id: UUID | None) -> UUID | None:
    """That agent, if they still work on cases."""
    agent = session.get(Agent, agent_id) if agent_id else None
    return agent.id if agent is not None and agent.works else None


def _taking(session: Session, team_id: UUID | None) -> UUID | None:
    """That team, if work is still given to it."""
    team = session.get(Team, team_id) if team_id else None
    return team.id if team is not None and team.archived_at is None else None


def _must_work(agent: Agent) -> None:
    if not agent.active:
        raise CannotWork(f"{agent.name} does not work here any more; choose somebody else")
    if not agent.works:
        raise CannotWork(f"{agent.name} only reads here; choose somebody who works on {noun.many}")


def counts(session: Session, *, among: Select[UUID] | None = None) -> dict[UUID, tuple[int, int]]:
    """How many cases wait in each queue, and how many of those somebody works on.

    With `among`, a query of case ids, only those are counted.
    """
    statement = select(QueueItem.queue_id, func.count(), func.count(QueueItem.worked_by_id))
    if among is not None:
        statement = statement.where(QueueItem.case_id.in_(among))
    rows = session.execute(
        statement.where(QueueItem.ended_at.is_(None)).group_by(QueueItem.queue_id)
    )
    return {queue_id: (waiting, worked) for queue_id, waiting, worked in rows}
