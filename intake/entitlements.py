"""What was bought and how much of it is left: the ledger of terms, and which entitlement applies.

A refusal is a value, never an exception: the case is kept whatever the answer, with the answers
to every test, so that agent and customer can be told why.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, String, UniqueConstraint, or_, select
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship, selectinload

from intake.db import Base, new_id, one_of, refers_to
from intake.errors import IntakeError

ZERO = 0


class State(StrEnum):
    """Only an active entitlement covers anything; an active one is read-only."""

    DRAFT = "draft"
    WAITING = "waiting"  # activated, its start still to come
    ACTIVE = "active"
    ON_HOLD = "on hold"  # as its contract is
    EXPIRED = "expired"
    CANCELLED = "cancelled"


class Allocation(StrEnum):
    """What a term is. Cases count 1 each; hours are kept in minutes, so nothing is rounded."""

    CASES = "cases"
    HOURS = "hours"


class DecreaseOn(StrEnum):
    """When a term is taken: as the case opens, or as it is resolved."""

    CREATION = "creation"
    RESOLUTION = "resolution"


class Unlisted(StrEnum):
    """What a channel without an allotment of its own may do."""

    ALLOW = "allow"
    DENY = "deny"


class EntryKind(StrEnum):
    """Why a balance changed."""

    GRANT = "grant"
    DEBIT = "debit"
    CREDIT = "credit"


class Refusal(StrEnum):
    """Why an entitlement does not cover a case, the most telling reason first."""

    NONE_BOUGHT = "none-bought"
    NOT_STARTED = "not-started"
    EXPIRED = "expired"
    NOT_ACTIVE = "not-active"
    CONTACT_NOT_COVERED = "contact-not-covered"
    PRODUCT_NOT_COVERED = "product-not-covered"
    CHANNEL_NOT_COVERED = "channel-not-covered"
    CHANNEL_USED_UP = "channel-used-up"
    USED_UP = "used-up"


class NotEditable(IntakeError):
    """Only a draft can be changed or activated."""

    code = "entitlement-not-draft"


class Entitlement(Base):
    """What a customer may ask for. `total` and `remaining` are in cases, or in minutes for hours.

    `remaining` always equals the sum of the ledger's entries; both are written under the row's
    lock.
    """

    __tablename__ = "entitlements"
    __table_args__ = (
        CheckConstraint("(account_id IS NULL) <> (contact_id IS NULL)", name="one_customer"),
        CheckConstraint("NOT restricted OR remaining >= 0", name="never_below_zero"),
        Index("ix_entitlements_by_account", "account_id", "state"),
        Index("ix_entitlements_by_contact", "contact_id", "state"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    name: Mapped[str]
    account_id: Mapped[UUID | None] = mapped_column(refers_to("accounts.id"))
    contact_id: Mapped[UUID | None] = mapped_column(refers_to("contacts.id"))
    state: Mapped[State] = mapped_column(one_of(State), default=State.DRAFT)
    starts_on: Mapped[date]
    ends_on: Mapped[date]
    """The last day, included."""
    allocation: Mapped[Allocation] = mapped_column(one_of(Allocation), default=Allocation.CASES)
    decrease_on: Mapped[DecreaseOn] = mapped_column(one_of(DecreaseOn), default=DecreaseOn.CREATION)
    restricted: Mapped[bool] = mapped_column(default=True)
    """Whether used up means no; otherwise the balance goes below zero."""
    unlisted: Mapped[Unlisted] = mapped_column(one_of(Unlisted), default=Unlisted.DENY)
    total: Mapped[int]
    remaining: Mapped[int]
    sla_id: Mapped[UUID | None] = mapped_column(refers_to("slas.id"))
    is_default: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime]
    channels: Mapped[list[ChannelAllotment]] = relationship(
        back_populates="entitlement", order_by="ChannelAllotment.channel"
    )
    contacts: Mapped[list[EntitledContact]] = relationship()
    products: Mapped[list[EntitledProduct]] = relationship()

    def allotment(self, channel: str) -> ChannelAllotment | None:
        """The channel's own row, if it has one."""
        return next((row for row in self.channels if row.channel == channel), None)

    def terms(self, units: int) -> str:
        """A number of units in the words of a person: "3 cases", "1.5 hours"."""
        if self.allocation is Allocation.CASES:
            return f"{units} case" if units == 1 else f"{units} cases"
        return f"{units / 60:g} hours"

    def left(self, units: int) -> str:
        """So many units of the whole in words: "3 of 200 cases"."""
        if self.allocation is Allocation.CASES:
            return f"{units} of {self.terms(self.total)}"
        return f"{units / 60:g} of {self.terms(self.total)}"


class ChannelAllotment(Base):
    """How much of an entitlement may come by one channel; it draws on the whole as well."""

    __tablename__ = "channel_allotments"
    __table_args__ = (UniqueConstraint("entitlement_id", "channel"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    entitlement_id: Mapped[UUID] = mapped_column(refers_to("entitlements.id"))
    channel: Mapped[str] = mapped_column(String(32))
    total: Mapped[int]
    remaining: Mapped[int]
    entitlement: Mapped[Entitlement] = relationship(back_populates="channels")


class EntitledContact(Base):
    """A contact an entitlement is limited to; none listed means all."""

    __tablename__ = "entitled_contacts"

    entitlement_id: Mapped[UUID] = mapped_column(refers_to("entitlements.id"), primary_key=True)
    contact_id: Mapped[UUID] = mapped_column(refers_to("contacts.id"), primary_key=True)


class EntitledProduct(Base):
    """A product an entitlement is limited to; none listed means all."""

    __tablename__ = "entitled_products"

    entitlement_id: Mapped[UUID] = mapped_column(refers_to("entitlements.id"), primary_key=True)
    product_id: Mapped[UUID] = mapped_column(refers_to("products.id"), primary_key=True)


class LedgerEntry(Base):
    """One change of a balance. Entries are never changed; a credit names the debit it reverses."""

    __tablename__ = "ledger_entries"
    __table_args__ = (
        UniqueConstraint("event_key"),
        Index("ix_ledger_by_entitlement", "entitlement_id", "at"),
        Index("ix_ledger_by_case", "case_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    entitlement_id: Mapped[UUID] = mapped_column(refers_to("entitlements.id"))
    kind: Mapped[EntryKind] = mapped_column(one_of(EntryKind))
    amount: Mapped[int]
    """Signed: a debit is below zero."""
    channel: Mapped[str] = mapped_column(String(32), default="")
    case_id: Mapped[UUID | None] = mapped_column(refers_to("cases.id"))
    reverses_id: Mapped[UUID | None] = mapped_column(refers_to("ledger_entries.id"), unique=True)
    event_key: Mapped[str] = mapped_column(String(120))
    """What may change a balance only once: the same event again is refused by the database."""
    reason: Mapped[str]
    at: Mapped[datetime]


@dataclass(frozen=True, slots=True)
class Asked:
    """What a case asks an entitlement for."""

    case_id: UUID
    channel: str
    contact_id: UUID | None
    account_id: UUID | None
    product_id: UUID | None
    on: date
    at: datetime


@dataclass(frozen=True, slots=True)
class Test:
    """One question put to one entitlement, its answer and the answer in words."""

    name: str
    passed: bool
    words: str
    refusal: Refusal | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """Which entitlement covers a case, or why none does. Stored on the case as JSON."""

    entitlement: Entitlement | None
    refusal: Refusal | None
    words: str
    answers: tuple[tuple[Entitlement, tuple[Test, ...]], ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The decision as the case keeps it: the picked one, and every answer in words."""
        return {
            "entitlement": str(self.entitlement.id) if self.entitlement else None,
            "name": self.entitlement.name if self.entitlement else None,
            "refusal": self.refusal,
            "words": self.words,
            "candidates": [
                {
                    "entitlement": str(entitlement.id),
                    "name": entitlement.name,
                    "tests": [
                        {"name": t.name, "passed": t.passed, "words": t.words} for t in tests
                    ],
                }
                for entitlement, tests in self.answers
            ],
        }


def held_by(
    session: Session, customers: Iterable[tuple[UUID | None, UUID | None]], *, lock: bool = False
) -> list[Entitlement]:
    """The entitlements of these (contact, account) pairs, drafts aside; rows locked if asked.

    Locked in the order of their ids, so that two transactions cannot wait for each other.
    """
    contacts, accounts = set(), set()
    for contact_id, account_id in customers:
        contacts.add(contact_id)
        accounts.add(account_id)
    statement = (
        select(Entitlement)
        .where(
            or_(
                Entitlement.contact_id.in_(contacts - {None}),
                Entitlement.account_id.in_(accounts - {None}),
            )
        )
        .where(Entitlement.state != State.DRAFT)
        .order_by(Entitlement.id)
        .options(
            selectinload(Entitlement.channels),
            selectinload(Entitlement.contacts),
            selectinload(Entitlement.products),
        )
    )
    if lock:
        # What was read before the lock may be stale: the rows are read again under it.
        statement = statement.with_for_update().execution_options(populate_existing=True)
    return list(session.scalars(statement))


def decide(candidates: Sequence[Entitlement], asked: Asked) -> Decision:
    """Which of these covers what is asked; changes nothing.

    The customer's default comes first; then the one that ends soonest, then the one with the
    least left, then the oldest. `candidates` may hold other customers' entitlements.
    """
    own = [
        e
        for e in candidates
        if (asked.contact_id is not None and e.contact_id == asked.contact_id)
        or (asked.account_id is not None and e.account_id == asked.account_id)
    ]
    own.sort(key=lambda e: (not e.is_default, e.ends_on, e.remaining, e.created_at, e.id))
    answers = tuple((e, tuple(_tests(e, asked))) for e in own)
    if not answers:
        return Decision(None, Refusal.NONE_BOUGHT, "This customer has bought no entitlement.")
    for entitlement, tests in answers:
        if all(test.passed for test in tests):
            return Decision(entitlement, None, _covered(entitlement, asked), answers)
    # The nearest miss explains best: the entitlement that passed the most tests.
    entitlement, tests = max(answers, key=lambda a: sum(test.passed for test in a[1]))
    failed = next(test for test in tests if not test.passed)
    return Decision(None, failed.refusal, f"{entitlement.name}: {failed.words}", answers)


def claim(session: Session, decision: Decision, asked: Asked) -> LedgerEntry | None:
    """Take the term the decision gives, if it is taken on creation. The row must be locked."""
    entitlement = decision.entitlement
    if entitlement is None or entitlement.decrease_on is not DecreaseOn.CREATION:
        return None
    return _debit(session, entitlement, 1, asked, f"case opened by {asked.channel}", "opened")


def settle(
    session: Session, entitlement_id: UUID, asked: Asked, *, billable_minutes: int, event: str
) -> LedgerEntry | None:
    """Take what a resolved case used, where the entitlement counts on resolution.

    Hours are taken in minutes. A restricted entitlement gives no more than it has left.
    """
    entitlement = _locked(session, entitlement_id)
    if entitlement.decrease_on is not DecreaseOn.RESOLUTION or open_debit(
        session, entitlement_id, asked.case_id
    ):
        return None
    hours = entitlement.allocation is Allocation.HOURS
    wanted = billable_minutes if hours else 1
    amount = min(wanted, entitlement.remaining) if entitlement.restricted else wanted
    words = f"{billable_minutes} billable minutes" if hours else "case resolved"
    return _debit(session, entitlement, amount, asked, words, event) if amount > 0 else None


def give_back(
    session: Session, case_id: UUID, *, reason: str, event: str, at: datetime
) -> LedgerEntry | None:
    """Reverse the open debit of a case, to the exact amount; None when there is none."""
    debit = open_debit(session, None, case_id)
    if debit is None:
        return None
    entitlement = _locked(session, debit.entitlement_id)
    if open_debit(session, None, case_id) is None:  # given back while we waited for the lock
        return None
    entry = LedgerEntry(
        id=new_id(),
        entitlement_id=entitlement.id,
        kind=EntryKind.CREDIT,
        amount=-debit.amount,
        channel=debit.channel,
        case_id=case_id,
        reverses_id=debit.id,
        event_key=f"case:{case_id}:{event}",
        reason=reason,
        at=at,
    )
    return _enter(session, entitlement, entry)


def unsettle(session: Session, case_id: UUID, *, at: datetime) -> LedgerEntry | None:
    """A resolved case was reopened: what its resolution took is given back."""
    debit = open_debit(session, None, case_id)
    if debit is None:
        return None
    mode = _locked(session, debit.entitlement_id).decrease_on
    if mode is not DecreaseOn.RESOLUTION:
        return None
    return give_back(session, case_id, reason="case reopened", event=f"back:{debit.id}", at=at)


def open_debit(session: Session, entitlement_id: UUID | None, case_id: UUID) -> LedgerEntry | None:
    """The debit of a case that no credit reversed; at most one exists."""
    reversed_ids = select(LedgerEntry.reverses_id).where(LedgerEntry.reverses_id.is_not(None))
    statement = (
        select(LedgerEntry)
        .where(LedgerEntry.case_id == case_id, LedgerEntry.kind == EntryKind.DEBIT)
        .where(LedgerEntry.id.not_in(reversed_ids.where(LedgerEntry.case_id == case_id)))
    )
    if entitlement_id is not None:
        statement = statement.where(LedgerEntry.entitlement_id == entitlement_id)
    return session.scalar(statement)


def activate(session: Session, entitlement: Entitlement, *, on: date, at: datetime) -> None:
    """Put a draft in force: waiting, active or expired by its dates, with its terms granted.

    Raises NotEditable unless it is a draft.
    """
    if entitlement.state is not State.DRAFT:
        raise NotEditable(f"{entitlement.name} is {entitlement.state}; only a draft is activated")
    entitlement.state = state_on(entitlement, on)
    entitlement.remaining = 0
    for allotment in entitlement.channels:
        allotment.remaining = 0
    grant = LedgerEntry(
        id=new_id(),
        entitlement_id=entitlement.id,
        kind=EntryKind.GRANT,
        amount=entitlement.total,
        event_key=f"entitlement:{entitlement.id}:granted",
        reason="activated",
        at=at,
    )
    _enter(session, entitlement, grant)
    for allotment in entitlement.channels:
        allotment.remaining = allotment.total


def state_on(entitlement: Entitlement, on: date) -> State:
    """The state an entitlement in force has on a day, by its dates."""
    if entitlement.ends_on < on:
        return State.EXPIRED
    return State.WAITING if entitlement.starts_on > on else State.ACTIVE


def _tests(entitlement: Entitlement, asked: Asked) -> Iterable[Test]:
    yield _in_force(entitlement, asked.on)
    listed = {row.contact_id for row in entitlement.contacts}
    yield Test(
        "contact",
        not listed or asked.contact_id in listed,
        "covers every contact" if not listed else "limited to certain contacts",
        Refusal.CONTACT_NOT_COVERED,
    )
    products = {row.product_id for row in entitlement.products}
    yield Test(
        "product",
        not products or asked.product_id in products,
        "covers every product" if not products else "limited to certain products",
        Refusal.PRODUCT_NOT_COVERED,
    )
    yield _channel_covered(entitlement, asked.channel)
    if entitlement.restricted:
        yield from _terms_left(entitlement, asked.channel)


def _in_force(entitlement: Entitlement, on: date) -> Test:
    state = entitlement.state
    if state in (State.WAITING, State.ACTIVE, State.EXPIRED):
        state = state_on(entitlement, on)  # the clock may not have moved it yet
    words = {
        State.ACTIVE: f"active until {entitlement.ends_on:%d %b %Y}",
        State.WAITING: f"starts on {entitlement.starts_on:%d %b %Y}",
        State.EXPIRED: f"expired on {entitlement.ends_on:%d %b %Y}",
    }.get(state, f"is {state}")
    refusal = {
        State.WAITING: Refusal.NOT_STARTED,
        State.EXPIRED: Refusal.EXPIRED,
    }.get(state, Refusal.NOT_ACTIVE)
    return Test("in force", state is State.ACTIVE, words, refusal)


def _channel_covered(entitlement: Entitlement, channel: str) -> Test:
    row = entitlement.allotment(channel)
    if row is None:
        allowed = entitlement.unlisted is Unlisted.ALLOW
        words = f"{channel} is not listed" + (", which is allowed" if allowed else "")
        return Test("channel", allowed, words, Refusal.CHANNEL_NOT_COVERED)
    closed = row.total == 0 and entitlement.restricted
    words = f"{channel} is closed" if closed else f"{channel} is covered"
    return Test("channel", not closed, words, Refusal.CHANNEL_NOT_COVERED)


def _terms_left(entitlement: Entitlement, channel: str) -> Iterable[Test]:
    # Both ways of counting need something left now; on creation a case takes one of it.
    left = entitlement.remaining
    words = f"{entitlement.left(left)} left"
    row = entitlement.allotment(channel)
    if row is not None and row.total > 0:
        yield Test(
            "channel terms",
            row.remaining >= 1,
            f"{row.remaining} of {entitlement.terms(row.total)} by {channel} left",
            Refusal.CHANNEL_USED_UP,
        )
    yield Test("terms", left >= 1, words, Refusal.USED_UP)


def _covered(entitlement: Entitlement, asked: Asked) -> str:
    spent = 1 if entitlement.decrease_on is DecreaseOn.CREATION else 0
    left = entitlement.remaining - spent
    words = f"{entitlement.name}: {entitlement.left(left)} left"
    if row := entitlement.allotment(asked.channel):
        words += f", {row.remaining - spent} of {row.total} by {asked.channel}"
    return words + "."


def _debit(
    session: Session, entitlement: Entitlement, amount: int, asked: Asked, reason: str, event: str
) -> LedgerEntry:
    entry = LedgerEntry(
        id=new_id(),
        entitlement_id=entitlement.id,
        kind=EntryKind.DEBIT,
        amount=-amount,
        channel=asked.channel if entitlement.allotment(asked.channel) else "",
        case_id=asked.case_id,
        event_key=f"case:{asked.case_id}:{event}",
        reason=reason,
        at=asked.at,
    )
    return _enter(session, entitlement, entry)


def _enter(session: Session, entitlement: Entitlement, entry: LedgerEntry) -> LedgerEntry:
    session.add(entry)
    entitlement.remaining += entry.amount
    if entry.channel and (row := entitlement.allotment(entry.channel)):
        row.remaining += entry.amount
    return entry


def _locked(session: Session, entitlement_id: UUID) -> Entitlement:
    return session.scalars(
        select(Entitlement)
        .where(Entitlement.id == entitlement_id)
        .options(selectinload(Entitlement.channels))
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one()
