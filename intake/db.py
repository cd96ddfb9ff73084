"""The database: two engines behind one door.

SQLite (bundled and recent, WAL, `synchronous=FULL`) is the embedded default; PostgreSQL is the
engine at scale. The edges of the program open a transaction with `Database.transaction()`;
everything below takes the session and never commits.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import UTC, date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

import orjson
from sqlalchemy import (
    JSON,
    BigInteger,
    Connection,
    Date,
    DateTime,
    Dialect,
    Engine,
    Enum,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    TypeDecorator,
    Uuid,
    create_engine,
    event,
    func,
    make_url,
    select,
    text,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import DeclarativeBase, Session
from uuid_utils.compat import uuid7

from intake.turns import Busy as Busy
from intake.turns import others_wait, turn

# The WAL-reset bug of SQLite 3.7.0 to 3.51.2 can lose commits when two processes write.
OLDEST_SQLITE = (3, 51, 3)
BUSY_SECONDS = 5.0
NETWORK_FILE_SYSTEMS = {"nfs", "nfs4", "cifs", "smb3", "smbfs", "fuse.sshfs", "9p", "afs", "ceph"}


class Unsafe(Exception):
    """The database could lose what we said yes to; the text says why and how to allow it."""


def away(error: BaseException | None) -> bool:
    """Whether the database itself is away, full or busy: what failed for one fails for everyone.

    A statement that is at fault, a conflict and a bug of ours are not of this kind.
    """
    if isinstance(error, (Busy, PoolTimeout)):
        return True
    if not isinstance(error, DBAPIError):
        return False
    if error.connection_invalidated:
        return True
    # SQLSTATE by class: no connection, no resources, shutting down, trouble with the disk. What
    # failed before PostgreSQL said anything has none, nor has anything of SQLite.
    state = getattr(error.orig, "sqlstate", None) or "08"
    return isinstance(error, OperationalError) and state.startswith(("08", "53", "57P", "58"))


def contended(error: BaseException | None) -> bool:
    """Whether others were in the way: a lock not given in time, a deadlock, a cancelled wait.

    Nothing is wrong with what was asked; asked again a moment later it may well succeed.
    """
    state = getattr(getattr(error, "orig", None), "sqlstate", None)
    return isinstance(error, DBAPIError) and state in ("40001", "40P01", "55P03", "57014")


class Instant(TypeDecorator[datetime]):
    """An aware instant, kept as UTC; SQLite has no zones, so naive UTC there."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("instants are aware: this datetime has no zone")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


# Plain JSON on SQLite, JSONB on PostgreSQL; always whole values, never queried inside.
Json = JSON().with_variant(JSONB(), "postgresql")
# SQLite numbers rows by itself only for INTEGER.
RowNumber = BigInteger().with_variant(Integer(), "sqlite")


class Base(DeclarativeBase):
    """Every mapped class. Ids are version 7 UUIDs made by us, so rows can be written in bulk."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_N_label)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012
        datetime: Instant,
        date: Date,
        UUID: Uuid,
        dict[str, Any]: Json,
        list[str]: Json,
        list[dict[str, Any]]: Json,
    }


E = TypeVar("E", bound=StrEnum)


def one_of(words: type[E]) -> Enum:
    """A column that holds one of the words, as text, so that a new word needs no migration."""
    return Enum(
        words,
        native_enum=False,
        length=32,
        values_callable=lambda kind: [member.value for member in kind],
    )


def refers_to(target: str) -> ForeignKey:
    """A foreign key that is checked at commit, so that rows may be written in any order."""
    return ForeignKey(target, deferrable=True, initially="DEFERRED")


def partial_index(name: str, *columns: str, where: str, unique: bool = False) -> Index:
    """An index of those rows alone for which `where` holds; the others cost it nothing."""
    rows = text(where)
    return Index(name, *columns, unique=unique, sqlite_where=rows, postgresql_where=rows)


# A row that is held to be changed, while others may name it: references are checked at commit, and
# a check that waited for the holder could be waited for by it.
HELD = {"key_share": True}


def insert_new(session: Session, table: type[Base]) -> Any:
    """An INSERT that leaves a row alone when one with its key is there already."""
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    return insert(table).on_conflict_do_nothing()


def alone(session: Session, what: str) -> bool:
    """Whether no other transaction does that until this one ends. SQLite has one writer anyway."""
    if session.get_bind().dialect.name == "sqlite":
        return True
    key = func.hashtextextended(what, 0)
    return bool(session.scalar(select(func.pg_try_advisory_xact_lock(key))))


def new_id() -> UUID:
    """A fresh id; ids made later sort later."""
    return uuid7()


class Database:
    """One database as this process sees it. `lock_path` is where SQLite's writers line up."""

    def __init__(
        self, url: str, *, unsafe: bool = False, pool_size: int = 8, check: bool = True
    ) -> None:
        try:
            parsed = make_url(url)
        except ArgumentError:
            # Not shown: it may hold a password.
            raise Unsafe("database_url is no URL: use sqlite:/// or postgresql://") from None
        self.dialect = parsed.get_backend_name()
        self.lock_path: Path | None = None
        self.waited_for = False
        """Whether another process had to wait for our last transaction to end."""
        if self.dialect == "sqlite":
            self.path = Path(parsed.database or "")
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self.lock_path = self.path.with_name(self.path.name + ".lock")
            synchronous = str(parsed.query.get("synchronous", "full")).lower()
            if check:
                _refuse_unsafe_sqlite(self.path, synchronous, unsafe=unsafe)
            self.engine = _sqlite(self.path, synchronous, pool_size, writes=True)
            self.reader = _sqlite(self.path, synchronous, pool_size, writes=False)
        elif self.dialect == "postgresql":
            self.engine = self.reader = _postgresql(parsed.set(drivername="postgresql+psycopg"))
        else:
            raise Unsafe(f"{self.dialect} is not supported: use sqlite:/// or postgresql://")

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """A session whose work is durable when the block ends, and undone when it raises.

        Raises Busy, or sqlalchemy's OperationalError, when the database is away: both mean later.
        """
        with (
            self._turn(),
            Session(self.engine, expire_on_commit=False) as session,
            session.begin(),
        ):
            yield session
            self.waited_for = self.lock_path is not None and others_wait(self.lock_path)

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A session that sees one state of the database and may not change it."""
        with (
            Session(self.reader, expire_on_commit=False, autoflush=False) as session,
            session.begin(),
        ):
            if self.dialect == "postgresql":
                session.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))
            yield session

    def close(self) -> None:
        """Give every connection back."""
        self.engine.dispose()
        self.reader.dispose()

    def _turn(self) -> AbstractContextManager[None]:
        """The turn to write, where only one may."""
        if self.lock_path is None:
            return nullcontext()
        return turn(self.lock_path, within_seconds=BUSY_SECONDS)


def _sqlite(path: Path, synchronous: str, pool_size: int, *, writes: bool) -> Engine:
    from pysqlite3 import dbapi2

    engine = create_engine(
        f"sqlite+pysqlite:///{path}",
        module=dbapi2,
        pool_size=pool_size,
        max_overflow=16,
        json_serializer=_dump,
        json_deserializer=orjson.loads,
        hide_parameters=True,  # an error of the database must not carry a mail into the log
        connect_args={"check_same_thread": False, "timeout": BUSY_SECONDS},
    )

    @event.listens_for(engine, "connect")
    def _connected(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves
        for pragma in (
            "journal_mode=wal",
            f"synchronous={synchronous}",
            f"busy_timeout={int(BUSY_SECONDS * 1000)}",
            "foreign_keys=on",
            "trusted_schema=off",
            "cell_size_check=on",
            "cache_size=-16000",
            "secure_delete=on",
            f"query_only={'off' if writes else 'on'}",
        ):
            connection.execute(f"pragma {pragma}")
        path.chmod(0o600)

    @event.listens_for(engine, "begin")
    def _begun(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _postgresql(url: Any) -> Engine:
    return create_engine(
        url,
        pool_pre_ping=True,
        pool_size=8,
        max_overflow=16,
        pool_timeout=BUSY_SECONDS,
        json_serializer=_dump,
        json_deserializer=orjson.loads,
        hide_parameters=True,
        connect_args={
            "connect_timeout": int(BUSY_SECONDS),
            "tcp_user_timeout": 15_000,
            # A role or database may have synchronous_commit off: a 250 must not depend on it.
            "options": "-c synchronous_commit=on -c statement_timeout=10s -c lock_timeout=5s"
            " -c idle_in_transaction_session_timeout=30s -c timezone=UTC"
            # Our statements take milliseconds; to compile one takes fifty.
            " -c jit=off",
        },
    )


def _dump(value: Any) -> str:
    return orjson.dumps(value, default=str).decode()


def _refuse_unsafe_sqlite(path: Path, synchronous: str, *, unsafe: bool) -> None:
    from pysqlite3 import dbapi2

    found = tuple(int(part) for part in dbapi2.sqlite_version.split("."))
    problem = ""
    if found < OLDEST_SQLITE:
        problem = f"SQLite {dbapi2.sqlite_version} can lose commits; 3.51.3 or later is needed"
    elif synchronous not in ("full", "extra"):
        problem = f"synchronous={synchronous} can lose mail we said yes to; use full"
    elif (kind := file_system(path)) in NETWORK_FILE_SYSTEMS:
        problem = f"{path.parent} is on a network file system ({kind}), where SQLite cannot lock"
    if problem and not unsafe:
        raise Unsafe(f"{problem} (or set unsafe_durability=true and accept the loss)")


def file_system(path: Path, mounts: Path = Path("/proc/mounts")) -> str:
    """The kind of file system `path` is on, as the kernel names it; '' where it does not say."""
    try:
        lines = mounts.read_text().splitlines()
    except OSError:
        return ""
    where = str(path.absolute().parent.resolve())
    best = ("", "")
    for line in lines:
        _device, point, kind, *_ = line.split()
        point = point.replace("\\040", " ")
        inside = where == point or where.startswith(point.rstrip("/") + "/")
        if inside and len(point) >= len(best[0]):
            best = (point, kind)
    return best[1]
