"""A question as the matcher looks it up: weighed stems, and what was read as another word."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from kb.spelling import Speller
from kb.words import FAINT, SILENT, stem, tokens

_SUBJECT = 2  # a word of the subject counts this often
_FAINT_WEIGHT = 0.4
_REPAIRS = 60  # tried at most, a question
_SATURATION = 2.0  # a word said again and again counts at most three times


@dataclass(frozen=True, slots=True)
class Question:
    """`words`: stems and weights; `typed`: a word for each stem; `read_as`: slips and words."""

    words: dict[str, float]
    typed: dict[str, str]
    read_as: dict[str, str]
    subject: str


def ask(subject: str, text: str, speller: Speller) -> Question:
    """The question of a subject and a text, with words that the desk does not know repaired."""
    counted: Counter[str] = Counter()
    for token in tokens(subject):
        counted[token] += _SUBJECT
    counted.update(tokens(text))
    words: dict[str, float] = {}
    typed: dict[str, str] = {}
    read_as: dict[str, str] = {}
    repairs = _REPAIRS
    for token, times in counted.items():
        if token in SILENT or len(token) < 2:
            continue
        weight = times * (1 + _SATURATION) / (times + _SATURATION)
        root = stem(token)
        if token in FAINT:
            weight *= _FAINT_WEIGHT
        elif repairs and not speller.knows(token):
            repairs -= 1
            if repair := speller.repair(token):
                root = stem(repair.word)
                weight *= repair.likeness
                read_as[token] = repair.word
        words[root] = words.get(root, 0.0) + weight
        typed.setdefault(root, read_as.get(token, token))
    return Question(words, typed, read_as, " ".join(tokens(subject)))
