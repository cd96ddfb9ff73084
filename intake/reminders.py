"""What was planned and is due: its owner is reminded, once, and the story of its case says so."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from intake import events, notices
from intake.agents import SYSTEM, Agent
from intake.cases import Activity, Case
from intake.desk import Desk
from intake.nouns import noun
from intake.visibility import sees

NAMED = 5


def due(_desk: Desk, at: datetime) -> Select[Activity]:
    """The activities whose owner is to be reminded by then, found by index."""
    return select(Activity).where(Activity.remind_at.is_not(None), Activity.remind_at <= at)


def move(session: Session, desk: Desk, *, at: datetime, limit: int) -> int:
    """Remind whoever is to be reminded, each with one notice; how many activities are due."""
    found = session.scalars(
        due(desk, at)
        .order_by(Activity.remind_at, Activity.id)
        .limit(limit)
        .with_for_update(skip_locked=True, of=Activity)
        .execution_options(populate_existing=True)
    ).all()
    cases = _cases_of(session, found)
    by_owner: dict[UUID, list[str]] = {}
    for activity in found:
        case = cases.get(activity.case_id) if activity.case_id else None
        _record(session, activity, case, at)
        if owner_id := _reminded(session, activity, case):
            by_owner.setdefault(owner_id, []).append(_in_words(activity, case, desk))
        activity.remind_at = None
    for owner_id, lines in by_owner.items():
        key = f"due:{owner_id}:{at.isoformat()}"
        agent = session.get_one(Agent, owner_id)
        notices.tell(session, agent, _news(lines), desk=desk, key=key, at=at, page="/activities")
    return len(found)


def _cases_of(session: Session, activities: Sequence[Activity]) -> dict[UUID, Case]:
    ids = {activity.case_id for activity in activities}
    return {case.id: case for case in session.scalars(select(Case).where(Case.id.in_(ids)))}


def _record(session: Session, activity: Activity, case: Case | None, at: datetime) -> None:
    assert activity.remind_at is not None, "what is reminded of is due"
    events.record(
        session,
        "activity.due",
        at=at,
        actor=SYSTEM,
        case_id=activity.case_id,
        activity=str(activity.id),
        activity_kind=activity.kind.value,
        subject=activity.subject,
        due_at=activity.remind_at.isoformat(),
        **({"number": case.number} if case else {}),
    )


def _reminded(session: Session, activity: Activity, case: Case | None) -> UUID | None:
    """Its owner; what somebody had to do who left, or may not see its case any more, falls to the
    owner of the case."""
    for agent_id in (activity.owner_id, case.owner_id if case else None):
        agent = session.get(Agent, agent_id) if agent_id else None
        if agent is None or not agent.active:
            continue
        if case is None or sees(session, agent, case.id):
            return agent.id
    return None


def _in_words(activity: Activity, case: Case | None, desk: Desk) -> str:
    assert activity.remind_at is not None, "what is reminded of is due"
    local = activity.remind_at.astimezone(ZoneInfo(desk.zone))
    of = f" ({noun} {case.number}, {case.subject})" if case else ""
    return f"{activity.subject}{of}, {activity.kind}, {local:%d %b %H:%M}"


def _news(lines: Sequence[str]) -> str:
    more = f"; and {len(lines) - NAMED} more" if len(lines) > NAMED else ""
    return "Due: " + "; ".join(lines[:NAMED]) + more
