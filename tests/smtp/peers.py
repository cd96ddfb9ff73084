"""Who knocks at the SMTP door in tests, over real sockets, and the journal behind it."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import os
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from channels.email.smtp import Door
from channels.journal import Arrived

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


Serve = Callable[..., Awaitable[Door]]


async def until(true: Callable[[], bool]) -> None:
    """Give way until it is true; the limit is for a run that hangs."""
    async with asyncio.timeout(20):
        while not true():  # noqa: ASYNC110 - what is awaited is another's state
            await asyncio.sleep(0.005)


async def reset_or(replies: Awaitable[str]) -> str:
    """The replies; a hang-up on unread commands may cost the last of them."""
    try:
        return await replies
    except ConnectionResetError:
        return "421 4.7.0 lost on the way"
