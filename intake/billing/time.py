"""Time entries: what the time of an activity was spent on, and whether it is to be billed.

The minutes themselves stand on the activity. Once they are in an invoice request they are locked.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Select, String, case, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from intake.agents import Principal
from intake.cases import Activity, ActivityState, Case
from intake.db import Base, new_id, refers_to
from intake.errors import IntakeError
from intake.nouns import noun


class TimeLocked(IntakeError):
    """Time that is billed, or handed over to accounting, is not changed any more."""

    code = "time-locked"


@dataclass(frozen=True, slots=True)
class Spent:
    """The time of a case in minutes; `billable` is what nobody took out of billing."""

    worked: int = 0
    billable: int = 0


class TimeEntry(Base):
    """The billing side of one activity's time."""

    __tablename__ = "time_entries"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    activity_id: Mapped[UUID] = mapped_column(refers_to("activities.id"), unique=True)
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
            agent_id=activity.agent_id,
            service="",
            billable=True,
            at=activity.at,
            activity=activity,
        )
        for activity in bare.all()
    )
    session.flush()
    return session.scalars(written_down([case.id])).all()


def written_down(case_ids: Collection[UUID]) -> Select[TimeEntry]:
    """The entries of what was done for these cases, in the order of the work.

    An entry is of the case that its activity is in now: merging and parting take it along.
    """
    whole = select(TimeEntry).join(Activity, Activity.id == TimeEntry.activity_id)
    whole = whole.where(Activity.case_id.in_(case_ids), Activity.state == ActivityState.COMPLETED)
    return whole.order_by(TimeEntry.at, TimeEntry.id)


def spent_on(session: Session, case_ids: Collection[UUID]) -> dict[UUID, Spent]:
    """The time of each of these cases: of everything that was done, and of what is to be billed."""
    kept = case((TimeEntry.billable.is_(False), 0), else_=Activity.duration_minutes)
    rows = session.execute(
        select(Activity.case_id, func.sum(Activity.duration_minutes), func.sum(kept))
        .outerjoin(TimeEntry, TimeEntry.activity_id == Activity.id)
        .where(Activity.case_id.in_(case_ids), Activity.state == ActivityState.COMPLETED)
        .group_by(Activity.case_id)
    )
    found = {case_id: Spent(int(worked), int(kept)) for case_id, worked, kept in rows}
    return {case_id: found.get(case_id, Spent()) for case_id in case_ids}


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
        entry = TimeEntry(id=new_id(), activity_id=activity.id, activity=activity)
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
        raise TimeLocked(f"minutes: this time is billed; reopen the {noun} to bill it anew")
