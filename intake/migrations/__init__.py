"""The schema's history, and how a database is brought to its head.

Applied at start on the embedded default, by `deskbell db upgrade` elsewhere. Several processes may
start at once: one migrates, the others wait and find nothing left to do.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import Connection, text

from intake.db import Database

LOCK = 4711


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

    Raises WrongSchema when the database is newer than the program.
    """
    from alembic import command
    from alembic.script import ScriptDirectory

    config = _config()
    with db.engine.connect() as connection:
        _prepare(connection)
        with connection.begin():
            if connection.dialect.name == "postgresql":
                connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
                connection.execute(text("SET LOCAL statement_timeout = 0"))
            before = current(connection)
            known = {
                script.revision for script in ScriptDirectory.from_config(config).walk_revisions()
            }
            if before is not None and before not in known:
                raise WrongSchema(
                    f"the database is at {before}, which this program does not know: it was made "
                    "by a newer Deskbell; upgrade the program"
                )
            if before != head():
                config.attributes["connection"] = connection
                command.upgrade(config, "head")
                if connection.dialect.name == "sqlite":
                    broken = connection.exec_driver_sql("PRAGMA foreign_key_check").first()
                    assert broken is None, f"the migration left a dangling row: {broken}"
    db.engine.dispose()
    return before or "nothing"


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
    # With foreign keys on, rebuilding a table on SQLite deletes the children of its rows.
    if connection.dialect.name == "sqlite":
        driver: Any = connection.connection.driver_connection
        driver.execute("PRAGMA foreign_keys=off")


def _config() -> Any:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    return config
