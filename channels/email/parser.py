"""A mail read: bytes that a stranger sent into a `Message`, without trusting one of them.

Pure, and without an exception of its own making: what cannot be understood is left out and noted.
It runs in a killable child all the same (`channels/sandbox.py`), for what nobody thought of.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any

from channels.email.addresses import mailboxes
from channels.email.attachments import attachments_of
from channels.email.automatic import automatic
from channels.email.bodies import body_of
from channels.email.mime import Mail, take_apart
from channels.email.quotes import new_text
from channels.email.senders import sender_of
from channels.email.words import as_text, line, readable
from intake.messages import Address, Message

MAX_SUBJECT = 16 << 10
MAX_IDS = 16 << 10
ENDS_OF_THREAD = 50

_ID = re.compile(r"<\s*+([^<>\s]{1,250})\s*>")
_LONE_ID = re.compile(r"[^<>\s,;]{1,250}@[^<>\s,;]{1,250}")
_UNREADABLE_KINDS = {
    "application/pgp-encrypted": "the mail is encrypted (PGP)",
    "application/pkcs7-mime": "the mail is signed or encrypted as a whole (S/MIME)",
    "application/x-pkcs7-mime": "the mail is signed or encrypted as a whole (S/MIME)",
    "application/ms-tnef": "attachments came as winmail.dat",
}


def parse(raw: bytes, envelope: Mapping[str, Any]) -> Message:
    """The mail in `raw`.

    `envelope` may have `mail_from` ("" is the null sender), `rcpt_to`, `peer`, and `own_addresses`:
    the mailboxes of this desk.
    """
    mail = take_apart(raw)
    root = mail.root
    hint = root.parameters.get("charset", "")
    sender, doubt = sender_of(mail, envelope, hint)
    subject = readable(as_text(root.first("subject")[:MAX_SUBJECT], hint))
    body = body_of(mail)
    return Message(
        channel="email",
        sender=sender,
        sender_doubt=doubt,
        subject=subject,
        text=body.text,
        new_text=new_text(body.unquoted),
        html=body.html,
        to=_addresses(root.fields.get("to", ()), hint),
        cc=_addresses(root.fields.get("cc", ()), hint),
        reply_to=_addresses(root.fields.get("reply-to", ()), hint),
        delivered_to=_delivered_to(mail, envelope),
        message_id=next(iter(_ids(root.first("message-id"))), ""),
        in_reply_to=_ids(root.first("in-reply-to")),
        references=_ids(root.first("references")),
        attachments=attachments_of(mail, body),
        automatic=automatic(mail, sender, subject, envelope),
        notes=tuple(dict.fromkeys([*mail.notes, *body.notes, *_unreadable(mail)])),
        sent_on=_date(root.first("date")),
    )


def part(raw: bytes, index: int) -> tuple[str, bytes]:
    """The content type and the decoded bytes of leaf `index`. Raises IndexError."""
    mail = take_apart(raw)
    for count, leaf in enumerate(mail.root.leaves()):
        if count == index:
            return leaf.content_type, mail.content(leaf)
    raise IndexError(f"the mail has no part {index}")


def _addresses(values: Iterable[bytes], hint: str) -> tuple[Address, ...]:
    found = (box for value in values for box in mailboxes(as_text(value[:32768], hint)))
    return tuple({box.address: Address(box.address, box.name) for box in found}.values())


def _delivered_to(mail: Mail, envelope: Mapping[str, Any]) -> tuple[Address, ...]:
    """The addresses that brought the mail here: the envelope's, then those that relays noted."""
    noted = [
        value
        for name in ("delivered-to", "x-original-to", "x-delivered-to", "envelope-to")
        for value in mail.root.fields.get(name, ())[:10]
    ]
    written = [str(address) for address in envelope.get("rcpt_to") or ()]
    found = [box for text in (*written, *map(as_text, noted)) for box in mailboxes(text)]
    return tuple({box.address: Address(box.address) for box in found}.values())


def _ids(value: bytes) -> tuple[str, ...]:
    """Message ids in order, without brackets; of a long thread both ends."""
    if len(value) > 2 * MAX_IDS:
        value = value[:MAX_IDS] + b" " + value[-MAX_IDS:]
    text = line(value.decode("latin-1")) if len(value) < 1000 else value.decode("latin-1")
    found = list(dict.fromkeys(_ID.findall(text) or _LONE_ID.findall(text)))
    if len(found) > 2 * ENDS_OF_THREAD:
        found = found[:ENDS_OF_THREAD] + found[-ENDS_OF_THREAD:]
    return tuple(line(each) for each in found)


def _date(value: bytes) -> str:
    try:
        sent: datetime = parsedate_to_datetime(value[:100].decode("ascii", "replace"))
        return sent.isoformat()
    except (ValueError, TypeError, IndexError, OverflowError):
        return ""


def _unreadable(mail: Mail) -> list[str]:
    """What the agent should know about parts that only another program can read."""
    kinds = {leaf.content_type for leaf in mail.root.leaves()}
    return [words for kind, words in _UNREADABLE_KINDS.items() if kind in kinds]
