"""Business hours as pictures: the week as bars, the year as months of coloured days."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from intake.calendars import Calendar, Slot, Weekly
from intake.calendars.slots import DAY_MINUTES

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


@dataclass(frozen=True, slots=True)
class Bar:
    """One stretch of opening time on one day, in percent of the day."""

    start: float
    size: float


@dataclass(frozen=True, slots=True)
class WeekDay:
    """One day of the week: its slots in words, and its bars, the end of a night with them."""

    name: str
    words: str
    bars: tuple[Bar, ...]


@dataclass(frozen=True, slots=True)
class Square:
    """One day of a month: where it stands, what it is, and its words."""

    column: int
    row: int
    kind: str
    words: str


@dataclass(frozen=True, slots=True)
class Month:
    """One month of squares."""

    name: str
    days: tuple[Square, ...]


def week(weekly: Weekly) -> list[WeekDay]:
    """The week from Monday to Sunday."""
    return [
        WeekDay(
            name,
            " and ".join(str(slot) for slot in weekly.get(number, ())) or "closed",
            tuple(_bars(weekly, number)),
        )
        for number, name in enumerate(DAYS)
    ]


def year(calendar: Calendar, number: int) -> list[Month]:
    """The twelve months of a year."""
    return [_month(calendar, number, month) for month in range(1, 13)]


def named_days(calendar: Calendar, number: int) -> list[tuple[date, str]]:
    """The holidays and exceptions of a year in words, in their order."""
    said: Mapping[date, str] = {
        **calendar.holidays,
        **{day: _exception(slots) for day, slots in calendar.exceptions.items()},
    }
    return sorted((day, words) for day, words in said.items() if day.year == number)


def _bars(weekly: Weekly, number: int) -> list[Bar]:
    night = [
        (0, slot.closes - DAY_MINUTES)
        for slot in weekly.get((number - 1) % 7, ())
        if slot.closes > DAY_MINUTES
    ]
    own = [(slot.opens, min(slot.closes, DAY_MINUTES)) for slot in weekly.get(number, ())]
    return [Bar(_percent(opens), _percent(closes - opens)) for opens, closes in night + own]


def _percent(minutes: int) -> float:
    return round(100 * minutes / DAY_MINUTES, 3)


def _month(calendar: Calendar, number: int, month: int) -> Month:
    first, length = monthrange(number, month)
    days = []
    for position in range(length):
        day = date(number, month, position + 1)
        row, column = divmod(first + position, 7)
        kind, words = _day(calendar, day)
        days.append(Square(column, row, kind, f"{day:%a} {day.day} {day:%B}: {words}"))
    return Month(f"{date(number, month, 1):%B}", tuple(days))


def _day(calendar: Calendar, day: date) -> tuple[str, str]:
    if day in calendar.exceptions:
        return "exception", _exception(calendar.exceptions[day])
    if name := calendar.holiday(day):
        return "holiday", name
    slots = calendar.slots(day)
    return ("open", _slots(slots)) if slots else ("closed", "closed")


def _exception(slots: Sequence[Slot]) -> str:
    return f"only {_slots(slots)}" if slots else "closed for once"


def _slots(slots: Sequence[Slot]) -> str:
    return " and ".join(str(slot) for slot in slots)
