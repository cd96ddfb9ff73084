"""What time does to an entitlement, and when it will do so next."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from sqlalchemy.orm import Session

from intake.entitlements import granting, periods
from intake.entitlements.bought import Entitlement, State
from intake.entitlements.choice import state_on
from intake.entitlements.defaults import inherit_default

DAY = timedelta(days=1)


def pass_time(session: Session, entitlement: Entitlement, *, on: date, at: datetime) -> None:
    """Move periods and state to that day. The row must be locked."""
    session.add_all(periods.turn(entitlement, on=on, at=at))
    before = entitlement.state
    if before in (State.WAITING, State.ACTIVE):
        entitlement.state = state_on(entitlement, on)
    elif before is State.ON_HOLD and entitlement.ends_on < on:
        entitlement.state = State.EXPIRED
    if entitlement.state is State.ACTIVE and before is State.WAITING:
        session.add_all(granting.carried_over(session, entitlement, at=at))
        inherit_default(session, entitlement)


def next_look(entitlement: Entitlement) -> date | None:
    """The next day on which time changes something about it; None when nothing is to come."""
    days = list(renewal_notices(entitlement))
    if entitlement.state is State.WAITING:
        days.append(entitlement.starts_on)
    if entitlement.state in (State.ACTIVE, State.ON_HOLD):
        days.append(entitlement.ends_on + DAY)
        if turning := periods.next_turn(entitlement):
            days.append(turning)
    return min(days, default=None)


def renewal_notices(entitlement: Entitlement) -> list[date]:
    """The days on which the customer is still to be reminded, unless they go on by then."""
    if entitlement.state not in (State.ACTIVE, State.WAITING, State.EXPIRED):
        return []
    days = sorted(entitlement.ends_on - timedelta(days) for days in entitlement.renewal_days)
    noticed = entitlement.noticed_on
    return [day for day in days if noticed is None or day > noticed]
