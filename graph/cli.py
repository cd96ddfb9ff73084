"""The `deskbell` command: run a desk, look after it, bring things in."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError, OperationalError

from channels.email.composing import Unsendable, address_on_the_wire
from graph import importing, posting, starting
from graph.duties import Duty
from graph.duties import run as run_duties
from graph.exchange.commands import app as csv_app
from graph.exchange.invoices import app as billing_app
from graph.opening import NotStarted, desk_of, open_database, set_up_log
from intake import agents, clock, inbound, migrations, sla
from intake.agents import Agent, Role
from intake.calendars import public
from intake.db import Busy, Unsafe
from intake.errors import IntakeError
from intake.migrations import WrongSchema
from intake.queues import Queue, every
from intake.settings import Settings, WrongSettings, load
from intake.sla import rehearsing

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
db_app = typer.Typer(no_args_is_help=True, help="The database.")
inbound_app = typer.Typer(no_args_is_help=True, help="Messages as they arrived.")
demo_app = typer.Typer(no_args_is_help=True, help="Contoso, a desk to try out.")
agent_app = typer.Typer(no_args_is_help=True, help="Who works here.")
calendar_app = typer.Typer(no_args_is_help=True, help="Business hours.")
queue_app = typer.Typer(no_args_is_help=True, help="Where cases wait.")
phone_app = typer.Typer(no_args_is_help=True, help="Calls.")
for name, group in (
    ("db", db_app),
    ("inbound", inbound_app),
    ("demo", demo_app),
    ("agent", agent_app),
    ("calendar", calendar_app),
    ("queue", queue_app),
    ("phone", phone_app),
    ("csv", csv_app),
    ("billing", billing_app),
):
    app.add_typer(group, name=name)

# No markup: what is printed may hold brackets that a stranger wrote.
out = Console(highlight=False, markup=False)
# A wrong setting, an unsafe database: the operator must change something before a start.
CANNOT_START = 2


def main() -> None:
    """Run the command; what a person can mend ends it with one line instead of a traceback."""
    try:
        app()
    except (WrongSettings, Unsafe, WrongSchema, NotStarted) as error:
        _fail(str(error), CANNOT_START)
    except IntakeError as error:
        _fail(str(error), 1)
    except (OperationalError, Busy) as error:
        _fail(f"the database is away: {str(error).splitlines()[0]}", 1)
    except IntegrityError:
        _fail("nothing was changed: that name, address or Slack user is taken already", 1)
    except OSError as error:
        _fail(str(error), 1)


@app.command()
def up(
    demo: Annotated[bool, typer.Option(help="Plant Contoso in an empty desk.")] = False,
    unsafe: Annotated[bool, typer.Option(help="Start on an unsafe database too.")] = False,
) -> None:
    """Run the whole desk on this machine until Ctrl-C."""
    starting.up(_settings(serves=True, unsafe=unsafe), demo=demo)


@app.command()
def run(
    duties: Annotated[list[Duty], typer.Argument(help="What this process does.")],
    unsafe: Annotated[bool, typer.Option(help="Start on an unsafe database too.")] = False,
    until_parent_ends: Annotated[bool, typer.Option(hidden=True)] = False,
) -> None:
    """Run one duty, or several in one process."""
    run_duties(_settings(serves=True, unsafe=unsafe), duties, until_parent_ends=until_parent_ends)


@app.command()
def health(
    what: Annotated[starting.Part, typer.Argument(help="The part of the desk to ask.")],
) -> None:
    """Ask a running part of the desk whether it is ready; exit code 1 when not."""
    if problem := starting.problem_with(_settings(), what):
        _fail(problem, 1)
    out.print(f"{what} is ready")


@app.command()
def settings() -> None:
    """Show the settings in force; secrets stay hidden."""
    found = _settings()
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
    found = _settings()
    instant = _instant(at) if at else _now()
    if not dry_run and instant > _now():
        _fail("that is not yet: look ahead with --dry-run", 1)
    db = open_database(found)
    with db.transaction() as session:
        happened = clock.foresee(session, desk_of(found), at=instant)
        lines = [clock.in_words(row) for row in happened]
        if dry_run:
            session.rollback()
    db.close()
    for line in lines:
        out.print(line)
    would = "would happen" if dry_run else "happened"
    out.print(f"{len(lines)} things {would} by {instant:%Y-%m-%d %H:%M %Z}")


@app.command()
def schema() -> None:
    """Print the GraphQL schema."""
    from graph.api.schema import sdl

    sys.stdout.write(sdl())


@app.command()
def send(
    files: Annotated[list[Path], typer.Argument(exists=True, dir_okay=False)],
    to: Annotated[str, typer.Option(help="Instead of the addresses the mail names.")] = "",
) -> None:
    """Deliver mails to this desk by SMTP, as a mail server would."""
    found = _settings()
    for file in files:
        _posted(found, file.read_bytes(), to, file.name)


@app.command("import")
def import_(
    kind: Annotated[importing.Kind, typer.Argument()],
    path: Annotated[Path, typer.Argument(exists=True)],
    mailbox: Annotated[str, typer.Option(help="The queue address it came to.")] = "",
    live: Annotated[
        bool, typer.Option(help="Acknowledge, announce and time it like mail of now.")
    ] = False,
) -> None:
    """Bring in mail from an archive, and account for every message of it."""
    found = _settings()
    with importing.opened(found) as house:
        account = importing.bring_in(house, kind, path, mailbox=mailbox, historic=not live)
    out.print(account.as_table())
    if not account.agrees:
        _fail("the sums do not agree: please report this", 1)


@db_app.command("upgrade")
def db_upgrade() -> None:
    """Bring the database to the schema this program needs."""
    found = _settings()
    db = open_database(found, upgrade=True)
    out.print(f"the database is at {migrations.head()}")
    db.close()


@inbound_app.command("list")
def inbound_list(
    state: Annotated[inbound.State, typer.Argument()] = inbound.State.QUARANTINED,
    limit: int = 50,
) -> None:
    """List kept messages of one state, the newest first, and count all."""
    db = open_database(_settings())
    with db.reading() as session:
        table = Table("id", "received", "channel", "bytes", "tries", "why", box=None)
        table.columns[0].no_wrap = True
        table.columns[0].min_width = 36
        for row in inbound.in_state(session, state, limit=limit):
            table.add_row(
                str(row.id),
                f"{row.received_at:%Y-%m-%d %H:%M}",
                row.channel,
                str(row.size_bytes),
                str(row.attempts),
                row.reason,
            )
        out.print(table)
        counts = inbound.account_of(session)
    out.print("  ".join(f"{state}: {count}" for state, count in counts.items()))
    db.close()


@inbound_app.command("retry")
def inbound_retry(
    ids: Annotated[list[str] | None, typer.Argument(help="None: all that are quarantined.")] = None,
) -> None:
    """Give quarantined messages another try."""
    db = open_database(_settings())
    with db.transaction() as session:
        retried = inbound.retry_all(session, ids)
    out.print(f"{retried} to be tried again")
    db.close()


@demo_app.command("mail")
def demo_mail() -> None:
    """Send a few mails of Contoso's customers to this desk."""
    from graph import demo

    found = _settings()
    for number, raw in enumerate(demo.mails(), start=1):
        _posted(found, raw, "", f"mail {number}")


@agent_app.command("add")
def agent_add(
    name: str,
    email: str,
    role: Role = Role.AGENT,
    slack_user: Annotated[str | None, typer.Option(help="The Slack user id, U…")] = None,
) -> None:
    """Let somebody work here."""
    db = open_database(_settings())
    with db.transaction() as session:
        agents.add(session, name=name, email=email, role=role, slack_user=slack_user, at=_now())
    out.print(f"{name} works here as {role}")
    db.close()


@agent_app.command("set")
def agent_set(
    email: str,
    role: Annotated[Role | None, typer.Option()] = None,
    slack_user: Annotated[str | None, typer.Option(help="The Slack user id, U…")] = None,
    active: Annotated[bool | None, typer.Option(help="Whether they work here.")] = None,
) -> None:
    """Change what an agent may do, who they are in Slack, or whether they work here."""
    db = open_database(_settings())
    with db.transaction() as session:
        agent = session.scalar(select(Agent).where(Agent.email == email.lower()))
        if agent is None:
            raise IntakeError(f"{email} does not work here; `deskbell agent add` lets somebody in")
        agent.role = role or agent.role
        agent.active = agent.active if active is None else active
        if slack_user is not None:
            agent.slack_user = slack_user or None
    out.print(f"{agent.name} changed")
    db.close()


@agent_app.command("sign-in-link")
def agent_link(email: str) -> None:
    """Print a link that signs an agent in once, within 15 minutes."""
    found = _settings()
    db = open_database(found)
    with db.transaction() as session:
        out.print(starting.sign_in_url(session, found, _agent(agents.by_email(session, email))))
    db.close()


@agent_app.command("token")
def agent_token(
    email: str,
    name: str = "command line",
    days: Annotated[int, typer.Option(min=1, max=3660)] = 90,
) -> None:
    """Print a new API token that acts for an agent; it is shown once."""
    db = open_database(_settings())
    with db.transaction() as session:
        agent = _agent(agents.by_email(session, email))
        lasts = timedelta(days=days)
        out.print(agents.add_token(session, agent, name=name, at=_now(), lasts=lasts))
    db.close()


@calendar_app.command("list")
def calendar_list() -> None:
    """List the business hours, in words."""
    db = open_database(_settings())
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
        _fail("say either --country or --file", 1)
    now = _now()
    span = range(now.year, now.year + years)
    text = file.read_text(errors="replace") if file else ""
    days = public.of_icalendar(text, span) if file else public.of_country(country, region, span)
    db = open_database(_settings())
    with db.transaction() as session:
        found = sla.calendar_named(session, name)
        hours = {**found.hours, "holidays": {**found.hours.get("holidays", {}), **_written(days)}}
        moves = list(rehearsing.moved_by_hours(session, found.id, hours, at=now))
        if not dry_run:
            scope = rehearsing.Scope.NEW if new_cases_only else rehearsing.Scope.ALL
            rehearsing.change_hours(session, agents.SYSTEM, found.id, hours, scope, at=now)
    db.close()
    for move in moves:
        becomes = f"{move.becomes:%Y-%m-%d %H:%M %Z}" if move.becomes else "never"
        out.print(f"case {move.case_number}: {move.kpi} {move.was:%Y-%m-%d %H:%M} → {becomes}")
    done = "would be added" if dry_run else "added"
    stay = " and stay where they are" if new_cases_only else ""
    out.print(f"{len(days)} holidays {done}; {len(moves)} deadlines are concerned{stay}")


@queue_app.command("list")
def queue_list() -> None:
    """List the queues."""
    db = open_database(_settings())
    with db.reading() as session:
        table = Table("name", "address", "slack channel", "default", box=None)
        for queue in every(session).every:
            table.add_row(
                queue.name, queue.address or "", queue.slack_channel, "yes" * queue.is_default
            )
        out.print(table)
    db.close()


@queue_app.command("add")
def queue_add(name: str, address: str = "", slack_channel: str = "") -> None:
    """Add a queue; `address` is the mailbox that feeds it."""
    db = open_database(_settings())
    with db.transaction() as session:
        first = not every(session).every
        session.add(
            Queue(
                name=name,
                address=_mailbox(address),
                slack_channel=slack_channel,
                is_default=first,
            )
        )
    out.print(f"queue {name} added")
    db.close()


@queue_app.command("set")
def queue_set(
    name: str,
    address: Annotated[str | None, typer.Option(help="The mailbox that feeds it.")] = None,
    slack_channel: Annotated[str | None, typer.Option(help="Where it is announced, C…")] = None,
) -> None:
    """Change a queue's address or Slack channel; an empty text takes it away."""
    db = open_database(_settings())
    with db.transaction() as session:
        queue = session.scalar(select(Queue).where(Queue.name == name))
        if queue is None:
            raise IntakeError(
                f"there is no queue {name}; `deskbell queue list` shows those there are"
            )
        if address is not None:
            queue.address = _mailbox(address)
        if slack_channel is not None:
            queue.slack_channel = slack_channel
    out.print(f"queue {name} changed")
    db.close()


@phone_app.command("log")
def phone_log(
    caller: Annotated[str, typer.Argument(help="The number, or empty when withheld.")],
    subject: str,
    text: str,
    name: str = "",
    minutes: Annotated[int, typer.Option(min=0, max=1440)] = 0,
) -> None:
    """Write down a call; it opens a case like any other message."""
    from channels import phone

    found = _settings()
    arrived = phone.arrived(
        caller=caller,
        name=name,
        subject=subject,
        text=text,
        duration_minutes=minutes,
        agent="command line",
        region=found.phone_region,
        at=_now(),
    )
    with importing.opened(found) as house:
        out.print(importing.file_one(house, arrived))


def _written(days: Mapping[date, str]) -> dict[str, str]:
    return {day.isoformat(): name for day, name in days.items()}


def _posted(settings: Settings, raw: bytes, to: str, label: str) -> None:
    try:
        answer = posting.post(settings, raw, to)
    except posting.NotTaken as error:
        _fail(f"{label}: {error}", 1)
    out.print(f"{label}: {answer}")


def _mailbox(address: str) -> str | None:
    """The address as mail names it; None for an empty one. Raises IntakeError."""
    try:
        return address_on_the_wire(address.lower()) if address else None
    except Unsendable as error:
        raise IntakeError(str(error)) from None


def _agent(found: Agent | None) -> Agent:
    if found is None:
        raise IntakeError("there is no active agent with that address")
    return found


def _settings(*, serves: bool = False, unsafe: bool = False) -> Settings:
    found = load(**({"unsafe_durability": True} if unsafe else {}))
    # A command answers its user in words of its own; only a desk that runs tells all it does.
    set_up_log(found if serves else found.model_copy(update={"log_level": "warning"}))
    return found


def _instant(text: str) -> datetime:
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise IntakeError(
            f"--at: {text!r:.40} is not an instant such as 2026-03-02T17:00Z"
        ) from None
    return instant.astimezone(UTC) if instant.tzinfo else instant.replace(tzinfo=UTC)


def _now() -> datetime:
    return datetime.now(UTC)


def _fail(line: str, code: int) -> None:
    err = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)
    err.print(f"deskbell: {line}", style="red")
    sys.exit(code)
