"""Articles as they stand on the matcher's shelf: every word weighed by where it is written."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass

from kb.spelling import Speller
from kb.words import SILENT, stem, tokens

_TITLE, _KEYWORD, _BODY = 5.0, 2.0, 1.0  # what a word counts in each
_BODY_READ = 20_000  # characters of an article that are looked at


@dataclass(frozen=True, slots=True)
class Entry:
    """An article as the matcher sees it. `id` is opaque."""

    id: Hashable
    title: str
    keywords: tuple[str, ...]
    body: str
    number: str = ""


@dataclass(frozen=True, slots=True)
class Shelved:
    """What is kept of an entry: its body only as the weights of its stems."""

    id: Hashable
    number: str
    title: str
    keywords: tuple[str, ...]
    plain_title: str
    weights: Mapping[str, float]


def shelve(entry: Entry, speller: Speller) -> Shelved:
    """The entry with its words weighed; `speller` learns how they are spelt."""
    weights: dict[str, float] = {}
    for text, weight in (
        (entry.title, _TITLE),
        (" ".join(entry.keywords), _KEYWORD),
        (entry.body[:_BODY_READ], _BODY),
    ):
        for token in tokens(text):
            if token not in SILENT:
                speller.learn(token)
                root = stem(token)
                weights[root] = weights.get(root, 0.0) + weight
    plain_title = " ".join(tokens(entry.title))
    return Shelved(entry.id, entry.number, entry.title, entry.keywords, plain_title, weights)
