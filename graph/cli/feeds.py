"""Feeds of holidays that business hours follow."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated
from uuid import UUID

import typer
from rich.table import Column, Table
from sqlalchemy.orm import Session

from channels import feeds as fetching
from channels.sandbox import Sandbox
from graph.cli.ground import fail, now, out, settings_in_force
from graph.cli.words import feed_app
from graph.opening import desk_of, open_database
from intake import agents, feeds, sla
from intake.db import Database
from intake.desk import Desk
from intake.errors import NotFound
from intake.sla.changing import Scope


class TakenFor(StrEnum):
    """For which cases a change is made at once."""

    NEW = "new"
    ALL = "all"
    ASK = "ask"


SCOPES = {TakenFor.NEW: Scope.NEW, TakenFor.ALL: Scope.ALL, TakenFor.ASK: None}
Name = Annotated[str, typer.Argument(help="The calendar's name.")]
Url = Annotated[str, typer.Argument(help="The feed: https or webcal.")]


@feed_app.command("list")
def feed_list() -> None:
    """List the feeds, when each was fetched, and why not."""
    db = open_database(settings_in_force())
    # Whole, for it is what the other commands ask for.
    url = Column("feed", overflow="fold")
    table = Table("calendar", url, "fetched", "next", "state", box=None)
    with db.reading() as session:
        calendars = sla.calendars(session)
        followed = feeds.of_calendars(session, [calendar.id for calendar in calendars])
        for calendar in calendars:
            for feed in followed[calendar.id]:
                fetched = f"{feed.fetched_at:%Y-%m-%d %H:%M}" if feed.fetched_at else "never"
                state = feed.error or ("offers other days" if feed.offered else "up to date")
                next_at = f"{feed.next_at:%Y-%m-%d %H:%M}"
                table.add_row(calendar.name, feed.url, fetched, next_at, state)
    out.print(table)
    db.close()


@feed_app.command("add")
def feed_add(
    name: Name,
    url: Url,
    taken_for: Annotated[
        TakenFor,
        typer.Option("--for", help="Whose deadlines change with it; ask: none until taken."),
    ] = TakenFor.NEW,
    every_hours: Annotated[int, typer.Option(min=1, max=720, help="Between two fetches.")] = 24,
) -> None:
    """Let a calendar take its holidays from an iCalendar at a URL, and fetch it."""
    settings = settings_in_force()
    db, desk = open_database(settings), desk_of(settings)
    with db.transaction() as session:
        calendar = sla.calendar_named(session, name)
        feed = feeds.add(
            session, agents.SYSTEM, calendar.id, url, scope=SCOPES[taken_for],
            every_hours=every_hours, desk=desk, at=now(),
        )  # fmt: skip
        feed_id = feed.id
    _fetch(db, desk, feed_id)
    db.close()


@feed_app.command("refresh")
def feed_refresh(name: Name, url: Url) -> None:
    """Fetch a feed now, and say what changed."""
    settings = settings_in_force()
    db, desk = open_database(settings), desk_of(settings)
    with db.reading() as session:
        feed_id = _named(session, name, url)
    _fetch(db, desk, feed_id)
    db.close()


@feed_app.command("remove")
def feed_remove(name: Name, url: Url) -> None:
    """Follow a feed no more; the holidays that it gave stay."""
    db = open_database(settings_in_force())
    with db.transaction() as session:
        feeds.remove(session, agents.SYSTEM, _named(session, name, url), at=now())
    db.close()
    out.print("it is followed no more; the holidays that it gave stay")


def _fetch(db: Database, desk: Desk, feed_id: UUID) -> None:
    with Sandbox() as sandbox:
        try:
            change = fetching.fetch_now(db, sandbox, desk, feed_id, at=now())
        except fetching.Unusable as why:
            fail(f"not fetched: {why}; it is tried again by itself", 1)
    if change is None:
        out.print("fetched; nothing changed")
        return
    for sign, days in (("+", change.added), ("-", change.removed)):
        for day, called in days.items():
            out.print(f"{sign} {day} {called}")
    out.print("offered: take it on the calendar's page" if change.waits else "taken")


def _named(session: Session, name: str, url: str) -> UUID:
    """The feed of that calendar at that URL. Raises NotFound, naming those there are."""
    calendar = sla.calendar_named(session, name)
    followed = feeds.of_calendars(session, [calendar.id])[calendar.id]
    for feed in followed:
        if feed.url == feeds.as_called(url):
            return feed.id
    known = ", ".join(feed.url for feed in followed) or "none"
    raise NotFound(f"“{name}” follows no such feed; there is {known}")
