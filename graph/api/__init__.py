"""GraphQL: the whole desk, asked and worked by programs. One path, `/graphql`.

POST takes one JSON question; a WebSocket follows what happens. Nothing else is offered: no GET,
no forms, no uploads, no pages.
"""

from __future__ import annotations

from datetime import UTC, datetime

from anyio import CapacityLimiter, to_thread
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.websockets import WebSocket

from graph.api.answering import Answer, NotAQuery, answer, question_in, refusal, unknown
from graph.api.credentials import Foreign, shown_by
from graph.api.following import follow
from graph.house import House

PATH = "/graphql"
BODY_BYTES = 256 * 1024
AT_ONCE = 8
"""Operations that run at the same time: each takes a thread and a database connection."""


def routes(house: House) -> list[BaseRoute]:
    """GraphQL's routes of the office."""
    at_once = CapacityLimiter(AT_ONCE)

    async def post(request: Request) -> Response:
        given = await _given(house, request, at_once)
        # What was asked for is what it may be called; both names mean the same JSON.
        wanted = "application/graphql-response+json"
        kind = wanted if wanted in request.headers.get("accept", "") else "application/json"
        headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
        if given.status == 401:
            headers["WWW-Authenticate"] = "Bearer"
        return Response(given.body(), given.status, headers, kind)

    async def socket(websocket: WebSocket) -> None:
        await follow(house, websocket, at_once)

    return [Route(PATH, post, methods=["POST"]), WebSocketRoute(PATH, socket)]


async def _given(house: House, request: Request, at_once: CapacityLimiter) -> Answer:
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        return refusal(415, "not-json", "send the question as application/json")
    try:
        credentials = shown_by(request, house.settings.base_url)
    except Foreign:
        return refusal(403, "foreign-page", "a cookie counts only for our own pages; send a token")
    if credentials is None:
        return unknown()
    body = await _body(request)
    if body is None:
        return refusal(413, "too-large", f"a question is {BODY_BYTES // 1024} KiB at most")
    try:
        question = question_in(body)
    except NotAQuery as wrong:
        return refusal(400, "bad-request", str(wrong))
    at = datetime.now(UTC)
    return await to_thread.run_sync(
        lambda: answer(house, credentials, question, at=at), limiter=at_once
    )


async def _body(request: Request) -> bytes | None:
    """The body of the request, or None as soon as it is too large."""
    read = bytearray()
    async for chunk in request.stream():
        read += chunk
        if len(read) > BODY_BYTES:
            return None
    return bytes(read)
