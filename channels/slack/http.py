"""Slack's requests by HTTP: checked as bytes, then handed to the app in a thread."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs

import orjson
from slack_bolt.request import BoltRequest
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from channels.slack.app import app_of
from channels.slack.signature import genuine
from intake.db import Database
from intake.desk import Desk
from intake.settings import Settings, WrongSettings

PATH = "/slack/events"
LARGEST_BODY_BYTES = 1_000_000
MOST_FIELDS = 20


class NotARequest(Exception):
    """These bytes are none of Slack's requests."""


def routes(
    db: Database, desk: Desk, settings: Settings, *, middleware: Sequence[Middleware] = ()
) -> list[Route]:
    """The one route for events and interactions. Raises WrongSettings without a secret."""
    secret = settings.slack_signing_secret
    if secret is None or not secret.get_secret_value().strip():
        raise WrongSettings("slack_signing_secret: is empty; without it anybody could act as Slack")
    app, key = app_of(db, desk, settings), secret.get_secret_value().strip()

    async def events(request: Request) -> Response:
        body = await _body(request)
        if body is None:
            return Response(status_code=413)
        if not genuine(key, request.headers.raw, body, at=datetime.now(UTC)):
            return Response(status_code=401)
        try:
            asked = _read(body, request.headers.get("content-type", ""))
        except NotARequest:
            return Response(status_code=400)
        # A socket's requests are parsed already; so are ours, and bolt need not parse again.
        answer = await run_in_threadpool(app.dispatch, BoltRequest(body=asked, mode="socket_mode"))
        kind = answer.first_headers().get("content-type")
        return Response(answer.body, answer.status, media_type=kind)

    return [Route(PATH, events, methods=["POST"], middleware=middleware)]


async def _body(request: Request) -> bytes | None:
    """The whole body; None when it is larger than any of Slack's, or breaks off."""
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > LARGEST_BODY_BYTES:
                return None
    except ClientDisconnect:
        return None
    return bytes(body)


def _read(body: bytes, content_type: str) -> dict[str, Any]:
    """What a body says: JSON, or a form whose field `payload` is JSON. Raises NotARequest."""
    try:
        if content_type.partition(";")[0].strip().lower() == "application/json":
            asked = orjson.loads(body)
        else:
            form = parse_qs(body.decode(), max_num_fields=MOST_FIELDS, errors="strict")
            payload = form.get("payload")
            asked = orjson.loads(payload[-1]) if payload else _without_payload(form)
    except (ValueError, KeyError) as error:
        raise NotARequest("neither JSON nor a form with some") from error
    if not isinstance(asked, dict) or not _shaped(asked):
        raise NotARequest("JSON, but not of the shape that its type has")
    return asked


def _without_payload(form: Mapping[str, list[str]]) -> dict[str, Any]:
    """A command with its words, or Slack's test of our certificate."""
    if "command" in form:
        return {name: values[-1] for name, values in form.items()}
    return {"ssl_check": form["ssl_check"][-1]}


def _shaped(asked: dict[str, Any]) -> bool:
    """Whether a request has the parts that its type has; what they say is checked by the acts."""
    match asked:
        case {"type": "block_actions", "user": dict(), "actions": [{"action_id": str()}, *_]}:
            pass
        case {
            "type": "view_submission" | "view_closed",
            "user": dict(),
            "view": {"callback_id": str()},
        }:
            pass
        case {"type": "event_callback", "event": {"type": str()}}:
            pass
        case {"command": str(), "user_id": str()} if "type" not in asked:
            return True
        case {"type": "url_verification"} | {"ssl_check": _}:
            pass
        case _:
            return False
    parts = (asked.get(part) for part in ("team", "enterprise", "channel", "container"))
    others = asked.get("authorizations") or []
    return (
        all(isinstance(part, dict | None) for part in parts)
        and isinstance(others, list)
        and all(isinstance(other, dict) for other in others)
    )
