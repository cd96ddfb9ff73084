"""Articles suggested for a case, and why, on both databases."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import update

from intake.db import new_id
from kb.articles import Article, State
from kb.suggestions import Library, Question, Suggestion, of_cases, suggest
from tests.desk import NOON, DeskUnderTest, email


def has_article(
    desk: DeskUnderTest, number: str, title: str, body: str, at: datetime = NOON, **fields: Any
) -> UUID:
    article = Article(id=new_id(), number=number, title=title, body=body, updated_at=at, **fields)
    with desk.transaction() as session:
        session.add(article)
    return article.id


def ask(desk: DeskUnderTest, library: Library, subject: str, text: str) -> list[Suggestion]:
    [receipt] = desk.accepts(email(subject=subject, text=text))
    assert receipt.case is not None
    question = Question(receipt.case.id, subject, text)
    with desk.transaction() as session:
        suggest(session, [question], library, at=NOON)
    with desk.db.reading() as session:
        return of_cases(session, [receipt.case.id])[receipt.case.id]


def test_the_article_that_fits_is_kept_with_score_and_reason(desk: DeskUnderTest) -> None:
    has_article(desk, "KB-1", "Printer shows offline", "Switch the printer off and on.")
    has_article(desk, "KB-2", "Ask for a refund", "Tell us the order number.")

    [found] = ask(desk, Library(), "pinter is offline", "The printer does not print.")

    assert found.article.number == "KB-1"
    assert 0 < found.score <= 1
    assert "offline" in found.reason


def test_where_nothing_fits_nothing_is_suggested(desk: DeskUnderTest) -> None:
    has_article(desk, "KB-1", "Printer shows offline", "Switch the printer off and on.")

    assert ask(desk, Library(), "Lunch", "Shall we meet on Thursday?") == []


def test_a_library_catches_up_with_what_changed(desk: DeskUnderTest) -> None:
    library = Library()
    old = has_article(desk, "KB-1", "Printer shows offline", "Switch the printer off and on.")
    assert [s.article_id for s in ask(desk, library, "printer offline", "")] == [old]

    new = has_article(
        desk, "KB-2", "Printer offline after update", "Install it.", at=NOON + timedelta(1)
    )
    both = {s.article_id for s in ask(desk, library, "printer offline", "")}
    with desk.transaction() as session:
        session.execute(
            update(Article)
            .where(Article.id == old)
            .values(state=State.ARCHIVED, updated_at=NOON + timedelta(2))
        )
    one = {s.article_id for s in ask(desk, library, "printer offline", "")}

    assert both == {old, new}
    assert one == {new}


def test_a_draft_is_not_suggested(desk: DeskUnderTest) -> None:
    has_article(desk, "KB-1", "Printer offline", "Switch it on.", state=State.DRAFT)

    assert ask(desk, Library(), "printer offline", "") == []
