"""A mail of ours as the bytes that go out.

Whatever customers and agents typed may stand in a subject or a name, so nothing of it is handed to
a library that reads header text again: Python 3.11.7 and 3.12.1 turn
`=?utf-8?q?a=0D=0ABcc:_v=40x.org?=` into a second header (the class of CVE-2024-6923). We encode by
RFC 2047 ourselves and look at the result once more before it leaves.
"""

from __future__ import annotations

import base64
import binascii
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.utils import format_datetime

from intake.messages import Outgoing

LOOP_FIELD = "X-Deskbell-Loop"

_WIDTH = 78  # RFC 5322, 2.1.1
_LONGEST_SUBJECT = 250
_LONGEST_NAME = 100
_LONGEST_ADDRESS = 254
_LATEST_REFERENCES = 20
_LOCAL_PART = re.compile(r"[^\s\x00-\x20\x7f()<>\[\]:;@\\,\"]+")
_DOMAIN = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?")
_MESSAGE_ID = re.compile(r"[!-;=?-~]{3,250}")  # printable ASCII without < and >
_INVISIBLE = {"Cc", "Cs", "Zl", "Zp"}
_TURNS_TEXT_ROUND = set("\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


class Unsendable(ValueError):
    """No mail can be made of it; the text says why, for a person to read."""


def compose(outgoing: Outgoing, *, at: datetime) -> bytes:
    """The whole mail, dated `at`: the same bytes for every attempt to send it.

    Lines end in CR LF and are at most 998 octets. Text that could not stand in a header is cleaned,
    never refused; raises Unsendable for an address or message id that is none.
    """
    fields = [(name, list(words)) for name, words in _fields(outgoing, at)]
    head = b"".join(_folded(name, words) for name, words in fields)
    raw = head + b"\r\n" + _quoted_printable(outgoing.text)
    _look_again(raw, [name for name, _ in fields])
    return raw


def needs_utf8(address: str) -> bool:
    """Whether only a server that knows SMTPUTF8 can take that address (RFC 6531)."""
    return not address.rpartition("@")[0].isascii()


def address_on_the_wire(address: str) -> str:
    """The address with its domain in ASCII (IDNA). Raises Unsendable for what is no address."""
    local, _, domain = address.rpartition("@")
    try:
        domain = domain.encode("idna").decode()
    except UnicodeError as error:
        raise Unsendable(f"{address!r} is not a mail address") from error
    wire = f"{local}@{domain}"
    if (
        len(wire) > _LONGEST_ADDRESS
        or not _LOCAL_PART.fullmatch(local)
        or not _DOMAIN.fullmatch(domain)
        or cleaned(local) != local
    ):
        raise Unsendable(f"{address!r} is not a mail address")
    return wire


def cleaned(text: str) -> str:
    """The text on one line, without what is invisible or turns the order of letters round."""
    visible = (
        " " if unicodedata.category(c) in _INVISIBLE or c in _TURNS_TEXT_ROUND else c for c in text
    )
    return " ".join("".join(visible).split())


def _fields(outgoing: Outgoing, at: datetime) -> Iterator[tuple[str, Iterable[str]]]:
    """The header fields in order, each as words between which a line may be folded."""
    yield "Date", [format_datetime(at.astimezone(UTC))]
    yield "From", _mailbox(outgoing.from_address, outgoing.from_name)
    if outgoing.reply_to:
        yield "Reply-To", _mailbox(outgoing.reply_to)
    yield "To", _mailboxes(outgoing.to)
    if outgoing.cc:
        yield "Cc", _mailboxes(outgoing.cc)
    yield "Subject", _text(cut(cleaned(outgoing.subject), _LONGEST_SUBJECT))
    if not _MESSAGE_ID.fullmatch(outgoing.message_id):
        raise Unsendable(f"{outgoing.message_id!r} is not a message id")
    yield "Message-ID", [f"<{outgoing.message_id}>"]
    # Ids of other people's mails: what is malformed is left out, threading can do without.
    if _MESSAGE_ID.fullmatch(outgoing.in_reply_to):
        yield "In-Reply-To", [f"<{outgoing.in_reply_to}>"]
    if references := [f"<{r}>" for r in outgoing.references if _MESSAGE_ID.fullmatch(r)]:
        yield "References", references[-_LATEST_REFERENCES:]
    if outgoing.automatic:
        # RFC 3834, 5; Exchange; and what we know our own automatic mail by when it comes back.
        yield "Auto-Submitted", ["auto-replied" if outgoing.in_reply_to else "auto-generated"]
        yield "X-Auto-Response-Suppress", ["All"]
        yield LOOP_FIELD, [address_on_the_wire(outgoing.from_address)]
    yield "MIME-Version", ["1.0"]
    yield "Content-Type", ["text/plain;", 'charset="utf-8"']
    yield "Content-Transfer-Encoding", ["quoted-printable"]


def cut(text: str, length: int) -> str:
    """The text, with an ellipsis for what is longer than that many characters."""
    return text if len(text) <= length else text[: length - 1] + "…"


def _mailboxes(addresses: Sequence[str]) -> Iterator[str]:
    for position, address in enumerate(addresses, start=1):
        [word] = _mailbox(address)
        yield word if position == len(addresses) else word + ","


def _mailbox(address: str, name: str = "") -> list[str]:
    name = cut(cleaned(name), _LONGEST_NAME)
    wire = address_on_the_wire(address)
    if not name:
        return [wire]
    if _plain(name):
        quoted = name.replace("\\", "\\\\").replace('"', '\\"')
        return [f'"{quoted}"', f"<{wire}>"]
    return [*_encoded(name), f"<{wire}>"]


def _text(text: str) -> list[str]:
    return text.split() if _plain(text) else list(_encoded(text))


def _plain(text: str) -> bool:
    """Whether the text may stand as it is: ASCII, foldable, and like no encoded word."""
    return text.isascii() and "=?" not in text and all(len(w) < _WIDTH - 18 for w in text.split())


def _encoded(text: str) -> Iterator[str]:
    """The text as encoded words of at most 75 characters, none of which splits a character."""
    chunk = b""
    for character in text:
        octets = character.encode()
        if len(chunk) + len(octets) > 45:
            yield _encoded_word(chunk)
            chunk = b""
        chunk += octets
    yield _encoded_word(chunk)


def _encoded_word(chunk: bytes) -> str:
    return f"=?utf-8?b?{base64.b64encode(chunk).decode()}?="


def _folded(name: str, words: Sequence[str]) -> bytes:
    """The field, with a new line before each word that would not fit the one before."""
    line, lines = f"{name}:", []
    for word in words:
        if len(line) + 1 + len(word) > _WIDTH and line != f"{name}:":
            lines.append(line)
            line = ""
        line += f" {word}"
    return "\r\n".join([*lines, line, ""]).encode()


def _quoted_printable(text: str) -> bytes:
    """The text with lines that every server passes on unchanged (RFC 2045, 6.7)."""
    octets = re.sub(r"\r\n?", "\n", text).encode(errors="replace")
    encoded = binascii.b2a_qp(octets, istext=True)
    # "From " at the start of a line is taken for a new mail by old software.
    encoded = re.sub(rb"(?m)^From ", b"=46rom ", encoded)
    return encoded.removesuffix(b"\n").replace(b"\n", b"\r\n") + b"\r\n"


def _look_again(raw: bytes, names: list[str]) -> None:
    """Read what was made as a stranger would. Raises Unsendable if it says anything else."""
    for reading in (policy.compat32, policy.default):
        found = message_from_bytes(raw, policy=reading)
        if found.keys() != names:
            raise Unsendable(f"header fields {found.keys()} where {names} were meant")
    if max(map(len, raw.split(b"\r\n"))) > 998 or re.search(rb"\r(?!\n)|(?<!\r)\n|\0", raw):
        raise Unsendable("a line that mail servers would break")
