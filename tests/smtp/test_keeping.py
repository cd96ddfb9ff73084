"""What the SMTP door promises: a mail is kept before it is answered, and no fault loses one."""

from __future__ import annotations

import asyncio
import re
import socket
import struct
from typing import Any

import pytest
import structlog
from aiosmtpd.smtp import SMTP

from channels.email.conversation import Conversation
from channels.email.keeper import Keeper
from channels.email.smtp import Door
from channels.journal import Arrived, StorageFull
from tests.smtp.peers import MAIL, TEMPORARY, FileJournal, Serve, connected, stuffed, until


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
