"""The files that came with a mail: each leaf that is not its text, named to be safe to show."""

from __future__ import annotations

import re
from hashlib import sha256

from channels.email.bodies import Body
from channels.email.mime import Mail, Part, take_apart
from channels.email.words import as_text, readable
from intake.messages import Attachment

MAX_NAME = 120

_SEPARATORS = re.compile(r'[/\\:*?"<>|]+')
# What turns a name around or hides in it: bidirectional marks, zero-width characters, fillers.
_TRICKS = re.compile("[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\ufff0-\uffff\U000e0000-\U000e0fff]")  # noqa: E501  # fmt: skip
_EXTENSION = re.compile(r"\.[A-Za-z0-9]{1,10}")
_BY_TYPE = {
    "message/rfc822": ".eml", "message/global": ".eml", "text/plain": ".txt", "text/html": ".html",
    "text/calendar": ".ics", "text/rfc822-headers": ".txt", "message/delivery-status": ".txt",
    "image/png": ".png", "image/jpeg": ".jpg", "image/gif": ".gif", "application/pdf": ".pdf",
    "application/pgp-signature": ".asc", "application/ms-tnef": ".dat", "text/vcard": ".vcf",
    "application/pkcs7-signature": ".p7s", "application/x-pkcs7-signature": ".p7s",
}  # fmt: skip


def attachments_of(mail: Mail, body: Body) -> tuple[Attachment, ...]:
    """The leaves that `body` does not show, in order."""
    related = _related(mail.root)
    return tuple(
        _attachment(mail, part, index, related=id(part) in related)
        for index, part in enumerate(mail.root.leaves())
        if id(part) not in body.leaves and not _is_nothing(mail, part)
    )


def _attachment(mail: Mail, part: Part, index: int, *, related: bool) -> Attachment:
    content = mail.content(part)
    content_id = readable(as_text(part.first("content-id")[:998])).strip("<> ")
    disposition = part.disposition[0]
    return Attachment(
        part=index,
        name=name_of(mail, part, index),
        content_type=part.content_type,
        size_bytes=len(content),
        sha256=sha256(content).hexdigest(),
        content_id=content_id,
        inline=disposition == "inline" or (related and bool(content_id) and disposition == ""),
    )


def name_of(mail: Mail, part: Part, index: int) -> str:
    """The one name by which a file is shown, judged and downloaded."""
    _, values = part.disposition
    name = safe_name(values.get("filename") or part.parameters.get("name", ""))
    if name:
        return name
    extension = _BY_TYPE.get(part.content_type, "")
    title = part.first("content-description")
    if part.content_type == "message/rfc822":
        # A forwarded mail goes by its subject.
        title = take_apart(mail.content(part)[: 64 << 10]).root.first("subject") or title
    if name := safe_name(as_text(title[:2000])):
        return name.removesuffix(extension)[: MAX_NAME - len(extension)] + extension
    return f"part-{index + 1}{extension}"


def safe_name(written: str) -> str:
    """`written` without path, controls and tricks, at most `MAX_NAME` long, extension kept."""
    name = _TRICKS.sub("", readable(written))
    name = re.split(r"[/\\]", name)[-1]
    name = _SEPARATORS.sub("_", name).strip(" .") if name.strip(" .") else ""
    if len(name) > MAX_NAME:
        extension = name[name.rfind(".") :] if "." in name else ""
        extension = extension if _EXTENSION.fullmatch(extension) else ""
        name = name[: MAX_NAME - 1 - len(extension)] + "…" + extension
    return name


def _related(root: Part) -> set[int]:
    """`id` of the leaves that stand directly in a multipart/related."""
    found: set[int] = set()
    waiting = [root]
    while waiting:
        part = waiting.pop()
        if part.content_type == "multipart/related":
            found.update(id(child) for child in part.children if not child.is_multipart)
        waiting.extend(part.children)
    return found


def _is_nothing(mail: Mail, part: Part) -> bool:
    """A nameless leaf without content, which mail programs leave at the end."""
    named = "filename" in part.disposition[1] or "name" in part.parameters
    titled = "content-description" in part.fields
    return not (named or titled) and not mail.raw[part.start : part.end].strip()
