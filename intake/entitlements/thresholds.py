"""Running low: the percentages of the total at which somebody wants to know."""

from __future__ import annotations

from datetime import datetime

from intake.entitlements.bought import Entitlement


def notice_low(entitlement: Entitlement, at: datetime) -> None:
    """Have the clock look at an entitlement that just fell to a threshold."""
    reached = threshold_reached(entitlement)
    if reached is None:
        return
    if entitlement.told_low is None or reached < entitlement.told_low:
        entitlement.look_at = min(entitlement.look_at or at, at)


def threshold_reached(entitlement: Entitlement) -> int | None:
    """The lowest threshold, in percent, that the balance has fallen to; None above all."""
    reached = [
        percent
        for percent in entitlement.thresholds
        if entitlement.total > 0 and entitlement.remaining * 100 <= percent * entitlement.total
    ]
    return min(reached, default=None)


def arm(entitlement: Entitlement) -> None:
    """What was filled up again is told of again when it runs low."""
    if threshold_reached(entitlement) is None:
        entitlement.told_low = None
