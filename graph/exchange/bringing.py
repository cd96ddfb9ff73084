"""Bringing a table in: read it whole before anything is locked, then write it in one transaction.

Rows pass through in batches, so a file of any length needs the memory of one batch and of the
keys that must not repeat.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy.orm import Session

from graph.exchange.columns import Column, Problem, values
from graph.exchange.files import Line, Table, understand
from graph.exchange.shield import shielded
from intake import events
from intake.agents import OPERATOR
from intake.db import Database
from intake.desk import Desk

TOGETHER = 500
TOLD = 20


class Fate(StrEnum):
    """What became, or would become, of a row."""

    MADE = "made"
    CHANGED = "changed"
    SAME = "same"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Row:
    """A row whose every cell could be read."""

    number: int
    values: dict[str, Any]

    def __getitem__(self, name: str) -> Any:
        return self.values[name]


@dataclass(slots=True)
class Into:
    """Where rows go: the session and what the rules want to know."""

    session: Session
    desk: Desk
    region: str
    at: datetime
    seen: dict[object, int] = field(default_factory=dict)
    """Which row named a thing first, for as long as the file is read."""
    doubts: list[Problem] = field(default_factory=list)
    """What seems doubtful in rows that are right."""

    def repeated(self, row: Row, key: object, name: str) -> Problem | None:
        """The problem of a row that names what another row named, if it does."""
        first = self.seen.setdefault(key, row.number)
        if first == row.number:
            return None
        return Problem(row.number, name, f"row {first} has it already")


Outcome = Fate | Problem


class Sheet(Protocol):
    """A kind of table: its columns, how rows become records, and records rows."""

    name: str
    columns: tuple[Column, ...]

    def bring(self, rows: list[Row], into: Into) -> list[Outcome]:
        """Write these rows, each wholly or not at all; one answer for each."""
        ...

    def export(self, session: Session, *, region: str) -> Iterator[dict[str, str]]:
        """Every record as the cells of a row."""
        ...

    def together(self, row: Row) -> object:
        """What rows that must be written together share; they follow one another in the file."""
        ...


@dataclass(slots=True)
class Account:
    """What became of every row of a file. `written` says whether the database changed."""

    table: Table
    rows: int = 0
    fates: Counter[Fate] = field(default_factory=Counter)
    first: list[Problem] = field(default_factory=list)
    """The first problems; all of them are in the error file."""
    written: bool = False
    doubtful: int = 0
    first_doubts: list[Problem] = field(default_factory=list)

    def doubt(self, problems: list[Problem]) -> None:
        """Count what seems doubtful and was, or would be, written nevertheless."""
        self.doubtful += len(problems)
        self.first_doubts += problems[: TOLD - len(self.first_doubts)]

    def wrong(self, problems: Iterable[Problem]) -> None:
        """Count a row that cannot be brought in."""
        self.fates[Fate.WRONG] += 1
        self.first += list(problems)[: TOLD - len(self.first)]


class Errors:
    """The rows that cannot be brought in as a file, each with why; made when there is one."""

    def __init__(self, path: Path | None, table: Table) -> None:
        self._path, self._columns = path, [name for name in table.columns if name]
        self._file: Any = None

    def add(self, line: Line, problems: list[Problem]) -> None:
        """Write down one row and all that is wrong with it."""
        if self._path is None:
            return
        if self._file is None:
            # With a mark of its encoding, as Excel needs one.
            self._file = open(self._path, "w", encoding="utf-8-sig", newline="")  # noqa: SIM115
            csv.writer(self._file).writerow(["_row", "_problem", *self._columns])
        words = "; ".join(f"{p.field}: {p.words}" if p.field else p.words for p in problems)
        cells = [str(line.number), words, *(line.cells.get(n, "") for n in self._columns)]
        csv.writer(self._file).writerow([shielded(cell) for cell in cells])

    def close(self) -> None:
        """Have everything on disk."""
        if self._file is not None:
            self._file.close()


def bring_in(
    db: Database,
    desk: Desk,
    sheet: Sheet,
    path: Path,
    *,
    region: str,
    at: datetime,
    preview: bool = False,
    partial: bool = False,
    errors: Path | None = None,
    encoding: str = "",
    progress: Callable[[str, int], None] = lambda _what, _rows: None,
) -> Account:
    """Write the rows of a file, or none: see `partial` and `preview`. Raises Unreadable.

    `partial` leaves wrong rows out; `preview` writes nothing at all. While rows are written,
    the embedded database has no turn for anybody else.
    """
    known = [column.name for column in sheet.columns]
    table = understand(path, known, encoding=encoding)
    account = _read_through(sheet, table, progress)
    if account.fates[Fate.WRONG] and not partial:
        _tell_unreadable(sheet, table, account, errors)
        return account
    written = Account(table)
    failing = Errors(errors, table)
    try:
        with db.transaction() as session:
            into = Into(session, desk, region, at)
            _write(sheet, table, into, written, failing, progress)
            if preview or (written.fates[Fate.WRONG] and not partial):
                session.rollback()
                return written
            counts: dict[str, Any] = {fate.value: count for fate, count in written.fates.items()}
            events.record(session, f"imported.{sheet.name}", at=at, actor=OPERATOR, **counts)
        written.written = True
        return written
    finally:
        failing.close()


def _read_through(sheet: Sheet, table: Table, progress: Callable[[str, int], None]) -> Account:
    """Read every cell and write nothing, so that a broken file never locks the database."""
    account = Account(table)
    for line in table.lines():
        account.rows += 1
        _row, problems = _row_of(sheet, line)
        if problems:
            account.wrong(problems)
        if account.rows % TOGETHER == 0:
            progress("reading", account.rows)
    return account


def _tell_unreadable(sheet: Sheet, table: Table, account: Account, errors: Path | None) -> None:
    if errors is None:
        return
    failing = Errors(errors, table)
    for line in table.lines():
        _row, problems = _row_of(sheet, line)
        if problems:
            failing.add(line, problems)
    failing.close()


def _row_of(sheet: Sheet, line: Line) -> tuple[Row, list[Problem]]:
    if line.broken:
        return Row(line.number, {}), [Problem(line.number, "", line.broken)]
    found, problems = values(sheet.columns, line.number, line.cells)
    return Row(line.number, found), problems


def _write(
    sheet: Sheet,
    table: Table,
    into: Into,
    account: Account,
    failing: Errors,
    progress: Callable[[str, int], None],
) -> None:
    for batch in _batches(sheet, table):
        outcomes = _outcomes(sheet, batch, into)
        for (line, _row, _problems), outcome in zip(batch, outcomes, strict=True):
            account.rows += 1
            if isinstance(outcome, Fate):
                account.fates[outcome] += 1
            else:
                account.wrong(outcome)
                failing.add(line, outcome)
        account.doubt(into.doubts)
        into.doubts.clear()
        into.session.flush()
        into.session.expunge_all()
        progress("writing", account.rows)


Read = tuple[Line, Row, list[Problem]]


def _outcomes(sheet: Sheet, batch: list[Read], into: Into) -> list[Fate | list[Problem]]:
    broken = {_group(sheet, row): row.number for _line, row, problems in batch if problems}
    sound = [row for _line, row, problems in batch if not problems]
    sound = [row for row in sound if _group(sheet, row) not in broken]
    answers = dict(zip((r.number for r in sound), sheet.bring(sound, into), strict=True))
    outcomes: list[Fate | list[Problem]] = []
    for _line, row, problems in batch:
        answer = answers.get(row.number)
        if problems:
            outcomes.append(problems)
        elif answer is None:
            other = broken[_group(sheet, row)]
            outcomes.append([Problem(row.number, "", f"row {other}, of the same, is wrong")])
        else:
            outcomes.append([answer] if isinstance(answer, Problem) else answer)
    return outcomes


def _group(sheet: Sheet, row: Row) -> object:
    return sheet.together(row) if row.values else row.number


def _batches(sheet: Sheet, table: Table) -> Iterator[list[Read]]:
    """Rows in batches that never part what belongs together."""
    lines = iter(table.lines())
    batch: list[Read] = []
    for line in lines:
        row, problems = _row_of(sheet, line)
        if len(batch) >= TOGETHER and _group(sheet, row) != _group(sheet, batch[-1][1]):
            yield batch
            batch = []
        batch.append((line, row, problems))
    if batch:
        yield batch
