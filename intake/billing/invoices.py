"""Invoice requests: what a resolved case costs, line by line, until accounting has it.

A request is withdrawn when its case is reopened, and made anew when it is resolved again. Once it
was handed over it stays, and what it billed is left out of the next one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from sqlalchemy import Index, String, UniqueConstraint, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship, selectinload

from intake import events
from intake.agents import Principal
from intake.billing.pricing import Part, amount_of, beyond, raise_to_minimum, time_worked
from intake.billing.rates import BillingTerms, terms_of
from intake.billing.time import TimeEntry
from intake.cases import Case, Resolution
from intake.cases import State as CaseState
from intake.counters import next_of
from intake.db import Base, new_id, one_of, refers_to
from intake.entitlements import Entitlement, open_debit
from intake.money import Amount


class State(StrEnum):
    """Where a request stands."""

    OPEN = "open"
    WITHDRAWN = "withdrawn"  # its case was reopened
    EXPORTED = "exported"  # accounting has it


class Kind(StrEnum):
    """Why it is billed."""

    NO_CONTRACT = "no contract"
    OVERAGE = "overage"


class InvoiceRequest(Base):
    """What one resolution of a case is to be invoiced for."""

    __tablename__ = "invoice_requests"
    __table_args__ = (Index("ix_invoice_requests_by_state", "state", "number"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    number: Mapped[int] = mapped_column(unique=True)
    case_id: Mapped[UUID] = mapped_column(refers_to("cases.id"), index=True)
    case_number: Mapped[int]
    account_id: Mapped[UUID | None] = mapped_column(refers_to("accounts.id"), index=True)
    contact_id: Mapped[UUID | None] = mapped_column(refers_to("contacts.id"), index=True)
    kind: Mapped[Kind] = mapped_column(one_of(Kind))
    state: Mapped[State] = mapped_column(one_of(State), default=State.OPEN)
    text: Mapped[str]
    currency: Mapped[str] = mapped_column(String(3))
    amount: Mapped[Decimal] = mapped_column(Amount)
    problem: Mapped[str] = mapped_column(default="")
    """Why it cannot be handed over yet, or ''."""
    batch: Mapped[int | None]
    """With which others it was handed over."""
    created_at: Mapped[datetime]
    exported_at: Mapped[datetime | None]
    lines: Mapped[list[InvoiceLine]] = relationship(
        order_by="InvoiceLine.position", lazy="raise_on_sql"
    )


class InvoiceLine(Base):
    """One line: time at a rate, or a price for the case itself."""

    __tablename__ = "invoice_lines"
    __table_args__ = (UniqueConstraint("request_id", "position"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    request_id: Mapped[UUID] = mapped_column(refers_to("invoice_requests.id"))
    position: Mapped[int]
    text: Mapped[str]
    time_entry_id: Mapped[UUID | None] = mapped_column(refers_to("time_entries.id"))
    worked_units: Mapped[int]
    """What was used, in minutes, or in cases where those are sold."""
    minutes: Mapped[int]
    """What is billed of it, rounded."""
    rate: Mapped[Decimal | None] = mapped_column(Amount)
    """Per hour, or for the case; None where nobody set one."""
    amount: Mapped[Decimal] = mapped_column(Amount)


def bill(
    session: Session,
    case: Case,
    resolution: Resolution,
    *,
    overage: int,
    by: Principal,
    at: datetime,
) -> InvoiceRequest | None:
    """Request an invoice for what no entitlement covered; None when there is nothing to bill.

    `overage` is what the entitlement on the case had no terms left for, in its units. The case
    must be locked.
    """
    withdraw(session, case, by=by, at=at)
    entitlement = session.get(Entitlement, case.entitlement_id) if case.entitlement_id else None
    if entitlement is not None and overage <= 0:
        return None
    terms = terms_of(session, case.account_id)
    kind = Kind.NO_CONTRACT if entitlement is None else Kind.OVERAGE
    given = _given(session, case)
    if entitlement is None:
        wanted = max(0, resolution.billable_minutes - given.worked)
        parts = list(time_worked(session, case, wanted, resolution, terms))
        raise_to_minimum(parts, terms, given.minutes)
        if terms.per_case and not given.priced:
            parts.insert(0, Part(f"Case {case.number}", 0, 0, terms.per_case))
    else:
        parts = list(beyond(session, entitlement, overage - given.worked, resolution, terms))
    if not parts:
        return None
    return _requested(session, case, kind, terms, parts, resolution, by=by, at=at)


def bill_again(
    session: Session, case: Case, *, by: Principal, at: datetime
) -> InvoiceRequest | None:
    """Request the invoice of a resolved case anew, by what covers it and what rates are now."""
    assert case.state is CaseState.RESOLVED, "only a resolved case is billed"
    session.flush()
    latest = select(Resolution).where(Resolution.case_id == case.id)
    newest = latest.order_by(Resolution.at.desc(), Resolution.id.desc()).limit(1)
    resolution = session.scalars(newest).one()
    debit = open_debit(session, case.id)
    overage = debit.overage if debit else 0
    return bill(session, case, resolution, overage=overage, by=by, at=at)


def withdraw(session: Session, case: Case, *, by: Principal, at: datetime) -> None:
    """The case goes on: what is not handed over yet is not billed, and its time is free again."""
    open_ones = session.scalars(
        select(InvoiceRequest)
        .where(InvoiceRequest.case_id == case.id, InvoiceRequest.state == State.OPEN)
        .with_for_update()
    ).all()
    for request in open_ones:
        request.state = State.WITHDRAWN
        for entry in session.scalars(select(TimeEntry).where(TimeEntry.request_id == request.id)):
            entry.request_id = None
        _tell(session, "invoice.withdrawn", request, by, at)
    if open_ones:
        session.flush()


def hand_over(session: Session, *, by: Principal, at: datetime, limit: int) -> list[InvoiceRequest]:
    """Take the next open requests that have no problem, for accounting; nobody gets them again."""
    requests = session.scalars(
        select(InvoiceRequest)
        .where(InvoiceRequest.state == State.OPEN, InvoiceRequest.problem == "")
        # A case that goes on in the meantime is not billed before it is resolved again.
        .join(Case, Case.id == InvoiceRequest.case_id)
        .where(Case.state == CaseState.RESOLVED)
        .order_by(InvoiceRequest.number)
        .limit(limit)
        .with_for_update(skip_locked=True, of=InvoiceRequest)
        .options(selectinload(InvoiceRequest.lines))
        .execution_options(populate_existing=True)
    ).all()
    batch = (session.scalar(select(func.max(InvoiceRequest.batch))) or 0) + 1
    for request in requests:
        request.state, request.exported_at, request.batch = State.EXPORTED, at, batch
        _tell(session, "invoice.exported", request, by, at, batch=batch)
    session.flush()
    return list(requests)


def lines_of(session: Session, batch: int) -> list[InvoiceRequest]:
    """What was handed over together, with its lines, by number."""
    statement = select(InvoiceRequest).where(InvoiceRequest.batch == batch)
    whole = statement.options(selectinload(InvoiceRequest.lines)).order_by(InvoiceRequest.number)
    return list(session.scalars(whole))


@dataclass(frozen=True, slots=True)
class _Given:
    """What of a case accounting has already: units worked, minutes billed, and its own price."""

    worked: int
    minutes: int
    priced: bool


def _given(session: Session, case: Case) -> _Given:
    exported = (
        select(InvoiceLine.worked_units, InvoiceLine.minutes)
        .join(InvoiceRequest, InvoiceRequest.id == InvoiceLine.request_id)
        .where(InvoiceRequest.case_id == case.id, InvoiceRequest.state == State.EXPORTED)
    )
    rows = list(session.execute(exported))
    worked, minutes = sum(row.worked_units for row in rows), sum(row.minutes for row in rows)
    return _Given(worked, minutes, any(row.worked_units == 0 for row in rows))


def _requested(
    session: Session,
    case: Case,
    kind: Kind,
    terms: BillingTerms,
    parts: Sequence[Part],
    resolution: Resolution,
    *,
    by: Principal,
    at: datetime,
) -> InvoiceRequest:
    [number] = next_of(session, "invoice")
    request = InvoiceRequest(
        id=new_id(),
        number=number,
        case_id=case.id,
        case_number=case.number,
        account_id=case.account_id,
        contact_id=case.contact_id,
        kind=kind,
        state=State.OPEN,
        text=f"Case {case.number}: {case.subject}. {resolution.text}".strip(),
        currency=terms.currency,
        amount=Decimal(),
        problem="",
        created_at=at,
        lines=[],
    )
    for position, part in enumerate(parts, start=1):
        request.lines.append(
            InvoiceLine(
                id=new_id(),
                position=position,
                text=part.text,
                time_entry_id=part.entry.id if part.entry else None,
                worked_units=part.worked,
                minutes=part.minutes,
                rate=part.rate,
                amount=amount_of(part, terms.currency),
            )
        )
        if part.entry is not None:
            part.entry.request_id = request.id
        if part.rate is None:
            request.problem = f"{part.text}: there is no rate in {terms.currency} for it"
    request.amount = sum((line.amount for line in request.lines), Decimal())
    session.add(request)
    session.flush()
    _tell(session, "invoice.requested", request, by, at)
    return request


def _tell(
    session: Session,
    kind: str,
    request: InvoiceRequest,
    by: Principal,
    at: datetime,
    batch: int | None = None,
) -> None:
    events.record(
        session,
        kind,
        at=at,
        actor=by,
        case_id=request.case_id,
        number=request.case_number,
        request=request.number,
        request_id=str(request.id),
        amount=str(request.amount),
        currency=request.currency,
        because=request.kind.value,
        batch=batch,
    )
