"""A clock taken apart, as a strip: what counted, when it was closed, on holiday, or on hold."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from graph.console.words import Times
from intake.sla import Hold, KpiInstance, KpiState
from intake.sla.explaining import Explanation, Interval, Stretch, explain

PARTS_AT_MOST = 400
NAMES = {
    Stretch.COUNTING: "Counting",
    Stretch.CLOSED: "Closed",
    Stretch.HOLIDAY: "Holiday",
    Stretch.ON_HOLD: "On hold",
}


@dataclass(frozen=True, slots=True)
class Part:
    """One piece of the strip, from `start` on `size` wide, in percent; `ahead` is still to come."""

    kind: str
    start: float
    size: float
    words: str
    ahead: bool


@dataclass(frozen=True, slots=True)
class Strip:
    """The whole strip. `now` is where the question was asked, in percent; None when it is over."""

    sentence: str
    parts: tuple[Part, ...]
    now: float | None
    totals: tuple[tuple[str, str, str], ...]
    """Of each kind that occurs: its class, its name, and how long it is in all."""
    whole: str
    since: datetime
    until: datetime


def strip(
    instance: KpiInstance, holds: Sequence[Hold], *, at: datetime, times: Times
) -> Strip | None:
    """The strip of a clock; None for one that no longer counts."""
    if instance.state is KpiState.CANCELLED:
        return None
    found = explain(instance, holds, at, zone=times.zone)
    end = min(instance.succeeded_at or at, at)
    pieces = [piece for each in found.intervals for piece in _cut(each, end)]
    drawn = pieces if len(pieces) <= PARTS_AT_MOST else []
    kinds = [kind for kind in Stretch if found.total(kind)]
    return Strip(
        found.sentence,
        tuple(_part(piece, found, end, times) for piece in drawn),
        _percent(end - found.since, found) if found.since < end < found.until else None,
        tuple((_class(kind), NAMES[kind], exactly(found.total(kind))) for kind in kinds),
        exactly(found.until - found.since),
        found.since,
        found.until,
    )


def exactly(length: timedelta) -> str:
    """A length to the second: "2 d 3 h 15 min 20 s"; what is zero is left out."""
    seconds = int(length.total_seconds())
    said = []
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min"), (1, "s")):
        count, seconds = divmod(seconds, size)
        if count:
            said.append(f"{count} {unit}")
    return " ".join(said) or "0 s"


def _cut(interval: Interval, end: datetime) -> Iterator[Interval]:
    """The part before an instant and the part after it."""
    if interval.start < end < interval.end:
        yield Interval(interval.start, end, interval.kind, interval.name)
        yield Interval(end, interval.end, interval.kind, interval.name)
    else:
        yield interval


def _part(interval: Interval, found: Explanation, end: datetime, times: Times) -> Part:
    name = NAMES[interval.kind] + (f" ({interval.name})" if interval.name else "")
    words = f"{name}, {exactly(interval.length)} from {times.short(interval.start)}"
    return Part(
        _class(interval.kind),
        _percent(interval.start - found.since, found),
        _percent(interval.length, found),
        words,
        ahead=interval.start >= end,
    )


def _percent(length: timedelta, found: Explanation) -> float:
    return round(100 * (length / (found.until - found.since)), 4)


def _class(kind: Stretch) -> str:
    return kind.value.replace(" ", "-")
