"""A question as the matcher looks it up: weighed stems, and what was read as another word."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from kb.spelling import Speller
from kb.words import FAINT, SILENT, stem, tokens

_SUBJECT = 2  # times that a word of the subject counts
_FAINT_WEIGHT = 0.4
_SATURATION = 2.0  # a word said again and again counts at most three times
_REPAIRS = 60  # words tried at most


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked, by stem.

    `weights` say how much each counts, `typed` has a whole word for each, as typed or as repaired,
    and `slips` what was typed instead, where it was repaired.
    """

    weights: dict[str, float]
    typed: dict[str, str]
    slips: dict[str, str]
    subject: str


def ask(subject: str, text: str, speller: Speller) -> Question:
    """The question of a subject and a text, with words that the desk does not know repaired."""
    subject_words = tokens(subject)
    counted = Counter(tokens(text))
    for token in subject_words:
        counted[token] += _SUBJECT
    question = Question({}, {}, {}, " ".join(subject_words))
    repairs = _REPAIRS
    for token, times in counted.items():
        if token in SILENT or len(token) < 2:
            continue
        weight = times * (1 + _SATURATION) / (times + _SATURATION)
        if token in FAINT:
            weight *= _FAINT_WEIGHT
        elif repairs and not speller.knows(token):
            repairs -= 1
            if repair := speller.repair(token):
                weight *= repair.likeness
                question.slips.setdefault(stem(repair.word), token)
                token = repair.word
        root = stem(token)
        question.weights[root] = question.weights.get(root, 0.0) + weight
        question.typed.setdefault(root, token)
    return question
