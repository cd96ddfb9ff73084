"""A contract and its lines as they are kept: what was sold, to whom, from when until when."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, String, UniqueConstraint, select
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship, selectinload

from intake.db import Base, Json, new_id, one_of, partial_index, refers_to
from intake.errors import IntakeError, NotFound
from intake.money import Amount, rounded

HUNDRED = Decimal(100)


class State(StrEnum):
    """Where a contract stands. Cases may be logged against an active one only."""

    DRAFT = "draft"
    INVOICED = "invoiced"  # accepted; its start is still to come
    ACTIVE = "active"
    ON_HOLD = "on hold"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


class LineState(StrEnum):
    """Where one line stands. A renewed line covers until its contract ends."""

    EXISTING = "existing"
    RENEWED = "renewed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


class Frequency(StrEnum):
    """How often a contract is billed."""

    MONTHLY = "monthly"
    BIMONTHLY = "bimonthly"
    QUARTERLY = "quarterly"
    SEMIANNUALLY = "semi-annually"
    ANNUALLY = "annually"


class Allotment(StrEnum):
    """What a line counts: cases, minutes, or nothing but its dates."""

    CASES = "cases"
    TIME = "time"
    COVERAGE_DATES = "coverage dates"


class Discount(StrEnum):
    """What the discount of a line is."""

    PERCENTAGE = "percentage"
    AMOUNT = "amount"


class Overage(StrEnum):
    """What becomes of the minutes of a case beyond what its line had left."""

    ALLOW = "allow"  # the case that meets something left may use more
    ASK = "ask"  # whoever resolves it says which of the two
    BILL = "bill"  # they are billed


class WrongTerm(IntakeError):
    """A field of a contract, line or template that cannot be meant; the text names it."""

    code = "wrong-term"


class ContractChanged(IntakeError):
    """The contract changed since it was read."""

    code = "stale-version"


class Contract(Base):
    """What a customer and we agreed on. A renewal keeps the number and is the next `term`."""

    __tablename__ = "contracts"
    __table_args__ = (
        UniqueConstraint("number", "term"),
        CheckConstraint("(account_id IS NULL) <> (contact_id IS NULL)", name="one_customer"),
        CheckConstraint("starts_on <= ends_on", name="starts_before_it_ends"),
        Index("ix_contracts_starting", "state", "starts_on"),
        Index("ix_contracts_ending", "state", "ends_on"),
        Index("ix_contracts_cancelling", "state", "cancels_on"),
        partial_index(
            "ix_contracts_to_renew",
            "draft_renewal_on",
            where="draft_renewal_on IS NOT NULL",
        ),
        Index("ix_contracts_by_account", "account_id", "state"),
        Index("ix_contracts_by_contact", "contact_id", "state"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    number: Mapped[str] = mapped_column(String(40))
    term: Mapped[int] = mapped_column(default=1)
    name: Mapped[str]
    state: Mapped[State] = mapped_column(one_of(State), default=State.DRAFT)
    template_id: Mapped[UUID | None] = mapped_column(refers_to("contract_templates.id"), index=True)
    account_id: Mapped[UUID | None] = mapped_column(refers_to("accounts.id"))
    contact_id: Mapped[UUID | None] = mapped_column(refers_to("contacts.id"))
    starts_on: Mapped[date]
    ends_on: Mapped[date]
    """The last day, included, on the organisation's wall calendar."""
    cancels_on: Mapped[date | None]
    """The day on which it is, or is to be, cancelled: the first without cover."""
    bill_to: Mapped[str] = mapped_column(default="")
    billing_starts_on: Mapped[date]
    billing_ends_on: Mapped[date]
    billing_frequency: Mapped[Frequency] = mapped_column(one_of(Frequency))
    allotment: Mapped[Allotment] = mapped_column(one_of(Allotment))
    discount_mode: Mapped[Discount] = mapped_column(one_of(Discount))
    overage: Mapped[Overage] = mapped_column(one_of(Overage), default=Overage.ASK)
    currency: Mapped[str] = mapped_column(String(3))
    calendar_id: Mapped[UUID | None] = mapped_column(refers_to("service_calendars.id"))
    sla_id: Mapped[UUID | None] = mapped_column(refers_to("slas.id"))
    owner_id: Mapped[UUID | None] = mapped_column(refers_to("agents.id"))
    """The agent who answers for it, and is told of its coming renewal."""
    email: Mapped[str] = mapped_column(String(320), default="")
    """Where renewal notices go; nobody is written to when it is empty."""
    renewal_days: Mapped[list[int]] = mapped_column(Json, default=list)
    """The customer is reminded so many days before the end; below zero is after it."""
    draft_renewal_days: Mapped[int | None]
    """The clock drafts the next term so many days before the end, or when a line runs low."""
    draft_renewal_on: Mapped[date | None]
    """The day of that; None when it is done, or not wanted."""
    renews_id: Mapped[UUID | None] = mapped_column(refers_to("contracts.id"), unique=True)
    """The contract this one follows; unique, so that nothing is renewed twice."""
    copied_from_id: Mapped[UUID | None] = mapped_column(refers_to("contracts.id"))
    external_id: Mapped[str | None] = mapped_column(String(120), unique=True)
    created_at: Mapped[datetime]
    version: Mapped[int] = mapped_column(default=1)
    lines: Mapped[list[ContractLine]] = relationship(
        order_by="ContractLine.position",
        cascade="all, delete-orphan",
        lazy="raise_on_sql",
    )

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012

    @property
    def days(self) -> int:
        """How many days it runs, both ends included."""
        return (self.ends_on - self.starts_on).days + 1

    @property
    def total(self) -> Decimal:
        """What all lines that were not cancelled cost after discount, in `currency`."""
        kept = (line for line in self.lines if line.state is not LineState.CANCELLED)
        return sum((self.net(line) for line in kept), Decimal())

    def net(self, line: ContractLine) -> Decimal:
        """What a line costs after discount, to the smallest coin; never below zero."""
        gross = line.price * line.quantity
        if self.discount_mode is Discount.PERCENTAGE:
            gross -= gross * line.discount / HUNDRED
        else:
            gross -= line.discount
        return rounded(max(gross, Decimal()), self.currency)

    def rate(self, line: ContractLine) -> Decimal | None:
        """What one case or one hour of a line costs; None where only the dates count."""
        if line.total == 0:
            return None
        units = Decimal(line.total)
        if self.allotment is Allotment.TIME:
            units /= 60
        return rounded(self.net(line) / units, self.currency)

    def in_force(self, on: date) -> bool:
        """Whether a case may be logged against it on a day, whether or not the clock ticked."""
        ended = self.cancels_on is not None and self.cancels_on <= on
        begun = self.state is State.ACTIVE or (
            self.state is State.INVOICED and self.starts_on <= on
        )
        return begun and self.starts_on <= on <= self.ends_on and not ended


class ContractLine(Base):
    """One thing that was bought: so many cases, so many minutes, or cover for some days."""

    __tablename__ = "contract_lines"
    __table_args__ = (
        UniqueConstraint("contract_id", "position"),
        CheckConstraint("starts_on <= ends_on", name="starts_before_it_ends"),
        Index("ix_contract_lines_ending", "state", "ends_on"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    contract_id: Mapped[UUID] = mapped_column(refers_to("contracts.id"))
    position: Mapped[int]
    title: Mapped[str]
    state: Mapped[LineState] = mapped_column(one_of(LineState), default=LineState.EXISTING)
    product_id: Mapped[UUID | None] = mapped_column(refers_to("products.id"))
    starts_on: Mapped[date]
    ends_on: Mapped[date]
    quantity: Mapped[int] = mapped_column(default=1)
    """How many of it were bought, for the price."""
    total: Mapped[int] = mapped_column(default=0)
    """The whole allotment, in cases or in minutes; 0 where only the dates count."""
    price: Mapped[Decimal] = mapped_column(Amount, default=Decimal())
    discount: Mapped[Decimal] = mapped_column(Amount, default=Decimal())
    """In per cent or in money, as the contract's `discount_mode` says."""
    overage_rate: Mapped[Decimal | None] = mapped_column(Amount)
    """What an hour, or a case, beyond the allotment costs; None: as work without a contract."""
    entitlement_id: Mapped[UUID | None] = mapped_column(refers_to("entitlements.id"), unique=True)
    """What counts this line, from the day it became active."""

    @property
    def covering(self) -> bool:
        """Whether it takes part in what its contract covers, on its own days."""
        return self.state in (LineState.EXISTING, LineState.RENEWED)

    def in_force(self, on: date) -> bool:
        """Whether it covers that day, its contract being in force."""
        return self.covering and self.starts_on <= on <= self.ends_on


def by_id(
    session: Session, contract_id: UUID, *, version: int | None = None, lock: bool = False
) -> Contract:
    """That contract with its lines. Raises NotFound, or ContractChanged for an old `version`."""
    statement = (
        select(Contract).where(Contract.id == contract_id).options(selectinload(Contract.lines))
    )
    if lock:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    contract = session.scalar(statement)
    if contract is None:
        raise NotFound("there is no such contract")
    if version is not None and version != contract.version:
        raise ContractChanged(
            f"contract {contract.number} changed since you read it (version "
            f"{contract.version}, you had {version}); look again before you change it"
        )
    return contract
