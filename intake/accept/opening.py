"""A message about something new opens a case: entitlement, queue, clocks, and its first entry."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from intake import (
    entitlements,
    events,
    routing,
    sla,
    terms,
    threads,
)
from intake.accept.answers import filled_in
from intake.accept.books import Books, Receipt, contact_of, customer_of
from intake.accept.story import log, settled_long_ago
from intake.around import Opening
from intake.cases import (
    Case,
    Priority,
    Reason,
    Severity,
    State,
)
from intake.db import new_id
from intake.facts import facts_of
from intake.messages import Message
from intake.threads import Arrival, Match

SUBJECT_LENGTH = 500


def open_case(
    session: Session, arrival: Arrival, match: Match, books: Books, number: int
) -> Receipt:
    """Open a case for a message, with all that a new case gets."""
    message, at = arrival.message, arrival.received_at
    contact = contact_of(message, books)
    related = match.related or match.case
    case = Case(
        id=new_id(),
        number=number,
        subject=message.subject[:SUBJECT_LENGTH] or "(no subject)",
        channel=message.channel,
        mailbox=arrival.mailbox,
        contact_id=contact.id if contact else None,
        account_id=contact.account_id if contact else None,
        product_id=books.products.get(message.product),
        related_case_id=related.id if related else None,
        continues_id=match.continues.id if match.continues else None,
        conversation=message.conversation,
        opened_at=at,
        updated_at=at,
        state=State.ACTIVE,
        priority=Priority.NORMAL,
        severity=Severity.NORMAL,
        reason=Reason.IN_PROGRESS,
    )
    answered = filled_in(case, message, books)
    session.add(case)
    by = customer_of(contact, message)
    _claim(session, case, books, at)
    facts = facts_of(case, at=at, opening=_opening(message))
    decision = case.decision
    rules = books.rules if arrival.routed else ()
    routed = routing.route(
        rules, books.queues, arrival.mailbox, facts, refused=bool(decision["refusal"])
    )
    routing.enter(session, case, routed, at=at)
    queue = routed.queue
    # A machine is promised nothing; the case waits without a clock.
    if not message.automatic and not arrival.historic:
        chosen = books.slas.of(_sla_of(case, books), facts)
        sla.start(session, case, chosen, facts, at=at)
    activity = log(session, case, arrival, match.by, contact)
    activity.notes = [*activity.notes, *answered.unread]
    threads.begin(session, case, message.sender.value if message.sender else "")
    events.record(
        session,
        "case.opened",
        at=at,
        actor=by,
        case_id=case.id,
        number=case.number,
        channel=case.channel,
        queue=queue.name,
        refusal=decision["refusal"],
        activity=str(activity.id),
        **({"changes": answered.changes} if answered.changes else {}),
        **settled_long_ago(arrival),
    )
    if books.desk.slack and queue.slack_channel and not arrival.historic:
        events.promise(
            session,
            "slack",
            "card",
            effect_key=f"card:{case.id}",
            at=at,
            case_id=case.id,
            target=queue.slack_channel,
        )
    return Receipt(arrival, case, activity, opened=True, matched_by=match.by)


def _opening(message: Message) -> Opening:
    sender = message.sender.value if message.sender else ""
    return Opening(message.new_text or message.text, sender, not message.sender_doubt)


def _claim(session: Session, case: Case, books: Books, at: datetime) -> None:
    asked = terms.asked(case, books.desk, at)
    decision = entitlements.decide(
        books.held, asked, apply=books.desk.apply_entitlement_on_creation
    )
    # Put in words before the term is taken: the words count it already.
    terms.put_on(case, decision)
    entitlements.claim(session, decision, asked)


def _sla_of(case: Case, books: Books) -> UUID | None:
    return next((e.sla_id for e in books.held if e.id == case.entitlement_id), None)
