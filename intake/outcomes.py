"""What follows for a case when a delivery cannot be made, or is made after all."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from intake import billing, events, queues, sla, snoozing, terms
from intake.agents import SYSTEM
from intake.cases import Activity, ActivityState, Case, Direction, Reason, State, touch
from intake.desk import Desk
from intake.events import Delivery, DeliveryState
from intake.nouns import noun
from intake.queues import Queue


def given_up(
    session: Session, delivery: Delivery, reason: str, *, desk: Desk, at: datetime
) -> None:
    """Give a delivery up. A reply that nobody got reopens its case and meets no first response."""
    delivery.state, delivery.error, delivery.claim = DeliveryState.FAILED, reason, None
    if delivery.case_id is None:
        return
    case = session.scalar(select(Case).where(Case.id == delivery.case_id).with_for_update())
    assert case is not None, "a delivery's case is never deleted"
    events.record(
        session,
        "delivery.failed",
        at=at,
        actor=SYSTEM,
        case_id=case.id,
        number=case.number,
        channel=delivery.channel,
        delivery_kind=delivery.kind,
        reason=reason,
    )
    touch(case, at)
    if delivery.kind == "reply":
        snoozing.wake(session, case, by=SYSTEM, because="our answer did not arrive", at=at)
        _answer_did_not_arrive(session, case, delivery, desk, at=at)


def arrived(session: Session, delivery: Delivery, *, at: datetime) -> None:
    """Note that a delivery was made. A reply that was given up once and tried again by a person
    answers the customer now, not when it was written."""
    delivery.state, delivery.sent_at, delivery.error = DeliveryState.SENT, at, ""
    if delivery.kind != "reply" or delivery.case_id is None:
        return
    said = session.get_one(Activity, delivery.activity_id)
    if delivery.promised_at == said.at:
        return  # it counted when it was written
    case = session.scalar(select(Case).where(Case.id == delivery.case_id).with_for_update())
    assert case is not None, "a delivery's case is never deleted"
    if case.first_response_at is None:
        case.first_response_at = at
        sla.meet(session, case, sla.Kpi.FIRST_RESPONSE, at=at)
    if not _written_since(session, case, said):
        sla.meet(session, case, sla.Kpi.NEXT_RESPONSE, sla.Kpi.FOLLOW_UP, at=at)
    events.record(
        session,
        "delivery.made",
        at=at,
        actor=SYSTEM,
        case_id=case.id,
        number=case.number,
        channel=delivery.channel,
        delivery_kind=delivery.kind,
    )
    touch(case, at)


def _answer_did_not_arrive(
    session: Session, case: Case, delivery: Delivery, desk: Desk, *, at: datetime
) -> None:
    if not _answered_otherwise(session, case, delivery):
        case.first_response_at = None
        sla.unmeet(session, case, sla.Kpi.FIRST_RESPONSE)
    said = session.get_one(Activity, delivery.activity_id)
    sla.unmeet(session, case, sla.Kpi.NEXT_RESPONSE, sla.Kpi.FOLLOW_UP, met_at=said.at)
    if case.state is State.RESOLVED:
        case.state, case.reason, case.resolved_at = State.ACTIVE, Reason.IN_PROGRESS, None
        terms.settle(
            session,
            case,
            on=desk.day(at),
            at=at,
            event=terms.event_of(case),
            reason=f"{noun} reopened",
        )
        billing.withdraw(session, case, by=SYSTEM, at=at)
        queues.enter(session, case, session.get_one(Queue, case.queue_id), at=at)
        sla.reopened(session, case, at=at)


def _answered_otherwise(session: Session, case: Case, delivery: Delivery) -> bool:
    other = select(Activity.id).where(
        Activity.case_id == case.id,
        Activity.direction == Direction.OUTGOING,
        Activity.state == ActivityState.COMPLETED,
        Activity.id != delivery.activity_id,
    )
    return session.scalar(other.limit(1)) is not None


def _written_since(session: Session, case: Case, said: Activity) -> bool:
    later = select(Activity.id).where(
        Activity.case_id == case.id,
        Activity.direction == Direction.INCOMING,
        Activity.at > said.at,
    )
    return session.scalar(later.limit(1)) is not None
