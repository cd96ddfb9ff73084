"""What doors keep: the raw bytes of a message, on stable storage before anybody says yes.

Commits are grouped, so that messages that arrive together share one fsync.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog

from intake import inbound, queues
from intake.db import Busy, Database, away, new_id
from intake.inbound import Inbound, State
from intake.threads import mailbox_of

log = structlog.get_logger()

KEPT_TOGETHER = 64
RESERVE_SHARE = 0.05
MAILBOXES_FRESH_SECONDS = 5.0


class StorageFull(Exception):
    """There is not enough free space to take more; the sender is asked to come later."""


@dataclass(frozen=True, slots=True)
class Arrived:
    """What a door hands in: the bytes, and everything known from outside of them.

    `external_id` is the sender's own id of the message where the channel has one: the same id
    from the same mailbox is the same message. Mail has none; its content decides.
    """

    channel: str
    mailbox: str
    raw: bytes
    envelope: dict[str, Any]
    received_at: datetime
    external_id: str = ""

    def key(self) -> str:
        """What makes two arrivals one message."""
        if self.external_id:
            return hashlib.sha256(f"{self.channel}\0{self.external_id}".encode()).hexdigest()
        if self.channel == "email":
            return inbound.mail_key(self.raw)
        return hashlib.sha256(self.raw).hexdigest()

    def row(self) -> Inbound:
        """The arrival as it is kept."""
        return Inbound(
            id=new_id(),
            channel=self.channel,
            mailbox=self.mailbox,
            content_key=self.key(),
            raw=self.raw,
            size_bytes=len(self.raw),
            envelope=_clean(self.envelope),
            received_at=self.received_at,
            state=State.PENDING,
        )


def keep(db: Database, arrivals: Sequence[Arrived], *, reserve_bytes: int = 0) -> list[UUID | None]:
    """Keep these, durably when this returns; the new row's id, or None where it was known.

    Raises StorageFull, Busy or a database error: then nothing was kept and the sender must hear
    "later".
    """
    _refuse_when_full(db, reserve_bytes)
    rows = [arrived.row() for arrived in arrivals]
    with db.transaction() as session:
        new = inbound.keep(session, rows)
    return [row.id if row.id in new else None for row in rows]


class Journal:
    """Where doors keep what arrived. One event loop's; its writes share commits."""

    def __init__(self, db: Database, *, reserve_bytes: int = 0) -> None:
        self._db = db
        self._reserve_bytes = reserve_bytes
        self._waiting: list[tuple[tuple[Arrived, ...], asyncio.Future[None]]] = []
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="journal")
        self._writing: asyncio.Task[None] | None = None
        self._mailboxes: frozenset[str] = frozenset()
        self._mailboxes_asked = float("-inf")
        self._mailboxes_away = False

    async def keep(self, *arrived: Arrived) -> None:
        """Keep these together; returns when they are on stable storage. Raises as `keep` does."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((arrived, done))
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write())
        await asyncio.shield(done)

    def mailbox_for(self, address: str) -> str | None:
        """The mailbox of ours that takes mail for that address; None when there is none.

        A known one is told from memory, which is refreshed aside: a slow database must not stall
        the loop that serves every other peer. Raises when an unknown one cannot be looked up.
        """
        mailbox = mailbox_of(address)
        stale = time.monotonic() - self._mailboxes_asked > MAILBOXES_FRESH_SECONDS
        if mailbox not in self._mailboxes:
            if stale:
                self._mailboxes_asked = time.monotonic()
                self._read_mailboxes()
            elif self._mailboxes_away:
                raise Busy("the mailboxes cannot be looked up")
        elif stale:
            self._mailboxes_asked = time.monotonic()
            self._writer.submit(self._refresh_mailboxes)
        return mailbox if mailbox in self._mailboxes else None

    async def close(self) -> None:
        """Finish what was begun."""
        if self._writing is not None:
            await asyncio.gather(self._writing, return_exceptions=True)
        self._writer.shutdown()

    def _read_mailboxes(self) -> None:
        self._mailboxes_away = True
        with self._db.reading() as session:
            self._mailboxes = frozenset(queues.every(session).by_mailbox)
        self._mailboxes_away = False

    def _refresh_mailboxes(self) -> None:
        try:
            self._read_mailboxes()
        except Exception as error:  # noqa: BLE001  what is known goes on being used
            log.warning("mailboxes not refreshed", why=type(error).__name__)

    async def _write(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting:
            batch = self._waiting[:KEPT_TOGETHER]
            del self._waiting[:KEPT_TOGETHER]
            failures = await loop.run_in_executor(self._writer, self._keep_all, batch)
            for (_arrived, done), failure in zip(batch, failures, strict=True):
                if done.cancelled():
                    continue
                if failure is None:
                    done.set_result(None)
                else:
                    done.set_exception(failure)

    def _keep_all(self, batch: Sequence[tuple[tuple[Arrived, ...], Any]]) -> list[Exception | None]:
        together = [arrived for group, _done in batch for arrived in group]
        failure = self._keep(together)
        everyones = isinstance(failure, StorageFull) or away(failure)
        if failure is None or len(batch) == 1 or everyones:
            return [failure] * len(batch)
        # One of them cannot be written: the others must not suffer for it.
        return [self._keep(group) for group, _done in batch]

    def _keep(self, arrived: Sequence[Arrived]) -> Exception | None:
        try:
            keep(self._db, arrived, reserve_bytes=self._reserve_bytes)
        except Exception as error:  # noqa: BLE001  whatever it is, the sender hears "later"
            return error
        return None


def _refuse_when_full(db: Database, reserve_bytes: int) -> None:
    if db.lock_path is None or not reserve_bytes:
        return  # PostgreSQL's disk is not ours to measure
    space = os.statvfs(db.lock_path.parent)
    reserve = min(reserve_bytes, int(space.f_blocks * space.f_frsize * RESERVE_SHARE))
    if space.f_bavail * space.f_frsize < reserve:
        raise StorageFull("the disk is nearly full")


def _clean(value: Any) -> Any:
    """The value without what a database cannot keep in JSON: NULs and lone surrogates."""
    if isinstance(value, str):
        return value.replace("\0", "�").encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {_clean(key): _clean(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_clean(item) for item in value]
    return value
