"""Agents who follow a case without working on it, and are told when somebody else changes it.

Who does something to a case leaves word for its followers; the clock carries the word a little
later (intake.news), so that ten acts in a row are one message and not ten.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from intake.agents import Agent, Principal
from intake.cases import Case
from intake.db import Base, insert_new, partial_index, refers_to


class Follower(Base):
    """An agent who follows a case."""

    __tablename__ = "followers"
    __table_args__ = (
        partial_index("ix_followers_with_news", "news_at", where="news_at IS NOT NULL"),
    )

    case_id: Mapped[UUID] = mapped_column(refers_to("cases.id"), primary_key=True)
    agent_id: Mapped[UUID] = mapped_column(refers_to("agents.id"), primary_key=True, index=True)
    since_at: Mapped[datetime]
    news_at: Mapped[datetime | None]
    """When the first thing happened that they were not told of yet."""
    agent: Mapped[Agent] = relationship(lazy="joined", innerjoin=True)


def of_case(session: Session, case_id: UUID) -> list[Agent]:
    """Who follows a case, by name."""
    followed = select(Follower.agent_id).where(Follower.case_id == case_id)
    return list(session.scalars(select(Agent).where(Agent.id.in_(followed)).order_by(Agent.name)))


def add(session: Session, case: Case, agent_ids: Iterable[UUID], *, at: datetime) -> None:
    """Let these agents follow the case, those who do not yet."""
    for agent_id in sorted(set(agent_ids)):
        session.execute(
            insert_new(session, Follower).values(case_id=case.id, agent_id=agent_id, since_at=at)
        )


def remove(session: Session, case: Case, agent_id: UUID) -> None:
    """Let an agent follow the case no more."""
    mine = (Follower.case_id == case.id, Follower.agent_id == agent_id)
    session.execute(delete(Follower).where(*mine))


def leave_word(session: Session, case_id: UUID, by: Principal, *, at: datetime) -> None:
    """Note for those who follow the case, but for whoever did it, that something happened."""
    waiting = (Follower.case_id == case_id, Follower.news_at.is_(None))
    others = waiting if by.id is None else (*waiting, Follower.agent_id != by.id)
    session.execute(
        update(Follower)
        .where(*others)
        .values(news_at=at)
        .execution_options(synchronize_session=False)
    )
