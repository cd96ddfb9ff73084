"""The search box: articles by title, keyword or number, found while somebody still types.

What is typed is compared by pieces of three letters, so that neither an unfinished word nor a
misspelt one is lost, and only titles that share pieces are looked at again as a whole.
"""

from __future__ import annotations

from heapq import nlargest
from math import sqrt
from string import ascii_lowercase

from rapidfuzz.fuzz import partial_ratio

from kb.index import Index
from kb.words import tokens

_TYPED = 100  # characters read
_LOOKED_AT_AGAIN = 50
_BY_PIECES = 0.6  # the rest is how the title reads as a whole
_MORE_BY_TITLE = 2.0  # a piece of the title, where one of a keyword counts 1


class Titles:
    """Titles, keywords and numbers of articles, which are known by small numbers."""

    def __init__(self) -> None:
        self._pieces = Index(saturation=0.5, by_length=0.3)
        self._shown: dict[int, str] = {}
        self._numbers: dict[int, str] = {}
        self._added: dict[int, dict[str, float]] = {}

    def add(self, place: int, title: str, keywords: tuple[str, ...], number: str) -> None:
        """The article is found by these; its place must be free."""
        pieces: dict[str, float] = {}
        for text, weight in ((title, _MORE_BY_TITLE), (" ".join(keywords), 1.0)):
            for piece in _pieces(text):
                pieces[piece] = max(pieces.get(piece, 0.0), weight)
        self._added[place] = pieces
        self._pieces.add(place, pieces)
        self._shown[place] = " ".join(tokens(" ".join((title, *keywords))))
        self._numbers[place] = "".join(tokens(number))

    def remove(self, place: int) -> None:
        self._pieces.remove(place, self._added.pop(place))
        del self._shown[place], self._numbers[place]

    def like(self, typed: str) -> dict[int, float]:
        """Articles whose title or keywords are like what is typed, 0 to 1."""
        words = " ".join(tokens(typed[:_TYPED]))
        shares = self._pieces.scores(dict.fromkeys(_pieces(words), 1.0))
        found = {}
        for place in nlargest(_LOOKED_AT_AGAIN, shares, key=shares.__getitem__):
            whole = partial_ratio(words, self._shown[place]) / 100
            share = shares[place]
            found[place] = _BY_PIECES * share + (1 - _BY_PIECES) * whole * sqrt(share)
        return found

    def numbered(self, typed: str) -> dict[int, float]:
        """Articles of this number (1), or of a number that begins like this (0.9).

        "KB-0042", "kb 42" and "#42" are one number; "windows 42" is none.
        """
        asked = "".join(tokens(typed[:_TYPED]))
        if not any(char.isdigit() for char in asked):
            return {}
        return {
            place: 1.0 if _same(asked, own) else 0.9
            for place, own in self._numbers.items()
            if own.startswith(asked) or _same(asked, own)
        }


def _same(asked: str, own: str) -> bool:
    letters, digits = _split(asked)
    own_letters, own_digits = _split(own)
    return digits == own_digits != "" and letters in ("", own_letters)


def _split(number: str) -> tuple[str, str]:
    """The letters that a number begins with, and the rest without leading zeros."""
    digits = number.lstrip(ascii_lowercase)
    return number[: len(number) - len(digits)], digits.lstrip("0")


def _pieces(text: str) -> set[str]:
    found = set()
    for token in tokens(text):
        padded = f" {token}"
        found |= {padded[:2], padded[:3]}
        found |= {padded[at : at + 3] for at in range(len(padded) - 2)}
    return found
