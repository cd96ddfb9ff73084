"""Past cases like this one, and how each was solved: what an agent would ask a colleague.

Candidates are found by the words that search keeps, the newest first; they are ranked by how much
of what this case says they say too, a rare word counting more. What the reader may not see is not
among them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import log
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from intake import search
from intake.agents import Principal
from intake.cases import Activity, Case, Direction, Resolution, State
from intake.visibility import visible_to
from kb.gist import gist
from kb.words import FAINT, SILENT, stem, tokens

MOST = 10
WORDS_ASKED = 12
CANDIDATES = 300
_SUBJECT, _SAID = 2.0, 1.0  # what a word of ours counts, by where it stands
_TEXT_READ = 2_000  # characters
_LEAST = 0.3  # of what this case says


@dataclass(frozen=True, slots=True)
class Similar:
    """A past case like another: which share of its words it has, which words, how it was solved."""

    case: Case
    score: float
    words: tuple[str, ...]
    resolution: str

    @property
    def reason(self) -> str:
        """Why it is shown, for an agent to read."""
        return f"also says {', '.join(self.words)}"


def similar(session: Session, by: Principal, case: Case, *, first: int = 5) -> list[Similar]:
    """The resolved cases most like this one that this reader may see, best first."""
    asked = _asked(session, case)
    if not asked:
        return []
    candidates = _candidates(session, by, case, [stem(word) for word in asked])
    said = _said(session, candidates)
    ranked = _ranked(asked, candidates, said)[: max(0, min(first, MOST))]
    solved = _resolutions(session, [one.id for one, _score, _words in ranked])
    return [Similar(one, score, words, solved.get(one.id, "")) for one, score, words in ranked]


def _asked(session: Session, case: Case) -> dict[str, float]:
    """The telling words of a case, the subject's first, each with what it counts."""
    first_words = session.scalar(
        select(Activity.new_text)
        .where(Activity.case_id == case.id, Activity.direction == Direction.INCOMING)
        .order_by(Activity.at, Activity.id)
        .limit(1)
    )
    words: dict[str, float] = {}
    for text, counts in ((case.subject, _SUBJECT), (gist(first_words or ""), _SAID)):
        for word in _telling(text):
            words.setdefault(word, counts)
    return dict(list(words.items())[:WORDS_ASKED])


def _telling(text: str) -> Iterable[str]:
    for word in tokens(text):
        if word not in SILENT and word not in FAINT and len(word) > 1 and not word.isdigit():
            yield word


def _candidates(
    session: Session, by: Principal, case: Case, stems: Sequence[str]
) -> Sequence[Case]:
    """Resolved cases with any of these in what was said or in the subject, the latest first."""
    ids = search.cases_with_any(session, stems)
    return session.scalars(
        visible_to(by)
        .where(Case.id.in_(ids), Case.id != case.id, Case.state == State.RESOLVED)
        .order_by(Case.resolved_at.desc(), Case.id.desc())
        .limit(CANDIDATES)
    ).all()


def _said(session: Session, cases: Sequence[Case]) -> Mapping[UUID, set[str]]:
    """The stems of each case: of its subject, and of what its customer wrote."""
    stems = {case.id: {stem(word) for word in _telling(case.subject)} for case in cases}
    wrote = session.execute(
        select(Activity.case_id, func.substr(Activity.new_text, 1, _TEXT_READ)).where(
            Activity.case_id.in_(stems), Activity.direction == Direction.INCOMING
        )
    )
    for case_id, text in wrote:
        if case_id is not None:
            stems[case_id] |= {stem(word) for word in _telling(gist(text))}
    return stems


def _ranked(
    asked: Mapping[str, float], cases: Sequence[Case], said: Mapping[UUID, set[str]]
) -> list[tuple[Case, float, tuple[str, ...]]]:
    """The cases that say enough of it, best first; of equals, the one resolved last."""
    known = Counter(root for stems in said.values() for root in stems)
    weights = {
        word: counts * log(1 + (1 + len(cases)) / (1 + known[stem(word)]))
        for word, counts in asked.items()
    }
    whole = sum(weights.values())
    found = []
    for case in cases:
        shared = [word for word in asked if stem(word) in said[case.id]]
        score = sum(weights[word] for word in shared) / whole
        if score >= _LEAST:
            telling = sorted(shared, key=lambda word: -weights[word])
            found.append((case, round(score, 3), tuple(telling[:5])))
    # They are in the order of recency, which sorting keeps among equals.
    return sorted(found, key=lambda one: -one[1])


def _resolutions(session: Session, case_ids: Sequence[UUID]) -> dict[UUID, str]:
    """How each of these was resolved last."""
    rows = session.execute(
        select(Resolution.case_id, Resolution.text)
        .where(Resolution.case_id.in_(case_ids))
        .order_by(Resolution.at, Resolution.id)
    )
    return dict(rows.all())
