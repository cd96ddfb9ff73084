"""Holds: while a case waits for its customer, the clocks that its status stops do not count."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from intake.cases import Case, Reason
from intake.sla.clocks import LIVE, Hold, holds_of, look, note_deadline, of_case, place


def pause(session: Session, case: Case, *, at: datetime) -> None:
    """The case is in another status now: the clocks that this one stops pause until `resume`."""
    _end_holds(session, case, at)
    session.add(Hold(case_id=case.id, reason=case.reason.value, started_at=at))
    _place_all(session, case, at)


def resume(session: Session, case: Case, *, at: datetime) -> None:
    """The hold is over: paused clocks go on, their deadlines moved by the open time on hold."""
    _end_holds(session, case, at)
    _place_all(session, case, at)


def on_hold(reason: Reason) -> bool:
    """Whether a status is kept as a hold; which clocks it stops is each item's affair."""
    return reason is not Reason.IN_PROGRESS


def _end_holds(session: Session, case: Case, at: datetime) -> None:
    for hold in holds_of(session, [case.id])[case.id]:
        if hold.ended_at is None:
            # Clocks of machines differ a little; a hold never ends before it began.
            hold.ended_at = max(at, hold.started_at)


def _place_all(session: Session, case: Case, at: datetime) -> None:
    session.flush()
    holds = holds_of(session, [case.id])[case.id]
    instances = of_case(session, case)
    for instance in instances:
        if instance.state in LIVE:
            look(instance, at=at)
        if instance.state in LIVE:
            place(instance, holds)
    note_deadline(case, instances)
