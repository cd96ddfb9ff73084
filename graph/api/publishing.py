"""When articles come and go."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Annotated
from uuid import UUID

import strawberry

from graph.api.articles import Article
from graph.api.asking import Info
from graph.api.describing import described
from graph.api.loading import together
from graph.api.problems import AnyProblem, problem
from intake.errors import IntakeError
from kb import articles as rows
from kb import publishing


@strawberry.type(description="It was done.")
class ArticleChanged:
    article_id: strawberry.Private[UUID]

    @described("The article now.")
    def article(self, info: Info) -> Article:
        return Article.of(info.context.session.get_one(rows.Article, self.article_id))


ArticleResult = Annotated[
    ArticleChanged | AnyProblem,
    strawberry.union("ArticleResult", description="It was done, or why it was not."),
]


@strawberry.type
class PublishingQueries:
    @described(
        "The articles that are to be published or to expire, whatever their state, what comes "
        "first before the others. For managers."
    )
    def planned_articles(self, info: Info) -> list[Article]:
        asking = info.context
        return together(Article, publishing.planned(asking.session, asking.principal))


@strawberry.type
class PublishingMutations:
    @described(
        "Plan when an article is published, until when it is a draft, and when it expires; null "
        "plans nothing. For managers."
    )
    def schedule_article(
        self,
        info: Info,
        number: str,
        publish_at: datetime | None = None,
        expire_at: datetime | None = None,
    ) -> ArticleResult:
        return _done(
            info, partial(publishing.schedule, publish_at=publish_at, expire_at=expire_at), number
        )

    @described("Publish an article now; when it expires stays planned. For managers.")
    def publish_article(self, info: Info, number: str) -> ArticleResult:
        return _done(info, publishing.publish, number)

    @described("Make an article a draft again, of which nothing is planned. For managers.")
    def withdraw_article(self, info: Info, number: str) -> ArticleResult:
        return _done(info, publishing.withdraw, number)


def _done(info: Info, act: Callable[..., rows.Article], number: str) -> ArticleChanged | AnyProblem:
    asking = info.context
    try:
        with asking.acting() as session:
            changed = act(session, asking.principal, number, at=asking.at)
            return ArticleChanged(article_id=changed.id)
    except IntakeError as error:
        return problem(error)
