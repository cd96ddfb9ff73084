"""Bringing mail in, and looking after what arrived."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from graph import importing, posting
from graph.cli.ground import fail, out, settings_in_force
from graph.cli.words import app, demo_app, inbound_app
from graph.opening import open_database
from intake import inbound
from intake.settings import Settings


@app.command()
def send(
    files: Annotated[list[Path], typer.Argument(exists=True, dir_okay=False)],
    to: Annotated[str, typer.Option(help="Instead of the addresses the mail names.")] = "",
) -> None:
    """Deliver mails to this desk by SMTP, as a mail server would."""
    found = settings_in_force()
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
    route: Annotated[
        bool, typer.Option(help="Let the routing rules say where each new case waits.")
    ] = True,
) -> None:
    """Bring in mail from an archive, and account for every message of it."""
    found = settings_in_force()
    with importing.opened(found) as house:
        account = importing.bring_in(
            house, kind, path, mailbox=mailbox, historic=not live, routed=route
        )
    out.print(account.as_table())
    if not account.agrees:
        fail("the sums do not agree: please report this", 1)


@inbound_app.command("list")
def inbound_list(
    state: Annotated[inbound.State, typer.Argument()] = inbound.State.QUARANTINED,
    limit: int = 50,
) -> None:
    """List kept messages of one state, the newest first, and count all."""
    db = open_database(settings_in_force())
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
    db = open_database(settings_in_force())
    with db.transaction() as session:
        retried = inbound.retry_all(session, ids)
    out.print(f"{retried} to be tried again")
    db.close()


@demo_app.command("mail")
def demo_mail() -> None:
    """Send a few mails of Contoso's customers to this desk."""
    from graph import demo

    found = settings_in_force()
    for number, raw in enumerate(demo.mails(), start=1):
        _posted(found, raw, "", f"mail {number}")


def _posted(settings: Settings, raw: bytes, to: str, label: str) -> None:
    try:
        answer = posting.post(settings, raw, to)
    except posting.NotTaken as error:
        fail(f"{label}: {error}", 1)
    out.print(f"{label}: {answer}")
