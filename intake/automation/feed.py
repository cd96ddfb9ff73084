"""What happened, in its order, for the rules: each event is looked at once, after it is durable.

Rules are asked by the worker and not within the act, so that an act stays fast and a rule that
fails takes nothing with it. How far the worker is, is one row; it moves in the transaction of what
the rules did, so that a crash repeats nothing. With it, the timers of time rules are set anew.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Select, exists, func, select, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from intake import events
from intake.automation import timers
from intake.automation.rules import AutomationRule, RuleState, in_force
from intake.automation.running import Asked, run
from intake.cases import Case
from intake.db import Base, RowNumber, insert_new
from intake.desk import Desk
from intake.events import Event

# Who is about to write an event holds this lock before its number is given to it.
WRITERS = text(
    "SELECT count(*), count(*) FILTER"
    " (WHERE a.xact_start IS NULL OR a.xact_start <= CAST(:seen_at AS timestamptz))"
    " FROM pg_locks l"
    " JOIN pg_stat_activity a ON a.pid = l.pid"
    " WHERE l.relation = 'events'::regclass AND l.mode = 'RowExclusiveLock'"
    " AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    " AND l.pid <> pg_backend_pid()"
)


class FeedPosition(Base):
    """How far the rules have followed what happened; one row."""

    __tablename__ = "automation_position"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False, default=1)
    sequence: Mapped[int] = mapped_column(RowNumber, default=0)
    seen: Mapped[int] = mapped_column(RowNumber, default=0)
    """The latest event that was there at `seen_at`, by the clock of the database."""
    seen_at: Mapped[datetime | None]


def due(_desk: Desk, _at: datetime) -> Select[Any]:
    """What happened to cases that no active rule was asked about yet."""
    here = select(func.coalesce(func.max(FeedPosition.sequence), 0)).scalar_subquery()
    active = exists().where(AutomationRule.state == RuleState.ACTIVE)
    return select(Event.sequence).where(Event.sequence > here, active).order_by(Event.sequence)


def move(session: Session, desk: Desk, *, at: datetime, limit: int) -> int:
    """Ask the active rules about what happened; how many events were looked at."""
    rules = in_force(session)
    if not rules:
        return 0
    if session.scalar(select(FeedPosition.id)) is None:
        session.execute(insert_new(session, FeedPosition).values(id=1, sequence=0, seen=0))
    here = session.scalar(select(FeedPosition).with_for_update(skip_locked=True))
    if here is None:
        return 0  # another worker is at it
    # What happened before any of them was activated is past for all.
    here.sequence = max(here.sequence, min(rule.since for rule in rules))
    happened = _settled(session, here, limit)
    cases = _held(session, happened)
    looked_at = 0
    for event in happened:
        case = cases.get(event.case_id) if event.case_id else None
        if event.case_id is not None and case is None:
            break  # somebody is at that case: go on from here at the next tick
        if case is not None:
            # The position moves with what the rules do, so no event is ever looked at twice.
            _ask(session, rules, case, event, desk, at)
            timers.note(session, rules, case, at=at)
        here.sequence = event.sequence
        looked_at += 1
    return looked_at


def begin(session: Session) -> int:
    """The event after which a rule that is activated now is asked."""
    return events.latest(session)


def _ask(
    session: Session,
    rules: list[AutomationRule],
    case: Case,
    event: Event,
    desk: Desk,
    at: datetime,
) -> None:
    if event.data.get("historic"):
        return  # it came from an archive: what it asked for was settled long ago
    cause = event.data.get("cause") or {}
    asked = Asked(
        event=event.sequence,
        chain=cause.get("chain") or event.sequence,
        depth=cause.get("depth", 0),
    )
    for rule in rules:
        if event.sequence > rule.since and rule.when.wants(event.kind, event.data):
            run(session, rule, case, asked, desk, at=at)


def _settled(session: Session, here: FeedPosition, limit: int) -> list[Event]:
    """The events that follow, none of which an earlier one can still come before.

    PostgreSQL numbers events before they are committed. Those that were there at an instant are
    all that will ever be below the latest of them, once everybody has ended who may have been
    given a number until then.
    """
    if session.get_bind().dialect.name == "sqlite":
        return events.after(session, here.sequence, limit=limit)
    latest, now = session.execute(
        select(func.coalesce(func.max(Event.sequence), 0), func.clock_timestamp())
    ).one()
    writers, older = session.execute(WRITERS, {"seen_at": here.seen_at}).one()
    if not writers:
        settled = latest
    elif here.seen_at is not None and not older:
        settled = here.seen
    else:
        settled = here.sequence
    if not writers or here.seen <= here.sequence or settled == here.seen:
        here.seen, here.seen_at = latest, now
    following = select(Event).where(Event.sequence > here.sequence, Event.sequence <= settled)
    return list(session.scalars(following.order_by(Event.sequence).limit(limit)))


def _held(session: Session, happened: list[Event]) -> dict[Any, Case]:
    """The cases of these events, locked in one order; those that somebody holds are left out."""
    ids = {event.case_id for event in happened if event.case_id is not None}
    found = session.scalars(
        select(Case)
        .where(Case.id.in_(ids))
        .order_by(Case.id)
        .with_for_update(skip_locked=True, of=Case, key_share=True)
        .execution_options(populate_existing=True)
    )
    return {case.id: case for case in found}
