"""The way out, the same for every channel: claim a delivery, send it, note what came of it.

At least once: a crash between sending and noting sends again, with the same id, so that the other
side sees one message. Giving up is an event that a person sees on the case.
"""

from __future__ import annotations

import random
import re
import time
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial

import structlog
from sqlalchemy.orm import Session

from channels import REGISTRY, Never, NotNow, Sent, channel
from intake import events, outcomes
from intake.db import Database
from intake.desk import Desk
from intake.events import Delivery, Promise
from intake.settings import Settings

log = structlog.get_logger()

BATCH = 20
AT_ONCE = 4
RENEWED_AFTER_SECONDS = 20.0
"""A delivery that waited so long for its turn to be sent is leased anew before."""
WAITS = tuple(timedelta(minutes=m) for m in (1, 5, 15, 60, 180, 360))
MAIL_GIVES_UP_AFTER = timedelta(days=5)
OTHERS_GIVE_UP_AFTER = timedelta(days=1)

# What a mail server says of a refusal names whom it refused; a log holds no addresses.
_ADDRESS = re.compile(r"[^\s<>()\"',;:]+@[^\s<>()\"',;:]+")


class Dispatch:
    """Keeps promises of some channels, or of all. Any number may run: a delivery is leased to one
    at a time."""

    def __init__(
        self,
        db: Database,
        settings: Settings,
        desk: Desk,
        channels: Collection[str] = tuple(REGISTRY),
    ) -> None:
        self._db = db
        self._settings = settings
        self._desk = desk
        self._channels = channels
        self._senders = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="sender")

    def waiting(self, *, at: datetime) -> bool:
        """Whether anything is due; asked without disturbing those who write."""
        with self._db.reading() as session:
            return events.any_due(session, self._channels, at=at)

    def send_due(self, *, at: datetime) -> int:
        """Send what is due; how many were tried."""
        with self._db.transaction() as session:
            promises = events.claim(session, self._channels, at=at, limit=BATCH)
        if promises:
            list(self._senders.map(partial(self._keep, claimed=time.monotonic()), promises))
        return len(promises)

    def close(self) -> None:
        """Wait for what is being sent."""
        self._senders.shutdown()

    def _keep(self, promise: Promise, *, claimed: float) -> None:
        fields = {"delivery": str(promise.id), "channel": promise.channel, "kind": promise.kind}
        if time.monotonic() - claimed >= RENEWED_AFTER_SECONDS and not self._renewed(promise):
            log.warning("left to another sender", **fields)
            return
        began = time.monotonic()
        try:
            sent = self._send(promise)
        except NotNow as later:
            self._later(promise, str(later), began, later)
            log.info("delivery postponed", **fields, attempt=promise.attempts, why=_logged(later))
        except Never as never:
            self._failed(promise, str(never), began, never)
            log.warning("delivery refused", **fields, why=_logged(never))
        except Exception:
            self._later(promise, "an error of ours; see the log", began)
            log.exception("delivery broke", **fields, attempt=promise.attempts)
        else:
            self._sent(promise, sent, began)
            log.info("delivered", **fields, attempt=promise.attempts)

    def _renewed(self, promise: Promise) -> bool:
        """Whether it is still ours to send, now with a whole lease before it."""
        with self._db.transaction() as session:
            return events.renew(session, promise, at=datetime.now(UTC))

    def _send(self, promise: Promise) -> Sent:
        way = channel(promise.channel)
        prepare = getattr(way, "prepare", None)
        if prepare is not None:
            # What is shown is read now, and the transaction ends before the network is used.
            with self._db.reading() as session:
                payload = prepare(session, promise, self._settings, self._desk)
            promise = replace(promise, payload=payload)
        return way.send(promise, self._settings)

    def _sent(self, promise: Promise, sent: Sent, began: float) -> None:
        with self._db.transaction() as session:
            row = events.held(session, promise)
            if row is not None:
                row.response, row.remote_id = sent.response, sent.remote_id
                outcomes.arrived(session, row, at=datetime.now(UTC))
                self._note(session, row, sent, began)

    def _later(
        self, promise: Promise, reason: str, began: float, outcome: NotNow | None = None
    ) -> None:
        now = datetime.now(UTC)
        mail = promise.channel == "email"
        if now - promise.promised_at > (MAIL_GIVES_UP_AFTER if mail else OTHERS_GIVE_UP_AFTER):
            self._failed(promise, f"given up: {reason}", began, outcome)
            return
        wait = WAITS[min(promise.attempts, len(WAITS)) - 1] * random.uniform(0.8, 1.2)  # noqa: S311
        if outcome is not None and outcome.retry_after_seconds is not None:
            wait = timedelta(seconds=outcome.retry_after_seconds)
        with self._db.transaction() as session:
            row = events.held(session, promise)
            if row is not None:
                row.due_at, row.claim, row.error = now + wait, None, reason[:1000]
                self._note(session, row, outcome, began)

    def _failed(
        self, promise: Promise, reason: str, began: float, outcome: NotNow | Never | None
    ) -> None:
        with self._db.transaction() as session:
            row = events.held(session, promise)
            if row is not None:
                now = datetime.now(UTC)
                outcomes.given_up(session, row, reason[:1000], desk=self._desk, at=now)
                self._note(session, row, outcome, began)

    def _note(
        self,
        session: Session,
        row: Delivery,
        outcome: Sent | NotNow | Never | None,
        began: float,
    ) -> None:
        """Let a channel that follows its tries write down what came of this one."""
        tried = getattr(channel(row.channel), "tried", None)
        if tried is not None and outcome is not None:
            took_ms = round((time.monotonic() - began) * 1000)
            tried(session, row, outcome, self._desk, took_ms=took_ms, at=datetime.now(UTC))


def _logged(reason: Exception) -> str:
    """The reason as a log may hold it."""
    return _ADDRESS.sub("…@…", str(reason))
