"""What webhooks said and were answered, given up when the desk wants it no longer.

That a call was made, of what kind, about which case, and how it ended stays; so does the event that
it told of, which is history.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Select, false, select, text, update
from sqlalchemy.orm import Session

from intake import events
from intake.agents import SYSTEM
from intake.desk import Desk
from intake.events import CALLED, Delivery, DeliveryState
from intake.webhooks.trying import Try


def due(desk: Desk, at: datetime) -> Select[Delivery]:
    """Calls that were made, or given up, so long ago that what they said goes."""
    days = desk.keep_calls_days
    return select(Delivery).where(
        text(CALLED),
        Delivery.promised_at <= at - timedelta(days=days) if days else false(),
        Delivery.state != DeliveryState.DUE,
    )


def forget(session: Session, desk: Desk, *, at: datetime, limit: int) -> int:
    """Give up what those calls said; how many."""
    statement = due(desk, at).order_by(Delivery.promised_at).limit(limit)
    found = session.scalars(statement.with_for_update(skip_locked=True)).all()
    for each in found:
        if body := each.payload.get("body"):
            each.payload = {"body": {**body, "data": {}}}
        each.response, each.error, each.forgotten_at = "", "", at
    if found:
        ids = [each.id for each in found]
        session.execute(update(Try).where(Try.delivery_id.in_(ids)).values(said=""))
        events.record(
            session, "deliveries.forgotten", at=at, actor=SYSTEM, deliveries=[str(id) for id in ids]
        )
    return len(found)
