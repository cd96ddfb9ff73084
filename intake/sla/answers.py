"""When customers were answered: by what reached them, and when it did."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from sqlalchemy import and_, case, or_, select
from sqlalchemy.orm import Session

from intake.cases import Activity, ActivityKind, ActivityState, Direction
from intake.events import Delivery, DeliveryState


def answers(session: Session, case_ids: Collection[UUID]) -> dict[UUID, list[datetime]]:
    """Of each of these cases the instants at which we answered, in order.

    A reply and a call of ours are answers, and count when they were written or made; one that was
    tried again once it had been given up counts when it arrives. One that was given up, or that
    waits for its second try, does not count.
    """
    as_written = or_(Delivery.id.is_(None), Delivery.promised_at == Activity.at)
    counted_at = case((as_written, Activity.at), else_=Delivery.sent_at)
    reply = and_(Delivery.activity_id == Activity.id, Delivery.kind == "reply")
    rows = session.execute(
        select(Activity.case_id, counted_at)
        .outerjoin(Delivery, reply)
        .where(
            Activity.case_id.in_(case_ids),
            Activity.direction == Direction.OUTGOING,
            Activity.kind != ActivityKind.LETTER,
            Activity.state == ActivityState.COMPLETED,
            Activity.automatic == "",
            or_(Delivery.id.is_(None), Delivery.state != DeliveryState.FAILED),
            counted_at.is_not(None),
        )
        .order_by(counted_at)
    )
    found: dict[UUID, list[datetime]] = {case_id: [] for case_id in case_ids}
    for case_id, at in rows:
        found[case_id].append(at)
    return found
