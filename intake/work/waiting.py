"""Why an open case stands where it stands: it waits for its customer, is looked into, goes on."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from intake import reasons, sla
from intake.acting import case_of, done
from intake.agents import Principal
from intake.cases import PAUSES, REASONS, Case, Reason, State
from intake.errors import IntakeError
from intake.nouns import noun


class WrongReason(IntakeError):
    """That status reason does not belong to that state."""

    code = "wrong-reason"


def hold(
    session: Session,
    by: Principal,
    case_id: UUID,
    *,
    at: datetime,
    reason: Reason = Reason.WAITING_FOR_DETAILS,
    version: int | None = None,
) -> Case:
    """The customer has to act first: the clocks pause until they write or `resume`."""
    case = case_of(session, by, case_id, version=version)
    if reason not in PAUSES:
        raise WrongReason(f"{reason} does not put {noun.a} on hold; use on hold")
    _put(session, case, reason, at)
    return done(session, case, by, "case.held", at, reason=reason.value)


def resume(
    session: Session, by: Principal, case_id: UUID, *, at: datetime, version: int | None = None
) -> Case:
    """Work goes on: the clocks run again, moved by the open time on hold."""
    case = case_of(session, by, case_id, version=version)
    _put(session, case, Reason.IN_PROGRESS, at)
    return done(session, case, by, "case.resumed", at)


def set_reason(
    session: Session,
    by: Principal,
    case_id: UUID,
    reason: Reason,
    *,
    at: datetime,
    version: int | None = None,
) -> Case:
    """Say why an open case stands where it stands; the clocks that this stops pause.

    Raises NotReachable when the desk does not let that reason follow the one it has.
    """
    case = case_of(session, by, case_id, version=version)
    if reason not in REASONS[State.ACTIVE]:
        raise WrongReason(f"{reason} ends {noun.a}; resolve or cancel it instead")
    if case.reason is reason:
        return case
    _put(session, case, reason, at)
    return done(session, case, by, "case.reason_set", at, reason=reason.value)


def _put(session: Session, case: Case, reason: Reason, at: datetime) -> None:
    if case.reason is reason:
        return
    reasons.must_follow(session, case, reason)
    case.reason = reason
    if sla.on_hold(reason):
        sla.pause(session, case, at=at)
    else:
        sla.resume(session, case, at=at)
