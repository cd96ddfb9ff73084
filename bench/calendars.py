"""A million deadlines: `Calendar.add` beside a calculation that walks from day to day.

`python -m bench.calendars [HOW_MANY]`. The walker does fewer, and its time is given per call.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from time import perf_counter
from zoneinfo import ZoneInfo

from intake.calendars import Calendar, Slot

ZONE = "Europe/Madrid"
HOURS = ((time(9), time(13)), (time(14), time(17)))
HOLIDAYS = {date(year, *day): "Closed" for year in range(2024, 2034) for day in ((1, 1), (12, 25))}
WORKED = {"1 h": 1, "4 h": 4, "40 h": 40, "30 days of 7 h": 210, "a year of 7 h": 1_750}
WALKED = 2_000

Add = Callable[[datetime, timedelta], datetime]


def main(how_many: int = 1_000_000) -> None:
    """Prints microseconds per call, for short and long deadlines."""
    slots = tuple(Slot(a.hour * 60, b.hour * 60) for a, b in HOURS)
    calendar = Calendar(ZONE, dict.fromkeys(range(5), slots), HOLIDAYS)
    print(f"{'worked':16}{'calls':>10}{'add':>10}{'walked':>10}{'ratio':>8}   microseconds")
    for name, hours in WORKED.items():
        starts, worked = _starts(how_many // len(WORKED)), timedelta(hours=hours)
        fast, slow = _took(calendar.add, starts, worked), _took(walk, starts[:WALKED], worked)
        print(f"{name:16}{len(starts):10,}{fast:10.1f}{slow:10.1f}{slow / fast:8.0f}")
        for start in starts[:100]:
            if calendar.add(start, worked) != walk(start, worked):
                raise SystemExit(f"the two disagree about {worked} from {start}")


def walk(start: datetime, worked: timedelta) -> datetime:
    """The same answer, from one day's hours to the next."""
    zone = ZoneInfo(ZONE)
    day = start.astimezone(zone).date()
    while True:
        if day.weekday() < 5 and day not in HOLIDAYS:
            for opening, closing in HOURS:
                opens = datetime.combine(day, opening, zone).astimezone(UTC)
                closes = datetime.combine(day, closing, zone).astimezone(UTC)
                opens = max(opens, start)
                if opens < closes:
                    if worked <= closes - opens:
                        return opens + worked
                    worked -= closes - opens
        day += timedelta(days=1)


def _starts(how_many: int) -> list[datetime]:
    """Moments spread over two years, the same in every run."""
    chance = random.Random(5)
    first = datetime(2026, 1, 1, tzinfo=UTC)
    return [first + timedelta(seconds=chance.randrange(2 * 365 * 86_400)) for _ in range(how_many)]


def _took(add: Add, starts: list[datetime], worked: timedelta) -> float:
    """Microseconds per call, the first of all included."""
    began = perf_counter()
    for start in starts:
        add(start, worked)
    return (perf_counter() - began) / len(starts) * 1e6


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
