"""Files that strangers sent, handed out so that no browser takes them for a page of ours."""

from __future__ import annotations

import re
from urllib.parse import quote

from sqlalchemy import select
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from channels.sandbox import Unreadable
from graph.console.visit import Afterwards, Visit, read
from graph.house import House
from intake.agents import Act
from intake.cases import Activity, Attachment
from intake.errors import NotFound
from intake.inbound import Inbound, State
from intake.visibility import one_visible

# Types that a program opens and no browser runs; anything else is just bytes.
HARMLESS = frozenset((
    "application/pdf", "application/zip", "application/rtf", "application/msword",
    "application/vnd.ms-excel", "application/vnd.ms-powerpoint",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    "application/vnd.oasis.opendocument.text", "application/vnd.oasis.opendocument.spreadsheet",
    "audio/mpeg", "audio/wav", "audio/ogg", "image/png", "image/jpeg", "image/gif",
    "image/webp", "image/heic", "message/rfc822", "text/plain", "text/csv", "text/calendar",
    "text/vcard", "video/mp4", "video/webm",
))  # fmt: skip
ANYTHING = "application/octet-stream"
POLICY = "sandbox; default-src 'none'; frame-ancestors 'none'"
LONGEST_NAME = 150


def routes(house: House) -> list[Route]:
    """Attachments of a case, and messages that could not be filed, as they came."""
    return [
        Route("/attachments/{id:uuid}", read(house, _attachment), name="attachment"),
        Route("/inbound/{id:uuid}/raw", read(house, _raw), name="raw"),
    ]


def _attachment(visit: Visit) -> Afterwards:
    row = visit.session.execute(
        select(Attachment, Activity.case_id, Activity.inbound_id)
        .join(Activity, Activity.id == Attachment.activity_id)
        .where(Attachment.id == visit.request.path_params["id"])
        .where(Activity.case_id.is_not(None))
    ).one_or_none()
    if row is None:
        raise NotFound("there is no such file")
    file, case_id, inbound_id = row
    assert case_id is not None, "files come with what is said in a case"
    one_visible(visit.session, visit.by, case_id)
    kept = visit.session.execute(
        select(Inbound.channel, Inbound.raw).where(Inbound.id == inbound_id)
    ).one_or_none()
    if kept is None:
        raise NotFound("the message that held this file is gone")
    return Afterwards(lambda: _read_from_message(visit.house, kept.channel, kept.raw, file))


def _read_from_message(house: House, channel: str, raw: bytes, file: Attachment) -> Response:
    try:
        _type, content = house.sandbox.part(channel, raw, file.part)
    except Unreadable as error:
        return PlainTextResponse(f"This file cannot be read from its message: {error}.", 422)
    return download(content, file.name, file.content_type)


def _raw(visit: Visit) -> Response:
    visit.by.must(Act.MANAGE)
    row = visit.session.execute(
        select(Inbound.channel, Inbound.raw).where(
            Inbound.id == visit.request.path_params["id"],
            Inbound.state != State.FILED,
            Inbound.raw_dropped_at.is_(None),
        )
    ).one_or_none()
    if row is None:
        raise NotFound("there is no such message")
    extension = "eml" if row.channel == "email" else "txt"
    return download(row.raw, f"{visit.request.path_params['id']}.{extension}", ANYTHING)


def download(content: bytes, name: str, content_type: str) -> Response:
    """`content` as a file to save, whatever it claims to be."""
    kind = content_type.lower()
    return Response(
        content,
        headers={
            "content-type": kind if kind in HARMLESS else ANYTHING,
            "content-disposition": disposition(name),
            "content-security-policy": POLICY,
            "x-content-type-options": "nosniff",
        },
    )


def disposition(name: str) -> str:
    """`attachment` under that name (RFC 6266): in ASCII for old programs, in full for the rest."""
    shown = "".join(c for c in name if c.isprintable())[:LONGEST_NAME].strip() or "file"
    plain = re.sub(r"[^A-Za-z0-9 ._()-]", "_", shown)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(shown, safe='')}"
