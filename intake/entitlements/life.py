"""An entitlement's life: put in force, taken back into draft, cancelled, deleted.

Every act locks the row first, so of two people who activate at once one is told that it is active
already. `by` must be allowed to manage.
"""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from intake.agents import SYSTEM, Principal
from intake.entitlements import granting, periods
from intake.entitlements.acting import NotEditable, WrongState, held, tell
from intake.entitlements.bought import Entitlement, State
from intake.entitlements.choice import state_on
from intake.entitlements.defaults import inherit_default
from intake.entitlements.thresholds import arm
from intake.entitlements.validity import Problem, must_be_valid


def activate(
    session: Session, entitlement: Entitlement, *, on: date, at: datetime, by: Principal = SYSTEM
) -> list[Problem]:
    """Put a draft in force: waiting, active or expired by its dates, with its terms granted.

    The warnings are returned. Raises NotEditable unless it is a draft, BadEntitlement when a
    field is wrong.
    """
    entitlement = held(session, entitlement, by)
    if entitlement.state is not State.DRAFT:
        raise NotEditable(f"{entitlement.name} is {entitlement.state}; only a draft is activated")
    warnings = must_be_valid(entitlement)
    on = entitlement.day(at, on)
    entitlement.state = state_on(entitlement, on)
    entitlement.activations += 1
    if entitlement.activations == 1:
        session.add_all(granting.first(entitlement, on, at, by))
    else:
        session.add_all(periods.turn(entitlement, on=on, at=at))
        session.add_all(granting.made_up_for(session, entitlement, on, at, by))
    if entitlement.state is not State.WAITING:
        session.add_all(granting.carried_over(session, entitlement, at=at, by=by))
    if entitlement.restricted:
        entitlement.overdrawn = max(0, -entitlement.remaining)
    inherit_default(session, entitlement)
    arm(entitlement)
    entitlement.look_at = at  # the clock knows what comes next, and when that is
    tell(session, entitlement, entitlement.state, at, by)
    return warnings


def deactivate(
    session: Session, entitlement: Entitlement, *, at: datetime, by: Principal
) -> Entitlement:
    """Back to a draft, to be changed; what was taken from it stays taken."""
    entitlement = held(session, entitlement, by, State.ACTIVE, State.WAITING, act="deactivated")
    entitlement.state, entitlement.look_at = State.DRAFT, None
    tell(session, entitlement, "deactivated", at, by)
    return entitlement


def cancel(
    session: Session, entitlement: Entitlement, *, at: datetime, by: Principal, reason: str = ""
) -> Entitlement:
    """End it at once."""
    entitlement = held(session, entitlement, by, State.ACTIVE, State.WAITING, act="cancelled")
    entitlement.state, entitlement.look_at, entitlement.is_default = State.CANCELLED, None, False
    tell(session, entitlement, "cancelled", at, by, reason=reason)
    return entitlement


def discard(session: Session, entitlement: Entitlement, *, at: datetime, by: Principal) -> None:
    """Delete a draft that was never in force. Raises WrongState for any other."""
    entitlement = held(session, entitlement, by, State.DRAFT, act="deleted")
    if entitlement.activations:
        raise WrongState(f"{entitlement.name} was in force; cancel it, its ledger stays")
    renewed = session.scalar(
        select(Entitlement).where(Entitlement.renewed_by_id == entitlement.id).with_for_update()
    )
    if renewed is not None:
        renewed.renewed_by_id = None
    tell(session, entitlement, "deleted", at, by)
    session.delete(entitlement)
