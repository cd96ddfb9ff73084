"""One filled-in form: what was typed, what is wrong with it, and how it is kept."""

from __future__ import annotations

import re
import secrets
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from starlette.datastructures import FormData, UploadFile

from channels import typed
from channels.web import asking
from channels.web.asking import Typed, typed_in
from channels.web.form import NAME_LENGTH, SUBJECT_LENGTH, TEXT_LENGTH
from intake.desk import Desk
from intake.fields import CustomField

FILES = 5
FILES_BYTES = 10 << 20
TICKET_LASTS = timedelta(hours=24)

# Deliberately plain: what it lets through is one mailbox and can hold neither header nor list.
_ADDRESS = re.compile(r"[\w.!#$%&'*+/=?^`{|}~-]{1,64}@(?:[a-z0-9-]{1,63}\.)+[a-z][a-z0-9-]{1,62}", re.A | re.I)  # noqa: E501  # fmt: skip
_TICKET = re.compile(r"(?P<instance>[0-9a-f]{32})\.(?P<made>\d{1,12})\.(?P<sign>[a-z2-7]{20})")


def new_ticket(desk: Desk, at: datetime) -> str:
    """What marks one showing of the form, made and signed by us, so that it counts once."""
    instance = f"{secrets.token_hex(16)}.{int(at.timestamp())}"
    return f"{instance}.{desk.sign('form', instance)}"


def instance_of(desk: Desk, ticket: str, at: datetime) -> str | None:
    """The showing a ticket stands for; None when it is not ours or too old."""
    found = _TICKET.fullmatch(ticket)
    if found is None or not desk.signed("form", ticket.rpartition(".")[0], found["sign"]):
        return None
    made_at = datetime.fromtimestamp(int(found["made"]), UTC)
    return found["instance"] if made_at <= at <= made_at + TICKET_LASTS else None


def reference_of(desk: Desk, instance: str) -> str:
    """The word a customer may quote: it says nothing of the case, and ours alone can make it."""
    word = desk.sign("form reference", instance)[:8].upper()
    return f"{word[:4]}-{word[4:]}"


@dataclass(frozen=True, slots=True)
class Entry:
    """What somebody put into the form, as they typed it. `website` is a trap for robots."""

    ticket: str = ""
    name: str = ""
    email: str = ""
    product: str = ""
    subject: str = ""
    text: str = ""
    website: str = ""
    files: tuple[UploadFile, ...] = ()
    asked: Typed = field(default_factory=dict)

    @classmethod
    def of(cls, form: FormData) -> Entry:
        """The entry in a posted form; what is missing is empty, what is unknown is left out."""

        def said(name: str) -> str:
            value = form.get(name)
            return value if isinstance(value, str) else ""

        files = tuple(f for f in form.getlist("files") if isinstance(f, UploadFile) and f.filename)
        names = ("ticket", "name", "email", "product", "subject", "text", "website")
        return cls(**{name: said(name) for name in names}, files=files, asked=typed_in(form))

    def complaints(self, fields: Sequence[CustomField], zone: str) -> dict[str, str]:
        """What is wrong, by field, in words for whoever filled it in."""
        found = asking.complaints(fields, self.asked, zone)
        if not self.name.strip():
            found["name"] = "Please tell us your name."
        elif len(self.name) > NAME_LENGTH:
            found["name"] = f"Please keep the name below {NAME_LENGTH} characters."
        if len(self.email) > 254 or not _ADDRESS.fullmatch(self.email.strip()):
            found["email"] = "Please give a mail address we can answer to, as in ada@example.com."
        if not self.subject.strip():
            found["subject"] = "Please say in a few words what this is about."
        elif len(self.subject) > SUBJECT_LENGTH:
            found["subject"] = f"Please keep the subject below {SUBJECT_LENGTH} characters."
        if not self.text.strip():
            found["text"] = "Please describe what happened."
        elif len(typed.paragraphs(self.text, TEXT_LENGTH * 2)) > TEXT_LENGTH:
            found["text"] = f"Please keep the text below {TEXT_LENGTH:,} characters, or attach it."
        if len(self.files) > FILES:
            found["files"] = f"Please choose at most {FILES} files."
        elif sum(file.size or 0 for file in self.files) > FILES_BYTES:
            found["files"] = f"Please choose files of at most {FILES_BYTES >> 20} MB together."
        if self.website:
            found["website"] = "Please leave this field empty; it is there to catch robots."
        return found

    def packed(
        self, instance: str, reference: str, products: frozenset[str], asked: Mapping[str, Any]
    ) -> bytes:
        """The entry as it is kept, files and all. Reads files: not for the event loop."""
        return orjson.dumps(
            {
                "instance": instance,
                "reference": reference,
                "name": _text(self.name),
                "email": _text(self.email),
                "product": self.product if self.product in products else "",
                "subject": _text(self.subject),
                "text": _text(self.text),
                "asked": {key: _plain(value) for key, value in asked.items()},
                "files": [
                    {
                        "name": _text(file.filename or ""),
                        "type": _text(file.content_type or ""),
                        "content": b64encode(file.file.read()).decode("ascii"),
                    }
                    for file in self.files
                ],
            }
        )


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_text(each) for each in value]
    return _text(value) if isinstance(value, str) else value


def _text(value: str) -> str:
    """The value with nothing changed but what UTF-8 cannot say."""
    return value.encode("utf-8", "replace").decode()
