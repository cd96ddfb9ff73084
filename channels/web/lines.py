"""What goes to the visitors of a chat: their own conversation, and each new word in it.

Only what was said between the visitor and us is ever read here: incoming and outgoing chat, never
a note among ourselves, and only of the active case of the visitor's own conversation.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from typing import Any
from uuid import UUID

import orjson
import structlog
from sqlalchemy import Select, select
from sqlalchemy.exc import SQLAlchemyError

from channels.follow import FellBehind, Follower
from channels.web.chat import line_id
from intake.cases import Activity, ActivityKind, Case, Direction, State
from intake.db import Busy, Database
from intake.events import Event

log = structlog.get_logger()

UNREAD_BYTES = 256 << 10
HISTORY_LINES = 200
HISTORY_BYTES = 128 << 10
TEXT_SHOWN = 20_000
SERVICE_RESTART, TRY_AGAIN_LATER = 1012, 1013


class Line:
    """What waits to be sent to one socket; bounded, so that one who never reads costs little."""

    def __init__(self) -> None:
        self._frames: deque[bytes] = deque()
        self._waiting_bytes = 0
        self._news = asyncio.Event()
        self.closed_with = 0
        """Why nothing more is sent (a close code of RFC 6455), or 0."""

    def put(self, frame: dict[str, Any]) -> None:
        """Send this when the socket takes it. A line that is too far behind is hung up."""
        encoded = orjson.dumps(frame)
        if self._waiting_bytes + len(encoded) > UNREAD_BYTES:
            self.hang_up(TRY_AGAIN_LATER)
        elif not self.closed_with:
            self._frames.append(encoded)
            self._waiting_bytes += len(encoded)
            self._news.set()

    def hang_up(self, code: int) -> None:
        """Send nothing more; the socket is closed with that code."""
        self.closed_with = self.closed_with or code
        self._news.set()

    async def frames(self) -> AsyncIterator[str]:
        """What to send, as it comes, until the line is hung up."""
        while not self.closed_with:
            while self._frames:
                frame = self._frames.popleft()
                yield frame.decode()
                # Counted until the socket took it, so a stuck socket is noticed.
                self._waiting_bytes -= len(frame)
            self._news.clear()
            if not self.closed_with:
                await self._news.wait()


class Switchboard:
    """Brings each new word in a conversation to whoever has it open in this process."""

    def __init__(self, db: Database, follower: Follower) -> None:
        self._db = db
        self._follower = follower
        self._lines: dict[str, set[Line]] = {}
        self._cases: dict[UUID, str] = {}
        """The active cases of the visitors who are here."""
        self._relay: asyncio.Task[None] | None = None
        self._following = asyncio.Event()

    @asynccontextmanager
    async def joined(self, visitor: str, line: Line) -> AsyncIterator[list[dict[str, Any]]]:
        """What was said so far; what is said from now on comes by `line`.

        A word said meanwhile may come both ways: it has the same id both times. Raises
        SQLAlchemyError or Busy while the database is away.
        """
        self._lines.setdefault(visitor, set()).add(line)
        try:
            await self._follow()
            case_id, said = await asyncio.to_thread(self._history, visitor)
            if case_id is not None:
                self._cases[case_id] = visitor
            yield said
        finally:
            self._leave(visitor, line)

    def _leave(self, visitor: str, line: Line) -> None:
        lines = self._lines[visitor]
        lines.discard(line)
        if not lines:
            del self._lines[visitor]
            self._cases = {c: v for c, v in self._cases.items() if v != visitor}
        if not self._lines and self._relay is not None:
            self._relay.cancel()
            self._relay = None

    async def _follow(self) -> None:
        """Be sure that nothing which happens from now on is missed."""
        if self._relay is None:
            self._following = asyncio.Event()
            self._relay = asyncio.create_task(self._run(self._following))
        await self._following.wait()

    async def _run(self, following: asyncio.Event) -> None:
        try:
            async with aclosing(self._follower.events(following)) as events:
                async for event in events:
                    await self._tell(event)
        except (FellBehind, SQLAlchemyError, Busy) as error:
            log.warning("chats hung up", why=type(error).__name__)
        finally:
            following.set()
            if self._relay is asyncio.current_task():
                # Whoever was here comes back and reads what was missed.
                self._relay = None
                for lines in self._lines.values():
                    for line in lines:
                        line.hang_up(SERVICE_RESTART)

    async def _tell(self, event: Event) -> None:
        case_id = event.case_id
        if case_id is None:
            return
        if event.kind == "case.reopened" or (
            event.kind == "case.opened" and event.data.get("channel") == "chat"
        ):
            conversation = await asyncio.to_thread(self._conversation, case_id)
            if conversation in self._lines:
                self._cases[case_id] = conversation
        visitor = self._cases.get(case_id)
        if visitor is None:
            return
        if event.kind in ("case.resolved", "case.cancelled"):
            self._say(visitor, {"type": "ended"})
        elif activity_id := event.data.get("activity"):
            for said in await asyncio.to_thread(self._said, UUID(activity_id)):
                self._say(visitor, {"type": "said", **said})

    def _say(self, visitor: str, frame: dict[str, Any]) -> None:
        for line in self._lines.get(visitor, ()):
            line.put(frame)

    def _conversation(self, case_id: UUID) -> str:
        with self._db.reading() as session:
            return session.scalar(select(Case.conversation).where(Case.id == case_id)) or ""

    def _history(self, visitor: str) -> tuple[UUID | None, list[dict[str, Any]]]:
        with self._db.reading() as session:
            case_id = session.scalar(
                select(Case.id)
                .where(Case.conversation == visitor, Case.state == State.ACTIVE)
                .order_by(Case.number.desc())
                .limit(1)
            )
            if case_id is None:
                return None, []
            newest = session.scalars(
                _between_us()
                .where(Activity.case_id == case_id)
                .order_by(Activity.at.desc(), Activity.id.desc())
                .limit(HISTORY_LINES)
            ).all()
        return case_id, _within([_shown(activity) for activity in newest])

    def _said(self, activity_id: UUID) -> list[dict[str, Any]]:
        with self._db.reading() as session:
            return [
                _shown(a) for a in session.scalars(_between_us().where(Activity.id == activity_id))
            ]


def _between_us() -> Select[Activity]:
    return select(Activity).where(
        Activity.kind == ActivityKind.CHAT,
        Activity.direction.in_((Direction.INCOMING, Direction.OUTGOING)),
    )


def _shown(activity: Activity) -> dict[str, Any]:
    ours = activity.direction is Direction.OUTGOING
    return {
        "id": activity.id.hex if ours else line_id(activity.message_id),
        "from": "us" if ours else "you",
        "name": activity.author_name if ours else "",
        "text": activity.text[:TEXT_SHOWN],
        "at": activity.at.isoformat(),
    }


def _within(newest_first: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """As many of the newest as one frame should hold, oldest first."""
    kept: list[dict[str, Any]] = []
    left = HISTORY_BYTES
    for said in newest_first:
        left -= len(orjson.dumps(said))
        if left < 0:
            break
        kept.append(said)
    return kept[::-1]
