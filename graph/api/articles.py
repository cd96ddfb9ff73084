"""The knowledge base: articles as they are searched, and as they are suggested for a case."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from uuid import UUID

import strawberry
from sqlalchemy import Select, String, cast, select

from graph.api.asking import Asking, Info
from graph.api.describing import described
from graph.api.limits import FIRST_DEFAULT
from graph.api.loading import Shown, by_id, grouped
from graph.api.pages import After, Connection, First, Order, listed, mark_of, page
from kb import articles as rows
from kb import suggestions

BY_NUMBER = Order("articles", rows.Article.number, rows.Article.id)
FOUND = "articles found"
PUBLISHED = select(rows.Article).where(rows.Article.state == rows.State.PUBLISHED)


@strawberry.enum(
    description="Where a search for articles looks: how the number begins, words in the title or "
    "the keywords, or everything, misspelt words too and the best first."
)
class ArticleSearch(StrEnum):
    NUMBER = "number"
    TITLE = "title"
    KEYWORD = "keyword"
    FULL_TEXT = "full text"


ArticleState = rows.State
strawberry.enum(
    ArticleState,
    name="ArticleState",
    description="Only a published article is suggested or sent.",
)


@strawberry.type(description="One article of the knowledge base.")
class Article(Shown):
    id: UUID = strawberry.field(description="The article's id.")
    number: str = strawberry.field(description="What people call it by, such as KB-1042.")
    title: str = strawberry.field(description="Its title.")
    keywords: list[str] = strawberry.field(description="Words it should be found by.")
    body: str = strawberry.field(description="What it says.")
    language: str = strawberry.field(description="The language it is written in.")
    internal: bool = strawberry.field(description="Whether it is for agents only.")
    state: ArticleState = strawberry.field(description="Where it stands.")
    publish_at: datetime | None = strawberry.field(
        description="When it is to be published; null when it is not planned."
    )
    expire_at: datetime | None = strawberry.field(
        description="When it is to expire; null when it is not planned."
    )
    updated_at: datetime = strawberry.field(description="When it last changed.")


@strawberry.type(description="An article that may answer a case.")
class Suggestion(Shown):
    id: UUID = strawberry.field(description="The suggestion's id.")
    position: int = strawberry.field(description="1 is the best.")
    score: float = strawberry.field(description="How well it fits, from 0 to 1.")
    reason: str = strawberry.field(description="Why, in words.")
    at: datetime = strawberry.field(description="When it was suggested.")
    article_id: strawberry.Private[UUID]

    @described("The article.")
    def article(self, info: Info) -> Article:
        return self.loaded(info, suggested)[self.article_id]


@strawberry.type
class ArticleQueries:
    @described("Published articles by number, or those that `search` finds.")
    def articles(
        self,
        info: Info,
        search: str = "",
        by: ArticleSearch = ArticleSearch.TITLE,
        first: First = FIRST_DEFAULT,
        after: After = None,
    ) -> Connection[Article]:
        if search and by is ArticleSearch.FULL_TEXT:
            return ranked(info.context, search, first, after)
        statement = published_with(search, by)
        return page(info.context, statement, BY_NUMBER, Article, first=first, after=after)

    @described("The published article of that number, or null.")
    def article(self, info: Info, number: str) -> Article | None:
        statement = PUBLISHED.where(rows.Article.number == number)
        row = info.context.session.scalar(statement)
        return Article.of(row) if row else None


def published_with(search: str, by: ArticleSearch) -> Select[rows.Article]:
    """The published articles in which the words are found there."""
    if not search:
        return PUBLISHED
    if by is ArticleSearch.NUMBER:
        return PUBLISHED.where(rows.Article.number.istartswith(search, autoescape=True))
    if by is ArticleSearch.TITLE:
        return PUBLISHED.where(rows.Article.title.icontains(search, autoescape=True))
    # A list kept as JSON; its text form holds each keyword as it was written.
    keywords = cast(rows.Article.keywords, String)
    return PUBLISHED.where(keywords.icontains(search, autoescape=True))


def ranked(asking: Asking, search: str, first: int, after: str | None) -> Connection[Article]:
    """The articles that fit the words best, those first. Raises WrongCursor."""
    start = mark_of(after, FOUND, asking.house.desk).key if after else 0
    matcher = asking.house.library.matcher(asking.session)
    matches = matcher.find(search, limit=start + first + 1)[start:]
    found = by_id(asking, Article, rows.Article, [match.id for match in matches])
    best = [found[match.id] for match in matches if match.id in found]
    return listed(asking, best, FOUND, start=start, first=first, after=after)


def suggested(asking: Asking, given: Sequence[Suggestion]) -> Mapping[UUID | None, Article]:
    """The articles of these suggestions, by the article's id."""
    return by_id(asking, Article, rows.Article, (one.article_id for one in given))


def suggestions_of(asking: Asking, cases: Sequence[Shown]) -> Mapping[UUID, list[Suggestion]]:
    """The suggestions of these cases, best first."""
    found = asking.session.scalars(
        select(suggestions.Suggestion)
        .where(suggestions.Suggestion.case_id.in_([case.id for case in cases]))
        .order_by(suggestions.Suggestion.case_id, suggestions.Suggestion.position)
    )
    return grouped(Suggestion, found, lambda row: row.case_id)
