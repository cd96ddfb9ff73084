"""What a misspelt word was meant to be, as far as the desk's own words can tell.

Customers misspell one word in twenty, and just the ones that matter: product names and error texts.
A dictionary does not know those; the articles do.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from rapidfuzz.distance import OSA
from rapidfuzz.process import extract

from kb.words import stem

_ALIKE = 0.72  # of OSA's normalised similarity; best of .66 to .78 on clean and misspelt questions
_SHORTEST, _LONGEST = 4, 24  # characters; a shorter word is near to too many, a longer one is a key
_FURTHEST = 2  # characters that may be too many or too few
_CANDIDATES = 2_000  # compared at most, a word
_REMEMBERED = 20_000  # repairs
_VOCABULARY = 200_000  # words
_VOUCHED = 3


@dataclass(frozen=True, slots=True)
class Repair:
    """A word of the vocabulary and how like the typed one it is, 0.72 to 1."""

    word: str
    likeness: float


class Speller:
    """Words that are spelt right because the desk wrote them."""

    def __init__(self) -> None:
        self._seen: dict[str, int] = {}
        self._stems: set[str] = set()
        self._overheard: dict[str, int] = {}
        self._drawers: dict[tuple[int, str], list[str]] = defaultdict(list)
        self._repairs: dict[str, Repair | None] = {}

    def knows(self, word: str) -> bool:
        """Whether this word, or another form of it, is spelt right."""
        return word in self._seen or stem(word) in self._stems

    def learn(self, word: str) -> None:
        """The word is spelt right; the more often it is learnt, the likelier it was meant."""
        if word in self._seen:
            self._seen[word] += 1
        elif len(self._seen) < _VOCABULARY:
            self._seen[word] = 1
            self._stems.add(stem(word))
            if _repairable(word):
                self._drawers[len(word), word[0]].append(word)
                self._repairs.clear()

    def overhear(self, word: str) -> None:
        """A customer wrote this word. What three of them write is a word of theirs, not a slip."""
        if self.knows(word):
            return
        times = self._overheard.pop(word, 0) + 1
        if times == _VOUCHED:
            self.learn(word)
        elif len(self._overheard) < _VOCABULARY:
            self._overheard[word] = times

    def repair(self, typed: str) -> Repair | None:
        """The word that was likeliest meant, or None where none is like enough.

        Of the two first letters one has to be right, and of equally like words the commoner is
        taken. Digits are never guessed: 401 is not 404.
        """
        if not _repairable(typed):
            return None
        if typed not in self._repairs:
            if len(self._repairs) >= _REMEMBERED:
                self._repairs.clear()
            self._repairs[typed] = self._nearest(typed)
        return self._repairs[typed]

    def _nearest(self, typed: str) -> Repair | None:
        near = extract(
            typed,
            self._candidates(typed),
            scorer=OSA.normalized_similarity,
            score_cutoff=_ALIKE,
            limit=5,
        )
        if not near:
            return None
        word, likeness, _ = max(near, key=lambda found: (found[1], self._seen[found[0]], found[0]))
        return Repair(word, likeness)

    def _candidates(self, typed: str) -> list[str]:
        found: list[str] = []
        for off in sorted(range(-_FURTHEST, _FURTHEST + 1), key=abs):
            for first in dict.fromkeys(typed[:2]):  # the first letter is missing or second at times
                found += self._drawers.get((len(typed) + off, first), ())
            if len(found) > _CANDIDATES:
                return found[:_CANDIDATES]
        return found


def _repairable(word: str) -> bool:
    return _SHORTEST <= len(word) <= _LONGEST and not any(char.isdigit() for char in word)
