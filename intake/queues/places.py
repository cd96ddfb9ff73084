"""Queues: the places where cases wait, who works them, and where a case goes by default."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import String, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from intake.db import Base, new_id, one_of, refers_to
from intake.errors import IntakeError, NotFound


class WhenNotCovered(StrEnum):
    """What a queue does with a case that no entitlement covers. None of them is a bounce."""

    ACCEPT = "accept"  # as work to bill
    REVIEW = "review"  # wait in the review queue until somebody decides
    OFFER = "offer"  # as work to bill, and the acknowledgement offers to renew


class Assignment(StrEnum):
    """Who gets what waits in a queue. A pick by hand is always possible as well."""

    NONE = "none"  # whoever picks it
    ROUND_ROBIN = "round robin"
    HIGHEST_CAPACITY = "highest capacity"
    SKILLS_EXACT = "skills exact"
    SKILLS_CLOSEST = "skills closest"


class Continuity(StrEnum):
    """What becomes of what a customer writes anew while a young case of theirs is open."""

    OFF = "off"  # a case of its own
    PROPOSE = "propose"  # a case of its own, which says where it seems to belong
    APPEND = "append"  # part of the young case, where that is certain enough


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
    private: Mapped[bool] = mapped_column(default=False)
    """Whether only its members have it in their lists. Who may see its cases is `members_only`."""
    members_only: Mapped[bool] = mapped_column(default=False)
    """Whether only its members, and managers, may see its cases."""
    owner_id: Mapped[UUID | None] = mapped_column(refers_to("agents.id"))
    owner_team_id: Mapped[UUID | None] = mapped_column(refers_to("teams.id"))
    """Whose a case is that was released or moved here: this agent's or team's, or nobody's."""
    assignment: Mapped[Assignment] = mapped_column(one_of(Assignment), default=Assignment.NONE)
    absent_minutes: Mapped[int | None]
    """After how long the cases of an absent agent go back to it; never when None."""
    archived_at: Mapped[datetime | None]
    """Since when nothing waits here any more."""
    when_not_covered: Mapped[WhenNotCovered] = mapped_column(
        one_of(WhenNotCovered), default=WhenNotCovered.ACCEPT
    )
    is_review: Mapped[bool] = mapped_column(default=False)
    acknowledge: Mapped[bool] = mapped_column(default=True)
    """Whether a new case by mail is acknowledged to its sender."""
    slack_channel: Mapped[str] = mapped_column(String(64), default="")
    continuity: Mapped[Continuity] = mapped_column(one_of(Continuity), default=Continuity.OFF)
    continuity_hours: Mapped[int] = mapped_column(default=24)
    """How long a case that waits here is young."""
    version: Mapped[int] = mapped_column(default=1)

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012


class QueueMember(Base):
    """An agent who works a queue."""

    __tablename__ = "queue_members"

    queue_id: Mapped[UUID] = mapped_column(refers_to("queues.id"), primary_key=True)
    agent_id: Mapped[UUID] = mapped_column(refers_to("agents.id"), primary_key=True, index=True)


class DefaultQueue(Base):
    """Where cases of an agent or a team wait that wait nowhere else."""

    __tablename__ = "default_queues"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    agent_id: Mapped[UUID | None] = mapped_column(refers_to("agents.id"), unique=True)
    team_id: Mapped[UUID | None] = mapped_column(refers_to("teams.id"), unique=True)
    queue_id: Mapped[UUID] = mapped_column(refers_to("queues.id"))


@dataclass(frozen=True, slots=True)
class Queues:
    """Every queue in use, read once for a batch of messages."""

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
    """All queues that are in use, by name."""
    in_use = select(Queue).where(Queue.archived_at.is_(None)).order_by(Queue.name)
    return Queues(tuple(session.scalars(in_use)))


def in_use(session: Session, queue: Queue) -> Queue:
    """That queue; the desk's default where it is archived, for nothing waits there any more."""
    return queue if queue.archived_at is None else every(session).default


def one(session: Session, queue_id: UUID) -> Queue:
    """That queue, if it takes cases. Raises NotFound."""
    queue = session.get(Queue, queue_id)
    if queue is None or queue.archived_at is not None:
        raise NotFound("there is no such queue in use")
    return queue


def default_of(
    session: Session, *, agent_id: UUID | None = None, team_id: UUID | None = None
) -> Queue:
    """Where cases of that agent or team wait that wait nowhere else: theirs, or the desk's."""
    return own_default(session, agent_id=agent_id, team_id=team_id) or every(session).default


def own_default(
    session: Session, *, agent_id: UUID | None = None, team_id: UUID | None = None
) -> Queue | None:
    """The default queue of that agent or team, if they have one that is in use."""
    whose = DefaultQueue.agent_id == agent_id if agent_id else DefaultQueue.team_id == team_id
    return session.scalar(
        select(Queue)
        .join(DefaultQueue, DefaultQueue.queue_id == Queue.id)
        .where(whose, Queue.archived_at.is_(None))
    )
