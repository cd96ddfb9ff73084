"""CSV files as programs and people really write them: their encoding, separator and rows."""

from __future__ import annotations

import codecs
import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from graph.exchange.shield import shielded, unshielded
from intake.errors import IntakeError

SEPARATORS = ",;\t|"
BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
CHUNK = 1 << 20
LONGEST_CELL = 100_000
csv.field_size_limit(LONGEST_CELL)
# Columns that an error file adds; reading skips them, so that it can be mended and brought in.
NOTE = "_"


class Unreadable(IntakeError):
    """A file that is no CSV table of the kind asked for; the text says what is wrong."""

    code = "csv-unreadable"


@dataclass(frozen=True, slots=True)
class Line:
    """One row of a file. `number` counts as a spreadsheet does: the header is row 1."""

    number: int
    cells: Mapping[str, str]
    broken: str = ""
    """Why it is no row of this table, or ''."""


@dataclass(frozen=True, slots=True)
class Table:
    """A file understood: how it is encoded and parted, and which columns it has."""

    path: Path
    encoding: str
    separator: str
    columns: tuple[str, ...]
    skipped: int
    """How many lines stand before the header."""

    def lines(self) -> Iterator[Line]:
        """Its rows, one at a time; empty ones are passed over."""
        with open(self.path, encoding=self.encoding, newline="") as file:
            for _ in range(self.skipped):
                file.readline()
            reader = csv.reader(file, delimiter=self.separator, strict=True)
            number = 0
            while True:
                number += 1
                try:
                    cells = next(reader)
                except StopIteration:
                    return
                except csv.Error as error:
                    yield Line(number, {}, broken=_in_words(error))
                    if "end of data" in str(error):
                        return
                    continue
                if number > 1 and any(cell.strip() for cell in cells):
                    yield self._line(number, cells)

    def _line(self, number: int, cells: Sequence[str]) -> Line:
        if len(cells) > len(self.columns) and any(cells[len(self.columns) :]):
            words = f"{len(cells)} cells, but the header names {len(self.columns)} columns"
            return Line(number, {}, broken=words)
        named = zip(self.columns, cells, strict=False)
        kept = {name: unshielded(cell).strip() for name, cell in named}
        return Line(number, {name: cell for name, cell in kept.items() if name})


def understand(path: Path, known: Iterable[str], *, encoding: str = "") -> Table:
    """How to read a file, from its bytes and its header. Raises Unreadable."""
    encoding = encoding or _encoding(path)
    wanted = set(known)
    with open(path, encoding=encoding, newline="") as file:
        first = file.readline()
        skipped = 1 if first.lower().startswith("sep=") else 0
        header = file.readline() if skipped else first
    if not header.strip():
        raise Unreadable(f"{path.name} has no header: the first row names the columns")
    separator = max(SEPARATORS, key=lambda s: (len(wanted & set(_names(header, s))), -ord(s)))
    columns = _names(header, separator)
    _check(columns, wanted)
    shown = tuple("" if name.startswith(NOTE) else name for name in columns)
    return Table(path, encoding, separator, shown, skipped)


def write(file: IO[str], columns: Sequence[str], rows: Iterable[Mapping[str, str]]) -> int:
    """Write rows that a spreadsheet can open without running them; how many they were."""
    writer = csv.writer(file, lineterminator="\r\n")
    writer.writerow(columns)
    count = 0
    for row in rows:
        writer.writerow([shielded(row.get(name, "")) for name in columns])
        count += 1
    return count


def _encoding(path: Path) -> str:
    with open(path, "rb") as file:
        start = file.read(4)
    for mark, name in BOMS:
        if start.startswith(mark):
            return name
    # Old spreadsheets of western Europe; what UTF-8 cannot be is nearly always this.
    for name in ("utf-8", "cp1252"):
        if _decodes(path, name):
            return name
    raise Unreadable(f"{path.name} is neither UTF-8 nor Windows text; name its encoding")


def _decodes(path: Path, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        with open(path, "rb") as file:
            while chunk := file.read(CHUNK):
                decoder.decode(chunk)
            decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _names(header: str, separator: str) -> tuple[str, ...]:
    try:
        [cells] = csv.reader([header], delimiter=separator)
    except (csv.Error, ValueError):
        return ()
    return tuple(cell.strip().lower().replace(" ", "_") for cell in cells)


def _check(columns: Sequence[str], known: set[str]) -> None:
    named = [name for name in columns if name and not name.startswith(NOTE)]
    strange = [name for name in named if name not in known]
    if strange:
        listed = ", ".join(sorted(known))
        raise Unreadable(f"there is no column {strange[0]!r}; there are: {listed}")
    for name in named:
        if columns.count(name) > 1:
            raise Unreadable(f"the column {name!r} is there twice")


def _in_words(error: csv.Error) -> str:
    if "end of data" in str(error):
        return "a quotation mark is opened and never closed"
    if "field larger" in str(error):
        return f"a cell has more than {LONGEST_CELL:,} characters"
    return str(error)
