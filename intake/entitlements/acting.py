"""What every act of a manager on an entitlement asks first, and how it is told."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from intake import events
from intake.agents import Act, Principal
from intake.entitlements.bought import Entitlement, State, locked
from intake.errors import IntakeError, NotFound


class NotEditable(IntakeError):
    """Only a draft can be changed or activated."""

    code = "entitlement-not-draft"


class WrongState(IntakeError):
    """That cannot be done with an entitlement that stands where this one does."""

    code = "entitlement-wrong-state"


def held(
    session: Session, entitlement: Entitlement, by: Principal, *states: State, act: str = ""
) -> Entitlement:
    """The entitlement, locked; `by` may manage and it stands in one of the states, if any is named.

    Raises WrongState for another, in which it cannot be `act`.
    """
    by.must(Act.MANAGE)
    session.flush()
    found = locked(session, [entitlement.id]).get(entitlement.id)
    if found is None:
        raise NotFound("there is no such entitlement")
    if states and found.state not in states:
        wanted = " or ".join(states)
        raise WrongState(f"{found.name} is {found.state}; only {wanted} ones can be {act}")
    return found


def tell(
    session: Session,
    entitlement: Entitlement,
    what: str,
    at: datetime,
    by: Principal,
    **data: Any,
) -> None:
    """Record that it was done."""
    events.record(
        session, f"entitlement.{what}", at=at, actor=by,
        entitlement=str(entitlement.id), name=entitlement.name, **data,
    )  # fmt: skip
