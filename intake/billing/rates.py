"""What an hour costs, by person and service, and how time is rounded."""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID

from sqlalchemy import CheckConstraint, String, UniqueConstraint, or_, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from intake.db import Base, new_id, partial_index, refers_to
from intake.errors import IntakeError
from intake.money import Amount

DAY_MINUTES = 24 * 60


class WrongRate(IntakeError):
    """A rate or billing term that cannot be meant; the text names the field."""

    code = "wrong-rate"


class Rate(Base):
    """An hourly rate. The one that says most of person and service is taken."""

    __tablename__ = "rates"
    __table_args__ = (
        UniqueConstraint("agent_id", "service", "currency"),
        # To a unique constraint no agent is like no other: everybody's rates need their own.
        partial_index(
            "uq_rates_of_all",
            "service",
            "currency",
            unique=True,
            where="agent_id IS NULL",
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    agent_id: Mapped[UUID | None] = mapped_column(refers_to("agents.id"))
    """Whose hour; None: everybody's."""
    service: Mapped[str] = mapped_column(String(60), default="")
    """For which service, in the desk's own words; '': for any."""
    currency: Mapped[str] = mapped_column(String(3))
    per_hour: Mapped[Decimal] = mapped_column(Amount)


class BillingTerms(Base):
    """How time is billed to an account; the row without one holds for everybody else."""

    __tablename__ = "billing_terms"
    __table_args__ = (
        CheckConstraint("rounding_minutes >= 1", name="rounds_to_something"),
        CheckConstraint("(account_id IS NULL) = for_all", name="for_all_or_one"),
        partial_index("uq_billing_terms_for_all", "for_all", unique=True, where="for_all"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    account_id: Mapped[UUID | None] = mapped_column(refers_to("accounts.id"), unique=True)
    for_all: Mapped[bool] = mapped_column(default=False)
    currency: Mapped[str] = mapped_column(String(3))
    rounding_minutes: Mapped[int] = mapped_column(default=1)
    """Each entry is rounded up to whole ones of these."""
    minimum_minutes: Mapped[int] = mapped_column(default=0)
    """A case is billed with at least so many."""
    per_case: Mapped[Decimal] = mapped_column(Amount, default=Decimal())
    """What a case costs before any time, where service is billed per incident."""

    def rounded(self, minutes: int) -> int:
        """Minutes up to the next whole unit."""
        return -(-minutes // self.rounding_minutes) * self.rounding_minutes


def terms_of(session: Session, account_id: UUID | None) -> BillingTerms:
    """An account's own terms, else everybody's, else whole minutes in euros."""
    own = BillingTerms.account_id == account_id if account_id else BillingTerms.id.is_(None)
    found = session.scalars(
        select(BillingTerms).where(or_(own, BillingTerms.for_all)).order_by(BillingTerms.for_all)
    ).first()
    return found or BillingTerms(
        currency="EUR", rounding_minutes=1, minimum_minutes=0, per_case=Decimal()
    )


def rate_for(
    session: Session, agent_id: UUID | None, service: str, currency: str
) -> Decimal | None:
    """What an hour of that person's service costs; None where nobody said so.

    Person and service together win, then the person, then the service, then the general rate.
    """
    rows = session.scalars(
        select(Rate)
        .where(Rate.currency == currency, Rate.service.in_({service, ""}))
        .where(or_(Rate.agent_id.is_(None), Rate.agent_id == agent_id))
    )
    best = max(rows, key=lambda r: (r.agent_id is not None, r.service != ""), default=None)
    return best.per_hour if best else None
