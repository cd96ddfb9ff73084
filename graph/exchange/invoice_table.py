"""Invoice requests as a table for accounting: a row for each line."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import IO

from sqlalchemy.orm import Session

from graph.exchange.files import write
from intake import accounting
from intake.billing import InvoiceRequest


def write_requests(file: IO[str], session: Session, requests: Sequence[InvoiceRequest]) -> None:
    """These requests as CSV; their lines must be loaded."""
    columns = accounting.COLUMNS
    rows = accounting.as_rows(session, requests)
    write(file, columns, ({name: _cell(row[name]) for name in columns} for row in rows))


def _cell(value: object) -> str:
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    return "" if value is None else str(value)
