"""What follows for a case when a delivery cannot be made, or is made after all."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from intake import answering, notices, reopening, sla, snoozing
from intake.acting import done, record, tell_slack
from intake.agents import SYSTEM, Agent, HearsBy
from intake.cases import Activity, Case, Direction, State, touch
from intake.desk import Desk
from intake.events import Delivery, DeliveryState
from intake.nouns import noun
from intake.sla import Kpi
from intake.visibility import sees

LONGEST = 200


def given_up(
    session: Session, delivery: Delivery, reason: str, *, desk: Desk, at: datetime
) -> None:
    """Give a delivery up. A reply that nobody got keeps no promise and reopens its case, and who
    wrote it is told."""
    delivery.state, delivery.error, delivery.claim = DeliveryState.FAILED, reason, None
    if delivery.case_id is None:
        return
    case = session.scalar(select(Case).where(Case.id == delivery.case_id).with_for_update())
    assert case is not None, "a delivery's case is never deleted"
    if delivery.kind != "reply":
        # Slack is not told: that may be what failed.
        touch(case, at)
        _record(session, case, delivery, "delivery.failed", at, reason=reason)
        return
    snoozing.wake(session, case, by=SYSTEM, because="our answer did not arrive", at=at)
    said = session.get_one(Activity, delivery.activity_id)
    answering.not_answered(session, case, said.at)
    touch(case, at)
    _record(session, case, delivery, "delivery.failed", at, reason=reason)
    if case.state is State.RESOLVED:
        reopening.open_again(session, case, by=SYSTEM, desk=desk, at=at)
        done(session, case, SYSTEM, "case.reopened", at)
    else:
        tell_slack(session, case, "refresh", at)
    _tell(session, case, said, delivery, desk, at)


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
        sla.meet(session, case, Kpi.FIRST_RESPONSE, at=at)
    if not _written_since(session, case, said):
        sla.meet(session, case, Kpi.NEXT_RESPONSE, Kpi.FOLLOW_UP, at=at)
    touch(case, at)
    _record(session, case, delivery, "delivery.made", at)
    tell_slack(session, case, "refresh", at)


def _record(
    session: Session, case: Case, delivery: Delivery, kind: str, at: datetime, **more: Any
) -> None:
    record(
        session, case, SYSTEM, kind, at,
        channel=delivery.channel, delivery_kind=delivery.kind, **more,
    )  # fmt: skip


def _tell(
    session: Session, case: Case, said: Activity, delivery: Delivery, desk: Desk, at: datetime
) -> None:
    """Tell who wrote the answer, if they still work here and may see the case."""
    author = session.get(Agent, said.agent_id) if said.agent_id else None
    if author is None or not author.active or author.hears_by is HearsBy.NOTHING:
        return
    if sees(session, author, case.id):
        notices.tell(
            session, author, f"Your answer on {noun} {case.number} did not arrive",
            details=[f"{delivery.target}: {delivery.error[:LONGEST]}"], desk=desk,
            key=f"lost:{delivery.id}:{delivery.promised_at.isoformat()}", at=at,
            page=f"/cases/{case.number}",
        )  # fmt: skip


def _written_since(session: Session, case: Case, said: Activity) -> bool:
    later = select(Activity.id).where(
        Activity.case_id == case.id,
        Activity.direction == Direction.INCOMING,
        Activity.at > said.at,
    )
    return session.scalar(later.limit(1)) is not None
