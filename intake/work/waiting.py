"""A case that waits for its customer, and goes on."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from intake import sla
from intake.acting import case_of, done
from intake.agents import Principal
from intake.cases import (
    PAUSES,
    Case,
    Reason,
)
from intake.errors import IntakeError


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
        raise WrongReason(f"{reason} does not put a case on hold; use on hold")
    if case.reason is not reason:
        case.reason = reason
        sla.pause(session, case, at=at)
    return done(session, case, by, "case.held", at, reason=reason.value)


def resume(
    session: Session, by: Principal, case_id: UUID, *, at: datetime, version: int | None = None
) -> Case:
    """Work goes on: the clocks run again, moved by the open time on hold."""
    case = case_of(session, by, case_id, version=version)
    if case.reason in PAUSES:
        case.reason = Reason.IN_PROGRESS
        sla.resume(session, case, at=at)
    return done(session, case, by, "case.resumed", at)
