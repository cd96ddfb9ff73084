"""Finding cases, open and closed, by what anybody remembers of them.

A number; or words of the subject, of what was said, of file names, and of the customer's name and
addresses. Each word may stand in another place; the last one may be unfinished. The words are kept
by `indexing`, and what is typed reaches the database's query language only as letters and digits.
When nothing is found so, numbers one slip away are, and words that are spelt nearly like it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from rapidfuzz.distance import OSA
from rapidfuzz.process import extract
from sqlalchemy import (
    CTE,
    ColumnElement,
    CompoundSelect,
    FromClause,
    Select,
    func,
    literal_column,
    select,
    union_all,
)
from sqlalchemy.orm import Session, aliased

from intake.agents import Principal
from intake.cases import Activity, Attachment, Case
from intake.customers import Account, Contact, ContactPoint
from intake.indexing import ENTRIES, WORDS
from intake.visibility import visible_to

MOST = 50
MOST_WORDS, LONGEST_WORD, LONGEST_QUESTION = 8, 40, 400
# A word that stands in more entries than this is looked for in the newest of them.
ENTRIES_LOOKED_AT = 20_000
ALIKE_LOOKED_AT = 2_000
MOST_ANY, ANY_LOOKED_AT = 12, 4_000
ALIKE = 0.7
SHORT = 3
WORD = re.compile(r"[^\W_]+")


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
        exact = session.scalars(_by_words(session, by, words).limit(first)).all()
        found += [Found(case, By.WORDS) for case in exact if case.id not in known]
    if not found:
        nearly = session.scalars(_by_slip(by, question)).all()
        found = [Found(case, By.SPELLING) for case in nearly]
    if words and not found:
        found = [Found(case, By.SPELLING) for case in _by_spelling(session, by, words, first)]
    return found[:first]


def words_of(question: str, *, most: int = MOST_WORDS) -> list[str]:
    """The words of a question, folded and each once, as many as are looked for."""
    found = WORD.findall(_fold(question[:LONGEST_QUESTION]))
    return list(dict.fromkeys(word[:LONGEST_WORD] for word in found))[:most]


def cases_with_any(session: Session, beginnings: Sequence[str]) -> CompoundSelect[Any]:
    """The ids of the cases whose subject, or what was said in them, has a word that begins like any
    of these, among the newest entries. As `search`, it takes letters and digits alone."""
    sqlite = session.get_bind().dialect.name == "sqlite"
    entries = _any_of(words_of(" ".join(beginnings), most=MOST_ANY), sqlite=sqlite).cte("entries")
    return (
        select(Case.id)
        .join(entries, entries.c.of == Case.id)
        .where(entries.c.kind == "case")
        .union(
            select(Activity.case_id)
            .join(entries, entries.c.of == Activity.id)
            .where(entries.c.kind == "activity")
        )
    )


def _any_of(words: Sequence[str], *, sqlite: bool) -> Any:
    if sqlite:
        asked = " OR ".join(f'"{word}"*' for word in words)
        rows = (
            select(WORDS.c.rowid.label("id"))
            .where(WORDS.c.search_words.match(asked))
            .order_by(WORDS.c.rowid.desc())
            .limit(ANY_LOOKED_AT)
            .subquery()
        )
        return select(ENTRIES.c.kind, ENTRIES.c.of).join(rows, rows.c.id == ENTRIES.c.id)
    asked = " | ".join(f"'{word}':*" for word in words)
    return (
        select(ENTRIES.c.kind, ENTRIES.c.of)
        .where(ENTRIES.c.words.op("@@")(func.to_tsquery(literal_column("'simple'"), asked)))
        .order_by(ENTRIES.c.id.desc())
        .limit(ANY_LOOKED_AT)
    )


def _by_number(session: Session, by: Principal, question: str) -> Sequence[Case]:
    digits = question.strip().removeprefix("#")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 9):
        return ()
    return session.scalars(visible_to(by).where(Case.number == int(digits))).all()


def _by_slip(by: Principal, question: str) -> Select[Case]:
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


def _by_words(session: Session, by: Principal, words: Sequence[str]) -> Any:
    sqlite = session.get_bind().dialect.name == "sqlite"
    statement = visible_to(by)
    weights: list[ColumnElement[int]] = []
    for place, word in enumerate(words):
        last = place == len(words) - 1
        entries = _entries(word, sqlite=sqlite, unfinished=last and len(word) > 1)
        cases = _cases_of(entries.cte(f"entries{place}"), f"hits{place}")
        statement = statement.join(cases, cases.c.case_id == Case.id)
        weights.append(cases.c.weight)
    total = sum(weights[1:], weights[0])
    return statement.order_by(total.desc(), Case.updated_at.desc(), Case.id.desc())


def _entries(word: str, *, sqlite: bool, unfinished: bool) -> Any:
    """The newest entries with that word. It is letters and digits, so quoting it is enough."""
    if sqlite:
        asked = f'"{word}"' + ("*" if unfinished else "")
        rows = (
            select(WORDS.c.rowid.label("id"))
            .where(WORDS.c.search_words.match(asked))
            .order_by(WORDS.c.rowid.desc())
            .limit(ENTRIES_LOOKED_AT)
            .subquery()
        )
        return select(ENTRIES.c.kind, ENTRIES.c.of).join(rows, rows.c.id == ENTRIES.c.id)
    asked = f"'{word}'" + (":*" if unfinished else "")
    return (
        select(ENTRIES.c.kind, ENTRIES.c.of)
        .where(ENTRIES.c.words.op("@@")(func.to_tsquery(literal_column("'simple'"), asked)))
        .order_by(ENTRIES.c.id.desc())
        .limit(ENTRIES_LOOKED_AT)
    )


def _cases_of(entries: CTE, name: str) -> FromClause:
    """The cases these entries tell of, each with the weight of its most telling place."""
    of, kind = entries.c.of, entries.c.kind

    def weight(points: int) -> Any:
        return literal_column(str(points)).label("weight")

    hits = union_all(
        select(Case.id.label("case_id"), weight(4)).join(entries, of == Case.id)
        .where(kind == "case"),
        select(Case.id, weight(3)).join(entries, of == Case.contact_id)
        .where(kind == "contact"),
        select(Case.id, weight(3)).join(ContactPoint, ContactPoint.contact_id == Case.contact_id)
        .join(entries, of == ContactPoint.id).where(kind == "point"),
        select(Case.id, weight(3)).join(entries, of == Case.account_id)
        .where(kind == "account"),
        select(Activity.case_id, weight(2))
        .join(Attachment, Attachment.activity_id == Activity.id)
        .join(entries, of == Attachment.id).where(kind == "file"),
        select(Activity.case_id, weight(1)).join(entries, of == Activity.id)
        .where(kind == "activity"),
    ).subquery()  # fmt: skip
    return (
        select(hits.c.case_id, func.max(hits.c.weight).label("weight"))
        .group_by(hits.c.case_id)
        .subquery(name)
    )


def _by_spelling(
    session: Session, by: Principal, words: Sequence[str], first: int
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
        case_id: set(WORD.findall(_fold(" ".join(part or "" for part in parts))))
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


def _fold(text: str) -> str:
    split = unicodedata.normalize("NFKD", text.lower())
    bare = "".join(char for char in split if not "\u0300" <= char <= "\u036f")
    return unicodedata.normalize("NFC", bare)
