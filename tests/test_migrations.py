"""The schema's history: it ends where the models are, all of it or none, and loses nothing."""

from __future__ import annotations

import pkgutil
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from pysqlite3 import dbapi2
from sqlalchemy import (
    Column,
    Engine,
    Table,
    UniqueConstraint,
    create_engine,
    event,
    inspect,
    make_url,
    text,
)

import channels
import intake
import kb
from intake import migrations
from intake.db import Base, Database, Instant, new_id
from intake.migrations import WrongSchema
from tests.processes import ROOT, Premises

for package in (intake, kb, channels):
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        if ".migrations." not in module.name:
            import_module(module.name)


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a database without anything in it, on each engine in turn."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'empty.db'}"
        return
    server = make_url(request.getfixturevalue("postgres_url"))
    url = server.set(database=f"empty_{new_id().hex}")
    admin = create_engine(server.set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f'CREATE DATABASE "{url.database}"'))
    yield url.render_as_string(hide_password=False)
    with admin.connect() as connection:
        connection.execute(text(f'DROP DATABASE "{url.database}" WITH (FORCE)'))
    admin.dispose()


@pytest.fixture
def empty(empty_url: str) -> Iterator[Database]:
    """A database without anything in it."""
    db = Database(empty_url)
    yield db
    db.close()


@pytest.fixture
def history(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Adds a revision 0002 with that body to the history, for this test."""
    scripts = tmp_path / "migrations"
    shutil.copytree(ROOT / "intake" / "migrations", scripts)

    def configured() -> Config:
        config = Config()
        config.set_main_option("script_location", str(scripts))
        return config

    def add(body: str) -> None:
        lines = [f"    {line}\n" for line in body.splitlines()]
        (scripts / "versions" / "0002_next.py").write_text(
            "import sqlalchemy as sa\nfrom alembic import op\n\n"
            f'revision = "0002"\ndown_revision = "{migrations.head()}"\n\n\n'
            f"def upgrade() -> None:\n{''.join(lines)}"
        )
        monkeypatch.setattr(migrations, "_config", configured)

    return add


# The end of the history is the models


def test_nothing_is_left_to_migrate(db: Database) -> None:
    with db.engine.connect() as connection:
        options = {"compare_type": same_type, "include_name": of_a_model}
        context = MigrationContext.configure(connection, opts=options)

        assert compare_metadata(context, Base.metadata) == []


def of_a_model(name: str | None, kind: str, _parents: Any) -> bool:
    # What the full text is kept in belongs to each engine, and no model says it.
    return kind != "table" or not str(name).startswith("search_")


def same_type(_context: Any, _inspected: Any, _column: Any, found: Any, wanted: Any) -> bool | None:
    # Our own types are compared by what is behind them.
    return False if isinstance(wanted, Instant) and "TIME" in str(found) else None


def test_the_migrations_build_what_the_models_say_to_the_last_check(empty: Database) -> None:
    migrations.upgrade(empty)
    modelled = made_from_models(empty)

    assert described(empty.engine) == described(modelled)
    modelled.dispose()


def made_from_models(db: Database) -> Engine:
    """The same engine's schema as the models alone would make it."""
    url = db.engine.url
    if db.dialect == "sqlite":
        aside = db.path.with_name("modelled.db")
        engine = create_engine(f"sqlite+pysqlite:///{aside}", module=dbapi2)
    else:
        with db.engine.begin() as connection:
            connection.execute(text("CREATE SCHEMA modelled"))
        engine = create_engine(url, connect_args={"options": "-c search_path=modelled"})
    Base.metadata.create_all(engine)
    return engine


def described(engine: Engine) -> dict[str, Any]:
    """All that an engine tells about its tables."""
    schema = inspect(engine)
    return {
        table: {
            "columns": [
                (c["name"], str(c["type"]), c["nullable"], bool(c.get("autoincrement") is True))
                for c in schema.get_columns(table)
            ],
            "key": schema.get_pk_constraint(table),
            "checks": ordered(schema.get_check_constraints(table)),
            "unique": ordered(schema.get_unique_constraints(table)),
            "refers": ordered(schema.get_foreign_keys(table)),
            "indexes": ordered(schema.get_indexes(table)),
        }
        for table in schema.get_table_names()
        if table != "alembic_version" and of_a_model(table, "table", {})
    }


def ordered(items: Any) -> list[str]:
    """Constraints in an order of their own; where a WHERE is kept is the dialect's affair."""
    return sorted(re.sub(r" at 0x\w+|'referred_schema': [^,]+, ", "", repr(item)) for item in items)


# Made for every message. With a deferred key unmet, SQLite looks for rows that refer to each.
MADE_OFTEN = {"contacts", "cases", "activities", "kpi_instances", "deliveries", "ledger_entries"}


def test_whoever_refers_to_what_mail_makes_is_found_by_an_index() -> None:
    unfound = [
        str(key.parent)
        for table in Base.metadata.sorted_tables
        for key in table.foreign_keys
        if key.column.table.name in MADE_OFTEN and key.parent not in leading(table)
    ]

    assert unfound == []


def leading(table: Table) -> list[Column[Any]]:
    """The first columns of the table's key, constraints and whole indexes."""
    unique = [c for c in table.constraints if isinstance(c, UniqueConstraint)]
    whole = [i for i in table.indexes if i.dialect_options["sqlite"]["where"] is None]
    return [next(iter(one.columns)) for one in (table.primary_key, *unique, *whole) if one.columns]


# One at a time, all or nothing


def test_three_processes_that_start_at_once_make_one_database(
    empty_url: str, tmp_path: Path
) -> None:
    here = Premises(tmp_path, empty_url)

    at_once = [
        subprocess.Popen(
            [sys.executable, "-m", "graph", "db", "upgrade"],
            env=here.environment,
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
        )
        for _ in range(3)
    ]

    assert [process.wait(60) for process in at_once] == [0, 0, 0]
    db = Database(empty_url)
    migrations.check(db)
    with db.reading() as session:
        assert session.scalars(text("SELECT name FROM counters WHERE name = 'case'")).all() == [
            "case"
        ]
    db.close()


def test_a_database_from_the_future_is_left_alone(db: Database, tmp_path: Path) -> None:
    with db.transaction() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    try:
        with pytest.raises(WrongSchema, match="made by a newer Deskbell"):
            migrations.upgrade(db)
        with pytest.raises(WrongSchema, match="the database is at 9999"):
            migrations.check(db)
        url = db.engine.url.set(drivername=db.dialect).render_as_string(hide_password=False)
        ended = Premises(tmp_path, url).command("run", "worker")

        assert ended.returncode == 2
        assert "9999" in ended.stderr
        assert len(ended.stderr.splitlines()) == 1
    finally:
        with db.transaction() as session:
            session.execute(
                text("UPDATE alembic_version SET version_num = :head"), {"head": migrations.head()}
            )


@pytest.mark.parametrize("share", [0.0, 0.02, 0.4, 0.7, 0.99])
def test_a_migration_that_fails_on_the_way_leaves_nothing_behind(
    empty: Database, share: float
) -> None:
    failing = int(share * (statements_of_an_upgrade() - 1)) + 1

    with pytest.raises(InterruptedError), counted(empty, fails_at=failing):
        migrations.upgrade(empty)

    assert inspect(empty.engine).get_table_names() == []
    migrations.upgrade(empty)
    migrations.check(empty)


@cache
def statements_of_an_upgrade() -> int:
    """How many statements a writer needs for a new database; PostgreSQL needs some more."""
    with TemporaryDirectory() as folder:
        db = Database(f"sqlite:///{folder}/counted.db")
        with counted(db) as seen:
            migrations.upgrade(db)
        db.close()
    return len(seen)


@contextmanager
def counted(db: Database, *, fails_at: int = 0) -> Iterator[list[object]]:
    """The statements of writers, as they come; the one of that number, from 1, fails."""
    seen: list[object] = []

    def see(_connection: object, _cursor: object, statement: object, *_more: object) -> None:
        seen.append(statement)
        if len(seen) == fails_at:
            raise InterruptedError("the power went")

    event.listen(db.engine, "before_cursor_execute", see)
    try:
        yield seen
    finally:
        event.remove(db.engine, "before_cursor_execute", see)


@pytest.mark.parametrize("statement", [2, 50])
def test_a_migration_that_is_killed_leaves_nothing_behind(
    empty: Database, empty_url: str, statement: int
) -> None:
    script = (
        "import os, signal, sys\n"
        "from sqlalchemy import event\n"
        "from intake import migrations\n"
        "from intake.db import Database\n"
        "db, left = Database(sys.argv[1]), [int(sys.argv[2])]\n"
        "def count(*_):\n"
        "    left[0] -= 1\n"
        "    left[0] or os.kill(os.getpid(), signal.SIGKILL)\n"
        "event.listen(db.engine, 'before_cursor_execute', count)\n"
        "migrations.upgrade(db)\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script, empty_url, str(statement)], cwd=ROOT, check=False, timeout=60
    )

    assert ended.returncode == -9
    assert inspect(empty.engine).get_table_names() == []
    migrations.upgrade(empty)
    migrations.check(empty)


# A desk that already has something to lose


def keep_something(db: Database) -> None:
    with db.transaction() as session:
        session.execute(text("UPDATE counters SET value = 1234"))


def kept(db: Database) -> Any:
    with db.reading() as session:
        return session.scalar(text("SELECT max(value) FROM counters"))


def test_a_revision_that_fails_changes_nothing(
    empty: Database, history: Callable[[str], None]
) -> None:
    migrations.upgrade(empty)
    keep_something(empty)
    before = migrations.head()
    history(
        'op.create_table("later", sa.Column("id", sa.Integer))\n'
        'op.execute("UPDATE counters SET value = 0")\n'
        'raise RuntimeError("half way")'
    )

    with pytest.raises(RuntimeError, match="half way"):
        migrations.upgrade(empty)

    assert kept(empty) == 1234
    assert "later" not in inspect(empty.engine).get_table_names()
    with empty.reader.connect() as connection:
        assert migrations.current(connection) == before


def test_rebuilding_a_table_keeps_the_rows_that_refer_to_it(
    sqlite_url: str, history: Callable[[str], None]
) -> None:
    db = Database(sqlite_url)
    with db.transaction() as session:
        for line in (
            "CREATE TABLE parents (id INTEGER PRIMARY KEY)",
            "CREATE TABLE children (name, parent REFERENCES parents ON DELETE CASCADE)",
            "INSERT INTO parents VALUES (1)",
            "INSERT INTO children VALUES ('Ada', 1)",
        ):
            session.execute(text(line))
    history('with op.batch_alter_table("parents", recreate="always") as table:\n    pass')

    migrations.upgrade(db)

    with db.reading() as session:
        assert session.scalar(text("SELECT name FROM children")) == "Ada"
        assert session.scalar(text("PRAGMA foreign_keys")) == 1
    db.close()


def test_a_desk_with_something_in_it_is_copied_before_it_is_changed(
    sqlite_url: str, history: Callable[[str], None]
) -> None:
    db = Database(sqlite_url)
    keep_something(db)
    copy = db.path.with_name(f"desk.db.{migrations.head()}.copy")
    history('op.execute("UPDATE counters SET value = 0")')

    migrations.upgrade(db)

    assert kept(db) == 0
    assert copy.stat().st_mode & 0o077 == 0
    old = dbapi2.connect(str(copy))
    assert old.execute("SELECT max(value) FROM counters").fetchone() == (1234,)
    assert old.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    old.close()
    db.close()


def test_a_desk_at_the_head_is_not_copied_at_every_start(sqlite_url: str) -> None:
    db = Database(sqlite_url)

    assert migrations.upgrade(db) == migrations.head()

    assert list(db.path.parent.glob("*.copy")) == []
    db.close()
