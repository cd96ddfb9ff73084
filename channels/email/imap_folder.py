"""A folder on somebody else's IMAP server, read so that no mail is missed and none is lost.

The cursor is (UIDVALIDITY, UID), not \\Seen: a person may read the mail first. A mail is marked or
moved only after it was kept. A crash anywhere between fetches it again, and the journal knows it.
"""

from __future__ import annotations

import contextlib
import ipaddress
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol
from urllib.parse import parse_qs, unquote, urlsplit

import structlog
from imapclient import SEEN, IMAPClient
from imapclient.exceptions import IMAPClientAbortError, IMAPClientError

from channels.journal import Arrived

log = structlog.get_logger()

TIMEOUT_SECONDS = 30.0
_PORTS = {"imaps": 993, "imap": 143, "imap+plain": 143}
AT_ONCE = 200
_HEAD_BYTES = 262_144


class WrongAccount(ValueError):
    """The address of an IMAP account that cannot be used; the text says why."""


class TooMuch(ConnectionError):
    """The server sends more than it said, or than we take; the connection cannot be used on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Where mail is fetched, and which of our mailboxes it is for.

    `scheme` is imaps (TLS from the start), imap (STARTTLS, required) or imap+plain (none, for
    loopback only). Mail that was kept is moved to `move_to`, or marked as read if that is empty.
    """

    scheme: str
    host: str
    port: int
    user: str
    password: str = field(repr=False)
    mailbox: str
    folder: str = "INBOX"
    move_to: str = ""
    from_now_on: bool = False
    """Leave alone what lies in the folder when it is seen for the first time."""
    message_bytes: int = 26_214_400

    @property
    def name(self) -> str:
        """What its cursor is kept under."""
        return f"{self.user}@{self.host}"

    @classmethod
    def from_url(
        cls, url: str, *, password: str, mailbox: str, message_bytes: int = 26_214_400
    ) -> Account:
        """The account of imaps://user@host:port/FOLDER?move=Done&start=now.

        Port, folder and what follows it may be left out. Raises WrongAccount.
        """
        where = urlsplit(url)
        wishes = {key: values[-1] for key, values in parse_qs(where.query).items()}
        if where.scheme not in _PORTS:
            raise WrongAccount(
                f"an IMAP address begins with imaps:// or imap://, not {where.scheme!r}"
            )
        if not where.hostname or not where.username or not mailbox:
            raise WrongAccount("an IMAP address needs a user and a host, and a mailbox of ours")
        if where.scheme == "imap+plain" and not _is_loopback(where.hostname):
            raise WrongAccount("a password goes over the network by TLS only: imaps:// or imap://")
        return cls(
            scheme=where.scheme,
            host=where.hostname,
            port=where.port or _PORTS[where.scheme],
            user=unquote(where.username),
            password=password,
            mailbox=mailbox,
            folder=unquote(where.path.lstrip("/")) or "INBOX",
            move_to=wishes.get("move", ""),
            from_now_on=wishes.get("start") == "now",
            message_bytes=message_bytes,
        )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class Cursors(Protocol):
    """How far each folder was read. Losing them costs fetching again, and nothing else."""

    def load(self, account: str, folder: str) -> tuple[int, int] | None:
        """The UIDVALIDITY and the last UID that was dealt with; None the first time."""
        ...

    def save(self, account: str, folder: str, uidvalidity: int, uid: int) -> None:
        """Note that all up to this UID is dealt with."""
        ...


@contextlib.contextmanager
def connected(account: Account) -> Iterator[IMAPClient]:
    """A logged-in connection. Without verified TLS the password is never said.

    Raises OSError (of which ssl.SSLError is one) or an IMAPClientError, LoginError among them.
    """
    tls = ssl.create_default_context()
    with IMAPClient(
        account.host,
        account.port,
        ssl=account.scheme == "imaps",
        ssl_context=tls,
        timeout=TIMEOUT_SECONDS,
    ) as server:
        _trust_no_sizes(server, account.message_bytes)
        if account.scheme == "imap":
            server.starttls(tls)
        server.login(account.user, account.password)
        yield server


def _trust_no_sizes(server: IMAPClient, most: int) -> None:
    """Take no literal that is longer than a mail may be, whatever the server announces.

    imaplib would set aside as much memory as it is told to.
    """
    read = server._imap.read

    def read_within_reason(size: int) -> bytes:
        if size > max(most, _HEAD_BYTES):
            raise TooMuch(f"{size} octets at once")
        return bytes(read(size))

    server._imap.read = read_within_reason


def fetch_new(
    server: IMAPClient,
    account: Account,
    keep: Callable[[Arrived], None],
    cursors: Cursors,
    *,
    at_once: int = AT_ONCE,
    liars: set[int] | None = None,
) -> int:
    """Keep mail that came since the last time, oldest first; how many were dealt with.

    When that is `at_once` there may be more. `liars` are the UIDs whose size was not what the
    server said: of those only the header is fetched. The caller keeps the set from one connection
    to the next. What `keep` raises ends it; the mail stays as it was and is the first to be
    fetched the next time.
    """
    liars = set() if liars is None else liars
    selected = server.select_folder(account.folder)
    validity = int(selected[b"UIDVALIDITY"])
    last = _last_uid(account, cursors, validity, int(selected.get(b"UIDNEXT", 1)))
    # "n:*" always holds the last mail, even when its UID is below n (RFC 3501, 6.4.8).
    found = server.search(["UID", f"{last + 1}:*"])
    uids = sorted(uid for uid in found if uid > last)[:at_once]
    sizes = server.fetch(uids, ["RFC822.SIZE"]) if uids else {}
    for uid in uids:
        size = int(sizes.get(uid, {}).get(b"RFC822.SIZE", 0))
        header_only = size > account.message_bytes or uid in liars
        try:
            raw = _raw(server, uid, header_only=header_only)
        except TooMuch:
            liars.add(uid)
            raise
        if raw is not None:
            keep(_arrived(account, validity, uid, raw, size if header_only else 0))
            _mark(server, account, uid)
        cursors.save(account.name, account.folder, validity, uid)
    return len(uids)


def _last_uid(account: Account, cursors: Cursors, validity: int, next_uid: int) -> int:
    cursor = cursors.load(account.name, account.folder)
    if cursor is None and account.from_now_on:
        cursors.save(account.name, account.folder, validity, next_uid - 1)
        return next_uid - 1
    if cursor is not None and cursor[0] != validity:
        # All is fetched anew; what was kept before is known by its content.
        log.warning("imap folder was made anew", account=account.name, folder=account.folder)
        return 0
    return cursor[1] if cursor else 0


def _raw(server: IMAPClient, uid: int, *, header_only: bool) -> bytes | None:
    """The mail or its header, without marking it as read; None when it is gone."""
    what = f"BODY.PEEK[HEADER]<0.{_HEAD_BYTES}>" if header_only else "BODY.PEEK[]"
    answer: dict[bytes, Any] = server.fetch([uid], [what]).get(uid, {})
    found = [value for name, value in answer.items() if name.startswith(b"BODY[")]
    return bytes(found[0]) if found and found[0] is not None else None


def _arrived(account: Account, validity: int, uid: int, raw: bytes, cut_from: int) -> Arrived:
    envelope: dict[str, Any] = {
        "account": account.name,
        "folder": account.folder,
        "uidvalidity": validity,
        "uid": uid,
    }
    if cut_from:
        envelope["truncated"] = cut_from
    # No id from outside: it would be another one when the folder is made anew.
    return Arrived(
        channel="email",
        mailbox=account.mailbox,
        raw=raw,
        envelope=envelope,
        received_at=datetime.now(UTC),
    )


def _mark(server: IMAPClient, account: Account, uid: int) -> None:
    """Show whoever looks into the folder that the mail is taken care of, if the server lets us."""
    try:
        if not account.move_to:
            server.add_flags([uid], [SEEN], silent=True)
        elif server.has_capability("MOVE"):
            server.move([uid], account.move_to)
        else:
            server.copy([uid], account.move_to)
            server.delete_messages([uid], silent=True)
    except IMAPClientAbortError:
        raise
    except IMAPClientError as error:
        # It is kept, and the cursor passes it; a read-only folder must not stop the next mail.
        log.warning("imap mail not marked", account=account.name, uid=uid, why=str(error)[:300])
