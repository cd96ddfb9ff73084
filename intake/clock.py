"""The third door: time passes. One tick moves everything that time moves.

Work is found by index, so a tick costs what is due, not what is open; each thing happens once
because the row that says when is changed in the transaction that says it happened.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, or_, select
from sqlalchemy.orm import Session

from intake import entitlements, events, sla
from intake.agents import SYSTEM
from intake.cases import Case, touch
from intake.desk import Desk
from intake.entitlements import Entitlement
from intake.queues import Queue
from intake.sla import KpiInstance, KpiState

BATCH = 200
EVENTS = {KpiState.NEARING: "sla.nearing", KpiState.NONCOMPLIANT: "sla.noncompliant"}


@dataclass(frozen=True, slots=True)
class Tick:
    """What one tick moved; `more` says that a batch was full and another tick should follow."""

    clocks: int = 0
    entitlements: int = 0
    more: bool = False


def any_due(session: Session, desk: Desk, *, at: datetime) -> bool:
    """Whether a tick would move anything; asked without disturbing those who write."""
    clock = session.scalar(select(KpiInstance.id).where(KpiInstance.next_at <= at).limit(1))
    return clock is not None or session.scalar(_dated(desk, at).limit(1)) is not None


def tick(session: Session, desk: Desk, *, at: datetime) -> Tick:
    """Move what is due at that instant: SLA clocks, and entitlements by their dates."""
    due = sla.due(session, at=at, limit=BATCH)
    for instance in due:
        for state in sla.look(instance, at=at):
            _tell(session, instance, state, desk, at=at)
    session.flush()
    moved = _entitlements(session, desk, at=at)
    return Tick(len(due), moved, more=len(due) == BATCH)


def _tell(
    session: Session, instance: KpiInstance, state: KpiState, desk: Desk, *, at: datetime
) -> None:
    due_at = instance.failed_at if state is KpiState.NONCOMPLIANT else instance.warned_at
    case = session.get_one(Case, instance.case_id)
    touch(case, at)
    sla.refresh_deadline(session, case)
    events.record(
        session,
        EVENTS[state],
        at=at,
        actor=SYSTEM,
        case_id=case.id,
        number=case.number,
        kpi=instance.kpi.value,
        due_at=due_at.isoformat() if due_at else "",
    )
    channel = session.scalar(select(Queue.slack_channel).where(Queue.id == case.queue_id))
    if desk.slack and channel:
        key = f"{EVENTS[state]}:{instance.id}:{due_at and int(due_at.timestamp())}"
        events.promise(
            session,
            "slack",
            "clock",
            effect_key=key,
            at=at,
            case_id=case.id,
            target=channel,
            payload={"kpi": instance.kpi.value, "state": state.value},
        )


def _entitlements(session: Session, desk: Desk, *, at: datetime) -> int:
    today = desk.day(at)
    dated = _dated(desk, at).order_by(Entitlement.id).limit(BATCH)
    moved = session.scalars(dated.with_for_update(skip_locked=True)).all()
    for entitlement in moved:
        entitlement.state = entitlements.state_on(entitlement, today)
        events.record(
            session,
            f"entitlement.{entitlement.state}",
            at=at,
            actor=SYSTEM,
            entitlement=str(entitlement.id),
            name=entitlement.name,
        )
    return len(moved)


def _dated(desk: Desk, at: datetime) -> Select[Entitlement]:
    today = desk.day(at)
    begun = (Entitlement.state == entitlements.State.WAITING) & (Entitlement.starts_on <= today)
    over = (Entitlement.state == entitlements.State.ACTIVE) & (Entitlement.ends_on < today)
    return select(Entitlement).where(or_(begun, over))
