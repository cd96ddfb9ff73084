"""Mail servers that send to us: they try again until they hear yes, as real ones do."""

from __future__ import annotations

import smtplib
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from tests.processes import MAILBOX

GIVES_UP_SECONDS = 90.0
TRIES_AGAIN_SECONDS = 0.05


def letters(count: int, *, prefix: str = "mail", size: int = 400) -> list[bytes]:
    """Different mails of different people, each a case of its own."""
    return [
        (
            f"From: {prefix}{n}@customer{n % 7}.example\r\nTo: {MAILBOX}\r\n"
            f"Subject: {prefix} {n}\r\nMessage-ID: <{prefix}.{n}@customer.example>\r\n\r\n"
            f"This is {prefix} {n}.\r\n" + "It does not print. " * (size // 19) + "\r\n"
        ).encode()
        for n in range(count)
    ]


@dataclass
class Sent:
    """What became of a load of mail: what was answered yes, and every other answer."""

    acked: list[bytes] = field(default_factory=list)
    answers: Counter[str] = field(default_factory=Counter)
    """Other answers than 250, and "cut off" where there was none."""
    given_up: int = 0

    @property
    def codes(self) -> set[int]:
        """The codes of the other answers."""
        return {int(answer[:3]) for answer in self.answers if answer[:3].isdigit()}


class Senders:
    """Several mail servers at once, each with its share of the mails."""

    def __init__(self, port: int, mails: Sequence[bytes], *, at_once: int = 8) -> None:
        self.sent = Sent()
        self._port = port
        self._lock = threading.Lock()
        shares = [mails[n::at_once] for n in range(at_once)]
        self._threads = [threading.Thread(target=self._send, args=(share,)) for share in shares]

    def start(self) -> Senders:
        """Begin to send."""
        for thread in self._threads:
            thread.start()
        return self

    @property
    def done(self) -> bool:
        """Whether every mail was taken or given up."""
        return not any(thread.is_alive() for thread in self._threads)

    def finish(self) -> Sent:
        """What became of all of them."""
        for thread in self._threads:
            thread.join()
        return self.sent

    def _send(self, mails: Iterable[bytes]) -> None:
        peer: smtplib.SMTP | None = None
        deadline = time.monotonic() + GIVES_UP_SECONDS
        for raw in mails:
            while True:
                try:
                    peer = peer or self._connected()
                    self._hand_over(peer, raw)
                    with self._lock:
                        self.sent.acked.append(raw)
                    break
                except (OSError, smtplib.SMTPException) as error:
                    self._note(error)
                    _drop(peer)
                    peer = None
                if time.monotonic() > deadline:
                    self.sent.given_up += 1
                    break
                time.sleep(TRIES_AGAIN_SECONDS)
        _drop(peer)

    def _connected(self) -> smtplib.SMTP:
        return smtplib.SMTP("127.0.0.1", self._port, local_hostname="sender.example", timeout=60)

    def _hand_over(self, peer: smtplib.SMTP, raw: bytes) -> None:
        peer.sendmail("sender@customer.example", [MAILBOX], raw)

    def _note(self, error: Exception) -> None:
        code, words = 0, b""
        if isinstance(error, smtplib.SMTPRecipientsRefused):
            code, words = error.recipients[MAILBOX]
        elif isinstance(error, smtplib.SMTPResponseException):
            code, words = error.smtp_code, _bytes(error.smtp_error)
        with self._lock:
            self.sent.answers[f"{code} {words.decode()}" if code > 0 else "cut off"] += 1


def send(port: int, mails: Sequence[bytes], *, at_once: int = 8) -> Sent:
    """Send these until each was taken; what became of them."""
    return Senders(port, mails, at_once=at_once).start().finish()


def answer_to(port: int, raw: bytes) -> str:
    """The answer to one mail, tried once."""
    with smtplib.SMTP("127.0.0.1", port, local_hostname="sender.example", timeout=60) as peer:
        peer.ehlo()
        code, words = peer.mail("sender@customer.example")
        if code == 250:
            code, words = peer.rcpt(MAILBOX)
        if code == 250:
            code, words = peer.data(raw)
        return f"{code} {words.decode()}"


def _drop(peer: smtplib.SMTP | None) -> None:
    if peer is not None and isinstance(peer.sock, socket.socket):
        peer.close()


def _bytes(words: bytes | str) -> bytes:
    return words.encode() if isinstance(words, str) else words
