"""Business hours."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from graph.cli.ground import fail, now, out, settings_in_force
from graph.cli.words import calendar_app
from graph.opening import open_database
from intake import agents, sla
from intake.calendars import icalendar, public
from intake.nouns import noun
from intake.sla import changing, rehearsing


@calendar_app.command("list")
def calendar_list() -> None:
    """List the business hours, in words."""
    db = open_database(settings_in_force())
    with db.reading() as session:
        for found in sla.calendars(session):
            out.print(f"{found.name}: {found.calendar.in_words()}")
    db.close()


@calendar_app.command("holidays")
def calendar_holidays(
    name: Annotated[str, typer.Argument(help="The calendar's name.")],
    country: Annotated[str, typer.Option(help="As in ISO 3166, such as ES.")] = "",
    region: Annotated[str, typer.Option(help="A region of the country, such as MD.")] = "",
    file: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="An iCalendar file.")
    ] = None,
    years: Annotated[int, typer.Option(min=1, max=10, help="How many, from this one.")] = 3,
    new_cases_only: Annotated[
        bool, typer.Option("--new-cases-only", help="Leave deadlines that run where they are.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show which deadlines would move, and change nothing.")
    ] = False,
) -> None:
    """Add public holidays, or those of a file, to a calendar; show which deadlines move."""
    if bool(country) == (file is not None):
        fail("say either --country or --file", 1)
    today = now()
    span = range(today.year, today.year + years)
    text = file.read_text(errors="replace") if file else ""
    db = open_database(settings_in_force())
    with db.transaction() as session:
        found = sla.calendar_named(session, name)
        if file:
            days = icalendar.holidays(text, span, zone=found.calendar.zone)
        else:
            days = public.of_country(country, region, span)
        hours = changing.with_holidays(found.hours, days)
        moves = list(rehearsing.moved_by_hours(session, found.id, hours, at=today))
        if not dry_run:
            scope = changing.Scope.NEW if new_cases_only else changing.Scope.ALL
            changing.change_hours(session, agents.SYSTEM, found.id, hours, scope, at=today)
    db.close()
    for move in moves:
        becomes = f"{move.becomes:%Y-%m-%d %H:%M %Z}" if move.becomes else "never"
        out.print(f"{noun} {move.case_number}: {move.kpi} {move.was:%Y-%m-%d %H:%M} → {becomes}")
    done = "would be added" if dry_run else "added"
    stay = " and stay where they are" if new_cases_only else ""
    out.print(f"{len(days)} holidays {done}; {len(moves)} deadlines are concerned{stay}")
