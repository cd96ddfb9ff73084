"""Where cases wait, and who took which."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import Index, Select, String, func, select, text
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from intake.agents import Agent
from intake.cases import Case
from intake.db import Base, new_id, one_of, refers_to
from intake.errors import IntakeError


class WhenNotCovered(StrEnum):
    """What a queue does with a case that no entitlement covers. None of them is a bounce."""

    ACCEPT = "accept"  # as work to bill
    REVIEW = "review"  # wait in the review queue until somebody decides
    OFFER = "offer"  # as work to bill, and the acknowledgement offers to renew


class AlreadyTaken(IntakeError):
    """Somebody else works on it."""

    code = "already-taken"


class NoQueue(IntakeError):
    """A case needs a queue to wait in."""

    code = "no-queue"


class Queue(Base):
    """A place where cases wait. `address` is the mailbox that feeds it."""

    __tablename__ = "queues"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    name: Mapped[str] = mapped_column(String(120), unique=True)
    address: Mapped[str | None] = mapped_column(String(254), unique=True)
    is_default: Mapped[bool] = mapped_column(default=False)
    members_only: Mapped[bool] = mapped_column(default=False)
    """Whether only its members, and managers, may see its cases."""
    when_not_covered: Mapped[WhenNotCovered] = mapped_column(
        one_of(WhenNotCovered), default=WhenNotCovered.ACCEPT
    )
    is_review: Mapped[bool] = mapped_column(default=False)
    acknowledge: Mapped[bool] = mapped_column(default=True)
    """Whether a new case by mail is acknowledged to its sender."""
    slack_channel: Mapped[str] = mapped_column(String(64), default="")


class QueueMember(Base):
    """An agent who works a queue."""

    __tablename__ = "queue_members"

    queue_id: Mapped[UUID] = mapped_column(refers_to("queues.id"), primary_key=True)
    agent_id: Mapped[UUID] = mapped_column(refers_to("agents.id"), primary_key=True, index=True)


class QueueItem(Base):
    """One waiting case. A case has at most one item that has not ended."""

    __tablename__ = "queue_items"
    __table_args__ = (
        Index(
            "uq_queue_items_active_case",
            "case_id",
            unique=True,
            sqlite_where=text("ended_at IS NULL"),
            postgresql_where=text("ended_at IS NULL"),
        ),
        Index("ix_queue_items_by_queue", "queue_id", "ended_at", "worked_by_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    queue_id: Mapped[UUID] = mapped_column(refers_to("queues.id"))
    case_id: Mapped[UUID] = mapped_column(refers_to("cases.id"), index=True)
    entered_at: Mapped[datetime]
    worked_by_id: Mapped[UUID | None] = mapped_column(refers_to("agents.id"))
    worked_since_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    worked_by: Mapped[Agent | None] = relationship()
    queue: Mapped[Queue] = relationship()


def add(session: Session, case: Case, queue: Queue, *, at: datetime) -> QueueItem:
    """Put a case in a queue, worked by nobody; it leaves the one it was in."""
    if ended := item_of(session, case, lock=True):
        ended.ended_at = at
        session.flush()  # the unique index allows one active item at a time
    return enter(session, case, queue, at=at)


def enter(session: Session, case: Case, queue: Queue, *, at: datetime) -> QueueItem:
    """Put a case that is in no queue, such as a new one, into this one."""
    item = QueueItem(id=new_id(), queue_id=queue.id, case_id=case.id, entered_at=at)
    session.add(item)
    case.queue_id = queue.id
    return item


def item_of(session: Session, case: Case, *, lock: bool = False) -> QueueItem | None:
    """The case's active item, if it waits anywhere."""
    statement = select(QueueItem).where(QueueItem.case_id == case.id, QueueItem.ended_at.is_(None))
    if lock:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    return session.scalar(statement)


def pick(session: Session, case: Case, agent: Agent, *, at: datetime) -> None:
    """Make the agent the one who works on it. Raises AlreadyTaken, naming who was first."""
    item = item_of(session, case, lock=True)
    if item is not None:
        if item.worked_by_id is not None and item.worked_by_id != agent.id:
            other = session.get_one(Agent, item.worked_by_id)
            raise AlreadyTaken(f"{other.name} already works on case {case.number}")
        item.worked_by_id, item.worked_since_at = agent.id, at
    case.owner_id = agent.id


def give(session: Session, case: Case, agent: Agent, *, at: datetime) -> None:
    """Assign the case to an agent, whoever had it before."""
    if item := item_of(session, case, lock=True):
        item.worked_by_id, item.worked_since_at = agent.id, at
    case.owner_id = agent.id


def release(session: Session, case: Case) -> None:
    """Give it back to its queue: worked by nobody, owned by nobody."""
    if item := item_of(session, case, lock=True):
        item.worked_by_id = item.worked_since_at = None
    case.owner_id = None


def leave(session: Session, case: Case, *, at: datetime) -> None:
    """End the case's waiting, as when it is resolved."""
    if item := item_of(session, case, lock=True):
        item.ended_at = at


@dataclass(frozen=True, slots=True)
class Queues:
    """Every queue, read once for a batch of messages."""

    every: tuple[Queue, ...]

    @property
    def by_mailbox(self) -> dict[str, Queue]:
        """The queue each mailbox feeds."""
        return {queue.address: queue for queue in self.every if queue.address}

    @property
    def default(self) -> Queue:
        """Where cases go that nothing else routes. Raises NoQueue on a desk without any."""
        if not self.every:
            raise NoQueue("this desk has no queue yet; add one with `deskbell queue add`")
        return next((queue for queue in self.every if queue.is_default), self.every[0])

    @property
    def review(self) -> Queue | None:
        """Where uncovered cases wait for a decision."""
        return next((queue for queue in self.every if queue.is_review), None)


def every(session: Session) -> Queues:
    """All queues, by name."""
    return Queues(tuple(session.scalars(select(Queue).order_by(Queue.name))))


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
