"""The words every channel shares with the service: what came in, from whom, with what attached.

Plain values only. They cross from the killable child that parses to the process that accepts, so
each is made of strings, numbers and tuples and knows how to become JSON and back.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any


class ContactKind(StrEnum):
    """How a person or thing is reached, and what kind of string identifies it."""

    EMAIL = "email"
    PHONE = "phone"  # E.164
    SLACK = "slack"  # team id and user id, "T0123/U0456"
    FACEBOOK = "facebook"
    TWITTER = "twitter"
    DEVICE = "device"
    VISITOR = "visitor"  # a chat visitor; the id was made by our server


class Automatic(StrEnum):
    """Why a message is taken to be written by a machine (RFC 3834, RFC 3464, vendors' headers)."""

    AUTO_REPLY = "auto-reply"
    BOUNCE = "bounce"
    BULK = "bulk"
    LOOP = "loop"
    OTHER = "automatic"


@dataclass(frozen=True, slots=True)
class Address:
    """A way to reach somebody, normalised: mail lower-case, phone in E.164. `name` is as shown."""

    value: str
    name: str = ""
    kind: ContactKind = ContactKind.EMAIL


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that came with a message. The content stays in the raw message, found by `part`.

    `part` counts the leaves of the message from 0, `size_bytes` and `sha256` are of the decoded
    content, `name` is safe to show: no path, no control or direction characters.
    """

    part: int
    name: str
    content_type: str
    size_bytes: int
    sha256: str
    content_id: str = ""
    inline: bool = False


@dataclass(frozen=True, slots=True)
class Message:
    """One message as understood, whatever the channel.

    `sender` is None when nobody can be named with certainty; the message is kept all the same.
    `text` is the whole text; `new_text` is what the customer wrote this time, without the quoted
    history, and never empty when `text` is not. `message_id`, `in_reply_to` and `references` are
    without angle brackets.
    `notes` say in words what was guessed or cut, for the agent to read.
    """

    channel: str
    sender: Address | None
    subject: str
    text: str
    new_text: str = ""
    html: str = ""
    to: tuple[Address, ...] = ()
    cc: tuple[Address, ...] = ()
    reply_to: tuple[Address, ...] = ()
    delivered_to: tuple[Address, ...] = ()
    """Where it was handed in: our mailboxes and reply addresses are found here first."""
    message_id: str = ""
    in_reply_to: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    automatic: Automatic | None = None
    sender_doubt: str = ""
    """Why the sender is not certain (two From headers, a group …), or ''."""
    language: str = ""
    product: str = ""
    duration_minutes: int = 0
    conversation: str = ""
    """The channel's own id of the conversation (a chat), where it has one; else ''."""
    notes: tuple[str, ...] = ()
    sent_on: str = ""
    """What the sender's clock said (ISO 8601), for showing only; order and SLA use receipt."""
    asked: dict[str, Any] = field(default_factory=dict)
    """What a form asked besides: values by the keys of custom fields."""

    def as_json(self) -> dict[str, Any]:
        """Plain values that `from_json` turns back into an equal message."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Message:
        """The message that `as_json` gave. Raises KeyError or ValueError on anything else."""
        values = dict(values)
        sender = values["sender"]
        return cls(
            **{
                **values,
                "sender": _address(sender) if sender else None,
                "to": tuple(_address(a) for a in values.get("to", ())),
                "cc": tuple(_address(a) for a in values.get("cc", ())),
                "reply_to": tuple(_address(a) for a in values.get("reply_to", ())),
                "delivered_to": tuple(_address(a) for a in values.get("delivered_to", ())),
                "in_reply_to": tuple(values.get("in_reply_to", ())),
                "references": tuple(values.get("references", ())),
                "notes": tuple(values.get("notes", ())),
                "attachments": tuple(Attachment(**a) for a in values.get("attachments", ())),
                "automatic": Automatic(values["automatic"]) if values.get("automatic") else None,
            }
        )


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A mail we promised to send: plain values, fixed when promised, kept in the delivery.

    Message ids are without angle brackets. `automatic` mail has a null envelope sender and the
    headers that stop other machines from answering it.
    """

    message_id: str
    from_address: str
    to: tuple[str, ...]
    subject: str
    text: str
    from_name: str = ""
    cc: tuple[str, ...] = ()
    reply_to: str = ""
    in_reply_to: str = ""
    references: tuple[str, ...] = ()
    automatic: bool = False

    def as_json(self) -> dict[str, Any]:
        """Plain values that `from_json` turns back into an equal mail."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Outgoing:
        """The mail that `as_json` gave."""
        tuples = {name: tuple(values.get(name, ())) for name in ("to", "cc", "references")}
        return cls(**{**values, **tuples})


def _address(values: dict[str, str]) -> Address:
    return Address(values["value"], values["name"], ContactKind(values["kind"]))
