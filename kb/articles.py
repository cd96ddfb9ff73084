"""Articles: common issues with approved fixes, product sheets, answers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import String, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from intake.db import Base, Json, new_id, one_of, partial_index


class State(StrEnum):
    """Only a published article is suggested or sent."""

    DRAFT = "draft"
    PUBLISHED = "published"
    EXPIRED = "expired"
    ARCHIVED = "archived"


class Article(Base):
    """One article; `number` is what people call it by, such as KB-1042."""

    __tablename__ = "articles"
    # Few wait for a time at any time: what the clock looks through.
    __table_args__ = tuple(
        partial_index(f"ix_articles_{name}", name, where=f"{name} IS NOT NULL")
        for name in ("publish_at", "expire_at")
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    number: Mapped[str] = mapped_column(String(40), unique=True)
    title: Mapped[str]
    keywords: Mapped[list[str]] = mapped_column(Json, default=list)
    body: Mapped[str]
    language: Mapped[str] = mapped_column(String(16), default="en")
    state: Mapped[State] = mapped_column(one_of(State), default=State.PUBLISHED)
    internal: Mapped[bool] = mapped_column(default=False)
    """For agents only; never sent or shown to a customer."""
    publish_at: Mapped[datetime | None]
    """When it is to be published; None once it was."""
    expire_at: Mapped[datetime | None]
    """When it is to expire; None once it did."""
    updated_at: Mapped[datetime] = mapped_column(index=True)


def versions(session: Session) -> dict[UUID, datetime]:
    """When each published article was last changed."""
    rows = session.execute(
        select(Article.id, Article.updated_at).where(Article.state == State.PUBLISHED)
    )
    return dict(rows.all())


def by_ids(session: Session, ids: Sequence[UUID]) -> Iterator[Article]:
    """These articles, a few hundred at a time."""
    for start in range(0, len(ids), 500):
        some = Article.id.in_(ids[start : start + 500])
        yield from session.scalars(select(Article).where(some).order_by(Article.number))


def edition(session: Session) -> tuple[int, datetime | None]:
    """What changes whenever an article does: how many there are and the latest change."""
    row = session.execute(select(func.count(Article.id), func.max(Article.updated_at))).one()
    return row[0], row[1]
