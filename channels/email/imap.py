"""Mail is fetched by IMAP: at once where the server tells us of it, else from minute to minute.

It blocks, so it has a thread of its own.
"""

from __future__ import annotations

import logging
import ssl
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import structlog
from imapclient import IMAPClient
from imapclient.exceptions import IMAPClientError, LoginError

from channels.email.imap_folder import AT_ONCE, Account, Cursors, connected, fetch_new
from channels.journal import Arrived, keep
from intake.inbound import MailboxCursor

if TYPE_CHECKING:
    from intake.db import Database
    from intake.settings import Settings

log = structlog.get_logger()

# A server may hang up after half an hour of IDLE (RFC 2177).
IDLE_SECONDS = 28 * 60.0
POLL_SECONDS = 60.0
# The first and the longest wait after a failure. A refused login waits longer: five of them in
# ten minutes lock an account at more than one provider.
_WAITS_SECONDS = (5.0, 30.0)
_WAITS_AFTER_LOGIN_SECONDS = (60.0, 15 * 60.0)
_GLANCE_SECONDS = 1.0


def run(db: Database, settings: Settings, stop: threading.Event) -> None:
    """Fetch mail into the desk until `stop` is set. Raises WrongAccount at once, and no more."""
    password = settings.imap_password
    account = Account.from_url(
        settings.imap_url,
        password=password.get_secret_value() if password else "",
        mailbox=settings.imap_mailbox,
        message_bytes=settings.message_bytes,
    )

    def keep_one(arrived: Arrived) -> None:
        keep(db, [arrived], reserve_bytes=settings.reserve_bytes)

    watch(account, keep_one, DatabaseCursors(db), stop)


def poll_once(account: Account, keep_one: Callable[[Arrived], None], cursors: Cursors) -> int:
    """Fetch what is new and hang up; how many there were."""
    with connected(account) as server:
        return fetch_new(server, account, keep_one, cursors)


def watch(
    account: Account,
    keep_one: Callable[[Arrived], None],
    cursors: Cursors,
    stop: threading.Event,
    *,
    idle_seconds: float = IDLE_SECONDS,
    poll_seconds: float = POLL_SECONDS,
) -> None:
    """Fetch mail as it comes, until `stop` is set; it is seen within about a second.

    Whatever fails, the mail lies safe on the server: we say so once, wait and connect again.
    """
    # imapclient's own lines hold whole mails.
    logging.getLogger("imapclient").setLevel(logging.WARNING)
    failures = 0
    liars: set[int] = set()
    while not stop.is_set():
        try:
            with connected(account) as server:
                while not stop.is_set():
                    count = fetch_new(server, account, keep_one, cursors, liars=liars)
                    failures = 0
                    if count:
                        log.info("fetched", account=account.name, mails=count)
                    if count < AT_ONCE:
                        _wait_for_news(server, stop, idle_seconds, poll_seconds)
        except Exception as error:  # also what a hostile server makes a parser raise
            failures += 1
            wait = wait_after(failures, login=isinstance(error, LoginError))
            known = isinstance(error, (OSError, IMAPClientError))
            log.warning(
                "fetching failed",
                account=account.name,
                why=f"{type(error).__name__}: {error}"[:300],
                wait_seconds=wait,
                exc_info=None if known else error,
            )
            stop.wait(wait)


def wait_after(failures: int, *, login: bool) -> float:
    """Seconds to wait after so many failures in a row, twice as long each time."""
    first, longest = _WAITS_AFTER_LOGIN_SECONDS if login else _WAITS_SECONDS
    return float(min(longest, first * 2 ** min(failures - 1, 20)))


def _wait_for_news(
    server: IMAPClient, stop: threading.Event, idle_seconds: float, poll_seconds: float
) -> None:
    if not server.has_capability("IDLE"):
        stop.wait(poll_seconds)
        return
    until = time.monotonic() + idle_seconds
    server.idle()
    quiet = True
    while quiet and not stop.is_set() and (left := until - time.monotonic()) > 0:
        if _unread(server):
            break
        glance = min(_GLANCE_SECONDS, left)
        before = time.monotonic()
        news = server.idle_check(timeout=glance)
        # No news in no time at all is how a connection that broke looks like.
        quiet = not news and time.monotonic() - before > glance / 2
    server.idle_done()  # raises if it did break


def _unread(server: IMAPClient) -> bool:
    """Whether something the server said lies in our own buffers already.

    imapclient asks the socket, which knows nothing of it: a mail announced in one segment with
    "+ idling" would wait for the next one.
    """
    connection = server.socket()
    timeout = connection.gettimeout()
    connection.setblocking(False)
    try:
        return bool(server._imap.file.peek(1))
    except (BlockingIOError, ssl.SSLWantReadError):
        return False
    finally:
        connection.settimeout(timeout)


class DatabaseCursors:
    """How far each folder was read, beside the mail that was read from it."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def load(self, account: str, folder: str) -> tuple[int, int] | None:
        with self._db.reading() as session:
            found = session.get(MailboxCursor, (account, folder))
            return (found.uid_validity, found.uid) if found else None

    def save(self, account: str, folder: str, uidvalidity: int, uid: int) -> None:
        cursor = MailboxCursor(account=account, folder=folder, uid_validity=uidvalidity, uid=uid)
        with self._db.transaction() as session:
            session.merge(cursor)
