"""Where the promises about time stand, in Slack's markup: by when, and how much is left."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from channels.slack.words import moment
from intake.sla import Hold, Kpi, KpiInstance, KpiState, explain, spelt

MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)
PROMISES = {
    Kpi.FIRST_RESPONSE: "First response",
    Kpi.NEXT_RESPONSE: "Next response",
    Kpi.FOLLOW_UP: "Follow-up",
    Kpi.RESOLVE_BY: "Solution",
}


@dataclass(frozen=True, slots=True)
class Clock:
    """One promise at one instant."""

    kpi: Kpi
    state: KpiState
    kept: bool
    due_at: datetime | None
    left: timedelta
    """The working time that is still to be counted; zero when it is used up."""
    in_hours: bool
    """Whether it counts in business hours, and not day and night."""

    @classmethod
    def of(cls, instance: KpiInstance, holds: Sequence[Hold], at: datetime) -> Clock:
        """Where a clock stands at that instant; `holds` are all of its case, in their order."""
        return cls(
            kpi=instance.kpi,
            state=instance.state,
            kept=instance.succeeded_at is not None,
            due_at=instance.fail_at,
            left=explain(instance, holds, at).left,
            in_hours=instance.calendar is not None,
        )

    @property
    def counts(self) -> bool:
        """Whether something is left of it, or would be without a hold."""
        live = (KpiState.IN_PROGRESS, KpiState.NEARING, KpiState.PAUSED)
        return self.state in live and not self.kept


def all_in_words(clocks: Sequence[Clock], at: datetime) -> str:
    """Each clock on a line of its own. A card is not always fresh: it says when it was counted."""
    lines = [in_words(clock, at) for clock in clocks]
    if any(clock.counts for clock in clocks):
        lines.append(f"_counted {moment(at)}_")
    return "\n".join(lines)


def in_words(clock: Clock, at: datetime) -> str:
    """One clock, such as "Solution by … (in 3 h; 1 h 40 min of working time left)"."""
    name = PROMISES[clock.kpi]
    due = moment(clock.due_at) if clock.due_at else ""
    if clock.state is KpiState.NONCOMPLIANT and clock.kept:
        return f"{name} came late"
    return {
        KpiState.IN_PROGRESS: f"{name} by {due}{_ahead(clock, at)}",
        KpiState.NEARING: f":hourglass_flowing_sand: {name} nearly due: {due}{_ahead(clock, at)}",
        KpiState.NONCOMPLIANT: f":warning: {name} missed, it was due {due}",
        KpiState.PAUSED: f"{name} paused, {_working(clock)} left",
        KpiState.SUCCEEDED: f"{name} in time",
        KpiState.CANCELLED: f"{name} no longer promised",
    }[clock.state]


def _ahead(clock: Clock, at: datetime) -> str:
    """How long until it is due, and how much of that counts where not all of it does."""
    # The clock process may not have looked yet at what is due; the card does not wait for it.
    if clock.due_at is None or clock.due_at <= at:
        return ""
    wait = clock.due_at - at
    if wait - clock.left < MINUTE:
        return f" (in {_length(wait)})"
    return f" (in {_length(wait)}; {_working(clock)} left)"


def _working(clock: Clock) -> str:
    # In hours, however many: a day of work has fewer of them than a day.
    return f"{_minutes(clock.left)}{' of working time' if clock.in_hours else ''}"


def _length(span: timedelta) -> str:
    if span < DAY:
        return _minutes(span)
    days, hours = divmod(round(span / timedelta(hours=1)), 24)
    return f"{days} d {hours} h" if hours else f"{days} d"


def _minutes(span: timedelta) -> str:
    """To the nearest minute: a step of the countdown is shown a moment after it was reached."""
    whole = round(span / MINUTE)
    return spelt(whole * MINUTE) if whole else "less than a minute"
