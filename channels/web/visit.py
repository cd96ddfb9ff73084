"""What one visitor says on one socket, and when it is answered "kept".

A line is answered `kept` once it is on stable storage, and `refused`, with the reason, when it is
not: the page keeps it and says it again by the same id.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import orjson
import structlog
from sqlalchemy.exc import SQLAlchemyError
from starlette.websockets import WebSocket, WebSocketDisconnect

from channels.journal import Arrived, StorageFull
from channels.web.chat import EMAIL_LENGTH, NAME_LENGTH, TEXT_LENGTH
from channels.web.lines import Line
from intake.db import Busy

if TYPE_CHECKING:
    from channels.web.door import Door

log = structlog.get_logger()

FRAME_BYTES = 16 << 10
NONSENSE = 20
"""Frames we do not understand before we hang up."""
POLICY, TOO_BIG = 1008, 1009

_LINE_ID = re.compile(r"[A-Za-z0-9-]{1,64}")


@dataclass(slots=True)
class Visit:
    """What one visitor says on one socket."""

    door: Door
    visitor: str
    network: str
    line: Line
    nonsense: int = 0

    async def listen(self, socket: WebSocket) -> int:
        """Keep what is said, line after line in its order; the code when nothing more is heard."""
        while self.nonsense < NONSENSE:
            said = await heard(socket)
            if len(said) > FRAME_BYTES:
                return TOO_BIG
            frame = understood(said)
            if frame is None or frame.get("type") != "say" or not _is_line(frame):
                self.nonsense += 1
                self.line.put({"type": "refused", "id": "", "reason": "not-understood"})
                continue
            self.line.put(await self._answer(frame))
        return POLICY

    async def _answer(self, frame: dict[str, Any]) -> dict[str, Any]:
        refused = {"type": "refused", "id": frame["id"]}
        if not frame["text"].strip():
            return {**refused, "reason": "empty"}
        if len(frame["text"]) > TEXT_LENGTH:
            return {**refused, "reason": "too-long"}
        now = time.monotonic()
        wait = self.door.per_visitor.wait(self.visitor, now)
        if wait := wait or self.door.per_network.wait(self.network, now):
            return {**refused, "reason": "too-fast", "again_in": round(wait, 1)}
        try:
            await self.door.journal.keep(self._arrived(frame))
        except (StorageFull, Busy, SQLAlchemyError, OSError) as error:
            log.error("not kept", channel="chat", why=type(error).__name__)
            return {**refused, "reason": "later", "again_in": 5}
        log.info("kept", channel="chat", size=len(frame["text"]))
        return {"type": "kept", "id": frame["id"]}

    def _arrived(self, frame: dict[str, Any]) -> Arrived:
        said = {name: frame.get(name, "") for name in ("id", "text", "name", "email")}
        return Arrived(
            channel="chat",
            mailbox="chat",
            raw=orjson.dumps(said),
            envelope={"visitor": self.visitor, "network": self.network},
            received_at=datetime.now(UTC),
            external_id=f"{self.visitor}.{frame['id']}",
        )


async def heard(socket: WebSocket) -> bytes:
    """The next frame. Raises WebSocketDisconnect when there is none."""
    message = await socket.receive()
    if message["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(message.get("code", 1005))
    text: str | None = message.get("text")
    return text.encode() if text is not None else message["bytes"] or b""


def understood(frame: bytes) -> dict[str, Any] | None:
    """What a frame says; None when that is nothing of ours."""
    if len(frame) > FRAME_BYTES:
        return None
    try:
        content = orjson.loads(frame)
    except ValueError:
        return None
    return content if isinstance(content, dict) else None


def _is_line(frame: dict[str, Any]) -> bool:
    name, email = frame.get("name", ""), frame.get("email", "")
    return (
        isinstance(frame.get("id"), str)
        and _LINE_ID.fullmatch(frame["id"]) is not None
        and isinstance(frame.get("text"), str)
        and isinstance(name, str)
        and len(name) <= NAME_LENGTH
        and isinstance(email, str)
        and len(email) <= EMAIL_LENGTH
    )
