"""The search box: articles by title, keyword or number, found while somebody still types.

What is typed is compared by pieces of three letters, so that neither an unfinished word nor a
misspelt one is lost, and only titles that share pieces are looked at again as a whole.
"""

from __future__ import annotations

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
        self._shown: dict[int, tuple[str, str]] = {}
        self._added: dict[int, dict[str, float]] = {}

    def add(self, place: int, title: str, keywords: tuple[str, ...], number: str) -> None:
        """The article is found by these; its place must be free."""
        pieces: dict[str, float] = {}
        for text, weight in ((title, _MORE_BY_TITLE), (" ".join(keywords), 1.0)):
            for piece in _pieces(text):
                pieces[piece] = max(pieces.get(piece, 0.0), weight)
        self._added[place] = pieces
        self._pieces.add(place, pieces)
        self._shown[place] = (" ".join(tokens(" ".join((title, *keywords)))), _plain(number))

    def remove(self, place: int) -> None:
        self._pieces.remove(place, self._added.pop(place))
        del self._shown[place]

    def like(self, typed: str) -> dict[int, float]:
        """Articles like what is typed, 0 to 1: 1 for the exact number."""
        typed = typed[:_TYPED]
        number = _plain(typed)
        words = " ".join(tokens(typed))
        scores = self._pieces.scores(dict.fromkeys(_pieces(typed), 1.0))
        best = sorted(scores, key=lambda place: -scores[place])[:_LOOKED_AT_AGAIN]
        found = {}
        for place in best:
            whole = partial_ratio(words, self._shown[place][0]) / 100
            found[place] = (
                _BY_PIECES * scores[place] + (1 - _BY_PIECES) * whole * scores[place] ** 0.5
            )
        if any(char.isdigit() for char in number):
            for place, (_, own) in self._shown.items():
                if own.startswith(number):
                    found[place] = 1.0 if own == number else 0.9
        return found


def _plain(number: str) -> str:
    """A number as compared: "KB-0042", "kb 42" and "#42" are one."""
    return "".join(tokens(number)).removeprefix("kb").lstrip("0")


def _pieces(text: str) -> set[str]:
    found = set()
    for token in tokens(text):
        padded = f" {token}"
        found |= {padded[:2], padded[:3]}
        found |= {padded[at : at + 3] for at in range(len(padded) - 2)}
    return found
