"""Raw messages as kept: the bytes that arrived, before anybody understood them.

A row is committed before the sender is told yes. Everything else can be made again from it.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Index,
    LargeBinary,
    Select,
    String,
    UniqueConstraint,
    func,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, Session, mapped_column

from intake.db import Base, new_id, one_of, partial_index, refers_to
from intake.errors import IntakeError, NotFound

ATTEMPTS = 3
LEASE = timedelta(seconds=45)
# As the index of such rows says it: SQLite knows it again only to the letter.
DROPPABLE = "raw_dropped_at IS NULL AND NOT raw_needed"


class State(StrEnum):
    """Where a kept message stands. Every message is in exactly one of these."""

    PENDING = "pending"
    FILED = "filed"  # it is, or is part of, a case
    FILTERED = "filtered"  # set aside by a rule; the reason is kept
    QUARANTINED = "quarantined"  # could not be read or filed; a person must look


class StaleClaim(Exception):
    """Another worker took the message over; what this one made of it must not be kept."""


class NotQuarantined(IntakeError):
    """Only a quarantined message can be tried again."""

    code = "not-quarantined"


class Inbound(Base):
    """One message as it arrived. `content_key` is the hash of what the sender wrote, so that the
    same message delivered again is the same row."""

    __tablename__ = "inbound"
    __table_args__ = (
        UniqueConstraint("mailbox", "content_key"),
        Index("ix_inbound_waiting", "state", "claimed_until", "received_at"),
        # Whose bytes are kept and may be dropped one day: retention looks through no others.
        partial_index("ix_inbound_droppable", "state", "received_at", where=DROPPABLE),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    channel: Mapped[str] = mapped_column(String(32))
    mailbox: Mapped[str] = mapped_column(String(320))
    content_key: Mapped[str] = mapped_column(String(64))
    raw: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
    size_bytes: Mapped[int]
    envelope: Mapped[dict[str, Any]]
    received_at: Mapped[datetime]
    state: Mapped[State] = mapped_column(one_of(State), default=State.PENDING)
    attempts: Mapped[int] = mapped_column(default=0)
    claim: Mapped[UUID | None]
    """Who works on it now: a worker whose claim was replaced may not write its result."""
    claimed_until: Mapped[datetime | None]
    reason: Mapped[str] = mapped_column(default="")
    matched_by: Mapped[str] = mapped_column(String(60), default="")
    """The rule that found its case: reply address, message id, new …"""
    case_id: Mapped[UUID | None] = mapped_column(refers_to("cases.id"), index=True)
    copies: Mapped[int] = mapped_column(default=0)
    """How often the same message was delivered again."""
    raw_dropped_at: Mapped[datetime | None]
    """When its bytes were given up; then `raw` is empty and the rest says what it was."""
    raw_needed: Mapped[bool] = mapped_column(default=False)
    """Whether retention found that a case shows files of it, so that its bytes stay."""


# Written by whoever carried the mail, not by who wrote it: they differ between two deliveries.
TRACE = re.compile(
    rb"(?im)^(?:received|return-path|delivered-to|x-original-to|x-received|arc-[a-z-]+"
    rb"|authentication-results|received-spf|x-spam[a-z-]*):[^\r\n]*(?:\r?\n[ \t][^\r\n]*)*\r?\n"
)
HEAD_BYTES = 262_144


def mail_key(raw: bytes) -> str:
    """What makes two deliveries the same mail: all of it but the trace headers (SECURITY A12-A14).

    The Message-ID is part of the bytes, so two mails that share one stay two, and two without one
    stay two when a byte differs.
    """
    end = raw.find(b"\r\n\r\n", 0, HEAD_BYTES)
    cut = end + 2 if end >= 0 else min(len(raw), HEAD_BYTES)
    digest = hashlib.sha256(TRACE.sub(b"", raw[:cut]))
    digest.update(raw[cut:])
    return digest.hexdigest()


def keep(session: Session, arrivals: Sequence[Inbound]) -> set[UUID]:
    """Keep these; the ids of those that were new. A repeated one adds to its first one's copies."""
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    statement = insert(Inbound)
    statement = statement.on_conflict_do_update(
        index_elements=["mailbox", "content_key"], set_={"copies": Inbound.copies + 1}
    )
    session.execute(
        statement,
        [
            {
                "id": a.id,
                "channel": a.channel,
                "mailbox": a.mailbox,
                "content_key": a.content_key,
                "raw": a.raw,
                "size_bytes": len(a.raw),
                "envelope": a.envelope,
                "received_at": a.received_at,
                "state": State.PENDING,
                "attempts": 0,
                "reason": "",
                "matched_by": "",
                "copies": 0,
            }
            for a in arrivals
        ],
    )
    kept = select(Inbound.id).where(Inbound.id.in_([a.id for a in arrivals]))
    return set(session.scalars(kept))


def any_waiting(session: Session, *, at: datetime) -> bool:
    """Whether a message waits for a worker."""
    return session.scalar(_waiting(at).with_only_columns(Inbound.id).limit(1)) is not None


def claim(
    session: Session, *, at: datetime, limit: int, ids: Sequence[UUID] | None = None
) -> list[Inbound]:
    """Take up to `limit` waiting messages, oldest first, for LEASE.

    The attempt is counted before it is made, so a message that kills whoever reads it ends in
    quarantine after ATTEMPTS. One that was tried before comes after the fresh ones and is taken
    alone, so that it takes no other with it. What another worker holds is left alone until its
    lease ends.
    """
    waiting = _waiting(at).limit(limit).with_for_update(skip_locked=True)
    if ids is not None:
        waiting = waiting.where(Inbound.id.in_(ids))
    rows = list(session.scalars(waiting))
    rows = [row for row in rows if not row.attempts] or rows[:1]
    claimed = []
    token = new_id()
    for row in rows:
        if row.attempts >= ATTEMPTS:
            quarantine(row, row.reason or "reading it ended the program")
            continue
        row.attempts += 1
        row.claim, row.claimed_until = token, at + LEASE
        claimed.append(row)
    session.flush()
    return claimed


def _waiting(at: datetime) -> Select[Inbound]:
    return (
        select(Inbound)
        .where(Inbound.state == State.PENDING)
        .where(Inbound.claimed_until.is_(None) | (Inbound.claimed_until <= at))
        .order_by(Inbound.attempts, Inbound.received_at, Inbound.id)
    )


def raw_of(session: Session, ids: Iterable[UUID]) -> dict[UUID, bytes]:
    """The bytes of these messages."""
    rows = session.execute(select(Inbound.id, Inbound.raw).where(Inbound.id.in_(list(ids))))
    return dict(rows.all())


def hold(session: Session, rows: Sequence[Inbound]) -> None:
    """Check, inside the transaction that files them, that the claim is still ours.

    Raises StaleClaim when another worker took one over.
    """
    statement = (
        select(Inbound.id, Inbound.claim, Inbound.state)
        .where(Inbound.id.in_([row.id for row in rows]))
        .order_by(Inbound.id)
        .with_for_update()
    )
    held = {id: (claim, state) for id, claim, state in session.execute(statement)}
    for row in rows:
        if held.get(row.id) != (row.claim, State.PENDING):
            raise StaleClaim(str(row.id))


def settle(session: Session, outcomes: Sequence[dict[str, Any]]) -> None:
    """Write where each message ended: rows of id, state, reason, case_id, matched_by."""
    if outcomes:
        session.execute(
            update(Inbound), [{**o, "claim": None, "claimed_until": None} for o in outcomes]
        )


def quarantine(row: Inbound, reason: str) -> None:
    """Set the message aside for a person to look at."""
    row.state, row.reason = State.QUARANTINED, reason[:1000]
    row.claim = row.claimed_until = None


def failed(
    session: Session, row_id: UUID, claim: UUID | None, reason: str, *, at: datetime
) -> bool:
    """Note a failed attempt: tried again soon, or after the last quarantined, which is True."""
    row = session.scalar(select(Inbound).where(Inbound.id == row_id).with_for_update())
    if row is None or row.claim != claim or row.state is not State.PENDING:
        return False
    if row.attempts >= ATTEMPTS:
        quarantine(row, reason)
        return True
    row.reason = reason[:1000]
    row.claim, row.claimed_until = None, at + timedelta(seconds=2**row.attempts)
    return False


def forgive(session: Session, rows: Sequence[Inbound], *, at: datetime, wait: timedelta) -> None:
    """Give back an attempt that failed through no fault of these messages; tried again soon.

    What another worker took over meanwhile is left alone.
    """
    for row in rows:
        session.execute(
            update(Inbound)
            .where(Inbound.id == row.id, Inbound.claim == row.claim)
            .where(Inbound.state == State.PENDING)
            .values(attempts=Inbound.attempts - 1, claim=None, claimed_until=at + wait)
            .execution_options(synchronize_session=False)
        )


def retry(session: Session, row: Inbound) -> None:
    """Give a quarantined message its attempts back. Raises NotQuarantined."""
    if row.state is not State.QUARANTINED:
        raise NotQuarantined(f"this message is {row.state}, not quarantined")
    row.state, row.attempts, row.claim, row.claimed_until = State.PENDING, 0, None, None


def in_state(session: Session, state: State, *, limit: int) -> list[Inbound]:
    """Kept messages of one state, the newest first."""
    newest = select(Inbound).where(Inbound.state == state)
    return list(session.scalars(newest.order_by(Inbound.received_at.desc()).limit(limit)))


def retry_all(session: Session, ids: Sequence[str] | None = None) -> int:
    """Give these quarantined messages (all of them for None) their attempts back; how many.

    Raises NotFound for an id that none of them has.
    """
    wanted = select(Inbound).where(Inbound.state == State.QUARANTINED).with_for_update()
    if ids is not None:
        wanted = wanted.where(Inbound.id.in_([_id(id) for id in ids]))
    rows = session.scalars(wanted).all()
    if ids is not None and len(rows) < len({_id(id) for id in ids}):
        raise NotFound("not all of these are quarantined messages; nothing was changed")
    for row in rows:
        retry(session, row)
    return len(rows)


def _id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise NotFound(f"{text!r:.60} is not the id of a message") from None


def by_state(session: Session, ids: Iterable[UUID]) -> dict[State, int]:
    """How many of these messages are in each state."""
    counts: Counter[State] = Counter()
    wanted = list(ids)
    for start in range(0, len(wanted), 500):
        some = Inbound.id.in_(wanted[start : start + 500])
        counts.update(session.scalars(select(Inbound.state).where(some)))
    return dict(counts)


def account_of(session: Session) -> dict[State, int]:
    """How many messages are in each state; the sum is every message ever kept."""
    rows = session.execute(select(Inbound.state, func.count()).group_by(Inbound.state))
    counts = dict(rows.all())
    return {state: counts.get(state, 0) for state in State}


class MailboxCursor(Base):
    """How far a mailbox was fetched. A new `uid_validity` means its numbering began again."""

    __tablename__ = "mailbox_cursors"

    account: Mapped[str] = mapped_column(String(320), primary_key=True)
    folder: Mapped[str] = mapped_column(String(255), primary_key=True)
    uid_validity: Mapped[int] = mapped_column(BigInteger)
    uid: Mapped[int] = mapped_column(BigInteger)
