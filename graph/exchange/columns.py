"""Columns: how a cell becomes a value, and a value a cell; a cell that cannot be meant says so."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any

from intake.errors import IntakeError

LIST = "|"
YES = {"yes", "true", "1", "y", "x"}
NO = {"no", "false", "0", "n"}


class WrongCell(ValueError):
    """A cell that cannot be read as its column wants it."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a sheet. An empty cell is `default`, or wrong in a `required` column."""

    name: str
    read: Callable[[str], Any] = str
    required: bool = False
    default: Any = ""
    shown_only: bool = False
    """Written by an export and ignored by an import."""


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with one row, and in which column."""

    row: int
    field: str
    words: str

    def __str__(self) -> str:
        return f"row {self.row}: {self.field}: {self.words}" if self.field else self._bare()

    def _bare(self) -> str:
        return f"row {self.row}: {self.words}"


def values(
    columns: tuple[Column, ...], number: int, cells: Mapping[str, str]
) -> tuple[dict[str, Any], list[Problem]]:
    """The values of a row's cells, and the problems of those that have none."""
    found: dict[str, Any] = {}
    problems = []
    for column in columns:
        if column.shown_only:
            continue
        cell = cells.get(column.name, "")
        if not cell:
            found[column.name] = column.default
            if column.required:
                problems.append(Problem(number, column.name, "is empty"))
            continue
        try:
            found[column.name] = column.read(cell)
        except WrongCell as error:
            problems.append(Problem(number, column.name, str(error)))
        except IntakeError as error:
            problems.append(of_error(number, error, column.name))
    return found, problems


def of_error(row: int, error: IntakeError, field: str = "") -> Problem:
    """A broken rule as a problem of a row; its text begins with the field, where it knows one."""
    name, colon, words = str(error).partition(": ")
    known = colon and name.replace("_", "").isalpha() and name.islower()
    return Problem(row, name, words) if known else Problem(row, field, str(error))


def day(cell: str) -> date:
    """A date as 2026-12-31."""
    try:
        return date.fromisoformat(cell)
    except ValueError:
        raise WrongCell(f"{cell!r} is no date; write 2026-12-31") from None


def whole(cell: str) -> int:
    """A whole number."""
    try:
        return int(cell)
    except ValueError:
        raise WrongCell(f"{cell!r} is no whole number") from None


def decimal(cell: str) -> Decimal:
    """A number as 1200.50; a comma may stand for the point, but not for thousands."""
    text = cell.replace(",", ".") if "." not in cell and cell.count(",") == 1 else cell
    try:
        found = Decimal(text)
    except InvalidOperation:
        raise WrongCell(f"{cell!r} is no number; write 1200.50") from None
    if not found.is_finite():
        raise WrongCell(f"{cell!r} is no number; write 1200.50")
    return found


def yes_no(cell: str) -> bool:
    """yes or no."""
    word = cell.lower()
    if word not in YES | NO:
        raise WrongCell(f"{cell!r}; write yes or no")
    return word in YES


def one_of(words: type[StrEnum]) -> Callable[[str], Any]:
    """One of the words of a state or kind."""

    def read(cell: str) -> StrEnum:
        try:
            return words(cell.lower())
        except ValueError:
            listed = ", ".join(word.value for word in words)
            raise WrongCell(f"{cell!r} is none of: {listed}") from None

    return read


def several(cell: str) -> tuple[str, ...]:
    """Several values, parted by |."""
    return tuple(part.strip() for part in cell.split(LIST) if part.strip())


def counts(cell: str) -> dict[str, Decimal]:
    """Several numbers by name: email=50|phone=12.5."""
    found = {}
    for part in several(cell):
        name, _, number = part.partition("=")
        found[name.strip().lower()] = decimal(number.strip())
    return found


def joined(parts: Any) -> str:
    """Several values as one cell, which `several` reads again."""
    return LIST.join(parts)
