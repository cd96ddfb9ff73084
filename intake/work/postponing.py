"""Work that is not for now: a case put off until a time or an answer, a follow-up agreed."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from intake.acting import case_of, done
from intake.agents import Principal
from intake.cases import Case
from intake.errors import IntakeError


class WrongInstant(IntakeError):
    """That time cannot be meant: it is over."""

    code = "wrong-instant"


def snooze(
    session: Session,
    by: Principal,
    case_id: UUID,
    until: datetime | None,
    *,
    at: datetime,
    version: int | None = None,
) -> Case:
    """Put a case off: it leaves the views of work until that time, or until its customer writes;
    with None, until they write alone.

    Promises about time run on, and bring it back when they are due; `hold` would stop them.
    Raises WrongInstant for a time that is over.
    """
    _must_be_ahead("until", until, at)
    case = case_of(session, by, case_id, version=version)
    case.snoozed_at, case.wakes_at = at, until
    return done(session, case, by, "case.snoozed", at, until=_words(until))


def wake(
    session: Session, by: Principal, case_id: UUID, *, at: datetime, version: int | None = None
) -> Case:
    """Put a case off no longer: it is among the others again."""
    case = case_of(session, by, case_id, version=version)
    if case.snoozed_at is None:
        return case
    case.snoozed_at = case.wakes_at = None
    return done(session, case, by, "case.woken", at, because=f"{by.name} wants it")


def agree_follow_up(
    session: Session,
    by: Principal,
    case_id: UUID,
    follow_up_at: datetime | None,
    *,
    at: datetime,
    version: int | None = None,
) -> Case:
    """Note when we agreed to come back to the customer, or that nothing is agreed any more.

    The owner is reminded then, once; our next answer settles it. Raises WrongInstant for a time
    that is over.
    """
    _must_be_ahead("follow_up_at", follow_up_at, at)
    case = case_of(session, by, case_id, version=version)
    case.follow_up_at = case.remind_at = follow_up_at
    return done(session, case, by, "case.follow_up_agreed", at, follow_up_at=_words(follow_up_at))


def _must_be_ahead(field: str, instant: datetime | None, at: datetime) -> None:
    if instant is not None and instant <= at:
        raise WrongInstant(f"{field}: {instant:%F %R %Z} is over; give a time that is to come")


def _words(instant: datetime | None) -> str:
    return instant.isoformat() if instant else ""
