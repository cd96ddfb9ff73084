"""Where a case was and whose, kept as plain values so that it can be put back just there."""

from __future__ import annotations

from datetime import datetime
from typing import Any, TypeAlias
from uuid import UUID

from sqlalchemy.orm import Session

from intake import availability
from intake.cases import Case
from intake.queues.waiting import QueueItem, go_on, item_of, leave

Place: TypeAlias = dict[str, Any]


def place_of(session: Session, case: Case) -> Place:
    """Where a case is, and who has it and works on it."""
    item = item_of(session, case)
    return {
        "queue": str(case.queue_id),
        "owner": _plain(case.owner_id),
        "team": _plain(case.team_id),
        "item": None if item is None else str(item.id),
        "worked_by": _plain(item.worked_by_id) if item else None,
        "worked_by_team": _plain(item.worked_by_team_id) if item else None,
        "worked_since": item.worked_since_at.isoformat() if item and item.worked_since_at else None,
    }


def put_back(session: Session, case: Case, place: Place, *, at: datetime) -> None:
    """Let a case be where it was, in its turn, and whose it was, as far as they still work and its
    queue is in use."""
    present = item_of(session, case, lock=True)
    item = session.get_one(QueueItem, UUID(place["item"])) if place["item"] else None
    if present is not None and present is not item:
        leave(session, case, at=at)
        session.flush()  # the unique index allows one active item at a time
    owner_id = _id(place["owner"])
    if case.owner_id != owner_id:
        availability.freed(session, case.owner_id, at=at)
    case.queue_id = UUID(place["queue"])
    case.owner_id, case.team_id = owner_id, _id(place["team"])
    if item is not None:
        item.worked_by_id, item.worked_by_team_id = (
            _id(place["worked_by"]),
            _id(place["worked_by_team"]),
        )
        since = place["worked_since"]
        item.worked_since_at = datetime.fromisoformat(since) if since else None
    go_on(session, case, item, at=at)


def _plain(id: UUID | None) -> str | None:
    return str(id) if id else None


def _id(words: str | None) -> UUID | None:
    return UUID(words) if words else None
