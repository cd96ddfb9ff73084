"""What a fetch brought: days that are taken into the hours, days that wait for a yes, or a failure.

Only what changed in the feed changes the hours, so that a day which somebody added or took out by
hand stays as they left it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from intake import notices
from intake.agents import SYSTEM, Principal
from intake.desk import Desk
from intake.feeds.subscribing import HolidayFeed, WrongFeed, held, locked, record
from intake.sla import changing
from intake.sla.changing import Scope
from intake.sla.promises import ServiceCalendar

LEASE = timedelta(minutes=2)
YEARS = 3
"""From this year on so many are read."""
WAITS = tuple(timedelta(minutes=m) for m in (5, 15, 60, 180, 360))
TOLD_AFTER = 3
"""After so many failures in a row the administrators hear of it."""


@dataclass(frozen=True, slots=True)
class Call:
    """A feed to fetch: where it is, what is known of it, and how its days are to be read."""

    feed_id: UUID
    url: str
    years: range
    zone: str
    etag: str = ""
    last_modified: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """What became of the days that a feed gave."""

    added: Mapping[str, str]
    removed: Mapping[str, str]
    waits: bool
    """Whether it is offered, and made when somebody takes it."""


def due(at: datetime) -> Select[HolidayFeed]:
    """The feeds to fetch by then, found by index."""
    return select(HolidayFeed).where(HolidayFeed.next_at <= at)


def claim(session: Session, *, at: datetime, limit: int, feed_id: UUID | None = None) -> list[Call]:
    """Take feeds that are due, or that one whenever it is, for LEASE: a crash gives them back."""
    wanted = due(at) if feed_id is None else select(HolidayFeed).where(HolidayFeed.id == feed_id)
    ordered = wanted.order_by(HolidayFeed.next_at, HolidayFeed.id).limit(limit)
    calls = []
    for feed in session.scalars(ordered.with_for_update(skip_locked=True)):
        feed.next_at = at + LEASE
        zone = session.get_one(ServiceCalendar, feed.calendar_id).calendar.zone
        year = at.astimezone(ZoneInfo(zone)).year
        same = feed.read_in == year
        calls.append(
            Call(
                feed.id,
                feed.url,
                range(year, year + YEARS),
                zone,
                feed.etag if same else "",
                feed.last_modified if same else "",
            )
        )
    return calls


def note_unchanged(session: Session, call: Call, *, at: datetime) -> None:
    """It said that its days are the same."""
    if feed := held(session, call.feed_id):
        _fetched(session, feed, at)


def note_days(
    session: Session,
    call: Call,
    days: Mapping[date, str],
    *,
    etag: str,
    last_modified: str,
    at: datetime,
) -> Change | None:
    """Bring the days into the hours, or offer them; None when nothing changes by them."""
    feed = held(session, call.feed_id)
    if feed is None:
        return None
    feed.etag, feed.last_modified, feed.read_in = etag, last_modified, call.years.start
    _fetched(session, feed, at)
    given = {day.isoformat(): name for day, name in days.items()}
    added, removed = _differences(session, feed, given, at)
    if not added and not removed:
        feed.days, feed.offered = given, None
        return None
    if feed.scope is not None:
        return _taken(session, SYSTEM, feed, given, feed.scope, at)
    if feed.offered != given:
        feed.offered = given
        feed.version += 1
        record(session, SYSTEM, feed, "feed_offered", at, added=added, removed=removed)
    return Change(added, removed, waits=True)


def note_failure(session: Session, call: Call, why: str, desk: Desk, *, at: datetime) -> None:
    """It could not be fetched or read: its holidays stay, and it is tried again, less and less."""
    feed = held(session, call.feed_id)
    if feed is None:
        return
    feed.failures += 1
    feed.failed_at, feed.error = at, why[:500]
    wait = WAITS[min(feed.failures, len(WAITS)) - 1]
    feed.next_at = at + min(wait, timedelta(hours=feed.every_hours))
    if feed.failures == 1:
        record(session, SYSTEM, feed, "feed_failed", at, why=feed.error)
    if feed.failures == TOLD_AFTER:
        name = session.get_one(ServiceCalendar, feed.calendar_id).name
        notices.tell_administrators(
            session, f"The holidays of “{name}” at {feed.host} cannot be fetched", desk=desk,
            key=f"feed:{feed.id}", at=at, page=f"/calendars/{feed.calendar_id}",
            details=[feed.error],
        )  # fmt: skip


def offered_hours(session: Session, feed: HolidayFeed, *, at: datetime) -> dict[str, Any]:
    """The hours as they would be with what a feed offers. Raises WrongFeed if it offers nothing."""
    if feed.offered is None:
        raise WrongFeed("feed: nothing of it waits to be taken")
    calendar = session.get_one(ServiceCalendar, feed.calendar_id)
    return _with(calendar.hours, feed.days, feed.offered, today=_today(calendar, at))


def take(
    session: Session,
    by: Principal,
    feed_id: UUID,
    scope: Scope,
    *,
    at: datetime,
    version: int | None = None,
) -> HolidayFeed:
    """Bring what a feed offers into the hours, for all cases or for new ones. Raises WrongFeed."""
    feed = locked(session, by, feed_id, version)
    if feed.offered is None:
        raise WrongFeed("feed: nothing of it waits to be taken")
    _taken(session, by, feed, feed.offered, scope, at)
    return feed


def _taken(
    session: Session,
    by: Principal,
    feed: HolidayFeed,
    given: Mapping[str, str],
    scope: Scope,
    at: datetime,
) -> Change:
    calendar = changing.present(session, feed.calendar_id)
    added, removed = _differences(session, feed, given, at)
    hours = _with(calendar.hours, feed.days, given, today=_today(calendar, at))
    moved = changing.change_hours(session, by, calendar.id, hours, scope, at=at)
    feed.days, feed.offered = dict(given), None
    feed.version += 1
    record(
        session, by, feed, "fed", at,
        added=added, removed=removed, scope=scope.value, clocks=moved,
    )  # fmt: skip
    return Change(added, removed, waits=False)


def _differences(
    session: Session, feed: HolidayFeed, given: Mapping[str, str], at: datetime
) -> tuple[dict[str, str], dict[str, str]]:
    """The holidays that the hours would gain, or call otherwise, and those that they would lose."""
    calendar = session.get_one(ServiceCalendar, feed.calendar_id)
    before = calendar.hours.get("holidays", {})
    after = _with(calendar.hours, feed.days, given, today=_today(calendar, at))["holidays"]
    return (
        {day: name for day, name in after.items() if before.get(day) != name},
        {day: name for day, name in before.items() if day not in after},
    )


def _with(
    hours: Mapping[str, Any], before: Mapping[str, str], given: Mapping[str, str], *, today: str
) -> dict[str, Any]:
    """The hours with what changed between two fetches, of the days from today on."""
    holidays = dict(hours.get("holidays", {}))
    for day, name in before.items():
        if day >= today and day not in given and holidays.get(day) == name:
            del holidays[day]
    for day, name in given.items():
        if day >= today and before.get(day) != name:
            holidays[day] = name
    return {**hours, "holidays": dict(sorted(holidays.items()))}


def _today(calendar: ServiceCalendar, at: datetime) -> str:
    return at.astimezone(ZoneInfo(calendar.calendar.zone)).date().isoformat()


def _fetched(session: Session, feed: HolidayFeed, at: datetime) -> None:
    if feed.failures:
        record(session, SYSTEM, feed, "feed_recovered", at, failures=feed.failures)
    feed.fetched_at, feed.next_at = at, at + timedelta(hours=feed.every_hours)
    feed.failures, feed.error = 0, ""
