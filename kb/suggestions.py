"""Which articles may answer a case, kept with the case: article, score, and the reason in words."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, select
from sqlalchemy.orm import Mapped, Session, contains_eager, mapped_column, relationship

from intake.db import Base, new_id, refers_to
from kb import articles
from kb.articles import Article
from kb.matcher import Entry, Match, Matcher

MOST = 3


class Suggestion(Base):
    """One article that may answer one case."""

    __tablename__ = "suggestions"
    __table_args__ = (Index("ix_suggestions_by_case", "case_id", "position"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    case_id: Mapped[UUID] = mapped_column(refers_to("cases.id"))
    article_id: Mapped[UUID] = mapped_column(refers_to("articles.id"), index=True)
    position: Mapped[int]
    score: Mapped[float]
    reason: Mapped[str]
    at: Mapped[datetime]
    article: Mapped[Article] = relationship()


@dataclass(frozen=True, slots=True)
class Question:
    """What a case asks, in the customer's words."""

    case_id: UUID
    subject: str
    text: str


class Library:
    """The published articles, ready to search; it catches up when one changed."""

    def __init__(self) -> None:
        self._edition: tuple[int, datetime | None] | None = None
        self._known: dict[UUID, datetime] = {}
        self._matcher = Matcher([])
        self._turn = threading.Lock()

    def matcher(self, session: Session) -> Matcher:
        """The matcher over what is published now."""
        edition = articles.edition(session)
        with self._turn:
            if edition != self._edition:
                self._catch_up(session)
                self._edition = edition
            return self._matcher

    def _catch_up(self, session: Session) -> None:
        now = articles.versions(session)
        for gone in self._known.keys() - now.keys():
            self._matcher.remove(gone)
        changed = [id for id, version in now.items() if self._known.get(id) != version]
        for article in articles.by_ids(session, changed):
            self._matcher.add(_entry(article))
        self._known = now


def answers(
    session: Session, asked: Sequence[tuple[str, str]], library: Library
) -> list[list[Match]]:
    """The best articles for each (subject, text), for `write`; reads only."""
    matcher = library.matcher(session)
    return [matcher.match(subject, text, limit=MOST) for subject, text in asked]


def write(session: Session, case_id: UUID, found: Sequence[Match], *, at: datetime) -> None:
    """Write down what was found for a case, best first."""
    session.add_all(
        Suggestion(
            id=new_id(),
            case_id=case_id,
            article_id=match.id,
            position=position,
            score=match.score,
            reason=match.reason,
            at=at,
        )
        for position, match in enumerate(found, start=1)
    )


def suggest(
    session: Session, questions: Sequence[Question], library: Library, *, at: datetime
) -> None:
    """Write down the best articles for each new case; none where none fits."""
    if questions:
        asked = [(question.subject, question.text) for question in questions]
        for question, found in zip(questions, answers(session, asked, library), strict=True):
            write(session, question.case_id, found, at=at)


def of_cases(session: Session, case_ids: Sequence[UUID]) -> dict[UUID, list[Suggestion]]:
    """The suggestions of these cases, best first."""
    rows = session.scalars(
        select(Suggestion)
        .where(Suggestion.case_id.in_(case_ids))
        .join(Suggestion.article)
        .options(contains_eager(Suggestion.article))
        .order_by(Suggestion.case_id, Suggestion.position)
    )
    found: dict[UUID, list[Suggestion]] = {case_id: [] for case_id in case_ids}
    for row in rows:
        found[row.case_id].append(row)
    return found


def _entry(article: Article) -> Entry:
    return Entry(
        id=article.id,
        title=article.title,
        keywords=tuple(article.keywords),
        body=article.body,
        number=article.number,
    )
