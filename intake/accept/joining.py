"""A message about something known becomes part of its case, which wakes, resumes or reopens."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from intake import events, followers, history, reopening, sla, snoozing
from intake.accept.books import Books, Receipt, contact_of, customer_of
from intake.accept.story import log, settled_long_ago
from intake.agents import Principal
from intake.cases import (
    Case,
    Reason,
    touch,
)
from intake.threads import Arrival, Match


def append(session: Session, arrival: Arrival, match: Match, books: Books) -> Receipt:
    """Let a message be part of its case, which goes on."""
    case, message, at = match.case, arrival.message, arrival.received_at
    assert case is not None, "_joins said so"
    contact = contact_of(message, books)
    by = customer_of(contact, message)
    activity = log(session, case, arrival, match.by, contact)
    touch(case, at)
    # A machine's answer neither reopens a case nor ends a wait for the customer.
    if not message.automatic:
        snoozing.wake(session, case, by=by, because="the customer wrote", at=at)
        if not case.open:
            _reopen(session, case, by, books, at)
        elif case.reason in (Reason.ON_HOLD, Reason.WAITING_FOR_DETAILS):
            case.reason = Reason.IN_PROGRESS
            sla.resume(session, case, at=at)
    events.record(
        session,
        "message.received",
        at=at,
        actor=by,
        case_id=case.id,
        number=case.number,
        matched_by=match.by,
        activity=str(activity.id),
        automatic=str(message.automatic or ""),
        **settled_long_ago(arrival),
        **history.noted(session, case),
    )
    followers.leave_word(session, case.id, by, at=at)
    queue = next((q for q in books.queues.every if q.id == case.queue_id), None)
    if books.desk.slack and queue and queue.slack_channel and not arrival.historic:
        events.promise(
            session,
            "slack",
            "thread",
            effect_key=f"thread:{activity.id}",
            at=at,
            case_id=case.id,
            activity_id=activity.id,
            target=queue.slack_channel,
        )
    return Receipt(arrival, case, activity, matched_by=match.by)


def _reopen(session: Session, case: Case, by: Principal, books: Books, at: datetime) -> None:
    queue = next((q for q in books.queues.every if q.id == case.queue_id), books.queues.default)
    reopening.open_again(session, case, by=by, desk=books.desk, at=at, queue=queue)
    events.record(
        session, "case.reopened", at=at, actor=by, case_id=case.id, number=case.number,
        **history.noted(session, case),
    )  # fmt: skip
