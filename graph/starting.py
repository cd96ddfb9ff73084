"""`deskbell up`: a whole desk on one machine, started and stopped together.

Two processes: the doors, which keep and answer, and the worker, which understands. Filing in the
loop that answers SMTP would make the 250 wait for other people's mail.
"""

from __future__ import annotations

import signal
import smtplib
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum

import structlog
from rich.console import Console
from sqlalchemy.orm import Session

from graph import demo
from graph.demo import history
from graph.duties import Duty
from graph.opening import NotStarted, desk_of, open_database
from intake import agents, migrations, staffing
from intake.agents import OPERATOR, Agent
from intake.db import Database
from intake.queues import every
from intake.settings import Settings, without_password

log = structlog.get_logger()

START_SECONDS = 30.0
STOP_SECONDS = 15.0
RESTART_SECONDS = 1.0
LINK_LASTS = timedelta(minutes=15)
DEMO_TOKEN_LASTS = timedelta(days=1)


def up(settings: Settings, *, demo: bool) -> None:
    """Run the desk until Ctrl-C. A process that dies is started again.

    Raises NotStarted when a port is taken or a process does not get so far as to open.
    """
    _refuse_taken_ports(settings)
    db = open_database(settings)
    desk_of(settings)
    lines = _plant_demo(db, settings) if demo else _greeting(db, settings)
    db.close()
    groups = _groups(settings)
    stopping = _Stop()
    children = [_start(group) for group in groups]
    try:
        if _ready(settings, children, stopping):
            Console(highlight=False, soft_wrap=True).print("\n".join(lines))
        while not stopping.asked:
            for position, child in enumerate(children):
                if child.poll() is not None and not stopping.asked:
                    log.error("a process ended", duties=groups[position], code=child.returncode)
                    time.sleep(RESTART_SECONDS)
                    children[position] = _start(groups[position])
            time.sleep(0.1)
    finally:
        _stop(children)


def sign_in_url(session: Session, settings: Settings, agent: Agent) -> str:
    """A link that signs this agent in once, soon."""
    secret = agents.sign_in_link(session, agent, at=datetime.now(UTC), lasts=LINK_LASTS)
    return f"{settings.base_url}/sign-in?link={secret}"


class Part(StrEnum):
    """What can be asked for its health from the machine it runs on."""

    SMTP = "smtp"
    PUBLIC = "public"
    OFFICE = "office"
    DATABASE = "database"


def problem_with(settings: Settings, part: Part) -> str:
    """Why that part is not ready, or ''."""
    if part is Part.DATABASE:
        db = Database(settings.database, unsafe=True)
        migrations.check(db)
        return ""
    if part is Part.SMTP:
        try:
            with smtplib.SMTP("127.0.0.1", settings.smtp_port, timeout=5) as smtp:
                return "" if smtp.noop()[0] == 250 else "it does not answer NOOP"
        except (OSError, smtplib.SMTPException) as error:
            return f"nobody answers on port {settings.smtp_port}: {error}"
    port = settings.public_port if part is Part.PUBLIC else settings.office_port
    return "" if _answers(f"http://127.0.0.1:{port}/readyz") else f"port {port} is not ready"


class _Stop:
    """Whether somebody asked us to stop."""

    def __init__(self) -> None:
        self.asked = False
        for sign in (signal.SIGINT, signal.SIGTERM):
            signal.signal(sign, self._ask)

    def _ask(self, _sign: int, _frame: object) -> None:
        self.asked = True


def _refuse_taken_ports(settings: Settings) -> None:
    for host, port in (
        (settings.smtp_host, settings.smtp_port),
        (settings.public_host, settings.public_port),
        (settings.office_host, settings.office_port),
    ):
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with socket.socket(family) as one:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                one.bind((host, port))
            except OSError as error:
                raise NotStarted(
                    f"{host}:{port} cannot be used ({error.strerror}): is another desk running?"
                ) from error


def _groups(settings: Settings) -> list[list[Duty]]:
    doors = [Duty.SMTP, Duty.PUBLIC, Duty.OFFICE]
    if settings.imap_url:
        doors.append(Duty.IMAP)
    work = [Duty.WORKER]
    if settings.slack_app_token is not None:
        work.append(Duty.SLACK)
    return [doors, work]


def _start(duties: Sequence[Duty]) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "graph", "run", *duties, "--until-parent-ends"]
    # They hold our end of a pipe: if we are killed, they read its end and stop.
    return subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True)


def _ready(settings: Settings, children: list[subprocess.Popen[bytes]], stopping: _Stop) -> bool:
    urls = (
        f"http://{settings.office_host}:{settings.office_port}/readyz",
        f"http://{settings.public_host}:{settings.public_port}/readyz",
    )
    deadline = time.monotonic() + START_SECONDS
    while not stopping.asked:
        for child in children:
            if child.poll() is not None:
                raise NotStarted("the desk did not start; the lines above say why")
        if all(_answers(url) for url in urls):
            return True
        if time.monotonic() > deadline:
            raise NotStarted("the desk did not start in time")
        time.sleep(0.1)
    return False


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310  our own http URL
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _stop(children: Sequence[subprocess.Popen[bytes]]) -> None:
    for child in children:
        child.terminate()
    deadline = time.monotonic() + STOP_SECONDS
    for child in children:
        try:
            child.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def _plant_demo(db: Database, settings: Settings) -> list[str]:
    now = datetime.now(UTC)
    with db.transaction() as session:
        if demo.plant(session, at=now - history.LASTS):
            session.flush()
            print("Planting Contoso, with ten weeks of its history ...", flush=True)
            history.live(session, desk_of(settings), since=now - history.LASTS, until=now)
        ada = agents.by_email(session, demo.ADMINISTRATOR)
        if ada is None:
            return _lines(settings, demo.SUPPORT)
        url = sign_in_url(session, settings, ada)
        token = staffing.add_token(
            session, OPERATOR, ada, name="demo", at=datetime.now(UTC), lasts=DEMO_TOKEN_LASTS
        )
    return [
        *_lines(settings, demo.SUPPORT),
        f"  Sign in       {url}",
        "                (as Ada, administrator; once, within 15 minutes)",
        f"  API token     {token}",
        "",
        "A first mail, in another terminal:",
        f"  {_command()} demo mail",
    ]


def _greeting(db: Database, settings: Settings) -> list[str]:
    with db.reading() as session:
        found = every(session).every
    address = next((queue.address for queue in found if queue.address), None)
    if address is None:
        return [
            *_lines(settings, "no queue has an address yet"),
            "",
            f"Add one: {_command()} queue add Support --address support@your.domain",
        ]
    return _lines(settings, address)


def _lines(settings: Settings, address: str) -> list[str]:
    return [
        "",
        "Deskbell is open. Ctrl-C closes it.",
        "",
        f"  Console       {settings.base_url}/",
        f"  GraphQL       {settings.base_url}/graphql",
        f"  Form, chat    {settings.public_url}/form   {settings.public_url}/chat",
        f"  Mail in       smtp://{settings.smtp_host}:{settings.smtp_port}   to {address}",
        f"  Mail out      {without_password(settings.outgoing)}",
    ]


def _command() -> str:
    return sys.argv[0] if "/" in sys.argv[0] else "deskbell"
