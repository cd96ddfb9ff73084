"""What every test may ask for: a database of either engine, a desk on it, and its builders."""

from __future__ import annotations

import os
import shutil
import warnings
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import hypothesis
import pytest
from sqlalchemy import Engine, create_engine, make_url, text

import channels.slack.countdown
import channels.slack.seen  # noqa: F401  its table too
import kb.suggestions  # noqa: F401  the tables above the domain
from intake import migrations
from intake.db import Base, Database
from tests.desk import DeskUnderTest
from tests.postgres import NoPostgres, server

# How long an example takes is the machine's affair, not the code's.
hypothesis.settings.register_profile("desk", deadline=None)
hypothesis.settings.load_profile("desk")

CORPUS = Path(
    os.environ.get("DESKBELL_CORPUS", Path(__file__).parents[1].parent / "shared" / "data")
)


@pytest.fixture(scope="session")
def corpus() -> Path:
    """Real mail and real questions, kept outside the repository."""
    if not CORPUS.is_dir():
        pytest.skip(f"no corpus at {CORPUS}: set DESKBELL_CORPUS to where it is")
    return CORPUS


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty SQLite desk, migrated once and copied for each test."""
    path = tmp_path_factory.mktemp("template") / "desk.db"
    db = Database(f"sqlite:///{path}")
    migrations.upgrade(db)
    with db.engine.connect() as connection:
        connection.connection.driver_connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()
    return path


@pytest.fixture(scope="session")
def postgres_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A migrated PostgreSQL database of this test process."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
    try:
        with server() as base:
            name = f"desk_{worker}_{os.getpid()}"
            admin = create_engine(_psycopg(base), isolation_level="AUTOCOMMIT")
            with admin.connect() as connection:
                connection.execute(text(f'CREATE DATABASE "{name}"'))
            url = make_url(base).set(database=name).render_as_string(hide_password=False)
            db = Database(url)
            migrations.upgrade(db)
            db.close()
            yield url
            _emptier(url).dispose()
            with admin.connect() as connection:
                connection.execute(text(f'DROP DATABASE "{name}" WITH (FORCE)'))
            admin.dispose()
    except NoPostgres as error:
        if os.environ.get("DESKBELL_REQUIRE_POSTGRES") == "1":
            raise
        warnings.warn(f"HALF OF THE SUITE IS SKIPPED, no PostgreSQL: {error}", stacklevel=1)
        pytest.skip(f"no PostgreSQL: {error}")


@pytest.fixture(autouse=True)
def now_of_the_test(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages show the real time: their tests count from when they begin, not from collection."""
    if request.module.__name__.startswith("tests.test_console") and hasattr(request.module, "NOW"):
        monkeypatch.setattr(request.module, "NOW", datetime.now(UTC).replace(microsecond=0))


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty desk's database; each test that asks for it runs on both engines."""
    if request.param == "sqlite":
        return fresh_sqlite(request.getfixturevalue("sqlite_template"), tmp_path)
    return fresh_postgres(request.getfixturevalue("postgres_url"))


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    """An empty desk on SQLite, for what does not depend on the engine."""
    return fresh_sqlite(sqlite_template, tmp_path)


@pytest.fixture
def db(url: str) -> Iterator[Database]:
    """An empty desk's database, on each engine in turn."""
    database = Database(url)
    yield database
    database.close()


@pytest.fixture
def desk(db: Database) -> DeskUnderTest:
    """A desk with one queue, on each engine in turn; builders add what the test is about."""
    return DeskUnderTest(db)


def fresh_sqlite(template: Path, folder: Path) -> str:
    path = folder / "desk.db"
    shutil.copy(template, path)
    return f"sqlite:///{path}"


def fresh_postgres(url: str) -> str:
    """Empty the database. TRUNCATE would make the files of eighty tables anew, each time."""
    tables = [*Base.metadata.tables, "search_entries", "search_waiting"]  # triggers fill the last
    with _emptier(url).begin() as connection:
        connection.exec_driver_sql(
            "; ".join(f'DELETE FROM "{table}"' for table in tables if table != "counters")
        )
        connection.exec_driver_sql(
            "SELECT setval(oid, 1, false) FROM pg_class"
            " WHERE relkind = 'S' AND relnamespace = 'public'::regnamespace"
        )
        connection.execute(text("UPDATE counters SET value = 1000"))
    return url


@cache
def _emptier(url: str) -> Engine:
    """One connection for all tests: a new one would read the catalogue of all tables each time."""
    return create_engine(_psycopg(url), pool_size=1, pool_pre_ping=True)


def _psycopg(url: str) -> str:
    return make_url(url).set(drivername="postgresql+psycopg").render_as_string(hide_password=False)
