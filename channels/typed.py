"""What a person typed, made safe to keep and to show; nothing is judged and nothing is lost.

Shared by the channels whose messages are fields and not mail. Line ends become newlines, and
characters that a database cannot keep or that a screen would act on become spaces or marks.
"""

from __future__ import annotations

import re

_LINE_ENDS = re.compile("\r\n|[\r\x0b\x0c\x85\u2028\u2029]")
_CONTROLS = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f]")
# What turns a line around or hides in it: bidirectional overrides and isolates, a lone BOM.
_TRICKS = re.compile("[\u202a-\u202e\u2066-\u2069\ufeff]")
# One letter with a thousand accents covers the page; nobody's language needs more than a few.
_PILES = re.compile("([\u0300-\u036f\u0483-\u0489\u20d0-\u20ff]{8})[\u0300-\u036f\u0483-\u0489\u20d0-\u20ff]+")  # noqa: E501  # fmt: skip


def line(typed: str, most: int) -> str:
    """`typed` as one line without controls, at most `most` characters long."""
    return _cut(" ".join(paragraphs(typed, most * 4).split()), most)


def paragraphs(typed: str, most: int) -> str:
    """`typed` with its lines, without controls, at most `most` characters long."""
    # A lone half of a surrogate pair is not text; UTF-8 has no way to say it.
    whole = typed[: most * 2].encode("utf-8", "replace").decode()
    kept = _TRICKS.sub("", _CONTROLS.sub("\ufffd", _LINE_ENDS.sub("\n", whole)))
    return _cut(_PILES.sub(r"\1", kept).strip(), most)


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
