"""The SMTP door, asked over real sockets; the journal is a real file, kept with fsync."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import os
import re
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import structlog
from aiosmtpd.smtp import SMTP

from channels.email import data_reader
from channels.email.conversation import Conversation
from channels.email.keeper import Keeper
from channels.email.limits import Limits
from channels.email.smtp import Door, serve
from channels.journal import Arrived, StorageFull
from tests.certificates import certificate_for

MAIL = b"From: ada@example.com\r\nSubject: Help\r\n\r\nThe printer is on fire.\r\n"
INNER = (
    b"MAIL FROM:<evil@x.test>\r\nRCPT TO:<support@desk.test>\r\n"
    b"DATA\r\nSubject: inner\r\n\r\ninner text\r\n.\r\n"
)
# What a reply to an error of ours may look like: no words of the error.
TEMPORARY = re.compile(r"4\d\d \d\.\d\.\d [A-Za-z ]+(\[[0-9a-z]{8}\])?")
LEAKS = re.compile(r"aiosmtpd|Python|/home|/var|Traceback|Error: \(")


class FileJournal:
    """A journal in one file, and the ways in which the real one may fail or take its time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.mailboxes = {"support@desk.test": "support", "billing@desk.test": "billing"}
        self.fault: BaseException | None = None
        self.lookup_fault: Exception | None = None
        self.gate = asyncio.Event()
        self.gate.set()
        self.asked = asyncio.Event()

    def mailbox_for(self, address: str) -> str | None:
        if self.lookup_fault is not None:
            raise self.lookup_fault
        local, _, domain = address.lower().partition("@")
        return self.mailboxes.get(f"{local.partition('+')[0]}@{domain}")

    async def keep(self, *arrived: Arrived) -> None:
        self.asked.set()
        await self.gate.wait()
        if self.fault is not None:
            raise self.fault
        known = {(row["mailbox"], row["sha256"]) for row in self.kept()}
        rows = [row for row in map(_row, arrived) if (row["mailbox"], row["sha256"]) not in known]
        with self._path.open("a") as file:
            file.writelines(json.dumps(row) + "\n" for row in rows)
            file.flush()
            os.fsync(file.fileno())

    def kept(self) -> list[dict[str, Any]]:
        if not self._path.exists():
            return []
        rows = [json.loads(line) for line in self._path.read_text().splitlines()]
        return [{**row, "raw": base64.b64decode(row["raw"])} for row in rows]


def _row(arrived: Arrived) -> dict[str, Any]:
    return {
        "mailbox": arrived.mailbox,
        "raw": base64.b64encode(arrived.raw).decode(),
        "sha256": hashlib.sha256(arrived.raw).hexdigest(),
        "envelope": arrived.envelope,
    }


class Peer:
    """A mail server that connects to us and finds fault with the form of every reply."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def reply(self) -> str:
        """The next reply, its lines joined by newlines; '' when we were hung up on."""
        lines = []
        while line := await asyncio.wait_for(self.reader.readline(), 20):
            text = line.decode("ascii")
            assert re.fullmatch(r"\d{3}[ -][^\r\n]*\r\n", text), f"not a reply: {line!r}"
            assert not LEAKS.search(text), text
            lines.append(text[:-2])
            if text[3] == " ":
                break
        return "\n".join(lines)

    async def says(self, line: str | bytes) -> str:
        """The reply to one command line, or to one block of bytes."""
        self.writer.write(line if isinstance(line, bytes) else f"{line}\r\n".encode())
        return await self.reply()

    async def begins(self, *recipients: str, sender: str = "ada@example.com") -> list[str]:
        """The replies to MAIL, one RCPT each, and DATA."""
        replies = [await self.says(f"MAIL FROM:<{sender}>")]
        replies += [await self.says(f"RCPT TO:<{recipient}>") for recipient in recipients]
        return [*replies, await self.says("DATA")]

    async def sends(self, raw: bytes, *recipients: str, sender: str = "ada@example.com") -> str:
        """The answer to a whole mail."""
        replies = await self.begins(*(recipients or ("support@desk.test",)), sender=sender)
        assert replies[-1].startswith("354"), replies
        return await self.says(stuffed(raw))

    async def rest(self) -> str:
        """All replies until we are hung up on."""
        replies = []
        while reply := await self.reply():
            replies.append(reply)
        return "\n".join(replies)


def stuffed(raw: bytes) -> bytes:
    return (b"\r\n" + raw).replace(b"\r\n.", b"\r\n..")[2:] + b".\r\n"


@asynccontextmanager
async def connected(door: Door, *, greet: bool = True) -> AsyncIterator[Peer]:
    reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
    peer = Peer(reader, writer)
    try:
        if greet:
            assert (await peer.reply()).startswith("220 ")
            assert (await peer.says("EHLO mx.example.com")).startswith("250-desk.test\n")
        yield peer
    finally:
        writer.transport.abort()


@pytest.fixture
async def journal(tmp_path: Path) -> FileJournal:
    return FileJournal(tmp_path / "journal")


Serve = Callable[..., Awaitable[Door]]


@pytest.fixture
async def opened(journal: FileJournal) -> AsyncIterator[Serve]:
    """A function that opens a door with given limits; it is closed after the test."""
    doors: list[Door] = []

    async def open_door(tls_context: Any = None, **limits: Any) -> Door:
        door = await serve(
            journal,
            host="127.0.0.1",
            port=0,
            hostname="desk.test",
            limits=Limits(**limits),
            tls_context=tls_context,
        )
        doors.append(door)
        return door

    yield open_door
    for door in doors:
        await door.close(grace_seconds=0.1)


# What we promise


async def test_a_mail_is_kept_byte_for_byte_before_it_is_answered(
    opened: Serve, journal: FileJournal
) -> None:
    async with connected(await opened()) as peer:
        answer = await peer.sends(MAIL, "Support@desk.test", "support+c12.k3j2@desk.test")

    [row] = journal.kept()
    assert answer == "250 2.0.0 Kept"
    assert row["raw"] == MAIL
    assert row["mailbox"] == "support"
    assert row["envelope"] == {
        "mail_from": "ada@example.com",
        "rcpt_to": ["Support@desk.test", "support+c12.k3j2@desk.test"],
        "helo": "mx.example.com",
        "peer": "127.0.0.1",
        "tls": False,
    }


async def test_a_mail_is_not_answered_while_it_is_being_kept(
    opened: Serve, journal: FileJournal
) -> None:
    journal.gate.clear()

    async with connected(await opened()) as peer:
        answer = asyncio.create_task(peer.sends(MAIL))
        await journal.asked.wait()
        await asyncio.sleep(0.05)
        early = answer.done()
        journal.gate.set()

        assert (await answer).startswith("250 ")
        assert not early


async def test_a_mail_to_two_mailboxes_is_kept_for_each(
    opened: Serve, journal: FileJournal
) -> None:
    async with connected(await opened()) as peer:
        await peer.sends(MAIL, "support@desk.test", "billing@desk.test")

    assert [row["mailbox"] for row in journal.kept()] == ["support", "billing"]
    assert [row["envelope"]["rcpt_to"] for row in journal.kept()] == [
        ["support@desk.test"],
        ["billing@desk.test"],
    ]


async def test_a_bounce_is_kept_with_an_empty_sender(opened: Serve, journal: FileJournal) -> None:
    async with connected(await opened()) as peer:
        await peer.sends(MAIL, sender="")

    assert journal.kept()[0]["envelope"]["mail_from"] == ""


FAULTS = [
    RuntimeError("database is locked: /var/lib/secret/path.db"),
    OSError(28, "No space left on device", "/var/lib/secret"),
    TimeoutError(),
    MemoryError(),
    ConnectionResetError("the database hung up"),
    asyncio.CancelledError(),
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: type(fault).__name__)
async def test_a_fault_of_ours_is_temporary_and_tells_nothing(
    opened: Serve, journal: FileJournal, fault: BaseException
) -> None:
    journal.fault = fault

    async with connected(await opened()) as peer:
        refused = await peer.sends(MAIL)
        journal.fault = None
        taken = await peer.sends(MAIL)

    assert refused.startswith("451 4.3.0")
    assert TEMPORARY.fullmatch(refused)
    assert taken.startswith("250 ")
    assert len(journal.kept()) == 1


@pytest.mark.parametrize("fault", FAULTS[:5], ids=lambda fault: type(fault).__name__)
async def test_a_recipient_that_cannot_be_looked_up_is_asked_for_again_later(
    opened: Serve, journal: FileJournal, fault: Exception
) -> None:
    journal.lookup_fault = fault

    async with connected(await opened()) as peer:
        await peer.says("MAIL FROM:<ada@example.com>")
        refused = await peer.says("RCPT TO:<support@desk.test>")
        journal.lookup_fault = None
        taken = await peer.says("RCPT TO:<support@desk.test>")

    assert TEMPORARY.fullmatch(refused)
    assert taken.startswith("250 ")


async def test_the_stock_answer_to_a_fault_would_tell_it_and_bounce_the_mail(
    opened: Serve, journal: FileJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Conversation, "handle_exception", SMTP.handle_exception)
    journal.lookup_fault = RuntimeError("database is locked: /var/lib/secret/path.db")

    async with connected(await opened()) as peer:
        await peer.says("MAIL FROM:<ada@example.com>")
        peer.writer.write(b"RCPT TO:<support@desk.test>\r\n")
        refused = (await peer.reader.readline()).decode()

    assert refused.startswith("500 ")
    assert "/var/lib/secret" in refused


async def test_a_full_disk_is_said_to_be_one(opened: Serve, journal: FileJournal) -> None:
    journal.fault = StorageFull("3 MB left of 500")

    with structlog.testing.capture_logs() as lines:
        async with connected(await opened()) as peer:
            assert await peer.sends(MAIL) == "452 4.3.1 Insufficient system storage"

    assert [(line["event"], line["log_level"]) for line in lines] == [("not kept", "warning")]


async def hangs_up_before_the_answer(door: Door, journal: FileJournal, how: str) -> None:
    """A peer sends a whole mail and is gone, in its way, before the journal has it."""
    journal.gate.clear()
    async with connected(door) as peer:
        await peer.begins("support@desk.test")
        peer.writer.write(stuffed(MAIL))
        await journal.asked.wait()
        if how == "half-closes":
            peer.writer.write_eof()
        elif how == "resets":
            linger = struct.pack("ii", 1, 0)
            peer.writer.get_extra_info("socket").setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, linger
            )
            peer.writer.transport.abort()
        else:
            peer.writer.close()
        await until(lambda: not door._conversations)
    journal.gate.set()
    await until(lambda: not door._keeper.under_way)


async def until(true: Callable[[], bool]) -> None:
    """Give way until it is true; the limit is for a run that hangs."""
    async with asyncio.timeout(20):
        while not true():  # noqa: ASYNC110 - what is awaited is another's state
            await asyncio.sleep(0.005)


@pytest.mark.parametrize("how", ["closes", "resets", "half-closes"])
async def test_a_peer_that_hangs_up_before_the_answer_loses_and_doubles_nothing(
    opened: Serve, journal: FileJournal, how: str
) -> None:
    door = await opened()

    await hangs_up_before_the_answer(door, journal, how)
    kept_unanswered = len(journal.kept())
    async with connected(door) as peer:
        again = await peer.sends(MAIL)

    assert kept_unanswered == 1
    assert again.startswith("250 ")
    assert len(journal.kept()) == 1


async def test_without_the_shield_a_peer_that_hangs_up_would_stop_the_journal(
    opened: Serve, journal: FileJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def unshielded(keeper: Any, conversation: Any, session: Any, envelope: Any) -> str:
        await journal.keep(Arrived("email", "support", envelope.raw, {}, None))
        return "250 2.0.0 Kept"

    monkeypatch.setattr(Keeper, "handle_DATA", unshielded)

    await hangs_up_before_the_answer(await opened(), journal, "closes")

    assert journal.kept() == []


async def test_the_log_has_a_line_for_each_mail_and_no_word_of_it(
    opened: Serve, journal: FileJournal
) -> None:
    with structlog.testing.capture_logs() as lines:
        async with connected(await opened()) as peer:
            await peer.sends(MAIL)

    assert [line["event"] for line in lines] == ["kept"]
    assert lines[0]["mailbox"] == "support"
    assert lines[0]["size"] == len(MAIL)
    assert lines[0]["peer"] == "127.0.0.1"
    assert not re.search(r"ada|example|printer", str(lines))


# Where a mail ends

BODIES = {
    "empty": b"",
    "a dot": b".\r\n",
    "dots": b".\r\n..\r\n...x\r\n\r\n.\r\n",
    "starts with a dot": b".x\r\ny\r\n",
    "bare ends of line": b"a\rb\nc\r\n",
    "a long line": b"x" * 200_000 + b"\r\n",
    "just one block": b"x" * (2**16 - 7) + b"\r\n",
    "8-bit and NUL": bytes(range(256)) + b"\r\n",
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
async def test_what_was_sent_is_what_is_kept(
    opened: Serve, journal: FileJournal, body: bytes
) -> None:
    async with connected(await opened()) as peer:
        answer = await peer.sends(body)

    assert answer.startswith("250 ")
    assert journal.kept()[0]["raw"] == body


async def test_a_mail_of_any_length_ends_at_its_dot_wherever_a_block_ends(
    opened: Serve, journal: FileJournal
) -> None:
    mails = [b"x" * length + b"\r\n" for length in range(2**16 - 12, 2**16 + 6)]

    async with connected(await opened()) as peer:
        answers = [await peer.sends(mail) for mail in mails]

    assert all(answer.startswith("250 ") for answer in answers)
    assert [row["raw"] for row in journal.kept()] == mails


NOT_AN_END = [
    *(b"\n.\n", b"\r.\r", b"\r.\n", b"\n.\r", b"\n.\r\n", b"\r\n.\n", b"\r.\r\n", b"\r\n.\r"),
    *(b"\r\n\0.\r\n", b"\r\n.\0\r\n", b"\r\n.\r\r\n", b"\r\r\n.\r\r\n", b"\n\n.\r\n"),
    *(b"\r\n .\r\n", b"\r\n. \r\n", b"\r\n.\x0b\r\n", b"\x85.\x85", "\u2028.\u2028".encode()),
    *(b"\f.\f", b"\n.\n\n", b"\r\n.\n\r\n", b"\r\n\n.\n", b"\r.\r.\r\n", b"\r\n.\t\r\n"),
    *(b"\n..\n", b"\r\n..\r\n"),
]


async def smuggles(door: Door, variant: bytes, cut: int = 0, inner: bytes = INNER) -> None:
    """A mail with another one behind something that is not quite an end, in two segments."""
    stream = b"Subject: outer\r\n\r\nouter text" + variant + inner
    cut += stream.index(variant)
    async with connected(door) as peer:
        await peer.begins("support@desk.test")
        peer.writer.write(stream[:cut])
        if cut < len(stream):
            await asyncio.sleep(0.002)
            peer.writer.write(stream[cut:])
        peer.writer.write(b"QUIT\r\n")
        await peer.rest()


@pytest.mark.parametrize("variant", NOT_AN_END, ids=repr)
async def test_nothing_but_a_true_end_ends_a_mail(
    opened: Serve, journal: FileJournal, variant: bytes
) -> None:
    door = await opened(connections_from_loopback=1000)

    for cut in range(len(variant) + 1):
        await smuggles(door, variant, cut)

    [row] = journal.kept()  # the same mail each time, so it is there once
    assert b"inner text" in row["raw"]
    assert row["envelope"]["mail_from"] == "ada@example.com"


async def test_a_true_end_after_a_lone_cr_is_an_end(opened: Serve, journal: FileJournal) -> None:
    """It holds CR LF . CR LF; an honest relay would have stuffed the dot (Postfix agrees)."""
    await smuggles(await opened(), b"\r\r\n.\r\n")

    assert len(journal.kept()) == 2


async def test_a_laxer_end_would_let_a_second_mail_in(
    opened: Serve, journal: FileJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(data_reader, "END_OF_DATA", b"\n.\n")

    await smuggles(await opened(), b"\n.\n", inner=INNER.replace(b"\r\n.\r\n", b"\n.\n"))

    assert [row["envelope"]["mail_from"] for row in journal.kept()] == [
        "ada@example.com",
        "evil@x.test",
    ]


async def test_mails_sent_in_groups_are_taken_one_by_one(
    opened: Serve, journal: FileJournal
) -> None:
    group = b"MAIL FROM:<ada@example.com>\r\nRCPT TO:<support@desk.test>\r\nDATA\r\n"

    async with connected(await opened()) as peer:
        for number in range(3):
            peer.writer.write(group)
            codes = [(await peer.reply())[:3] for _ in range(3)]
            peer.writer.write(stuffed(b"%d\r\n" % number) + b"NOOP\r\n")
            codes += [(await peer.reply())[:3] for _ in range(2)]
            assert codes == ["250", "250", "354", "250", "250"]

    assert [row["raw"] for row in journal.kept()] == [b"0\r\n", b"1\r\n", b"2\r\n"]


# How large and how many


async def test_a_mail_of_the_limit_is_taken_and_one_octet_more_is_not(
    opened: Serve, journal: FileJournal
) -> None:
    size = 300_000
    largest = b"x" * (size - 2) + b"\r\n"

    async with connected(await opened(message_bytes=size)) as peer:
        assert (await peer.sends(largest)).startswith("250 ")
        assert (await peer.sends(b"x" + largest)).startswith("552 5.3.4 ")
        assert (await peer.sends(MAIL)).startswith("250 ")
        assert (await peer.says(f"MAIL FROM:<a@b.test> SIZE={size + 1}")).startswith("552 ")

    assert [len(row["raw"]) for row in journal.kept()] == [size, len(MAIL)]


async def test_mails_that_come_in_at_once_share_the_memory_there_is(
    opened: Serve, journal: FileJournal
) -> None:
    door = await opened(held_bytes=300_000)

    async with connected(door) as first, connected(door) as second:
        await first.begins("support@desk.test")
        first.writer.write(b"x" * 200_000)
        await until(lambda: door._held_bytes > 100_000)
        refused = await second.sends(b"y" * 250_000 + b"\r\n")
        taken = await first.says(b"\r\n.\r\n")
        again = await second.sends(b"y" * 250_000 + b"\r\n")

    assert refused == "452 4.3.1 Insufficient system storage"
    assert taken.startswith("250 ")
    assert again.startswith("250 ")
    assert door._held_bytes == 0


async def test_memory_is_given_back_when_a_peer_hangs_up_in_the_middle(opened: Serve) -> None:
    door = await opened()

    async with connected(door) as peer:
        await peer.begins("support@desk.test")
        peer.writer.write(b"x" * 300_000)
        await until(lambda: door._held_bytes > 100_000)

    await until(lambda: door._held_bytes == 0)


async def test_after_a_hundred_recipients_the_rest_is_asked_for_later(
    opened: Serve, journal: FileJournal
) -> None:
    async with connected(await opened()) as peer:
        await peer.says("MAIL FROM:<ada@example.com>")
        replies = [await peer.says(f"RCPT TO:<support+{n}@desk.test>") for n in range(3000)]
        await peer.says("DATA")
        answer = await peer.says(stuffed(MAIL))

    assert {reply[:3] for reply in replies[:100]} == {"250"}
    assert set(replies[100:]) == {"452 4.5.3 Too many recipients"}
    assert answer.startswith("250 ")
    assert len(journal.kept()[0]["envelope"]["rcpt_to"]) == 100


async def test_an_unknown_recipient_is_refused_and_a_harvester_is_hung_up_on(
    opened: Serve,
) -> None:
    async with connected(await opened(unknown_recipients=20)) as peer:
        await peer.says("MAIL FROM:<ada@example.com>")
        replies = [await peer.says(f"RCPT TO:<u{n}@desk.test>") for n in range(21)]
        rest = await peer.rest()

    assert set(replies) == {"550 5.1.1 No such mailbox here"}
    assert rest.startswith("421 4.7.0 ")


@pytest.mark.parametrize(
    ("command", "times"), [("NOOP", 10), ("RSET", 100), ("EHLO x", 4), ("VRFY a", 2)]
)
async def test_a_command_may_be_said_only_so_often(opened: Serve, command: str, times: int) -> None:
    async with connected(await opened()) as peer:
        replies = [await peer.says(command) for _ in range(times)]
        last = await peer.says(command)

    assert all(reply.startswith("25") for reply in replies)
    assert last.startswith("421 ")


async def test_a_flood_of_commands_is_cut(opened: Serve) -> None:
    async with connected(await opened()) as peer:
        peer.writer.write(b"NOOP\r\n" * 20_000)

        assert "421 4.7.0" in await reset_or(peer.rest())


async def reset_or(replies: Awaitable[str]) -> str:
    """The replies; a hang-up on unread commands may cost the last of them."""
    try:
        return await replies
    except ConnectionResetError:
        return "421 4.7.0 lost on the way"


async def test_one_peer_may_connect_only_so_often_and_again_when_it_left(opened: Serve) -> None:
    door = await opened(connections_from_loopback=2)

    async with connected(door):
        async with connected(door), connected(door, greet=False) as third:
            assert await third.rest() == "421 4.7.0 Too many connections"
        await until(lambda: len(door._conversations) == 1)
        async with connected(door) as again:
            assert (await again.says("NOOP")).startswith("250 ")


async def test_all_peers_together_may_connect_only_so_often(opened: Serve) -> None:
    door = await opened(connections=1)

    async with connected(door), connected(door, greet=False) as second:
        assert await second.rest() == "421 4.7.0 Too many connections"


# How slow


async def test_a_mail_that_drips_is_cut_and_a_slow_honest_one_is_not(
    opened: Serve, journal: FileJournal
) -> None:
    door = await opened(data_grace_seconds=0.3, data_bytes_per_second=2000)

    async with connected(door) as drip, connected(door) as honest:
        await drip.begins("support@desk.test")
        await honest.begins("support@desk.test")
        cut = asyncio.create_task(drip.rest())
        while not cut.done():
            drip.writer.write(b"x")
            honest.writer.write(b"y" * 2000)
            await asyncio.sleep(0.05)

        assert "421 4.4.2 Too slow" in await cut
        assert (await honest.says(b"\r\n.\r\n")).startswith("250 ")

    assert len(journal.kept()) == 1


async def test_a_mail_may_take_longer_than_an_idle_peer(opened: Serve) -> None:
    async with connected(await opened(idle_seconds=0.5)) as peer:
        await peer.begins("support@desk.test")
        for _ in range(6):
            peer.writer.write(b"slowly\r\n")
            await asyncio.sleep(0.2)

        assert (await peer.says(b".\r\n")).startswith("250 ")


@pytest.mark.parametrize("said", [b"", b"NO", b"\r\n", b"x" * 3_000_000])
async def test_a_peer_that_says_nothing_whole_is_hung_up_on(opened: Serve, said: bytes) -> None:
    async with connected(await opened(idle_seconds=0.5)) as peer:
        peer.writer.write(said)

        assert (await peer.rest()).endswith("421 4.4.2 Idle too long")


async def test_no_conversation_is_for_ever(opened: Serve) -> None:
    async with connected(await opened(session_seconds=1, idle_seconds=60)) as peer:
        assert await peer.rest() == "421 4.4.2 Session too long"


# What a stranger may say

ODD_COMMANDS = {
    "8-bit command": (b"\xff\xfe\r\n", "5"),
    "8-bit address": (b"MAIL FROM:<\xff@example.com>\r\n", "553"),
    "NUL in address": (b"MAIL FROM:<a\0b@example.com>\r\n", "553"),
    "UTF-8 address": ("MAIL FROM:<zoë@example.com> SMTPUTF8\r\n".encode(), "250"),
    "600 octets": (b"MAIL FROM:<" + b"a" * 600 + b"@example.com>\r\n", "553"),
    "2000 octets": (b"MAIL FROM:<" + b"a" * 2000 + b"@example.com>\r\n", "500"),
    "lower case": (b"mail from:<a@example.com>\r\n", "250"),
    "spaces behind": (b"MAIL FROM:<a@example.com>   \r\n", "250"),
    "space before": (b"MAIL FROM: <a@example.com>\r\n", "250"),
    "tabs": (b"MAIL\tFROM:<a@example.com>\r\n", "500"),
    "no brackets": (b"MAIL FROM:a@example.com SIZE=10\r\n", "250"),
    "source route": (b"MAIL FROM:<@relay.test,@b.test:a@example.com>\r\n", "250"),
    "quoted": (b'MAIL FROM:<"a b"@example.com>\r\n', "250"),
    "two addresses": (b"MAIL FROM:<a@b.test><c@d.test>\r\n", "501"),
    "two at signs": (b"MAIL FROM:<a@b@c.test>\r\n", "553"),
    "parentheses": (b"MAIL FROM:" + b"(" * 900 + b"\r\n", "250 501 553"),
    "no address": (b"MAIL FROM:\r\n", "553"),
    "unknown parameter": (b"MAIL FROM:<a@example.com> FOO=1\r\n", "555"),
    "help": (b"HELP\r\n", "500"),
    "authentication": (b"AUTH PLAIN AGEAYg==\r\n", "500"),
    "expansion": (b"EXPN staff\r\n", "500"),
    "not offered": (b"BDAT 999999999999 LAST\r\n", "500"),
    "a proxy": (b"PROXY TCP4 192.0.2.1 192.0.2.2 1 25\r\n", "500"),
    "DATA too early": (b"DATA\r\n", "503"),
    "RCPT too early": (b"RCPT TO:<support@desk.test>\r\n", "503"),
}


@pytest.mark.parametrize(("said", "codes"), ODD_COMMANDS.values(), ids=ODD_COMMANDS)
async def test_an_odd_command_is_answered_and_the_conversation_goes_on(
    opened: Serve, said: bytes, codes: str
) -> None:
    with structlog.testing.capture_logs() as lines:
        async with connected(await opened()) as peer:
            reply = await peer.says(said)
            await peer.says("RSET")
            answer = await peer.sends(MAIL)

    assert reply.startswith(tuple(codes.split()))
    assert answer.startswith("250 ")
    assert [line["event"] for line in lines] == ["kept"]


@pytest.mark.parametrize("recipient", ["", "postmaster", "a@", "@b", "support@desk.test>"])
async def test_a_malformed_recipient_is_no_fault_of_ours(opened: Serve, recipient: str) -> None:
    async with connected(await opened()) as peer:
        await peer.says("MAIL FROM:<ada@example.com>")

        assert (await peer.says(f"RCPT TO:<{recipient}>")).startswith("5")


async def test_what_a_peer_calls_itself_can_be_stored(opened: Serve, journal: FileJournal) -> None:
    async with connected(await opened()) as peer:
        await peer.says(b"EHLO \xff\0\x1b[31m\r\n")
        await peer.sends(MAIL)

    assert journal.kept()[0]["envelope"]["helo"] == "???[31m"


async def test_the_greeting_says_who_we_are_and_not_what(opened: Serve) -> None:
    async with connected(await opened(), greet=False) as peer:
        assert await peer.reply() == "220 desk.test ESMTP"
        assert await peer.says("EHLO x") == (
            "250-desk.test\n250-SIZE 26214400\n250-8BITMIME\n250-PIPELINING\n250 SMTPUTF8"
        )


async def test_commands_that_are_none_are_borne_five_times(opened: Serve) -> None:
    async with connected(await opened()) as peer:
        peer.writer.write(
            b"GET / HTTP/1.1\r\nHost: a\r\nX: b\r\nY: c\r\nZ: d\r\nMAIL FROM:<a@b>\r\n"
        )

        assert "502 5.5.1 Too many" in await reset_or(peer.rest())


@pytest.mark.parametrize(
    "said", [b"POST / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x02\x00\x01", b"EHLO x\r\n" + INNER]
)
async def test_who_talks_before_the_greeting_is_not_let_in(
    opened: Serve, journal: FileJournal, said: bytes
) -> None:
    door = await opened()

    # The loop stands still meanwhile, so the words are there before it says anything.
    with socket.create_connection(("127.0.0.1", door.port)) as browser:
        browser.sendall(said)
        browser.setblocking(False)
        heard = await asyncio.get_running_loop().sock_recv(browser, 1000)

    assert heard == b"554 5.5.1 Wait for the greeting\r\n"
    assert journal.kept() == []


# TLS


async def test_what_was_said_before_tls_is_forgotten(
    opened: Serve, journal: FileJournal, tmp_path: Path
) -> None:
    certificate = certificate_for("desk.test", tmp_path)
    door = await opened(tls_context=certificate.server_context())

    async with connected(door) as peer:
        assert "250-STARTTLS" in await peer.says("EHLO mx.example.com")
        ready = await peer.says(
            b"STARTTLS\r\nNOOP\r\nMAIL FROM:<evil@x.test>\r\nRCPT TO:<support@desk.test>\r\n"
        )
        await peer.writer.start_tls(certificate.trusting_context(), server_hostname="desk.test")
        too_early = await peer.says("RCPT TO:<support@desk.test>")
        offered = await peer.says("EHLO mx.example.com")
        answer = await peer.sends(MAIL)

    assert ready.startswith("220 ")
    assert too_early.startswith("503 ")
    assert "STARTTLS" not in offered
    assert "AUTH" not in offered
    assert answer.startswith("250 ")
    assert journal.kept()[0]["envelope"]["tls"] is True


async def test_a_handshake_that_is_none_leaves_nothing_behind(
    opened: Serve, tmp_path: Path
) -> None:
    certificate = certificate_for("desk.test", tmp_path)
    door = await opened(tls_context=certificate.server_context(), handshake_seconds=0.2)

    with structlog.testing.capture_logs() as lines:
        async with connected(door) as talks, connected(door) as waits, connected(door) as goes:
            for peer in (talks, waits, goes):
                await peer.says("STARTTLS")
            talks.writer.write(b"this is no handshake\r\n")
            goes.writer.close()

            await until(lambda: not door._conversations)

    assert lines == []


async def test_starttls_is_not_to_be_had_without_a_certificate(opened: Serve) -> None:
    async with connected(await opened()) as peer:
        assert (await peer.says("STARTTLS")).startswith("454 ")
        assert (await peer.sends(MAIL)).startswith("250 ")


# When we close


async def test_closing_lets_a_mail_that_is_coming_in_end(
    opened: Serve, journal: FileJournal
) -> None:
    door = await opened()

    async with connected(door) as busy, connected(door) as idle:
        await busy.begins("support@desk.test")
        closing = asyncio.create_task(door.close(grace_seconds=20))
        told = await idle.rest()
        answer = await busy.says(stuffed(MAIL))
        parted = await busy.rest()
        await closing

    assert told == "421 4.3.2 Closing for now"
    assert answer.startswith("250 ")
    assert parted == "421 4.3.2 Closing for now"
    assert len(journal.kept()) == 1


async def test_closing_does_not_wait_for_ever(opened: Serve, journal: FileJournal) -> None:
    door = await opened()

    async with connected(door) as peer:
        await peer.begins("support@desk.test")
        peer.writer.write(b"and then\r\n")
        await door.close(grace_seconds=0.1)

        assert await peer.rest() == "421 4.3.2 Closing for now"
    assert journal.kept() == []


async def test_closing_waits_for_what_is_being_kept(opened: Serve, journal: FileJournal) -> None:
    door = await opened()
    journal.gate.clear()

    async with connected(door) as peer:
        answer = asyncio.create_task(peer.sends(MAIL))
        await journal.asked.wait()
        closing = asyncio.create_task(door.close(grace_seconds=20))
        await asyncio.sleep(0.05)
        journal.gate.set()
        await closing

        assert (await answer).startswith("250 ")
    assert len(journal.kept()) == 1


async def test_a_closed_door_lets_nobody_in(opened: Serve) -> None:
    door = await opened()
    port = door.port

    await door.close()

    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", port)
