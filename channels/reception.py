"""Understanding what doors kept, the same for every channel.

A door keeps what arrived (`channels.journal`) and only then says yes. A worker (`Reception.file`)
parses in a killable child and accepts in batches. Nothing that was kept is ever dropped: it is
filed, filtered with a reason, or quarantined where a person sees it.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog

from channels.sandbox import Sandbox, Unreadable
from intake import inbound, queues
from intake.accept import Receipt, accept
from intake.db import Database, away, contended
from intake.desk import Desk
from intake.inbound import Inbound, StaleClaim, State
from intake.messages import Message
from intake.threads import Arrival
from kb import suggestions
from kb.matcher import Match
from kb.suggestions import Library

log = structlog.get_logger()

BATCH = 32
NO_WAIT = timedelta()
OTHERS_FIRST = timedelta(seconds=2)


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
        routed=bool(row.envelope.get("routed", True)),
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
