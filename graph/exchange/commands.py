"""`deskbell csv`: tables in and out on the command line."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from graph.exchange.bringing import Account, Fate, Sheet, bring_in
from graph.exchange.contracts import Contracts
from graph.exchange.customers import Customers
from graph.exchange.entitlements import Entitlements
from graph.exchange.files import write
from graph.exchange.products import Products
from graph.opening import desk_of, open_database, set_up_log
from intake.settings import load

app = typer.Typer(no_args_is_help=True, help="Customers, products, contracts as tables.")
out = Console(highlight=False)
said = Console(highlight=False, stderr=True, soft_wrap=True)


class Kind(StrEnum):
    """What a table holds."""

    CUSTOMERS = "customers"
    PRODUCTS = "products"
    CONTRACTS = "contracts"
    ENTITLEMENTS = "entitlements"


SHEETS: dict[Kind, Sheet] = {
    Kind.CUSTOMERS: Customers(),
    Kind.PRODUCTS: Products(),
    Kind.CONTRACTS: Contracts(),
    Kind.ENTITLEMENTS: Entitlements(),
}


@app.command("import")
def import_(
    kind: Kind,
    path: Annotated[Path, typer.Argument(exists=True, dir_okay=False)],
    preview: Annotated[bool, typer.Option(help="Say what would happen; write nothing.")] = False,
    partial: Annotated[bool, typer.Option(help="Write the rows that are right.")] = False,
    errors: Annotated[Path | None, typer.Option(help="Where wrong rows go, each with why.")] = None,
    encoding: Annotated[str, typer.Option(help="Where it is not found right.")] = "",
) -> None:
    """Bring a table in: all of it, or nothing when any row is wrong."""
    settings = load()
    set_up_log(settings)
    db = open_database(settings)
    try:
        with Progress(console=said, transient=True) as bar:
            task = bar.add_task("reading", total=None)
            account = bring_in(
                db,
                desk_of(settings),
                SHEETS[kind],
                path,
                region=settings.phone_region,
                at=datetime.now(UTC),
                preview=preview,
                partial=partial,
                errors=errors,
                encoding=encoding,
                progress=lambda what, rows: bar.update(task, description=f"{what} row {rows:,}"),
            )
    finally:
        db.close()
    _tell(account, errors, preview=preview)
    if account.fates[Fate.WRONG]:
        sys.exit(1)


@app.command("export")
def export(
    kind: Kind,
    path: Annotated[Path | None, typer.Argument(help="None: to standard output.")] = None,
) -> None:
    """Write a table that a spreadsheet can open and `import` can read."""
    settings = load()
    set_up_log(settings)
    db = open_database(settings)
    sheet = SHEETS[kind]
    try:
        with db.reading() as session:
            columns = [column.name for column in sheet.columns]
            rows = sheet.export(session, region=settings.phone_region)
            if path is None:
                sys.stdout.reconfigure(encoding="utf-8", newline="")  # type: ignore[union-attr]
                write(sys.stdout, columns, rows)
                return
            # With a mark of its encoding, as Excel needs one.
            with open(path, "w", encoding="utf-8-sig", newline="") as file:
                count = write(file, columns, rows)
    finally:
        db.close()
    out.print(f"{count} rows in {path}")


@app.command("columns")
def columns(kind: Kind) -> None:
    """List the columns of a table."""
    table = Table("column", "", box=None)
    for column in SHEETS[kind].columns:
        word = "required" if column.required else "shown only" if column.shown_only else ""
        table.add_row(column.name, word)
    out.print(table)


def _tell(account: Account, errors: Path | None, *, preview: bool) -> None:
    table = account.table
    separator = {"\t": "tab"}.get(table.separator, table.separator)
    said.print(f"read as {table.encoding}, parted by {separator}")
    for problem in account.first:
        said.print(str(problem), style="red", markup=False)
    for doubt in account.first_doubts:
        said.print(f"{doubt} (written nevertheless)", style="yellow", markup=False)
    unsaid = account.doubtful - len(account.first_doubts)
    if unsaid:
        said.print(f"… and {unsaid} more doubts", style="yellow")
    more = account.fates[Fate.WRONG] - len(account.first)
    if more > 0:
        said.print(f"… and {more} more wrong rows", style="red")
    if account.fates[Fate.WRONG] and errors is not None:
        said.print(f"wrong rows are in {errors}")
    counted = [f"{fate.value}: {account.fates[fate]}" for fate in Fate if account.fates[fate]]
    out.print(f"{account.rows} rows  " + "  ".join(counted))
    if not account.written:
        out.print("nothing was written" if not preview else "a preview: nothing was written")
