"""Status reasons from the command line: the desk's own, and which may follow which."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table
from sqlalchemy.orm import Session

from graph.cli.ground import acting, looking, now, out
from graph.cli.sorting import Restore
from graph.cli.words import reason_app
from intake import reasons
from intake.agents import OPERATOR
from intake.cases import OwnReason, Reason, Status
from intake.errors import IntakeError
from intake.fields import tags


@reason_app.command("list")
def reason_list() -> None:
    """List the status reasons, each given one before the desk's kinds of it, with what follows."""
    with looking() as session:
        table = Table("reason", "a kind of", "used", "what may follow", box=None)
        for status, follows in reasons.table(session).items():
            own = isinstance(status, OwnReason)
            table.add_row(
                str(status),
                status.kind_of.value if own else "",
                "retired" if isinstance(status, OwnReason) and status.retired_at else "yes",
                ", ".join(map(str, follows)),
            )
    out.print(table)


@reason_app.command("add")
def reason_add(
    name: str,
    kind: Annotated[Reason, typer.Argument(help="The given reason that it is a kind of.")],
) -> None:
    """Add a status reason of your own; it means what the given one means, and is called so."""
    with acting() as session:
        made = reasons.add(session, OPERATOR, name, kind, at=now())
        out.print(f"status reason {made} added, a kind of {kind}")


@reason_app.command("rename")
def reason_rename(name: str, new: str) -> None:
    """Call a status reason of your own otherwise."""
    with acting() as session:
        found = _own(session, name)
        reasons.rename(session, OPERATOR, found.id, new, at=now())
        out.print(f"status reason {name} is called {found} now")


@reason_app.command("retire")
def reason_retire(name: str, restore: Restore = False) -> None:
    """Put no more cases in a status reason of your own; those that are in it stay."""
    with acting() as session:
        found = _own(session, name)
        reasons.retire(session, OPERATOR, found.id, not restore, at=now())
        out.print(f"status reason {found} {'is used again' if restore else 'retired'}")


@reason_app.command("allow")
def reason_allow(
    name: str,
    then: Annotated[list[str] | None, typer.Option(help="What may follow it; again.")] = None,
) -> None:
    """Let these status reasons, and no other, follow one; `--then` names all."""
    with acting() as session:
        was, allowed = _named(session, name), [_named(session, each) for each in then or []]
        follows = reasons.allow(session, OPERATOR, was, allowed, at=now())
        out.print(f"{was}: what may follow is {', '.join(map(str, follows)) or 'nothing'}")


def _named(session: Session, name: str) -> Status:
    for status in reasons.every(session, retired=True):
        if tags.same(str(status)) == tags.same(name):
            return status
    raise IntakeError(
        f"there is no status reason {name}; `deskbell reason list` shows those there are"
    )


def _own(session: Session, name: str) -> OwnReason:
    found = _named(session, name)
    if isinstance(found, OwnReason):
        return found
    raise IntakeError(f"{found} is given, and stays as it is; add one of your own instead")
