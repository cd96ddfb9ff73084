"""Times, sizes and names in the words of a page."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from intake.customers import ContactPoint, points

CHANNELS = {
    "email": "Email",
    "phone": "Phone",
    "letter": "Letter",
    "web": "Web form",
    "chat": "Chat",
    "slack": "Slack",
    "facebook": "Facebook",
    "twitter": "Twitter",
    "iot": "IoT",
}
HUES = 6
# Only what begins as a web address becomes a link, so no other scheme ever does.
_ADDRESS = re.compile(r"https?://[^\s<>\"'`{}|\\^\u2028\u2029]{1,1000}", re.I)
_TRAILING = ".,;:!?)]*_»”’"


@dataclass(frozen=True, slots=True)
class Times:
    """Instants in words, as seen at one moment in one zone."""

    at: datetime
    zone: ZoneInfo

    def exact(self, instant: datetime) -> str:
        """Such as "Mon 2 Mar 2026, 13:05 CET"."""
        local = instant.astimezone(self.zone)
        return f"{local:%a} {local.day} {local:%b %Y, %H:%M %Z}"

    def short(self, instant: datetime) -> str:
        """The time alone today, the day as well before or after, the year when it differs."""
        local, now = instant.astimezone(self.zone), self.at.astimezone(self.zone)
        if local.date() == now.date():
            return f"{local:%H:%M}"
        if local.year == now.year:
            return f"{local.day} {local:%b, %H:%M}"
        return f"{local.day} {local:%b %Y}"

    def day(self, instant: datetime) -> str:
        """Such as "Today", "Yesterday" or "Mon 2 March"."""
        local, now = instant.astimezone(self.zone), self.at.astimezone(self.zone)
        days = (local.date() - now.date()).days
        if near := {0: "Today", 1: "Tomorrow", -1: "Yesterday"}.get(days):
            return near
        words = f"{local:%a} {local.day} {local:%B}"
        return words if local.year == now.year else f"{words} {local.year}"

    def date(self, instant: datetime) -> str:
        """The day of it here, such as "2 Mar 2026"."""
        return on(instant.astimezone(self.zone).date())

    def ago(self, instant: datetime) -> str:
        """Such as "12 min ago"; "just now" within a minute, also of a clock that is ahead."""
        passed = self.at - instant
        return "just now" if passed < timedelta(minutes=1) else f"{span(passed)} ago"


def span(length: timedelta) -> str:
    """A length of time in its two largest units: "3 d 4 h", "2 h 5 min", "under a minute"."""
    minutes = int(abs(length).total_seconds() // 60)
    if minutes < 1:
        return "under a minute"
    days, rest = divmod(minutes, 24 * 60)
    hours, minutes = divmod(rest, 60)
    if days:
        return f"{days} d {hours} h" if hours and days < 10 else f"{days} d"
    if hours:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    return f"{minutes} min"


def on(day: date) -> str:
    """A day such as "2 Mar 2026"."""
    return f"{day.day} {day:%b %Y}"


def size(size_bytes: int) -> str:
    """Such as "812 bytes", "24 KB", "3.1 MB"."""
    if size_bytes < 1000:
        return f"{size_bytes} bytes"
    if size_bytes < 1_000_000:
        return f"{size_bytes / 1000:.0f} KB"
    return f"{size_bytes / 1_000_000:.1f} MB"


def channel(name: str) -> str:
    """A channel as people call it."""
    return CHANNELS.get(name, name.capitalize())


def reached(point: ContactPoint, region: str) -> str:
    """A way to reach somebody as people of that country (ISO 3166) read it."""
    return points.shown(point.kind, point.value, region=region)


def twice(word: str) -> tuple[str, str]:
    """A choice that is called what it is."""
    return word, word


def capital(said: object) -> str:
    """The words with a capital at their beginning, the rest as it is written."""
    text = str(said)
    return text[:1].upper() + text[1:]


def initials(name: str) -> str:
    """At most two letters that stand for a name."""
    words = [word for word in re.split(r"[\s.@_-]+", name[:80]) if word[:1].isalnum()]
    letters = [word[0] for word in (words[:1] + words[-1:] if len(words) > 1 else words)]
    return "".join(letters).upper() or "?"


def hue(name: str) -> int:
    """The same one of a few colours for the same name, each time and on each machine."""
    return sum(name.encode("utf-8", "replace")) % HUES


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of text; a link when it is a web address, and then it shows what it links to."""

    text: str
    link: bool = False


def pieces(text: str) -> list[Piece]:
    """`text` cut into plain stretches and web addresses; joined again it is the same text."""
    found: list[Piece] = []
    at = 0
    for match in _ADDRESS.finditer(text):
        address = match[0].rstrip(_TRAILING)
        if "@" in address.partition("//")[2].partition("/")[0]:
            continue  # https://ours@evil.example names us and leads to them
        found.append(Piece(text[at : match.start()]))
        found.append(Piece(address, link=True))
        at = match.start() + len(address)
    found.append(Piece(text[at:]))
    return [piece for piece in found if piece.text]
