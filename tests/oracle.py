"""What must be true of a desk at any moment, whatever died and whenever."""

from __future__ import annotations

import email
import hashlib
from collections import Counter
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session, selectinload

from intake import entitlements
from intake.cases import Activity, Attachment, Case
from intake.db import Database
from intake.entitlements import Entitlement
from intake.events import Delivery, DeliveryState, Event
from intake.inbound import Inbound, State
from intake.queues import QueueItem

FILING = ("case.opened", "message.received")


class Broken(AssertionError):
    """Something that was promised does not hold; the text lists what."""


def check_invariants(
    db: Database, acked: Iterable[bytes] = (), *, drained: bool = False, outbox: Path | None = None
) -> None:
    """Raises Broken unless every promise of the desk holds.

    `acked` are the mails that were answered yes. `drained` says that nothing may wait any more.
    Mails that were never answered yes need not be there, but obey the same rules when they are.
    """
    with db.reading() as session:
        found = [
            *_lost_or_doubled(session, acked),
            *_unsettled(session, drained=drained),
            *_filed_wrongly(session),
            *_cases_wrongly_kept(session),
            *_balances(session),
            *_attachments(session),
            *_promises(session, outbox),
        ]
    found += _storage(db)
    if found:
        raise Broken("\n".join(found))


def _lost_or_doubled(session: Session, acked: Iterable[bytes]) -> list[str]:
    kept = Counter(
        hashlib.sha256(raw).hexdigest()
        for raw in session.scalars(select(Inbound.raw).execution_options(yield_per=200))
    )
    wanted = {hashlib.sha256(raw).hexdigest() for raw in acked}
    return [
        *(f"answered yes and lost: {key}" for key in sorted(wanted - kept.keys())),
        *(f"kept {count} times: {key}" for key, count in kept.items() if count > 1),
    ]


def _unsettled(session: Session, *, drained: bool) -> list[str]:
    counts = dict(
        session.execute(select(Inbound.state, func.count()).group_by(Inbound.state)).all()
    )
    problems = [f"a state that is none: {state}" for state in counts if state not in set(State)]
    if drained and counts.get(State.PENDING):
        problems.append(f"{counts[State.PENDING]} messages still wait")
    caseless = session.scalar(
        select(func.count()).where(Inbound.state == State.FILED, Inbound.case_id.is_(None))
    )
    if caseless:
        problems.append(f"{caseless} messages are filed nowhere")
    return problems


def _filed_wrongly(session: Session) -> list[str]:
    problems = []
    entries: dict[object, list[object]] = {}
    for inbound_id, case_id in session.execute(
        select(Activity.inbound_id, Activity.case_id).where(Activity.inbound_id.is_not(None))
    ):
        entries.setdefault(inbound_id, []).append(case_id)
    for row_id, state, filed_in in session.execute(
        select(Inbound.id, Inbound.state, Inbound.case_id)
    ):
        expected = [filed_in] if state is State.FILED else []
        if entries.pop(row_id, []) != expected:
            problems.append(f"{state} message {row_id} is not in exactly its case")
    problems += [f"an entry for a message that is not there: {row_id}" for row_id in entries]
    told = Counter(
        data.get("activity")
        for data in session.scalars(select(Event.data).where(Event.kind.in_(FILING)))
    )
    for (activity_id,) in session.execute(
        select(Activity.id).where(Activity.inbound_id.is_not(None))
    ):
        if told.pop(str(activity_id), 0) != 1:
            problems.append(f"entry {activity_id} was not told of exactly once")
    return problems + [f"an event tells of an entry that is not there: {key}" for key in told]


def _cases_wrongly_kept(session: Session) -> list[str]:
    problems = []
    waiting = Counter(
        session.scalars(select(QueueItem.case_id).where(QueueItem.ended_at.is_(None)))
    )
    entries = Counter(session.scalars(select(Activity.case_id)))
    numbers = []
    for case in session.scalars(select(Case).order_by(Case.number)):
        numbers.append(case.number)
        if waiting.pop(case.id, 0) != int(case.open):
            problems.append(f"case {case.number} does not wait in exactly one queue")
        if not entries.pop(case.id, 0):
            problems.append(f"case {case.number} is empty")
    problems += [f"a queue holds a case that is not there: {case_id}" for case_id in waiting]
    problems += [f"an entry without its case: {case_id}" for case_id in entries]
    gaps = [a for a, b in pairwise(numbers) if b != a + 1]
    return problems + [f"a gap or a double after case number {number}" for number in gaps]


def _balances(session: Session) -> list[str]:
    """Each balance and each channel's is the sum of its entries."""
    every = session.scalars(select(Entitlement).options(selectinload(Entitlement.channels)))
    return entitlements.unbalanced(session, every)


def _attachments(session: Session) -> list[str]:
    lost = session.scalars(
        select(Attachment.id)
        .outerjoin(Activity, Activity.id == Attachment.activity_id)
        .outerjoin(Inbound, Inbound.id == Activity.inbound_id)
        .where(Inbound.id.is_(None))
    )
    return [f"attachment {id} has no message to be read from" for id in lost]


def _promises(session: Session, outbox: Path | None) -> list[str]:
    effects = Counter(session.scalars(select(Delivery.effect_key)))
    problems = [f"promised twice: {key}" for key, count in effects.items() if count > 1]
    if outbox is None:
        return problems
    files = {file.name: file.read_bytes() for file in outbox.glob("[!.]*.eml")}
    ids = Counter(email.message_from_bytes(raw)["Message-ID"] for raw in files.values())
    problems += [f"sent {count} times: {id}" for id, count in ids.items() if count > 1]
    sent = select(Delivery.remote_id).where(
        Delivery.channel == "email", Delivery.state == DeliveryState.SENT
    )
    problems += [f"noted as sent and was not: {n}" for n in session.scalars(sent) if n not in files]
    return problems


def _storage(db: Database) -> list[str]:
    with db.reader.connect() as connection:
        if db.dialect == "sqlite":
            said = [row[0] for row in connection.exec_driver_sql("PRAGMA integrity_check")]
            dangling = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall()
            return [f"storage: {line}" for line in said if line != "ok"] + [
                f"storage: a row of {row[0]} refers to nothing" for row in dangling
            ]
    return _indexes(db)


def _indexes(db: Database) -> list[str]:
    """What PostgreSQL's own checker finds, where the server has it."""
    every = (
        "SELECT bt_index_check(c.oid, true) FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid"
        " JOIN pg_am a ON a.oid = c.relam JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE a.amname = 'btree' AND n.nspname = 'public' AND i.indisvalid"
    )
    with db.engine.connect() as connection:
        offered = connection.scalar(
            text("SELECT count(*) FROM pg_available_extensions WHERE name = 'amcheck'")
        )
        if not offered:
            return []
        connection.execute(text("CREATE EXTENSION IF NOT EXISTS amcheck"))
        try:
            connection.execute(text(every)).all()
        except DBAPIError as error:
            return [f"storage: {error.orig}"]
    return []
