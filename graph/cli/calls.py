"""Calls, written down from the command line."""

from __future__ import annotations

from typing import Annotated

import typer

from graph import importing
from graph.cli.ground import now, out, settings_in_force
from graph.cli.words import phone_app


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

    found = settings_in_force()
    arrived = phone.arrived(
        caller=caller,
        name=name,
        subject=subject,
        text=text,
        duration_minutes=minutes,
        agent="command line",
        region=found.phone_region,
        at=now(),
    )
    with importing.opened(found) as house:
        out.print(importing.file_one(house, arrived))
