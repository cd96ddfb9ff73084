"""Which texts have a word, the newest first and a bounded number of them, and whose they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Select,
    Uuid,
    case,
    column,
    func,
    literal_column,
    select,
    text,
)
from sqlalchemy.orm import Session

from intake.cases import Activity, Attachment
from intake.customers import ContactPoint
from intake.indexing import ENTRIES as KEPT
from intake.indexing import WORDS
from intake.search.words import words_of

ENTRIES = 2_000
"""A word that stands in more texts is known by the newest of them alone."""
LATEST = 30_000
"""The texts that are read one after the other, for several words that stand in too many; and, on
PostgreSQL, for one of them."""
JUST_NOW, OFTEN = 2_000, 50
"""A word of so many of the very latest texts is not asked of PostgreSQL's index, which knows no
order and would hand out the oldest."""
COMPLETIONS = 200
"""An unfinished word of more letters than the index has beginnings of stands for so many."""
MOST_ANY = 12
INDEXED_BEGINNINGS = (2, 3)
SUBJECT, CUSTOMER, FILE, SAID = 4, 3, 2, 1
"""How telling a place is."""
WEIGHTS = {"case": SUBJECT, "contact": CUSTOMER, "point": CUSTOMER, "account": CUSTOMER,
           "file": FILE, "activity": SAID}  # fmt: skip


class Word(NamedTuple):
    """A word that is looked for, and whether more letters may follow."""

    letters: str
    unfinished: bool

    def among(self, words: set[str]) -> bool:
        """Whether these words have it."""
        if self.letters in words:
            return True
        return self.unfinished and any(word.startswith(self.letters) for word in words)


@dataclass(frozen=True, slots=True)
class Hits:
    """Whose texts have it: cases by the weight of the most telling place, and people.

    When it is not `whole`, others have it too.
    """

    cases: dict[UUID, int]
    contacts: set[UUID]
    accounts: set[UUID]
    whole: bool

    def __len__(self) -> int:
        return len(self.cases) + len(self.contacts) + len(self.accounts)

    def weight(self, case_id: UUID, contact_id: UUID | None, account_id: UUID | None) -> int | None:
        """How telling the place is where that case has it; 0 for nowhere, None if not known."""
        weight = self.cases.get(case_id, 0)
        if contact_id in self.contacts or account_id in self.accounts:
            weight = max(weight, CUSTOMER)
        return weight if weight or self.whole else None


def having(session: Session, word: Word) -> Hits:
    """The newest texts that have that word."""
    if not _on_sqlite(session):
        return _either(session, _tsquery(word))
    phrases = _phrases(session, word)
    hits = _by_fts(session, " OR ".join(phrases))
    return hits if len(phrases) < COMPLETIONS else replace(hits, whole=False)


def having_all(session: Session, words: Sequence[Word]) -> Hits:
    """Of the newest texts, those that have all these words."""
    if not _on_sqlite(session):
        together = _latest(" & ".join(_tsquery(word) for word in words), LATEST)
        return replace(_hits(session.execute(_owners(together)).all()), whole=False)
    asked = " AND ".join(f"({' OR '.join(_phrases(session, word))})" for word in words)
    newest = session.scalar(select(func.max(KEPT.c.id))) or 0
    return replace(_by_fts(session, asked, after=newest - LATEST), whole=False)


def cases_with_any(session: Session, beginnings: Sequence[str]) -> set[UUID]:
    """The cases whose subject, or what was said in them, has a word that begins like any of these,
    among the newest texts. As `search`, it takes letters and digits alone."""
    words = [Word(word, unfinished=True) for word in words_of(" ".join(beginnings), most=MOST_ANY)]
    if not words:
        return set()
    if not _on_sqlite(session):
        return set(_either(session, " | ".join(map(_tsquery, words))).cases)
    asked = " OR ".join(phrase for word in words for phrase in _phrases(session, word))
    return set(_by_fts(session, asked).cases)


def _on_sqlite(session: Session) -> bool:
    return session.get_bind().dialect.name == "sqlite"


def _hits(rows: Sequence[Any]) -> Hits:
    """Whose these entries are; they are all there is if they are no more than are looked at."""
    hits = Hits({}, set(), set(), whole=True)
    for kind, owner in rows:
        if kind in ("contact", "point"):
            hits.contacts.add(owner)
        elif kind == "account":
            hits.accounts.add(owner)
        elif owner is not None:  # as the case of a message that is in none
            hits.cases[owner] = max(hits.cases.get(owner, 0), WEIGHTS[kind])
    return hits if len(rows) <= ENTRIES else replace(hits, whole=False)


def _owners(entries: FromClause) -> Select[Any]:
    """Of each entry, its kind and the case, contact or account that it is of.

    Each is looked up by itself, and where it is of that kind: a join of so many entries might be
    planned as a walk through all that they may be of.
    """
    kind, of = entries.c.kind, entries.c.of
    said = select(Activity.case_id).where(Activity.id == of)
    sent = (
        select(Activity.case_id)
        .join(Attachment, Attachment.activity_id == Activity.id)
        .where(Attachment.id == of)
    )
    point = select(ContactPoint.contact_id).where(ContactPoint.id == of)
    owner = case(
        (kind == "activity", said.scalar_subquery()),
        (kind == "file", sent.scalar_subquery()),
        (kind == "point", point.scalar_subquery()),
        else_=of,
    )
    return select(kind, owner)


def _by_fts(session: Session, asked: str, *, after: int = 0) -> Hits:
    """The newest entries on SQLite, where FTS5 hands them out from the newest on."""
    newest = (
        select(WORDS.c.rowid.label("id"))
        .where(WORDS.c.search_words.match(asked), WORDS.c.rowid > after)
        .order_by(WORDS.c.rowid.desc())
        .limit(ENTRIES + 1)
        .subquery()
    )
    entries = select(KEPT.c.kind, KEPT.c.of).join(newest, newest.c.id == KEPT.c.id).subquery()
    return _hits(session.execute(_owners(entries)).all())


def _phrases(session: Session, word: Word) -> list[str]:
    """What FTS5 is asked for: the word itself and, when it is unfinished, all that begins like it.

    It is letters and digits, so quoting it is enough.
    """
    if word.unfinished and len(word.letters) in INDEXED_BEGINNINGS:
        return [f'"{word.letters}"*']
    longer = _beginning_like(session, word) if word.unfinished else ()
    return [f'"{each}"' for each in dict.fromkeys((word.letters, *longer))]


def _beginning_like(session: Session, word: Word) -> Sequence[str]:
    """The first words that begin so, by the alphabet; each is a step down the index, no walk."""
    return session.scalars(
        text(
            "WITH RECURSIVE known(term) AS ("
            " SELECT (SELECT term FROM search_vocabulary WHERE term >= :letters LIMIT 1)"
            " UNION ALL SELECT (SELECT term FROM search_vocabulary"
            " WHERE term >= known.term || char(1) LIMIT 1) FROM known"
            " WHERE substr(known.term, 1, length(:letters)) = :letters LIMIT :most)"
            " SELECT term FROM known WHERE substr(term, 1, length(:letters)) = :letters"
        ),
        {"letters": word.letters, "most": COMPLETIONS},
    ).all()


def _either(session: Session, asked: str) -> Hits:
    """The entries on PostgreSQL, whose index knows no order and would fetch all there are.

    A common word is in enough of the latest; of another there are few, which the index finds. Of
    one that was common once there are both: the latest, and as many others as are looked at.
    """
    lately = session.execute(_owners(_latest(asked, JUST_NOW))).all()
    if len(lately) >= OFTEN:
        return replace(_hits(lately), whole=False)
    known = func.entries_with(_query(asked), ENTRIES + 1).table_valued(
        column("kind"), column("of", Uuid)
    )
    found = session.execute(_owners(known)).all()
    if len(found) <= ENTRIES:
        return _hits(found)
    return _hits([*session.execute(_owners(_latest(asked, LATEST))), *found])


def _latest(asked: str, looked_at: int) -> FromClause:
    """Of so many of the latest entries, those that have it, read one after the other."""
    latest = (
        select(KEPT.c.id, KEPT.c.kind, KEPT.c.of, KEPT.c.words)
        .order_by(KEPT.c.id.desc())
        .limit(looked_at)
        .subquery()
    )
    asked_for = latest.c.words.op("@@")(_query(asked))
    return select(latest.c.kind, latest.c.of).where(asked_for).limit(ENTRIES + 1).subquery()


def _query(asked: str) -> ColumnElement[Any]:
    return func.to_tsquery(literal_column("'simple'"), asked)


def _tsquery(word: Word) -> str:
    return f"'{word.letters}'" + (":*" if word.unfinished else "")
