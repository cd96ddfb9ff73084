"""An activity that was planned: found and locked with its case, changed, and told of."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from intake import billing, events
from intake.acting import case_of, done
from intake.agents import Act, Principal
from intake.billing import DAY_MINUTES
from intake.cases import Activity, ActivityState, Case, StaleVersion
from intake.errors import IntakeError, NotFound
from intake.nouns import noun
from intake.visibility import activities_visible_to


class WrongActivity(IntakeError):
    """An activity that cannot be meant; the text names the field."""

    code = "wrong-activity"


class ActivityNotOpen(IntakeError):
    """It is completed or cancelled, or was never planned; or it is still open."""

    code = "activity-state"


def held(
    session: Session, by: Principal, activity_id: UUID, version: int | None
) -> tuple[Activity, Case | None]:
    """The activity and its case, locked, if this principal may work on them."""
    by.must(Act.WORK)
    visible = activities_visible_to(by).where(Activity.id == activity_id)
    case_id = session.scalar(visible.with_only_columns(Activity.case_id))
    case = case_of(session, by, case_id, version=None) if case_id else None
    activity = session.scalar(
        visible.with_for_update(of=Activity).execution_options(populate_existing=True)
    )
    if activity is None or activity.case_id != case_id:
        raise NotFound(f"there is no such activity, or it went to another {noun} just now")
    if version is not None and version != activity.version:
        raise StaleVersion(
            f"{activity.subject!r} changed since you read it (version {activity.version}, you had "
            f"{version}); look again before you change it"
        )
    return activity, case


def must_be(activity: Activity, *states: ActivityState) -> None:
    planned = activity.state is ActivityState.OPEN or activity.ended_at is not None
    if not planned:
        raise ActivityNotOpen("what was said or came about cannot be changed; write a note instead")
    if activity.state not in states:
        after = "" if activity.state is ActivityState.OPEN else "; reopen it first"
        raise ActivityNotOpen(f"{activity.subject!r} is {activity.state}{after}")


def check_minutes(minutes: int) -> None:
    if not 0 <= minutes <= DAY_MINUTES:
        raise WrongActivity(f"minutes: {minutes} is not between 0 and {DAY_MINUTES}")


def end(
    session: Session, by: Principal, activity: Activity, state: ActivityState, at: datetime
) -> None:
    activity.state, activity.ended_at, activity.remind_at = state, at, None
    if state is ActivityState.COMPLETED:
        # The story tells it when it was done, by who did it.
        activity.at, activity.agent_id, activity.author_name = at, by.id, by.name


def take_time(
    session: Session, by: Principal, activity: Activity, minutes: int, billable: bool
) -> None:
    activity.duration_minutes = minutes
    if minutes and activity.case_id is not None:
        billing.write_down(session, activity, minutes, by=by, billable=billable)


def remind(activity: Activity, at: datetime) -> None:
    # Whoever plans what is due already knows that it is.
    later = activity.due_at is not None and activity.due_at > at
    activity.remind_at = activity.due_at if later else None


def tell(
    session: Session,
    by: Principal,
    case: Case | None,
    activity: Activity,
    what: str,
    at: datetime,
    **data: Any,
) -> None:
    if what != "added":
        activity.version += 1
    session.flush()
    if case is None:
        record(session, by, None, activity, what, at, **data)
    else:
        done(session, case, by, f"activity.{what}", at, **_named(activity), **data)


def record(
    session: Session,
    by: Principal,
    case: Case | None,
    activity: Activity,
    what: str,
    at: datetime,
    **data: object,
) -> None:
    told: dict[str, Any] = {**_named(activity), **data}
    kind = f"activity.{what}"
    if case is None:
        events.record(session, kind, at=at, actor=by, **_regarding(activity), **told)
    else:
        number = case.number
        events.record(session, kind, at=at, actor=by, case_id=case.id, number=number, **told)


def _named(activity: Activity) -> dict[str, Any]:
    return {
        "activity": str(activity.id),
        "activity_kind": activity.kind.value,
        "subject": activity.subject,
    }


def _regarding(activity: Activity) -> dict[str, Any]:
    ids = {
        "account": activity.account_id,
        "contact": activity.contact_id,
        "contract": activity.contract_id,
    }
    return {name: str(id) for name, id in ids.items() if id is not None}
