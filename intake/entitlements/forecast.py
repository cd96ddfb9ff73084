"""When the terms will be used up, at the pace of the last weeks, with a band around the day.

Use is taken as so many units a day with a day-to-day variance, both from the ledger. After t
days the use is about `pace·t ± z·sqrt(variance·t)`; the day on which that reaches what is left is
the forecast, and the two days on which its edges do are the band. With z = 1.28 four of five
such forecasts should fall inside it (normal approximation, independent days; a customer whose use
comes in waves will do worse).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from math import ceil, sqrt
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from intake.desk import Desk
from intake.entitlements.bought import Entitlement
from intake.entitlements.ledger import TAKING, EntryKind, LedgerEntry
from intake.entitlements.periods import next_boundary

WINDOW = timedelta(days=90)
FEWEST_DAYS = 7
FEWEST_USES = 3
FOUR_OF_FIVE = 1.2816
FARTHEST_DAYS = 3650


@dataclass(frozen=True, slots=True)
class Forecast:
    """When an entitlement will be used up; the days are None where it lasts beyond its end."""

    used_up_on: date | None
    earliest_on: date | None
    latest_on: date | None
    a_day: float
    """Units a day over the days looked at."""
    days: int
    words: str


def forecast(session: Session, entitlement: Entitlement, desk: Desk, *, on: date) -> Forecast:
    """When it will be used up, seen from that day, by the use of the last ninety days or fewer."""
    return forecasts(session, [entitlement], desk, on=on)[entitlement.id]


def forecasts(
    session: Session, entitlements: Sequence[Entitlement], desk: Desk, *, on: date
) -> dict[UUID, Forecast]:
    """The forecast of each, by its id; one statement for all of them."""
    since = {each.id: max(each.starts_on, on - WINDOW) for each in entitlements}
    used: dict[UUID, dict[date, int]] = {each.id: {} for each in entitlements}
    for id, taken_at, amount in session.execute(
        select(LedgerEntry.entitlement_id, LedgerEntry.at, LedgerEntry.amount)
        .where(LedgerEntry.entitlement_id.in_(used))
        .where(LedgerEntry.kind.in_((*TAKING, EntryKind.CREDIT)))
        .where(LedgerEntry.at >= _midnight(on - WINDOW, desk), LedgerEntry.at < _midnight(on, desk))
    ):
        day = desk.day(taken_at)
        if day >= since[id]:
            used[id][day] = used[id].get(day, 0) - amount
    return {
        each.id: foretell(each, used[each.id], on=on, days=max(0, (on - since[each.id]).days))
        for each in entitlements
    }


def foretell(
    entitlement: Entitlement, used: Mapping[date, int], *, on: date, days: int
) -> Forecast:
    """The forecast from the use of the `days` before that one."""
    left = entitlement.remaining
    pace = max(0, sum(used.values())) / days if days else 0.0
    if left <= 0:
        return Forecast(on, on, on, pace, days, "used up")
    if days < FEWEST_DAYS or sum(units > 0 for units in used.values()) < FEWEST_USES:
        return Forecast(None, None, None, pace, days, "too little was used so far to say")
    variance = sum((units - pace) ** 2 for units in used.values())
    variance = (variance + (days - len(used)) * pace**2) / (days - 1)
    last = _last_day(entitlement)

    def when(edge: float) -> date | None:
        wait = _days_until(left, pace, variance, edge)
        day = on + timedelta(days=ceil(round(wait, 6))) if wait <= FARTHEST_DAYS else None
        return day if day is not None and day <= last else None

    used_up_on, earliest, latest = when(0), when(FOUR_OF_FIVE), when(-FOUR_OF_FIVE)
    return Forecast(
        used_up_on,
        earliest,
        latest,
        pace,
        days,
        _words(entitlement, used_up_on, earliest, latest, last),
    )


def _days_until(left: int, pace: float, variance: float, edge: float) -> float:
    """The t for which `pace·t + edge·sqrt(variance·t)` is what is left."""
    if pace <= 0:
        return float("inf")
    spread = edge * sqrt(variance)
    root = (-spread + sqrt(spread**2 + 4 * pace * left)) / (2 * pace)
    return root**2


def _last_day(entitlement: Entitlement) -> date:
    boundary = next_boundary(entitlement)
    return boundary - timedelta(days=1) if boundary else entitlement.ends_on


def _words(
    entitlement: Entitlement,
    used_up_on: date | None,
    earliest: date | None,
    latest: date | None,
    last: date,
) -> str:
    until = f"{last:%d %b %Y}"
    if earliest is None:
        return f"lasts until {until}"
    band = f"{earliest:%d %b %Y} and {latest:%d %b %Y}" if latest else f"{earliest:%d %b %Y}"
    if used_up_on is None:
        return f"probably lasts until {until}, but may be used up from {band}"
    if latest is None:
        return f"used up about {used_up_on:%d %b %Y}, at the earliest {band}, or not at all"
    return f"used up about {used_up_on:%d %b %Y}, most likely between {band}"


def _midnight(day: date, desk: Desk) -> datetime:
    return datetime.combine(day, time(), ZoneInfo(desk.zone))
