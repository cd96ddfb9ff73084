"""Spans of time as conditions say them: "7 days", "4 hours". Days are of 24 hours."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta

LONGEST_DAYS = 3_660
UNITS = {
    "minute": timedelta(minutes=1),
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
    "week": timedelta(weeks=1),
}
_SPAN = re.compile(r"\s*([0-9]{1,7})\s*(minute|hour|day|week)s?\s*", re.I)


@dataclass(frozen=True, slots=True)
class Span:
    """So much time, in the unit in which somebody said it."""

    amount: int
    unit: str

    @classmethod
    def read(cls, text: str) -> Span | None:
        """The span, or None for what is none: nothing, more than ten years, no unit."""
        found = _SPAN.fullmatch(text)
        if found is None:
            return None
        span = cls(int(found[1]), found[2].lower())
        return span if timedelta(0) < span.length <= timedelta(days=LONGEST_DAYS) else None

    @property
    def length(self) -> timedelta:
        """How long it is."""
        return self.amount * UNITS[self.unit]

    def __str__(self) -> str:
        return f"{self.amount} {self.unit}{'' if self.amount == 1 else 's'}"
