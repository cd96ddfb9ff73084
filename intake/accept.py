"""The first door: a message arrives, and becomes a case or part of one.

Every channel comes through here, by way of `channels.reception`, in one transaction: identify the
customer, find the thread, open or append, claim the entitlement, route, start the SLA, record.
Messages that wait together are accepted together: what they need is read once and written once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from intake import (
    acknowledge,
    billing,
    customers,
    entitlements,
    events,
    followers,
    history,
    products,
    queues,
    routing,
    sla,
    snoozing,
    terms,
    threads,
)
from intake.agents import Kind, Principal
from intake.around import Opening
from intake.cases import (
    Activity,
    ActivityKind,
    Attachment,
    Case,
    Direction,
    Priority,
    Reason,
    Severity,
    State,
    next_numbers,
    touch,
)
from intake.customers import Contact, Identified
from intake.db import new_id
from intake.desk import Desk
from intake.entitlements import Entitlement
from intake.facts import facts_of
from intake.messages import Automatic, Message
from intake.queues import Queues
from intake.routing import RoutingRule
from intake.sla import Slas
from intake.threads import Arrival, Match

# A reply to a case resolved longer ago than this opens a new one that names the old.
REOPEN_WITHIN = timedelta(days=30)
SUBJECT_LENGTH = 500
KINDS = {
    "email": ActivityKind.EMAIL,
    "phone": ActivityKind.PHONE_CALL,
    "web": ActivityKind.WEB_FORM,
    "chat": ActivityKind.CHAT,
    "slack": ActivityKind.SLACK,
}


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of one message: a case, or the reason why a rule set it aside."""

    arrival: Arrival
    case: Case | None = None
    activity: Activity | None = None
    opened: bool = False
    matched_by: str = ""
    filtered: str = ""


@dataclass(frozen=True, slots=True)
class Books:
    """What is looked up once for all messages accepted together."""

    desk: Desk
    contacts: Identified
    products: Mapping[str, UUID]
    held: Sequence[Entitlement]
    queues: Queues
    rules: Sequence[RoutingRule]
    slas: Slas


def accept(session: Session, arrivals: Sequence[Arrival], desk: Desk) -> list[Receipt]:
    """File these messages, in their order. One of them failing fails them all: the caller then
    takes them one by one."""
    receipts: list[Receipt] = []
    threads.hold_conversations(session, arrivals)
    for wave in _waves(arrivals):
        # Written in one go at the end: a row at a time costs ten times as much.
        with session.no_autoflush:
            receipts += _accept(session, wave, desk)
        session.flush()
    return receipts


def _accept(session: Session, arrivals: Sequence[Arrival], desk: Desk) -> list[Receipt]:
    matches = threads.find_cases(session, arrivals, desk)
    set_aside = [
        _set_aside(arrival, match) for arrival, match in zip(arrivals, matches, strict=True)
    ]
    filed = [a for a, reason in zip(arrivals, set_aside, strict=True) if not reason]
    # The cases before the entitlements, as whoever resolves one holds them.
    matches = _hold(session, matches)
    books = _look_up(session, filed, desk)
    joins = [_joins(a, m) for a, m in zip(arrivals, matches, strict=True)]
    fresh = sum(1 for reason, join in zip(set_aside, joins, strict=True) if not reason and not join)
    numbers = iter(next_numbers(session, fresh) if fresh else ())
    receipts = []
    for arrival, match, reason, join in zip(arrivals, matches, set_aside, joins, strict=True):
        if reason:
            receipts.append(Receipt(arrival, filtered=reason))
        elif join:
            receipts.append(_append(session, arrival, match, books))
        else:
            receipts.append(_open(session, arrival, match, books, next(numbers)))
    threads.remember(
        session, [(r.case.id, r.arrival.message.message_id) for r in receipts if r.case]
    )
    customers.verify(session, [_address(r) for r in receipts if _shows_its_mailbox(r)])
    opened = [(r.case, r.arrival) for r in receipts if r.case and r.opened]
    acknowledge.promise(session, opened, books.queues, desk)
    sla.heard(session, [_wrote(r) for r in receipts if _goes_on(r)], books.slas)
    return receipts


def _waves(arrivals: Sequence[Arrival]) -> Iterator[list[Arrival]]:
    """Cut the batch before a message that may answer an earlier one in it."""
    wave: list[Arrival] = []
    seen: set[str] = set()
    for arrival in arrivals:
        message = arrival.message
        ancestors = {*message.in_reply_to, *message.references, message.conversation} - {""}
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


def _look_up(session: Session, arrivals: Sequence[Arrival], desk: Desk) -> Books:
    senders = [a.message.sender for a in arrivals if a.message.sender]
    contacts = customers.identify(session, senders, at=_latest(arrivals)) if senders else {}
    held = entitlements.held_by(
        session, {(c.id, c.account_id) for c in contacts.values()}, lock=True
    )
    # The clock may not have begun today's period yet.
    for entitlement in held:
        at = _latest(arrivals)
        on = entitlement.day(at, desk.day(at))
        session.add_all(entitlements.turn(entitlement, on=on, at=at))
    return Books(
        desk,
        contacts,
        products.by_number(session, {a.message.product for a in arrivals} - {""}),
        held,
        queues.every(session),
        routing.rules(session),
        sla.in_force(session),
    )


def _latest(arrivals: Sequence[Arrival]) -> datetime:
    return max(arrival.received_at for arrival in arrivals)


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
            .with_for_update()
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


def _open(session: Session, arrival: Arrival, match: Match, books: Books, number: int) -> Receipt:
    message, at = arrival.message, arrival.received_at
    contact = _contact(message, books)
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
        conversation=message.conversation,
        opened_at=at,
        updated_at=at,
        state=State.ACTIVE,
        priority=Priority.NORMAL,
        severity=Severity.NORMAL,
        reason=Reason.IN_PROGRESS,
    )
    session.add(case)
    by = _customer(contact, message)
    _claim(session, case, books, at)
    facts = facts_of(case, opening=_opening(message))
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
    activity = _log(session, case, arrival, match.by, contact)
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


def _append(session: Session, arrival: Arrival, match: Match, books: Books) -> Receipt:
    case, message, at = match.case, arrival.message, arrival.received_at
    assert case is not None, "_joins said so"
    contact = _contact(message, books)
    by = _customer(contact, message)
    activity = _log(session, case, arrival, match.by, contact)
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


def _reopen(session: Session, case: Case, by: Principal, books: Books, at: datetime) -> None:
    case.state, case.reason, case.resolved_at = State.ACTIVE, Reason.IN_PROGRESS, None
    terms.settle(
        session, case, on=books.desk.day(at), at=at, event=terms.event_of(case), reason="reopened"
    )
    billing.withdraw(session, case, by=by, at=at)
    queue = next((q for q in books.queues.every if q.id == case.queue_id), books.queues.default)
    queues.enter(session, case, queue, at=at)
    sla.reopened(session, case, at=at)
    events.record(
        session, "case.reopened", at=at, actor=by, case_id=case.id, number=case.number,
        **history.noted(session, case),
    )  # fmt: skip


def _log(
    session: Session, case: Case, arrival: Arrival, matched_by: str, contact: Contact | None
) -> Activity:
    message = arrival.message
    sender = message.sender
    activity = Activity(
        id=new_id(),
        case_id=case.id,
        kind=KINDS.get(message.channel, ActivityKind.SOCIAL),
        direction=Direction.INCOMING,
        at=arrival.received_at,
        author_name=sender.name if sender else "",
        author_address=sender.value if sender else "",
        contact_id=contact.id if contact else None,
        subject=message.subject,
        text=message.text,
        new_text=message.new_text or message.text,
        html=message.html,
        inbound_id=arrival.inbound_id,
        message_id=message.message_id[:998],
        recipients=[address.value for address in (*message.to, *message.cc)][:100],
        matched_by=matched_by,
        sender_doubt=message.sender_doubt,
        automatic=message.automatic or "",
        duration_minutes=message.duration_minutes,
        notes=list(message.notes),
    )
    session.add(activity)
    for file in message.attachments:
        session.add(
            Attachment(
                activity_id=activity.id,
                part=file.part,
                name=file.name[:255],
                content_type=file.content_type[:120],
                size_bytes=file.size_bytes,
                sha256=file.sha256,
                content_id=file.content_id[:255],
                inline=file.inline,
            )
        )
    return activity


def _goes_on(receipt: Receipt) -> bool:
    return receipt.case is not None and not receipt.opened and not receipt.arrival.historic


def _wrote(receipt: Receipt) -> tuple[Case, datetime, bool]:
    assert receipt.case is not None, "it was filed"
    return receipt.case, receipt.arrival.received_at, not receipt.arrival.message.automatic


def _contact(message: Message, books: Books) -> Contact | None:
    sender = message.sender
    return books.contacts.get((sender.kind, sender.value)) if sender else None


def _customer(contact: Contact | None, message: Message) -> Principal:
    if contact is None:
        return Principal(Kind.CUSTOMER, None, "somebody unnamed", via=message.channel)
    return Principal(Kind.CUSTOMER, contact.id, contact.name, via=message.channel)


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
