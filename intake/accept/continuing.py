"""A customer who writes again, anew, while a young case of theirs about the same product is open.

The queue of that case says what follows: a case of its own as ever, one that says where it seems
to belong, or no case at all: the message becomes part of the young one, and no second term is
taken. Either can be put right by one act: merge, keep apart, or split off again.

Nobody joins a case by claiming an address: what is appended comes by a way that vouches for its
sender. What is less certain is only proposed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from intake import threads
from intake.accept.books import Books, Receipt, contact_of
from intake.cases import Case, State
from intake.queues import Continuity, Queue, Queues
from intake.threads import Arrival, Match

APPENDED = "young case of the same contact"
# In a form anybody may write any address.
VOUCHED = frozenset({"email", "phone", "slack"})
MOST_LOOKED_AT = 500


def anywhere(queues: Queues) -> bool:
    """Whether any queue wants to know of it."""
    return any(queue.continuity is not Continuity.OFF for queue in queues.every)


def found(
    session: Session, arrivals: Sequence[Arrival], matches: Sequence[Match], books: Books
) -> list[Match]:
    """The matches, where what a customer writes anew goes on with their young case, or seems to.

    Two statements for all of them, and none where no queue asks for it.
    """
    if not anywhere(books.queues):
        return list(matches)
    anew = [_asks_anew(arrival, match) for arrival, match in zip(arrivals, matches, strict=True)]
    young = _young(session, [a for a, new in zip(arrivals, anew, strict=True) if new], books)
    goes_on = [
        _best(arrival, young, books) if new else None
        for arrival, new in zip(arrivals, anew, strict=True)
    ]
    certain = {
        case.id
        for arrival, case in zip(arrivals, goes_on, strict=True)
        if case is not None and _certain(arrival, case, books)
    }
    held = _held(session, certain)
    return [
        match
        if case is None
        else replace(match, case=held[case.id], by=APPENDED)
        if case.id in held and _certain(arrival, case, books)
        else replace(match, continues=case)
        for arrival, match, case in zip(arrivals, matches, goes_on, strict=True)
    ]


def let_in(session: Session, receipts: Sequence[Receipt]) -> None:
    """Let who was appended take part: answers to what they wrote follow."""
    for receipt in receipts:
        sender = receipt.arrival.message.sender
        if receipt.case is not None and receipt.matched_by == APPENDED and sender is not None:
            threads.take_part(session, receipt.case, [sender.value])


def _asks_anew(arrival: Arrival, match: Match) -> bool:
    message = arrival.message
    doubtful = message.automatic or message.sender_doubt or message.sender is None
    elsewhere = match.case is not None or match.related is not None or message.conversation
    return not (doubtful or elsewhere or arrival.historic)


def _young(session: Session, arrivals: Sequence[Arrival], books: Books) -> Sequence[Case]:
    """The open cases of these customers that may be young: chats last, the youngest first."""
    contacts = {c.id for a in arrivals if (c := contact_of(a.message, books)) is not None}
    if not contacts:
        return ()
    asking = [queue for queue in books.queues.every if queue.continuity is not Continuity.OFF]
    longest = timedelta(hours=max(queue.continuity_hours for queue in asking))
    oldest = min(arrival.received_at for arrival in arrivals) - longest
    return session.scalars(
        select(Case)
        .where(Case.contact_id.in_(contacts), Case.opened_at >= oldest)
        .where(Case.state == State.ACTIVE, Case.queue_id.in_([queue.id for queue in asking]))
        .order_by(Case.conversation != "", Case.opened_at.desc(), Case.id.desc())
        .limit(MOST_LOOKED_AT)
    ).all()


def _best(arrival: Arrival, young: Sequence[Case], books: Books) -> Case | None:
    contact = contact_of(arrival.message, books)
    product = books.products.get(arrival.message.product)
    for case in young:
        if contact is None or case.contact_id != contact.id:
            continue
        # One of the two may not be known; two that differ are two matters.
        alike = product is None or case.product_id in (None, product)
        age = arrival.received_at - case.opened_at
        if alike and age <= timedelta(hours=_queue(case, books).continuity_hours):
            return case
    return None


def _certain(arrival: Arrival, case: Case, books: Books) -> bool:
    """Whether the message may become part of the case without anybody having looked."""
    same_product = books.products.get(arrival.message.product) == case.product_id
    vouched = arrival.message.channel in VOUCHED
    # Who chats is answered in the chat, and would wait for an answer to their mail.
    talks = bool(case.conversation)
    appends = _queue(case, books).continuity is Continuity.APPEND
    return appends and same_product and vouched and not talks


def _queue(case: Case, books: Books) -> Queue:
    return next(queue for queue in books.queues.every if queue.id == case.queue_id)


def _held(session: Session, ids: set[UUID]) -> dict[UUID, Case]:
    """Those of the cases that nobody else holds and that are open still.

    Contacts were looked up already, so waiting here could let two workers wait for each other.
    """
    if not ids:
        return {}
    cases = session.scalars(
        select(Case)
        .where(Case.id.in_(ids), Case.state == State.ACTIVE)
        .order_by(Case.id)
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    )
    return {case.id: case for case in cases}
