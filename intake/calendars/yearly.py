"""What comes again each year: on its date, or as “the fourth Thursday of November”.

It is said by an RRULE (RFC 5545, 3.3.10). Other repetitions are refused: what comes each week is no
holiday but a matter of opening hours.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import islice
from typing import Self

from intake.calendars.slots import BadCalendar

DAY = timedelta(days=1)
WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
KNOWN = {"FREQ", "INTERVAL", "COUNT", "UNTIL", "WKST", "BYMONTH", "BYMONTHDAY", "BYDAY"}


@dataclass(frozen=True, slots=True)
class Yearly:
    """The days of a rule, from its first on."""

    first: date
    months: Sequence[int]
    month_days: Sequence[int]
    """1 to 31, or -1 for the last and so on; empty for any."""
    weekdays: Sequence[tuple[int, int]]
    """Which of the month, 0 for any, and the weekday, 0 for Monday; empty for any."""
    every: int = 1
    count: int | None = None
    until: date = date.max

    @classmethod
    def of(cls, rule: str, first: date, day: Callable[[str], date]) -> Self:
        """The rule as an RRULE says it; `day` reads a date. Raises BadCalendar."""
        said = dict(part.partition("=")[::2] for part in rule.strip().upper().split(";") if part)
        if said.get("FREQ") != "YEARLY" or said.keys() - KNOWN:
            raise BadCalendar("repeats in a way other than each year")
        weekdays = [_weekday(each) for each in _parts(said, "BYDAY")]
        month_days = [_whole(each, -31, 31) for each in _parts(said, "BYMONTHDAY")]
        if weekdays and ("BYMONTH" not in said or not (month_days or all(n for n, _ in weekdays))):
            raise BadCalendar("repeats in a way other than each year, in a month, on a day of it")
        months = [_whole(each, 1, 12) for each in _parts(said, "BYMONTH")]
        return cls(
            first,
            months or (range(1, 13) if month_days else [first.month]),
            month_days or ([] if weekdays else [first.day]),
            weekdays,
            _whole(said.get("INTERVAL", "1"), 1, 300),
            _whole(said["COUNT"], 1, 10_000) if "COUNT" in said else None,
            day(said["UNTIL"]) if "UNTIL" in said else date.max,
        )

    def days(self, years: range) -> Iterator[date]:
        """Its days in those years and the year before, whose last may reach into them."""
        if self.count is None:
            return self._from(max(self.first.year, years.start - 1), years.stop)
        # What came before counts.
        return islice(self._from(self.first.year, years.stop), self.count)

    def _from(self, year: int, stop: int) -> Iterator[date]:
        for number in range(year, stop):
            if (number - self.first.year) % self.every == 0:
                for month in sorted(set(self.months)):
                    for day in self._of_month(number, month):
                        if self.first <= day <= self.until:
                            yield day

    def _of_month(self, year: int, month: int) -> Iterator[date]:
        begins_on, length = monthrange(year, month)
        for number in range(1, length + 1):
            weekday = (begins_on + number - 1) % 7
            # The first Monday is also the fifth from the end, or the fourth.
            places = (0, (number + 6) // 7, -((length - number) // 7 + 1))
            if self.month_days and not {number, number - length - 1} & set(self.month_days):
                continue
            if self.weekdays and not any((n, weekday) in self.weekdays for n in places):
                continue
            yield date(year, month, number)


def _parts(said: dict[str, str], name: str) -> list[str]:
    return said[name].split(",") if said.get(name) else []


def _weekday(text: str) -> tuple[int, int]:
    found = re.fullmatch(r"([+-]?[1-5])?(MO|TU|WE|TH|FR|SA|SU)", text)
    if found is None:
        raise BadCalendar(f"repeats on “{text:.20}”, which is no weekday of a month")
    return int(found[1] or 0), WEEKDAYS.index(found[2])


def _whole(text: str, least: int, most: int) -> int:
    if (
        not re.fullmatch(r"[+-]?[0-9]{1,5}", text)
        or not least <= int(text) <= most
        or not int(text)
    ):
        raise BadCalendar(f"repeats by “{text:.20}”, which cannot be meant")
    return int(text)
