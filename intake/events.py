"""Facts and promises: what happened, and what we said we would send.

Facts are append-only, written with the change they tell of; history, subscriptions and webhooks
all read them. Promises are deliveries written with their cause and kept afterwards by
`channels.dispatch`, so nothing in a transaction waits for a network. Every fact is promised to the
endpoints that listen to its kind as it is recorded, so what history shows no webhook lacks.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Index, String, delete, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from intake import endpoints
from intake.agents import Principal
from intake.db import Base, Json, RowNumber, new_id, one_of, partial_index, refers_to

# A mail server may take its time with each command; sending twice is worse than waiting.
LEASE = timedelta(minutes=5)


class Event(Base):
    """One thing that happened. `sequence` orders them and is the cursor for whoever follows."""

    __tablename__ = "events"
    __table_args__ = (
        partial_index("ix_events_by_agent", "actor_id", "at", where="actor_kind = 'agent'"),
    )

    sequence: Mapped[int] = mapped_column(RowNumber, primary_key=True, autoincrement=True)
    kind: Mapped[str] = mapped_column(String(60))
    at: Mapped[datetime]
    case_id: Mapped[UUID | None] = mapped_column(index=True)
    actor_kind: Mapped[str] = mapped_column(String(16))
    actor_id: Mapped[UUID | None]
    actor_name: Mapped[str] = mapped_column(default="")
    via: Mapped[str] = mapped_column(String(16), default="")
    data: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)


class DeliveryState(StrEnum):
    """Where a promise stands."""

    DUE = "due"
    SENT = "sent"
    FAILED = "failed"  # given up; an event told the case


CALLED = "deliveries.channel = 'webhook' AND deliveries.forgotten_at IS NULL"
"""Calls of webhooks that still hold what they said: retention looks through no others."""


class Delivery(Base):
    """A promise to send. Its id is fixed when promised, so a repeated try is the same message."""

    __tablename__ = "deliveries"
    __table_args__ = (
        Index("ix_deliveries_due", "state", "due_at"),
        Index("ix_deliveries_target", "kind", "target", "promised_at"),
        Index("ix_deliveries_by_kind", "kind", "promised_at"),
        partial_index(
            "ix_deliveries_kept",
            "channel",
            "sent_at",
            where="sent_at IS NOT NULL AND forgotten_at IS NULL",
        ),
        partial_index("ix_deliveries_called", "promised_at", where=CALLED),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    channel: Mapped[str] = mapped_column(String(32))
    kind: Mapped[str] = mapped_column(String(40))
    """reply, acknowledgement, card, note … within its channel."""
    effect_key: Mapped[str] = mapped_column(String(200), unique=True)
    """What may happen only once, in a word: a second promise of it is refused by the database."""
    case_id: Mapped[UUID | None] = mapped_column(refers_to("cases.id"), index=True)
    activity_id: Mapped[UUID | None] = mapped_column(refers_to("activities.id"), index=True)
    event_sequence: Mapped[int | None] = mapped_column(refers_to("events.sequence"), index=True)
    event: Mapped[Event | None] = relationship()
    """What a webhook tells of."""
    target: Mapped[str] = mapped_column(String(320), default="")
    payload: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    state: Mapped[DeliveryState] = mapped_column(one_of(DeliveryState), default=DeliveryState.DUE)
    promised_at: Mapped[datetime]
    due_at: Mapped[datetime]
    attempts: Mapped[int] = mapped_column(default=0)
    claim: Mapped[UUID | None]
    sent_at: Mapped[datetime | None]
    forgotten_at: Mapped[datetime | None]
    """When what it said was given up; that stands in its activity or its event."""
    response: Mapped[str] = mapped_column(default="")
    remote_id: Mapped[str] = mapped_column(String(200), default="")
    error: Mapped[str] = mapped_column(default="")


@dataclass(frozen=True, slots=True)
class Promise:
    """A claimed delivery as the channel that sends it sees it."""

    id: UUID
    channel: str
    kind: str
    target: str
    payload: dict[str, Any]
    attempts: int
    promised_at: datetime
    case_id: UUID | None
    claim: UUID


def record(
    session: Session,
    kind: str,
    *,
    at: datetime,
    actor: Principal,
    case_id: UUID | None = None,
    **data: Any,
) -> None:
    """Write down that something happened, in the transaction in which it happened, and promise it
    to whoever listens."""
    if actor.cause is not None:
        data["cause"] = asdict(actor.cause)
    fact = Event(
        kind=kind,
        at=at,
        case_id=case_id,
        actor_kind=actor.kind,
        actor_id=actor.id,
        actor_name=actor.name,
        via=actor.via,
        data=data,
    )
    session.add(fact)
    for endpoint_id in endpoints.listening(session, kind):
        key = f"event:{new_id()}"
        told = promise(session, "webhook", "event", effect_key=key, at=at, target=str(endpoint_id))
        told.event = fact


def promise(
    session: Session,
    channel: str,
    kind: str,
    *,
    effect_key: str,
    at: datetime,
    target: str = "",
    payload: dict[str, Any] | None = None,
    case_id: UUID | None = None,
    activity_id: UUID | None = None,
    due_at: datetime | None = None,
) -> Delivery:
    """Promise a delivery in the transaction of its cause; `channels.dispatch` keeps it."""
    delivery = Delivery(
        id=new_id(),
        channel=channel,
        kind=kind,
        effect_key=effect_key,
        case_id=case_id,
        activity_id=activity_id,
        target=target,
        payload=payload or {},
        promised_at=at,
        due_at=due_at or at,
    )
    session.add(delivery)
    return delivery


def any_due(session: Session, channels: Collection[str], *, at: datetime) -> bool:
    """Whether a delivery of these channels waits to be sent."""
    due = select(Delivery.id).where(Delivery.state == DeliveryState.DUE, Delivery.due_at <= at)
    return session.scalar(due.where(Delivery.channel.in_(channels)).limit(1)) is not None


def claim(
    session: Session, channels: Collection[str], *, at: datetime, limit: int
) -> list[Promise]:
    """Take up to `limit` due deliveries of these channels for LEASE; a crash gives them back when
    it ends."""
    due = (
        select(Delivery)
        .where(Delivery.state == DeliveryState.DUE, Delivery.due_at <= at)
        .where(Delivery.channel.in_(channels))
        .order_by(Delivery.due_at, Delivery.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    token = new_id()
    claimed = []
    for row in session.scalars(due):
        row.claim, row.due_at, row.attempts = token, at + LEASE, row.attempts + 1
        claimed.append(
            Promise(
                id=row.id,
                channel=row.channel,
                kind=row.kind,
                target=row.target,
                payload=row.payload,
                attempts=row.attempts,
                promised_at=row.promised_at,
                case_id=row.case_id,
                claim=token,
            )
        )
    session.flush()
    return claimed


def held(session: Session, promise: Promise) -> Delivery | None:
    """The delivery, locked, if it is still ours to settle; None when the lease was lost."""
    row = session.scalar(select(Delivery).where(Delivery.id == promise.id).with_for_update())
    if row is None or row.claim != promise.claim or row.state is not DeliveryState.DUE:
        return None
    return row


def renew(session: Session, promise: Promise, *, at: datetime) -> bool:
    """Lease it for another LEASE; False when it is not ours any more."""
    row = held(session, promise)
    if row is not None:
        row.due_at = at + LEASE
    return row is not None


def withdraw(session: Session, case_id: UUID, kind: str, *, at: datetime) -> None:
    """Forget the promises of that kind on a case that wait for a later time."""
    later = (Delivery.state == DeliveryState.DUE) & (Delivery.due_at > at)
    waiting = later & Delivery.claim.is_(None)
    session.execute(
        delete(Delivery).where(Delivery.case_id == case_id, Delivery.kind == kind, waiting)
    )


def promised_to(
    session: Session, kind: str, targets: Sequence[str], *, since: datetime
) -> dict[str, int]:
    """How many deliveries of a kind were promised to each of these targets since then."""
    rows = session.execute(
        select(Delivery.target, func.count())
        .where(Delivery.kind == kind, Delivery.target.in_(targets), Delivery.promised_at > since)
        .group_by(Delivery.target)
    )
    return dict(rows.all())


def promised_in_all(session: Session, kind: str, *, since: datetime) -> int:
    """How many deliveries of a kind were promised since then, whomever to."""
    promised = select(func.count()).where(Delivery.kind == kind, Delivery.promised_at > since)
    return session.scalar(promised) or 0


def after(session: Session, sequence: int, *, limit: int = 500) -> list[Event]:
    """The events that follow a cursor, oldest first."""
    statement = select(Event).where(Event.sequence > sequence).order_by(Event.sequence)
    return list(session.scalars(statement.limit(limit)))


def latest(session: Session) -> int:
    """The cursor of now."""
    return session.scalar(select(func.max(Event.sequence))) or 0
