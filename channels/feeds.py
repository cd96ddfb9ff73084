"""Calendars of others, fetched: between the transaction that claims one and the one that notes it.

What comes is a stranger's bytes, which only a killable child reads.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from urllib.parse import urlsplit
from uuid import UUID

import structlog

from channels import guarded
from channels.sandbox import Sandbox, Unreadable
from intake import feeds
from intake.calendars import BadCalendar
from intake.calendars.icalendar import MOST_CHARACTERS
from intake.db import Database
from intake.desk import Desk
from intake.feeds import Call, Change

log = structlog.get_logger()

AT_ONCE = 5
LONGEST_TAG = 200


class Unusable(Exception):
    """There are no holidays to be had there; the text says why, for a person."""


@dataclass(frozen=True, slots=True)
class Found:
    """The holidays that are published, and how to ask later whether they changed."""

    days: Mapping[date, str]
    etag: str
    last_modified: str


def waiting(db: Database, *, at: datetime) -> bool:
    """Whether any feed is due; asked without disturbing those who write."""
    with db.reading() as session:
        return session.scalar(feeds.due(at).limit(1)) is not None


def fetch_due(db: Database, sandbox: Sandbox, desk: Desk, *, at: datetime) -> int:
    """Fetch what is due and bring it into the hours; how many feeds it was."""
    with db.transaction() as session:
        calls = feeds.claim(session, at=at, limit=AT_ONCE)
    for call in calls:
        _fetch(db, sandbox, desk, call, at)
    return len(calls)


def fetch_now(
    db: Database, sandbox: Sandbox, desk: Desk, feed_id: UUID, *, at: datetime
) -> Change | None:
    """Fetch that feed, due or not; what changed by it, if anything. Raises Unusable, which is
    noted with the feed as well."""
    with db.transaction() as session:
        calls = feeds.claim(session, at=at, limit=1, feed_id=feed_id)
    for call in calls:
        outcome = _fetch(db, sandbox, desk, call, at)
        if isinstance(outcome, Unusable):
            raise outcome
        return outcome
    raise Unusable("somebody else fetches it now, or it was removed")


def found_at(call: Call, sandbox: Sandbox, desk: Desk) -> Found | None:
    """What is published there now, or None when it has not changed. Raises Unusable."""
    page = _page_at(call, desk)
    if page.status == 304 and (call.etag or call.last_modified):
        return None
    if page.status != 200:
        raise Unusable(f"it answered {page.status}")
    if not page.content:
        raise Unusable("it answered with nothing")
    try:
        days = sandbox.holidays(page.content, call.years, call.zone)
    except (BadCalendar, Unreadable) as why:
        raise Unusable(str(why).removeprefix("file: ")) from None
    return Found(days, _kept(page.etag), _kept(page.last_modified))


def _fetch(
    db: Database, sandbox: Sandbox, desk: Desk, call: Call, at: datetime
) -> Change | Unusable | None:
    fields = {"feed": str(call.feed_id), "host": urlsplit(call.url).hostname}
    try:
        found = found_at(call, sandbox, desk)
    except Unusable as unusable:
        with db.transaction() as session:
            feeds.note_failure(session, call, str(unusable), desk, at=at)
        log.warning("holidays not fetched", **fields, why=str(unusable))
        return unusable
    with db.transaction() as session:
        if found is None:
            feeds.note_unchanged(session, call, at=at)
            return None
        change = feeds.note_days(
            session, call, found.days, etag=found.etag, last_modified=found.last_modified, at=at
        )
    log.info("holidays fetched", **fields, days=len(found.days), changed=change is not None)
    return change


def _page_at(call: Call, desk: Desk) -> guarded.Page:
    headers: dict[bytes | str, bytes | str] = {
        "user-agent": "Deskbell",
        "accept": "text/calendar, */*;q=0.1",
        "accept-encoding": "identity",  # nothing is unpacked, so nothing swells
    }
    if call.etag:
        headers["if-none-match"] = call.etag
    if call.last_modified:
        headers["if-modified-since"] = call.last_modified
    try:
        return guarded.get(
            call.url, headers, most_bytes=MOST_CHARACTERS, own_hosts=desk.webhook_hosts
        )
    except (guarded.Forbidden, guarded.NoAnswer) as nobody:
        raise Unusable(str(nobody)) from None
    except guarded.TooMuch as much:
        raise Unusable(f"it is too long: {much}") from None


def _kept(tag: str) -> str:
    """A mark of theirs that may be sent back as it came, or none."""
    return tag if tag.isascii() and tag.isprintable() and len(tag) <= LONGEST_TAG else ""
