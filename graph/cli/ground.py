"""What every command stands on: the settings, a printer, and one line when it cannot go on."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import NoReturn

from rich.console import Console
from sqlalchemy.orm import Session

from graph.opening import open_database, set_up_log
from intake import nouns
from intake.errors import IntakeError
from intake.settings import Settings, load

# No markup: what is printed may hold brackets that a stranger wrote.
out = Console(highlight=False, markup=False)


def settings_in_force(*, serves: bool = False, unsafe: bool = False) -> Settings:
    """The settings in force, with the log set up as they say. Raises WrongSettings."""
    found = load(**({"unsafe_durability": True} if unsafe else {}))
    # A command answers its user in words of its own; only a desk that runs tells all it does.
    set_up_log(found if serves else found.model_copy(update={"log_level": "warning"}))
    nouns.use(found.noun)
    return found


def instant(text: str) -> datetime:
    """The instant somebody typed; UTC when it names no zone. Raises IntakeError."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise IntakeError(
            f"--at: {text!r:.40} is not an instant such as 2026-03-02T17:00Z"
        ) from None
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)


def now() -> datetime:
    """The instant a command begins at."""
    return datetime.now(UTC)


def fail(line: str, code: int) -> NoReturn:
    """End the command with one line on standard error."""
    err = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)
    err.print(f"deskbell: {line}", style="red")
    sys.exit(code)


@contextmanager
def acting() -> Iterator[Session]:
    """A transaction on the desk of the settings in force."""
    db = open_database(settings_in_force())
    try:
        with db.transaction() as session:
            yield session
    finally:
        db.close()


@contextmanager
def looking() -> Iterator[Session]:
    """What the desk of the settings in force says, to be read only."""
    db = open_database(settings_in_force())
    try:
        with db.reading() as session:
            yield session
    finally:
        db.close()
