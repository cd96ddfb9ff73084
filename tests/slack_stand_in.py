"""A Slack for tests: one workspace that speaks the Web API, signed HTTP and Socket Mode.

It is stricter than kind: it checks tokens, channels and the limits of Block Kit, takes a message
that is sent twice for two, and lets only what is shown be pressed.
"""

from __future__ import annotations

import asyncio
import json
import queue
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any
from urllib.parse import urlencode

import httpx2
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.types import ASGIApp
from starlette.websockets import WebSocket, WebSocketDisconnect

from channels.slack.signature import SIGNATURE, TIMESTAMP, sign

TEAM = "T0DESK"
BOT_TOKEN = "xoxb-of-the-tests"
APP_TOKEN = "xapp-of-the-tests"
SECRET = "the signing secret of the tests"
PATIENCE_SECONDS = 20.0


@dataclass
class Posted:
    """One message in the workspace, as it is now."""

    channel: str
    ts: str
    arguments: dict[str, Any]
    edits: int = 0

    @property
    def blocks(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.arguments["blocks"]
        return found

    @property
    def below(self) -> str:
        """The message it stands under, or ''."""
        return str(self.arguments.get("thread_ts", ""))

    @property
    def buttons(self) -> list[str]:
        return [b["action_id"] for b in self.elements if b["type"] == "button"]

    @property
    def seldom(self) -> list[dict[str, Any]]:
        """What it offers in lists to choose from."""
        return [o for e in self.elements if "options" in e for o in e["options"]]

    @property
    def shows(self) -> str:
        """Everything a reader sees, in one text."""
        return "\n".join(text["text"] for text in texts(self.blocks))

    def button(self, act: str) -> dict[str, Any]:
        """A button of it. Raises StopIteration when it shows none such."""
        return next(button for button in self.elements if button["action_id"] == act)

    @property
    def elements(self) -> Iterator[dict[str, Any]]:
        """Whatever can be pressed or chosen."""
        for block in self.blocks:
            if block["type"] == "actions":
                yield from block["elements"]


@dataclass(frozen=True)
class Answered:
    """What the desk answered to a request."""

    status: int
    body: dict[str, Any] = field(default_factory=dict)


class SlackStandIn:
    """One workspace. `events_url` is where it sends requests; empty: through the socket."""

    def __init__(self) -> None:
        self.url = ""
        self.events_url = ""
        self.channels = {"#support": "C0SUPPORT", "#billing": "C0BILLING"}
        self.messages: list[Posted] = []
        self.whispers: list[dict[str, Any]] = []
        self.sheets: list[dict[str, Any]] = []
        self.calls: list[str] = []
        self.troubles: deque[Response | str | float] = deque()
        """What the next calls come to: an answer, an error's word, or seconds of silence."""
        self.sockets_opened = 0
        self._counter = count(1)
        self._sockets: list[tuple[WebSocket, Any]] = []
        self._acknowledged: queue.Queue[dict[str, Any]] = queue.Queue()
        self._socket_open = threading.Event()

    # What the tests look at

    @property
    def cards(self) -> list[Posted]:
        return [message for message in self.messages if not message.below]

    def below(self, card: Posted) -> list[Posted]:
        return [message for message in self.messages if message.below == card.ts]

    @property
    def said_aside(self) -> list[str]:
        return [whisper["text"] for whisper in self.whispers]

    # What people do

    def press(
        self, message: Posted, act: str, *, user: str, team: str = TEAM, **changes: Any
    ) -> Answered:
        """Somebody presses a button that the message shows."""
        return self.send(self.pressed(message, act, user=user, team=team, **changes))

    def command(self, text: str, *, user: str, team: str = TEAM) -> Answered:
        """Somebody writes `/deskbell` and these words."""
        return self.send(
            {
                "command": "/deskbell",
                "text": text,
                "user_id": user,
                "team_id": team,
                "trigger_id": f"trigger.{next(self._counter)}",
                "response_url": "https://hooks.slack.example/commands/1",
            }
        )

    def pressed(
        self, message: Posted, act: str, *, user: str, team: str = TEAM, value: str = ""
    ) -> dict[str, Any]:
        """The request that tells of a press. `value` is what a tampered client would send."""
        container = {"type": "message", "message_ts": message.ts, "channel_id": message.channel}
        if message.below:
            container["thread_ts"] = message.below
        return {
            "type": "block_actions",
            "team": {"id": TEAM, "domain": "desk"},
            "user": {"id": user, "username": user.lower(), "team_id": team},
            "container": container,
            "channel": {"id": message.channel},
            "trigger_id": f"trigger.{next(self._counter)}",
            "actions": [self._action(message, act, value) | {"action_ts": self._now()}],
        }

    def _action(self, message: Posted, act: str, value: str) -> dict[str, Any]:
        for element in message.elements:
            for option in element.get("options", ()):
                if option["value"].split()[0] == act:
                    known = {"action_id": element["action_id"], "type": element["type"]}
                    return known | {"selected_option": option}
        said = value or message.button(act).get("value", "")
        return {"action_id": act, "type": "button", "value": said}

    def submit(
        self, view: dict[str, Any], *, user: str, team: str = TEAM, **fields: str
    ) -> Answered:
        """Somebody fills in the sheet and submits it."""
        return self.send(self.submitted(view, user=user, team=team, **fields))

    def submitted(
        self, view: dict[str, Any], *, user: str, team: str = TEAM, **fields: str
    ) -> dict[str, Any]:
        """The request that tells of a submitted sheet."""
        values: dict[str, Any] = {}
        for block in view["blocks"]:
            if block["type"] != "input":
                continue
            name, kind = block["block_id"], block["element"]["type"]
            value: dict[str, Any] = {"type": kind, "value": fields.get(name)}
            if kind == "static_select":
                chosen = block["element"]["initial_option"]
                if name in fields:
                    options = block["element"]["options"]
                    chosen = next(o for o in options if o["value"] == fields[name])
                value = {"type": kind, "selected_option": chosen}
            if kind == "checkboxes":
                ticked = block["element"].get("initial_options", [])
                if name in fields:
                    options = block["element"]["options"]
                    ticked = [o for o in options if o["value"] == fields[name]]
                value = {"type": kind, "selected_options": ticked}
            if kind == "datetimepicker":
                seconds = int(fields[name]) if name in fields else None
                value = {"type": kind, "selected_date_time": seconds}
            if kind == "users_select":
                chosen = fields.get(name, block["element"].get("initial_user"))
                value = {"type": kind, "selected_user": chosen}
            values[name] = {block["element"]["action_id"]: value}
        return {
            "type": "view_submission",
            "team": {"id": TEAM, "domain": "desk"},
            "user": {"id": user, "username": user.lower(), "team_id": team},
            "trigger_id": f"trigger.{next(self._counter)}",
            "view": view | {"state": {"values": values}},
        }

    def close(self, view: dict[str, Any], *, user: str, team: str = TEAM) -> Answered:
        """Somebody leaves the sheet, of which we hear only if it asked for that."""
        assert view["notify_on_close"]
        return self.send(
            {
                "type": "view_closed",
                "team": {"id": TEAM, "domain": "desk"},
                "user": {"id": user, "username": user.lower(), "team_id": team},
                "view": view | {"state": {"values": {}}},
                "is_cleared": False,
            }
        )

    def event(self, kind: str, **fields: Any) -> dict[str, Any]:
        """The request that tells of something in the workspace."""
        return {
            "type": "event_callback",
            "team_id": TEAM,
            "api_app_id": "A0DESK",
            "event_id": f"Ev{next(self._counter)}",
            "event_time": int(time.time()),
            "event": {"type": kind, **fields},
        }

    def send(self, request: dict[str, Any]) -> Answered:
        """Hand a request to the desk, by HTTP or through the socket."""
        return self._by_http(request) if self.events_url else self._by_socket(request)

    def drop_socket(self) -> None:
        """Close the socket, as Slack does every few hours."""
        self._socket_open.clear()
        for socket, loop in self._sockets:
            asyncio.run_coroutine_threadsafe(socket.close(), loop)
        self._sockets = []

    def wait_for_socket(self) -> None:
        assert self._socket_open.wait(PATIENCE_SECONDS), "nobody opened the socket"

    def signed(self, body: bytes, *, at: float | None = None) -> dict[str, str]:
        """The headers that make a body a request of ours."""
        timestamp = str(int(time.time() if at is None else at))
        return {TIMESTAMP: timestamp, SIGNATURE: sign(SECRET, timestamp, body)}

    def _by_http(self, request: dict[str, Any]) -> Answered:
        if "command" in request:
            body, kind = urlencode(request).encode(), "application/x-www-form-urlencoded"
        elif request["type"] == "event_callback":
            body, kind = json.dumps(request).encode(), "application/json"
        else:
            body = urlencode({"payload": json.dumps(request)}).encode()
            kind = "application/x-www-form-urlencoded"
        headers = self.signed(body) | {"content-type": kind}
        answer = httpx2.post(self.events_url, content=body, headers=headers, timeout=30)
        return Answered(answer.status_code, json.loads(answer.content or b"{}"))

    def _by_socket(self, request: dict[str, Any]) -> Answered:
        self.wait_for_socket()
        envelope_id = f"envelope-{next(self._counter)}"
        kinds = {"event_callback": "events_api", "": "slash_commands"}
        kind = kinds.get(request.get("type", ""), "interactive")
        envelope = {
            "type": kind,
            "envelope_id": envelope_id,
            "payload": request,
            "accepts_response_payload": True,
        }
        socket, loop = self._sockets[-1]
        asyncio.run_coroutine_threadsafe(socket.send_text(json.dumps(envelope)), loop)
        acknowledged = self._acknowledged.get(timeout=PATIENCE_SECONDS)
        assert acknowledged["envelope_id"] == envelope_id
        return Answered(200, acknowledged.get("payload") or {})

    # The Web API

    @property
    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/api/{method}", self._called, methods=["POST"]),
                WebSocketRoute("/link", self._link),
            ]
        )

    async def _called(self, request: Request) -> Response:
        method = request.path_params["method"]
        self.calls.append(method)
        if self.troubles:
            trouble = self.troubles.popleft()
            if isinstance(trouble, Response):
                return trouble
            if isinstance(trouble, float):
                await asyncio.sleep(trouble)
                return Response(status_code=500)
            return _no(trouble)
        token = APP_TOKEN if method == "apps.connections.open" else BOT_TOKEN
        if request.headers.get("authorization") != f"Bearer {token}":
            return _no("invalid_auth")
        raw = await request.body()
        return self._answer(method, json.loads(raw) if raw.startswith(b"{") else {})

    def _answer(self, method: str, arguments: dict[str, Any]) -> Response:
        match method:
            case "auth.test":
                return _yes(team_id=TEAM, user_id="U0BOT", bot_id="B0BOT")
            case "apps.connections.open":
                return _yes(url=self.url.replace("http://", "ws://") + "/link?ticket=1")
            case "users.info":
                return _yes(user={"id": arguments["user"], "team_id": TEAM})
            case "chat.postMessage":
                return self._post(arguments)
            case "chat.update":
                return self._update(arguments)
            case "chat.postEphemeral":
                self.whispers.append(arguments)
                return _yes(message_ts=self._now())
            case "views.open":
                return self._open_sheet(arguments)
            case _:
                return _no("unknown_method")

    def _post(self, arguments: dict[str, Any]) -> Response:
        channel = self.channels.get(arguments["channel"], arguments["channel"])
        if channel not in self.channels.values():
            return _no("channel_not_found")
        if problem := faults(arguments["blocks"]):
            return _no("invalid_blocks", problem)
        below = arguments.get("thread_ts")
        if below and not any(m.ts == below and m.channel == channel for m in self.messages):
            return _no("thread_not_found")
        posted = Posted(channel, self._now(), arguments)
        self.messages.append(posted)
        return _yes(channel=channel, ts=posted.ts)

    def _update(self, arguments: dict[str, Any]) -> Response:
        for message in self.messages:
            if (message.channel, message.ts) == (arguments["channel"], arguments["ts"]):
                if problem := faults(arguments["blocks"]):
                    return _no("invalid_blocks", problem)
                message.arguments = message.arguments | arguments
                message.edits += 1
                return _yes(channel=message.channel, ts=message.ts)
        return _no("message_not_found")

    def _open_sheet(self, arguments: dict[str, Any]) -> Response:
        view = arguments["view"]
        if problem := faults_of_sheet(view):
            return _no("invalid_arguments", problem)
        self.sheets.append(view | {"id": f"V{next(self._counter)}", "hash": "1.a"})
        return _yes(view=self.sheets[-1])

    async def _link(self, socket: WebSocket) -> None:
        await socket.accept()
        self.sockets_opened += 1
        await socket.send_text(json.dumps({"type": "hello", "num_connections": 1}))
        self._sockets.append((socket, asyncio.get_running_loop()))
        self._socket_open.set()
        try:
            while True:
                self._acknowledged.put(json.loads(await socket.receive_text()))
        except WebSocketDisconnect:
            return

    def _now(self) -> str:
        return f"1700000000.{next(self._counter):06}"


def rate_limited(seconds: int) -> Response:
    """The answer to who is too fast."""
    return JSONResponse(
        {"ok": False, "error": "ratelimited"}, 429, headers={"Retry-After": str(seconds)}
    )


def texts(blocks: Sequence[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Every text object in blocks."""
    for block in blocks:
        for key in ("text", "label", "hint"):
            if isinstance(block.get(key), dict):
                yield block[key]
        inner = (*block.get("fields", ()), *block.get("elements", ()))
        for element in inner:
            if element["type"] in ("plain_text", "mrkdwn"):
                yield element
            elif isinstance(element.get("text"), dict):
                yield element["text"]


def faults_of_sheet(view: dict[str, Any]) -> str:
    """What Slack would say against this sheet, or ''."""
    problem = faults(view["blocks"])
    for name in ("title", "submit", "close"):
        problem = problem or (name in view and _too_long(view[name], 24)) or ""
    names = [block["block_id"] for block in view["blocks"] if block["type"] == "input"]
    problem = problem or ("two questions of one name" if len({*names}) < len(names) else "")
    problem = problem or ("submit" if names and "submit" not in view else "")
    return problem or ("private_metadata" if len(view["private_metadata"]) > 3000 else "")


def faults(blocks: Sequence[dict[str, Any]]) -> str:
    """What Slack would say against these blocks, or '' (limits of the Block Kit reference)."""
    if not 1 <= len(blocks) <= 50:
        return f"{len(blocks)} blocks"
    for block in blocks:
        match block["type"]:
            case "header":
                problem = _too_long(block["text"], 150)
            case "section":
                fields = block.get("fields", ())
                problem = "fields" if len(fields) > 10 else ""
                problem = problem or next(filter(None, (_too_long(f, 2000) for f in fields)), "")
                problem = problem or ("text" in block and _too_long(block["text"], 3000)) or ""
            case "context":
                problem = "elements" if not 1 <= len(block["elements"]) <= 10 else ""
                problem = problem or _too_long(block["elements"][0], 2000)
            case "actions":
                problem = "elements" if not 1 <= len(block["elements"]) <= 25 else ""
                acts = [element["action_id"] for element in block["elements"]]
                problem = problem or ("action_id" if len({*acts}) < len(acts) else "")
                problem = problem or next(filter(None, map(_element, block["elements"])), "")
            case "input":
                problem = _too_long(block["label"], 2000) or _element(block["element"])
                problem = problem or ("hint" in block and _too_long(block["hint"], 2000)) or ""
            case unknown:
                problem = f"a block of type {unknown}"
        if problem:
            return f"{block['type']}: {problem}"
    return ""


@contextmanager
def serving(app: ASGIApp) -> Iterator[str]:
    """The app at a free port of this machine; where, as a URL."""
    server = uvicorn.Server(
        uvicorn.Config(app, port=0, log_config=None, access_log=False, lifespan="off")
    )
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive(), "the server did not start"
            time.sleep(0.005)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join()


@contextmanager
def slack_stand_in() -> Iterator[SlackStandIn]:
    """A workspace at a port of this machine."""
    slack = SlackStandIn()
    with serving(slack.app) as url:
        slack.url = url
        yield slack


def _element(element: dict[str, Any]) -> str:
    """What is wrong with what can be pressed, chosen or filled in."""
    problem = _too_long(element["placeholder"], 150) if "placeholder" in element else ""
    match element["type"]:
        case "button":
            problem = problem or _too_long(element["text"], 75)
            return problem or ("value" if len(element.get("value", "")) > 2000 else "")
        case "overflow":
            return problem or _options(element["options"], 5)
        case "static_select":
            return problem or _options(element["options"], 100)
        case "checkboxes":
            return problem or _options(element["options"], 10)
        case "plain_text_input":
            problem = problem or ("" if 1 <= element["max_length"] <= 3000 else "max_length")
            return problem or ("value" if len(element.get("initial_value", "")) > 3000 else "")
        case "number_input" | "datetimepicker" | "users_select":
            return problem
        case unknown:
            return f"an element of type {unknown}"


def _options(options: Sequence[dict[str, Any]], most: int) -> str:
    problem = "" if 1 <= len(options) <= most else f"{len(options)} options"
    for option in options:
        problem = problem or _too_long(option["text"], 75)
        problem = problem or ("value" if not 1 <= len(option["value"]) <= 150 else "")
    return problem


def _too_long(text: dict[str, Any], most: int) -> str:
    length = len(text["text"].encode("utf-16-le")) // 2
    return "" if 1 <= length <= most else f"a text of {length} instead of 1 to {most}"


def _yes(**fields: Any) -> Response:
    return JSONResponse({"ok": True, **fields})


def _no(error: str, detail: str = "") -> Response:
    return JSONResponse({"ok": False, "error": error, "detail": detail})
