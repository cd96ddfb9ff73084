"""Which cases have all the words: taken from the rarest, checked for the others, ranked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import literal_column, select, true, union_all
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased

from intake.agents import Principal
from intake.cases import Activity, Attachment, Case
from intake.customers import Account, Contact, ContactPoint
from intake.indexing import SOURCES
from intake.search.entries import (
    CUSTOMER,
    FILE,
    SAID,
    SUBJECT,
    Hits,
    Word,
    having,
    having_all,
)
from intake.search.words import words_in
from intake.visibility import visible_to

CANDIDATES = 500
READ, AT_A_TIME = 200, 50
PEOPLE, OF_EACH = 500, 50


class Candidate(NamedTuple):
    """What must be known of a case to say whether it has a word, and how it ranks."""

    id: UUID
    contact_id: UUID | None
    account_id: UUID | None
    updated_at: datetime


def by_words(session: Session, by: Principal, words: Sequence[str], *, first: int) -> list[Case]:
    """The visible cases that have all these words, those with the most telling places first."""
    last = len(words) - 1
    asked = [Word(each, place == last and len(each) > 1) for place, each in enumerate(words)]
    hits = []
    for word in asked:
        hits.append(having(session, word))
        if hits[-1].whole and not hits[-1]:
            return []
    found, doubtful = _judged(_candidates(session, by, asked, hits), hits)
    for start in range(0, min(len(doubtful), READ), AT_A_TIME):
        if len(found) >= first:
            break
        found |= _read(session, doubtful[start : start + AT_A_TIME], asked)
    best = sorted(found, key=lambda one: (found[one], one.updated_at, one.id), reverse=True)
    ids = [one.id for one in best[:first]]
    cases = {case.id: case for case in session.scalars(visible_to(by).where(Case.id.in_(ids)))}
    return [cases[case_id] for case_id in ids]


def _candidates(
    session: Session, by: Principal, asked: Sequence[Word], hits: Sequence[Hits]
) -> list[Candidate]:
    """The visible ones of the cases that may have them all: those of the rarest word, if it is
    known where it stands; else of texts that have all the words, and the newest of each."""
    whole = [each for each in hits if each.whole]
    # Of people only the newest cases are known, so a word that names nobody leads further back.
    nameless = [each for each in whole if not each.contacts and not each.accounts]
    if nameless:
        sources = [min(nameless, key=len)]
    elif whole:
        sources = whole
    else:
        sources = [*([having_all(session, asked)] if len(asked) > 1 else []), *hits]
    points: dict[UUID, int] = {}
    for source in sources:
        telling = source.cases | dict.fromkeys(_of_people(session, source), CUSTOMER)
        for case_id, weight in telling.items():
            points[case_id] = points.get(case_id, 0) + weight
    # Ids made later sort later.
    likely = sorted(points, key=lambda one: (points[one], one), reverse=True)[:CANDIDATES]
    columns = (Case.id, Case.contact_id, Case.account_id, Case.updated_at)
    visible = visible_to(by).with_only_columns(*columns)
    rows = list(session.execute(visible.where(Case.id.in_(likely))))
    if not whole and len(rows) < AT_A_TIME:
        # The newest were mostly others' affair: what this principal sees may still have the words.
        newest = visible.order_by(Case.opened_at.desc(), Case.id.desc()).limit(READ)
        rows += session.execute(newest)
    return list(dict.fromkeys(Candidate(*row) for row in rows))


def _of_people(session: Session, hits: Hits) -> set[UUID]:
    """The newest cases of each contact and account that was found."""
    return {
        *_newest_of(session, Contact, Case.contact_id, hits.contacts),
        *_newest_of(session, Account, Case.account_id, hits.accounts),
    }


def _newest_of(
    session: Session,
    person: type[Contact] | type[Account],
    of: InstrumentedAttribute[UUID | None],
    ids: Iterable[UUID],
) -> Sequence[UUID]:
    """The newest cases of each of the newest of these, a short walk down the index of theirs."""
    wanted = sorted(ids, reverse=True)[:PEOPLE]
    if not wanted:
        return ()
    theirs = aliased(Case)
    newest = (
        select(theirs.id)
        .where(getattr(theirs, of.key) == person.id)
        .order_by(theirs.opened_at.desc())
        .limit(OF_EACH)
    )
    if session.get_bind().dialect.name == "sqlite":
        statement = select(Case.id).select_from(person).join(Case, Case.id.in_(newest))
    else:
        each = newest.lateral()
        statement = select(each.c.id).select_from(person).join(each, true())
    return session.scalars(statement.where(person.id.in_(wanted))).all()


def _judged(
    candidates: Iterable[Candidate], hits: Sequence[Hits]
) -> tuple[dict[Candidate, int], list[Candidate]]:
    """Those that are known to have all the words, with what their places count together; and those
    of which it is not known, the likeliest first."""
    found: dict[Candidate, int] = {}
    doubtful: dict[Candidate, int] = {}
    for one in candidates:
        weights = [each.weight(one.id, one.contact_id, one.account_id) for each in hits]
        if 0 in weights:
            continue
        told = doubtful if None in weights else found
        told[one] = sum(weight or 0 for weight in weights)
    likely = sorted(doubtful, key=lambda one: (doubtful[one], one.updated_at, one.id), reverse=True)
    return found, likely


def _read(
    session: Session, candidates: Sequence[Candidate], asked: Sequence[Word]
) -> dict[Candidate, int]:
    """Those of them that have all the words, by what they say themselves."""
    said = _words_of(session, [one.id for one in candidates])
    found = {}
    for one in candidates:
        places = said.get(one.id, {})
        weights = [
            max((weight for weight, words in places.items() if word.among(words)), default=0)
            for word in asked
        ]
        if all(weights):
            found[one] = sum(weights)
    return found


def _words_of(session: Session, ids: Sequence[UUID]) -> Mapping[UUID, dict[int, set[str]]]:
    """The words of each of these cases, by how telling the place is where they stand."""

    def words(weight: int, kind: str, case_id: Any = Case.id) -> Any:
        place: Any = literal_column(str(weight)).label("weight")
        return select(case_id.label("case_id"), place, SOURCES[kind].said.label("said"))

    of_case, of_activity = Case.id.in_(ids), Activity.case_id.in_(ids)
    statement = union_all(
        words(SUBJECT, "case").where(of_case),
        words(CUSTOMER, "contact").join(Contact, Contact.id == Case.contact_id).where(of_case),
        words(CUSTOMER, "point")
        .join(ContactPoint, ContactPoint.contact_id == Case.contact_id).where(of_case),
        words(CUSTOMER, "account").join(Account, Account.id == Case.account_id).where(of_case),
        words(FILE, "file", Activity.case_id)
        .join(Attachment, Attachment.activity_id == Activity.id).where(of_activity),
        words(SAID, "activity", Activity.case_id).where(of_activity),
    )  # fmt: skip
    found: dict[UUID, dict[int, set[str]]] = {}
    for case_id, weight, said in session.execute(statement):
        found.setdefault(case_id, {}).setdefault(weight, set()).update(words_in(said or ""))
    return found
