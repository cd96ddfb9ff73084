"""The countdown on a card: brought up to date when so much is left of a promise that it matters.

Each time a card was shown, the next step of its case's clocks is noted in one row; when it is
reached the row goes, and the card is promised anew. A case without a card, or without a clock that
runs, has no row.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import Select, delete, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from intake import sla
from intake.acting import tell_slack
from intake.cases import Case
from intake.clock import DueWork
from intake.db import Base, insert_new, refers_to
from intake.desk import Desk


class Countdown(Base):
    """When the card of a case must next say how much is left."""

    __tablename__ = "slack_countdowns"

    case_id: Mapped[UUID] = mapped_column(refers_to("cases.id"), primary_key=True)
    at: Mapped[datetime] = mapped_column(index=True)


def note(session: Session, case_id: UUID, *, at: datetime) -> None:
    """Note the next step of the case's clocks after that instant, at which its card was shown."""
    holds = sla.holds_of(session, [case_id])[case_id]
    steps = [sla.next_step(clock, holds, at) for clock in sla.of_cases(session, [case_id])]
    ahead = min((step for step in steps if step is not None), default=None)
    if ahead is None:
        session.execute(delete(Countdown).where(Countdown.case_id == case_id))
        return
    session.execute(insert_new(session, Countdown).values(case_id=case_id, at=ahead))
    session.execute(update(Countdown).where(Countdown.case_id == case_id).values(at=ahead))


def due(_desk: Desk, at: datetime) -> Select[Countdown]:
    """The cards whose next step is reached by then, found by index."""
    return select(Countdown).where(Countdown.at <= at)


def move(session: Session, desk: Desk, *, at: datetime, limit: int) -> int:
    """Promise that these cards say how much is left; how many they were."""
    found = session.scalars(
        due(desk, at).order_by(Countdown.at).limit(limit).with_for_update(skip_locked=True)
    ).all()
    for countdown in found:
        tell_slack(session, session.get_one(Case, countdown.case_id), "refresh", at)
        session.delete(countdown)
    return len(found)


DUE = (DueWork("countdowns", due, move),)
