"""The phone log: a call, written down by whoever took it, filed like any other message.

GraphQL and the command line both hand in `arrived(...)`; what was typed is kept as JSON and read
again in the sandbox. The number is brought into one form (E.164) so that the caller is recognised
however the number was typed. A number can be forged, so it only ever suggests who called.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, NoReturn

import orjson

from channels import Never, typed
from intake.errors import IntakeError
from intake.messages import Address, ContactKind, Message

if TYPE_CHECKING:
    from channels.journal import Arrived
    from intake.events import Promise
    from intake.settings import Settings

MAILBOX = "phone"
LONGEST_CALL_MINUTES = 24 * 60
SUBJECT_LENGTH = 300
TEXT_LENGTH = 20_000
WITHHELD = frozenset(
    ("", "anonymous", "hidden", "private", "restricted", "unavailable", "unknown", "withheld")
)


class WrongCall(IntakeError, ValueError):
    """A call cannot be written down like this; the text says what to change."""

    code = "wrong-call"


def arrived(
    *,
    caller: str,
    subject: str,
    text: str,
    region: str,
    at: datetime,
    name: str = "",
    duration_minutes: int = 0,
    direction: str = "incoming",
    called_at: datetime | None = None,
    agent: str = "",
    external_id: str = "",
) -> Arrived:
    """The call as reception takes it. Raises WrongCall.

    `caller` is the other party's number, with or without the country's prefix (`region`, ISO
    3166, is the country of one without), or empty when it was withheld. `called_at` is when the
    call began, where that is not `at`. The same `external_id` again is the same call.
    """
    # Imported here: the child that parses needs none of what reception does.
    from channels.journal import Arrived

    _check(subject, text, duration_minutes, direction, called_at, at)
    number_of(caller, region)
    call = {
        "caller": caller,
        "name": name,
        "subject": subject,
        "text": text,
        "duration_minutes": duration_minutes,
        "direction": direction,
        "called_at": (called_at or at).isoformat(),
        "agent": agent,
        "external_id": external_id,
    }
    return Arrived(
        channel="phone",
        mailbox=MAILBOX,
        raw=orjson.dumps(call),
        envelope={"region": region},
        received_at=at,
        external_id=external_id,
    )


def parse(raw: bytes, envelope: Mapping[str, Any]) -> Message:
    """The call as a message. Raises WrongCall, or ValueError on what is no JSON of ours."""
    call = orjson.loads(raw)
    number = number_of(call["caller"], envelope["region"])
    name = typed.line(call["name"], 120)
    return Message(
        channel="phone",
        sender=Address(number, name, ContactKind.PHONE) if number else None,
        subject=typed.line(call["subject"], SUBJECT_LENGTH),
        text=typed.paragraphs(call["text"], TEXT_LENGTH),
        duration_minutes=call["duration_minutes"],
        sent_on=call["called_at"],
        notes=tuple(_notes(call, number, name)),
    )


def send(promise: Promise, settings: Settings) -> NoReturn:
    """Nothing is sent by phone: answers to a call go by mail, or somebody calls back."""
    raise Never("a call is answered by mail or by calling back")


def number_of(caller: str, region: str) -> str:
    """The number in E.164, or '' when it was withheld. Raises WrongCall when it is no number."""
    if caller.strip().lower() in WITHHELD:
        return ""
    # Half of the start of a child that never sees a call would be this import.
    import phonenumbers

    try:
        number = phonenumbers.parse(caller, region)
    except phonenumbers.NumberParseException:
        number = None
    if number is None or not phonenumbers.is_possible_number(number):
        raise WrongCall(
            f"{typed.line(caller, 40)!r} is not a phone number; write it with its country's "
            "prefix, as in +34 600 123 456, or leave it empty when it was withheld"
        )
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _check(
    subject: str,
    text: str,
    duration_minutes: int,
    direction: str,
    called_at: datetime | None,
    at: datetime,
) -> None:
    if not subject.strip() and not text.strip():
        raise WrongCall("say what the call was about: a subject or a text is needed")
    if len(text) > TEXT_LENGTH:
        raise WrongCall(f"the text is longer than {TEXT_LENGTH} characters; shorten it")
    if not 0 <= duration_minutes <= LONGEST_CALL_MINUTES:
        raise WrongCall(f"a call lasts between 0 and {LONGEST_CALL_MINUTES} minutes")
    if direction not in ("incoming", "outgoing"):
        raise WrongCall(f"a call is incoming or outgoing, not {typed.line(direction, 40)!r}")
    if called_at is not None and called_at.tzinfo is None:
        raise WrongCall("the time of the call needs a zone, as in 2026-03-02T12:00:00+01:00")
    if called_at is not None and called_at > at:
        raise WrongCall("the call begins in the future; check the time of the call")


def _notes(call: Mapping[str, Any], number: str, name: str) -> list[str]:
    """What the activity cannot say elsewhere, in words."""
    notes = []
    if call["direction"] == "outgoing":
        notes.append("We called them.")
    if call["agent"]:
        notes.append(f"Written down by {typed.line(call['agent'], 120)}.")
    if not number:
        notes.append(f"The number was withheld{f'; the caller said: {name}' if name else ''}.")
    return notes
