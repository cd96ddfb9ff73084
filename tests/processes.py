"""The desk as an operator runs it: real processes, their data folder and ports their own."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from intake import migrations
from intake.db import Database
from intake.queues import Queue

ROOT = Path(__file__).parents[1]
# Generous: what takes so long is broken, however busy the machine.
START_SECONDS = 60.0
STOP_SECONDS = 30.0
MAILBOX = "support@desk.example"


class NotUp(AssertionError):
    """A process that should run does not; the text ends with what it said last."""


class Process:
    """One running `deskbell`, or what watches it, and the file it writes its log to."""

    def __init__(self, command: Sequence[str], environment: dict[str, str], log: Path) -> None:
        self.log = log
        with log.open("ab") as output:
            self._before = output.tell()
            # A group of its own, so that a tracer and what it traces end together.
            self._process = subprocess.Popen(
                command,
                env=environment,
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """Its number, which is also that of its group."""
        return self._process.pid

    @property
    def code(self) -> int | None:
        """How it ended; None while it runs."""
        return self._process.poll()

    def said(self) -> str:
        """All it has written since it was started."""
        return self.log.read_bytes()[self._before :].decode("utf-8", "replace")

    def opened(self) -> Process:
        """Itself, once it has taken up its duties. Raises NotUp."""
        wait_until(lambda: '"event": "open"' in self.said() or self.code is not None, "start")
        if self.code is not None:
            raise NotUp(f"ended with {self.code}:\n{self.said()[-2000:]}")
        return self

    def ends(self) -> int:
        """How it ended, once it has."""
        return self._process.wait(STOP_SECONDS)

    def stop(self) -> int:
        """Ask it to end, as a service manager would; how it ended."""
        if self.code is None:
            self._process.send_signal(signal.SIGTERM)
        return self.ends()

    def kill(self) -> None:
        """End it at once, and all that it started in its group."""
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait(STOP_SECONDS)


class Premises:
    """Where one desk's processes run: folder, database, ports. Nothing of them outlives it."""

    def __init__(self, folder: Path, database_url: str = "", **settings: object) -> None:
        self.folder = folder
        self.smtp_port, self.public_port, self.office_port = free_ports(3)
        self.database_url = database_url or f"sqlite:///{folder / 'desk.db'}"
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "DESKBELL_DATA_DIR": str(folder),
            "DESKBELL_DATABASE_URL": self.database_url,
            "DESKBELL_CONFIG": str(folder / "none.toml"),
            "DESKBELL_SMTP_PORT": str(self.smtp_port),
            "DESKBELL_PUBLIC_PORT": str(self.public_port),
            "DESKBELL_OFFICE_PORT": str(self.office_port),
            "DESKBELL_LOG_FORMAT": "json",
            # The machine's disk may be nearly full for reasons of its own.
            "DESKBELL_RESERVE_BYTES": "0",
            **{f"DESKBELL_{name.upper()}": str(value) for name, value in settings.items()},
        }
        self._processes: list[Process] = []

    def prepare(self) -> Database:
        """The database at its head, with one queue that takes mail for MAILBOX."""
        db = Database(self.database_url, unsafe=True)
        migrations.upgrade(db)
        with db.transaction() as session:
            session.add(Queue(name="Support", address=MAILBOX, is_default=True))
        return db

    def run(self, *duties: str, under: Sequence[str] = (), **settings: object) -> Process:
        """A process that begins to do these duties, traced or wrapped by the command `under`."""
        more = {f"DESKBELL_{name.upper()}": str(value) for name, value in settings.items()}
        command = [*under, sys.executable, "-m", "graph", "run", *duties]
        log = self.folder / f"{'-'.join(duties)}.log"
        process = Process(command, {**self.environment, **more}, log)
        self._processes.append(process)
        return process

    def command(self, *arguments: str, **settings: object) -> subprocess.CompletedProcess[str]:
        """What `deskbell` with these arguments says, and how it ends."""
        more = {f"DESKBELL_{name.upper()}": str(value) for name, value in settings.items()}
        return subprocess.run(
            [sys.executable, "-m", "graph", *arguments],
            env={**self.environment, **more},
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=START_SECONDS,
            check=False,
        )

    def ready(self, port: int) -> bool:
        """Whether the web face at that port says it is."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=10) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def close(self) -> None:
        """End whatever still runs."""
        for process in self._processes:
            process.kill()


@contextmanager
def premises(folder: Path, database_url: str = "", **settings: object) -> Iterator[Premises]:
    """A place for a desk's processes, empty again at the end."""
    here = Premises(folder, database_url, **settings)
    try:
        yield here
    finally:
        here.close()


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on; all different."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in sockets]
    finally:
        for one in sockets:
            one.close()


def wait_until(true: Callable[[], bool], what: str, seconds: float = START_SECONDS) -> None:
    """Return when it is true. Raises NotUp after a time in which it should have become so."""
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            raise NotUp(f"still waiting after {seconds:g} s: {what}")
        time.sleep(0.02)
