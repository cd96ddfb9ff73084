"""When articles are there for customers: published and taken back, at once or by the clock."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import ClassVar

from sqlalchemy import Select, or_, select
from sqlalchemy.orm import Session

from intake import events
from intake.agents import SYSTEM, Act, Principal
from intake.clock import DueWork
from intake.desk import Desk
from intake.errors import IntakeError, NotFound
from kb.articles import Article, State


class WrongTime(IntakeError):
    """An article cannot come or go then; the text begins with the field that is wrong."""

    code: ClassVar[str] = "wrong-time"


def schedule(
    session: Session,
    by: Principal,
    number: str,
    *,
    publish_at: datetime | None,
    expire_at: datetime | None,
    at: datetime,
) -> Article:
    """Say when an article is published and when it expires; None plans nothing, or gives up what
    was planned. Raises WrongTime.

    One that is to be published later is a draft until then.
    """
    found = _held(session, by, number)
    if publish_at is not None and publish_at <= at:
        raise WrongTime("publish_at: that is over; leave it out to publish at once")
    if expire_at is not None and expire_at <= max(at, publish_at or at):
        raise WrongTime("expire_at: an article expires after it was published, and not before now")
    found.publish_at, found.expire_at = publish_at, expire_at
    if publish_at is not None and found.state is not State.DRAFT:
        found.state, found.updated_at = State.DRAFT, at
    events.record(
        session, "article.scheduled", at=at, actor=by, article=number,
        publish_at=publish_at and publish_at.isoformat(),
        expire_at=expire_at and expire_at.isoformat(),
    )  # fmt: skip
    return found


def publish(session: Session, by: Principal, number: str, *, at: datetime) -> Article:
    """Have it suggested and sent from now on, until it expires if that is planned."""
    found = _held(session, by, number)
    if found.state is not State.PUBLISHED:
        found.state, found.publish_at, found.updated_at = State.PUBLISHED, None, at
        events.record(session, "article.published", at=at, actor=by, article=number)
    return found


def withdraw(session: Session, by: Principal, number: str, *, at: datetime) -> Article:
    """Make it a draft again, of which nothing is planned."""
    found = _held(session, by, number)
    if found.state is not State.DRAFT or found.publish_at is not None:
        found.state, found.updated_at = State.DRAFT, at
        found.publish_at = found.expire_at = None
        events.record(session, "article.withdrawn", at=at, actor=by, article=number)
    return found


def planned(session: Session, by: Principal) -> Sequence[Article]:
    """The articles of which something is planned, what comes first before the others."""
    by.must(Act.MANAGE)
    waits = or_(Article.publish_at.is_not(None), Article.expire_at.is_not(None))
    found = session.scalars(select(Article).where(waits)).all()
    return sorted(found, key=lambda each: (each.publish_at or each.expire_at, each.number))


def due(_desk: Desk, at: datetime) -> Select[Article]:
    """The articles whose time has come, found by index."""
    return select(Article).where(or_(Article.publish_at <= at, Article.expire_at <= at))


def move(session: Session, desk: Desk, *, at: datetime, limit: int) -> int:
    """Publish and take back what is due; how many articles it was."""
    found = session.scalars(
        due(desk, at).order_by(Article.number).limit(limit).with_for_update(skip_locked=True)
    ).all()
    for article in found:
        if article.publish_at is not None and article.publish_at <= at:
            _becomes(session, article, State.PUBLISHED, "article.published", article.publish_at, at)
            article.publish_at = None
        if article.expire_at is not None and article.expire_at <= at:
            _becomes(session, article, State.EXPIRED, "article.expired", article.expire_at, at)
            article.expire_at = None
    return len(found)


# What the clock moves besides its own; whoever ticks it passes this on, for it knows no articles.
DUE = (DueWork("articles", due, move),)


def _held(session: Session, by: Principal, number: str) -> Article:
    by.must(Act.MANAGE)
    found = session.scalar(select(Article).where(Article.number == number).with_for_update())
    if found is None:
        raise NotFound(f"there is no article {number}")
    return found


def _becomes(
    session: Session, article: Article, state: State, kind: str, due_at: datetime, at: datetime
) -> None:
    if article.state is State.ARCHIVED:
        return  # what was put away stays away
    article.state, article.updated_at = state, at
    events.record(
        session, kind, at=at, actor=SYSTEM, article=article.number, due_at=due_at.isoformat()
    )
