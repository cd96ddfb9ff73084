"""The web form: a page that needs no script, and what becomes of what is sent with it.

A message is answered "received" (303) only once it is on stable storage. When it is not, the page
comes back with everything that was typed still in it.
"""

from __future__ import annotations

import asyncio
import math
import re
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import structlog
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from sqlalchemy.exc import SQLAlchemyError
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.body_limit import RequestBodyLimitMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from channels.journal import Arrived, Journal, StorageFull
from channels.web import asking, form
from channels.web.entry import (
    FILES,
    FILES_BYTES,
    TICKET_LASTS,
    Entry,
    instance_of,
    new_ticket,
    reference_of,
)
from channels.web.limits import Allowance, BodyDeadline, Patience, visitor
from intake import products
from intake.db import Busy, Database
from intake.desk import Desk
from intake.fields import CustomField
from intake.fields.custom import custom_fields
from intake.settings import Settings

log = structlog.get_logger()

HERE = Path(__file__).parent
BODY_BYTES = FILES_BYTES + (1 << 20)
FIELD_BYTES = form.TEXT_LENGTH * 12  # a letter may take four bytes, each written as %XX
FORMS = ("multipart/form-data", "application/x-www-form-urlencoded")
KEPT_AT_ONCE = 4
"""Posts that are packed at the same time; each may hold its files twice in memory."""
MOST_FIELDS = 240
"""The inputs of a posted form: each choice that is ticked is one."""
CATALOGUE_FRESH_SECONDS = 60
RETRY_AFTER_SECONDS = 30

_REFERENCE = re.compile(r"[A-Z2-7]{4}-[A-Z2-7]{4}")
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}\b")

TEMPLATES = Environment(
    loader=FileSystemLoader(HERE / "templates"), autoescape=True, undefined=StrictUndefined
)


def routes(
    db: Database,
    desk: Desk,
    settings: Settings,
    journal: Journal,
    *,
    patience: Patience | None = None,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> list[BaseRoute]:
    """The form, what it is sent to, and how both look."""
    counter = FormCounter(desk, journal, Catalogue(db), now)
    guards = [
        Middleware(BodyDeadline, patience=patience or Patience()),
        Middleware(RequestBodyLimitMiddleware, max_body_size=BODY_BYTES),
    ]
    return [
        Route("/", lambda _request: RedirectResponse("/form", 303)),
        Route("/form", counter.show),
        Route("/form", counter.take, methods=["POST"], middleware=guards),
        Route("/form/received", counter.received),
        Route("/style.css", _static("style.css")),
        Route("/icon.svg", _static("icon.svg")),
    ]


class Catalogue:
    """What the form offers and asks: read now and then, and still known while the database is
    away."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._known: tuple[tuple[str, str], ...] = ()
        self._asked: tuple[CustomField, ...] = ()
        self._read_at = float("-inf")

    async def products(self) -> tuple[tuple[str, str], ...]:
        """Number and name of each product, by name."""
        await self._refresh()
        return self._known

    async def asked(self) -> tuple[CustomField, ...]:
        """The custom fields that customers are asked, in order."""
        await self._refresh()
        return self._asked

    async def _refresh(self) -> None:
        if time.monotonic() - self._read_at > CATALOGUE_FRESH_SECONDS:
            try:
                self._known, self._asked = await asyncio.to_thread(self._read)
                self._read_at = time.monotonic()
            except (SQLAlchemyError, Busy) as error:
                log.warning("catalogue not read", why=type(error).__name__)

    def _read(self) -> tuple[tuple[tuple[str, str], ...], tuple[CustomField, ...]]:
        with self._db.reading() as session:
            offered = tuple((p.number, p.name) for p in products.catalogue(session))
            # What only some types of case are asked, nobody can ask before the type is known.
            fields = custom_fields(session)
            return offered, tuple(f for f in fields if f.public and f.type_id is None)


class FormCounter:
    """Where forms are handed out and handed in."""

    def __init__(
        self, desk: Desk, journal: Journal, catalogue: Catalogue, now: Callable[[], datetime]
    ) -> None:
        self._desk = desk
        self._journal = journal
        self._catalogue = catalogue
        self._now = now
        self._per_network = Allowance(30, 600)
        self._per_address = Allowance(6, 3600)
        self._packing = asyncio.Semaphore(KEPT_AT_ONCE)

    async def show(self, request: Request) -> Response:
        """An empty form."""
        return await self._page(Entry())

    async def received(self, request: Request) -> Response:
        """What is shown once a message is kept. It names no case: nobody's address is verified."""
        word = request.query_params.get("reference", "")
        reference = word if _REFERENCE.fullmatch(word) else ""
        return _render("received.html", organisation=self._desk.organisation, reference=reference)

    async def take(self, request: Request) -> Response:
        """Keep what was sent, or give it back with what is wrong."""
        wait = self._per_network.wait(visitor(request.scope), time.monotonic())
        if wait:
            raise HTTPException(429, "Too many messages from you for now.", _later(wait))
        _refuse_what_is_no_form(request.headers)
        async with request.form(
            max_files=FILES * 2, max_fields=MOST_FIELDS, max_part_size=FIELD_BYTES
        ) as posted:
            return await self._take(Entry.of(posted), request)

    async def _take(self, entry: Entry, request: Request) -> Response:
        at = self._now()
        asked = await self._catalogue.asked()
        if complaints := entry.complaints(asked, self._desk.zone):
            return await self._page(entry, complaints, 422)
        instance = instance_of(self._desk, entry.ticket, at)
        if instance is None:
            hours = int(TICKET_LASTS.total_seconds() // 3600)
            complaint = f"This page is older than {hours} hours. Please send it once more."
            return await self._page(entry, {"": complaint}, 422)
        if wait := self._per_address.wait(entry.email.strip().lower(), time.monotonic()):
            complaint = "We have several messages from this address. Please wait a little."
            return await self._page(entry, {"": complaint}, 429, _later(wait))
        reference = reference_of(self._desk, instance)
        try:
            await self._keep(entry, instance, reference, request, at)
        except (StorageFull, Busy, SQLAlchemyError, OSError) as error:
            log.error("not kept", channel="web", why=type(error).__name__)
            complaint = "We could not keep your message just now. Please send it again in a minute."
            return await self._page(entry, {"": complaint}, 503, _later(RETRY_AFTER_SECONDS))
        return RedirectResponse(f"/form/received?reference={reference}", 303)

    async def _keep(
        self, entry: Entry, instance: str, reference: str, request: Request, at: datetime
    ) -> None:
        offered = frozenset(number for number, _name in await self._catalogue.products())
        asked = asking.values(await self._catalogue.asked(), entry.asked, self._desk.zone)
        async with self._packing:
            raw = await asyncio.to_thread(entry.packed, instance, reference, offered, asked)
            # The same showing sent twice is one message. Gone back to and changed, it is another:
            # we said yes to that too.
            same = f"{instance}:{sha256(raw).hexdigest()}"
            spoken = _LANGUAGE.match(request.headers.get("accept-language", ""))
            envelope = {
                "peer": request.client.host if request.client else "",
                "language": spoken[0].lower() if spoken else "",
            }
            await self._journal.keep(Arrived("web", "web", raw, envelope, at, same))
        log.info("kept", channel="web", size=len(raw), files=len(entry.files))

    async def _page(
        self,
        entry: Entry,
        complaints: Mapping[str, str] | None = None,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        at = self._now()
        # The same showing goes on, so that what was kept after all is not kept again.
        still = instance_of(self._desk, entry.ticket, at) is not None
        return _render(
            "form.html",
            status,
            headers,
            organisation=self._desk.organisation,
            entry=entry,
            ticket=entry.ticket if still else new_ticket(self._desk, at),
            products=await self._catalogue.products(),
            asked=await self._catalogue.asked(),
            zone=self._desk.zone,
            complaints=complaints or {},
            files_lost=bool(complaints and entry.files),
            longest={
                "name": form.NAME_LENGTH,
                "subject": form.SUBJECT_LENGTH,
                "text": form.TEXT_LENGTH,
            },
            files={"count": FILES, "megabytes": FILES_BYTES >> 20},
        )


def _refuse_what_is_no_form(headers: Headers) -> None:
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in FORMS or headers.get("content-encoding", "identity") != "identity":
        raise HTTPException(415, "This takes a form, as the page sends it.")


def _later(wait_seconds: float) -> dict[str, str]:
    return {"retry-after": str(math.ceil(wait_seconds))}


def _render(
    name: str, status: int = 200, headers: Mapping[str, str] | None = None, **shown: Any
) -> HTMLResponse:
    return HTMLResponse(TEMPLATES.get_template(name).render(shown), status, headers)


def _static(name: str) -> Callable[[Request], Response]:
    def answer(_request: Request) -> Response:
        return FileResponse(
            HERE / "static" / name, headers={"cache-control": "public, max-age=3600"}
        )

    return answer
