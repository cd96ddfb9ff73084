"""A case that an agent opens: for a customer who phoned, sent a letter or wrote to them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import TypeAlias
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from intake import checklists, events, queues, routing, sla, terms
from intake.agents import Act, Principal
from intake.around import Opening
from intake.cases import (
    ActivityKind,
    Case,
    Direction,
    Priority,
    Reason,
    Severity,
    State,
    next_numbers,
)
from intake.customers import Account, Contact
from intake.db import new_id
from intake.desk import Desk
from intake.entitlements import Entitlement
from intake.errors import IntakeError
from intake.facts import facts_of
from intake.history import Changes
from intake.products import Product
from intake.queues import Queue
from intake.work.changing import must_be_known, say
from intake.work.planned import check_minutes
from intake.work.writing import write

SUBJECT_LENGTH = 500
Says: TypeAlias = Mapping[str, object]
"""Fields of a case by name, with what it says in them (changing.change_fields)."""
NOTHING_MORE: Says = MappingProxyType({})
CAME_AS = {
    "phone": ActivityKind.PHONE_CALL,
    "letter": ActivityKind.LETTER,
    "email": ActivityKind.EMAIL,
}
"""The ways by which somebody reaches an agent, and what their first words are."""


class WrongOpening(IntakeError):
    """A case that cannot be opened so; the text names the field."""

    code = "wrong-opening"


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody asked an agent, and who it was: a contact, an account, or both."""

    channel: str
    subject: str
    text: str
    contact_id: UUID | None = None
    account_id: UUID | None = None
    product_id: UUID | None = None
    minutes: int = 0
    """How long it took to hear it, as a call."""


def open_case(
    session: Session,
    by: Principal,
    asked: Asked,
    *,
    desk: Desk,
    at: datetime,
    queue_id: UUID | None = None,
    says: Says = NOTHING_MORE,
) -> Case:
    """Open a case for what somebody asked: covered, routed and promised like any other.

    It waits in the queue that is named, or where the rules send it. `says` is what it says in its
    other fields, as for `change_fields`. Raises WrongOpening, or NotFilledIn unless it says all
    that the desk must know when somebody opens a case by hand.
    """
    by.must(Act.WORK)
    contact, account_id = _customer(session, asked)
    check_minutes(asked.minutes)
    # A case is whole only once it has a queue.
    with session.no_autoflush:
        case = blank(session, asked.subject, asked.channel, at)
        case.contact_id, case.account_id = contact.id if contact else None, account_id
        case.product_id = asked.product_id
        known = fill_in(session, case, says)
        terms.claim(session, case, desk, at=at)
        queue = begin(session, case, asked.text, at, queue_id, f"opened by {by.name}")
    session.flush()
    checklists.begin(session, case)
    kind = CAME_AS[asked.channel]
    words = asked.text or asked.subject
    activity = write(session, case, by, kind, Direction.INCOMING, words, at)
    activity.duration_minutes = asked.minutes
    if contact is not None:
        activity.contact_id, activity.author_name, activity.agent_id = (
            contact.id,
            contact.name,
            None,
        )
    events.record(
        session, "case.opened", at=at, actor=by, case_id=case.id, number=case.number,
        channel=case.channel, queue=queue.name, refusal=case.decision["refusal"],
        activity=str(activity.id), **known,
    )  # fmt: skip
    announce(session, case, queue, desk, at)
    return case


def blank(session: Session, subject: str, channel: str, at: datetime) -> Case:
    """A new case with its number, which has no queue yet."""
    words = " ".join(subject.split())[:SUBJECT_LENGTH]
    if not words:
        raise WrongOpening("subject: there are no words; say what it is about")
    [number] = next_numbers(session, 1)
    case = Case(
        id=new_id(),
        number=number,
        subject=words,
        channel=channel,
        mailbox="",
        opened_at=at,
        updated_at=at,
        state=State.ACTIVE,
        reason=Reason.IN_PROGRESS,
        priority=Priority.NORMAL,
        severity=Severity.NORMAL,
    )
    session.add(case)
    return case


def fill_in(session: Session, case: Case, says: Says) -> dict[str, Changes]:
    """Let a new case say this of itself; the `changes` of its event. Raises WrongField, and
    NotFilledIn for what must be known of a case that somebody opens by hand."""
    changes = say(session, case, says)
    must_be_known(session, case)
    return {"changes": changes} if changes else {}


def begin(
    session: Session, case: Case, text: str, at: datetime, queue_id: UUID | None, words: str
) -> Queue:
    """Let a new case wait in the queue that is named, `words` say why, or where the rules send
    it; and let the clocks of what is promised run."""
    facts = facts_of(case, at=at, opening=Opening(text))
    if queue_id is not None:
        queue = session.get(Queue, queue_id)
        if queue is None or queue.archived_at is not None:
            raise WrongOpening("queue: there is no such queue in use")
        queues.enter(session, case, queue, at=at)
        case.routed_by = words
    else:
        refused, rules = bool(case.decision["refusal"]), routing.rules(session)
        every = queues.every(session)
        routed = routing.route(rules, every, case.mailbox, facts, refused=refused)
        routing.enter(session, case, routed, at=at)
        queue = routed.queue
    entitled = select(Entitlement.sla_id).where(Entitlement.id == case.entitlement_id)
    chosen = sla.in_force(session).of(session.scalar(entitled), facts)
    sla.start(session, case, chosen, facts, at=at)
    return queue


def announce(session: Session, case: Case, queue: Queue, desk: Desk, at: datetime) -> None:
    """Promise its card, where its queue is shown in Slack."""
    if desk.slack and queue.slack_channel:
        events.promise(
            session, "slack", "card", effect_key=f"card:{case.id}", at=at, case_id=case.id,
            target=queue.slack_channel,
        )  # fmt: skip


def _customer(session: Session, asked: Asked) -> tuple[Contact | None, UUID | None]:
    """Who asked, and the account it is for: theirs unless another is named."""
    if asked.channel not in CAME_AS:
        raise WrongOpening(f"channel: {asked.channel:.40} is none of {', '.join(CAME_AS)}")
    contact = session.get(Contact, asked.contact_id) if asked.contact_id else None
    if asked.contact_id is not None and contact is None:
        raise WrongOpening("contact: there is no such contact")
    if asked.account_id is not None and session.get(Account, asked.account_id) is None:
        raise WrongOpening("account: there is no such account")
    if contact is None and asked.account_id is None:
        raise WrongOpening("contact: say who asked, a contact or an account")
    if asked.product_id is not None and session.get(Product, asked.product_id) is None:
        raise WrongOpening("product: there is no such product")
    return contact, asked.account_id or (contact.account_id if contact else None)
