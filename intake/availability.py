"""Whether an agent can take work now: presence, and how much they can have at once."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import Select, String, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from intake.agents import Agent
from intake.db import Base, insert_new, one_of, partial_index, refers_to

CAPACITY = 5
"""Units of somebody for whom nobody said more."""


class Presence(StrEnum):
    """What an agent says about now. Only who is available is given work."""

    AVAILABLE = "available"
    BUSY = "busy"
    AWAY = "away"
    OFFLINE = "offline"


ABSENT = frozenset({Presence.AWAY, Presence.OFFLINE})


class Availability(Base):
    """An agent's presence and capacity. Who has none is offline."""

    __tablename__ = "availability"
    __table_args__ = tuple(
        partial_index(f"ix_availability_{name}", column, where=f"{column} IS NOT NULL")
        for name, column in (("freed", "freed_at"), ("offline", "offline_at"))
    )

    agent_id: Mapped[UUID] = mapped_column(refers_to("agents.id"), primary_key=True)
    presence: Mapped[Presence] = mapped_column(one_of(Presence), default=Presence.OFFLINE)
    since_at: Mapped[datetime]
    """Since when that is so."""
    capacity: Mapped[int] = mapped_column(default=CAPACITY)
    """Units of work they can have at once; an open case costs what its channel weighs."""
    calendar_id: Mapped[UUID | None] = mapped_column(refers_to("service_calendars.id"))
    """When they work; without one, whenever they are available."""
    last_assigned_at: Mapped[datetime | None]
    """When the desk last gave them a case."""
    freed_at: Mapped[datetime | None]
    """Since when they may have room for what waits, until it was offered to them."""
    offline_at: Mapped[datetime | None]
    """When to look whether they are still there."""
    agent: Mapped[Agent] = relationship(lazy="joined", innerjoin=True)


class ChannelCapacity(Base):
    """How much of one channel an agent can have at once, within their capacity."""

    __tablename__ = "channel_capacities"

    agent_id: Mapped[UUID] = mapped_column(refers_to("agents.id"), primary_key=True)
    channel: Mapped[str] = mapped_column(String(32), primary_key=True)
    units: Mapped[int]


class ChannelWeight(Base):
    """What an open case of a channel costs; 1 where nothing is said."""

    __tablename__ = "channel_weights"

    channel: Mapped[str] = mapped_column(String(32), primary_key=True)
    units: Mapped[int]


def held(session: Session, agent_id: UUID, *, at: datetime) -> Availability:
    """The agent's, locked; a new one of somebody who is offline if there was none."""
    session.execute(
        insert_new(session, Availability).values(
            agent_id=agent_id,
            presence=Presence.OFFLINE,
            since_at=at,
            capacity=CAPACITY,
        )
    )
    return session.get_one(Availability, agent_id, with_for_update=True, populate_existing=True)


def is_absent(session: Session, agent_id: UUID) -> bool:
    """Whether an agent is away or offline, as who never said that they are here is."""
    presence = session.scalar(
        select(Availability.presence).where(Availability.agent_id == agent_id)
    )
    return presence is None or presence in ABSENT


def here() -> Select[UUID]:
    """The ids of the agents who are not absent, as a query."""
    return select(Availability.agent_id).where(Availability.presence.not_in(ABSENT))


def freed(session: Session, agent_id: UUID | None, *, at: datetime) -> None:
    """Note that an agent has room again, so that the clock offers them what waits."""
    if agent_id is not None:
        session.execute(
            update(Availability)
            .where(Availability.agent_id == agent_id, Availability.freed_at.is_(None))
            .where(Availability.presence == Presence.AVAILABLE)
            .values(freed_at=at),
            execution_options={"synchronize_session": "evaluate"},
        )
