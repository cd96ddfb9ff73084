"""What the writer wrote this time: the text without the history that is quoted below it.

A line scanner that knows no language. History begins at a divider: a rule of underscores, "-----
Original Message -----" in any tongue, a block of `Label: value` lines with an address among them,
or a line that attributes (an address or a date, a clock time, a colon at the end) with quoted
lines after it. Lines behind ">" are history wherever they stand. One pass; when nothing would be
left, everything is.
"""

from __future__ import annotations

import re

ATTRIBUTION_LINES = 4

_QUOTED = re.compile(r"[ \t]{0,3}>")
_RULE = re.compile(r"\s{0,3}_{20,}\s{0,3}")
_TITLE = re.compile(r"\s{0,3}[-=_*]{3,}\s?([^\W\d_][^-=_*]{2,60}?)\s?[-=_*]{3,}\s{0,3}:?")
_LABEL = re.compile(r"[ \t>*]{0,4}([^\W\d_][^:<>@\d/]{0,24})[  ]?[:：]\*?[ \t ]+\S")
_ADDRESS = re.compile(r"[\w.+-]@[\w-]++\.\w")
_CLOCK = re.compile(r"\d{1,2}\s?[:.hH時时시]\s?\d{2}")
_YEAR = re.compile(r"(?:19|20)\d\d|\d{1,2}[./-]\d{1,2}[./-]\d{2}")
_COLON = (":", "：", ":*", ":_", ": -")


def new_text(text: str) -> str:
    """`text` without quoted history; all of it when nothing else would be left."""
    lines = text.split("\n")
    kept: list[str] = []
    for at, line in enumerate(lines):
        if _QUOTED.match(line):
            continue
        if _divides(lines, at):
            break
        if (length := _attribution(lines, at)) > 0:
            if not _answers_follow(lines, at + length):
                break
            continue
        kept.append(line)
    return "\n".join(kept).strip() or text.strip()


def _divides(lines: list[str], at: int) -> bool:
    """Whether the old mail begins here: everything from this line on is history."""
    line = lines[at]
    if len(line) > 400:
        return False
    if _RULE.fullmatch(line) or (len(line) < 100 and _TITLE.fullmatch(line)):
        return _labels(lines, at + 1) >= 2
    return _labels(lines, at) >= 3


def _labels(lines: list[str], at: int) -> int:
    """How many `Label: value` lines stand here in a row, if one of them has an address or date."""
    count, seen = 0, ""
    for line in lines[at : at + 12]:
        if _LABEL.match(line[:200]):
            count += 1
            seen += line[:400]
        elif line.strip() and count:
            break
    return count if _ADDRESS.search(seen) or _CLOCK.search(seen) else 0


def _attribution(lines: list[str], at: int) -> int:
    """How many lines say who wrote, and when, what is quoted next: 0 if these do not."""
    whole = ""
    for length, line in enumerate(lines[at : at + ATTRIBUTION_LINES], 1):
        line = line.strip()
        if not line or len(whole) + len(line) > 400:
            return 0
        whole = f"{whole} {line}"
        if line.endswith(_COLON):
            has_address = _ADDRESS.search(whole) is not None
            has_day = _YEAR.search(whole) is not None
            has_time = _CLOCK.search(whole) is not None
            return length if has_address + has_day + has_time >= 2 else 0
    return 0


def _answers_follow(lines: list[str], at: int) -> bool:
    """Whether the quoted text after an attribution is marked, so that answers can stand in it."""
    for line in lines[at : at + 5]:
        if line.strip():
            return _QUOTED.match(line) is not None
    return False
