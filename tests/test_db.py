"""The database as it is set up: what it refuses, what it promises, and whose turn it is."""

from __future__ import annotations

import fcntl
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from pysqlite3 import dbapi2
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError, StatementError

from intake import db as database
from intake.customers import Account, Contact
from intake.db import Busy, Database, Unsafe, away, file_system, new_id
from tests.desk import NOON
from tests.processes import ROOT, wait_until

LAST_NUMBER = text("SELECT value FROM counters WHERE name = 'case'")


@pytest.fixture
def lite(sqlite_url: str) -> Iterator[Database]:
    """An empty desk on SQLite."""
    db = Database(sqlite_url)
    yield db
    db.close()


# What SQLite is told


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("journal_mode", "wal"),
        ("synchronous", 2),  # FULL
        ("foreign_keys", 1),
        ("secure_delete", 1),
        ("trusted_schema", 0),
        ("cell_size_check", 1),
        ("busy_timeout", 5000),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_every_connection_is_set_up_alike(lite: Database, setting: str, value: object) -> None:
    for engine in (lite.engine, lite.reader):
        with engine.connect() as connection:
            assert connection.exec_driver_sql(f"PRAGMA {setting}").scalar() == value


def test_the_sqlite_that_runs_is_one_that_loses_nothing(lite: Database) -> None:
    with lite.reading() as session:
        version = session.scalar(text("SELECT sqlite_version()"))

    assert tuple(int(part) for part in version.split(".")) >= database.OLDEST_SQLITE


def test_nobody_else_may_read_the_files_of_a_desk(tmp_path: Path) -> None:
    db = Database(f"sqlite:///{tmp_path / 'var' / 'desk.db'}")
    with db.transaction() as session:
        session.execute(text("CREATE TABLE a (b)"))
    files = [path for path in (tmp_path / "var").iterdir() if "desk.db" in path.name]

    assert (tmp_path / "var").stat().st_mode & 0o077 == 0
    assert len(files) >= 3  # itself, -wal and -shm at least
    assert [path.name for path in files if path.stat().st_mode & 0o077] == []
    db.close()


# What it refuses


@pytest.mark.parametrize("synchronous", ["off", "normal", "NORMAL"])
def test_a_synchronous_that_loses_is_refused(tmp_path: Path, synchronous: str) -> None:
    with pytest.raises(Unsafe, match="can lose mail"):
        Database(f"sqlite:///{tmp_path / 'desk.db'}?synchronous={synchronous}")


def test_a_sqlite_that_loses_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dbapi2, "sqlite_version", "3.51.2")

    with pytest.raises(Unsafe, match=r"3\.51\.3 or later"):
        Database(f"sqlite:///{tmp_path / 'desk.db'}")


def test_a_network_file_system_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(f"/dev/sda / ext4 rw 0 0\nserver:/desk {tmp_path} nfs4 rw 0 0\n")
    monkeypatch.setattr(database, "file_system", lambda path: file_system(path, mounts))

    with pytest.raises(Unsafe, match=r"network file system \(nfs4\)"):
        Database(f"sqlite:///{tmp_path / 'desk.db'}")


def test_whoever_accepts_the_loss_may_have_it(tmp_path: Path) -> None:
    Database(f"sqlite:///{tmp_path / 'desk.db'}?synchronous=off", unsafe=True).close()


def test_a_database_of_another_make_is_refused() -> None:
    with pytest.raises(Unsafe, match="mysql is not supported"):
        Database("mysql://localhost/desk")


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/srv/desk/desk.db", "ext4"),
        ("/mnt/share/desk.db", "nfs"),
        ("/mnt/shared/desk.db", "ext4"),
        ("/mnt/my share/desk.db", "cifs"),
    ],
    ids=["root", "share", "a longer name", "a name with a space"],
)
def test_the_nearest_mount_decides(tmp_path: Path, path: str, kind: str) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(
        "/dev/sda / ext4 rw 0 0\n"
        "server:/a /mnt/share nfs rw 0 0\n"
        "//b /mnt/my\\040share cifs rw 0 0\n"
    )

    assert file_system(Path(path), mounts) == kind
    assert file_system(Path(path), tmp_path / "none") == ""


# What holds on both engines


def test_who_reads_may_not_write(db: Database) -> None:
    with pytest.raises(DBAPIError, match=r"readonly|read-only"), db.reading() as session:
        session.execute(text("UPDATE counters SET value = 0"))

    with db.reading() as session:
        assert session.scalar(LAST_NUMBER) == 1000


def test_who_reads_sees_one_state_throughout(db: Database) -> None:
    with db.reading() as session:
        before = session.scalar(LAST_NUMBER)
        with db.transaction() as other:
            other.execute(text("UPDATE counters SET value = value + 1"))

        assert session.scalar(LAST_NUMBER) == before


def test_what_raises_is_undone(db: Database) -> None:
    def stumble() -> None:
        with db.transaction() as session:
            session.add(Account(id=new_id(), name="Contoso", created_at=NOON))
            session.flush()
            raise RuntimeError

    with pytest.raises(RuntimeError):
        stumble()

    with db.reading() as session:
        assert session.scalars(select(Account)).all() == []


def test_a_row_that_refers_to_nothing_is_refused_at_commit(db: Database) -> None:
    def dangle() -> None:
        with db.transaction() as session:
            session.add(Contact(id=new_id(), name="Ada", account_id=new_id(), created_at=NOON))
            session.flush()  # rows may be written in any order; the end is what counts

    with pytest.raises(IntegrityError):
        dangle()


def test_an_error_of_the_database_does_not_tell_what_was_written(db: Database) -> None:
    twice = new_id()

    def add() -> None:
        with db.transaction() as session:
            session.add(Account(id=twice, name="a secret", created_at=NOON))

    add()
    with pytest.raises(IntegrityError) as error:
        add()

    assert "a secret" not in str(error.value)


def test_an_instant_comes_back_as_it_was_in_utc(db: Database) -> None:
    written = datetime(2026, 10, 25, 1, 30, 0, 123456, tzinfo=timezone(timedelta(hours=2)))

    with db.transaction() as session:
        session.add(Account(id=new_id(), name="Contoso", created_at=written))
    with db.reading() as session:
        read = session.scalars(select(Account.created_at)).one()

    assert read == written
    assert read.tzinfo is UTC
    assert (read.day, read.hour, read.microsecond) == (24, 23, 123456)


def test_an_instant_without_a_zone_is_refused(db: Database) -> None:
    with pytest.raises(StatementError, match="no zone"), db.transaction() as session:
        session.add(Account(id=new_id(), name="Contoso", created_at=datetime(2026, 1, 1)))  # noqa: DTZ001


def test_ids_made_later_sort_later() -> None:
    made = [new_id() for _ in range(1000)]

    assert made == sorted(made)


@pytest.mark.parametrize(
    ("sqlstate", "expected"),
    [
        (None, True),  # no connection, and everything of SQLite
        ("08006", True),
        ("53100", True),  # disk full
        ("57P01", True),  # the administrator stopped it
        ("40P01", False),  # a deadlock: trying again may do
        ("57014", False),  # this statement took too long
    ],
)
def test_what_fails_for_one_fails_for_everyone_only_when_the_database_is_away(
    sqlstate: str | None, expected: bool
) -> None:
    class FromDriver(Exception):
        pass

    cause = FromDriver()
    cause.sqlstate = sqlstate  # type: ignore[attr-defined]

    assert away(OperationalError("INSERT", {}, cause)) is expected
    assert not away(IntegrityError("INSERT", {}, cause))
    assert away(Busy("the database is busy"))
    assert not away(ValueError("a bug of ours"))


# Whose turn it is


def test_a_door_has_its_turn_while_a_worker_writes_all_the_time(lite: Database) -> None:
    worker, door = lite, Database(f"sqlite:///{lite.path}")
    waited: list[int] = []
    batches, stop = 0, threading.Event()

    def work() -> None:
        nonlocal batches
        while not stop.is_set():
            with worker.transaction() as session:
                session.execute(text("UPDATE counters SET value = value + 1"))
                stop.wait(0.01)
                batches += 1

    busy = threading.Thread(target=work)
    busy.start()
    try:
        for _ in range(50):
            before = batches
            with door.transaction() as session:
                session.execute(text("UPDATE counters SET value = value + 1"))
            waited.append(batches - before)
    finally:
        stop.set()
        busy.join()
        door.close()

    # One batch was under way; one more may have begun before the door stood in line.
    assert max(waited) <= 2


def write(db: Database) -> None:
    with db.transaction() as session:
        session.execute(text("UPDATE counters SET value = value + 1"))


def somebody_stands_in_line(db: Database) -> bool:
    assert db.lock_path is not None
    with db.lock_path.with_suffix(".line").open("a") as line:
        try:
            fcntl.flock(line, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def test_who_keeps_another_process_waiting_learns_of_it(lite: Database) -> None:
    script = "import sys; from intake.db import Database; from tests.test_db import write; "
    with lite.transaction():
        other = subprocess.Popen(
            [
                sys.executable,
                "-c",
                f"{script} write(Database(sys.argv[1]))",
                f"sqlite:///{lite.path}",
            ],
            cwd=ROOT,
        )
        wait_until(lambda: somebody_stands_in_line(lite), "the other process")
    assert lite.waited_for
    assert other.wait() == 0

    write(lite)
    assert not lite.waited_for


def test_who_keeps_only_its_own_threads_waiting_need_not_hurry(lite: Database) -> None:
    ours = threading.Thread(target=write, args=(lite,))
    with lite.transaction():
        ours.start()
        wait_until(lambda: somebody_stands_in_line(lite), "the thread")

    assert not lite.waited_for
    ours.join()


def test_a_lock_held_by_another_tool_is_waited_for_and_then_said_to_be_busy(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.2)
    db = Database(sqlite_url)
    tool = dbapi2.connect(str(db.path), isolation_level=None)
    tool.execute("BEGIN IMMEDIATE")

    with pytest.raises(OperationalError, match="locked"), db.transaction() as session:
        session.execute(text("UPDATE counters SET value = value + 1"))
    with db.reading() as session:
        assert session.scalar(LAST_NUMBER) == 1000
    tool.execute("ROLLBACK")
    with db.transaction() as session:
        session.execute(text("UPDATE counters SET value = value + 1"))

    tool.close()
    db.close()


def test_a_turn_that_does_not_come_is_said_to_be_busy(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.2)
    one, other = Database(sqlite_url), Database(sqlite_url)

    with one.transaction(), pytest.raises(Busy), other.transaction():
        pass
    with other.transaction() as session:
        session.execute(text("UPDATE counters SET value = value + 1"))

    one.close()
    other.close()
