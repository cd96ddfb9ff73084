"""Time entries: what the time of an activity was spent on, and whether it is to be billed.

The minutes themselves stand on the activity. Once they are in an invoice request they are locked.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import String, and_, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from intake.agents import Principal
from intake.cases import Activity, ActivityState, Case
from intake.db import Base, new_id, refers_to
from intake.errors import IntakeError


class TimeLocked(IntakeError):
    """Time that is billed, or handed over to accounting, is not changed any more."""

    code = "time-locked"


class TimeEntry(Base):
    """The billing side of one activity's time."""

    __tablename__ = "time_entries"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    activity_id: Mapped[UUID] = mapped_column(refers_to("activities.id"), unique=True)
    case_id: Mapped[UUID] = mapped_column(refers_to("cases.id"), index=True)
    agent_id: Mapped[UUID | None] = mapped_column(refers_to("agents.id"))
    """Whose time it was, and whose rate it costs."""
    service: Mapped[str] = mapped_column(String(60), default="")
    billable: Mapped[bool] = mapped_column(default=True)
    request_id: Mapped[UUID | None] = mapped_column(refers_to("invoice_requests.id"), index=True)
    """The invoice request that bills it; None while nothing does."""
    at: Mapped[datetime]
    activity: Mapped[Activity] = relationship(lazy="joined", innerjoin=True)


def entries_of(session: Session, case: Case) -> Sequence[TimeEntry]:
    """An entry for each activity of a case that took time, in the order of the work.

    Where nobody wrote one, as for a call that was logged, it is made.
    """
    session.flush()
    bare = session.scalars(
        select(Activity)
        .outerjoin(TimeEntry, TimeEntry.activity_id == Activity.id)
        .where(Activity.case_id == case.id, Activity.duration_minutes > 0, TimeEntry.id.is_(None))
        .where(Activity.state == ActivityState.COMPLETED)
    )
    session.add_all(
        TimeEntry(
            id=new_id(),
            activity_id=activity.id,
            case_id=case.id,
            agent_id=activity.agent_id,
            service="",
            billable=True,
            at=activity.at,
            activity=activity,
        )
        for activity in bare.all()
    )
    session.flush()
    whole = select(TimeEntry).join(Activity, Activity.id == TimeEntry.activity_id)
    whole = whole.where(Activity.case_id == case.id, Activity.state == ActivityState.COMPLETED)
    return session.scalars(whole.order_by(TimeEntry.at, TimeEntry.id)).all()


def billable_minutes(session: Session, case: Case) -> int:
    """The minutes of a case that nobody took out of billing: what its billable time defaults to."""
    out = and_(TimeEntry.activity_id == Activity.id, TimeEntry.billable.is_(False))
    total = select(func.coalesce(func.sum(Activity.duration_minutes), 0))
    kept = total.outerjoin(TimeEntry, out).where(TimeEntry.id.is_(None))
    kept = kept.where(Activity.case_id == case.id, Activity.state == ActivityState.COMPLETED)
    return session.scalar(kept) or 0


def write_down(
    session: Session,
    activity: Activity,
    minutes: int,
    *,
    by: Principal,
    service: str = "",
    billable: bool = True,
) -> TimeEntry:
    """Note how long an activity of a case took. Raises TimeLocked once that is billed."""
    entry = session.scalar(select(TimeEntry).where(TimeEntry.activity_id == activity.id))
    if entry is None:
        assert activity.case_id is not None, "the time of a case is billed, and no other"
        entry = TimeEntry(
            id=new_id(), activity_id=activity.id, case_id=activity.case_id, activity=activity
        )
        entry.agent_id, entry.at = activity.agent_id or by.id, activity.at
        session.add(entry)
    else:
        must_be_open(entry)
    activity.duration_minutes, entry.service, entry.billable = minutes, service, billable
    return entry


def must_be_free(session: Session, activity: Activity) -> None:
    """Raises TimeLocked when the time of that activity is billed."""
    entry = session.scalar(select(TimeEntry).where(TimeEntry.activity_id == activity.id))
    if entry is not None:
        must_be_open(entry)


def must_be_open(entry: TimeEntry) -> None:
    """Raises TimeLocked for time that is billed."""
    if entry.request_id is not None:
        raise TimeLocked("minutes: this time is billed; reopen the case to bill it anew")
