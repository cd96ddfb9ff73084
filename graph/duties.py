"""The duties of a desk, each run alone or several in one process until it is told to stop.

What a duty needs is imported when it is taken up: a process that only takes mail holds no GraphQL.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import gc
import os
import signal
import socket
import ssl
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import structlog
import uvicorn
from starlette.types import ASGIApp

from channels.journal import Journal
from channels.sandbox import Sandbox
from graph.house import House, furnish
from graph.impatient import ImpatientProtocol
from graph.opening import NotStarted, desk_of, open_database
from intake.settings import Settings, WrongSettings

log = structlog.get_logger()

HTTP_LIMITS: dict[str, Any] = {
    "http": ImpatientProtocol,
    "limit_concurrency": 400,
    "timeout_keep_alive": 5,
    "ws_max_size": 16_384,
    "ws_max_queue": 8,
    "ws_per_message_deflate": False,
    "h11_max_incomplete_event_size": 16_384,
    "server_header": False,
    "timeout_graceful_shutdown": 8,
}


if TYPE_CHECKING:
    from channels.email.smtp import Door


class Duty(StrEnum):
    """What one process may do for the desk."""

    SMTP = "smtp"
    IMAP = "imap"
    PUBLIC = "public"
    OFFICE = "office"
    SLACK = "slack"
    WORKER = "worker"


def run(settings: Settings, duties: Sequence[Duty], *, until_parent_ends: bool = False) -> None:
    """Do these duties until SIGINT or SIGTERM; what was begun is finished first."""
    db = open_database(settings)
    try:
        with Sandbox(children=settings.parser_children) as sandbox:
            house = furnish(settings, db, desk_of(settings), sandbox)
            _collect_less()
            asyncio.run(_run(house, set(duties), until_parent_ends))
    finally:
        db.close()


def _collect_less() -> None:
    """Look for garbage in cycles less often, and never again among what is here for good.

    Batches make and drop objects by the ten thousand; looking at them all took an eighth of the
    worker's processor time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


async def _run(house: House, duties: set[Duty], until_parent_ends: bool) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for sign in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(sign, stop.set)
    if until_parent_ends:
        threading.Thread(target=_watch_parent, args=(loop, stop), daemon=True).start()
    journal = Journal(house.db, reserve_bytes=house.settings.reserve_bytes)
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(journal.close)
        stack.push_async_callback(house.follower.close)
        if Duty.SMTP in duties:
            door = await _smtp(house.settings, journal)
            stack.push_async_callback(door.close)
        if Duty.PUBLIC in duties:
            face = _public(house, journal)
            stack.push_async_callback(await _serve(house.settings, Duty.PUBLIC, face))
        if Duty.OFFICE in duties:
            stack.push_async_callback(await _serve(house.settings, Duty.OFFICE, _office(house)))
        for duty, work in _blocking(house).items():
            if duty in duties:
                stack.enter_context(_in_thread(duty, work, loop, stop))
        log.info("open", duties=" ".join(sorted(duties)))
        await stop.wait()
        log.info("closing", duties=" ".join(sorted(duties)))


def _blocking(house: House) -> dict[Duty, Callable[[threading.Event], None]]:
    return {
        Duty.WORKER: lambda stop: _worker(house, stop),
        Duty.IMAP: lambda stop: _imap(house, stop),
        Duty.SLACK: lambda stop: _slack(house, stop),
    }


def _worker(house: House, stop: threading.Event) -> None:
    from graph import worker

    worker.run(house, stop)


def _imap(house: House, stop: threading.Event) -> None:
    from channels.email import imap
    from channels.email.imap_folder import WrongAccount

    try:
        imap.run(house.db, house.settings, stop)
    except WrongAccount as error:
        raise WrongSettings(f"imap_url: {error}") from error


def _slack(house: House, stop: threading.Event) -> None:
    from channels.slack import socket_mode

    socket_mode.run(house.db, house.desk, house.settings, stop)


def _public(house: House, journal: Journal) -> ASGIApp:
    from graph.app import public

    return public(house, journal)


def _office(house: House) -> ASGIApp:
    from graph.app import office

    return office(house)


@contextmanager
def _in_thread(
    duty: Duty,
    work: Callable[[threading.Event], None],
    loop: asyncio.AbstractEventLoop,
    stop_all: asyncio.Event,
) -> Iterator[None]:
    """The duty goes on meanwhile. One that fails ends all, and its fault is raised here."""
    stop = threading.Event()
    faults: list[Exception] = []

    def body() -> None:
        try:
            work(stop)
        except Exception as fault:  # noqa: BLE001  raised again where the process ends by it
            faults.append(fault)
            log.error("a duty ended", duty=duty, why=type(fault).__name__)
            loop.call_soon_threadsafe(stop_all.set)

    thread = threading.Thread(target=body, name=duty)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
    if faults:
        raise faults[0]


async def _smtp(settings: Settings, journal: Journal) -> Door:
    from channels.email import smtp
    from channels.email.limits import Limits

    tls = None
    if settings.smtp_tls_certificate is not None:
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        try:
            tls.load_cert_chain(settings.smtp_tls_certificate, settings.smtp_tls_key)
        except OSError as error:  # of which ssl.SSLError is one
            path = settings.smtp_tls_certificate
            raise WrongSettings(f"smtp_tls_certificate: {path} or its key: {error}") from error
    limits = Limits(
        message_bytes=settings.message_bytes,
        connections=settings.smtp_connections,
        connections_per_peer=settings.smtp_connections_per_peer,
    )
    host, port = settings.smtp_host, settings.smtp_port
    try:
        return await smtp.serve(
            journal,
            host=host,
            port=port,
            hostname=settings.smtp_name,
            limits=limits,
            tls_context=tls,
        )
    except OSError as error:
        raise NotStarted(_not_ours(host, port, error)) from error


def _not_ours(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"{host}:{port} is taken: is another desk running?"
    return f"cannot listen on {host}:{port}: {os.strerror(error.errno or 0)}"


class _Quiet(uvicorn.Server):
    """A server that leaves signals to us."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def _serve(settings: Settings, duty: Duty, face: ASGIApp) -> Callable[[], Awaitable[None]]:
    host, port = (
        (settings.public_host, settings.public_port)
        if duty is Duty.PUBLIC
        else (settings.office_host, settings.office_port)
    )
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listening = socket.create_server((host, port), family=family)
    except OSError as error:
        raise NotStarted(_not_ours(host, port, error)) from error
    server = _Quiet(
        uvicorn.Config(
            face,
            log_config=None,
            access_log=False,
            lifespan="off",
            proxy_headers=bool(settings.trusted_proxies),
            forwarded_allow_ips=list(settings.trusted_proxies),
            **HTTP_LIMITS,
        )
    )
    task = asyncio.create_task(server.serve([listening]))
    while not server.started:
        if task.done():
            await task
        await asyncio.sleep(0.01)

    async def close() -> None:
        server.should_exit = True
        await asyncio.gather(task, return_exceptions=True)

    return close


def _watch_parent(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    # Our parent holds the other end of standard input; when it ends, however, we read its end.
    while os.read(sys.stdin.fileno(), 64):
        pass
    loop.call_soon_threadsafe(stop.set)
