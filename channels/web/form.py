"""The web form's messages, as the sandbox reads them: JSON that `pages` made of a posted form.

Files are in it as base64; `part` gives one back. The address was typed by whoever filled in the
form, so it is a claim like the From of a mail.
"""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Mapping
from hashlib import sha256
from typing import TYPE_CHECKING, Any, NoReturn

import orjson

from channels import Never, typed
from intake.messages import Address, Attachment, Message

if TYPE_CHECKING:
    from intake.events import Promise
    from intake.settings import Settings

NAME_LENGTH = 120
SUBJECT_LENGTH = 300
TEXT_LENGTH = 20_000
FILE_NAME_LENGTH = 120

_CONTENT_TYPE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,60}/[a-z0-9][a-z0-9!#$&^_.+-]{0,60}")
_PATH = re.compile(r".*[/\\]", re.DOTALL)


def parse(raw: bytes, envelope: Mapping[str, Any]) -> Message:
    """The posted form as a message. Raises ValueError or KeyError on what is no form of ours."""
    posted = orjson.loads(raw)
    return Message(
        channel="web",
        sender=Address(posted["email"].strip().lower(), typed.line(posted["name"], NAME_LENGTH)),
        subject=typed.line(posted["subject"], SUBJECT_LENGTH),
        text=typed.paragraphs(posted["text"], TEXT_LENGTH),
        product=posted["product"],
        asked=posted.get("asked", {}),
        language=envelope.get("language", ""),
        attachments=tuple(_attachment(i, file) for i, file in enumerate(posted["files"])),
        notes=(f"The form showed the reference {posted['reference']}.",),
    )


def part(raw: bytes, index: int) -> tuple[str, bytes]:
    """The content type and the content of one file. Raises IndexError when there is none."""
    file = orjson.loads(raw)["files"][index]
    return _content_type(file["type"]), b64decode(file["content"])


def send(promise: Promise, settings: Settings) -> NoReturn:
    """Nothing is sent by the form: what came by it is answered by mail."""
    raise Never("what came by the web form is answered by mail")


def _attachment(index: int, file: Mapping[str, str]) -> Attachment:
    content = b64decode(file["content"])
    name = typed.line(_PATH.sub("", file["name"]), FILE_NAME_LENGTH).strip(". ")
    return Attachment(
        part=index,
        name=name or f"file-{index + 1}",
        content_type=_content_type(file["type"]),
        size_bytes=len(content),
        sha256=sha256(content).hexdigest(),
    )


def _content_type(claimed: str) -> str:
    kind = claimed.partition(";")[0].strip().lower()
    return kind if _CONTENT_TYPE.fullmatch(kind) else "application/octet-stream"
