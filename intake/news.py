"""What happened on a case, carried to those who follow it: one message for all of a few minutes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from intake import notices
from intake.agents import HearsBy, Kind
from intake.cases import Activity, Case
from intake.desk import Desk
from intake.events import Event
from intake.followers import Follower
from intake.nouns import noun
from intake.visibility import visible_to

GATHERED = timedelta(minutes=2)
"""How long word is gathered before it is carried."""
MOST_LINES = 8
LONGEST = 200

SAID = {
    "message.received": "wrote",
    "case.replied": "answered the customer",
    "case.noted": "wrote a note",
    "case.resolved": "resolved it",
    "case.reopened": "reopened it",
    "case.cancelled": "cancelled it",
    "case.picked": "took it",
    "case.released": "gave it back to its queue",
    "case.assigned": "assigned it",
    "case.routed": "moved it",
    "case.held": "put it on hold",
    "case.resumed": "resumed work",
    "case.escalated": "escalated it",
    "case.merged": "merged it",
    "sla.noncompliant": "A promise about time was missed",
}
"""The events that are news in words; others are when they change a field."""


def due(_desk: Desk, at: datetime) -> Select[Follower]:
    """The followers for whom word waits long enough by then, found by index."""
    return select(Follower).where(Follower.news_at <= at - GATHERED)


def move(session: Session, desk: Desk, *, at: datetime, limit: int) -> int:
    """Tell the followers what is due; how many there were."""
    found = session.scalars(
        due(desk, at)
        .order_by(Follower.news_at)
        .limit(limit)
        .with_for_update(skip_locked=True, of=Follower)
    ).all()
    for follower in found:
        _tell(session, follower, desk, at)
    return len(found)


def _tell(session: Session, follower: Follower, desk: Desk, at: datetime) -> None:
    since, follower.news_at = follower.news_at, None
    assert since is not None, "only what is due is told"
    agent = follower.agent
    seen = visible_to(agent.principal("clock")).where(Case.id == follower.case_id)
    case = session.scalar(seen)  # it may have gone where they must not see it
    if case is None or not agent.active or agent.hears_by is HearsBy.NOTHING:
        return
    lines = _lines(session, follower, since)
    if lines:
        notices.tell(
            session, agent, f"{noun.One} {case.number}, {case.subject[:LONGEST]}", details=lines,
            desk=desk, key=f"follow:{case.id}:{agent.id}:{since.isoformat()}", at=at,
            page=f"/cases/{case.number}",
        )  # fmt: skip


def _lines(session: Session, follower: Follower, since: datetime) -> Sequence[str]:
    happened = session.scalars(
        select(Event)
        .where(Event.case_id == follower.case_id, Event.at >= since)
        .order_by(Event.sequence)
        .limit(200)
    )
    lines = []
    for one in happened:
        theirs = one.actor_kind == Kind.AGENT and one.actor_id == follower.agent_id
        words = "" if theirs else _in_words(session, one)
        if words and words not in lines:
            lines.append(words)
    kept, more = lines[:MOST_LINES], len(lines) - MOST_LINES
    return [*kept, f"and {more} more"] if more > 0 else kept


def _in_words(session: Session, one: Event) -> str:
    who = one.actor_name or one.actor_kind
    if one.kind == "case.noted":
        return f"{who} noted “{_note(session, one)}”"
    if one.kind in SAID:
        words = SAID[one.kind]
        return words if words[:1].isupper() else f"{who} {words}"
    changed = [name.partition(".")[2] or name for name in one.data.get("changes", {})]
    fields = ", ".join(name.replace("_", " ") for name in changed)
    return f"{who} changed {fields}" if fields else ""


def _note(session: Session, one: Event) -> str:
    found = select(Activity.new_text).where(Activity.id == UUID(one.data["activity"]))
    text = session.scalar(found)
    words = " ".join((text or "").split())
    return words if len(words) <= LONGEST else words[: LONGEST - 1] + "…"
