"""Webhooks: who else hears of what happens here."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import typer
from rich.table import Table

from graph.cli.ground import fail, now, out, settings_in_force
from graph.cli.words import webhook_app
from graph.opening import desk_of, open_database
from intake import webhooks
from intake.agents import SYSTEM

Endpoint = Annotated[UUID, typer.Argument(help="The id, as `deskbell webhook list` shows it.")]


@webhook_app.command("add")
def webhook_add(
    url: str,
    kinds: Annotated[list[str], typer.Argument(help="Such as case.resolved, invoice.*, or *.")],
    description: str = "",
) -> None:
    """Promise an endpoint the events of these kinds; print the secret that signs them, once."""
    found = settings_in_force()
    desk, at = desk_of(found), now()
    db = open_database(found)
    with db.transaction() as session:
        made = webhooks.register(
            session, SYSTEM, url=url, kinds=kinds, description=description, desk=desk, at=at
        )
        secret = webhooks.secrets_of(made, desk, at=at)[0]
    db.close()
    out.print(f"{made.id} hears of {', '.join(made.kinds)} from now on; its secret:")
    out.print(secret)


@webhook_app.command("list")
def webhook_list() -> None:
    """List the endpoints, with how they do."""
    db = open_database(settings_in_force())
    with db.reading() as session:
        table = Table("id", "host", "hears of", "for", "state", box=None)
        for each in webhooks.every(session, SYSTEM):
            table.add_row(
                str(each.id), each.host, ", ".join(each.kinds), each.description, each.standing
            )
    db.close()
    out.print(table)


@webhook_app.command("test")
def webhook_test(endpoint: Endpoint) -> None:
    """Have the desk's worker send a test; `deskbell webhook tries` shows how it went."""
    db = open_database(settings_in_force())
    with db.transaction() as session:
        webhooks.send_test(session, SYSTEM, endpoint, at=now())
    db.close()
    out.print("promised; the worker sends it at once")


@webhook_app.command("tries")
def webhook_tries(endpoint: Endpoint, newest: Annotated[int, typer.Option(min=1)] = 20) -> None:
    """Show what the endpoint was sent last, and how each try went."""
    db = open_database(settings_in_force())
    with db.reading() as session:
        webhooks.endpoint_of(session, SYSTEM, endpoint)
        table = Table("delivery", "kind", "state", "tried at", "status", "ms", "said", box=None)
        for delivery, tries in webhooks.latest(session, endpoint, limit=newest):
            kind = webhooks.body_of(delivery, "")["kind"]
            row = (str(delivery.id), kind, delivery.state.value)
            for one in tries:
                status = str(one.status or "none")
                table.add_row(*row, f"{one.at:%F %T}", status, str(one.took_ms), one.said[:60])
            if not tries:
                table.add_row(*row, "", "", "", delivery.error)
    db.close()
    out.print(table)


@webhook_app.command("rotate")
def webhook_rotate(endpoint: Endpoint) -> None:
    """Give an endpoint a new secret and print it; the old one is good for a day more."""
    found = settings_in_force()
    db = open_database(found)
    with db.transaction() as session:
        _, secret = webhooks.rotate(session, SYSTEM, endpoint, desk=desk_of(found), at=now())
    db.close()
    out.print(secret)


@webhook_app.command("pause")
def webhook_pause(endpoint: Endpoint) -> None:
    """Promise an endpoint nothing until it is resumed."""
    db = open_database(settings_in_force())
    with db.transaction() as session:
        webhooks.pause(session, SYSTEM, endpoint, at=now())
    db.close()
    out.print("paused; what waited to be sent is given up, and can be sent again")


@webhook_app.command("resume")
def webhook_resume(endpoint: Endpoint) -> None:
    """Promise an endpoint events again from now on."""
    db = open_database(settings_in_force())
    with db.transaction() as session:
        webhooks.resume(session, SYSTEM, endpoint, at=now())
    db.close()
    out.print("resumed")


@webhook_app.command("remove")
def webhook_remove(
    endpoint: Endpoint,
    yes: Annotated[bool, typer.Option("--yes", help="Do it.")] = False,
) -> None:
    """Forget an endpoint; what it was sent stays on record."""
    if not yes:
        fail("its secret is good for nothing afterwards; say --yes to remove it", 1)
    db = open_database(settings_in_force())
    with db.transaction() as session:
        webhooks.remove(session, SYSTEM, endpoint, at=now())
    db.close()
    out.print("removed")
