"""The question: by number, by words, and, when nothing is found so, by what is spelt alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy.orm import Session

from intake.agents import Principal
from intake.cases import Case
from intake.search import spelling
from intake.search.candidates import by_words
from intake.search.words import words_of
from intake.visibility import visible_to

MOST = 50


class By(StrEnum):
    """How a case was found."""

    NUMBER = "number"
    WORDS = "words"
    SPELLING = "spelling"  # nothing was found by the words as they were typed


@dataclass(frozen=True, slots=True)
class Found:
    """A case that was found, and how."""

    case: Case
    by: By


def search(session: Session, by: Principal, question: str, *, first: int = 20) -> list[Found]:
    """The cases this principal may see that the question fits best, at most 50.

    The case of that number comes first; then what has the words in more telling places, the
    subject, the customer, a file, what was said; then what changed last.
    """
    first = max(0, min(first, MOST))
    words = words_of(question)
    found = [Found(case, By.NUMBER) for case in _by_number(session, by, question)]
    if words:
        known = {hit.case.id for hit in found}
        exact = by_words(session, by, words, first=first)
        found += [Found(case, By.WORDS) for case in exact if case.id not in known]
    if not found:
        nearly = session.scalars(spelling.numbers_like(by, question)).all()
        found = [Found(case, By.SPELLING) for case in nearly]
    if words and not found:
        found = [
            Found(case, By.SPELLING)
            for case in spelling.cases_like(session, by, words, first=first)
        ]
    return found[:first]


def _by_number(session: Session, by: Principal, question: str) -> Sequence[Case]:
    digits = question.strip().removeprefix("#")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 9):
        return ()
    return session.scalars(visible_to(by).where(Case.number == int(digits))).all()
