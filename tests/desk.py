"""Builders: a desk for a test that says only what matters to it."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import func, inspect, select
from sqlalchemy.orm import Session

from intake import entitlements
from intake.accept import Receipt, accept
from intake.agents import Agent, Principal, Role
from intake.cases import Activity, Case
from intake.customers import Account, AccountDomain, Contact, ContactPoint
from intake.db import Database, new_id
from intake.desk import Desk
from intake.entitlements import ChannelAllotment, Entitlement, Unlisted
from intake.messages import Address, ContactKind, Message
from intake.queues import Queue, QueueMember
from intake.sla import Kpi, ServiceCalendar, Sla, SlaItem, SlaState
from intake.threads import Arrival

# A Monday morning; tests say how much later things happen.
NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
SUPPORT = "support@desk.example"
DESK = Desk("Example Desk", b"a secret of the tests")


def email(
    sender: str = "ada@example.com",
    subject: str = "Printer offline",
    text: str = "It does not print.",
    *,
    message_id: str = "",
    in_reply_to: str = "",
    references: tuple[str, ...] = (),
    to: tuple[str, ...] = (SUPPORT,),
    at: datetime = NOON,
    mailbox: str = SUPPORT,
    channel: str = "email",
    **more: Any,
) -> Arrival:
    """A message as a channel hands it in."""
    kind = more.pop("kind", ContactKind.EMAIL)
    message = Message(
        channel=channel,
        sender=Address(sender, sender.split("@")[0].title(), kind) if sender else None,
        subject=subject,
        text=text,
        new_text=text,
        to=tuple(Address(address) for address in to),
        message_id=message_id or f"{new_id().hex}@example.com",
        in_reply_to=(in_reply_to,) if in_reply_to else (),
        references=references,
        **more,
    )
    return Arrival(message, mailbox, at, recipients=to)


class DeskUnderTest:
    """A desk on a real database, with a default queue fed by SUPPORT."""

    def __init__(self, db: Database, *, slack: bool = False, queue: Queue | None = None) -> None:
        """With `queue`, the default queue that the database has already."""
        self.db = db
        self.settings = replace(DESK, slack=slack)
        self.queue = queue or self.has_queue("Support", address=SUPPORT, is_default=True)

    def transaction(self) -> AbstractContextManager[Session]:
        """A transaction of the test's own."""
        return self.db.transaction()

    def has_queue(self, name: str, *, members: tuple[Agent, ...] = (), **fields: Any) -> Queue:
        queue = Queue(id=new_id(), name=name, members_only=bool(members), **fields)
        self._add(queue, *(QueueMember(queue_id=queue.id, agent_id=m.id) for m in members))
        return queue

    def has_agent(self, name: str = "Grace", role: Role = Role.AGENT, **fields: Any) -> Agent:
        email = f"{name.lower()}@desk.example"
        agent = Agent(id=new_id(), name=name, email=email, role=role, created_at=NOON, **fields)
        self._add(agent)
        return agent

    def principal(self, name: str = "Grace", role: Role = Role.AGENT, **fields: Any) -> Principal:
        """An agent who works here, as the caller of an act."""
        return self.has_agent(name, role, **fields).principal("test")

    def has_customer(
        self,
        address: str = "ada@example.com",
        *,
        allotment: int | None = None,
        channels: dict[str, int] | None = None,
        **entitled: Any,
    ) -> Contact:
        """A contact with an account by mail domain; with `allotment` cases bought for it."""
        domain = address.partition("@")[2]
        with self.db.transaction() as session:
            known = session.get(AccountDomain, domain)
            account_id = known.account_id if known else new_id()
            if known is None:
                session.add(Account(id=account_id, name=domain, created_at=NOON))
                session.add(AccountDomain(domain=domain, account_id=account_id))
            contact = Contact(
                id=new_id(),
                name=address.split("@")[0].title(),
                account_id=account_id,
                created_at=NOON,
            )
            session.add(contact)
            session.add(ContactPoint(contact_id=contact.id, kind=ContactKind.EMAIL, value=address))
        if allotment is not None:
            self.has_entitlement(account_id, total=allotment, channels=channels, **entitled)
        return contact

    def has_entitlement(
        self,
        account_id: UUID | None,
        *,
        total: int,
        channels: dict[str, int] | None = None,
        name: str = "Support plan",
        starts_on: date = date(2026, 1, 1),
        ends_on: date = date(2026, 12, 31),
        activated: bool = True,
        **fields: Any,
    ) -> Entitlement:
        fields.setdefault("unlisted", Unlisted.DENY if channels else Unlisted.ALLOW)
        fields.setdefault("contacts", [])
        fields.setdefault("products", [])
        with self.db.transaction() as session:
            entitlement = Entitlement(
                id=new_id(),
                name=name,
                account_id=account_id,
                starts_on=starts_on,
                ends_on=ends_on,
                total=total,
                remaining=0,
                created_at=NOON,
                channels=[
                    ChannelAllotment(channel=channel, total=terms, remaining=0)
                    for channel, terms in (channels or {}).items()
                ],
                **fields,
            )
            session.add(entitlement)
            session.flush()
            if activated:
                entitlements.activate(session, entitlement, on=NOON.date(), at=NOON)
        return entitlement

    def has_sla(
        self,
        *,
        first_response: timedelta = timedelta(hours=4),
        resolve_by: timedelta | None = None,
        hours: dict[str, Any] | None = None,
        name: str = "Standard",
        is_default: bool = True,
    ) -> Sla:
        calendar = (
            ServiceCalendar(id=new_id(), name=f"Hours of {name}", hours=hours) if hours else None
        )
        sla = Sla(id=new_id(), name=name, state=SlaState.ACTIVE, is_default=is_default)
        spans = [(Kpi.FIRST_RESPONSE, first_response), (Kpi.RESOLVE_BY, resolve_by)]
        items = [
            SlaItem(
                sla_id=sla.id,
                position=position,
                kpi=kpi,
                fail_after_minutes=int(span.total_seconds() // 60),
                warn_after_minutes=int(span.total_seconds() // 60 * 3 // 4),
                calendar_id=calendar.id if calendar else None,
            )
            for position, (kpi, span) in enumerate(spans, start=1)
            if span is not None
        ]
        self._add(*([calendar] if calendar else []), sla, *items)
        return sla

    def accepts(self, *arrivals: Arrival) -> list[Receipt]:
        """Let these messages in, together and in one transaction."""
        with self.db.transaction() as session:
            return accept(session, arrivals, self.settings)

    def case(self, number: int) -> Case:
        with self.db.reading() as session:
            return session.scalars(select(Case).where(Case.number == number)).one()

    def activities(self, case: Case) -> list[Activity]:
        with self.db.reading() as session:
            return list(
                session.scalars(
                    select(Activity).where(Activity.case_id == case.id).order_by(Activity.at)
                )
            )

    def remaining(self, entitlement: Entitlement) -> int:
        with self.db.reading() as session:
            return session.get_one(Entitlement, entitlement.id).remaining

    def count(self, table: type[Any]) -> int:
        with self.db.reading() as session:
            return session.scalar(select(func.count()).select_from(table)) or 0

    def all(self, table: type[Any]) -> list[Any]:
        """Every row, in the order of its key: that in which they were made."""
        with self.db.reading() as session:
            return list(session.scalars(select(table).order_by(*inspect(table).primary_key)))

    def _add(self, *rows: object) -> None:
        with self.db.transaction() as session:
            session.add_all(rows)
