"""Feeds of holidays: followed, fetched again, taken, and followed no more."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from itertools import islice
from typing import Annotated
from uuid import UUID

import strawberry
from sqlalchemy.orm import Session

from graph.api.asking import Asking, Info
from graph.api.describing import described
from graph.api.doing import done
from graph.api.hours import Holiday, Scope
from graph.api.limits import FIRST_DEFAULT
from graph.api.loading import Shown, by_id, together
from graph.api.pages import First
from graph.api.problems import AnyProblem
from graph.api.rehearsals import Rehearsal, listed
from graph.api.slas import ServiceCalendar
from graph.api.work import Version
from intake import feeds
from intake import sla as rows
from intake.agents import Act, Principal
from intake.sla import rehearsing


@strawberry.type(description="An iCalendar at a URL, whose days become holidays of a calendar.")
class HolidayFeed(Shown):
    id: UUID = strawberry.field(description="The feed's id.")
    host: str = strawberry.field(description="The host that publishes it.")
    scope: Scope | None = strawberry.field(
        description="For which cases a change of its days is made at once; null: it is offered, "
        "and made by `takeHolidays`."
    )
    every_hours: int = strawberry.field(description="How many hours lie between two fetches.")
    next_at: datetime = strawberry.field(description="When it is fetched next.")
    fetched_at: datetime | None = strawberry.field(
        description="When it last gave its days, or said that they are the same."
    )
    failures: int = strawberry.field(description="How many fetches in a row failed.")
    failed_at: datetime | None = strawberry.field(description="When a fetch last failed.")
    error: str = strawberry.field(description="Why the last fetch failed; empty if it did not.")
    version: int = strawberry.field(description="Goes up with each change: `expectedVersion`.")

    @described("Where it is; null for those who do not administer, for it may be a secret.")
    def url(self, info: Info) -> str | None:
        url: str = self.row.url
        return url if info.context.principal.may(Act.ADMINISTER) else None

    @described("What it gave when it was last taken into the hours.")
    def days(self) -> list[Holiday]:
        return holidays(self.row.days)

    @described("What it gives now and nobody took yet; null when nothing waits.")
    def offered(self) -> list[Holiday] | None:
        return None if self.row.offered is None else holidays(self.row.offered)


@strawberry.type
class FeedQueries:
    @described(
        "Which open deadlines would move if the days that a feed offers were taken for all cases. "
        "Changes nothing; for managers."
    )
    def rehearse_holidays(self, info: Info, feed: UUID, first: First = FIRST_DEFAULT) -> Rehearsal:
        asking = info.context
        asking.principal.must(Act.MANAGE)
        found = feeds.feed_of(asking.session, asking.principal, feed)
        hours = feeds.offered_hours(asking.session, found, at=asking.at)
        moves = rehearsing.moved_by_hours(asking.session, found.calendar_id, hours, at=asking.at)
        return listed(list(islice(moves, first + 1)), first)


@strawberry.type(description="It was done.")
class HolidayFeedChanged:
    feed_id: strawberry.Private[UUID]
    calendar_id: strawberry.Private[UUID]

    @described("The feed now; null when it was removed.")
    def feed(self, info: Info) -> HolidayFeed | None:
        found = by_id(info.context, HolidayFeed, feeds.HolidayFeed, [self.feed_id])
        return found.get(self.feed_id)

    @described("The calendar now.")
    def calendar(self, info: Info) -> ServiceCalendar | None:
        found = by_id(info.context, ServiceCalendar, rows.ServiceCalendar, [self.calendar_id])
        return found.get(self.calendar_id)


HolidayFeedResult = Annotated[
    HolidayFeedChanged | AnyProblem,
    strawberry.union("HolidayFeedResult", description="It was done, or why it was not."),
]
FeedScope = Annotated[
    Scope | None,
    strawberry.argument(
        description="For which cases a change of its days is made; null: it waits until somebody "
        "takes it."
    ),
]
EveryHours = Annotated[
    int, strawberry.argument(description="How many hours lie between two fetches.")
]


@strawberry.type
class FeedMutations:
    @described(
        "Let a calendar take its holidays from an iCalendar at a URL: https or webcal. It is "
        "fetched at once, then by itself. For administrators."
    )
    def add_holiday_feed(
        self,
        info: Info,
        calendar: UUID,
        url: str,
        scope: FeedScope = Scope.NEW,
        every_hours: EveryHours = feeds.DAILY_HOURS,
    ) -> HolidayFeedResult:
        asking = info.context
        return _done(
            info,
            lambda session, by: feeds.add(
                session, by, calendar, url, scope=scope, every_hours=every_hours,
                desk=asking.house.desk, at=asking.at,
            ),
        )  # fmt: skip

    @described("Say anew how a feed is followed. For administrators.")
    def change_holiday_feed(
        self,
        info: Info,
        id: UUID,
        scope: FeedScope,
        every_hours: EveryHours,
        expected_version: Version = None,
    ) -> HolidayFeedResult:
        at = info.context.at
        return _done(
            info,
            lambda session, by: feeds.change(
                session, by, id, scope=scope, every_hours=every_hours, at=at,
                version=expected_version,
            ),
        )  # fmt: skip

    @described("Have a feed fetched now, within seconds. For administrators.")
    def refresh_holiday_feed(self, info: Info, id: UUID) -> HolidayFeedResult:
        at = info.context.at
        return _done(info, lambda session, by: feeds.refresh(session, by, id, at=at))

    @described("Take the days that a feed offers, for all or for new cases. For administrators.")
    def take_holidays(
        self, info: Info, feed: UUID, scope: Scope, expected_version: Version = None
    ) -> HolidayFeedResult:
        at = info.context.at
        return _done(
            info,
            lambda session, by: feeds.take(
                session, by, feed, scope, at=at, version=expected_version
            ),
        )

    @described("Follow a feed no more; the holidays it gave stay. For administrators.")
    def remove_holiday_feed(
        self, info: Info, id: UUID, expected_version: Version = None
    ) -> HolidayFeedResult:
        at = info.context.at
        return _done(
            info,
            lambda session, by: feeds.remove(session, by, id, at=at, version=expected_version),
        )


def feeds_of(
    asking: Asking, calendars: Sequence[ServiceCalendar]
) -> Mapping[UUID, list[HolidayFeed]]:
    """The feeds that each of these calendars follows."""
    found = feeds.of_calendars(asking.session, [calendar.id for calendar in calendars])
    shown = iter(together(HolidayFeed, (feed for each in found.values() for feed in each)))
    return {id: list(islice(shown, len(each))) for id, each in found.items()}


def holidays(days: Mapping[str, str]) -> list[Holiday]:
    return [Holiday(day=date.fromisoformat(day), name=name) for day, name in days.items()]


def _done(
    info: Info, act: Callable[[Session, Principal], feeds.HolidayFeed]
) -> HolidayFeedChanged | AnyProblem:

    def acted(session: Session, by: Principal) -> HolidayFeedChanged:
        feed = act(session, by)
        return HolidayFeedChanged(feed_id=feed.id, calendar_id=feed.calendar_id)

    return done(info, acted)
