"""The countdown of a promise: when so little of it is left that it is worth saying anew.

What is left is working time, as the clock counts it: nights, holidays and holds use none of it up,
and no step of the countdown falls into them.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from intake.sla.clocks import RUNNING, Hold, KpiInstance, calendar_of, due

STEPS = (
    timedelta(hours=24),
    timedelta(hours=4),
    timedelta(hours=1),
    timedelta(minutes=30),
    timedelta(minutes=15),
    timedelta(minutes=5),
)


def next_step(instance: KpiInstance, holds: Sequence[Hold], at: datetime) -> datetime | None:
    """When, after that instant, the next step of a running clock is reached; None when no more is.

    `holds` are all of its case, in their order.
    """
    if instance.state not in RUNNING:
        return None
    calendar, allowed = calendar_of(instance), instance.item.fail_after
    stops = [hold for hold in holds if instance.item.paused_by(hold.reason)]
    for step in STEPS:
        if step < allowed:
            reached = due(calendar, instance.started_at, allowed - step, stops)
            if reached is not None and reached > at:
                return reached
    return None
