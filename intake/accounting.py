"""What goes to accounting: requests kept back, released, cancelled and handed over by a manager."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.orm import Session, selectinload

from intake import billing
from intake.acting import case_of
from intake.agents import Act, Principal
from intake.billing import InvoiceRequest, WrongRate
from intake.cases import State
from intake.customers import Account, Contact
from intake.nouns import noun

HANDED_OVER_TOGETHER = 10_000
LONGEST_REASON = 500


def bill_again(
    session: Session, by: Principal, case_id: UUID, *, at: datetime
) -> InvoiceRequest | None:
    """Request the invoice of a resolved case anew, as after a rate was set."""
    by.must(Act.MANAGE)
    case = case_of(session, by, case_id, version=None, closed_too=True)
    if case.state is not State.RESOLVED:
        raise WrongRate(f"state: {noun} {case.number} is not resolved; only then is it billed")
    return billing.bill_again(session, case, by=by, at=at)


def hold(
    session: Session, by: Principal, request_id: UUID, reason: str, *, at: datetime
) -> InvoiceRequest:
    """Keep an open request back. Raises InvoiceState."""
    request = _request(session, by, request_id)
    billing.hold(session, request, _reason(reason), by=by, at=at)
    return request


def release(session: Session, by: Principal, request_id: UUID, *, at: datetime) -> InvoiceRequest:
    """Let what was held be handed over. Raises InvoiceState."""
    request = _request(session, by, request_id)
    billing.release(session, request, by=by, at=at)
    return request


def cancel(
    session: Session, by: Principal, request_id: UUID, reason: str, *, at: datetime
) -> InvoiceRequest:
    """It is not to be invoiced; what accounting has of it is credited. Raises InvoiceState."""
    request = _request(session, by, request_id)
    billing.cancel(session, request, _reason(reason), by=by, at=at)
    return request


def hand_over(
    session: Session, by: Principal, *, at: datetime, limit: int = HANDED_OVER_TOGETHER
) -> list[InvoiceRequest]:
    """Give accounting the next requests; from then on their time is billed for good."""
    by.must(Act.MANAGE)
    return billing.hand_over(session, by=by, at=at, limit=limit)


def handed_over(session: Session, by: Principal, batch: int) -> list[InvoiceRequest]:
    """What was handed over together before, as for a file that got lost."""
    by.must(Act.MANAGE)
    return billing.lines_of(session, batch)


def requests(
    by: Principal, *, state: billing.State | None = None, batch: int | None = None
) -> Select[InvoiceRequest]:
    """The invoice requests of a state, of a batch, or all; for managers."""
    by.must(Act.MANAGE)
    found = select(InvoiceRequest)
    if state is not None:
        found = found.where(InvoiceRequest.state == state)
    if batch is not None:
        found = found.where(InvoiceRequest.batch == batch)
    return found


COLUMNS = (
    *("request", "state", "credits", "case", "customer", "because", "text", "line", "line_text"),
    *("worked_minutes", "billed_minutes", "rate", "amount", "currency", "batch", "reason"),
)


def as_rows(session: Session, requests: Sequence[InvoiceRequest]) -> list[dict[str, Any]]:
    """Requests, with their lines, as the rows of a table of COLUMNS: one for each line."""
    customers = customers_of(session, requests)
    credited = {request.credits_id for request in requests} - {None}
    numbers = dict(
        session.execute(
            select(InvoiceRequest.id, InvoiceRequest.number).where(InvoiceRequest.id.in_(credited))
        ).all()
    )
    return [
        {
            "request": request.number,
            "state": request.state.value,
            "credits": numbers.get(request.credits_id) if request.credits_id else None,
            "case": request.case_number,
            "customer": customers.get(request.account_id or request.contact_id or UUID(int=0), ""),
            "because": request.kind.value,
            "text": request.text,
            "line": line.position,
            "line_text": line.text,
            "worked_minutes": line.worked_units if line.minutes else 0,
            "billed_minutes": line.minutes,
            "rate": line.rate,
            "amount": line.amount,
            "currency": request.currency,
            "batch": request.batch,
            "reason": request.reason or request.problem,
        }
        for request in requests
        for line in request.lines
    ]


def with_lines(statement: Select[InvoiceRequest]) -> Select[InvoiceRequest]:
    """The statement, its requests with their lines, by number."""
    return statement.options(selectinload(InvoiceRequest.lines)).order_by(InvoiceRequest.number)


def customers_of(session: Session, requests: Sequence[InvoiceRequest]) -> Mapping[UUID, str]:
    """The names of those who are billed, by their ids."""
    names: dict[UUID, str] = {}
    for table, key in ((Account, "account_id"), (Contact, "contact_id")):
        ids = {getattr(request, key) for request in requests} - {None}
        if ids:
            found = session.execute(select(table.id, table.name).where(table.id.in_(ids)))
            names.update(dict(found.all()))
    return names


def _request(session: Session, by: Principal, request_id: UUID) -> InvoiceRequest:
    by.must(Act.MANAGE)
    return billing.locked(session, request_id)


def _reason(text: str) -> str:
    text = " ".join(text.split())
    if not text:
        raise WrongRate("reason: say why, for accounting")
    if len(text) > LONGEST_REASON:
        raise WrongRate(f"reason: {LONGEST_REASON} characters at most")
    return text
