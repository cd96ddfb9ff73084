"""Opening times of a day and of a week, and what is wrong with those that cannot be."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from types import MappingProxyType
from typing import Self

from intake.errors import IntakeError

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAY_MINUTES = 24 * 60
MOST_SLOTS = 24
"""So many slots may open on one day."""


class BadCalendar(IntakeError):
    """A calendar cannot be made of this; the text begins with the field that is wrong."""

    code = "bad-calendar"


@dataclass(frozen=True, slots=True, order=True)
class Slot:
    """Opening time in minutes after the midnight of its day; past 1440 lies the next day."""

    opens: int
    closes: int

    def __post_init__(self) -> None:
        latest = max(DAY_MINUTES, self.opens + DAY_MINUTES - 1)
        if not 0 <= self.opens < DAY_MINUTES or not self.opens < self.closes <= latest:
            raise BadCalendar(f"a slot cannot run from minute {self.opens} to {self.closes}")

    @classmethod
    def of(cls, opens: str, closes: str) -> Self:
        """The slot between two times of day; "22:00" to "06:00" is a night."""
        start, end = _minutes(opens), _minutes(closes)
        if start == end:
            raise BadCalendar(
                f"opens and closes at {opens}; a whole day is 00:00 to 24:00, a closed one no slot"
            )
        if start == DAY_MINUTES:
            raise BadCalendar("24:00 can only close a slot; the next day opens at 00:00")
        return cls(start, end if end > start else end + DAY_MINUTES)

    def as_json(self) -> list[str]:
        """The two times of day that `of` takes."""
        closes = self.closes if self.closes <= DAY_MINUTES else self.closes - DAY_MINUTES
        return [f"{minute // 60:02}:{minute % 60:02}" for minute in (self.opens, closes)]

    def __str__(self) -> str:
        return "–".join(self.as_json())


Weekly = Mapping[int, Sequence[Slot]]
"""The slots that open on each weekday, 0 for Monday; a day that is left out is closed."""


def week(pattern: Weekly, place: str) -> Mapping[int, tuple[Slot, ...]]:
    """The pattern in order and without its closed days. Raises BadCalendar, naming `place`."""
    if unknown := [day for day in pattern if day not in range(7)]:
        raise BadCalendar(f"{place}: {unknown[0]} is not a weekday, 0 for Monday to 6 for Sunday")
    days = {
        number: one_day(pattern[number], f"{place}.{name}")
        for number, name in enumerate(DAYS)
        if pattern.get(number)
    }
    placed = [(day, slot) for day, slots in days.items() for slot in slots]
    again = [(day + 7, slot) for day, slot in placed[:1]]  # Sunday's night may reach into Monday.
    for (day, slot), (next_day, following) in pairwise(placed + again):
        if following.opens + next_day * DAY_MINUTES < slot.closes + day * DAY_MINUTES:
            raise BadCalendar(
                f"{place}.{DAYS[day]}: {slot} overlaps {following} of {DAYS[next_day % 7]}"
            )
    return MappingProxyType(days)


def one_day(slots: Iterable[Slot], place: str) -> tuple[Slot, ...]:
    """The slots in order. Raises BadCalendar, naming `place`, if two overlap or they are many."""
    ordered = tuple(sorted(slots))
    if len(ordered) > MOST_SLOTS:
        raise BadCalendar(f"{place}: {len(ordered)} slots; a day has {MOST_SLOTS} at most")
    for slot, following in pairwise(ordered):
        if following.opens < slot.closes:
            raise BadCalendar(f"{place}: {slot} overlaps {following}")
    return ordered


def _minutes(clock: str) -> int:
    if not re.fullmatch(r"([01][0-9]|2[0-3]):[0-5][0-9]|24:00", clock):
        raise BadCalendar(f'"{clock}" is not a time of day from 00:00 to 24:00')
    return int(clock[:2]) * 60 + int(clock[3:])
