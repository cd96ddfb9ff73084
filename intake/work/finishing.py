"""What was planned is done, called off, or to be done after all.

A case does not end while something is still to be done for it, unless that is called off with it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from intake import billing
from intake.agents import Principal
from intake.answering import answered, is_answer, not_answered
from intake.cases import Activity, ActivityState, Case
from intake.errors import IntakeError
from intake.work.planned import check_minutes, end, held, must_be, record, remind, take_time, tell

NAMED = 5


class OpenActivities(IntakeError):
    """Something is still to be done for a case that would end."""

    code = "open-activities"

    def __init__(self, activities: Sequence[Activity]) -> None:
        self.activity_ids = tuple(activity.id for activity in activities)
        count = len(activities)
        names = ", ".join(repr(activity.subject) for activity in activities[:NAMED])
        more = f" and {count - NAMED} more" if count > NAMED else ""
        super().__init__(
            f"{count} open {'activity' if count == 1 else 'activities'}: {names}{more}; complete "
            f"{'it' if count == 1 else 'them'} first, or confirm that "
            f"{'it is' if count == 1 else 'they are'} cancelled"
        )


def complete_activity(
    session: Session,
    by: Principal,
    activity_id: UUID,
    *,
    at: datetime,
    minutes: int | None = None,
    billable: bool = True,
    text: str = "",
    version: int | None = None,
) -> Activity:
    """It is done, and took so many minutes; as long as was planned unless somebody says.

    `text` is what came of it, added below what was planned.
    """
    activity, case = held(session, by, activity_id, version)
    must_be(activity, ActivityState.OPEN)
    took = activity.duration_minutes if minutes is None else minutes
    check_minutes(took)
    if text.strip():
        activity.text = "\n\n".join(part for part in (activity.text, text.strip()) if part)
        activity.new_text = activity.text
    end(session, by, activity, ActivityState.COMPLETED, at)
    take_time(session, by, activity, took, billable)
    if case is not None and is_answer(activity):
        answered(session, case, at=at)
    tell(session, by, case, activity, "completed", at, minutes=took)
    return activity


def cancel_activity(
    session: Session, by: Principal, activity_id: UUID, *, at: datetime, version: int | None = None
) -> Activity:
    """It need not be done any more."""
    activity, case = held(session, by, activity_id, version)
    must_be(activity, ActivityState.OPEN)
    end(session, by, activity, ActivityState.CANCELLED, at)
    tell(session, by, case, activity, "cancelled", at)
    return activity


def reopen_activity(
    session: Session, by: Principal, activity_id: UUID, *, at: datetime, version: int | None = None
) -> Activity:
    """It is to be done after all. Raises TimeLocked when its time is billed."""
    activity, case = held(session, by, activity_id, version)
    must_be(activity, ActivityState.COMPLETED, ActivityState.CANCELLED)
    billing.must_be_free(session, activity)
    done_at, called = activity.at, activity.state is ActivityState.COMPLETED and is_answer(activity)
    activity.state, activity.ended_at = ActivityState.OPEN, None
    activity.at = at
    if case is not None and called:
        not_answered(session, case, done_at)
    remind(activity, at)
    tell(session, by, case, activity, "reopened", at)
    return activity


def open_of(session: Session, case_ids: Collection[UUID]) -> list[Activity]:
    """What is still to be done for these cases, what is due first before the others."""
    statement = select(Activity).where(
        Activity.case_id.in_(case_ids), Activity.state == ActivityState.OPEN
    )
    return list(session.scalars(statement.order_by(Activity.order_at, Activity.id)))


def must_be_done(session: Session, case_ids: Collection[UUID]) -> None:
    """Raises OpenActivities when anything is still to be done for these cases."""
    if activities := open_of(session, case_ids):
        raise OpenActivities(activities)


def call_off(session: Session, by: Principal, case: Case, *, at: datetime) -> list[Activity]:
    """Cancel whatever is still to be done for a case that ends. The case must be locked."""
    activities = open_of(session, [case.id])
    for activity in activities:
        end(session, by, activity, ActivityState.CANCELLED, at)
        record(session, by, case, activity, "cancelled", at)
    session.flush()
    return activities
