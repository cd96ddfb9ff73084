"""The third door: time passes. One tick moves everything that time moves.

Each kind of due work is one line of WORK: a query that finds what is due by an index, so that a
tick costs what is due and not what is open, and a function that moves it. A thing happens once
because the row that says when is changed in the transaction that says it happened.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import Select, or_, select
from sqlalchemy.orm import Session

from intake import coverage, entitlements, events, sla
from intake.agents import SYSTEM
from intake.cases import Case, touch
from intake.desk import Desk
from intake.entitlements import Entitlement
from intake.queues import Queue
from intake.sla import KpiInstance, KpiState

BATCH = 200
EVENTS = {KpiState.NEARING: "sla.nearing", KpiState.NONCOMPLIANT: "sla.noncompliant"}


class Move(Protocol):
    """Moves up to `limit` of what is due at that instant, locked; how many it moved."""

    def __call__(self, session: Session, desk: Desk, *, at: datetime, limit: int) -> int: ...


@dataclass(frozen=True, slots=True)
class DueWork:
    """One kind of thing that time moves. `due` selects, by an index, what `move` would move."""

    name: str
    due: Callable[[Desk, datetime], Select[Any]]
    move: Move


@dataclass(frozen=True, slots=True)
class Tick:
    """What one tick moved; `more` says that a batch was full and another tick should follow."""

    moved: Mapping[str, int] = field(default_factory=dict)
    more: bool = False


def any_due(session: Session, desk: Desk, *, at: datetime) -> bool:
    """Whether a tick would move anything; asked without disturbing those who write."""
    return any(session.scalar(work.due(desk, at).limit(1)) is not None for work in WORK)


def tick(session: Session, desk: Desk, *, at: datetime) -> Tick:
    """Move what is due at that instant, each kind in its turn."""
    moved = {}
    for work in WORK:
        moved[work.name] = work.move(session, desk, at=at, limit=BATCH)
        session.flush()
    return Tick(moved, more=BATCH in moved.values())


def move_clocks(session: Session, desk: Desk, *, at: datetime, limit: int) -> int:
    """Warn of promises about to be broken, and say which were."""
    due = sla.due(session, at=at, limit=limit)
    for instance in due:
        for state in sla.look(instance, at=at):
            _tell(session, instance, state, desk, at=at)
    return len(due)


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


def move_entitlements(session: Session, desk: Desk, *, at: datetime, limit: int) -> int:
    """Begin and end entitlements by their dates."""
    today = desk.day(at)
    dated = entitlements_due(desk, at).order_by(Entitlement.id).limit(limit)
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


def entitlements_due(desk: Desk, at: datetime) -> Select[Entitlement]:
    """The entitlements whose dates say another state than they have."""
    today = desk.day(at)
    begun = (Entitlement.state == entitlements.State.WAITING) & (Entitlement.starts_on <= today)
    over = (Entitlement.state == entitlements.State.ACTIVE) & (Entitlement.ends_on < today)
    return select(Entitlement).where(or_(begun, over))


# Another kind of due work is a query and a function in the module of its noun, and a line here.
WORK: tuple[DueWork, ...] = (
    DueWork("clocks", lambda _desk, at: sla.due_at(at), move_clocks),
    # Before the entitlements: a contract that begins makes one for each of its lines.
    DueWork("contracts", coverage.due, coverage.move),
    DueWork("entitlements", entitlements_due, move_entitlements),
)
