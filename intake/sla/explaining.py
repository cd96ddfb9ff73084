"""Every minute of a clock: counted, closed, on holiday or on hold, with totals that add up.

The stretches tile the time from the clock's start to its deadline, or to now where a hold leaves
it without one. Open time on hold is "on hold"; a night or a holiday during a hold is what it would
have been anyway, for it moves no deadline.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import groupby
from zoneinfo import ZoneInfo

from intake import calendars
from intake.sla.clocks import ZERO, Hold, KpiInstance, KpiState, calendar_of, open_time

INSTANT = timedelta(microseconds=1)
LOOKED_BACK = timedelta(days=14)


class Stretch(StrEnum):
    """What a stretch of time is to a clock."""

    COUNTING = "counting"
    CLOSED = "closed"
    HOLIDAY = "holiday"
    ON_HOLD = "on hold"


@dataclass(frozen=True, slots=True)
class Interval:
    """The stretch [start, end), all of one kind; `name` is the holiday's or the status's, or ''."""

    start: datetime
    end: datetime
    kind: Stretch
    name: str = ""

    @property
    def length(self) -> timedelta:
        """How long it is on the wall."""
        return self.end - self.start


@dataclass(frozen=True, slots=True)
class Explanation:
    """A clock taken apart. `intervals` add up to `until - since`; those that count, to `allowed`
    where `until` is the deadline."""

    since: datetime
    until: datetime
    allowed: timedelta
    counted: timedelta
    """Up to the instant of the question, or to the end of the clock."""
    intervals: tuple[Interval, ...]
    sentence: str

    @property
    def left(self) -> timedelta:
        """What is still to be counted until the promise is broken."""
        return max(self.allowed - self.counted, ZERO)

    def total(self, kind: Stretch) -> timedelta:
        """How much of the whole is of one kind."""
        return sum((each.length for each in self.intervals if each.kind is kind), ZERO)


def explain(
    instance: KpiInstance, holds: Sequence[Hold], at: datetime, *, zone: ZoneInfo | None = None
) -> Explanation:
    """How the clock came to its deadline, and where it stands at that instant.

    `holds` are all of its case, in their order; what lies ahead of `at` is as the calendar says.
    The sentence tells the time in that zone, or else as on the wall of its calendar.
    """
    wall = zone or ZoneInfo(calendar_of(instance).zone)
    since = instance.started_at
    kept_at = instance.succeeded_at
    until = max(instance.failed_at or instance.fail_at or kept_at or at, since)
    if kept_at is not None:  # later holds of the case are not this clock's affair
        holds = [hold for hold in holds if hold.started_at < kept_at]
    intervals = tuple(_stretches(instance, holds, since, until))
    end = max(min(kept_at or at, at), since)
    counted = open_time(instance, holds, since, end)
    allowed = instance.item.fail_after
    return Explanation(
        since,
        until,
        allowed,
        counted,
        intervals,
        _sentence(instance, intervals, counted, end, wall),
    )


def spelt(span: timedelta) -> str:
    """A span as people say it, "2 h 15 min"; seconds only where there is nothing longer."""
    minutes, seconds = divmod(int(span.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    said = [f"{hours} h"] * bool(hours) + [f"{minutes} min"] * bool(minutes)
    return " ".join(said) or (f"{seconds} s" if seconds else "0 min")


def _stretches(
    instance: KpiInstance, holds: Sequence[Hold], since: datetime, until: datetime
) -> Iterator[Interval]:
    """The calendar's stretches, cut where holds begin and end; no two neighbours alike."""
    pieces = _pieces(instance, holds, since, until)
    for (kind, name), alike in groupby(pieces, lambda piece: (piece.kind, piece.name)):
        together = list(alike)
        yield Interval(together[0].start, together[-1].end, kind, name)


def _pieces(
    instance: KpiInstance, holds: Sequence[Hold], since: datetime, until: datetime
) -> Iterator[Interval]:
    calendar = calendar_of(instance)
    here = since
    for hold in holds:
        if not instance.item.paused_by(hold.reason):
            continue
        begin = min(max(hold.started_at, here), until)
        end = min(max(hold.ended_at or until, begin), until)
        yield from _said(calendar, here, begin, Stretch.COUNTING)
        yield from _said(calendar, begin, end, Stretch.ON_HOLD, hold.reason)
        here = end
    yield from _said(calendar, here, until, Stretch.COUNTING)


def _said(
    calendar: calendars.Calendar,
    begin: datetime,
    end: datetime,
    when_open: Stretch,
    reason: str = "",
) -> Iterator[Interval]:
    for stretch in calendar.intervals(begin, end) if begin < end else ():
        match stretch.kind:
            case calendars.Kind.OPEN:
                yield Interval(stretch.start, stretch.end, when_open, reason)
            case calendars.Kind.HOLIDAY:
                yield Interval(stretch.start, stretch.end, Stretch.HOLIDAY, stretch.name)
            case calendars.Kind.CLOSED:
                yield Interval(stretch.start, stretch.end, Stretch.CLOSED)


def _sentence(
    instance: KpiInstance,
    intervals: Sequence[Interval],
    counted: timedelta,
    at: datetime,
    zone: ZoneInfo,
) -> str:
    said = f"{spelt(counted)} of {spelt(instance.item.fail_after)} counted"
    own = instance.calendar
    if own is not None and (own.current_id or own.id) != instance.item.calendar_id:
        said += f" in the covered hours, “{own.name}”"
    if now := _standing(instance, intervals, at, zone):
        said += f"; {now}"
    return said


def _standing(
    instance: KpiInstance, intervals: Sequence[Interval], at: datetime, zone: ZoneInfo
) -> str:
    if instance.state is KpiState.CANCELLED:
        return "no longer promised"
    if instance.succeeded_at is not None:
        late = instance.overrun_seconds
        how = "in time" if late is None else f"{spelt(timedelta(seconds=late))} late"
        return f"kept {how} on {_moment(instance.succeeded_at, at, zone)}"
    if instance.failed_at is not None:
        return f"missed on {_moment(instance.failed_at, at, zone)}"
    if instance.paused_at is not None:
        return f"on hold since {_moment(instance.paused_at, at, zone)}"
    now = next((each for each in intervals if each.start <= at < each.end), None)
    if now is None or now.kind is Stretch.COUNTING:
        return ""
    what = now.name if now.kind is Stretch.HOLIDAY else "closed"
    # A clock may have started when the desk was closed already.
    *_, ours = calendar_of(instance).intervals(at - LOOKED_BACK, at + INSTANT)
    return f"{what} since {_moment(ours.start, at, zone)}"


def _moment(moment: datetime, now: datetime, zone: ZoneInfo) -> str:
    """A moment on the wall: a weekday within six days, else a date."""
    local = moment.astimezone(zone)
    near = abs(now - moment) < timedelta(days=6)
    return f"{local:%A %H:%M}" if near else f"{local.day} {local:%b %Y %H:%M}"
