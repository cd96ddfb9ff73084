"""Mail to measure with: made up, the same in every run, and sent by raw SMTP over loopback.

The client is a bare protocol, so that it costs a small share of what it measures. A mail's time is
that of its answer: from the last octet of the mail to the reply, when the server says it has it.
"""

from __future__ import annotations

import asyncio
import base64
import random
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from email.utils import formatdate

GIVES_UP_SECONDS = 600.0
SUBJECTS = (
    "Cannot log in to the portal",
    "Invoice {n} is wrong",
    "Printer {n} is offline",
    "Error {n} when exporting a report",
    "VPN disconnects every {n} minutes",
    "Größe der Lieferung {n}",
)
_WORDS = """
the a to of and invoice order login password reset error when try page shows blank please help
account team since yesterday upgrade version printer license expired delivery refund charged twice
screen attached log export report customer server timeout phone cannot reach support thanks urgent
production down slow dashboard permission denied project email contract renew warranty serial
device battery manual setting update installation naïve größe señor
"""
WORDS = _WORDS.split()


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail in its envelope, as octets."""

    sender: bytes
    recipient: bytes
    raw: bytes


def mails(count: int, recipient: str, *, seed: int = 1, replies: float = 0.2) -> Iterator[Mail]:
    """Mails of 1.5 to 9 KB from many people: plain, HTML, some with a file, a fifth of them replies
    to earlier ones."""
    chance = random.Random(seed)
    begun: list[tuple[str, str, str]] = []
    for number in range(count):
        message_id = f"<{seed}.{number}.{chance.getrandbits(32):x}@mail.example>"
        if begun and chance.random() < replies:
            sender, subject, answered = begun[chance.randrange(len(begun))]
            thread = [f"In-Reply-To: {answered}", f"References: {answered}"]
            subject = f"Re: {subject}"
        else:
            person = chance.randrange(max(50, count // 3))
            sender = f"user{person}@customer{person % 200}.example"
            subject = chance.choice(SUBJECTS).format(n=chance.randrange(100_000))
            thread = []
            begun.append((sender, subject, message_id))
        head = [
            f"Received: from mx.customer.example ([192.0.2.{number % 250}])\r\n"
            f"\tby relay.example with ESMTPS id {chance.getrandbits(40):x}; {formatdate(1.7e9)}",
            f"Date: {formatdate(1.7e9 + number)}",
            f'From: "User {sender.partition("@")[0]}" <{sender}>',
            f"To: <{recipient}>",
            f"Subject: {_encoded(subject)}",
            f"Message-ID: {message_id}",
            "MIME-Version: 1.0",
            *thread,
        ]
        raw = _letter(head, chance, quoted=bool(thread))
        yield Mail(sender.encode(), recipient.encode(), raw)


def _letter(head: list[str], chance: random.Random, *, quoted: bool) -> bytes:
    text = _text(chance, int(chance.triangular(1000, 7500, 2500)))
    if quoted:
        text = "Still the same.\r\n\r\nOn Mon, support wrote:\r\n> " + text.replace(
            "\r\n", "\r\n> "
        )
    kind = chance.random()
    if kind < 0.55:
        head += ["Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: 8bit"]
        return ("\r\n".join(head) + "\r\n\r\n" + text + "\r\n").encode()
    edge = f"=_{chance.getrandbits(60):x}"
    half = text[: len(text) // 2]
    page = f"<html><body><p>{half.replace(chr(13), '<br>')}</p></body></html>"
    parts = [_part("text/plain; charset=utf-8", half), _part("text/html; charset=utf-8", page)]
    whole = "alternative"
    if kind > 0.9:
        whole = "mixed"
        file = base64.encodebytes(chance.randbytes(1800)).decode().replace("\n", "\r\n")
        parts.append(
            'Content-Type: image/png; name="shot.png"\r\nContent-Disposition: attachment\r\n'
            f"Content-Transfer-Encoding: base64\r\n\r\n{file}"
        )
    head.append(f'Content-Type: multipart/{whole}; boundary="{edge}"')
    body = "".join(f"--{edge}\r\n{part}\r\n" for part in parts)
    return ("\r\n".join(head) + "\r\n\r\n" + body + f"--{edge}--\r\n").encode()


def _part(content_type: str, text: str) -> str:
    return f"Content-Type: {content_type}\r\nContent-Transfer-Encoding: 8bit\r\n\r\n{text}"


def _text(chance: random.Random, size: int) -> str:
    lines = []
    while size > 0:
        lines.append(" ".join(chance.choices(WORDS, k=11)))
        size -= len(lines[-1])
    return "\r\n".join(lines)


def _encoded(subject: str) -> str:
    if subject.isascii():
        return subject
    return f"=?utf-8?b?{base64.b64encode(subject.encode()).decode()}?="


@dataclass(slots=True)
class Poured:
    """What a load of mail met with. Times are in seconds."""

    seconds: float = 0.0
    waits: list[float] = field(default_factory=list)
    refused: Counter[int] = field(default_factory=Counter)

    @property
    def rate(self) -> float:
        """Mails answered yes, per second."""
        return len(self.waits) / self.seconds

    def wait(self, share: float) -> float:
        """The time within which that share of them was answered."""
        ordered = sorted(self.waits)
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def pour(port: int, load: Iterable[Mail], *, connections: int) -> Poured:
    """Send these to a server on this machine, so many at a time; each connection one by one."""
    stuffed = [(mail, _stuffed(mail.raw)) for mail in load]
    return asyncio.run(_pour(port, stuffed, connections))


async def _pour(port: int, load: Sequence[tuple[Mail, bytes]], connections: int) -> Poured:
    poured, waiting = Poured(), iter(load)
    began = time.perf_counter()
    async with asyncio.timeout(GIVES_UP_SECONDS):
        await asyncio.gather(*(_sender(port, waiting, poured) for _ in range(connections)))
    poured.seconds = time.perf_counter() - began
    return poured


async def _sender(port: int, waiting: Iterator[tuple[Mail, bytes]], poured: Poured) -> None:
    loop = asyncio.get_running_loop()
    peer: Peer | None = None
    for mail, stuffed in waiting:
        if peer is None:
            _, peer = await loop.create_connection(Peer, "127.0.0.1", port)
            await peer.answer()
            await peer.say(b"EHLO load.example\r\n")
        await peer.say(b"MAIL FROM:<%b>\r\n" % mail.sender)
        await peer.say(b"RCPT TO:<%b>\r\n" % mail.recipient)
        code = await peer.say(b"DATA\r\n")
        began = time.perf_counter()
        if code == 354:
            code = await peer.say(stuffed)
        if code == 250:
            poured.waits.append(time.perf_counter() - began)
        else:
            poured.refused[code] += 1
            peer.transport.close()
            peer = None
    if peer is not None:
        await peer.say(b"QUIT\r\n")
        peer.transport.close()


class Peer(asyncio.Protocol):
    """One side of an SMTP conversation: says a line, hears the code of the answer."""

    transport: asyncio.Transport

    def __init__(self) -> None:
        self._heard = b""
        self._answer: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self._heard += data
        while (end := self._heard.find(b"\n")) >= 0:
            line, self._heard = self._heard[:end], self._heard[end + 1 :]
            if line[3:4] != b"-" and not self._answer.done():
                self._answer.set_result(int(line[:3]))

    def connection_lost(self, error: Exception | None) -> None:
        if not self._answer.done():
            self._answer.set_result(0)

    async def say(self, line: bytes) -> int:
        """The code of the answer to this; 0 when there is none."""
        self.transport.write(line)
        return await self.answer()

    async def answer(self) -> int:
        """The code of the next answer."""
        code = await self._answer
        self._answer = asyncio.get_running_loop().create_future()
        if self.transport.is_closing():
            self._answer.set_result(0)
        return code


def _stuffed(raw: bytes) -> bytes:
    return raw.replace(b"\r\n.", b"\r\n..") + b".\r\n"
