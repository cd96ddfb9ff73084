"""What was bought: the entitlement, the channels it may come by, whom and what it is limited to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import CheckConstraint, Index, String, UniqueConstraint, or_, select
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship, selectinload

from intake.db import Base, Json, new_id, one_of, partial_index, refers_to
from intake.nouns import noun

MINUTES = 60


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


class Overdraw(StrEnum):
    """What happens when a resolved case used more than a restricted entitlement has left."""

    ALLOW = "allow"  # the last case may take the balance below zero
    ASK = "ask"  # whoever resolves says which of the two others it is
    SPLIT = "split"  # what is left is taken, the rest is overage to bill


class Entitlement(Base):
    """What a customer may ask for. `total` and `remaining` are in cases, or in minutes for hours.

    `remaining` always equals the sum of the ledger's entries, and `reserved` the sum of the
    reservations; both are written under the row's lock.
    """

    __tablename__ = "entitlements"
    __table_args__ = (
        CheckConstraint("(account_id IS NULL) <> (contact_id IS NULL)", name="one_customer"),
        CheckConstraint("NOT restricted OR remaining + overdrawn >= 0", name="never_below_zero"),
        Index("ix_entitlements_by_account", "account_id", "state"),
        Index("ix_entitlements_by_contact", "contact_id", "state"),
        partial_index("ix_entitlements_due", "look_at", where="look_at IS NOT NULL"),
        *(
            partial_index(
                f"uq_entitlements_default_of_{customer}",
                f"{customer}_id",
                unique=True,
                where="is_default",
            )
            for customer in ("account", "contact")
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    name: Mapped[str]
    account_id: Mapped[UUID | None] = mapped_column(refers_to("accounts.id"))
    contact_id: Mapped[UUID | None] = mapped_column(refers_to("contacts.id"))
    owner_id: Mapped[UUID | None] = mapped_column(refers_to("agents.id"))
    """The agent who answers for it, and is told when it runs low."""
    description: Mapped[str] = mapped_column(default="")
    email: Mapped[str] = mapped_column(String(320), default="")
    """Where renewal notices go; nobody is written to when it is empty."""
    state: Mapped[State] = mapped_column(one_of(State), default=State.DRAFT)
    starts_on: Mapped[date]
    ends_on: Mapped[date]
    """The last day, included. Days are those of `zone`."""
    calendar_id: Mapped[UUID | None] = mapped_column(refers_to("service_calendars.id"))
    """The hours in which it is served: the clocks of what it covers count in them."""
    zone: Mapped[str] = mapped_column(String(64), default="")
    """The time zone of those hours; empty where the organisation's own holds."""
    allocation: Mapped[Allocation] = mapped_column(one_of(Allocation), default=Allocation.CASES)
    decrease_on: Mapped[DecreaseOn] = mapped_column(one_of(DecreaseOn), default=DecreaseOn.CREATION)
    restricted: Mapped[bool] = mapped_column(default=True)
    """Whether used up means no; otherwise the balance goes below zero."""
    overdraw: Mapped[Overdraw] = mapped_column(one_of(Overdraw), default=Overdraw.SPLIT)
    unlisted: Mapped[Unlisted] = mapped_column(one_of(Unlisted), default=Unlisted.DENY)
    total: Mapped[int]
    """What each period grants, or the whole entitlement where it has no periods."""
    remaining: Mapped[int]
    overdrawn: Mapped[int] = mapped_column(default=0)
    """How far below zero an overdraft or an override let a restricted one go."""
    reserve: Mapped[int] = mapped_column(default=1)
    """What an open case holds back where terms are taken on resolution."""
    reserved: Mapped[int] = mapped_column(default=0)
    period_months: Mapped[int | None]
    """Terms are granted anew so often; None grants them once."""
    period_on: Mapped[date | None]
    """The first day of the period the balance is of."""
    carry_over: Mapped[int] = mapped_column(default=0)
    """At most so many unused units move into the next period, or into the renewal."""
    carry_over_days: Mapped[int | None]
    """Carried units expire after so many days; None lets them gather up to the cap."""
    carried: Mapped[int] = mapped_column(default=0)
    carried_until: Mapped[date | None]
    """The last day of the carried units, included."""
    thresholds: Mapped[list[int]] = mapped_column(Json, default=lambda: [20, 0])
    """Running low: so many percent of the total, or less, are left."""
    granted: Mapped[int] = mapped_column(default=0)
    """The total as it was last granted; an edited total is made up for on activation."""
    told_low: Mapped[int | None]
    """The lowest threshold that was told of in this period."""
    renewal_days: Mapped[list[int]] = mapped_column(Json, default=list)
    """The customer is reminded so many days before the end; below zero is after it."""
    noticed_on: Mapped[date | None]
    """Reminders that were due up to this day have been seen to."""
    draft_renewal: Mapped[bool] = mapped_column(default=False)
    """Whether the clock drafts its renewal as soon as it runs low or its end is announced."""
    look_at: Mapped[datetime | None]
    """When the clock must look at it again."""
    sla_id: Mapped[UUID | None] = mapped_column(refers_to("slas.id"))
    is_default: Mapped[bool] = mapped_column(default=False)
    template_id: Mapped[UUID | None] = mapped_column(refers_to("entitlement_templates.id"))
    renews_id: Mapped[UUID | None] = mapped_column(refers_to("entitlements.id"))
    renewed_by_id: Mapped[UUID | None] = mapped_column(refers_to("entitlements.id"))
    activations: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime]
    channels: Mapped[list[ChannelAllotment]] = relationship(
        back_populates="entitlement",
        order_by="ChannelAllotment.channel",
        cascade="save-update, merge, delete-orphan, delete",
    )
    contacts: Mapped[list[EntitledContact]] = relationship(cascade="all, delete-orphan")
    products: Mapped[list[EntitledProduct]] = relationship(cascade="all, delete-orphan")

    @property
    def free(self) -> int:
        """What is left and not held back by open cases."""
        return self.remaining - (self.reserved or 0)

    def day(self, at: datetime, otherwise: date) -> date:
        """The date of an instant where it is served; `otherwise` is the organisation's."""
        return at.astimezone(ZoneInfo(self.zone)).date() if self.zone else otherwise

    def allotment(self, channel: str) -> ChannelAllotment | None:
        """The channel's own row, if it has one."""
        return next((row for row in self.channels if row.channel == channel), None)

    def number(self, units: int) -> str:
        """A number of units as people write terms: 3, or 1.5 for ninety minutes."""
        return f"{units}" if self.allocation is Allocation.CASES else hours(units)

    def terms(self, units: int) -> str:
        """A number of units in the words of a person: "3 cases", "1.5 hours"."""
        if self.allocation is Allocation.CASES:
            return f"{units} {noun}" if units == 1 else f"{units} {noun.many}"
        return "1 hour" if units == MINUTES else f"{hours(units)} hours"

    def left(self, units: int) -> str:
        """So many units of the whole in words: "3 of 200 cases"."""
        return f"{self.number(units)} of {self.terms(self.total)}"


class ChannelAllotment(Base):
    """How much of an entitlement may come by one channel; it draws on the whole as well."""

    __tablename__ = "channel_allotments"
    __table_args__ = (UniqueConstraint("entitlement_id", "channel"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    entitlement_id: Mapped[UUID] = mapped_column(refers_to("entitlements.id"))
    channel: Mapped[str] = mapped_column(String(32))
    total: Mapped[int]
    remaining: Mapped[int]
    reserved: Mapped[int] = mapped_column(default=0)
    granted: Mapped[int] = mapped_column(default=0)
    entitlement: Mapped[Entitlement] = relationship(back_populates="channels")

    @property
    def free(self) -> int:
        """What is left and not held back by open cases."""
        return self.remaining - (self.reserved or 0)


class EntitledContact(Base):
    """A contact an entitlement is limited to; none listed means all."""

    __tablename__ = "entitled_contacts"

    entitlement_id: Mapped[UUID] = mapped_column(refers_to("entitlements.id"), primary_key=True)
    contact_id: Mapped[UUID] = mapped_column(refers_to("contacts.id"), primary_key=True, index=True)


class EntitledProduct(Base):
    """A product an entitlement is limited to; none listed means all."""

    __tablename__ = "entitled_products"

    entitlement_id: Mapped[UUID] = mapped_column(refers_to("entitlements.id"), primary_key=True)
    product_id: Mapped[UUID] = mapped_column(refers_to("products.id"), primary_key=True)


def hours(minutes: int) -> str:
    """Minutes as decimal hours with at most two places: 1.5, 0.33, -2."""
    return f"{minutes / MINUTES:.2f}".rstrip("0").rstrip(".")


def held_by(
    session: Session,
    customers: Iterable[tuple[UUID | None, UUID | None]],
    *,
    lock: bool = False,
    also: Iterable[UUID] = (),
) -> list[Entitlement]:
    """The entitlements of these (contact, account) pairs, drafts aside; rows locked if asked.

    Locked in the order of their ids, so that two transactions cannot wait for each other; for the
    same reason, `also` brings others that the caller will need, whosever they are.
    """
    contacts, accounts = set(), set()
    for contact_id, account_id in customers:
        contacts.add(contact_id)
        accounts.add(account_id)
    theirs = or_(
        Entitlement.contact_id.in_(contacts - {None}),
        Entitlement.account_id.in_(accounts - {None}),
    ) & (Entitlement.state != State.DRAFT)
    named = tuple(also)
    statement = (
        select(Entitlement)
        .where(or_(theirs, Entitlement.id.in_(named)) if named else theirs)
        .order_by(Entitlement.id)
        .options(*WHOLE)
    )
    if lock:
        # What was read before the lock may be stale: the rows are read again under it.
        statement = statement.with_for_update(key_share=True).execution_options(
            populate_existing=True
        )
    return list(session.scalars(statement))


def locked(session: Session, ids: Iterable[UUID]) -> dict[UUID, Entitlement]:
    """These entitlements as they are now, their rows locked in the order of their ids."""
    wanted = set(ids)
    if not wanted:
        return {}
    found: Sequence[Entitlement] = session.scalars(
        select(Entitlement)
        .where(Entitlement.id.in_(wanted))
        .order_by(Entitlement.id)
        .options(*WHOLE)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    ).all()
    return {entitlement.id: entitlement for entitlement in found}


WHOLE = (
    selectinload(Entitlement.channels),
    selectinload(Entitlement.contacts),
    selectinload(Entitlement.products),
)
