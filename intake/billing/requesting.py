"""What a resolved case costs, as an invoice request, until accounting has it.

A request is withdrawn when its case is reopened, and made anew when it is resolved again. Once it
was handed over it stays; what it billed is neither billed again nor taken from an entitlement.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.orm import Session

from intake.agents import Principal
from intake.billing.pricing import Part, amount_of, beyond, raise_to_minimum, time_worked
from intake.billing.rates import BillingTerms, terms_of
from intake.billing.requests import InvoiceLine, InvoiceRequest, Kind, State, tell
from intake.billing.time import TimeEntry
from intake.cases import Case, Resolution
from intake.cases import State as CaseState
from intake.counters import next_of
from intake.db import new_id
from intake.entitlements import Allocation, Entitlement, open_debit
from intake.nouns import noun


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

    `overage` is what the entitlement on the case had no terms left for, in its units, beyond what
    accounting has already. The case must be locked.
    """
    withdraw(session, case, by=by, at=at)
    entitlement = session.get(Entitlement, case.entitlement_id) if case.entitlement_id else None
    if entitlement is not None and overage <= 0:
        return None
    terms = terms_of(session, case.account_id)
    kind = Kind.NO_CONTRACT if entitlement is None else Kind.OVERAGE
    if entitlement is None:
        given = handed_over(session, case)
        wanted = max(0, resolution.billable_minutes - given.minutes_worked)
        parts = list(time_worked(session, case, wanted, resolution, terms))
        raise_to_minimum(parts, terms, given.minutes_billed)
        if terms.per_case and not given.priced:
            parts.insert(0, Part(f"{noun.One} {case.number}", 0, 0, terms.per_case))
    else:
        parts = list(beyond(session, entitlement, overage, resolution, terms))
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
    overage = 0
    if debit is not None:
        entitlement = session.get_one(Entitlement, debit.entitlement_id)
        # What was handed over before the debit was left out of it already.
        since = handed_over(session, case, since=debit.at)
        overage = debit.overage - since.units_of(entitlement)
    return bill(session, case, resolution, overage=overage, by=by, at=at)


def withdraw(session: Session, case: Case, *, by: Principal, at: datetime) -> None:
    """The case goes on: what is not handed over yet is not billed, and its time is free again."""
    open_ones = session.scalars(
        select(InvoiceRequest)
        .where(InvoiceRequest.case_id == case.id, InvoiceRequest.kind != Kind.CREDIT)
        .where(InvoiceRequest.state.in_((State.OPEN, State.HELD)))
        .with_for_update()
    ).all()
    for request in open_ones:
        request.state = State.WITHDRAWN
        for entry in session.scalars(select(TimeEntry).where(TimeEntry.request_id == request.id)):
            entry.request_id = None
        tell(session, "invoice.withdrawn", request, by, at)
    if open_ones:
        session.flush()


@dataclass(frozen=True, slots=True)
class HandedOver:
    """What of a case accounting has, and was not credited."""

    minutes_worked: int = 0
    minutes_billed: int = 0
    cases: int = 0
    """Where cases are sold: how many beyond an entitlement."""
    priced: bool = False
    """Whether the price for the case itself is among it."""

    def units_of(self, entitlement: Entitlement) -> int:
        """As many units of what the entitlement counts."""
        by_time = entitlement.allocation is Allocation.HOURS
        return self.minutes_worked if by_time else self.cases


def handed_over(session: Session, case: Case, *, since: datetime | None = None) -> HandedOver:
    """What of a case accounting has, by requests made since then."""
    lines = (
        select(InvoiceRequest.kind, InvoiceLine.worked_units, InvoiceLine.minutes)
        .join(InvoiceRequest, InvoiceRequest.id == InvoiceLine.request_id)
        .where(InvoiceRequest.case_id == case.id, InvoiceRequest.kind != Kind.CREDIT)
        .where(InvoiceRequest.state == State.EXPORTED)
    )
    if since is not None:
        lines = lines.where(InvoiceRequest.created_at >= since)
    rows = list(session.execute(lines))
    return HandedOver(
        minutes_worked=sum(row.worked_units for row in rows if row.minutes),
        minutes_billed=sum(row.minutes for row in rows),
        cases=sum(row.worked_units for row in rows if not row.minutes and row.kind is Kind.OVERAGE),
        priced=any(row.worked_units == 0 for row in rows),
    )


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
        text=f"{noun.One} {case.number}: {case.subject}. {resolution.text}".strip(),
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
    tell(session, "invoice.requested", request, by, at)
    return request
