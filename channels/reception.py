"""The way in, the same for every channel: keep the raw bytes, then understand and file them.

A door keeps what arrived (`Journal.keep`) and only then says yes; commits are grouped, so that
messages that arrive together share one fsync. A worker (`Reception.file`) parses in a killable
child and accepts in batches. Nothing that was kept is ever dropped: it is filed, filtered with a
reason, or quarantined where a person sees it.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog

from channels.sandbox import Sandbox, Unreadable
from intake import inbound, queues
from intake.accept import Receipt, accept
from intake.db import Busy, Database, away, contended, new_id
from intake.desk import Desk
from intake.inbound import Inbound, StaleClaim, State
from intake.messages import Message
from intake.threads import Arrival, mailbox_of
from kb import suggestions
from kb.matcher import Match
from kb.suggestions import Library

log = structlog.get_logger()

BATCH = 32
KEPT_TOGETHER = 64
RESERVE_SHARE = 0.05
MAILBOXES_FRESH_SECONDS = 5.0
NO_WAIT = timedelta()
OTHERS_FIRST = timedelta(seconds=2)


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


@dataclass(slots=True)
class Account:
    """What became of the messages a worker took."""

    filed: int = 0
    filtered: int = 0
    quarantined: int = 0
    postponed: int = 0
    cases_opened: int = 0
    by_reason: Counter[str] = field(default_factory=Counter)

    @property
    def taken(self) -> int:
        """How many there were."""
        return self.filed + self.filtered + self.quarantined + self.postponed


class Reception:
    """Understands and files what doors kept."""

    def __init__(self, db: Database, sandbox: Sandbox, desk: Desk, library: Library) -> None:
        self._db = db
        self._sandbox = sandbox
        self._desk = desk
        self._library = library
        self._owed: list[Inbound] = []
        """Messages whose attempt the database spoilt; given back when it answers again."""

    def waiting(self, *, at: datetime) -> bool:
        """Whether there is anything to file; asked without disturbing those who write."""
        with self._db.reading() as session:
            return inbound.any_waiting(session, at=at)

    def file(
        self, *, at: datetime, limit: int = BATCH, ids: Sequence[UUID] | None = None
    ) -> Account:
        """Take waiting messages, oldest first (or just these), and file them."""
        account = Account()
        started = time.perf_counter()
        with self._db.transaction() as session:
            inbound.forgive(session, self._owed, at=at, wait=NO_WAIT)
            session.flush()
            rows = inbound.claim(session, at=at, limit=limit, ids=ids)
        self._owed.clear()
        if not rows:
            return account
        parsed = self._parse(rows)
        good: list[tuple[Inbound, Message]] = []
        for row, result in zip(rows, parsed, strict=True):
            if isinstance(result, Unreadable):
                self._postpone(row, f"unreadable: {result}", at=at, account=account)
            else:
                good.append((row, result))
        self._file(good, at=at, account=account)
        if ids is None:
            took = round((time.perf_counter() - started) * 1000 / len(rows), 2)
            log.debug("batch filed", messages=len(rows), ms_each=took)
        return account

    def _parse(self, rows: Sequence[Inbound]) -> list[Message | Unreadable]:
        with self._db.reading() as session:
            raw = inbound.raw_of(session, [row.id for row in rows])
            ours = sorted(queues.every(session).by_mailbox)
        return self._sandbox.parse_all(
            [(row.channel, raw[row.id], {**row.envelope, "own_addresses": ours}) for row in rows]
        )

    def _file(
        self, items: Sequence[tuple[Inbound, Message]], *, at: datetime, account: Account
    ) -> None:
        if not items:
            return
        try:
            self._accept(items, account)
        except StaleClaim as error:
            log.warning("left to another worker", messages=len(items), why=str(error))
        except Exception as error:  # the messages are kept, the reason noted
            if away(error):
                self._owed += [row for row, _message in items]
                raise
            if contended(error):
                self._others_first([row for row, _message in items], error, at=at, account=account)
                return
            if len(items) == 1:
                self._refused(items[0][0], error, at=at, account=account)
                return
            for item in items:  # one of them must not fail its neighbours
                self._file([item], at=at, account=account)

    def _accept(self, items: Sequence[tuple[Inbound, Message]], account: Account) -> None:
        arrivals = [_arrival(row, message) for row, message in items]
        answers = self._answers([message for _row, message in items])
        with self._db.transaction() as session:
            inbound.hold(session, [row for row, _message in items])
            with session.begin_nested():
                receipts = accept(session, arrivals, self._desk)
                for receipt, found in zip(receipts, answers, strict=True):
                    if (case := receipt.case) and receipt.opened:
                        suggestions.write(session, case.id, found, at=case.opened_at)
            inbound.settle(session, [_outcome(receipt) for receipt in receipts])
        for receipt in receipts:
            _note(receipt, account)

    def _answers(self, messages: Sequence[Message]) -> list[list[Match]]:
        """Articles for each message, looked up before others have to wait for our writing."""
        asked = [(message.subject, message.new_text or message.text) for message in messages]
        with self._db.reading() as session:
            return suggestions.answers(session, asked, self._library)

    def _others_first(
        self, rows: Sequence[Inbound], error: Exception, *, at: datetime, account: Account
    ) -> None:
        log.warning("others were in the way", messages=len(rows), why=type(error).__name__)
        with self._db.transaction() as session:
            inbound.forgive(session, rows, at=at, wait=OTHERS_FIRST)
        account.postponed += len(rows)

    def _refused(self, row: Inbound, error: Exception, *, at: datetime, account: Account) -> None:
        log.error("not filed", inbound=str(row.id), attempt=row.attempts, exc_info=error)
        self._postpone(row, f"not filed: {type(error).__name__}", at=at, account=account)

    def _postpone(self, row: Inbound, reason: str, *, at: datetime, account: Account) -> None:
        with self._db.transaction() as session:
            gave_up = inbound.failed(session, row.id, row.claim, reason, at=at)
        account.quarantined += gave_up
        account.postponed += not gave_up
        account.by_reason[reason] += 1
        if gave_up:
            log.warning("quarantined", inbound=str(row.id), reason=reason)

    def warm_up(self, *, at: datetime) -> None:
        """Do once, and undo, what every message needs, so that the first one need not wait."""
        message = Message("email", None, "warm up", "warm up")
        with self._db.transaction() as session:
            if queues.every(session).every:
                accept(session, [Arrival(message, "", at)], self._desk)
                self._library.matcher(session).match("warm up", "warm up")
            session.rollback()


def _arrival(row: Inbound, message: Message) -> Arrival:
    return Arrival(
        message=message,
        mailbox=row.mailbox,
        received_at=row.received_at,
        inbound_id=row.id,
        recipients=tuple(row.envelope.get("rcpt_to", ())),
        historic=bool(row.envelope.get("historic")),
    )


def _outcome(receipt: Receipt) -> dict[str, Any]:
    return {
        "id": receipt.arrival.inbound_id,
        "state": State.FILTERED if receipt.filtered else State.FILED,
        "reason": receipt.filtered,
        "case_id": receipt.case.id if receipt.case else None,
        "matched_by": receipt.matched_by,
    }


def _note(receipt: Receipt, account: Account) -> None:
    account.filed += not receipt.filtered
    account.filtered += bool(receipt.filtered)
    account.cases_opened += receipt.opened
    account.by_reason[receipt.filtered or receipt.matched_by] += 1
    log.info(
        "filtered" if receipt.filtered else "accepted",
        inbound=str(receipt.arrival.inbound_id),
        channel=receipt.arrival.message.channel,
        case=receipt.case.number if receipt.case else None,
        by=receipt.filtered or receipt.matched_by,
    )


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
