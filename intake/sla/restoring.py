"""What is promised on a case and how far along it is, kept so that it can be put back as it was."""

from __future__ import annotations

from datetime import datetime
from typing import Any, TypeAlias

from sqlalchemy.orm import Session

from intake.cases import Case
from intake.sla.clocks import (
    LIVE,
    KpiInstance,
    KpiState,
    cancel_one,
    holds_of,
    note_deadline,
    of_case,
)

INSTANTS = (
    "warn_at", "fail_at", "next_at", "paused_at", "warned_at", "failed_at", "succeeded_at",
)  # fmt: skip
Kept: TypeAlias = dict[str, Any]


def kept(session: Session, case: Case) -> Kept:
    """The clocks of a case and its holds, as plain values."""
    return {
        "clocks": {str(clock.id): _of_clock(clock) for clock in of_case(session, case)},
        "holds": {
            str(hold.id): _plain(hold.ended_at) for hold in holds_of(session, [case.id])[case.id]
        },
    }


def restore(session: Session, case: Case, before: Kept) -> None:
    """Let the clocks and the holds be as if nothing had been done since; the time goes on that
    counts. What began since is cancelled."""
    for hold in holds_of(session, [case.id])[case.id]:
        if str(hold.id) in before["holds"]:
            hold.ended_at = _instant(before["holds"][str(hold.id)])
        else:
            session.delete(hold)
    clocks = of_case(session, case)
    for clock in clocks:
        if str(clock.id) not in before["clocks"] and clock.state in LIVE:
            cancel_one(clock)
    session.flush()  # one clock of a promise is live at a time: those since go first
    for clock in clocks:
        known = before["clocks"].get(str(clock.id))
        if known is None:
            continue
        clock.state, clock.untold = KpiState(known["state"]), known["untold"]
        clock.overrun_seconds = known["overrun_seconds"]
        for name in INSTANTS:
            setattr(clock, name, _instant(known[name]))
    session.flush()
    note_deadline(case, clocks)


def _of_clock(clock: KpiInstance) -> Kept:
    return {
        "state": clock.state.value,
        "untold": clock.untold,
        "overrun_seconds": clock.overrun_seconds,
        **{name: _plain(getattr(clock, name)) for name in INSTANTS},
    }


def _plain(instant: datetime | None) -> str | None:
    return instant.isoformat() if instant else None


def _instant(words: str | None) -> datetime | None:
    return datetime.fromisoformat(words) if words else None
