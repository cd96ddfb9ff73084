"""Which documents share words with a question, and how much that says: an inverted index.

BM25 (Robertson and Zaragoza, 2009): a word counts the more, the fewer documents have it, and the
second time less than the first. Only the postings of the question's own words are touched.
"""

from __future__ import annotations

import math
from array import array
from bisect import bisect_left
from collections.abc import Mapping
from heapq import nlargest

_CONTENDERS = 60  # documents that common words are still looked up for


class _Postings:
    """The documents that have one word, ascending, and how strongly; 8 bytes each."""

    __slots__ = ("documents", "strengths")

    def __init__(self) -> None:
        self.documents = array("I")
        self.strengths = array("f")

    def change(self, document: int, by: float) -> None:
        at = bisect_left(self.documents, document)
        if at == len(self.documents) or self.documents[at] != document:
            self.documents.insert(at, document)
            self.strengths.insert(at, by)
        elif self.strengths[at] + by > 1e-3:
            self.strengths[at] += by
        else:
            del self.documents[at], self.strengths[at]

    def of(self, document: int) -> float:
        at = bisect_left(self.documents, document)
        found = at < len(self.documents) and self.documents[at] == document
        return self.strengths[at] if found else 0.0


class Index:
    """Documents, known by small numbers, as bags of weighted words.

    `saturation` is BM25's k1, in the weights' unit; `by_length` its b. Documents may be changed by
    adding weights to them, also negative ones.
    """

    def __init__(self, *, saturation: float, by_length: float) -> None:
        self._saturation = saturation
        self._by_length = by_length
        self._postings: dict[str, _Postings] = {}
        self._lengths: dict[int, float] = {}
        self._length = 0.0

    def __contains__(self, word: str) -> bool:
        return word in self._postings

    def __len__(self) -> int:
        return len(self._lengths)

    def add(self, document: int, weights: Mapping[str, float]) -> None:
        """The document has these words too. Cost: the number of words given."""
        for word, weight in weights.items():
            postings = self._postings.get(word)
            if postings is None:
                postings = self._postings[word] = _Postings()
            postings.change(document, weight)
            if not postings.documents:
                del self._postings[word]
        length = sum(weights.values())
        self._length += length
        self._lengths[document] = self._lengths.get(document, 0.0) + length

    def remove(self, document: int, weights: Mapping[str, float]) -> None:
        """The document no longer has these words; it is gone when none are left."""
        self.add(document, {word: -weight for word, weight in weights.items()})
        if self._lengths[document] < 1e-3:
            self._length -= self._lengths.pop(document)

    def rarity(self, word: str) -> float:
        """BM25's idf: nearly 0 for a word of all documents, about log N for a word of one."""
        postings = self._postings.get(word)
        having = len(postings.documents) if postings else 0
        return math.log(1 + (len(self._lengths) - having + 0.5) / (having + 0.5))

    def weight(self, question: Mapping[str, float]) -> float:
        """What the whole question weighs: each word its weight in it times its rarity."""
        return sum(weight * self.rarity(word) for word, weight in question.items())

    def scores(
        self, question: Mapping[str, float], *, budget: int = 3_000, words: int = 100
    ) -> dict[int, float]:
        """How well each document answers: the share of the question's weight it has, 0 to 1.

        A word weighs its weight in the question times its rarity; words that no document has weigh
        as well. The rarest `words` are looked up first; once `budget` postings were touched, what
        remains is looked up only for the best 60 so far.
        """
        weighed = [(weight * self.rarity(word), word) for word, weight in question.items()]
        whole = sum(weight for weight, _ in weighed)
        known = nlargest(words, (item for item in weighed if item[1] in self._postings))
        scores: dict[int, float] = {}
        if not known:
            return scores
        floor, by_length = self._norm()
        for rank, (weight, word) in enumerate(known):
            postings = self._postings[word]
            budget -= len(postings.documents)
            if budget < 0 and rank:
                self._score_best(scores, known[rank:], whole)
                break
            share = weight / whole
            for document, strength in zip(postings.documents, postings.strengths, strict=True):
                norm = floor + by_length * self._lengths[document]
                scores[document] = scores.get(document, 0) + share * strength / (strength + norm)
        return scores

    def _score_best(
        self, scores: dict[int, float], words: list[tuple[float, str]], whole: float
    ) -> None:
        floor, by_length = self._norm()
        for document in nlargest(_CONTENDERS, scores, key=scores.__getitem__):
            norm = floor + by_length * self._lengths[document]
            for weight, word in words:
                if strength := self._postings[word].of(document):
                    scores[document] += weight / whole * strength / (strength + norm)

    def _norm(self) -> tuple[float, float]:
        """What a strength is weighed against: a part for all documents, a part by their length."""
        usual_length = self._length / len(self._lengths) or 1.0
        floor = self._saturation * (1 - self._by_length)
        return floor, self._saturation * self._by_length / usual_length
