"""Following the desk: whoever wants to know at once what happened, in any process.

One poll per process, whatever the number of followers, and none when nobody follows.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from functools import partial
from typing import Any, TypeVar

import structlog
from sqlalchemy.exc import SQLAlchemyError

from intake import events
from intake.db import Database
from intake.events import Event

log = structlog.get_logger()

T = TypeVar("T")

POLL_SECONDS = 0.2
WAITING_EVENTS = 1000
# Sequences are given before commit, so on PostgreSQL a lower one may appear after a higher one.
OVERLAP = 200


class FellBehind(Exception):
    """A follower did not keep up; it must begin again from what it knows."""


class Follower:
    """Hands each new event, once, to everybody who follows at that moment."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._overlap = OVERLAP if db.dialect == "postgresql" else 0
        self._queues: set[asyncio.Queue[Event | None]] = set()
        self._poll: asyncio.Task[None] | None = None
        self._looking: asyncio.Future[Any] | None = None
        self._beginning = asyncio.Lock()

    async def events(self, following: asyncio.Event | None = None) -> AsyncGenerator[Event, None]:
        """The events from now on, in order. Raises FellBehind when they are not taken in time.

        `following` is set once nothing that happens from then on is missed.
        """
        queue: asyncio.Queue[Event | None] = asyncio.Queue(WAITING_EVENTS)
        self._queues.add(queue)
        try:
            await self._begin()
            if following is not None:
                following.set()
            while True:
                event = await queue.get()
                if event is None:
                    raise FellBehind
                yield event
        finally:
            self._queues.discard(queue)

    async def close(self) -> None:
        """Stop polling. The look that is under way has given its connection back by then."""
        if self._poll is not None:
            self._poll.cancel()
            await asyncio.gather(self._poll, return_exceptions=True)
        if self._looking is not None:
            await asyncio.gather(self._looking, return_exceptions=True)

    async def _begin(self) -> None:
        # One at a time: two who came first together would each start a poll.
        async with self._beginning:
            if self._poll is None or self._poll.done():
                cursor, seen = await self._in_thread(self._now)
                self._poll = asyncio.create_task(self._follow(cursor, seen))

    async def _follow(self, cursor: int, seen: set[int]) -> None:
        while self._queues:
            await asyncio.sleep(POLL_SECONDS)
            try:
                found = await self._in_thread(partial(self._after, cursor - self._overlap))
            except SQLAlchemyError as error:
                log.warning("cannot follow events", why=type(error).__name__)
                await asyncio.sleep(1)
                continue
            for event in found:
                if event.sequence in seen:
                    continue
                seen.add(event.sequence)
                cursor = max(cursor, event.sequence)
                self._hand_out(event)
            seen = {sequence for sequence in seen if sequence > cursor - self._overlap}

    async def _in_thread(self, look: Callable[[], T]) -> T:
        # Shielded, for a thread cannot be cancelled: who closes us must know when it is through.
        looking = self._looking = asyncio.ensure_future(asyncio.to_thread(look))
        return await asyncio.shield(looking)

    def _hand_out(self, event: Event) -> None:
        for queue in list(self._queues):
            if queue.full():
                queue.get_nowait()
                queue.put_nowait(None)
                self._queues.discard(queue)
            else:
                queue.put_nowait(event)

    def _now(self) -> tuple[int, set[int]]:
        """The cursor of now, and those before it that happened already: the rest may come yet."""
        with self._db.reading() as session:
            cursor = events.latest(session)
            happened = events.after(session, cursor - self._overlap) if self._overlap else ()
            return cursor, {event.sequence for event in happened}

    def _after(self, cursor: int) -> list[Event]:
        with self._db.reading() as session:
            return events.after(session, cursor, limit=1000)
