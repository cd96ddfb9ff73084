"""`deskbell billing`: rates, terms, and what accounting is to invoice."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from sqlalchemy.orm import Session

from graph.exchange.columns import WrongCell, decimal
from graph.exchange.invoice_table import write_requests
from graph.opening import open_database, set_up_log
from intake import accounting, agents, charge
from intake.agents import OPERATOR
from intake.billing import InvoiceRequest, State
from intake.db import Database
from intake.errors import IntakeError, NotFound
from intake.settings import load

app = typer.Typer(no_args_is_help=True, help="Rates, and what is to be invoiced.")
out = Console(highlight=False)


@app.command()
def rate(
    per_hour: str,
    currency: str,
    agent: Annotated[str, typer.Option(help="Whose, by mail address; everybody's if not.")] = "",
    service: Annotated[str, typer.Option(help="For which service; for any if not.")] = "",
) -> None:
    """Set what an hour costs."""
    with _database() as db, db.transaction() as session:
        person = agents.by_email(session, agent) if agent else None
        if agent and person is None:
            raise NotFound("there is no active agent with that address")
        charge.set_rate(
            session,
            OPERATOR,
            _money(per_hour),
            currency,
            agent_id=person.id if person else None,
            service=service,
            at=datetime.now(UTC),
        )
    out.print(f"{per_hour} {currency.upper()} an hour")


@app.command()
def terms(
    currency: str,
    rounding: Annotated[int, typer.Option(help="Minutes that time is rounded up to.")] = 1,
    minimum: Annotated[int, typer.Option(help="Minutes a case is billed with at least.")] = 0,
    per_case: Annotated[str, typer.Option(help="What a case costs before any time.")] = "0",
) -> None:
    """Set how time is billed to customers without terms of their own."""
    with _database() as db, db.transaction() as session:
        charge.set_terms(
            session,
            OPERATOR,
            currency=currency,
            rounding_minutes=rounding,
            minimum_minutes=minimum,
            per_case=_money(per_case),
            at=datetime.now(UTC),
        )
    out.print("terms set")


@app.command()
def export(
    path: Annotated[Path, typer.Argument(dir_okay=False)],
    batch: Annotated[int, typer.Option(help="Write this earlier batch again.")] = 0,
) -> None:
    """Hand what is to be invoiced over to accounting, as a CSV file, once."""
    if path.exists():
        raise IntakeError(f"{path} is there already; name another file")
    aside = path.with_name(path.name + ".part")
    with _database() as db:
        try:
            with db.transaction() as session:
                at = datetime.now(UTC)
                if batch:
                    requests = accounting.handed_over(session, OPERATOR, batch)
                else:
                    requests = accounting.hand_over(session, OPERATOR, at=at)
                # On disk before it is true: what is lost after this can be written again.
                _write(aside, session, requests)
        except BaseException:
            aside.unlink(missing_ok=True)
            raise
        aside.rename(path)
    name = f", batch {requests[0].batch}" if requests else ""
    out.print(f"{len(requests)} requests in {path}{name}")


@app.command("list")
def list_requests(
    path: Annotated[Path, typer.Argument(dir_okay=False)],
    state: Annotated[State | None, typer.Option(help="Only those that stand there.")] = None,
) -> None:
    """Write what was ever to be invoiced into a CSV file, held and cancelled too; hand over
    nothing."""
    if path.exists():
        raise IntakeError(f"{path} is there already; name another file")
    with _database() as db, db.reading() as session:
        found = accounting.with_lines(accounting.requests(OPERATOR, state=state))
        requests = session.scalars(found).all()
        _write(path, session, requests)
    out.print(f"{len(requests)} requests in {path}")


def _write(path: Path, session: Session, requests: Sequence[InvoiceRequest]) -> None:
    with open(path, "w", encoding="utf-8-sig", newline="") as file:
        write_requests(file, session, requests)
        file.flush()
        os.fsync(file.fileno())


def _money(text: str) -> Decimal:
    try:
        return decimal(text)
    except WrongCell as error:
        raise IntakeError(str(error)) from None


@contextmanager
def _database() -> Iterator[Database]:
    settings = load()
    set_up_log(settings)
    db = open_database(settings)
    try:
        yield db
    finally:
        db.close()
