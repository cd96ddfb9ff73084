"""A customer's first choice among their entitlements: one at a time, and handed on."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from intake.agents import Principal
from intake.entitlements.acting import held, tell
from intake.entitlements.bought import Entitlement, State


def set_default(
    session: Session, entitlement: Entitlement, *, at: datetime, by: Principal
) -> Entitlement:
    """Make it the customer's first choice; the one that was is no longer.

    Raises WrongState unless it is active.
    """
    entitlement = held(session, entitlement, by, State.ACTIVE, act="the default")
    _make_default(session, entitlement)
    tell(session, entitlement, "default", at, by)
    return entitlement


def inherit_default(session: Session, entitlement: Entitlement) -> None:
    """A renewal takes its predecessor's place as the default as soon as it is active."""
    if entitlement.renews_id is None or entitlement.state is not State.ACTIVE:
        return
    if session.get_one(Entitlement, entitlement.renews_id).is_default:
        _make_default(session, entitlement)


def _make_default(session: Session, entitlement: Entitlement) -> None:
    same = (
        Entitlement.account_id == entitlement.account_id
        if entitlement.account_id is not None
        else Entitlement.contact_id == entitlement.contact_id
    )
    others = select(Entitlement).where(same, Entitlement.is_default).with_for_update()
    for other in session.scalars(others):
        other.is_default = False
    session.flush()  # the unique index allows one default at a time
    entitlement.is_default = True
