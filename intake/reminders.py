"""What was planned and is due: its owner is reminded, once, and the story of its case says so."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from intake import events, queues, threads
from intake.agents import SYSTEM, Agent
from intake.cases import Activity, Case
from intake.desk import Desk
from intake.messages import Outgoing


def due(_desk: Desk, at: datetime) -> Select[Activity]:
    """The activities whose owner is to be reminded by then, found by index."""
    return select(Activity).where(Activity.remind_at.is_not(None), Activity.remind_at <= at)


def move(session: Session, desk: Desk, *, at: datetime, limit: int) -> int:
    """Remind whoever is to be reminded, with one mail each; how many activities are due."""
    found = session.scalars(
        due(desk, at)
        .order_by(Activity.remind_at, Activity.id)
        .limit(limit)
        .with_for_update(skip_locked=True, of=Activity)
        .execution_options(populate_existing=True)
    ).all()
    cases = _cases_of(session, found)
    by_owner: dict[UUID, list[Activity]] = {}
    for activity in found:
        activity.remind_at = None
        case = cases.get(activity.case_id) if activity.case_id else None
        _record(session, activity, case, at)
        # Whoever left is reminded of nothing: what they had to do falls to the owner of the case.
        if owner_id := _reminded(session, activity, case):
            by_owner.setdefault(owner_id, []).append(activity)
    sender = queues.every(session).default.address if by_owner else None
    if sender:
        for owner_id, activities in by_owner.items():
            _write(session, desk, sender, session.get_one(Agent, owner_id), activities, cases, at)
    return len(found)


def _cases_of(session: Session, activities: Sequence[Activity]) -> dict[UUID, Case]:
    ids = {activity.case_id for activity in activities}
    return {case.id: case for case in session.scalars(select(Case).where(Case.id.in_(ids)))}


def _record(session: Session, activity: Activity, case: Case | None, at: datetime) -> None:
    assert activity.due_at is not None, "what is reminded of is due"
    events.record(
        session,
        "activity.due",
        at=at,
        actor=SYSTEM,
        case_id=activity.case_id,
        activity=str(activity.id),
        activity_kind=activity.kind.value,
        subject=activity.subject,
        due_at=activity.due_at.isoformat(),
        **({"number": case.number} if case else {}),
    )


def _reminded(session: Session, activity: Activity, case: Case | None) -> UUID | None:
    for agent_id in (activity.owner_id, case.owner_id if case else None):
        agent = session.get(Agent, agent_id) if agent_id else None
        if agent is not None and agent.active:
            return agent.id
    return None


def _write(
    session: Session,
    desk: Desk,
    sender: str,
    owner: Agent,
    activities: Sequence[Activity],
    cases: dict[UUID, Case],
    at: datetime,
) -> None:
    lines = [_line(activity, cases, desk) for activity in activities]
    first, others = activities[0], len(activities) - 1
    subject = f"Due: {first.subject}" + (f" and {others} more" if others else "")
    page = f"{desk.base_url}/activities"
    outgoing = Outgoing(
        message_id=threads.new_message_id(sender),
        from_address=sender,
        from_name=desk.organisation,
        to=(owner.email,),
        subject=subject,
        text="This is due:\n\n" + "\n".join(lines) + f"\n\nAll that you have to do: {page}\n",
        automatic=True,
    )
    assert first.due_at is not None, "what is reminded of is due"
    events.promise(
        session,
        "email",
        "reminder",
        effect_key=f"reminder:{first.id}:{first.version}:{first.due_at.timestamp():.0f}",
        at=at,
        target=owner.email,
        payload=outgoing.as_json(),
    )


def _line(activity: Activity, cases: dict[UUID, Case], desk: Desk) -> str:
    assert activity.due_at is not None, "what is reminded of is due"
    local = activity.due_at.astimezone(ZoneInfo(desk.zone))
    case = cases.get(activity.case_id) if activity.case_id else None
    of = f", case {case.number}: {case.subject}" if case else ""
    return f"- {local:%a %d %b %Y %H:%M} {activity.kind}: {activity.subject}{of}"
