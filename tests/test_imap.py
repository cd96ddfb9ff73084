"""Mail fetched from a real IMAP server (Dovecot), and from servers that lie."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
import structlog
from imapclient import SEEN, IMAPClient
from imapclient.exceptions import IMAPClientError, LoginError
from sqlalchemy import delete

from channels.email import imap
from channels.email.imap import DatabaseCursors, poll_once, wait_after, watch
from channels.email.imap_folder import Account, TooMuch, WrongAccount, connected, fetch_new
from channels.journal import Arrived, StorageFull
from intake.db import Database
from intake.inbound import MailboxCursor
from tests import dovecot
from tests.dovecot import Dovecot


@pytest.fixture(scope="module")
def server() -> Iterator[Dovecot]:
    yield from dovecot.running()


@pytest.fixture
def account(server: Dovecot, request: pytest.FixtureRequest) -> Account:
    """An account of this test alone."""
    return Account(
        scheme="imap+plain",
        host="127.0.0.1",
        port=server.port,
        user=f"u{abs(hash(request.node.nodeid))}",
        password="right",
        mailbox="support@desk.test",
    )


@pytest.fixture
def cursors(sqlite_url: str) -> Iterator[DatabaseCursors]:
    db = Database(sqlite_url)
    yield DatabaseCursors(db)
    db.close()


class Journal:
    """What was kept, once for each mail's content as the real one does it, and in which order
    the server heard of it."""

    def __init__(self) -> None:
        self.kept: list[Arrived] = []
        self.asked = 0
        self.fault: Exception | None = None

    def keep(self, arrived: Arrived) -> None:
        self.asked += 1
        if self.fault is not None:
            raise self.fault
        if arrived.key() not in {known.key() for known in self.kept}:
            self.kept.append(arrived)

    def subjects(self) -> list[str]:
        return [arrived.raw.split(b"\r\n")[0].decode() for arrived in self.kept]


@pytest.fixture
def journal() -> Journal:
    return Journal()


def mail(number: int, size: int = 10) -> bytes:
    return b"Subject: %d\r\n\r\n%s\r\n" % (number, b"x" * size)


def mails(count: int, start: int = 1) -> list[bytes]:
    return [mail(number) for number in range(start, start + count)]


def unseen(server: Dovecot, account: Account, folder: str = "INBOX") -> int:
    with server.logged_in(account.user) as client:
        client.select_folder(folder, readonly=True)
        return len(client.search("UNSEEN"))


# What is fetched, and once


def test_a_mail_is_kept_byte_for_byte_and_marked_as_read(
    server: Dovecot, account: Account, journal: Journal, cursors: DatabaseCursors
) -> None:
    # Dovecot itself makes CR LF of a lone CR or LF.
    odd = b"Subject: 1\r\nX: \xff\r\n\r\n" + bytes(range(14, 256)) + b"\r\n.\r\n"
    server.delivers(account.user, odd)

    assert poll_once(account, journal.keep, cursors) == 1

    [arrived] = journal.kept
    assert arrived.raw == odd
    assert (arrived.channel, arrived.mailbox) == ("email", "support@desk.test")
    assert arrived.envelope["uid"] == 1
    assert arrived.received_at.tzinfo is not None
    assert unseen(server, account) == 0


def test_what_was_fetched_is_not_fetched_again(
    server: Dovecot, account: Account, journal: Journal, cursors: DatabaseCursors
) -> None:
    server.delivers(account.user, *mails(3))

    counts = [poll_once(account, journal.keep, cursors) for _ in range(2)]
    server.delivers(account.user, mail(4))
    counts.append(poll_once(account, journal.keep, cursors))

    assert counts == [3, 0, 1]
    assert journal.asked == 4


def test_no_mail_is_left_behind_when_there_are_more_than_fit_one_batch(
    server: Dovecot, account: Account, journal: Journal, cursors: DatabaseCursors
) -> None:
    server.delivers(account.user, *mails(75))

    with connected(account) as client:
        counts = [fetch_new(client, account, journal.keep, cursors, at_once=50) for _ in range(3)]

    assert counts == [50, 25, 0]
    assert journal.subjects() == [f"Subject: {n}" for n in range(1, 76)]


def test_a_mail_that_a_person_read_first_is_fetched_all_the_same(
    server: Dovecot, account: Account, journal: Journal, cursors: DatabaseCursors
) -> None:
    server.delivers(account.user, mail(1))
    with server.logged_in(account.user) as person:
        person.select_folder("INBOX")
        person.add_flags([1], [SEEN])

    poll_once(account, journal.keep, cursors)

    assert len(journal.kept) == 1


def test_a_mail_that_could_not_be_kept_stays_unread_and_comes_first_next_time(
    server: Dovecot, account: Account, journal: Journal, cursors: DatabaseCursors
) -> None:
    server.delivers(account.user, *mails(2))
    journal.fault = StorageFull("no room")

    with pytest.raises(StorageFull):
        poll_once(account, journal.keep, cursors)
    left = unseen(server, account)
    journal.fault = None
    poll_once(account, journal.keep, cursors)

    assert left == 2
    assert journal.subjects() == ["Subject: 1", "Subject: 2"]


def test_a_mail_is_marked_only_after_it_was_kept(
    server: Dovecot, account: Account, cursors: DatabaseCursors
) -> None:
    server.delivers(account.user, *mails(3))
    left_when_kept: list[int] = []

    poll_once(account, lambda _: left_when_kept.append(unseen(server, account)), cursors)

    assert left_when_kept == [3, 2, 1]


@pytest.mark.parametrize("crash_at", ["mark", "cursor"])
def test_a_crash_after_keeping_doubles_nothing_and_leaves_nothing_unmarked(
    server: Dovecot,
    account: Account,
    journal: Journal,
    cursors: DatabaseCursors,
    monkeypatch: pytest.MonkeyPatch,
    crash_at: str,
) -> None:
    def crash(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    server.delivers(account.user, *mails(2))
    with monkeypatch.context() as broken:
        owner, name = (IMAPClient, "add_flags") if crash_at == "mark" else (DatabaseCursors, "save")
        broken.setattr(owner, name, crash)
        with pytest.raises(KeyboardInterrupt):
            poll_once(account, journal.keep, cursors)

    poll_once(account, journal.keep, cursors)

    assert journal.asked == 3
    assert journal.subjects() == ["Subject: 1", "Subject: 2"]
    assert unseen(server, account) == 0


def test_a_folder_that_was_made_anew_gives_its_new_mail_and_doubles_no_old(
    server: Dovecot, account: Account, journal: Journal, cursors: DatabaseCursors
) -> None:
    shared = replace(account, folder="Shared")
    with server.logged_in(account.user) as person:
        person.create_folder("Shared")
    server.delivers(account.user, *mails(10), folder="Shared")
    poll_once(shared, journal.keep, cursors)
    with server.logged_in(account.user) as person:
        person.delete_folder("Shared")
        time.sleep(1.1)  # Dovecot's UIDVALIDITY is the time in seconds
        person.create_folder("Shared")
    server.delivers(account.user, *mails(20), folder="Shared")

    with structlog.testing.capture_logs() as lines:
        poll_once(shared, journal.keep, cursors)

    assert journal.subjects() == [f"Subject: {n}" for n in range(1, 21)]
    assert journal.asked == 30
    assert [line["event"] for line in lines] == ["imap folder was made anew"]


def test_without_its_cursor_a_folder_is_fetched_again_and_nothing_doubled(
    server: Dovecot, account: Account, journal: Journal, sqlite_url: str, cursors: DatabaseCursors
) -> None:
    server.delivers(account.user, *mails(3))
    poll_once(account, journal.keep, cursors)
    db = Database(sqlite_url)
    with db.transaction() as session:
        session.execute(delete(MailboxCursor))
    db.close()

    poll_once(account, journal.keep, cursors)

    assert journal.asked == 6
    assert len(journal.kept) == 3


def test_what_lay_there_before_can_be_left_alone(
    server: Dovecot, account: Account, journal: Journal, cursors: DatabaseCursors
) -> None:
    server.delivers(account.user, *mails(3))
    from_now_on = replace(account, from_now_on=True)

    poll_once(from_now_on, journal.keep, cursors)
    server.delivers(account.user, mail(4))
    poll_once(from_now_on, journal.keep, cursors)

    assert journal.subjects() == ["Subject: 4"]
    assert unseen(server, account) == 3


def test_mail_that_is_taken_care_of_can_be_moved(
    server: Dovecot, account: Account, journal: Journal, cursors: DatabaseCursors
) -> None:
    with server.logged_in(account.user) as person:
        person.create_folder("Done")
    server.delivers(account.user, *mails(2))

    poll_once(replace(account, move_to="Done"), journal.keep, cursors)

    with server.logged_in(account.user) as person:
        assert person.select_folder("INBOX")[b"EXISTS"] == 0
        assert person.select_folder("Done")[b"EXISTS"] == 2


def test_a_mail_that_cannot_be_moved_is_said_and_does_not_stop_the_next(
    server: Dovecot, account: Account, journal: Journal, cursors: DatabaseCursors
) -> None:
    server.delivers(account.user, *mails(2))

    with structlog.testing.capture_logs() as lines:
        poll_once(replace(account, move_to="Nowhere"), journal.keep, cursors)

    assert len(journal.kept) == 2
    assert [line["event"] for line in lines] == ["imap mail not marked"] * 2
    assert poll_once(account, journal.keep, cursors) == 0


def test_of_a_mail_that_is_too_big_the_header_is_kept_and_its_size(
    server: Dovecot, account: Account, journal: Journal, cursors: DatabaseCursors
) -> None:
    small = replace(account, message_bytes=100_000)
    server.delivers(account.user, mail(1, 200_000), mail(2, 90_000))

    poll_once(small, journal.keep, cursors)

    big, fits = journal.kept
    assert big.raw == b"Subject: 1\r\n\r\n"
    assert big.envelope["truncated"] == len(mail(1, 200_000))
    assert fits.raw == mail(2, 90_000)
    assert "truncated" not in fits.envelope


# As it comes


def test_new_mail_is_fetched_while_we_wait_and_stopping_is_quick(
    server: Dovecot, account: Account, journal: Journal, cursors: DatabaseCursors
) -> None:
    with watching(account, journal, cursors) as poller:
        server.delivers(account.user, mail(1))
        until(lambda: len(journal.kept) == 1)
        server.delivers(account.user, mail(2))
        until(lambda: len(journal.kept) == 2)

    assert not poller.is_alive()


def test_a_wait_is_renewed_before_the_server_loses_patience(
    server: Dovecot,
    account: Account,
    journal: Journal,
    cursors: DatabaseCursors,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    waits = []
    idle = IMAPClient.idle
    monkeypatch.setattr(IMAPClient, "idle", lambda self: (waits.append(1), idle(self)))

    with watching(account, journal, cursors, idle_seconds=0.1):
        until(lambda: len(waits) >= 3)
        server.delivers(account.user, mail(1))
        until(lambda: len(journal.kept) == 1)

    assert imap.IDLE_SECONDS < 29 * 60


def test_a_server_that_cannot_tell_is_asked_from_time_to_time(
    server: Dovecot,
    account: Account,
    journal: Journal,
    cursors: DatabaseCursors,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(IMAPClient, "has_capability", lambda _, name: name != "IDLE")

    with watching(account, journal, cursors, poll_seconds=0.05):
        server.delivers(account.user, mail(1))
        until(lambda: len(journal.kept) == 1)


def test_after_a_failure_the_poller_connects_again(
    server: Dovecot,
    account: Account,
    journal: Journal,
    cursors: DatabaseCursors,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(imap, "_WAITS_SECONDS", (0.01, 0.01))
    server.delivers(account.user, mail(1))
    journal.fault = RuntimeError("the database is away")

    with structlog.testing.capture_logs() as lines, watching(account, journal, cursors):
        until(lambda: journal.asked >= 3)
        journal.fault = None
        until(lambda: lines[-1]["event"] == "fetched")

    assert len(journal.kept) == 1
    assert {line["event"] for line in lines} == {"fetching failed", "fetched"}


@contextmanager
def watching(
    account: Account, journal: Journal, cursors: DatabaseCursors, **waits: float
) -> Iterator[threading.Thread]:
    stop = threading.Event()
    poller = threading.Thread(
        target=watch, args=(account, journal.keep, cursors, stop), kwargs=waits
    )
    poller.start()
    try:
        yield poller
    finally:
        stop.set()
        poller.join(20)


def until(true: Callable[[], bool]) -> None:
    """Wait until it is true; the limit is for a run that hangs."""
    for _ in range(4000):
        if true():
            return
        time.sleep(0.005)
    raise AssertionError("it did not come true")


@pytest.mark.parametrize(
    ("failures", "login", "seconds"),
    [(1, True, 60), (2, True, 120), (5, True, 900), (99, True, 900), (1, False, 5), (9, False, 30)],
)
def test_each_failure_doubles_the_wait(failures: int, login: bool, seconds: float) -> None:
    assert wait_after(failures, login=login) == seconds


def test_a_wrong_password_is_tried_at_most_five_times_in_ten_minutes() -> None:
    tried_at = [0.0]
    while tried_at[-1] < 600:
        tried_at.append(tried_at[-1] + wait_after(len(tried_at), login=True))

    assert len([at for at in tried_at if at < 600]) <= 5


def test_a_wrong_password_is_told_from_other_failures(account: Account) -> None:
    with pytest.raises(LoginError), connected(replace(account, password="wrong")):
        pass


# Whom we trust


@pytest.mark.parametrize("scheme", ["imaps", "imap"])
def test_a_trusted_server_is_asked_over_tls(
    server: Dovecot,
    account: Account,
    journal: Journal,
    cursors: DatabaseCursors,
    monkeypatch: pytest.MonkeyPatch,
    scheme: str,
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(server.certificate.certificate))
    server.delivers(account.user, mail(1))

    poll_once(over_tls(account, server, scheme), journal.keep, cursors)

    assert len(journal.kept) == 1


@pytest.mark.parametrize("scheme", ["imaps", "imap"])
def test_a_server_that_nobody_vouches_for_never_hears_the_password(
    server: Dovecot, account: Account, scheme: str
) -> None:
    logins = log_of(server).count("Login:")

    with pytest.raises(ssl.SSLCertVerificationError), connected(over_tls(account, server, scheme)):
        pass

    assert log_of(server).count("Login:") == logins


@pytest.mark.parametrize("scheme", ["imaps", "imap"])
def test_a_certificate_of_another_host_will_not_do(
    server: Dovecot, account: Account, monkeypatch: pytest.MonkeyPatch, scheme: str
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(server.certificate.certificate))
    other = replace(over_tls(account, server, scheme), host="localhost")

    with pytest.raises(ssl.SSLCertVerificationError), connected(other):
        pass


def test_without_verification_the_server_would_hear_it(
    server: Dovecot, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ssl, "create_default_context", ssl._create_unverified_context)

    with connected(over_tls(account, server, "imaps")) as client:
        assert client.noop()


def over_tls(account: Account, server: Dovecot, scheme: str) -> Account:
    port = server.tls_port if scheme == "imaps" else server.port
    return replace(account, scheme=scheme, port=port)


def log_of(server: Dovecot) -> str:
    return (server.base / "log").read_text()


@pytest.mark.parametrize(
    "url",
    [
        *("", "imaps://", "imaps://host/INBOX", "http://u@host", "imap+plain://u@mail.example"),
        "imap+plain://u@192.0.2.1",
    ],
)
def test_an_account_that_cannot_be_used_safely_is_refused(url: str) -> None:
    with pytest.raises(WrongAccount):
        Account.from_url(url, password="right", mailbox="support@desk.test")


def test_an_account_is_one_line() -> None:
    account = Account.from_url(
        "imaps://us%40desk.test@mail.example/Help%20me?move=Done&start=now",
        password="secret",
        mailbox="support@desk.test",
    )

    assert (account.user, account.host, account.port) == ("us@desk.test", "mail.example", 993)
    assert (account.folder, account.move_to, account.from_now_on) == ("Help me", "Done", True)
    assert "secret" not in repr(account)


# Servers that lie


@contextmanager
def lying(
    answers: dict[str, bytes], *, capabilities: bytes = b"IMAP4rev1", hangs_up: bool = False
) -> Iterator[tuple[Account, list[str]]]:
    """A server that answers a command by its name, and what it heard.

    It says whatever stands there before its OK; after its answer to IDLE it may hang up.
    """
    heard: list[str] = []
    usual = {
        "CAPABILITY": b"* CAPABILITY " + capabilities + b"\r\n",
        "SELECT": b"* 1 EXISTS\r\n* OK [UIDVALIDITY 7] v\r\n* OK [UIDNEXT 2] n\r\n",
        "SEARCH": b"* SEARCH 1\r\n",
        "SIZE": b"* 1 FETCH (UID 1 RFC822.SIZE 10)\r\n",
    }
    says = {**usual, **answers}

    def talk(peer: socket.socket) -> None:
        with peer, peer.makefile("rwb") as file:
            file.write(b"* OK hello\r\n")
            file.flush()
            for line in file:
                heard.append(line.decode().strip())
                tag, *words = line.split()
                name = next((n for n in says if n.encode() in line.upper()), "")
                file.write(says.get(name, b""))
                if words == [b"IDLE"]:
                    file.flush()
                    if hangs_up:
                        return
                    file.readline()
                file.write(tag + b" OK done\r\n")
                file.flush()
                if words == [b"LOGOUT"]:
                    return

    def serve() -> None:
        while True:
            try:
                peer, _ = listening.accept()
            except OSError:
                return
            try:
                talk(peer)
            except OSError:
                continue

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        url = f"imap+plain://u@127.0.0.1:{listening.getsockname()[1]}"
        yield Account.from_url(url, password="right", mailbox="support@desk.test"), heard
        listening.shutdown(socket.SHUT_RDWR)
    thread.join(20)


def test_a_server_without_starttls_never_hears_the_password() -> None:
    with lying({}) as (account, heard):
        with pytest.raises(IMAPClientError), connected(replace(account, scheme="imap")):
            pass

        assert not [line for line in heard if "LOGIN" in line]


@pytest.mark.parametrize("claimed", [99_999_999_999, 30_000_000])
def test_a_mail_longer_than_the_server_said_is_not_read(
    journal: Journal, cursors: DatabaseCursors, claimed: int
) -> None:
    answers = {
        "HEADER": b"* 1 FETCH (UID 1 BODY[HEADER]<0> {14}\r\nSubject: 1\r\n\r\n)\r\n",
        "PEEK[]": b"* 1 FETCH (UID 1 BODY[] {%d}\r\nxxx" % claimed,
    }
    liars: set[int] = set()

    with lying(answers) as (account, _):
        with pytest.raises(TooMuch), connected(account) as client:
            fetch_new(client, account, journal.keep, cursors, liars=liars)
        with connected(account) as client:
            fetch_new(client, account, journal.keep, cursors, liars=liars)

    assert journal.subjects() == ["Subject: 1"]
    assert journal.kept[0].envelope["truncated"]


@pytest.mark.parametrize(
    "answer",
    [
        b"* 1 FETCH (UID 1 BODY[] {3}\r\nxxx" + b"y" * 2_000_000 + b")\r\n",
        b"* 1 FETCH " + b"(" * 10_000 + b"\r\n",
        b"* 1 FETCH (UID 1 BODY[]\r\n",
        b"* \xff\xfe\r\n",
        b"no IMAP at all\r\n",
    ],
    ids=["more than it said", "nested", "half", "8-bit", "babble"],
)
def test_a_server_that_babbles_costs_a_connection_and_no_more(
    journal: Journal, cursors: DatabaseCursors, monkeypatch: pytest.MonkeyPatch, answer: bytes
) -> None:
    monkeypatch.setattr(imap, "_WAITS_SECONDS", (0.01, 0.01))
    answers = {"PEEK[]": answer}

    with lying(answers) as (account, heard):
        with watching(account, journal, cursors) as poller:
            until(lambda: len([line for line in heard if "LOGIN" in line]) >= 3)
            assert poller.is_alive()
        assert not poller.is_alive()

    assert journal.kept == []


def test_a_mail_that_is_gone_by_now_is_passed_over(
    journal: Journal, cursors: DatabaseCursors
) -> None:
    with lying({"SIZE": b"", "PEEK[]": b""}) as (account, _):
        assert poll_once(account, journal.keep, cursors) == 1
        assert journal.kept == []
        assert cursors.load(account.name, "INBOX") == (7, 1)


def test_a_connection_that_breaks_while_we_wait_is_made_again(
    journal: Journal, cursors: DatabaseCursors, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imap, "_WAITS_SECONDS", (0.01, 0.01))
    answers = {"IDLE": b"+ idling\r\n", "SEARCH": b"* SEARCH\r\n"}

    with (
        lying(answers, capabilities=b"IMAP4rev1 IDLE", hangs_up=True) as (account, heard),
        watching(account, journal, cursors),
    ):
        until(lambda: len([line for line in heard if "SELECT" in line]) >= 3)


def test_news_that_comes_in_one_segment_with_the_wait_is_heard(
    journal: Journal, cursors: DatabaseCursors
) -> None:
    answers = {"IDLE": b"+ idling\r\n* 2 EXISTS\r\n", "SEARCH": b"* SEARCH\r\n"}

    with (
        lying(answers, capabilities=b"IMAP4rev1 IDLE") as (account, heard),
        watching(account, journal, cursors),
    ):
        until(lambda: len([line for line in heard if "SELECT" in line]) >= 3)

    assert len([line for line in heard if "LOGIN" in line]) == 1
