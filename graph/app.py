"""The two faces of a desk: the public one for customers, the office for those who work here.

They are different apps so that they can stand on different networks.
"""

from __future__ import annotations

import time
from typing import Any

import structlog
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from channels import web
from channels.journal import Journal
from channels.slack import http as slack
from channels.web.limits import BodyDeadline, Patience
from graph import api, console
from graph.house import House
from intake import migrations
from intake.db import Busy, Database

log = structlog.get_logger()


def office(house: House) -> Starlette:
    """GraphQL and the console: nobody gets in without being known."""
    return Starlette(
        routes=[*_health(house.db), *api.routes(house), *console.routes(house)],
        middleware=[
            Middleware(RequestLog, face="office"),
            Middleware(BodyDeadline, patience=Patience()),
        ],
    )


def public(house: House, journal: Journal) -> Starlette:
    """Forms, chat and Slack's events: open to the world, so it shows nothing of the desk."""
    routes = [
        *_health(house.db),
        *web.routes(house.db, house.desk, house.settings, journal, house.follower),
    ]
    if house.settings.slack_signing_secret is not None:
        guards = [Middleware(BodyDeadline, patience=Patience())]
        routes += slack.routes(house.db, house.desk, house.settings, middleware=guards)
    return Starlette(
        routes=routes,
        middleware=[Middleware(RequestLog, face="public"), *web.middleware(house.settings)],
    )


def _health(db: Database) -> list[Route]:
    def alive(_request: Request) -> JSONResponse:
        return JSONResponse({"status": "alive"})

    def ready(_request: Request) -> JSONResponse:
        try:
            migrations.check(db)
            with db.reading() as session:
                session.execute(text("SELECT 1"))
        except (SQLAlchemyError, Busy, migrations.WrongSchema) as error:
            log.warning("not ready", why=type(error).__name__)
            return JSONResponse({"status": "the database is away"}, 503)
        return JSONResponse({"status": "ready"})

    return [Route("/healthz", alive), Route("/readyz", ready)]


class RequestLog:
    """One line per request: method, path, status, time. No query strings: they may hold secrets."""

    def __init__(self, app: ASGIApp, face: str) -> None:
        self._app = app
        self._face = face

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        answered: dict[str, Any] = {"status": 500}

        async def note(message: Message) -> None:
            if message["type"] == "http.response.start":
                answered["status"] = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, note)
        finally:
            took = round((time.perf_counter() - started) * 1000, 1)
            path = scope["path"]
            if path not in ("/healthz", "/readyz"):
                log.info(
                    "request",
                    face=self._face,
                    method=scope["method"],
                    path=path,
                    ms=took,
                    **answered,
                )
