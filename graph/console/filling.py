"""Forms of many fields: typed text becomes values, and what is wrong is said at its field.

A mistake names its field, whether the typing was wrong or a rule of the desk said no, and what
was typed stays in the form.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Protocol, TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo

from intake.errors import IntakeError
from intake.nouns import noun

T = TypeVar("T")
E = TypeVar("E", bound=StrEnum)
_NAMED = re.compile(r"([a-z][a-z0-9_.]*): (.+)", re.S)
LARGEST = 10_000_000


class Misfilled(IntakeError):
    """Fields of a form that cannot be meant; `wrong` says of each why."""

    code = "misfilled"

    def __init__(self, wrong: Mapping[str, str]) -> None:
        super().__init__("; ".join(f"{name}: {words}" for name, words in wrong.items()))
        self.wrong = dict(wrong)


@dataclass(frozen=True, slots=True)
class Filled:
    """What a form shows: the values in it, and what is wrong with which."""

    values: Mapping[str, str]
    wrong: Mapping[str, str] = field(default_factory=dict)
    reason: str = ""
    """What is wrong with no field in particular."""


class Named(Protocol):
    """Something that can be chosen by its name."""

    @property
    def id(self) -> UUID: ...
    @property
    def name(self) -> str: ...


def choices(rows: Iterable[Named], nothing: str | None = None) -> list[tuple[str, str]]:
    """What can be chosen, each id with its name; before them, what choosing nothing is called."""
    first = [] if nothing is None else [("", nothing)]
    return [*first, *((str(row.id), row.name) for row in rows)]


def again(form: Mapping[str, str], error: IntakeError, names: Iterable[str]) -> Filled:
    """The form as it was typed, with the error at its field where one of `names` is its own."""
    if isinstance(error, Misfilled):
        return Filled(form, error.wrong)
    found = _NAMED.fullmatch(str(error))
    if found and found[1] in names:
        return Filled(form, {found[1]: found[2]})
    return Filled(form, reason=str(error))


class Reader:
    """Reads fields one by one and gathers what is wrong, so that all of it is told at once."""

    def __init__(self, form: Mapping[str, str]) -> None:
        self._form = form
        self.wrong: dict[str, str] = {}

    def finish(self) -> None:
        """Raises Misfilled if anything read so far was wrong."""
        if self.wrong:
            raise Misfilled(self.wrong)

    def text(self, name: str, *, longest: int = 200, needed: bool = False) -> str:
        """Words."""
        typed = self._form.get(name, "").strip()
        if needed and not typed:
            self.wrong[name] = "fill this in"
        if len(typed) > longest:
            self.wrong[name] = f"at most {longest} characters"
        return typed

    def lines(self, name: str) -> list[str]:
        """What was typed line by line, without empty lines."""
        return [line.strip() for line in self._form.get(name, "").split("\n") if line.strip()]

    def day(self, name: str) -> date:
        """A day that must be there."""
        return self._read(name, date.fromisoformat, "write a day as 2026-12-31", date.min)

    def day_or_none(self, name: str) -> date | None:
        """A day, or None when nothing was typed."""
        return self.day(name) if self._form.get(name, "").strip() else None

    def instant_or_none(self, name: str, zone: ZoneInfo) -> datetime | None:
        """A time of the wall clock there, or None when nothing was typed."""
        if not self._form.get(name, "").strip():
            return None
        instant = self._read(name, datetime.fromisoformat, "write a time as 2026-12-31T14:00", None)
        return instant if instant is None or instant.tzinfo else instant.replace(tzinfo=zone)

    def whole(self, name: str, default: int) -> int:
        """A whole number; `default` when nothing was typed."""
        if not self._form.get(name, "").strip():
            return default
        return self._read(name, _whole, "write a whole number, such as 12", default)

    def whole_or_none(self, name: str) -> int | None:
        """A whole number, or None when nothing was typed."""
        return self.whole(name, 0) if self._form.get(name, "").strip() else None

    def numbers(self, name: str) -> list[int]:
        """Whole numbers with commas between them."""
        typed = [part for part in re.split(r"[,;\s]+", self._form.get(name, "")) if part]
        words = "write whole numbers with commas, such as 20, 0"
        return self._read(name, lambda _: [_whole(part) for part in typed[:20]], words, [])

    def words(self, name: str) -> list[str]:
        """Words with commas between them, each once."""
        typed = re.split(r"[,;\s]+", self._form.get(name, ""))
        return list(dict.fromkeys(part for part in typed if part))[:200]

    def amount(self, name: str) -> Decimal:
        """A sum of money; 0 when nothing was typed."""
        if not self._form.get(name, "").strip():
            return Decimal()
        return self._read(name, _decimal, "write a sum, such as 1200.50", Decimal())

    def amount_or_none(self, name: str) -> Decimal | None:
        """A sum of money, or None when nothing was typed."""
        return self.amount(name) if self._form.get(name, "").strip() else None

    def units(self, name: str, *, hours: bool) -> int:
        """Cases as a whole number, or hours as minutes."""
        if not hours:
            return self._read(name, _whole, f"write a whole number of {noun.many}", 0)
        return self._read(name, _minutes, "write hours, such as 1.5", 0)

    def one_of(self, name: str, words: type[E], default: E) -> E:
        """One of a few words; `default` when nothing was chosen."""
        if not self._form.get(name, ""):
            return default
        return self._read(name, words, "choose one of these", default)

    def id(self, name: str) -> UUID | None:
        """The id of a record that was chosen, or None."""
        if not self._form.get(name, ""):
            return None
        return self._read(name, UUID, "choose one of these", None)

    def _read(self, name: str, read: Callable[[str], T], words: str, otherwise: T) -> T:
        try:
            return read(self._form.get(name, "").strip())
        except (ValueError, InvalidOperation):
            self.wrong[name] = words
            return otherwise


def _whole(typed: str) -> int:
    if not re.fullmatch(r"-?[0-9]{1,9}", typed) or abs(int(typed)) > LARGEST:
        raise ValueError(typed)
    return int(typed)


def _decimal(typed: str) -> Decimal:
    if not re.fullmatch(r"-?[0-9]{1,12}([.,][0-9]{1,6})?", typed):
        raise ValueError(typed)
    return Decimal(typed.replace(",", "."))


def _minutes(typed: str) -> int:
    minutes = _decimal(typed) * 60
    if minutes != minutes.to_integral_value() or abs(minutes) > LARGEST:
        raise ValueError(typed)
    return int(minutes)
