"""Working time: when a desk is open, how long it was open, and when enough of that has passed.

A calendar speaks wall-clock time inside and aware UTC at its edges, so that no caller ever adds
hours to a local time. Three rules settle what the clock on the wall leaves open:

- A wall time means the first instant at which the zone's clocks show it or a later one. A time
  that occurs twice is therefore the first of the two (zoneinfo's fold 0), and one that the clocks
  skip is the moment at which they jump. A night shift over a change is an hour longer or shorter.
- A slot belongs to the day on which it opens: exceptions and changes replace the slots that open
  on their days and leave the end of yesterday's night shift alone.
- A holiday takes out its day from midnight to midnight and nothing else. An exception on a
  holiday is the stronger of the two: that day is worked as the exception says.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from difflib import get_close_matches
from enum import StrEnum
from functools import lru_cache
from types import MappingProxyType
from typing import Any, NamedTuple, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from intake.calendars import form, years
from intake.calendars.slots import DAY_MINUTES, BadCalendar, Slot, Weekly, one_day, week
from intake.errors import IntakeError

__all__ = [
    "ALWAYS",
    "BadCalendar",
    "Calendar",
    "Interval",
    "Kind",
    "NeverOpen",
    "OutOfReach",
    "Slot",
    "Weekly",
]

FIRST_YEAR, LAST_YEAR = 1900, 2199
"""Calendars answer for these years (UTC) only, which bounds the work of every question."""


class NeverOpen(IntakeError):
    """The calendar does not open for as long as was asked before the end of `LAST_YEAR`."""

    code = "never-open"


class OutOfReach(IntakeError):
    """An instant lies outside the years that calendars answer for."""

    code = "out-of-reach"


class Kind(StrEnum):
    """What a stretch of time is to a calendar."""

    OPEN = "open"
    CLOSED = "closed"
    HOLIDAY = "holiday"


class Interval(NamedTuple):
    """The stretch [start, end) in UTC, all of one kind; `name` is the holiday's, else ''."""

    start: datetime
    end: datetime
    kind: Kind
    name: str = ""


@dataclass(frozen=True)
class Calendar:
    """When a desk works: weekly slots in `zone`, holidays by name, exceptions and changes.

    `exceptions` replace the slots of one day, `changes` the weekly pattern from a day on. Raises
    BadCalendar, naming the field, on a zone that does not exist or slots that overlap, and
    NeverOpen if there is no slot at all. Equal calendars share what was worked out for them, so
    it costs little to read one from JSON for each question.
    """

    zone: str
    weekly: Weekly
    holidays: Mapping[date, str] = field(default_factory=dict)
    exceptions: Mapping[date, Sequence[Slot]] = field(default_factory=dict)
    changes: Mapping[date, Weekly] = field(default_factory=dict)
    _hash: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        _refuse_unknown(self.zone)
        weekly = week(self.weekly, "weekly")
        exceptions = {
            day: one_day(slots, f"exceptions.{day}")
            for day, slots in sorted(self.exceptions.items())
        }
        changes = {
            day: week(pattern, f"changes.{day}") for day, pattern in sorted(self.changes.items())
        }
        slots = [
            *exceptions.values(),
            *weekly.values(),
            *(s for w in changes.values() for s in w.values()),
        ]
        if not any(slots):
            raise NeverOpen("weekly: no day has opening hours")
        fix = object.__setattr__  # The class is frozen; this is the moment before.
        fix(self, "weekly", weekly)
        fix(self, "holidays", MappingProxyType(dict(sorted(self.holidays.items()))))
        fix(self, "exceptions", MappingProxyType(exceptions))
        fix(self, "changes", MappingProxyType(changes))
        fix(self, "_hash", hash((self.zone, *weekly.items(), *self.holidays, *exceptions)))

    def __hash__(self) -> int:
        return self._hash

    def must_stay_open(self) -> None:
        """Raises NeverOpen, naming the field, when it opens no more one day: no deadline is found
        after that. Asked of what somebody writes; what is kept is always read."""
        # Exceptions are past one day; what holds for good is the last pattern.
        last, hours = max(self.changes.items(), default=(None, self.weekly))
        if not any(hours.values()):
            where = "weekly: no day" if last is None else f"changes.{last}: from then on no day"
            raise NeverOpen(f"{where} has opening hours; close single days as holidays")

    def is_open(self, at: datetime) -> bool:
        """Whether `at` lies in opening time; the moment of closing no longer does."""
        at = _in_reach(at)
        return _year(self, at.year).is_open(years.tick(at))

    def open_between(self, a: datetime, b: datetime) -> timedelta:
        """The opening time in [a, b); none if `b` is not after `a`."""
        a, b = _in_reach(a), _in_reach(b)
        if b <= a:
            return timedelta(0)
        ticks = sum(_year(self, number).total for number in range(a.year, b.year))
        ticks += _year(self, b.year).open_before(years.tick(b))
        ticks -= _year(self, a.year).open_before(years.tick(a))
        return timedelta(microseconds=ticks)

    def add(self, t: datetime, worked: timedelta) -> datetime:
        """The earliest moment by which `worked` of opening time has passed since `t`.

        With nothing to work that is `t` itself, even when the desk is closed. Raises NeverOpen if
        the desk does not open for so long, ValueError if `worked` is negative.
        """
        if worked < timedelta(0):
            raise ValueError(f"working time does not run backwards: {worked}")
        t = _in_reach(t)
        if not worked:
            return t
        ticks = worked // years.MICROSECOND + _year(self, t.year).open_before(years.tick(t))
        for number in range(t.year, LAST_YEAR + 1):
            year = _year(self, number)
            if ticks <= year.total:
                return years.instant(year.moment_after(ticks))
            ticks -= year.total
        raise NeverOpen(f"the desk does not open for {worked} from {t:%Y-%m-%d} to {LAST_YEAR}")

    def intervals(self, a: datetime, b: datetime) -> Iterator[Interval]:
        """Open, closed and holiday stretches that tile [a, b) in order, no two neighbours alike."""
        last: Interval | None = None
        for stretch in self._stretches(_in_reach(a), _in_reach(b)):
            if last and last[2:] == stretch[2:]:
                last = last._replace(end=stretch.end)
                continue
            if last:
                yield last
            last = stretch
        if last:
            yield last

    def _stretches(self, a: datetime, b: datetime) -> Iterator[Interval]:
        """What `intervals` says, cut where years end."""
        for number in range(a.year, b.year + 1):
            year = _year(self, number)
            here, end = max(years.tick(a), year.start), min(years.tick(b), year.end)
            for opens, closes, holiday in year.stretches(here, end):
                opens, closes = max(opens, here), min(closes, end)
                if here < opens:
                    yield _interval(here, opens, Kind.CLOSED)
                kind = Kind.OPEN if holiday is None else Kind.HOLIDAY
                yield _interval(opens, closes, kind, holiday or "")
                here = closes
            if here < end:
                yield _interval(here, end, Kind.CLOSED)

    def holiday(self, day: date) -> str | None:
        """The name of the holiday that closes `day`, or None."""
        return None if day in self.exceptions else self.holidays.get(day)

    def slots(self, day: date) -> Sequence[Slot]:
        """The slots that open on `day`, whether or not it is a holiday."""
        if day in self.exceptions:
            return self.exceptions[day]
        pattern = self.weekly
        for begins_on, changed in self.changes.items():
            if begins_on <= day:
                pattern = changed
        return pattern.get(day.weekday(), ())

    def _hours(self, day: date) -> list[tuple[int, int]]:
        """The minutes of `day` that slots cover, with the end of yesterday's night."""
        night = [
            (0, slot.closes - DAY_MINUTES)
            for slot in self.slots(day - timedelta(days=1))
            if slot.closes > DAY_MINUTES
        ]
        return night + [(slot.opens, min(slot.closes, DAY_MINUTES)) for slot in self.slots(day)]

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        """The calendar that `as_json` gave. Raises BadCalendar, naming the field."""
        return cls(**form.read_fields(stored))

    def as_json(self) -> dict[str, Any]:
        """Plain values that `from_json` turns back into an equal calendar."""
        return {
            "zone": self.zone,
            "weekly": form.write_weekly(self.weekly),
            "holidays": {f"{day}": name for day, name in self.holidays.items()},
            "exceptions": {f"{day}": form.write_slots(s) for day, s in self.exceptions.items()},
            "changes": [
                {"from": f"{day}", "weekly": form.write_weekly(pattern)}
                for day, pattern in self.changes.items()
            ],
        }

    def in_words(self) -> str:
        """One line for people, "Mon–Fri 09:00–17:00 (Europe/Madrid), 9 holidays"."""
        said = [f"{form.weekly_in_words(self.weekly)} ({self.zone})"]
        for days, one, many in (
            (self.holidays, "holiday", "holidays"),
            (self.exceptions, "exception", "exceptions"),
        ):
            if days:
                said.append(f"{len(days)} {one if len(days) == 1 else many}")
        said += [f"from {day} {form.weekly_in_words(week)}" for day, week in self.changes.items()]
        return ", ".join(said)


@lru_cache(maxsize=512)
def _year(calendar: Calendar, number: int) -> years.Year:
    return years.expand(number, ZoneInfo(calendar.zone), calendar.holiday, calendar._hours)


def _in_reach(at: datetime) -> datetime:
    """The instant in UTC. Raises OutOfReach far from our time, TypeError without a zone."""
    if at.tzinfo is None:
        raise TypeError(f"{at} has no time zone")
    try:
        at = at.astimezone(UTC)
    except OverflowError:
        raise _out_of_reach(at) from None
    if not FIRST_YEAR <= at.year <= LAST_YEAR:
        raise _out_of_reach(at)
    return at


def _out_of_reach(at: datetime) -> OutOfReach:
    return OutOfReach(
        f"calendars reach from {FIRST_YEAR} to {LAST_YEAR}, not to the year {at.year}"
    )


def _interval(start: int, end: int, kind: Kind, name: str = "") -> Interval:
    return Interval(years.instant(start), years.instant(end), kind, name)


def _refuse_unknown(zone: str) -> None:
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # OSError: a folder such as "Europe"
        near = get_close_matches(zone, sorted(available_timezones()), 1)
        hint = f', did you mean "{near[0]}"?' if near else ""
        raise BadCalendar(f'zone: unknown zone "{zone}"{hint}') from None


ALWAYS = Calendar("UTC", {day: (Slot(0, DAY_MINUTES),) for day in range(7)})
"""Open at every instant: what a desk without a calendar has."""
