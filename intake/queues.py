"""Where cases wait, and who took which."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import Index, Select, String, func, select, text
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from intake import availability, teams
from intake.agents import Agent
from intake.cases import Case
from intake.db import Base, new_id, one_of, refers_to
from intake.errors import IntakeError
from intake.nouns import noun
from intake.teams import Team


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
        Index("ix_queue_items_by_worker", "worked_by_id", "ended_at"),
        *(
            Index(
                f"ix_queue_items_{name}",
                *columns,
                sqlite_where=text(f"{columns[0]} IS NOT NULL"),
                postgresql_where=text(f"{columns[0]} IS NOT NULL"),
            )
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
    """Put a case in a queue, worked by nobody; it leaves the one it was in, and its owner."""
    leave(session, case, at=at)
    session.flush()  # the unique index allows one active item at a time
    case.owner_id = case.team_id = None
    item = enter(session, case, queue, at=at)
    belong(case, queue)
    return item


def enter(session: Session, case: Case, queue: Queue, *, at: datetime) -> QueueItem:
    """Put a case that is in no queue, such as a new one, into this one.

    A case that has an owner, as one that is reopened may, is worked on by them.
    """
    if queue.archived_at is not None:
        queue = every(session).default
    item = QueueItem(id=new_id(), queue_id=queue.id, case_id=case.id, entered_at=at)
    item.worked_by_id, item.worked_by_team_id = case.owner_id, case.team_id
    item.worked_since_at = at if case.owner_id or case.team_id else None
    session.add(item)
    case.queue_id = queue.id
    _wait(case, item, queue, offer_at=at)
    return item


def belong(case: Case, queue: Queue) -> None:
    """Let the case be whose the queue is, or nobody's."""
    case.owner_id, case.team_id = queue.owner_id, queue.owner_team_id


def item_of(session: Session, case: Case, *, lock: bool = False) -> QueueItem | None:
    """The case's active item, if it waits anywhere."""
    statement = select(QueueItem).where(QueueItem.case_id == case.id, QueueItem.ended_at.is_(None))
    if lock:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    return session.scalar(statement)


def pick(session: Session, case: Case, agent: Agent, *, at: datetime) -> None:
    """Make the agent the one who works on it. Raises AlreadyTaken, naming who was first.

    What waits for a team is taken by one of its members.
    """
    item = item_of(session, case, lock=True)
    if item is not None and item.worked_by_id not in (None, agent.id):
        other = session.get_one(Agent, item.worked_by_id)
        raise AlreadyTaken(f"{other.name} already works on {noun} {case.number}")
    team_id = item.worked_by_team_id if item is not None else None
    if team_id is not None and not teams.is_in(session, agent.id, team_id):
        team = session.get_one(Team, team_id)
        raise AlreadyTaken(f"{noun} {case.number} waits for one of {team.name}; assign it instead")
    _work(session, case, item, agent.id, team_id, at)


def give(
    session: Session, case: Case, agent: Agent, *, at: datetime, item_too: bool = True
) -> None:
    """Assign the case to an agent, whoever had it before; it stays their team's, if it was.

    Without `item_too` it goes on waiting in its queue for whoever works on it.
    """
    item = item_of(session, case, lock=True) if item_too else None
    kept = case.team_id and teams.is_in(session, agent.id, case.team_id)
    _work(session, case, item, agent.id, case.team_id if kept else None, at)


def give_team(session: Session, case: Case, team: Team, *, at: datetime) -> None:
    """Assign the case to a team, whoever had it before; it waits for one of its members."""
    _work(session, case, item_of(session, case, lock=True), None, team.id, at)


def release(session: Session, case: Case, *, at: datetime) -> None:
    """Give it back to its queue: worked by nobody, and whose the queue is."""
    item = item_of(session, case, lock=True)
    if item is None:
        availability.freed(session, case.owner_id, at=at)
        case.owner_id = case.team_id = None
        return
    _work(session, case, item, None, None, at)
    belong(case, item.queue)


def leave(session: Session, case: Case, *, at: datetime) -> QueueItem | None:
    """End the case's waiting, as when it is resolved; what has ended."""
    item = item_of(session, case, lock=True)
    availability.freed(session, case.owner_id, at=at)
    case.waiting_since_at = None
    if item is not None:
        item.ended_at, item.offer_at, item.back_at = at, None, None
    return item


def take_up(session: Session, case: Case, item: QueueItem) -> None:
    """Let an item that has ended go on as if it had not."""
    item.ended_at = None
    _wait(case, item, item.queue, offer_at=item.entered_at)


def _work(
    session: Session,
    case: Case,
    item: QueueItem | None,
    agent_id: UUID | None,
    team_id: UUID | None,
    at: datetime,
) -> None:
    """Let that agent, for that team, be who has the case and works on it."""
    if case.owner_id != agent_id:
        availability.freed(session, case.owner_id, at=at)
    if item is not None:
        item.worked_by_id, item.worked_by_team_id = agent_id, team_id
        item.worked_since_at = at if agent_id or team_id else None
        item.back_at = None
        _wait(case, item, item.queue, offer_at=at)
    case.owner_id, case.team_id = agent_id, team_id


def _wait(case: Case, item: QueueItem, queue: Queue, *, offer_at: datetime) -> None:
    """Note whether the case waits for an agent, and whether the desk looks for one.

    Its turn counts from when it entered the queue, however often it was taken and given back.
    """
    waits = item.worked_by_id is None
    case.waiting_since_at = item.entered_at if waits else None
    item.offer_at = offer_at if waits and queue.assignment is not Assignment.NONE else None


def default_of(
    session: Session, *, agent_id: UUID | None = None, team_id: UUID | None = None
) -> Queue:
    """Where cases of that agent or team wait that wait nowhere else: theirs, or the desk's."""
    whose = DefaultQueue.agent_id == agent_id if agent_id else DefaultQueue.team_id == team_id
    found = session.scalar(
        select(Queue)
        .join(DefaultQueue, DefaultQueue.queue_id == Queue.id)
        .where(whose, Queue.archived_at.is_(None))
    )
    return found or every(session).default


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
