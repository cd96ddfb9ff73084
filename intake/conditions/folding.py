"""Text as conditions compare it: words apart from signs, whatever the case, accents and spacing.

Python folds what it is given. A database is searched in columns that were folded when they were
written, so that both compare the same characters and give the same answer.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from functools import lru_cache

ACCENTS = range(0x300, 0x370)
UNSPACED = (
    range(0x0E00, 0x0F00),  # Thai, Lao
    range(0x1000, 0x10A0),  # Burmese
    range(0x1780, 0x1800),  # Khmer
    range(0x3040, 0x3100),  # Japanese kana
    range(0x31F0, 0x3200),
    range(0x3400, 0xA000),  # Chinese characters
    range(0xF900, 0xFB00),
    range(0x20000, 0x40000),
)
"""Scripts that do not put spaces between words; each of their characters counts as a word."""


@lru_cache(maxsize=64)
def folded(text: str) -> str:
    """The words and signs of a text with a space around each: " refund of order # 66 ! ".

    Empty for a text of nothing but spaces. Whole words are found in it as parts: " refund ".
    """
    text = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    words = text.translate(_APART).split()
    return f" {' '.join(words)} " if words else ""


def joined(words: Iterable[str]) -> str:
    """A set of words or tags, folded, in one text: "|urgent|very important|". Empty for none."""
    tags = sorted({folded(word)[1:-1] for word in words} - {""})
    return f"|{'|'.join(tags)}|" if tags else ""


class _Apart(dict[int, str]):
    """For `str.translate`: letters as they are, signs apart, no accents, spaces for the rest."""

    def __missing__(self, code: int) -> str:
        char = chr(code)
        kind = unicodedata.category(char)
        if code in ACCENTS or kind == "Cf":  # A soft hyphen or a joiner is not seen by readers.
            apart = ""
        elif kind[0] in "ZC":
            apart = " "
        elif kind[0] in "LNM" and not any(code in script for script in UNSPACED):
            apart = char
        else:
            apart = f" {char} "
        if len(self) < 10_000:  # So many that no language is slow, too few to fill the memory.
            self[code] = apart
        return apart


_APART = _Apart()
