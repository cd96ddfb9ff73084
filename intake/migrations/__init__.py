"""The schema's history, and how a database is brought to its head.

Applied at start on the embedded default, by `deskbell db upgrade` elsewhere. Several processes may
start at once: one migrates, the others wait and find nothing left to do.
"""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, text

from intake.db import Database

LOCK = 4711
PATIENCE = timedelta(minutes=10)


class WrongSchema(Exception):
    """The database does not fit the program; the text says what to do."""


def head() -> str:
    """The newest revision this program knows."""
    from alembic.script import ScriptDirectory

    found = ScriptDirectory.from_config(_config()).get_current_head()
    assert found is not None, "there is a first migration"
    return found


def current(connection: Connection) -> str | None:
    """The revision a database is at; None for an empty one."""
    from alembic.runtime.migration import MigrationContext

    return MigrationContext.configure(connection).get_current_revision()


def upgrade(db: Database) -> str:
    """Bring the database to the head, in one transaction; the revision it was at.

    An embedded database that holds anything is copied beside itself first. Raises WrongSchema when
    the database is newer than the program.
    """
    with db.reader.connect() as connection:
        if current(connection) == head():
            return head()  # without a turn to write, which others may hold
    try:
        with db.engine.connect() as connection:
            _prepare(connection)
            with connection.begin():
                return _upgrade(db, connection)
    finally:
        db.engine.dispose()  # its connection is set up for this alone


def _upgrade(db: Database, connection: Connection) -> str:
    from alembic import command
    from alembic.script import ScriptDirectory

    if connection.dialect.name == "postgresql":
        # Another process may be at it; it takes as long as it takes.
        for wait in ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"):
            connection.execute(text(f"SET LOCAL {wait} = 0"))
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
    config = _config()
    before = current(connection)
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if before is not None and before not in known:
        raise WrongSchema(
            f"the database is at {before}, which this program does not know: it was made "
            "by a newer Deskbell; upgrade the program"
        )
    if before != head():
        if before is not None and connection.dialect.name == "sqlite":
            _copy_aside(db.path, before)
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        if connection.dialect.name == "sqlite":
            broken = connection.exec_driver_sql("PRAGMA foreign_key_check").first()
            assert broken is None, f"the migration left a dangling row: {broken}"
    return before or "nothing"


def _copy_aside(path: Path, revision: str) -> None:
    """Leave a copy of the database as it was, whole or not at all.

    Nobody changes it meanwhile: our transaction holds the write lock and has written nothing yet.
    """
    from pysqlite3 import dbapi2

    copy = path.with_name(f"{path.name}.{revision}.copy")
    unfinished = copy.with_name(f".{copy.name}")
    unfinished.unlink(missing_ok=True)
    unfinished.touch(mode=0o600)
    source = dbapi2.connect(str(path))
    try:
        source.execute("VACUUM INTO ?", (str(unfinished),))
    finally:
        source.close()
    with unfinished.open("rb") as file:
        os.fsync(file.fileno())
    unfinished.replace(copy)


def check(db: Database) -> None:
    """Raises WrongSchema unless the database is at the head."""
    with db.reader.connect() as connection:
        found = current(connection)
    if found != head():
        raise WrongSchema(
            f"the database is at {found or 'nothing'}, the program needs {head()}: "
            "run `deskbell db upgrade`"
        )


def _prepare(connection: Connection) -> None:
    if connection.dialect.name == "sqlite":
        driver: Any = connection.connection.driver_connection
        # With foreign keys on, rebuilding a table deletes the children of its rows.
        driver.execute("PRAGMA foreign_keys=off")
        # Another process may be at it; it takes as long as it takes.
        driver.execute(f"PRAGMA busy_timeout={int(PATIENCE.total_seconds() * 1000)}")


def _config() -> Any:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    return config
