"""An iCalendar (RFC 5545) as the days that its events take.

What is not understood is not left out silently: an event that cannot be counted is named.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from intake.calendars.slots import BadCalendar
from intake.calendars.yearly import DAY, Yearly

MOST_CHARACTERS = 2_000_000
MOST_DAYS = MOST_EVENTS = 5_000
LONGEST = timedelta(days=92)
ESCAPED = re.compile(r"\\([\\,;nN])")
MOMENT = re.compile(r"(\d{8}(?:T\d{6})?)(Z)?", re.A)
DURATION = re.compile(
    r"\+?P(?:(\d{1,4})W)?(?:(\d{1,4})D)?(?:T(\d{1,4}H)?(\d{1,4}M)?(\d{1,4}S)?)?", re.A
)


class Line(NamedTuple):
    """What a property says: its parameters as they stand, and its value."""

    about: str
    value: str


def holidays(text: str, years: range, *, zone: str) -> dict[date, str]:
    """The days of those years that have events, with the event's name, as clocks in `zone` show.

    Events may last several days and repeat each year; those that were cancelled do not count.
    Raises BadCalendar, naming the event, for one that repeats otherwise.
    """
    if len(text) > MOST_CHARACTERS:
        raise BadCalendar(f"file: more than {MOST_CHARACTERS:,} characters")
    events = [_Event.of(lines, ZoneInfo(zone)) for lines in _events(text)]
    # An event that says which repetition it stands for takes that one's place.
    replaced = {(event.uid, event.instead_of) for event in events if event.instead_of}
    found: dict[date, str] = {}
    for event in events:
        for first in event.begins(years):
            if event.instead_of or (event.uid, first) not in replaced:
                found |= {first + number * DAY: event.name for number in range(event.days)}
        if len(found) > MOST_DAYS:
            raise BadCalendar(f"file: more than {MOST_DAYS:,} days")
    wanted = {day: name for day, name in sorted(found.items()) if day.year in years}
    if not wanted:
        raise BadCalendar(f"file: no event in {years.start} to {years.stop - 1}")
    return wanted


@dataclass(frozen=True, slots=True)
class _Event:
    name: str
    uid: str
    first: date
    days: int
    yearly: Yearly | None
    left_out: frozenset[date]
    instead_of: date | None
    cancelled: bool

    @classmethod
    def of(cls, lines: Mapping[str, list[Line]], zone: ZoneInfo) -> Self:
        """The event of these lines. Raises BadCalendar, naming it."""
        said = {name: found[0] for name, found in lines.items()}
        name = _plain(said["SUMMARY"].value if "SUMMARY" in said else "") or "Holiday"
        try:
            first, end = _span(said, zone)
            rule = said.get("RRULE")
            again = said.get("RECURRENCE-ID")
            if end - first > LONGEST:
                raise BadCalendar(f"lasts longer than {LONGEST.days} days")
            return cls(
                name,
                said["UID"].value if "UID" in said else "",
                first,
                (end - first).days,
                Yearly.of(rule.value, first, lambda text: _day(Line("", text), zone))
                if rule
                else None,
                frozenset(
                    _day(Line(line.about, value), zone)
                    for line in lines.get("EXDATE", ())
                    for value in line.value.split(",")
                ),
                _day(again, zone) if again else None,
                said.get("STATUS", Line("", "")).value.strip().upper() == "CANCELLED",
            )
        except BadCalendar as why:
            raise BadCalendar(f"file: “{name:.80}” {why}") from None

    def begins(self, years: range) -> Iterator[date]:
        """On which days it begins, so that some day of it may lie in those years."""
        if self.cancelled:
            return
        for day in self.yearly.days(years) if self.yearly else (self.first,):
            if day.year >= years.start - 1 and day not in self.left_out:
                yield day


def _events(text: str) -> Iterator[dict[str, list[Line]]]:
    """The lines of each event by the name of the property, without those of its alarms."""
    opened: list[str] = []
    lines: dict[str, list[Line]] = {}
    count = 0
    for line in _unfolded(text):
        about, _, value = line.partition(":")
        name, _, about = about.partition(";")
        name = name.strip().upper()
        if name == "BEGIN":
            opened.append(value.strip().upper())
            if opened[-1] == "VEVENT":
                lines = {}
        elif name == "END" and opened and opened[-1] == value.strip().upper():
            if opened.pop() == "VEVENT":
                count += 1
                if count > MOST_EVENTS:
                    raise BadCalendar(f"file: more than {MOST_EVENTS:,} events")
                yield lines
        elif not opened and line.strip():
            raise BadCalendar(f"file: this is no iCalendar; it says “{line.strip():.40}”")
        elif opened and opened[-1] == "VEVENT":
            lines.setdefault(name, []).append(Line(about, value))
    if opened:
        raise BadCalendar(f"file: it breaks off before END:{opened[0]:.20}")


def _unfolded(text: str) -> Iterator[str]:
    """Content lines: one that begins with a space goes on with the one before (RFC 5545, 3.1)."""
    parts: list[str] = []
    for part in text.lstrip("\ufeff").splitlines():
        if part[:1] not in (" ", "\t"):
            yield "".join(parts)
            parts = []
            parts.append(part)
        else:
            parts.append(part[1:])
    yield "".join(parts)


def _span(said: Mapping[str, Line], zone: ZoneInfo) -> tuple[date, date]:
    """The day on which it begins, and the one after its last."""
    begins = _moment(said.get("DTSTART", Line("", "")))
    if "DTEND" in said:
        ends = _moment(said["DTEND"])
    elif "DURATION" in said:
        ends = begins + _duration(said["DURATION"].value)
    else:
        ends = begins
    first = _shown(begins, zone)
    # What ends at a time of day takes that day, unless that time is its midnight.
    last = _shown(ends, zone) if ends == begins else _shown(ends - timedelta(seconds=1), zone)
    return first, max(first, last) + DAY


def _day(line: Line, zone: ZoneInfo) -> date:
    return _shown(_moment(line), zone)


def _moment(line: Line) -> datetime:
    """The moment; without a zone when it is a wall time or a day, wherever one is."""
    found = MOMENT.fullmatch(line.value.strip())
    try:
        moment = datetime.fromisoformat(found[1]) if found else None
    except ValueError:
        moment = None
    if found is None or moment is None or not 1900 <= moment.year <= 2199:
        raise BadCalendar("has no date that can be read")
    if found[2]:
        return moment.replace(tzinfo=UTC)
    named = re.search(r"(?:^|;)TZID=\"?([^;\"]+)", line.about, re.I)
    try:
        return moment.replace(tzinfo=ZoneInfo(named[1])) if named else moment
    except (ZoneInfoNotFoundError, ValueError, OSError):  # a name of the sender's own
        return moment


def _shown(moment: datetime, zone: ZoneInfo) -> date:
    """The day that clocks in the zone show then."""
    return (moment.astimezone(zone) if moment.tzinfo else moment).date()


def _duration(text: str) -> timedelta:
    found = DURATION.fullmatch(text.strip().upper())
    if found is None:
        raise BadCalendar("has no duration that can be read")
    weeks, days, hours, minutes, seconds = (
        int(part.rstrip("HMS")) if part else 0 for part in found.groups()
    )
    return timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=seconds)


def _plain(text: str) -> str:
    said = ESCAPED.sub(lambda found: " " if found[1] in "nN" else found[1], text)
    return " ".join(said.split())[:120]
