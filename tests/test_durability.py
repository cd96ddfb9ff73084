"""If we said yes, we have it: on stable storage before the answer leaves, and once."""

from __future__ import annotations

import asyncio
import errno
import re
import shutil
import socket
import struct
import subprocess
import warnings
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest
import structlog
from sqlalchemy import create_engine, event, make_url, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from channels.email.smtp import Door, serve
from channels.journal import Journal
from channels.reception import Reception
from channels.sandbox import Sandbox
from intake.cases import Activity, Case
from intake.db import Database
from intake.inbound import Inbound
from kb.suggestions import Library
from tests.desk import NOON, DeskUnderTest
from tests.oracle import Broken, check_invariants
from tests.processes import MAILBOX, premises, wait_until
from tests.senders import Senders, answer_to, letters, send

# What a sender may read when something of ours is broken: a code, and no word of what it was.
TEMPORARY = re.compile(r"4\d\d \d\.\d\.\d [A-Za-z ]+(\[[0-9a-z]{8}\])?")


@pytest.fixture(autouse=True)
def log() -> Iterator[list[structlog.types.EventDict]]:
    """What the doors of this process have to say; their tracebacks would take longer than they."""
    with structlog.testing.capture_logs() as lines:
        yield lines


@asynccontextmanager
async def door(db: Database) -> AsyncIterator[Door]:
    """The SMTP door of a desk, in this process."""
    journal = Journal(db)
    opened = await serve(journal, host="127.0.0.1", port=0, hostname="desk.example")
    try:
        yield opened
    finally:
        await opened.close(grace_seconds=1)
        await journal.close()


def count(db: Database, table: type) -> int:
    with db.reading() as session:
        return session.query(table).count()


def filed(desk: DeskUnderTest) -> DeskUnderTest:
    """The desk, when everything that was kept has been read and filed."""
    with Sandbox() as sandbox:
        way_in = Reception(desk.db, sandbox, desk.settings, Library())
        while way_in.file(at=NOON).taken:
            pass
    return desk


# Stable storage, as the kernel saw it


@pytest.fixture
def strace() -> str:
    """A tracer that may trace here."""
    found = shutil.which("strace")
    works = found and subprocess.run([found, "-f", "-o", "/dev/null", "true"], check=False)
    if not works or works.returncode:
        warnings.warn("THE PROMISE IS NOT PROVED: strace is absent or forbidden", stacklevel=1)
        pytest.skip("strace is absent or may not trace here")
    assert found
    return found


def test_no_mail_is_answered_before_it_is_on_stable_storage(strace: str, tmp_path: Path) -> None:
    acked, early = answers_seen_by(strace, tmp_path, mails=50)

    assert (acked, early) == (50, 0)


def test_without_full_synchronous_mails_would_be_answered_early(
    strace: str, tmp_path: Path
) -> None:
    acked, early = answers_seen_by(
        strace, tmp_path, mails=50, query="?synchronous=normal", unsafe_durability=True
    )

    assert acked == 50
    assert early > 40


def answers_seen_by(
    strace: str, folder: Path, *, mails: int, query: str = "", **settings: object
) -> tuple[int, int]:
    """How many mails were answered 250 by a traced door, and how many of them too early."""
    trace = folder / "trace"
    watch = [strace, "-f", "-y", "-s", "64", "-o", str(trace)]
    watch += ["-e", "trace=pwrite64,pwritev,write,writev,sendto,sendmsg,fdatasync,fsync"]
    url = f"sqlite:///{folder / 'desk.db'}{query}"
    with premises(folder, url, **settings) as here:
        here.prepare().close()
        here.run("smtp", under=watch).opened()
        send(here.smtp_port, letters(mails), at_once=1)
    return read_trace(trace)


def read_trace(trace: Path) -> tuple[int, int]:
    """Answers, and answers given while a file of the database had writes not yet synced.

    Senders that come one after the other make this exact: what is unsynced is theirs.
    """
    dirty: set[str] = set()
    syncing: dict[str, str] = {}
    acked = early = 0
    for line in trace.read_text(errors="replace").splitlines():
        thread, _, call = line.partition(" ")
        call = call.strip()
        name = re.match(r"(\w+)\(\d+<([^>]*)>", call)
        if "250 2.0.0 Kept" in call and name and "socket" in name[2]:
            acked += 1
            early += bool(dirty)
        elif name and re.search(r"\.db(-wal)?$", name[2]):
            if name[1].startswith("pwrite"):
                dirty.add(name[2])
            elif name[1] in ("fdatasync", "fsync"):
                syncing[thread] = name[2]
        if re.match(r"(<\.\.\. )?(fdatasync|fsync)\b.*= 0$", call):
            dirty.discard(syncing.pop(thread, ""))
    return acked, early


# Faults of ours


def broken_database(error: Exception) -> Callable[[], Exception]:
    return lambda: OperationalError("INSERT INTO inbound", {}, error)


FAULTS: dict[str, Callable[[], BaseException]] = {
    "locked": broken_database(Exception("database is locked: /srv/secret/desk.db")),
    "disk error": broken_database(Exception("disk I/O error")),
    "disk full": lambda: OSError(errno.ENOSPC, "No space left on device", "/srv/secret/desk.db"),
    "out of memory": MemoryError,
    "too late": lambda: TimeoutError("timed out waiting for db.internal:5432"),
}


class Fault:
    """Raises at the k-th step of the database, counted from 1; beyond the last it never does.

    Steps are the statements of readers and writers (BEGIN among them), then the commit, then the
    moment just after it, when all is stored and nobody knows.
    """

    def __init__(self, make: Callable[[], BaseException], at_step: int) -> None:
        self._make = make
        self._at_step = at_step
        self.steps = 0

    def step(self, *_arguments: object, **_more: object) -> None:
        self.steps += 1
        if self.steps == self._at_step:
            raise self._make()


@contextmanager
def faulty(db: Database, fault: Fault) -> Iterator[None]:
    """The database fails as the fault says, for readers and writers alike."""
    places: list[tuple[object, str]] = [(db.engine, "commit"), (Session, "after_commit")]
    places += [(engine, "before_cursor_execute") for engine in {db.engine, db.reader}]
    for place, what in places:
        event.listen(place, what, fault.step)
    try:
        yield
    finally:
        for place, what in places:
            event.remove(place, what, fault.step)


@pytest.mark.parametrize("make", FAULTS.values(), ids=FAULTS)
async def test_whatever_fails_at_whatever_step_the_sender_comes_again_and_once_is_enough(
    desk: DeskUnderTest, make: Callable[[], BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    # A sender comes again after minutes, when the mailboxes are looked up anew.
    monkeypatch.setattr("channels.journal.MAILBOXES_FRESH_SECONDS", 0)
    answers = []
    for step in range(1, 50):
        [raw] = letters(1, prefix=f"step{step}-")
        async with door(desk.db) as opened:
            with faulty(desk.db, fault := Fault(make, step)):
                answer = await asyncio.to_thread(answer_to, opened.port, raw)
            again = await asyncio.to_thread(answer_to, opened.port, raw)

        assert again.startswith("250 ")
        if fault.steps < step:
            break
        answers.append(answer)

    # BEGIN and SELECT for the recipient; BEGIN, INSERT, SELECT, COMMIT and after it for the mail.
    assert len(answers) >= 6
    assert [answer for answer in answers if not TEMPORARY.fullmatch(answer)] == []
    assert {answer[:3] for answer in answers} <= {"451", "452"}
    check_invariants(filed(desk).db, drained=True)
    assert count(desk.db, Inbound) == len(answers) + 1
    assert count(desk.db, Case) == len(answers) + 1


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_a_fault_of_ours_carries_no_mail_into_the_log(tmp_path: Path, log_format: str) -> None:
    with premises(tmp_path, log_format=log_format) as here:
        db = here.prepare()
        opened = here.run("smtp")
        wait_until(lambda: re.search(r"\bopen\b", opened.said()) is not None, "start")
        assert answer_to(here.smtp_port, letters(1)[0]).startswith("250 ")
        with db.transaction() as session:
            session.execute(text("ALTER TABLE inbound RENAME TO elsewhere"))

        answer = answer_to(here.smtp_port, letters(1, prefix="canary")[0])

        assert answer.startswith("451 ")
        wait_until(lambda: "Traceback" in opened.said(), "its log")
        assert re.findall("canary|This is", opened.said()) == []
        db.close()


@pytest.mark.parametrize("how", ["closes", "resets", "half-closes"])
async def test_a_sender_that_hangs_up_before_the_answer_loses_and_doubles_nothing(
    desk: DeskUnderTest, how: str
) -> None:
    mails = letters(5)

    async with door(desk.db) as opened:
        for raw in mails:
            with desk.db.transaction():  # the store is busy for a moment
                await asyncio.to_thread(hang_up, opened.port, raw, how)
                await asyncio.sleep(0.02)
            assert (await asyncio.to_thread(answer_to, opened.port, raw)).startswith("250 ")

    check_invariants(filed(desk).db, mails, drained=True)
    assert count(desk.db, Inbound) == count(desk.db, Activity) == len(mails)
    with desk.db.transaction():
        pass  # nothing was left open that would keep a second writer out


def hang_up(port: int, raw: bytes, how: str) -> None:
    """Send a whole mail and its dot, and do not wait for what is said to it."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as peer:
        reader = peer.makefile("rb")
        for line in (b"", b"HELO a\r\n", b"MAIL FROM:<a@b.example>\r\n"):
            peer.sendall(line)
            reader.readline()
        peer.sendall(f"RCPT TO:<{MAILBOX}>\r\nDATA\r\n".encode())
        reader.readline()
        reader.readline()
        peer.sendall(raw + b".\r\n")
        if how == "resets":
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        elif how == "half-closes":
            peer.shutdown(socket.SHUT_WR)


# What is checked before anything is promised


@pytest.mark.parametrize("synchronous", ["normal", "off"])
def test_a_desk_that_could_lose_mail_does_not_start(synchronous: str, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'desk.db'}?synchronous={synchronous}"
    with premises(tmp_path, url) as here:
        ended = here.command("run", "smtp")

        assert ended.returncode == 2
        [line] = ended.stderr.splitlines()
        assert f"synchronous={synchronous} can lose mail" in line


def test_a_desk_that_could_lose_mail_starts_when_it_is_told_to(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'desk.db'}?synchronous=off"
    with premises(tmp_path, url, unsafe_durability=True) as here:
        here.prepare().close()

        assert here.run("smtp").opened().stop() == 0


def test_a_role_that_commits_in_haste_does_not_hurry_us(postgres_url: str) -> None:
    name = make_url(postgres_url).database
    admin = create_engine(make_url(postgres_url).set(drivername="postgresql+psycopg"))
    with admin.begin() as connection:
        connection.execute(text(f'ALTER DATABASE "{name}" SET synchronous_commit = off'))
    admin.dispose()
    db = Database(postgres_url)
    try:
        with admin.connect() as anybody, db.transaction() as ours:
            assert anybody.scalar(text("SHOW synchronous_commit")) == "off"
            assert ours.scalar(text("SHOW synchronous_commit")) == "on"
    finally:
        db.close()
        with admin.begin() as connection:
            connection.execute(text(f'ALTER DATABASE "{name}" RESET synchronous_commit'))
        admin.dispose()


# An orderly end


def test_a_door_that_is_told_to_close_under_load_answers_what_it_took(tmp_path: Path) -> None:
    mails = letters(200)
    with premises(tmp_path) as here:
        db = here.prepare()
        first = here.run("smtp").opened()
        senders = Senders(here.smtp_port, mails).start()
        wait_until(lambda: len(senders.sent.acked) > 40, "some mail")

        assert first.stop() == 0
        here.run("smtp", "worker").opened()
        sent = senders.finish()
        wait_until(lambda: count(db, Activity) == len(mails), "the worker")

        assert sent.codes <= {421, 451}
        assert len(sent.acked) == len(mails)
        check_invariants(db, sent.acked, drained=True, outbox=here.folder / "outbox")
        db.close()


# The oracle of these tests can say no


def test_the_oracle_misses_a_mail_that_is_not_there(desk: DeskUnderTest) -> None:
    with pytest.raises(Broken, match="answered yes and lost"):
        check_invariants(desk.db, letters(1))


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        ("DELETE FROM activities", "is not in exactly its case"),
        ("DELETE FROM queue_items", "does not wait in exactly one queue"),
        ("DELETE FROM events", "was not told of exactly once"),
        ("UPDATE entitlements SET remaining = remaining - 1", "2 left, ledger 3"),
        ("UPDATE inbound SET state = 'pending'", "messages still wait"),
    ],
    ids=["activity", "queue item", "event", "balance", "pending"],
)
async def test_the_oracle_sees_what_is_missing(desk: DeskUnderTest, damage: str, said: str) -> None:
    desk.has_customer(allotment=3)
    async with door(desk.db) as opened:
        await asyncio.to_thread(answer_to, opened.port, letters(1)[0])
    check_invariants(filed(desk).db, letters(1), drained=True)

    with desk.transaction() as session:
        session.execute(text(damage))

    with pytest.raises(Broken, match=said):
        check_invariants(desk.db, letters(1), drained=True)
