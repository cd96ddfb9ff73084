"""Public holidays as plain dates: of a country and its region, or from an iCalendar file.

What is found is written into a calendar as its own list, so that a newer table of holidays never
moves a clock that runs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from difflib import get_close_matches

from intake.calendars.slots import BadCalendar

MOST_CHARACTERS = 2_000_000
MOST_DAYS = 5_000
LONGEST = timedelta(days=92)
DAY = timedelta(days=1)
ESCAPED = re.compile(r"\\([\\,;nN])")


def of_country(country: str, region: str, years: range) -> dict[date, str]:
    """The public holidays of a country (ISO 3166, "ES") and, if given, a region of it ("MD").

    Raises BadCalendar, naming the field, for a place that is not known.
    """
    import holidays  # half a second, for the few who ask

    known = holidays.list_supported_countries()
    if country not in known:
        raise BadCalendar(f'country: unknown country "{country:.20}"{_near(country, known)}')
    if region and region not in known[country]:
        hint = _near(region, known[country]) or f"; say {', '.join(known[country]) or 'none'}"
        raise BadCalendar(f'region: unknown region "{region:.20}" of {country}{hint}')
    found = holidays.country_holidays(country, subdiv=region or None, years=years)
    return dict(sorted(found.items()))


def of_icalendar(text: str, years: range) -> dict[date, str]:
    """The days that an iCalendar (RFC 5545) gives events to, in those years.

    Events may last several days and repeat each year. Raises BadCalendar, naming the event, for
    one that repeats otherwise: what is not understood is not left out silently.
    """
    if len(text) > MOST_CHARACTERS:
        raise BadCalendar(f"file: more than {MOST_CHARACTERS:,} characters")
    found: dict[date, str] = {}
    for event in _events(text):
        for first in event.begins(years):
            for number in range((event.lasts or DAY).days):
                found[first + number * DAY] = event.name
        if len(found) > MOST_DAYS:
            raise BadCalendar(f"file: more than {MOST_DAYS:,} days")
    wanted = {day: name for day, name in sorted(found.items()) if day.year in years}
    if not wanted:
        raise BadCalendar(f"file: no event in {years.start} to {years.stop - 1}")
    return wanted


@dataclass(frozen=True, slots=True)
class _Event:
    name: str
    first: date
    lasts: timedelta
    yearly: bool
    until: date

    def begins(self, years: range) -> Iterator[date]:
        """On which days it begins, so that some day of it may lie in those years."""
        if not self.yearly:
            yield self.first
            return
        for year in range(max(years.start - 1, self.first.year), years.stop):
            try:
                day = self.first.replace(year=year)
            except ValueError:  # 29 February comes in leap years only (RFC 5545, 3.3.10)
                continue
            if day <= self.until:
                yield day


def _events(text: str) -> Iterator[_Event]:
    fields: dict[str, str] | None = None
    for line in _unfolded(text):
        name, _, value = line.partition(":")
        name = name.partition(";")[0].upper()
        if (name, value.upper()) == ("BEGIN", "VEVENT"):
            fields = {}
        elif (name, value.upper()) == ("END", "VEVENT") and fields is not None:
            yield _event(fields)
            fields = None
        elif fields is not None:
            fields.setdefault(name, value)


def _unfolded(text: str) -> Iterator[str]:
    """Content lines: one that begins with a space goes on with the one before (RFC 5545, 3.1)."""
    line = ""
    for part in text.lstrip("\ufeff").splitlines():
        if part[:1] in (" ", "\t"):
            line += part[1:]
        else:
            yield line
            line = part
    yield line


def _event(fields: Mapping[str, str]) -> _Event:
    name = _plain(fields.get("SUMMARY", "")) or "Holiday"
    first = _day(fields.get("DTSTART", ""), name)
    end = _day(fields["DTEND"], name) if "DTEND" in fields else first + DAY
    lasts = max(end - first, DAY)
    if lasts > LONGEST:
        raise BadCalendar(f"file: “{name:.80}” lasts longer than {LONGEST.days} days")
    rule = dict(part.partition("=")[::2] for part in fields.get("RRULE", "").upper().split(";"))
    odd = rule.keys() - {"", "FREQ", "UNTIL", "WKST"} or rule.get("FREQ", "YEARLY") != "YEARLY"
    if odd:
        raise BadCalendar(f"file: “{name:.80}” repeats in a way other than each year")
    until = _day(rule["UNTIL"], name) if "UNTIL" in rule else date.max
    return _Event(name, first, lasts, "FREQ" in rule, until)


def _day(text: str, name: str) -> date:
    try:
        day = date.fromisoformat(text[:8])
    except ValueError:
        day = date.min
    if not 1900 <= day.year <= 2199:
        raise BadCalendar(f"file: “{name:.80}” has no date that can be read")
    return day


def _plain(text: str) -> str:
    said = ESCAPED.sub(lambda found: " " if found[1] in "nN" else found[1], text)
    return " ".join(said.split())[:120]


def _near(word: str, known: Mapping[str, object] | list[str]) -> str:
    near = get_close_matches(word.upper(), list(known), 1)
    return f', did you mean "{near[0]}"?' if near else ""
