"""Giving what failed another try: a delivery, a message that could not be read."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from intake import events, inbound
from intake.agents import Act, Principal
from intake.errors import IntakeError, NotFound
from intake.events import Delivery
from intake.inbound import Inbound
from intake.visibility import one_visible


class NotGivenUp(IntakeError):
    """Only a delivery that was given up is tried again: any other would be sent twice."""

    code = "not-given-up"


def retry_delivery(session: Session, by: Principal, delivery_id: UUID, *, at: datetime) -> Delivery:
    """Try a delivery again that was given up. Raises NotGivenUp for one that is due or sent."""
    by.must(Act.WORK)
    delivery = session.scalar(select(Delivery).where(Delivery.id == delivery_id).with_for_update())
    if delivery is None or delivery.case_id is None:
        raise NotFound("there is no such delivery")
    try:
        one_visible(session, by, delivery.case_id)
    except NotFound:
        raise NotFound("there is no such delivery") from None
    if delivery.state is not events.DeliveryState.FAILED:
        raise NotGivenUp(f"this delivery is {delivery.state}; only one that failed is tried again")
    delivery.state, delivery.due_at, delivery.error = events.DeliveryState.DUE, at, ""
    delivery.attempts, delivery.promised_at = 0, at
    return delivery


def retry_inbound(session: Session, by: Principal, inbound_id: UUID) -> Inbound:
    """Give a quarantined message its attempts back; a worker files it soon. For managers."""
    by.must(Act.MANAGE)
    row = session.scalar(select(Inbound).where(Inbound.id == inbound_id).with_for_update())
    if row is None:
        raise NotFound("there is no such message")
    inbound.retry(session, row)
    return row
