"""What a warning, a broken promise or a kept one sets off, each once."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from intake import events
from intake.agents import SYSTEM
from intake.cases import Case, touch
from intake.desk import Desk
from intake.queues import Queue
from intake.sla import KpiInstance, KpiState, Milestone

EVENTS = {
    Milestone.WARNING: "sla.nearing",
    Milestone.FAILURE: "sla.noncompliant",
    Milestone.SUCCESS: "sla.succeeded",
}
# In Slack a card says by itself that a promise was kept.
ALARMS = {Milestone.WARNING: KpiState.NEARING, Milestone.FAILURE: KpiState.NONCOMPLIANT}


def tell(
    session: Session,
    case: Case,
    instance: KpiInstance,
    milestone: Milestone,
    desk: Desk,
    *,
    at: datetime,
) -> None:
    """Record what a clock reached, with the time when it did, and promise what follows."""
    due_at = reached_at(instance, milestone)
    touch(case, at)
    events.record(
        session,
        EVENTS[milestone],
        at=at,
        actor=SYSTEM,
        case_id=case.id,
        number=case.number,
        kpi=instance.kpi.value,
        due_at=due_at.isoformat(),
    )
    _alarm_slack(session, case, instance, milestone, desk, due_at=due_at, at=at)


def reached_at(instance: KpiInstance, milestone: Milestone) -> datetime:
    """When the clock reached it, however late anybody looked."""
    reached = {
        Milestone.WARNING: instance.warned_at,
        Milestone.FAILURE: instance.failed_at,
        Milestone.SUCCESS: instance.succeeded_at,
    }[milestone]
    assert reached is not None, "a clock notes when it reaches a milestone"
    return reached


def _alarm_slack(
    session: Session,
    case: Case,
    instance: KpiInstance,
    milestone: Milestone,
    desk: Desk,
    *,
    due_at: datetime,
    at: datetime,
) -> None:
    channel = session.scalar(select(Queue.slack_channel).where(Queue.id == case.queue_id))
    if not desk.slack or not channel or milestone not in ALARMS:
        return
    events.promise(
        session,
        "slack",
        "clock",
        effect_key=f"{EVENTS[milestone]}:{instance.id}:{int(due_at.timestamp())}",
        at=at,
        case_id=case.id,
        target=channel,
        payload={"kpi": instance.kpi.value, "state": ALARMS[milestone].value},
    )
