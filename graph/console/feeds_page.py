"""Feeds of holidays, on the page of the hours that follow them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from graph.console import calendar_pages
from graph.console.filling import Misfilled, Reader, again
from graph.console.visit import Visit, act, read
from graph.house import House
from intake import feeds
from intake.agents import Act
from intake.errors import IntakeError, NotFound
from intake.feeds import HolidayFeed
from intake.nouns import noun
from intake.sla.changing import Scope

ASK = "when somebody takes it"
LABELS = {"url": "Address", "scope": "Taken for", "every_hours": "Hours between"}


def routes(house: House) -> list[Route]:
    """A new feed, what one offers, and one address for each act."""
    all_of_them = "/calendars/{id:uuid}/feeds"
    one = f"{all_of_them}/{{feed:uuid}}"
    return [
        Route(all_of_them, act(house, _add, _again), methods=["POST"]),
        Route(one, read(house, _offered), name="feed"),
        *(
            Route(f"{one}/{name}", act(house, partial(_do, done), _again), methods=["POST"])
            for name, done in ACTS.items()
        ),
    ]


def _add(visit: Visit) -> Response:
    visit.by.must(Act.ADMINISTER)
    reader = Reader(visit.form)
    every_hours = reader.whole("every_hours", feeds.DAILY_HOURS)
    reader.finish()
    feeds.add(
        visit.session, visit.by, visit.request.path_params["id"], visit.said("url"),
        scope=_scope(visit), every_hours=every_hours, desk=visit.house.desk, at=visit.at,
    )  # fmt: skip
    return _back(visit)


def _offered(visit: Visit) -> Response:
    visit.by.must(Act.ADMINISTER)
    feed = _found(visit)
    hours = feeds.offered_hours(visit.session, feed, at=visit.at)
    return calendar_pages.rehearsed(visit, "", hours, feed)


def _do(done: Callable[[Visit, HolidayFeed, int | None], object], visit: Visit) -> Response:
    visit.by.must(Act.ADMINISTER)
    done(visit, _found(visit), Reader(visit.form).whole_or_none("version"))
    return _back(visit)


def _change(visit: Visit, feed: HolidayFeed, version: int | None) -> None:
    reader = Reader(visit.form)
    every_hours = reader.whole("every_hours", feeds.DAILY_HOURS)
    reader.finish()
    feeds.change(
        visit.session, visit.by, feed.id, scope=_scope(visit), every_hours=every_hours,
        at=visit.at, version=version,
    )  # fmt: skip


def _refresh(visit: Visit, feed: HolidayFeed, _version: int | None) -> None:
    feeds.refresh(visit.session, visit.by, feed.id, at=visit.at)


def _take(visit: Visit, feed: HolidayFeed, version: int | None) -> None:
    scope = _scope(visit)
    if scope is None:
        raise Misfilled({"scope": f"choose for which {noun.many}"})
    feeds.take(visit.session, visit.by, feed.id, scope, at=visit.at, version=version)


def _remove(visit: Visit, feed: HolidayFeed, version: int | None) -> None:
    feeds.remove(visit.session, visit.by, feed.id, at=visit.at, version=version)


ACTS = {"change": _change, "refresh": _refresh, "take": _take, "remove": _remove}


def _scope(visit: Visit) -> Scope | None:
    """For which cases; None: when somebody takes it."""
    said = visit.said("scope")
    if said not in (*Scope, ASK):
        raise Misfilled({"scope": f"choose for which {noun.many}"})
    return None if said == ASK else Scope(said)


def _found(visit: Visit) -> HolidayFeed:
    feed = feeds.feed_of(visit.session, visit.by, visit.request.path_params["feed"])
    if feed.calendar_id != visit.request.path_params["id"]:
        raise NotFound("there is no such feed")
    return feed


def _back(visit: Visit) -> Response:
    return RedirectResponse(f"/calendars/{visit.request.path_params['id']}#p-feeds", 303)


def _again(visit: Visit, error: IntakeError) -> Response:
    return calendar_pages.show(visit, again(visit.form, error, LABELS))
