"""Which feeds the holidays of business hours come from, and what an administrator does to them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, ClassVar
from urllib.parse import urlsplit
from uuid import UUID

from sqlalchemy import String, UniqueConstraint, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from intake import endpoints, events
from intake.agents import Act, Principal
from intake.db import Base, Json, new_id, one_of, refers_to
from intake.desk import Desk
from intake.errors import IntakeError, NotFound
from intake.sla import changing
from intake.sla.changing import Scope

MOST_FEEDS = 10
MOST_HOURS = 30 * 24
DAILY_HOURS = 24


class WrongFeed(IntakeError):
    """A feed cannot be meant so; the text begins with the field that is wrong."""

    code: ClassVar[str] = "wrong-feed"


class FeedChanged(IntakeError):
    """Somebody changed the feed, or it was fetched anew, since it was read."""

    code: ClassVar[str] = "stale-version"


class HolidayFeed(Base):
    """An iCalendar at a URL, whose days are holidays of a calendar."""

    __tablename__ = "holiday_feeds"
    __table_args__ = (UniqueConstraint("calendar_id", "url"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    calendar_id: Mapped[UUID] = mapped_column(refers_to("service_calendars.id"))
    url: Mapped[str] = mapped_column(String(endpoints.LONGEST_URL))
    """Its path may be a secret, so that only administrators see it."""
    scope: Mapped[Scope | None] = mapped_column(one_of(Scope))
    """For which cases a change of its days is made at once; None: when somebody takes it."""
    every_hours: Mapped[int] = mapped_column(default=DAILY_HOURS)
    added_at: Mapped[datetime]
    next_at: Mapped[datetime] = mapped_column(index=True)
    """When it is fetched next."""
    fetched_at: Mapped[datetime | None]
    """When it last gave days, or said that they are the same."""
    days: Mapped[dict[str, Any]] = mapped_column(default=dict)
    """What it gave when it was last taken: day and name."""
    offered: Mapped[dict[str, Any] | None] = mapped_column(Json)
    """What it gives now and nobody took yet."""
    read_in: Mapped[int | None]
    """The year in which it was read: another year looks further ahead."""
    etag: Mapped[str] = mapped_column(String(200), default="")
    last_modified: Mapped[str] = mapped_column(String(200), default="")
    failures: Mapped[int] = mapped_column(default=0)
    """How many fetches in a row failed."""
    failed_at: Mapped[datetime | None]
    error: Mapped[str] = mapped_column(String(500), default="")
    """Why the last fetch failed; empty when it did not."""
    version: Mapped[int] = mapped_column(default=1)

    @property
    def host(self) -> str:
        """Where it is, without what may be a secret of its path."""
        return urlsplit(self.url).hostname or ""


def add(
    session: Session,
    by: Principal,
    calendar_id: UUID,
    url: str,
    *,
    scope: Scope | None,
    every_hours: int = DAILY_HOURS,
    desk: Desk,
    at: datetime,
) -> HolidayFeed:
    """Let a calendar follow a feed, which is fetched at once and then every so many hours.

    Raises WrongFeed or WrongEndpoint, naming the field.
    """
    by.must(Act.ADMINISTER)
    calendar = changing.present(session, calendar_id)
    url = endpoints.callable_url(as_called(url), desk.webhook_hosts)
    others = session.scalars(select(HolidayFeed.url).where(HolidayFeed.calendar_id == calendar_id))
    urls = others.all()
    if url in urls:
        raise WrongFeed(f"url: “{calendar.name}” follows that feed already")
    if len(urls) >= MOST_FEEDS:
        raise WrongFeed(f"url: a calendar follows {MOST_FEEDS} feeds at most")
    feed = HolidayFeed(
        id=new_id(),
        calendar_id=calendar_id,
        url=url,
        scope=scope,
        every_hours=_hours(every_hours),
        added_at=at,
        next_at=at,
        days={},
        version=1,
    )
    session.add(feed)
    session.flush()
    record(session, by, feed, "feed_added", at, scope=scope and scope.value)
    return feed


def change(
    session: Session,
    by: Principal,
    feed_id: UUID,
    *,
    scope: Scope | None,
    every_hours: int,
    at: datetime,
    version: int | None = None,
) -> HolidayFeed:
    """Say anew for which cases its changes are made, and how often it is fetched."""
    feed = locked(session, by, feed_id, version)
    feed.scope, feed.every_hours = scope, _hours(every_hours)
    feed.version += 1
    record(
        session, by, feed, "feed_changed", at, scope=scope and scope.value, every_hours=every_hours
    )
    return feed


def refresh(session: Session, by: Principal, feed_id: UUID, *, at: datetime) -> HolidayFeed:
    """Have it fetched now."""
    feed = locked(session, by, feed_id, None)
    feed.next_at = min(feed.next_at, at)
    return feed


def remove(
    session: Session, by: Principal, feed_id: UUID, *, at: datetime, version: int | None = None
) -> HolidayFeed:
    """Follow it no more; the holidays that it gave stay."""
    feed = locked(session, by, feed_id, version)
    session.delete(feed)
    record(session, by, feed, "feed_removed", at)
    return feed


def feed_of(session: Session, by: Principal, feed_id: UUID) -> HolidayFeed:
    """The feed, for whoever may read. Raises NotFound."""
    by.must(Act.READ)
    feed = session.get(HolidayFeed, feed_id)
    if feed is None:
        raise NotFound("there is no such feed")
    return feed


def of_calendars(session: Session, calendar_ids: Sequence[UUID]) -> dict[UUID, list[HolidayFeed]]:
    """The feeds of each of these calendars, in the order in which they were added."""
    found: dict[UUID, list[HolidayFeed]] = {id: [] for id in calendar_ids}
    rows = select(HolidayFeed).where(HolidayFeed.calendar_id.in_(calendar_ids))
    for feed in session.scalars(rows.order_by(HolidayFeed.added_at, HolidayFeed.id)):
        found[feed.calendar_id].append(feed)
    return found


def locked(session: Session, by: Principal, feed_id: UUID, version: int | None) -> HolidayFeed:
    """The feed, held to be changed by an administrator. Raises NotFound or FeedChanged."""
    by.must(Act.ADMINISTER)
    feed = held(session, feed_id)
    if feed is None:
        raise NotFound("there is no such feed")
    if version is not None and version != feed.version:
        raise FeedChanged("the feed changed since you read it: look again")
    return feed


def held(session: Session, feed_id: UUID) -> HolidayFeed | None:
    """The feed, locked, or None when it was removed."""
    return session.scalar(
        select(HolidayFeed)
        .where(HolidayFeed.id == feed_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )


def record(
    session: Session, by: Principal, feed: HolidayFeed, what: str, at: datetime, **data: Any
) -> None:
    """Put it down as a fact of its calendar."""
    events.record(
        session, f"calendar.{what}", at=at, actor=by,
        calendar=str(feed.calendar_id), feed=str(feed.id), host=feed.host, **data,
    )  # fmt: skip


def as_called(url: str) -> str:
    """The URL as it is called: calendars to subscribe to are often written as webcal."""
    url = url.strip()
    for scheme in ("webcal://", "webcals://"):
        if url.lower().startswith(scheme):
            return f"https://{url[len(scheme) :]}"
    return url


def _hours(number: int) -> int:
    if not 0 < number <= MOST_HOURS:
        raise WrongFeed(f"every_hours: from 1 to {MOST_HOURS} hours lie between two fetches")
    return number
