"""The chat's messages, as the sandbox reads them: JSON that `door` made of one line of a visitor.

Who speaks, and in which conversation, comes from the envelope that our server wrote. A name or a
mail address that the visitor gave is a claim: it is shown as one and identifies nobody.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NoReturn

import orjson

from channels import Never, typed
from intake.messages import Address, ContactKind, Message

if TYPE_CHECKING:
    from intake.events import Promise
    from intake.settings import Settings

NAME_LENGTH = 80
EMAIL_LENGTH = 254
SUBJECT_LENGTH = 80
TEXT_LENGTH = 4_000


def parse(raw: bytes, envelope: Mapping[str, Any]) -> Message:
    """One line of a chat as a message. Raises ValueError or KeyError on what is no line of ours."""
    said = orjson.loads(raw)
    visitor = envelope["visitor"]
    text = typed.paragraphs(said["text"], TEXT_LENGTH)
    name = typed.line(said["name"], NAME_LENGTH)
    email = typed.line(said["email"], EMAIL_LENGTH)
    return Message(
        channel="chat",
        # Without a name, something short to tell one visitor from another.
        sender=Address(visitor, name or f"Visitor {visitor[:4]}", ContactKind.VISITOR),
        subject=typed.line(text, SUBJECT_LENGTH),
        text=text,
        message_id=message_id(visitor, said["id"]),
        conversation=visitor,
        notes=(f"The visitor says their mail address is {email}; nobody has checked it.",)
        if email
        else (),
    )


def send(promise: Promise, settings: Settings) -> NoReturn:
    """Nothing is promised to a chat: an answer is written to the case and shown from there."""
    raise Never("a chat is answered where it is open")


def message_id(visitor: str, line_id: str) -> str:
    """The id by which a visitor's line is known; no other visitor can make it."""
    return f"{line_id}.{visitor}@chat"


def line_id(message_id: str) -> str:
    """What the visitor's own page calls that line."""
    return message_id.partition(".")[0]
