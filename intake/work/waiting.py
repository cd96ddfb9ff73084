"""Why an open case stands where it stands: it waits for its customer, is looked into, goes on."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from intake import reasons, sla
from intake.acting import case_of, done
from intake.agents import Principal
from intake.cases import PAUSES, REASONS, Case, Chosen, Reason, State, Status
from intake.nouns import noun
from intake.reasons import WrongReason


def hold(
    session: Session,
    by: Principal,
    case_id: UUID,
    *,
    at: datetime,
    reason: Chosen = Reason.WAITING_FOR_DETAILS,
    version: int | None = None,
) -> Case:
    """The customer has to act first: the clocks pause until they write or `resume`.

    One that is on hold for that reason stays as it is.
    """
    case = case_of(session, by, case_id, version=version)
    status = reasons.choose(session, reason)
    if status.kind_of not in PAUSES:
        raise WrongReason(f"{status} does not put {noun.a} on hold; use on hold")
    if case.status is status:
        return case
    _put(session, case, status, at)
    return done(session, case, by, "case.held", at, reason=case.reason.value, called=str(status))


def resume(
    session: Session, by: Principal, case_id: UUID, *, at: datetime, version: int | None = None
) -> Case:
    """Work goes on: the clocks run again, moved by the open time on hold. One in progress stays
    as it is."""
    case = case_of(session, by, case_id, version=version)
    if case.reason is Reason.IN_PROGRESS:
        return case
    _put(session, case, Reason.IN_PROGRESS, at)
    return done(session, case, by, "case.resumed", at)


def set_reason(
    session: Session,
    by: Principal,
    case_id: UUID,
    reason: Chosen,
    *,
    at: datetime,
    version: int | None = None,
) -> Case:
    """Say why an open case stands where it stands; the clocks that this stops pause.

    Raises NotReachable when the desk does not let that reason follow the one it has.
    """
    case = case_of(session, by, case_id, version=version)
    status = reasons.choose(session, reason)
    if status.kind_of not in REASONS[State.ACTIVE]:
        raise WrongReason(f"{status} ends {noun.a}; resolve or cancel it instead")
    if case.status is status:
        return case
    _put(session, case, status, at)
    return done(
        session, case, by, "case.reason_set", at, reason=case.reason.value, called=str(status)
    )


def _put(session: Session, case: Case, status: Status, at: datetime) -> None:
    if case.status is status:
        return
    reasons.must_follow(session, case, status)
    was = case.reason
    case.stand(status)
    if case.reason is was:
        return
    if sla.on_hold(case.reason):
        sla.pause(session, case, at=at)
    else:
        sla.resume(session, case, at=at)
