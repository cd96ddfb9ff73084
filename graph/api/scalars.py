"""Days, instants and amounts as programs write them, each in one form.

An instant has its zone, and an amount no zeros at its end. Days lie within reach: what is farther
away than any contract is a slip of the hand, and a sum with it has no date.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
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


def _plain(amount: Decimal) -> str:
    """The one way to write a number: 1200.5 and never 1200.50 or 1.2005E+3."""
    return f"{amount.normalize():f}"


def _number(value: object) -> Decimal:
    try:
        found = Decimal(str(value)) if isinstance(value, str | int | float) else None
    except InvalidOperation:
        found = None
    if found is None or isinstance(value, bool) or not found.is_finite():
        raise GraphQLError(f"{value!r:.40} is not a number, as in 1200.50")
    return found


SCALARS: dict[object, Any] = {
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
    Decimal: strawberry.scalar(
        name="Decimal",
        description="An exact number as text, as in 1200.5.",
        serialize=_plain,
        parse_value=_number,
    ),
}
"""How the schema reads and writes them."""
