"""When a contract is to be invoiced, and with how much: each period of its billing frequency."""

from __future__ import annotations

import calendar
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from intake.contracts.records import Contract, Frequency
from intake.money import rounded

MONTHS = {
    Frequency.MONTHLY: 1,
    Frequency.BIMONTHLY: 2,
    Frequency.QUARTERLY: 3,
    Frequency.SEMIANNUALLY: 6,
    Frequency.ANNUALLY: 12,
}
ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class InvoicePeriod:
    """One span that is invoiced at once, both days included."""

    starts_on: date
    ends_on: date
    amount: Decimal


def invoice_periods(contract: Contract) -> list[InvoicePeriod]:
    """What is to be invoiced when, in order; together it is the contract's total.

    A last period that is cut short costs less, by its days. Of a contract that ends early, the
    periods that begin afterwards fall away.
    """
    spans = list(_spans(contract))
    whole = sum(share for _, _, share in spans)
    left, periods = contract.total, []
    for starts_on, ends_on, share in spans:
        last = ends_on == contract.billing_ends_on
        amount = left if last else rounded(contract.total * share / whole, contract.currency)
        left -= amount
        periods.append(InvoicePeriod(starts_on, ends_on, amount))
    ends = contract.cancels_on
    return [period for period in periods if ends is None or period.starts_on < ends]


def _spans(contract: Contract) -> Iterator[tuple[date, date, Decimal]]:
    """The first and last day of each period, and how much of a whole one it is."""
    months, number = MONTHS[contract.billing_frequency], 0
    starts_on = contract.billing_starts_on
    while starts_on <= contract.billing_ends_on:
        number += 1
        follows_on = _later(contract.billing_starts_on, months * number)
        ends_on = min(follows_on - ONE_DAY, contract.billing_ends_on)
        days, whole = (ends_on - starts_on).days + 1, (follows_on - starts_on).days
        yield starts_on, ends_on, Decimal(days) / whole
        starts_on = follows_on


def _later(day: date, months: int) -> date:
    """So many months later; the last day of a month that is too short."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))
