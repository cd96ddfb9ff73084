"""Times to choose from when something is for later, on the desk's wall clock."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from graph.console.words import Times
from intake.errors import IntakeError

MORNING = time(9)


class NotATime(IntakeError):
    """No time was chosen, or it cannot be read."""

    code = "unclear"


@dataclass(frozen=True, slots=True)
class Later:
    """One time to choose: its value in a form, and what it is called."""

    value: str
    name: str
    words: str


def choices(times: Times) -> tuple[Later, ...]:
    """The times most things are put off to, as seen now."""
    local = times.at.astimezone(times.zone).replace(second=0, microsecond=0)
    tomorrow, monday = _morning(local, 1), _morning(local, 7 - local.weekday())
    named = [
        ("In an hour", local + timedelta(hours=1)),
        ("In four hours", local + timedelta(hours=4)),
    ]
    named += [("Tomorrow morning", tomorrow)] if tomorrow != monday else []
    named.append(("On Monday", monday))
    return tuple(
        Later(instant.isoformat(), name, f"{instant:%a} {instant.day} {instant:%b, %H:%M}")
        for name, instant in named
    )


def read(chosen: str, typed: str, zone: ZoneInfo) -> datetime:
    """The instant that was chosen, or typed as a time of the wall clock. Raises NotATime."""
    try:
        instant = datetime.fromisoformat(typed if chosen == "at" else chosen)
    except ValueError as error:
        raise NotATime("choose a time first") from error
    return instant if instant.tzinfo else instant.replace(tzinfo=zone)


def _morning(local: datetime, days: int) -> datetime:
    return datetime.combine(local.date() + timedelta(days=days), MORNING, local.tzinfo)
