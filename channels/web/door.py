"""The chat's socket: who may open it, and who they are once it is open.

A visitor is whoever holds a token that our server made; the token says nothing but which
conversation is theirs. What is said inside is heard by `visit`.
"""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any

import structlog
from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from channels import typed
from channels.follow import Follower
from channels.journal import Journal
from channels.web.headers import origins
from channels.web.limits import Allowance, Seats, visitor
from channels.web.lines import TRY_AGAIN_LATER, Line, Switchboard
from channels.web.pages import HERE, TEMPLATES
from channels.web.visit import POLICY, Visit, heard, understood
from intake.db import Busy, Database
from intake.desk import Desk
from intake.settings import Settings

log = structlog.get_logger()

SOCKETS = 300
SOCKETS_PER_NETWORK = 20
HELLO_SECONDS = 10
CLOSING_SECONDS = 5
STUCK_SECONDS = 60
"""A socket that takes nothing for so long has nobody at its other end."""

_VISITOR = re.compile(r"(?P<visitor>[0-9a-f]{32})\.(?P<sign>[a-z2-7]{20})")


def routes(
    db: Database, desk: Desk, settings: Settings, journal: Journal, follower: Follower
) -> list[BaseRoute]:
    """The page to try it on, the widget, and the socket it opens."""
    door = Door(desk, settings, journal, Switchboard(db, follower))
    return [
        Route("/chat", door.page),
        Route("/chat/widget.js", _widget),
        WebSocketRoute("/chat/socket", door.open),
    ]


def new_token(desk: Desk) -> str:
    """What a new visitor keeps, to be known as the same one later."""
    visitor = secrets.token_hex(16)
    return f"{visitor}.{desk.sign('visitor', visitor)}"


def visitor_of(desk: Desk, token: object) -> str | None:
    """Whose token it is; None when we did not make it."""
    found = _VISITOR.fullmatch(token) if isinstance(token, str) else None
    if found is None or not desk.signed("visitor", found["visitor"], found["sign"]):
        return None
    return found["visitor"]


class Door:
    """Lets visitors in from our own pages and from the sites that may embed the chat."""

    def __init__(
        self, desk: Desk, settings: Settings, journal: Journal, switchboard: Switchboard
    ) -> None:
        self.desk = desk
        self.journal = journal
        self.switchboard = switchboard
        self.per_visitor = Allowance(10, 10)
        self.per_network = Allowance(120, 60)
        self._seats = Seats(SOCKETS, SOCKETS_PER_NETWORK)
        self._public_url = settings.public_url
        self._origins = origins(settings.public_url, settings.chat_origins)

    async def page(self, request: Request) -> Response:
        """A page with the widget on it."""
        template = TEMPLATES.get_template("chat.html")
        shown = {"organisation": self.desk.organisation, "public_url": self._public_url}
        return Response(template.render(shown), media_type="text/html")

    async def open(self, socket: WebSocket) -> None:
        """One socket, from the handshake to its end."""
        # A page cannot choose its Origin, so no other site can speak for its visitors here.
        asked = socket.headers.getlist("origin")
        if len(asked) != 1 or asked[0].lower() not in self._origins:
            log.warning(
                "chat refused", why="foreign origin", origin=typed.line(" ".join(asked), 80)
            )
            await socket.close(POLICY)
            return
        network = visitor(socket.scope)
        if not self._seats.take(network):
            log.warning("chat refused", why="too many sockets")
            await socket.close(TRY_AGAIN_LATER)
            return
        try:
            await socket.accept()
            code = await self._converse(socket, network)
            with suppress(RuntimeError, WebSocketDisconnect, TimeoutError):
                async with asyncio.timeout(CLOSING_SECONDS):
                    await socket.close(code)
        except WebSocketDisconnect:
            pass
        finally:
            self._seats.leave(network)

    async def _converse(self, socket: WebSocket, network: str) -> int:
        """Talk until one side ends it; the code to close with."""
        try:
            # Not wait_for: until Python 3.12 it may swallow the cancellation that ends us.
            async with asyncio.timeout(HELLO_SECONDS):
                hello = understood(await heard(socket))
        except TimeoutError:
            return POLICY
        if hello is None or hello.get("type") != "hello":
            return POLICY
        token = hello.get("token")
        visitor = visitor_of(self.desk, token)
        if visitor is None:
            token = new_token(self.desk)
            visitor = token.partition(".")[0]
        line = Line()
        try:
            async with self.switchboard.joined(visitor, line) as said:
                welcome = {"type": "welcome", "token": token, "history": said}
                line.put({**welcome, "desk": self.desk.organisation})
                return await _first(
                    Visit(self, visitor, network, line).listen(socket), _speak(socket, line)
                )
        except (SQLAlchemyError, Busy) as error:
            log.warning("chat postponed", why=type(error).__name__)
            return TRY_AGAIN_LATER


async def _speak(socket: WebSocket, line: Line) -> int:
    """Send what waits, as fast as the other side takes it; the code to end with."""
    try:
        async for frame in line.frames():
            async with asyncio.timeout(STUCK_SECONDS):
                await socket.send_text(frame)
    except TimeoutError:
        return TRY_AGAIN_LATER
    return line.closed_with


async def _first(*works: Coroutine[Any, Any, int]) -> int:
    """The answer of whichever ends first; the others are ended too."""
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        return min(done, key=tasks.index).result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _widget(_request: Request) -> Response:
    return FileResponse(
        HERE / "static" / "widget.js",
        media_type="text/javascript",
        # Pages of the sites that may embed it load it from us.
        headers={
            "cache-control": "public, max-age=600",
            "cross-origin-resource-policy": "cross-origin",
        },
    )
