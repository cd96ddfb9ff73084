"""Days and instants as programs give them: an instant with its zone, and both within reach.

What lies farther away than any contract is a slip of the hand, and a sum with it has no date.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from operator import methodcaller
from typing import Any, TypeVar

import strawberry
from graphql import GraphQLError

YEARS = range(1900, 3000)
T = TypeVar("T", bound=date)


def _instant(text: str) -> datetime:
    given = datetime.fromisoformat(text)
    if given.tzinfo is None:
        raise ValueError("it has no zone")
    return given.astimezone(UTC)


def _reader(read: Callable[[str], T], what: str) -> Callable[[object], T]:
    def parse(value: object) -> T:
        try:
            found = read(value) if isinstance(value, str) else None
        except (ValueError, OverflowError):
            found = None
        if found is None or found.year not in YEARS:
            raise GraphQLError(f"{value!r:.40} is not {what}, from {YEARS[0]} to {YEARS[-1]}")
        return found

    return parse


MOMENTS: dict[object, Any] = {
    datetime: strawberry.scalar(
        name="DateTime",
        description="An instant with its zone (ISO 8601), as in 2026-05-01T12:00:00Z.",
        serialize=methodcaller("isoformat"),
        parse_value=_reader(_instant, "an instant with its zone, as in 2026-05-01T12:00:00Z"),
    ),
    date: strawberry.scalar(
        name="Date",
        description="A day (ISO 8601), as in 2026-05-01.",
        serialize=methodcaller("isoformat"),
        parse_value=_reader(date.fromisoformat, "a day, as in 2026-05-01"),
    ),
}
"""How the schema reads and writes them."""
