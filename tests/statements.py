"""Counting what a database is asked: it says more of the cost than a clock on a busy machine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event

from intake.db import Database


@contextmanager
def statements_of(db: Database) -> Iterator[list[str]]:
    """The SQL that is executed meanwhile, transactions' own words aside."""
    seen: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if not statement.startswith(("BEGIN", "SET TRANSACTION", "COMMIT")):
            seen.append(statement)

    engines = {db.engine, db.reader}
    for engine in engines:
        event.listen(engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        for engine in engines:
            event.remove(engine, "before_cursor_execute", note)
