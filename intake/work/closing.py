"""Ends of a case, and its way back: resolve, reopen, cancel."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from intake import billing, queues, reasons, reopening, sla, terms
from intake.acting import case_of, done, must_be_open
from intake.agents import Principal
from intake.cases import (
    REASONS,
    ActivityKind,
    Case,
    Chosen,
    Direction,
    NotOpen,
    Reason,
    Resolution,
    State,
    Status,
)
from intake.db import new_id
from intake.desk import Desk
from intake.entitlements import Overdraw
from intake.errors import IntakeError
from intake.nouns import noun
from intake.reasons import WrongReason
from intake.sla import Kpi
from intake.work.changing import must_be_filled_in
from intake.work.children import ending_with, hold_family, must_come_last
from intake.work.finishing import call_off, must_be_done
from intake.work.writing import EmptyText, write

MOST_MINUTES = 1_000_000
"""Nearly two years of one person's time; more is a slip of the hand."""


class WrongMinutes(IntakeError):
    """The billable time cannot be that long; the text begins with the field."""

    code = "wrong-time"


def resolve(
    session: Session,
    by: Principal,
    case_id: UUID,
    text: str,
    *,
    desk: Desk,
    at: datetime,
    kind: Chosen = Reason.PROBLEM_SOLVED,
    billable_minutes: int | None = None,
    overdraw: Overdraw | None = None,
    cancel_open_activities: bool = False,
    version: int | None = None,
) -> Case:
    """Close a case as solved: the resolution is kept, the case leaves its queue, terms that are
    counted on resolution are taken. Billable time is the total unless said otherwise.

    Its children are resolved with it, where they are closed with their parent; raises OpenChildren
    where they are closed before. Raises OpenActivities unless it is confirmed that they are
    cancelled, and WouldOverdraw when more was used than is left and `overdraw` must say what
    becomes of it.
    """
    hold_family(session, by, case_id)
    case = case_of(session, by, case_id, version=version)
    status = reasons.choose(session, kind)
    if status.kind_of not in REASONS[State.RESOLVED]:
        raise WrongReason(f"{status} does not resolve {noun.a}; use problem solved")
    if billable_minutes is not None and not 0 <= billable_minutes <= MOST_MINUTES:
        raise WrongMinutes(f"billable_minutes: must be 0 to {MOST_MINUTES:,}")
    children = ending_with(session, by, case, desk)
    if not cancel_open_activities:
        must_be_done(session, [case.id, *(child.id for child in children)])
    with_it = f"Resolved with {noun} {case.number}. {text}".strip()
    for child in children:
        _resolve(session, by, child, with_it, status, None, overdraw, desk=desk, at=at)
    return _resolve(session, by, case, text, status, billable_minutes, overdraw, desk=desk, at=at)


def may_resolve(session: Session, case: Case, status: Status, *, desk: Desk) -> None:
    """Raises what `resolve` would, as far as it can be known before; nothing is locked."""
    _may_end(session, case, status, desk)
    must_be_filled_in(session, case)


def may_cancel(session: Session, case: Case, *, desk: Desk) -> None:
    """Raises what `cancel` would, as far as it can be known before; nothing is locked."""
    _may_end(session, case, Reason.CANCELLED, desk)


def _may_end(session: Session, case: Case, status: Status, desk: Desk) -> None:
    must_be_open(case)
    must_come_last(session, case, desk)
    must_be_done(session, [case.id])
    reasons.must_follow(session, case, status)


def _resolve(
    session: Session,
    by: Principal,
    case: Case,
    text: str,
    status: Status,
    billable_minutes: int | None,
    overdraw: Overdraw | None,
    *,
    desk: Desk,
    at: datetime,
) -> Case:
    reasons.must_follow(session, case, status)
    must_be_filled_in(session, case)
    call_off(session, by, case, at=at)
    spent = billing.spent_on(session, [case.id])[case.id]
    billable = billable_minutes
    if billable is None:
        billable = spent.billable
    resolution = Resolution(
        id=new_id(),
        case_id=case.id,
        agent_id=by.id,
        kind=status.kind_of,
        called=str(status),
        text=text,
        total_minutes=spent.worked,
        billable_minutes=billable,
        at=at,
    )
    session.add(resolution)
    words = text or str(status)
    write(session, case, by, ActivityKind.RESOLUTION, Direction.INTERNAL, words, at)
    if sla.on_hold(case.reason):
        sla.resume(session, case, at=at)
    case.state, case.resolved_at = State.RESOLVED, at
    case.stand(status)
    queues.leave(session, case, at=at)
    drawn = terms.settle(
        session,
        case,
        on=desk.day(at),
        at=at,
        event=f"resolved:{resolution.id}",
        reason=f"{noun} resolved, {billable} billable minutes",
        by=by,
        billable_minutes=billable,
        overdraw=overdraw,
    )
    billing.bill(session, case, resolution, overage=drawn.overage, by=by, at=at)
    sla.meet(session, case, Kpi.RESOLVE_BY, at=at)
    return done(
        session, case, by, "case.resolved", at, reason=case.reason.value, called=str(status),
        billable_minutes=billable, overage=drawn.overage,
    )  # fmt: skip


def reopen(
    session: Session,
    by: Principal,
    case_id: UUID,
    *,
    desk: Desk,
    at: datetime,
    version: int | None = None,
) -> Case:
    """Work on a resolved case goes on: it is active again, in the queue it was in.

    Raises ClosedParent below a closed parent that was to be closed last.
    """
    case = case_of(session, by, case_id, version=version, closed_too=True)
    if case.open:
        return case
    if case.state is State.CANCELLED:
        raise NotOpen(f"{noun} {case.number} was cancelled; reactivate it, or open a new one")
    reasons.must_follow(session, case, Reason.IN_PROGRESS)
    reopening.must_come_after(session, case, desk)
    reopening.open_again(session, case, by=by, desk=desk, at=at)
    return done(session, case, by, "case.reopened", at)


def cancel(
    session: Session,
    by: Principal,
    case_id: UUID,
    text: str,
    *,
    desk: Desk,
    at: datetime,
    cancel_open_activities: bool = False,
    version: int | None = None,
) -> Case:
    """Close a case that needs no work; what it took from its entitlement is given back.

    Its children end with it or before it as in `resolve`. Raises EmptyText without a reason, and
    OpenActivities unless it is confirmed that they are cancelled.
    """
    text = text.strip()
    if not text:
        raise EmptyText(f"text: say why {noun.a} is cancelled")
    hold_family(session, by, case_id)
    case = case_of(session, by, case_id, version=version)
    children = ending_with(session, by, case, desk)
    if not cancel_open_activities:
        must_be_done(session, [case.id, *(child.id for child in children)])
    for child in children:
        _cancel(session, by, child, f"Cancelled with {noun} {case.number}. {text}", desk, at)
    return _cancel(session, by, case, text, desk, at)


def _cancel(
    session: Session, by: Principal, case: Case, text: str, desk: Desk, at: datetime
) -> Case:
    call_off(session, by, case, at=at)
    reasons.must_follow(session, case, Reason.CANCELLED)
    if sla.on_hold(case.reason):
        sla.resume(session, case, at=at)
    case.state, case.reason, case.resolved_at = State.CANCELLED, Reason.CANCELLED, None
    queues.leave(session, case, at=at)
    terms.settle(
        session,
        case,
        on=desk.day(at),
        at=at,
        event=terms.event_of(case),
        reason=f"{noun} cancelled",
        by=by,
    )
    sla.cancel(session, case)
    return done(session, case, by, "case.cancelled", at, text=text)
