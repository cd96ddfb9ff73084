"""The opening times of one year as sorted instants, so that questions are answered by bisection.

Instants are whole microseconds since 1970 in UTC, called ticks. Years are UTC's, whatever the zone.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from heapq import merge
from typing import NamedTuple

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


def tick(at: datetime) -> int:
    """The tick of an aware instant, in whatever zone it is given."""
    return (at - EPOCH) // MICROSECOND


def instant(ticks: int) -> datetime:
    """The instant, in UTC, that `tick` counts to."""
    return EPOCH + timedelta(microseconds=ticks)


class Stretch(NamedTuple):
    """From one tick up to another; `holiday` is a name, or None for opening time."""

    start: int
    end: int
    holiday: str | None = None


@dataclass(frozen=True, slots=True)
class Year:
    """One year's openings and closings in order, and the opening time that passed before each."""

    start: int
    end: int
    opens: array[int]
    closes: array[int]
    passed: array[int]
    total: int
    holidays: tuple[Stretch, ...]

    def is_open(self, at: int) -> bool:
        """Whether `at` lies in opening time; the tick of closing no longer does."""
        place = bisect_right(self.opens, at) - 1
        return place >= 0 and at < self.closes[place]

    def open_before(self, at: int) -> int:
        """How many ticks of the year's opening time lie before `at`."""
        place = bisect_right(self.opens, at) - 1
        if place < 0:
            return 0
        return self.passed[place] + min(at, self.closes[place]) - self.opens[place]

    def moment_after(self, worked: int) -> int:
        """The first tick with `worked` opening time before it; 0 < worked <= total."""
        place = bisect_left(self.passed, worked) - 1
        return self.opens[place] + worked - self.passed[place]

    def stretches(self, start: int, end: int) -> Iterator[Stretch]:
        """The opening times and holidays that touch [start, end), in order and uncut."""
        places = range(bisect_right(self.closes, start), bisect_left(self.opens, end))
        opening = (Stretch(self.opens[place], self.closes[place]) for place in places)
        holidays = (day for day in self.holidays if day.end > start and day.start < end)
        return merge(opening, holidays, key=lambda stretch: stretch.start)


def expand(
    year: int,
    zone: tzinfo,
    holiday: Callable[[date], str | None],
    hours: Callable[[date], Iterable[tuple[int, int]]],
) -> Year:
    """The year as it is worked, given a day's holiday and its hours in minutes from its midnight.

    The hours of a day are sorted and end at its midnight; those of a holiday are not asked for.
    """
    start, end = (tick(datetime(number, 1, 1, tzinfo=UTC)) for number in (year, year + 1))
    opens, closes, passed, total = array("q"), array("q"), array("q"), 0
    holidays = []
    # Local dates run up to 14 hours ahead of UTC and 12 behind, and a zone that moves over the
    # date line skips one: two days on either side are ample, and cut off below.
    first, last = date(year - 1, 12, 30).toordinal(), date(year + 1, 1, 2).toordinal()
    for day in map(date.fromordinal, range(first, last + 1)):
        name = holiday(day)
        for minutes in hours(day) if name is None else [(0, 24 * 60)]:
            begins, ends = (min(max(reached(zone, day, m), start), end) for m in minutes)
            if begins >= ends:
                continue  # Skipped by the clocks, or of another year.
            if name is not None:
                holidays.append(Stretch(begins, ends, name))
            elif closes and begins <= closes[-1]:
                total += max(0, ends - closes[-1])
                closes[-1] = max(closes[-1], ends)
            else:
                opens.append(begins)
                closes.append(ends)
                passed.append(total)
                total += ends - begins
    return Year(start, end, opens, closes, passed, total, tuple(holidays))


def reached(zone: tzinfo, day: date, minute: int) -> int:
    """The first tick at which the clocks of `zone` show the minute of the day, or later."""
    wall = datetime(day.year, day.month, day.day, tzinfo=zone) + timedelta(minutes=minute)
    first, second = tick(wall), tick(wall.replace(fold=1))
    if first <= second:
        return first
    # The clocks skip this time (PEP 495): they jump somewhere between its two readings.
    after = wall.replace(fold=1).utcoffset()
    jump = bisect_left(
        range(second, first),
        True,
        key=lambda ticks: instant(ticks).astimezone(zone).utcoffset() == after,
    )
    return second + jump
