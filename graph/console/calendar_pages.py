"""Business hours: seen as pictures, written in a form, and changed after a rehearsal.

Nothing is saved from the form at once: first the page shows which open deadlines would move, with
the hours as they would be, and asks for which cases the change is made.
"""

from __future__ import annotations

from datetime import date
from itertools import islice
from typing import Any

import orjson
from sqlalchemy import func, select, text
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from graph.console import calendar_form, hours_picture, rendering
from graph.console.filling import Filled, Misfilled, again
from graph.console.navigation import beside
from graph.console.visit import Visit, act, read
from graph.house import House
from intake import feeds, sla
from intake.agents import Act
from intake.calendars import BadCalendar, Calendar, NeverOpen, icalendar, public
from intake.errors import IntakeError, NotFound
from intake.feeds import HolidayFeed
from intake.nouns import noun
from intake.sla import KpiInstance, ServiceCalendar, changing, rehearsing
from intake.sla.changing import Scope
from intake.sla.clocks import LIVE_ROWS

MOVES_SHOWN = 200
MOST_FIELDS = 400
HOLIDAY_YEARS = 3
FRESH: dict[str, Any] = {
    "weekly": {day: [["09:00", "17:00"]] for day in ("mon", "tue", "wed", "thu", "fri")}
}


def routes(house: House) -> list[Route]:
    """The list, each calendar, its form, and the change that the rehearsal asks about."""
    one = "/calendars/{id:uuid}"
    return [
        Route("/calendars", read(house, _list), name="calendars"),
        Route("/calendars/new", read(house, _new), name="new-calendar"),
        Route(one, read(house, _page), name="calendar"),
        Route(f"{one}/edit", read(house, _edit), name="edit-calendar"),
        *(
            Route(path, act(house, page, mend, most_fields=MOST_FIELDS), methods=["POST"])
            for path, page, mend in (
                ("/calendars/new", _add, _form_again),
                (f"{one}/edit", _rehearse, _form_again),
                (f"{one}/holidays", _rehearse_holidays, _page_again),
                (f"{one}/change", _change, _page_again),
            )
        ),
    ]


def _list(visit: Visit) -> Response:
    visit.by.must(Act.READ)
    counts = (
        select(KpiInstance.calendar_id, func.count())
        .where(text(f"kpi_instances.{LIVE_ROWS}"))
        .group_by(KpiInstance.calendar_id)
    )
    return rendering.page(
        visit,
        "calendars.html",
        nav=beside(visit),
        rows=[
            (each, each.calendar, hours_picture.week(each.calendar.weekly))
            for each in sla.calendars(visit.session)
        ],
        running=dict(visit.session.execute(counts).all()),
        writing=visit.by.may(Act.ADMINISTER),
    )


def _page(visit: Visit) -> Response:
    return show(visit, Filled({}))


def show(visit: Visit, filled: Filled) -> Response:
    """The page of these hours, with what was typed into a form of it."""
    visit.by.must(Act.READ)
    found = _found(visit)
    calendar = found.calendar
    shown = _year(visit, calendar)
    return rendering.page(
        visit,
        "calendar.html",
        422 if filled.wrong or filled.reason else 200,
        nav=beside(visit),
        found=found,
        calendar=calendar,
        week=hours_picture.week(calendar.weekly),
        changes=[(day, hours_picture.week(week)) for day, week in calendar.changes.items()],
        year=shown,
        months=hours_picture.year(calendar, shown),
        days=hours_picture.named_days(calendar, shown),
        open_now=calendar.is_open(visit.at),
        feeds=feeds.of_calendars(visit.session, [found.id])[found.id],
        now=visit.at,
        filled=filled,
        labels=calendar_form.LABELS,
        writing=visit.by.may(Act.ADMINISTER),
    )


def _year(visit: Visit, calendar: Calendar) -> int:
    asked = visit.asked("year")
    at = visit.at.year
    return int(asked) if asked.isascii() and asked.isdigit() and 1900 < int(asked) < 2199 else at


def _new(visit: Visit) -> Response:
    zone = visit.house.settings.time_zone
    return _form(visit, Filled(calendar_form.of("", FRESH | {"zone": zone})), None)


def _edit(visit: Visit) -> Response:
    found = _found(visit)
    return _form(visit, Filled(calendar_form.of(found.name, found.hours)), found)


def _form(visit: Visit, filled: Filled, found: ServiceCalendar | None) -> Response:
    visit.by.must(Act.ADMINISTER)
    return rendering.page(
        visit,
        "calendar_form.html",
        422 if filled.wrong or filled.reason else 200,
        nav=beside(visit),
        found=found,
        filled=filled,
        labels=calendar_form.labels(filled.values),
        days=calendar_form.NAMES,
        changes=calendar_form.changes(filled.values),
    )


def _form_again(visit: Visit, error: IntakeError) -> Response:
    here = _found(visit) if "id" in visit.request.path_params else None
    return _form(visit, again(visit.form, error, calendar_form.LABELS), here)


def _page_again(visit: Visit, error: IntakeError) -> Response:
    if isinstance(error, BadCalendar | NeverOpen):
        error = Misfilled(calendar_form.at_its_field(error))
    return show(visit, again(visit.form, error, calendar_form.LABELS))


def _add(visit: Visit) -> Response:
    hours = calendar_form.read(visit.form)
    made = changing.add_calendar(visit.session, visit.by, visit.said("name"), hours, at=visit.at)
    return RedirectResponse(f"/calendars/{made.id}", 303)


def _rehearse(visit: Visit) -> Response:
    visit.by.must(Act.ADMINISTER)
    return rehearsed(visit, visit.said("name"), calendar_form.read(visit.form))


def _rehearse_holidays(visit: Visit) -> Response:
    """The hours with the public holidays of a country, or those of an iCalendar."""
    visit.by.must(Act.ADMINISTER)
    found = _found(visit)
    span = range(visit.at.year, visit.at.year + HOLIDAY_YEARS)
    country, ical = visit.said("country").strip().upper(), visit.said("file").strip()
    if bool(country) == bool(ical):
        raise Misfilled({"country": "say a country, or paste an iCalendar"})
    region = visit.said("region").strip().upper()
    if ical:
        days = icalendar.holidays(ical, span, zone=found.calendar.zone)
    else:
        days = public.of_country(country, region, span)
    return rehearsed(visit, found.name, changing.with_holidays(found.hours, days))


def rehearsed(
    visit: Visit, name: str, hours: dict[str, Any], feed: HolidayFeed | None = None
) -> Response:
    """Which deadlines other hours would move, and the question for whom they shall; of a feed when
    it is what offers them."""
    found = _found(visit)
    becomes = Calendar.from_json(hours)
    moves = list(rehearsing.moved_by_hours(visit.session, found.id, hours, at=visit.at))
    return rendering.page(
        visit,
        "calendar_change.html",
        nav=beside(visit),
        found=found,
        name=name,
        was=found.calendar,
        becomes=becomes,
        days=_days(found.calendar, becomes),
        week=hours_picture.week(becomes.weekly),
        hours=orjson.dumps(hours).decode(),
        feed=feed,
        moves=list(islice(moves, MOVES_SHOWN)),
        in_all=len(moves),
        filled=Filled({}),
    )


def _days(was: Calendar, becomes: Calendar) -> dict[str, list[tuple[date, str]]]:
    """The holidays that come, and those that go."""
    before, after = was.holidays.items(), becomes.holidays.items()
    return {"New": sorted(after - before), "No more": sorted(before - after)}


def _change(visit: Visit) -> Response:
    visit.by.must(Act.ADMINISTER)
    found = _found(visit)
    if visit.said("scope") not in tuple(Scope):
        raise Misfilled({"scope": f"choose for which {noun.many}"})
    try:
        hours, version = orjson.loads(visit.said("hours")), int(visit.said("version"))
    except ValueError:
        raise BadCalendar("weekly: the hours were lost on the way; fill them in again") from None
    changing.rename_calendar(visit.session, visit.by, found.id, visit.said("name"), at=visit.at)
    changing.change_hours(
        visit.session, visit.by, found.id, hours, Scope(visit.said("scope")),
        at=visit.at, version=version,
    )  # fmt: skip
    return RedirectResponse(f"/calendars/{found.id}", 303)


def _found(visit: Visit) -> ServiceCalendar:
    found = visit.session.get(ServiceCalendar, visit.request.path_params["id"])
    if found is None:
        raise NotFound("there is no such calendar")
    return found
