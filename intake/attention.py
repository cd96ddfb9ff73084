"""How long a person really had a case open, so that it can be offered when time is written down.

A page says how long it was in front of somebody who was there. It is summed for each person and
case until they write down time, or until they let it go; nothing of it counts by itself.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.orm import Mapped, Session, mapped_column

from intake.agents import Principal
from intake.db import Base, insert_new, refers_to

FORGOTTEN = timedelta(hours=16)
"""What was not written down on the day it was spent is offered no longer."""


class Attention(Base):
    """The time an agent had a case in front of them and has not written down."""

    __tablename__ = "case_attention"

    case_id: Mapped[UUID] = mapped_column(refers_to("cases.id"), primary_key=True)
    agent_id: Mapped[UUID] = mapped_column(refers_to("agents.id"), primary_key=True, index=True)
    seconds: Mapped[int] = mapped_column(default=0)
    noted_at: Mapped[datetime]


def looked(
    session: Session, by: Principal, case_id: UUID, span: timedelta, *, at: datetime
) -> None:
    """Note that the case was in front of them for so long, up to now.

    What two pages say of the same minutes counts once: never more than passed since it was noted
    last. The caller has asked whether they may see the case.
    """
    assert by.id is not None, "an agent looks"
    fresh = {"case_id": case_id, "agent_id": by.id, "seconds": 0, "noted_at": at - span}
    session.execute(insert_new(session, Attention).values(**fresh))
    row = session.get_one(Attention, (case_id, by.id), with_for_update=True, populate_existing=True)
    if at - row.noted_at > FORGOTTEN:
        row.seconds, row.noted_at = 0, at - span
    row.seconds += max(0, int(min(span, at - row.noted_at).total_seconds()))
    row.noted_at = max(row.noted_at, at)


def offered(session: Session, by: Principal, case_id: UUID, *, at: datetime) -> int:
    """The whole minutes to offer to whoever writes down time on that case now."""
    row = session.get(Attention, (case_id, by.id)) if by.id else None
    if row is None or at - row.noted_at > FORGOTTEN:
        return 0
    return row.seconds // 60


def settle(session: Session, by: Principal, case_id: UUID) -> None:
    """They wrote down time, or want none: counting begins anew."""
    row = session.get(Attention, (case_id, by.id), with_for_update=True) if by.id else None
    if row is not None:
        row.seconds = 0
