"""When articles come and go."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

import strawberry

from graph.api.articles import Article
from graph.api.asking import Info
from graph.api.describing import described
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
        asking = info.context
        try:
            with asking.acting() as session:
                planned = publishing.schedule(
                    session, asking.principal, number,
                    publish_at=publish_at, expire_at=expire_at, at=asking.at,
                )  # fmt: skip
                return ArticleChanged(article_id=planned.id)
        except IntakeError as error:
            return problem(error)
