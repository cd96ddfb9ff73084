"""Mail goes out: by a mail server we are told of, or into a folder for trying things out.

One promise is one recipient. Who else is named in To and Cc is told by a promise of their own, so
that a refusal of one is not the other's affair.
"""

from __future__ import annotations

import contextlib
import ipaddress
import os
import smtplib
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, unquote, urlsplit

from channels import Never, NotNow, Sent
from channels.email.composing import Unsendable, address_on_the_wire, compose, needs_utf8
from intake.messages import Outgoing
from intake.threads import mailbox_of

if TYPE_CHECKING:
    from intake.events import Promise
    from intake.settings import Settings

TIMEOUT_SECONDS = 30.0
_PORTS = {"smtp": 25, "smtp+starttls": 587, "smtps": 465, "smtp+plain": 25}


def send(promise: Promise, settings: Settings) -> Sent:
    """Hand over one promised mail. Raises NotNow or Never.

    Sent again, it is the same mail to the octet, with the Message-ID fixed when it was promised.
    """
    outgoing = Outgoing.from_json(promise.payload)
    where = urlsplit(settings.outgoing)
    try:
        letter = _letter(outgoing, promise)
    except Unsendable as error:
        raise Never(str(error)) from error
    if where.scheme == "file":
        return _put_into(Path(unquote(where.path)), letter.raw, promise)
    if where.scheme not in _PORTS:
        raise NotNow(f"outgoing_smtp does not say how: {where.scheme!r} is none of {list(_PORTS)}")
    password = settings.outgoing_smtp_password
    return _hand_over(letter, where, password.get_secret_value() if password else "")


@dataclass(frozen=True, slots=True)
class _Letter:
    """A mail in its envelope. An empty sender wants no answer, not even a bounce (RFC 3834)."""

    sender: str
    recipient: str
    raw: bytes
    our_host: str

    @property
    def options(self) -> list[str]:
        utf8 = needs_utf8(self.recipient) or needs_utf8(self.sender) or not self.raw.isascii()
        return ["SMTPUTF8", "BODY=8BITMIME"] if utf8 else []


def _letter(outgoing: Outgoing, promise: Promise) -> _Letter:
    recipient = address_on_the_wire(promise.target or outgoing.to[0])
    if _is_here(recipient):
        raise Never(f"{recipient} is a place on this machine, not somebody's address")
    ours = {mailbox_of(outgoing.from_address), mailbox_of(outgoing.reply_to)}
    if mailbox_of(recipient) in ours:
        raise Never(f"{recipient} is an address of ours; answering it would go round in circles")
    # A bounce goes to the signed address, and so finds its case.
    sender = "" if outgoing.automatic else outgoing.reply_to or outgoing.from_address
    raw = compose(outgoing, at=promise.promised_at)
    return _Letter(
        sender and address_on_the_wire(sender),
        recipient,
        raw,
        address_on_the_wire(outgoing.from_address).rpartition("@")[2],
    )


def _is_here(address: str) -> bool:
    """Whether an address leads to a machine and not to a domain: localhost, or an IP address."""
    domain = address.rpartition("@")[2].rstrip(".").lower()
    if domain.rpartition(".")[2] in ("localhost", "localdomain"):
        return True
    try:
        ipaddress.ip_address(domain.strip("[]").removeprefix("ipv6:"))
    except ValueError:
        return False
    return True


def _put_into(folder: Path, raw: bytes, promise: Promise) -> Sent:
    """The mail as a file, whole or not at all; a second attempt writes the same file."""
    name = f"{promise.promised_at:%Y%m%dT%H%M%S}-{promise.id}.eml"
    unfinished = folder / f".{name}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with unfinished.open("wb") as file:
            file.write(raw)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(folder / name)
    except OSError as error:
        raise NotNow(f"the outbox cannot be written: {error.strerror}") from error
    return Sent(response="written to the outbox", remote_id=name)


def _hand_over(letter: _Letter, where: SplitResult, password: str) -> Sent:
    """The mail server's word for it that it has the mail."""
    try:
        with contextlib.closing(_connected(where, letter.our_host)) as server:
            _secure_and_log_in(server, where, password)
            answer = _said_yes(server, letter)
            # The mail is handed over; how the peer takes our leave changes nothing.
            with contextlib.suppress(smtplib.SMTPException, OSError):
                server.quit()
            return Sent(response=answer)
    except (smtplib.SMTPException, OSError) as error:
        # Not this mail's fault, whatever the code: no connection, no trust, no login.
        raise NotNow(_reason(error)) from error


def _connected(where: SplitResult, our_host: str) -> smtplib.SMTP:
    # Our name is given, for else smtplib asks the DNS for it, and says it to everybody.
    host, port = where.hostname or "", where.port or _PORTS[where.scheme]
    if where.scheme == "smtps":
        return smtplib.SMTP_SSL(
            host, port, our_host, timeout=TIMEOUT_SECONDS, context=ssl.create_default_context()
        )
    return smtplib.SMTP(host, port, our_host, timeout=TIMEOUT_SECONDS)


def _secure_and_log_in(server: smtplib.SMTP, where: SplitResult, password: str) -> None:
    server.ehlo_or_helo_if_needed()
    offered = server.has_extn("starttls")
    if where.scheme == "smtp+starttls" or (where.scheme == "smtp" and offered):
        # Without a context of our own smtplib verifies nothing (the fault of CVE-2023-5422).
        server.starttls(context=ssl.create_default_context())
        server.ehlo()
    if where.username:
        if not isinstance(server.sock, ssl.SSLSocket):
            raise smtplib.SMTPNotSupportedError("no TLS, so the password stays here")
        server.login(unquote(where.username), password)


def _said_yes(server: smtplib.SMTP, letter: _Letter) -> str:
    """What the server answered to the whole mail. Raises NotNow or Never if it refused it."""
    if letter.options and not server.has_extn("smtputf8"):
        raise Never("the mail server takes no addresses beyond ASCII (SMTPUTF8)")
    _judge(*server.mail(letter.sender, letter.options))
    _judge(*server.rcpt(letter.recipient))
    try:
        return _judge(*server.data(letter.raw))
    except smtplib.SMTPDataError as error:
        return _judge(error.smtp_code, error.smtp_error)


def _judge(code: int, text: bytes | str) -> str:
    """The answer, if it is a yes; raises NotNow for 4xx, Never for 5xx (RFC 5321, 4.2.1)."""
    answer = f"{code} {_words(text)}"
    if 200 <= code < 300:
        return answer
    raise Never(answer) if code >= 500 else NotNow(answer)


def _words(text: bytes | str) -> str:
    words = text.decode(errors="replace") if isinstance(text, bytes) else text
    return " ".join(words.split())[:500]


def _reason(error: smtplib.SMTPException | OSError) -> str:
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return f"the mail server refuses our login: {error.smtp_code} {_words(error.smtp_error)}"
    if isinstance(error, smtplib.SMTPResponseException):
        return f"{error.smtp_code} {_words(error.smtp_error)}"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the mail server's certificate is not to be trusted: {error.verify_message}"
    return f"the mail server cannot be used: {error or type(error).__name__}"
