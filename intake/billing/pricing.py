"""Pricing: what a case is billed for, as lines of time at a rate or a price of its own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.orm import Session

from intake.billing.rates import BillingTerms, rate_for
from intake.billing.time import TimeEntry, entries_of
from intake.cases import Case, Resolution
from intake.contracts import ContractLine
from intake.entitlements import Allocation, Entitlement
from intake.money import rounded

HOUR = 60


@dataclass(slots=True)
class Part:
    """A line to be: so many minutes of an entry, or of nobody's in particular."""

    text: str
    worked: int
    minutes: int
    rate: Decimal | None
    entry: TimeEntry | None = None


def time_worked(
    session: Session, case: Case, wanted: int, resolution: Resolution, terms: BillingTerms
) -> Iterator[Part]:
    """The entries that are not billed yet, up to the billable time; more is the resolver's."""
    for entry in entries_of(session, case):
        minutes = min(entry.activity.duration_minutes, wanted)
        if entry.request_id is not None or not entry.billable or minutes <= 0:
            continue
        wanted -= minutes
        rate = rate_for(session, entry.agent_id, entry.service, terms.currency)
        text = entry.service or entry.activity.kind.value.capitalize()
        yield Part(text, minutes, terms.rounded(minutes), rate, entry)
    if wanted > 0:
        rate = rate_for(session, resolution.agent_id, "", terms.currency)
        yield Part("Further time", wanted, terms.rounded(wanted), rate)


def raise_to_minimum(parts: Sequence[Part], terms: BillingTerms, billed: int) -> None:
    """The least a case is billed with; once for the case, however often it is resolved."""
    short = terms.minimum_minutes - billed - sum(part.minutes for part in parts)
    if parts and short > 0:
        parts[0].minutes += short


def beyond(
    session: Session,
    entitlement: Entitlement,
    units: int,
    resolution: Resolution,
    terms: BillingTerms,
) -> Iterator[Part]:
    """What was used beyond an entitlement, at the rate its contract agreed on, if it did."""
    if units <= 0:
        return
    line = session.scalar(select(ContractLine).where(ContractLine.entitlement_id == entitlement.id))
    agreed = line.overage_rate if line else None
    text = f"{entitlement.terms(units)} beyond {entitlement.name}"
    if entitlement.allocation is Allocation.CASES:
        yield Part(text, units, 0, agreed if agreed is not None else terms.per_case or None)
        return
    rate = agreed
    if rate is None:
        rate = rate_for(session, resolution.agent_id, "", terms.currency)
    yield Part(text, units, terms.rounded(units), rate)


def amount_of(part: Part, currency: str) -> Decimal:
    if part.rate is None:
        return Decimal()
    units = Decimal(part.minutes) / HOUR if part.minutes else Decimal(part.worked or 1)
    return rounded(part.rate * units, currency)
