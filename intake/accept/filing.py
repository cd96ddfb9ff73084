"""Filing the messages that wait together, in their order: each joins its case or opens one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from intake import (
    acknowledge,
    customers,
    queues,
    sla,
    threads,
)
from intake.accept import continuing
from intake.accept.books import Receipt, look_up
from intake.accept.joining import append
from intake.accept.opening import open_case
from intake.cases import (
    Case,
    State,
    next_numbers,
)
from intake.desk import Desk
from intake.messages import Automatic
from intake.queues import Queues
from intake.threads import Arrival, Match

# A reply to a case resolved longer ago than this opens a new one that names the old.
REOPEN_WITHIN = timedelta(days=30)


def accept(session: Session, arrivals: Sequence[Arrival], desk: Desk) -> list[Receipt]:
    """File these messages, in their order. One of them failing fails them all: the caller then
    takes them one by one."""
    receipts: list[Receipt] = []
    threads.hold_conversations(session, arrivals)
    every = queues.every(session)
    for wave in _waves(arrivals, one_each=continuing.anywhere(every)):
        # Written in one go at the end: a row at a time costs ten times as much.
        with session.no_autoflush:
            receipts += _accept(session, wave, every, desk)
        session.flush()
    return receipts


def _accept(
    session: Session, arrivals: Sequence[Arrival], every: Queues, desk: Desk
) -> list[Receipt]:
    matches = threads.find_cases(session, arrivals, desk)
    set_aside = [
        _set_aside(arrival, match) for arrival, match in zip(arrivals, matches, strict=True)
    ]
    filed = [a for a, reason in zip(arrivals, set_aside, strict=True) if not reason]
    # The cases before the entitlements, as whoever resolves one holds them.
    matches = _hold(session, matches)
    books = look_up(session, filed, every, desk)
    matches = continuing.found(session, arrivals, matches, books)
    joins = [_joins(a, m) for a, m in zip(arrivals, matches, strict=True)]
    fresh = sum(1 for reason, join in zip(set_aside, joins, strict=True) if not reason and not join)
    numbers = iter(next_numbers(session, fresh) if fresh else ())
    receipts = []
    for arrival, match, reason, join in zip(arrivals, matches, set_aside, joins, strict=True):
        if reason:
            receipts.append(Receipt(arrival, filtered=reason))
        elif join:
            receipts.append(append(session, arrival, match, books))
        else:
            receipts.append(open_case(session, arrival, match, books, next(numbers)))
    threads.remember(
        session, [(r.case.id, r.arrival.message.message_id) for r in receipts if r.case]
    )
    continuing.let_in(session, receipts)
    customers.verify(session, [_address(r) for r in receipts if _shows_its_mailbox(r)])
    opened = [(r.case, r.arrival) for r in receipts if r.case and r.opened]
    acknowledge.promise(session, opened, books.queues, desk)
    sla.heard(session, [_wrote(r) for r in receipts if _goes_on(r)], books.slas)
    return receipts


def _waves(arrivals: Sequence[Arrival], *, one_each: bool) -> Iterator[list[Arrival]]:
    """Cut the batch before a message that may answer an earlier one in it, or with `one_each` go
    on with one of the same sender."""
    wave: list[Arrival] = []
    seen: set[str] = set()
    for arrival in arrivals:
        message = arrival.message
        ancestors = {*message.in_reply_to, *message.references, message.conversation} - {""}
        sender = {f"from {message.sender.value}"} if one_each and message.sender else set()
        ancestors |= sender
        if ancestors & seen:
            yield wave
            wave, seen = [], set()
        wave.append(arrival)
        seen |= ancestors | ({message.message_id} - {""})
    if wave:
        yield wave


def _set_aside(arrival: Arrival, match: Match) -> str:
    """Why a message is kept without becoming a case, or ''."""
    automatic = arrival.message.automatic
    if automatic is Automatic.LOOP:
        return "our own automatic mail came back"
    if automatic is Automatic.BOUNCE and match.case is None:
        return "a delivery report for a mail we do not know"
    return ""


def _hold(session: Session, matches: Sequence[Match]) -> list[Match]:
    """Hold the cases that messages will join, so that an agent's act comes before or after.

    One that was merged while we waited leads to the case it goes on in, which is held as well.
    """
    holding: set[UUID] = set()
    while ids := {match.case.id for match in matches if match.case} - holding:
        session.scalars(
            select(Case)
            .where(Case.id.in_(ids))
            .order_by(Case.id)
            .with_for_update(key_share=True)
            .execution_options(populate_existing=True)
        ).all()
        holding |= ids
        matches = threads.followed(session, matches)
    return list(matches)


def _joins(arrival: Arrival, match: Match) -> bool:
    """Whether a message becomes part of its case, rather than a new one that names it."""
    case = match.case
    if case is None:
        return False
    if case.open or arrival.message.automatic:
        return True
    ended_at = case.resolved_at or case.updated_at
    return case.state is State.RESOLVED and arrival.received_at - ended_at <= REOPEN_WITHIN


def _goes_on(receipt: Receipt) -> bool:
    return receipt.case is not None and not receipt.opened and not receipt.arrival.historic


def _wrote(receipt: Receipt) -> tuple[Case, datetime, bool]:
    assert receipt.case is not None, "it was filed"
    return receipt.case, receipt.arrival.received_at, not receipt.arrival.message.automatic


def _shows_its_mailbox(receipt: Receipt) -> bool:
    """Whether the sender must have read a letter of ours: they used the address signed in it.

    A delivery report joins its case without taking part, so it shows nothing of its sender.
    """
    message = receipt.arrival.message
    certain = not (message.automatic or message.sender_doubt)
    return certain and receipt.matched_by == "reply address"


def _address(receipt: Receipt) -> str:
    sender = receipt.arrival.message.sender
    return sender.value if sender else ""
