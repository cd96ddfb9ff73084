"""What becomes of a request: kept back, cancelled or credited, and handed over to accounting."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import func, or_, select, update
from sqlalchemy.orm import Session, selectinload

from intake.agents import Principal
from intake.billing.requests import InvoiceLine, InvoiceRequest, Kind, State, tell
from intake.billing.time import TimeEntry
from intake.cases import Case
from intake.cases import State as CaseState
from intake.counters import next_of
from intake.db import new_id
from intake.errors import IntakeError, NotFound


class InvoiceState(IntakeError):
    """The request does not stand where that may be done to it."""

    code = "invoice-state"


def hold(
    session: Session, request: InvoiceRequest, reason: str, *, by: Principal, at: datetime
) -> None:
    """Keep an open request back until it is released. It must be locked."""
    _must_be(request, State.OPEN)
    request.state, request.reason = State.HELD, reason
    tell(session, "invoice.held", request, by, at, reason=reason)


def release(session: Session, request: InvoiceRequest, *, by: Principal, at: datetime) -> None:
    """Let a request that was held be handed over. It must be locked."""
    _must_be(request, State.HELD)
    request.state, request.reason = State.OPEN, ""
    tell(session, "invoice.released", request, by, at)


def cancel(
    session: Session, request: InvoiceRequest, reason: str, *, by: Principal, at: datetime
) -> InvoiceRequest | None:
    """It is not to be invoiced; its time is free, and billed anew if the case is resolved again.

    What accounting has already is credited: a request of the same amount below zero, which is
    handed over like any other, is returned. The request must be locked.
    """
    _must_be(request, State.OPEN, State.HELD, State.EXPORTED)
    if request.credits_id is not None:
        raise InvoiceState(f"state: request {request.number} is a credit, which stays")
    exported = request.state is State.EXPORTED
    credit = _credited(session, request, reason, at=at) if exported else None
    request.state, request.reason = State.CANCELLED, reason
    bills = TimeEntry.request_id == request.id
    session.execute(update(TimeEntry).where(bills).values(request_id=None))
    tell(session, "invoice.cancelled", request, by, at, reason=reason)
    if credit is not None:
        session.add(credit)
        session.flush()
        tell(session, "invoice.requested", credit, by, at, credits=str(request.number))
    return credit


def locked(session: Session, request_id: UUID) -> InvoiceRequest:
    """The request with its lines, locked. Raises NotFound."""
    found = session.scalar(
        select(InvoiceRequest)
        .where(InvoiceRequest.id == request_id)
        .options(selectinload(InvoiceRequest.lines))
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if found is None:
        raise NotFound("there is no such invoice request")
    return found


def _must_be(request: InvoiceRequest, *states: State) -> None:
    if request.state not in states:
        allowed = " or ".join(state.value for state in states)
        raise InvoiceState(
            f"state: request {request.number} is {request.state}; this is done to one that is "
            f"{allowed}"
        )


def _credited(
    session: Session, request: InvoiceRequest, reason: str, *, at: datetime
) -> InvoiceRequest:
    [number] = next_of(session, "invoice")
    return InvoiceRequest(
        id=new_id(),
        number=number,
        case_id=request.case_id,
        case_number=request.case_number,
        account_id=request.account_id,
        contact_id=request.contact_id,
        kind=Kind.CREDIT,
        state=State.OPEN,
        text=f"Credit of request {request.number}. {reason}".strip(),
        currency=request.currency,
        amount=-request.amount,
        problem="",
        reason="",
        credits_id=request.id,
        created_at=at,
        lines=[
            InvoiceLine(
                id=new_id(),
                position=line.position,
                text=line.text,
                time_entry_id=line.time_entry_id,
                worked_units=-line.worked_units,
                minutes=-line.minutes,
                rate=line.rate,
                amount=-line.amount,
            )
            for line in request.lines
        ],
    )


def hand_over(session: Session, *, by: Principal, at: datetime, limit: int) -> list[InvoiceRequest]:
    """Take the next open requests that have no problem, for accounting; nobody gets them again."""
    requests = session.scalars(
        select(InvoiceRequest)
        .where(InvoiceRequest.state == State.OPEN, InvoiceRequest.problem == "")
        # A case that goes on in the meantime is not billed before it is resolved again.
        .join(Case, Case.id == InvoiceRequest.case_id)
        .where(or_(Case.state == CaseState.RESOLVED, InvoiceRequest.kind == Kind.CREDIT))
        .order_by(InvoiceRequest.number)
        .limit(limit)
        .with_for_update(skip_locked=True, of=InvoiceRequest)
        .options(selectinload(InvoiceRequest.lines))
        .execution_options(populate_existing=True)
    ).all()
    batch = (session.scalar(select(func.max(InvoiceRequest.batch))) or 0) + 1
    for request in requests:
        request.state, request.exported_at, request.batch = State.EXPORTED, at, batch
        tell(session, "invoice.exported", request, by, at, batch=batch)
    session.flush()
    return list(requests)


def lines_of(session: Session, batch: int) -> list[InvoiceRequest]:
    """What was handed over together, with its lines, by number."""
    statement = select(InvoiceRequest).where(InvoiceRequest.batch == batch)
    whole = statement.options(selectinload(InvoiceRequest.lines)).order_by(InvoiceRequest.number)
    return list(session.scalars(whole))
