"""Cells that a spreadsheet would run as a formula, made text, and made themselves again.

A stranger's subject or name may begin with = and call out of the sheet that opens the export. An
apostrophe before it makes it text (OWASP, CSV injection). A cell that has one already gets a
second, so that reading back gives exactly what was written.
"""

from __future__ import annotations

import re

# Where a formula may begin: at the start, or where a naive reader would start a new cell. Full
# width signs count, as East Asian versions read them as the plain ones.
FORMULA = re.compile(r"(?:^|[\r\n;,\t])[\s\"']*[=+\-@＝＋－＠]|^[\t\r]")
# What is only a number or a telephone number runs nothing and stays readable.
NUMBER = re.compile(r"[+-]?\d+(?:[.,]\d+)?")
MARK = "'"


def shielded(cell: str) -> str:
    """The cell as it may stand in an export."""
    return MARK + cell if cell.startswith(MARK) or _runs(cell) else cell


def unshielded(cell: str) -> str:
    """What `shielded` was given; a cell that it did not mark is left alone."""
    rest = cell.removeprefix(MARK)
    marked = rest != cell and (rest.startswith(MARK) or _runs(rest))
    return rest if marked else cell


def _runs(cell: str) -> bool:
    return NUMBER.fullmatch(cell) is None and FORMULA.search(cell) is not None
