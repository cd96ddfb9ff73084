"""Terms that come again: each period grants its own, and what is unused may move into the next.

At a boundary the balance of the old period expires, so much of it as may be carried over is put
back, and the new period's terms are granted; the ledger shows all three. Carried units are used
first. A debt stays: the next period pays it. Each boundary has its key in the ledger, so it is
passed exactly once, whoever notices first.
"""

from __future__ import annotations

from calendar import monthrange
from datetime import date, datetime, timedelta

from intake.entitlements.bought import Entitlement, State
from intake.entitlements.ledger import EntryKind, LedgerEntry, entry_of

DAY = timedelta(days=1)


def add_months(day: date, months: int) -> date:
    """The same day so many months later, or the last one of a month that is too short."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def period_at(entitlement: Entitlement, on: date) -> date | None:
    """The first day of the period that contains a day; None without periods."""
    if entitlement.period_months is None:
        return None
    start = entitlement.starts_on
    # Counted from the first day each time: from 31 January to 28 February to 31 March.
    passed = max(0, (on.year - start.year) * 12 + on.month - start.month)
    begun = passed // entitlement.period_months * entitlement.period_months
    first = add_months(start, begun)
    if first > on and begun > 0:
        first = add_months(start, begun - entitlement.period_months)
    return first


def next_boundary(entitlement: Entitlement) -> date | None:
    """The day on which the next period begins; None when there is none before the end."""
    if entitlement.period_months is None or entitlement.period_on is None:
        return None
    start, current = entitlement.starts_on, entitlement.period_on
    begun = (current.year - start.year) * 12 + current.month - start.month
    following = add_months(start, begun + entitlement.period_months)
    return following if following <= entitlement.ends_on else None


def next_turn(entitlement: Entitlement) -> date | None:
    """The next day on which terms expire or come again by themselves."""
    days = [next_boundary(entitlement)]
    if entitlement.carried_until is not None:
        days.append(entitlement.carried_until + DAY)
    return min((day for day in days if day is not None), default=None)


def turn(entitlement: Entitlement, *, on: date, at: datetime) -> list[LedgerEntry]:
    """Pass every boundary up to that day, in order; the entries made. The row must be locked."""
    entries: list[LedgerEntry] = []
    if entitlement.state not in (State.ACTIVE, State.WAITING, State.ON_HOLD):
        return entries
    while (day := next_turn(entitlement)) is not None and day <= min(on, entitlement.ends_on):
        # What is carried ends before the day it would be carried on.
        if entitlement.carried_until is not None and entitlement.carried_until < day:
            entries += _expire_carried(entitlement, day, at)
        if next_boundary(entitlement) == day:
            entries += _begin(entitlement, day, at)
    return entries


def _expire_carried(entitlement: Entitlement, day: date, at: datetime) -> list[LedgerEntry]:
    # Carried units are used first: what is left above a period's own terms is still of them.
    gone = min(entitlement.carried, max(0, entitlement.remaining - entitlement.total))
    key, reason = f"entitlement:{entitlement.id}:carried:{day}", "carried units expired"
    entitlement.carried, entitlement.carried_until = 0, None
    entries = _whole(entitlement, EntryKind.EXPIRY, -gone, key, reason, at)
    for row in entitlement.channels:
        own = max(0, row.remaining - row.total)
        entries += _own(entitlement, EntryKind.EXPIRY, row.channel, -own, key, reason, at)
    return entries


def _begin(entitlement: Entitlement, day: date, at: datetime) -> list[LedgerEntry]:
    key = f"entitlement:{entitlement.id}:period:{day}"
    carry = carried_from(entitlement)
    own = {row.channel: min(carry, _unused(entitlement, row.remaining, row.total))
           for row in entitlement.channels}  # fmt: skip
    entries: list[LedgerEntry] = []

    def book(kind: EntryKind, whole: int, by_channel: dict[str, int], reason: str) -> None:
        entries.extend(_whole(entitlement, kind, whole, f"{key}:{kind}", reason, at))
        for channel, amount in by_channel.items():
            entries.extend(_own(entitlement, kind, channel, amount, f"{key}:{kind}", reason, at))

    book(
        EntryKind.EXPIRY,
        -max(0, entitlement.remaining),
        {row.channel: -max(0, row.remaining) for row in entitlement.channels},
        f"period of {entitlement.period_on} over",
    )
    entitlement.period_on = day
    book(EntryKind.CARRY_OVER, carry, own, "unused in the last period")
    book(
        EntryKind.GRANT,
        entitlement.total,
        {row.channel: row.total for row in entitlement.channels},
        f"period from {day}",
    )
    entitlement.told_low = None
    note_carried(entitlement, carry, day)
    return entries


def carried_from(entitlement: Entitlement) -> int:
    """How many of its unused units may move on."""
    return min(
        entitlement.carry_over,
        _unused(entitlement, entitlement.remaining, entitlement.total),
    )


def note_carried(entitlement: Entitlement, units: int, day: date) -> None:
    """Remember until when what was carried over on that day may be used."""
    days = entitlement.carry_over_days
    entitlement.carried = units
    entitlement.carried_until = day + timedelta(days - 1) if units and days is not None else None


def _unused(entitlement: Entitlement, remaining: int, total: int) -> int:
    # What expires is carried once only; what does not may gather up to the cap.
    if entitlement.carry_over_days is not None:
        remaining = min(remaining, total)
    return max(0, remaining)


def _whole(
    entitlement: Entitlement, kind: EntryKind, amount: int, key: str, reason: str, at: datetime
) -> list[LedgerEntry]:
    if not amount:
        return []
    return [entry_of(entitlement, kind, amount, key=key, reason=reason, at=at)]


def _own(
    entitlement: Entitlement,
    kind: EntryKind,
    channel: str,
    amount: int,
    key: str,
    reason: str,
    at: datetime,
) -> list[LedgerEntry]:
    if not amount:
        return []
    return [
        entry_of(
            entitlement,
            kind,
            0,
            key=f"{key}:{channel}",
            reason=reason,
            at=at,
            channel=channel,
            channel_amount=amount,
        )
    ]
