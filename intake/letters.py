"""The mails that clocks ask for, gathered over one tick so that nobody gets a storm of them.

They go out in our name by themselves, so none to a customer holds a word that a stranger chose,
and those are counted like acknowledgements. One of us who would get more than a few at once, as
after hours of standstill, gets one mail that lists them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from intake import customers, events, followers, queues, sla, threads
from intake.agents import Agent
from intake.calendars import NeverOpen
from intake.cases import Case
from intake.customers import Contact, ContactPoint
from intake.desk import Desk
from intake.messages import ContactKind, Outgoing
from intake.queues import Queue, QueueMember
from intake.sla import KpiInstance, Milestone, calendar_of
from intake.sla.actions import Action, To, fill
from intake.visibility import sees

MOST_AT_ONCE = 3
PER_STRANGER = (1, timedelta(days=1))
PER_VERIFIED = (3, timedelta(hours=1))
INSTANT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Letter:
    """One mail to one address, as it will be promised."""

    case: Case
    to: str
    subject: str
    text: str
    sender: str
    key: str
    due_at: datetime
    to_customer: bool
    kind: str = "sla"


class Mailbag:
    """The letters of one tick."""

    def __init__(self, desk: Desk, *, at: datetime) -> None:
        self._desk, self._at = desk, at
        self._letters: list[Letter] = []

    def write(
        self,
        session: Session,
        case: Case,
        instance: KpiInstance,
        action: Action,
        *,
        due_at: datetime,
    ) -> str:
        """Write the letters of one action; to whom, in words."""
        sender = case.mailbox if "@" in case.mailbox else queues.every(session).default.address
        if not sender:
            return "not mailed: no queue has a mail address to write from"
        values = self._values(session, case, instance, due_at)
        subject = " ".join(fill(action.subject, values).split())
        text = fill(action.text, values)
        send_at = _opening(instance, self._at) if action.in_hours else self._at
        kind = sla.WARNING if action.on is Milestone.WARNING else "sla"
        reached: dict[str, bool] = {}
        for to in action.to:
            for address in self._addresses(session, case, to):
                reached[address] = reached.get(address, False) or to == To.CUSTOMER
        for address, to_customer in reached.items():
            digest = sha256(f"{action}:{address}".encode()).hexdigest()[:16]
            key = f"sla:{instance.id}:{due_at.timestamp():.0f}:{digest}"
            letter = Letter(
                case, address, subject, text, sender, key, send_at, to_customer, kind
            )  # fmt: skip
            self._letters.append(letter)
        return f"mail to {', '.join(reached)}" if reached else "not mailed: nobody to write to"

    def promise(self, session: Session) -> None:
        """Promise what was written, once all of the tick is known."""
        by_recipient: dict[tuple[str, datetime], list[Letter]] = {}
        for letter in self._letters:
            if letter.to_customer:
                self._promise(session, letter)
            else:
                by_recipient.setdefault((letter.to, letter.due_at), []).append(letter)
        for letters in by_recipient.values():
            if len(letters) <= MOST_AT_ONCE:
                for letter in letters:
                    self._promise(session, letter)
            else:
                self._promise(session, _folded(letters))

    def _promise(self, session: Session, letter: Letter) -> None:
        message_id = threads.new_message_id(letter.sender)
        outgoing = Outgoing(
            message_id=message_id,
            from_address=letter.sender,
            from_name=self._desk.organisation,
            to=(letter.to,),
            reply_to=(
                threads.reply_address(self._desk, letter.sender, letter.case)
                if letter.to_customer
                else ""
            ),
            subject=letter.subject,
            text=letter.text,
            automatic=True,
        )
        events.promise(
            session,
            "email",
            letter.kind,
            effect_key=letter.key,
            at=self._at,
            due_at=letter.due_at,
            target=letter.to,
            payload=outgoing.as_json(),
            case_id=letter.case.id,
        )
        if letter.to_customer:
            threads.remember(session, [(letter.case.id, message_id)], ours=True)

    def filled(
        self,
        session: Session,
        case: Case,
        instance: KpiInstance,
        template: str,
        *,
        due_at: datetime,
    ) -> str:
        """A text with what a letter of that clock would say in its place."""
        return fill(template, self._values(session, case, instance, due_at)) if template else ""

    def _values(
        self, session: Session, case: Case, instance: KpiInstance, due_at: datetime
    ) -> dict[str, str]:
        contact = session.get(Contact, case.contact_id) if case.contact_id else None
        zone = ZoneInfo(calendar_of(instance).zone)
        return {
            "number": str(case.number),
            "subject": case.subject,
            "kpi": instance.kpi.value,
            "due": _moment(due_at, zone),
            "customer": contact.name if contact else "somebody unnamed",
            "queue": session.get_one(Queue, case.queue_id).name,
            "organisation": self._desk.organisation,
            "url": f"{self._desk.base_url}/cases/{case.number}",
        }

    def _addresses(self, session: Session, case: Case, to: str) -> Sequence[str]:
        match to:
            case To.OWNER:
                return _mail_of(session, [case.owner_id] if case.owner_id else [])
            case To.FOLLOWERS:
                return _mail_of(session, _followers(session, case))
            case To.AGENT:
                item = queues.item_of(session, case)
                if item is not None and item.worked_by_id is not None:
                    return _mail_of(session, [item.worked_by_id])
                members = select(QueueMember.agent_id).where(QueueMember.queue_id == case.queue_id)
                return _mail_of(session, session.scalars(members).all())
            case To.CUSTOMER:
                return self._customer(session, case)
        return [to]

    def _customer(self, session: Session, case: Case) -> list[str]:
        address = session.scalar(
            select(ContactPoint.value)
            .where(ContactPoint.contact_id == case.contact_id)
            .where(ContactPoint.kind == ContactKind.EMAIL)
            .order_by(ContactPoint.verified.desc(), ContactPoint.id)
            .limit(1)
        )
        if address is None:
            return []
        known = address in customers.verified(session, [address])
        most, span = PER_VERIFIED if known else PER_STRANGER
        kinds, since = ("sla", sla.WARNING), self._at - span
        sent = sum(
            events.promised_to(session, kind, [address], since=since).get(address, 0)
            for kind in kinds
        )
        waiting = sum(1 for letter in self._letters if letter.to == address)
        return [address] if sent + waiting < most else []


def _followers(session: Session, case: Case) -> list[UUID]:
    """Those who follow a case and may still see it."""
    return [
        agent.id for agent in followers.of_case(session, case.id) if sees(session, agent, case.id)
    ]


def _mail_of(session: Session, agent_ids: Sequence[UUID]) -> Sequence[str]:
    found = select(Agent.email).where(Agent.id.in_(agent_ids), Agent.active).order_by(Agent.email)
    return session.scalars(found).all()


def _opening(instance: KpiInstance, at: datetime) -> datetime:
    """Now, or when the clock's calendar opens next."""
    calendar = calendar_of(instance)
    if calendar.is_open(at):
        return at
    try:
        return calendar.add(at, INSTANT) - INSTANT
    except NeverOpen:
        return at


def _folded(letters: Sequence[Letter]) -> Letter:
    """One letter in the place of many."""
    first = letters[0]
    lines = "\n".join(f"- {letter.subject}" for letter in letters)
    return Letter(
        first.case,
        first.to,
        f"{len(letters)} promises about time need a look",
        f"{lines}\n",
        first.sender,
        first.key,
        first.due_at,
        to_customer=False,
    )


def _moment(at: datetime, zone: ZoneInfo) -> str:
    """A moment with its offset, for readers in other zones: "Mon 2 Mar 2026 17:00 +0100"."""
    return f"{at.astimezone(zone):%a %d %b %Y %H:%M %z}"
