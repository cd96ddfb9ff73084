"""What is kept no longer than it is of use: raw bytes, letters that were sent, ended sessions.

The desk says after how many days; what it says nothing of is kept for ever. What a case shows
stays: its texts, and the bytes in which its files are. Each deletion is a fact.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, delete, exists, false, func, or_, select, text
from sqlalchemy.orm import Session

from intake import events
from intake.agents import SESSION_IDLE, SESSION_LONGEST, SYSTEM, SignIn, SignInLink
from intake.cases import Activity, Attachment, Case
from intake.cases import State as CaseState
from intake.desk import Desk
from intake.events import Delivery, DeliveryState
from intake.inbound import DROPPABLE, Inbound, State
from intake.nouns import noun


def filtered_due(desk: Desk, at: datetime) -> Select[Inbound]:
    """Mail that was set aside so long ago that its bytes go."""
    return _droppable(State.FILTERED, desk.keep_filtered_days, at)


def closed_due(desk: Desk, at: datetime) -> Select[Inbound]:
    """Mail of cases that were closed so long ago that its bytes go, or are marked as needed."""
    longest_open = at - timedelta(days=desk.keep_closed_mail_days)
    closed_at = func.coalesce(Case.resolved_at, Case.updated_at)
    over = exists().where(
        Case.id == Inbound.case_id, Case.state != CaseState.ACTIVE, closed_at <= longest_open
    )
    return _droppable(State.FILED, desk.keep_closed_mail_days, at).where(over)


def drop_filtered(session: Session, desk: Desk, *, at: datetime, limit: int) -> int:
    """Give up the bytes of mail that was set aside; of how many."""
    found = _locked(session, filtered_due(desk, at), limit)
    for each in found:
        _drop(session, each, at, f"set aside {desk.keep_filtered_days} days ago")
    return len(found)


def drop_closed(session: Session, desk: Desk, *, at: datetime, limit: int) -> int:
    """Give up the bytes of closed cases' mail in which no file of theirs is; how many it saw."""
    found = _locked(session, closed_due(desk, at), limit)
    with_files = set(
        session.scalars(
            select(Activity.inbound_id)
            .join(Attachment, Attachment.activity_id == Activity.id)
            .where(Activity.inbound_id.in_([each.id for each in found]))
        )
    )
    for each in found:
        if each.id in with_files:
            each.raw_needed = True
        else:
            _drop(session, each, at, f"its {noun} is closed for {desk.keep_closed_mail_days} days")
    return len(found)


def letters_due(desk: Desk, at: datetime) -> Select[Delivery]:
    """Mail that was sent so long ago that its story alone tells of it."""
    return select(Delivery).where(
        Delivery.channel == "email",
        Delivery.sent_at.is_not(None),
        Delivery.forgotten_at.is_(None),
        _older(Delivery.sent_at, desk.keep_sent_days, at),
        Delivery.state == DeliveryState.SENT,
    )


def forget_letters(session: Session, desk: Desk, *, at: datetime, limit: int) -> int:
    """Give up what those letters were made of; how many."""
    statement = letters_due(desk, at).order_by(Delivery.sent_at).limit(limit)
    found = session.scalars(statement.with_for_update(skip_locked=True)).all()
    for each in found:
        each.payload, each.forgotten_at = {}, at
    if found:
        ids = [str(each.id) for each in found]
        events.record(session, "deliveries.forgotten", at=at, actor=SYSTEM, deliveries=ids)
    return len(found)


def links_due(_desk: Desk, at: datetime) -> Select[str]:
    """Links to sign in that nobody can use any more."""
    return select(SignInLink.digest).where(SignInLink.expires_at <= at)


def sessions_due(_desk: Desk, at: datetime) -> Select[str]:
    """Sessions of the console that have ended by themselves."""
    idle, old = at - SESSION_IDLE, at - SESSION_LONGEST
    return select(SignIn.digest).where(or_(SignIn.used_at <= idle, SignIn.created_at <= old))


def forget_links(session: Session, desk: Desk, *, at: datetime, limit: int) -> int:
    """Delete them; how many."""
    return _delete(session, SignInLink, links_due(desk, at), at, limit, "sign_in_links.forgotten")


def forget_sessions(session: Session, desk: Desk, *, at: datetime, limit: int) -> int:
    """Delete them; how many."""
    return _delete(session, SignIn, sessions_due(desk, at), at, limit, "sign_ins.forgotten")


def _droppable(state: State, days: int, at: datetime) -> Select[Inbound]:
    return select(Inbound).where(
        Inbound.state == state,
        text(DROPPABLE),
        _older(Inbound.received_at, days, at),
    )


def _older(column: Any, days: int, at: datetime) -> ColumnElement[bool]:
    return column <= at - timedelta(days=days) if days else false()


def _locked(session: Session, due: Select[Inbound], limit: int) -> Sequence[Inbound]:
    statement = due.order_by(Inbound.received_at).limit(limit)
    return session.scalars(statement.with_for_update(skip_locked=True, of=Inbound)).all()


def _drop(session: Session, kept: Inbound, at: datetime, because: str) -> None:
    kept.raw, kept.raw_dropped_at = b"", at
    events.record(
        session, "inbound.raw_dropped", at=at, actor=SYSTEM, case_id=kept.case_id,
        inbound=str(kept.id), size_bytes=kept.size_bytes, because=because,
    )  # fmt: skip


def _delete(
    session: Session,
    table: type[SignIn | SignInLink],
    due: Select[Any],
    at: datetime,
    limit: int,
    kind: str,
) -> int:
    found = session.scalars(due.limit(limit)).all()
    if found:
        session.execute(delete(table).where(table.digest.in_(found)))
        events.record(session, kind, at=at, actor=SYSTEM, count=len(found))
    return len(found)
