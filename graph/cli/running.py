"""Running a desk, and asking how it is."""

from __future__ import annotations

import sys
from typing import Annotated

import typer
from rich.table import Table

from graph import starting
from graph.cli.ground import fail, instant, now, out, settings_in_force
from graph.cli.words import app, db_app
from graph.due import ABOVE
from graph.duties import Duty
from graph.duties import run as run_duties
from graph.opening import desk_of, open_database
from intake import clock, migrations
from intake.settings import Settings


@app.command()
def up(
    demo: Annotated[bool, typer.Option(help="Plant Contoso in an empty desk.")] = False,
    unsafe: Annotated[bool, typer.Option(help="Start on an unsafe database too.")] = False,
) -> None:
    """Run the whole desk on this machine until Ctrl-C."""
    starting.up(settings_in_force(serves=True, unsafe=unsafe), demo=demo)


@app.command()
def run(
    duties: Annotated[list[Duty], typer.Argument(help="What this process does.")],
    unsafe: Annotated[bool, typer.Option(help="Start on an unsafe database too.")] = False,
    until_parent_ends: Annotated[bool, typer.Option(hidden=True)] = False,
) -> None:
    """Run one duty, or several in one process."""
    run_duties(
        settings_in_force(serves=True, unsafe=unsafe), duties, until_parent_ends=until_parent_ends
    )


@app.command()
def health(
    what: Annotated[starting.Part, typer.Argument(help="The part of the desk to ask.")],
) -> None:
    """Ask a running part of the desk whether it is ready; exit code 1 when not."""
    if problem := starting.problem_with(settings_in_force(), what):
        fail(problem, 1)
    out.print(f"{what} is ready")


@app.command()
def settings() -> None:
    """Show the settings in force; secrets stay hidden."""
    found = settings_in_force()
    table = Table("setting", "value", "what it is", box=None)
    for name, field in Settings.model_fields.items():
        table.add_row(name, found.shown(name), field.description or "")
    out.print(table)


@app.command("clock")
def clock_(
    at: Annotated[
        str, typer.Option(help="An instant such as 2026-03-02T17:00+01:00; now if not said.")
    ] = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would happen, and undo it.")
    ] = False,
) -> None:
    """Move everything that time moves, as the worker does each second."""
    found = settings_in_force()
    moment = instant(at) if at else now()
    if not dry_run and moment > now():
        fail("that is not yet: look ahead with --dry-run", 1)
    db = open_database(found)
    with db.transaction() as session:
        since = now() if dry_run else None
        happened = clock.foresee(session, desk_of(found), at=moment, since=since, more=ABOVE)
        lines = [clock.in_words(row) for row in happened]
        if dry_run:
            session.rollback()
    db.close()
    for line in lines:
        out.print(line)
    would = "would happen" if dry_run else "happened"
    out.print(f"{len(lines)} things {would} by {moment:%Y-%m-%d %H:%M %Z}")


@app.command()
def schema() -> None:
    """Print the GraphQL schema."""
    from graph.api.schema import sdl

    sys.stdout.write(sdl())


@db_app.command("upgrade")
def db_upgrade() -> None:
    """Bring the database to the schema this program needs."""
    found = settings_in_force()
    db = open_database(found, upgrade=True)
    out.print(f"the database is at {migrations.head()}")
    db.close()
