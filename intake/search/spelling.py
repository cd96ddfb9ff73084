"""What is spelt nearly like it: numbers one slip away, and words of the newest cases."""

from __future__ import annotations

from collections.abc import Sequence

from rapidfuzz.distance import OSA
from rapidfuzz.process import extract
from sqlalchemy import Select
from sqlalchemy.orm import Session, aliased

from intake.agents import Principal
from intake.cases import Case
from intake.customers import Account, Contact
from intake.search.words import words_in
from intake.visibility import visible_to

ALIKE_LOOKED_AT = 2_000
ALIKE = 0.7
SHORT = 3


def numbers_like(by: Principal, question: str) -> Select[Case]:
    """The cases whose number is one slip away: a digit too many, too few, wrong, or two swapped."""
    digits = question.strip().removeprefix("#")
    number = digits.isascii() and digits.isdigit() and SHORT < len(digits) <= 9
    meant = _slips(digits) if number else set()
    return visible_to(by).where(Case.number.in_(meant)).order_by(Case.opened_at.desc(), Case.id)


def _slips(digits: str) -> set[int]:
    cuts = [(digits[:i], digits[i:]) for i in range(len(digits) + 1)]
    swapped = {a + b[1] + b[0] + b[2:] for a, b in cuts if len(b) > 1}
    missing = {a + b[1:] for a, b in cuts if b}
    other = {a + d + b[1:] for a, b in cuts if b for d in "0123456789"}
    more = {a + d + b for a, b in cuts for d in "0123456789"}
    return {int(each) for each in swapped | missing | other | more}


def cases_like(
    session: Session, by: Principal, words: Sequence[str], *, first: int
) -> Sequence[Case]:
    """Of the newest cases, those whose subject and customer have words spelt nearly like these."""
    # By other names: who may see a case may itself be asked of contacts and accounts.
    contact, account = aliased(Contact), aliased(Account)
    newest = (
        visible_to(by)
        .with_only_columns(Case.id, Case.subject, contact.name, account.name)
        .outerjoin(contact, contact.id == Case.contact_id)
        .outerjoin(account, account.id == Case.account_id)
        .order_by(Case.opened_at.desc(), Case.id.desc())
        .limit(ALIKE_LOOKED_AT)
    )
    written = {
        case_id: words_in(" ".join(part or "" for part in parts))
        for case_id, *parts in session.execute(newest)
    }
    vocabulary = list(set().union(*written.values()))
    near = [_near(word, vocabulary) for word in words]
    scores = {
        case_id: [max((alike.get(w, 0.0) for w in own), default=0.0) for alike in near]
        for case_id, own in written.items()
    }
    best = [case_id for case_id, each in scores.items() if min(each) > 0]
    # They are in the order of recency, which sorting keeps among equals.
    best = sorted(best, key=lambda case_id: -sum(scores[case_id]))[:first]
    cases = {case.id: case for case in session.scalars(visible_to(by).where(Case.id.in_(best)))}
    return [cases[case_id] for case_id in best]


def _near(word: str, vocabulary: Sequence[str]) -> dict[str, float]:
    """The words spelt like this one, 0 to 1; two letters that changed places are one slip."""
    cutoff = 1.0 if len(word) <= SHORT else ALIKE
    similarity = OSA.normalized_similarity
    alike = extract(word, vocabulary, scorer=similarity, score_cutoff=cutoff, limit=None)
    return {other: score for other, score, _place in alike}
