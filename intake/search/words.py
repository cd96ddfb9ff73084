"""What is typed as words: folded as the index folds them, and nothing but letters and digits."""

from __future__ import annotations

import re
import unicodedata

MOST_WORDS, LONGEST_WORD, LONGEST_QUESTION = 8, 40, 400
WORD = re.compile(r"[^\W_]+")


def words_of(question: str, *, most: int = MOST_WORDS) -> list[str]:
    """The words of a question, folded and each once, as many as are looked for."""
    found = WORD.findall(fold(question[:LONGEST_QUESTION]))
    return list(dict.fromkeys(word[:LONGEST_WORD] for word in found))[:most]


def words_in(text: str) -> set[str]:
    """All words of a text, folded."""
    return set(WORD.findall(fold(text)))


def fold(text: str) -> str:
    """Small letters without accents, as the index has them."""
    split = unicodedata.normalize("NFKD", text.lower())
    bare = "".join(char for char in split if not "\u0300" <= char <= "\u036f")
    return unicodedata.normalize("NFC", bare)
