"""Subscriptions over one WebSocket, by the protocol graphql-transport-ws.

The socket belongs to whoever signed in on it. Before each event is told, its secret is looked up
again and the case's visibility asked again, in one thread hop with one session.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing, closing
from datetime import UTC, datetime
from inspect import isawaitable
from typing import Any, TypeVar

import orjson
import structlog
from anyio import CapacityLimiter, to_thread
from graphql import (
    ExecutionResult,
    Executor,
    GraphQLError,
    OperationType,
    create_source_event_stream,
)
from starlette.websockets import WebSocket, WebSocketDisconnect

from channels.follow import FellBehind
from graph.api.answering import AWAY, NotAQuery, Question, execute, question_of, read, told
from graph.api.asking import Asking
from graph.api.credentials import Credentials, Foreign, bearer, from_our_page, shown_by
from graph.api.documents import Query, Refused
from graph.api.events import Event, seen
from graph.api.schema import SCHEMA
from graph.house import House
from intake.agents import Act, Principal
from intake.errors import IntakeError

log = structlog.get_logger()
T = TypeVar("T")

PROTOCOL = "graphql-transport-ws"
SIGN_IN_SECONDS = 5.0
SUBSCRIPTIONS = 20
MESSAGE_CHARACTERS = 65_536


class Closed(Exception):
    """The socket is closed with this code and reason."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code


async def follow(house: House, websocket: WebSocket, at_once: CapacityLimiter) -> None:
    """Serve one socket until either side ends it."""
    try:
        credentials = _shown(house, websocket)
    except Foreign:
        await websocket.close(4403, "from a page that is not ours")
        return
    if PROTOCOL not in websocket.scope.get("subprotocols", ()):
        await websocket.close(4406, f"speak {PROTOCOL}")
        return
    await websocket.accept(PROTOCOL)
    try:
        await Socket(house, websocket, credentials, at_once).serve()
    except* Closed as closed:
        reason = closed.exceptions[0]
        assert isinstance(reason, Closed)
        await websocket.close(reason.code, str(reason))
    except* WebSocketDisconnect:
        log.debug("socket left")


def _shown(house: House, websocket: WebSocket) -> Credentials | None:
    # A browser always says where it is; programs need not.
    base_url = house.settings.base_url
    if "origin" in websocket.headers and not from_our_page(websocket.headers, base_url):
        raise Foreign
    return shown_by(websocket, base_url)


class Socket:
    """One client's subscriptions, each a task that ends with the socket."""

    def __init__(
        self,
        house: House,
        websocket: WebSocket,
        credentials: Credentials | None,
        at_once: CapacityLimiter,
    ) -> None:
        self._house = house
        self._websocket = websocket
        self._credentials = credentials
        self._at_once = at_once
        self._running: dict[str, asyncio.Task[None]] = {}

    async def serve(self) -> None:
        """Take messages until the socket ends: a group of Closed or WebSocketDisconnect."""
        async with asyncio.TaskGroup() as group:
            await self._greet()
            while True:
                message = await self._receive()
                kind, id = message["type"], message.get("id")
                if kind == "ping":
                    await self._send("pong")
                elif kind == "subscribe" and isinstance(id, str):
                    if await self._has_room(id):
                        task = group.create_task(self._run(id, message.get("payload")))
                        self._running[id] = task
                elif kind == "complete" and isinstance(id, str):
                    if ended := self._running.pop(id, None):
                        ended.cancel()
                elif kind == "connection_init":
                    raise Closed(4429, "connection_init came twice")
                elif kind != "pong":
                    raise Closed(4400, "not a message of this protocol")

    async def _has_room(self, id: str) -> bool:
        if id in self._running:
            raise Closed(4409, f"{id[:40]} is subscribed already")
        if len(self._running) < SUBSCRIPTIONS:
            return True
        full = GraphQLError(f"{SUBSCRIPTIONS} subscriptions at most on one socket")
        await self._send("error", id=id, payload=[told(full)])
        return False

    async def _greet(self) -> None:
        try:
            async with asyncio.timeout(SIGN_IN_SECONDS):
                first = await self._receive()
        except TimeoutError:
            raise Closed(4408, "connection_init is late") from None
        if first["type"] != "connection_init":
            raise Closed(4401, "begin with connection_init")
        payload = first.get("payload")
        token = payload.get("Authorization") if isinstance(payload, dict) else None
        if isinstance(token, str):
            self._credentials = bearer(token)
        await self._in_thread(self._principal)
        await self._send("connection_ack")

    async def _run(self, id: str, payload: Any) -> None:
        try:
            errors = await self._tell_all(id, payload)
        except FellBehind:
            errors = [GraphQLError("events came faster than they were taken; subscribe again")]
        except (IntakeError, *AWAY) as error:
            errors = [GraphQLError(str(error), original_error=error)]
        if errors:
            await self._send("error", id=id, payload=[told(error) for error in errors])
        else:
            await self._send("complete", id=id)
        self._running.pop(id, None)

    async def _tell_all(self, id: str, payload: Any) -> Sequence[GraphQLError]:
        """Tell what happens from now on; the errors for which nothing more is told."""
        try:
            question = question_of(payload)
            asking, query = await self._in_thread(self._begin, question)
        except NotAQuery as wrong:
            return [GraphQLError(str(wrong))]
        except Refused as refused:
            return refused.errors
        executor = Executor.build(
            SCHEMA,
            query.document,
            context_value=asking,
            raw_variable_values=dict(question.variables),
            operation_name=question.operation_name,
        )
        if isinstance(executor, list):
            return executor
        stream = create_source_event_stream(executor)
        if isawaitable(stream):
            stream = await stream
        if isinstance(stream, ExecutionResult):
            return stream.errors or ()
        assert isinstance(stream, AsyncGenerator), "our subscriptions are generators"
        async with aclosing(stream) as events:
            async for event in events:
                content = await self._in_thread(self._tell, query, question, event)
                if content is not None:
                    await self._send("next", id=id, payload=content)
        return ()

    def _begin(self, question: Question) -> tuple[Asking, Query]:
        asking = Asking(self._house, at=datetime.now(UTC))
        asking.principal = self._principal()
        query = read(question, open_book=asking.principal.may(Act.MANAGE))
        if query.operation.operation is not OperationType.SUBSCRIPTION:
            raise Refused([GraphQLError("send queries and mutations by POST")])
        return asking, query

    def _tell(self, query: Query, question: Question, event: Event) -> dict[str, Any] | None:
        """The event as this client may see it now, or None. Raises Closed like `_principal`."""
        with closing(Asking(self._house, at=datetime.now(UTC))) as asking:
            asking.principal = self._known(asking)
            if not seen(asking, event):
                return None
            result = execute(asking, query, question, event)
        errors = {"errors": [told(error) for error in result.errors]} if result.errors else {}
        return {**errors, "data": result.data}

    def _principal(self) -> Principal:
        """Who this is now. Raises Closed when it is nobody any more."""
        with closing(Asking(self._house, at=datetime.now(UTC))) as asking:
            return self._known(asking)

    def _known(self, asking: Asking) -> Principal:
        found = None
        if self._credentials is not None:
            found = self._credentials.principal(asking.session, at=asking.at)
        if found is None:
            raise Closed(4403, "not signed in")
        return found

    async def _in_thread(self, work: Callable[..., T], *arguments: object) -> T:
        try:
            return await to_thread.run_sync(work, *arguments, limiter=self._at_once)
        except AWAY as error:
            log.warning("database away", why=type(error).__name__)
            raise Closed(1013, "the desk is busy; try again in a moment") from error

    async def _receive(self) -> dict[str, Any]:
        received = await self._websocket.receive()
        if received["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(received["code"])
        text = received.get("text") or ""
        if len(text) > MESSAGE_CHARACTERS:
            raise Closed(4400, "not a message of this protocol")
        try:
            message = orjson.loads(text)
        except orjson.JSONDecodeError:
            raise Closed(4400, "not JSON") from None
        if not isinstance(message, dict) or not isinstance(message.get("type"), str):
            raise Closed(4400, "not a message of this protocol")
        return message

    async def _send(self, kind: str, **content: Any) -> None:
        await self._websocket.send_text(orjson.dumps({"type": kind, **content}).decode())
