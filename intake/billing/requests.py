"""Invoice requests: what is to be invoiced, line by line, and where that stands."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from sqlalchemy import Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from intake import events
from intake.agents import Principal
from intake.db import Base, new_id, one_of, refers_to
from intake.money import Amount


class State(StrEnum):
    """Where a request stands."""

    OPEN = "open"
    HELD = "held"  # a manager keeps it back
    WITHDRAWN = "withdrawn"  # its case was reopened
    EXPORTED = "exported"  # accounting has it
    CANCELLED = "cancelled"  # it is not to be invoiced, or was credited


class Kind(StrEnum):
    """Why it is billed."""

    NO_CONTRACT = "no contract"
    OVERAGE = "overage"
    CREDIT = "credit"  # what accounting had is taken back


class InvoiceRequest(Base):
    """What one resolution of a case is to be invoiced for."""

    __tablename__ = "invoice_requests"
    __table_args__ = (Index("ix_invoice_requests_by_state", "state", "number"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    number: Mapped[int] = mapped_column(unique=True)
    case_id: Mapped[UUID] = mapped_column(refers_to("cases.id"), index=True)
    case_number: Mapped[int]
    account_id: Mapped[UUID | None] = mapped_column(refers_to("accounts.id"), index=True)
    contact_id: Mapped[UUID | None] = mapped_column(refers_to("contacts.id"), index=True)
    kind: Mapped[Kind] = mapped_column(one_of(Kind))
    state: Mapped[State] = mapped_column(one_of(State), default=State.OPEN)
    text: Mapped[str]
    currency: Mapped[str] = mapped_column(String(3))
    amount: Mapped[Decimal] = mapped_column(Amount)
    problem: Mapped[str] = mapped_column(default="")
    """Why it cannot be handed over yet, or ''."""
    reason: Mapped[str] = mapped_column(default="")
    """Why a manager holds or cancelled it, or ''."""
    credits_id: Mapped[UUID | None] = mapped_column(refers_to("invoice_requests.id"), unique=True)
    """The request that this one takes back."""
    batch: Mapped[int | None]
    """With which others it was handed over."""
    created_at: Mapped[datetime]
    exported_at: Mapped[datetime | None]
    lines: Mapped[list[InvoiceLine]] = relationship(
        order_by="InvoiceLine.position", lazy="raise_on_sql"
    )


class InvoiceLine(Base):
    """One line: time at a rate, or a price for the case itself."""

    __tablename__ = "invoice_lines"
    __table_args__ = (UniqueConstraint("request_id", "position"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    request_id: Mapped[UUID] = mapped_column(refers_to("invoice_requests.id"))
    position: Mapped[int]
    text: Mapped[str]
    time_entry_id: Mapped[UUID | None] = mapped_column(refers_to("time_entries.id"))
    worked_units: Mapped[int]
    """What was used, in minutes, or in cases where those are sold."""
    minutes: Mapped[int]
    """What is billed of it, rounded."""
    rate: Mapped[Decimal | None] = mapped_column(Amount)
    """Per hour, or for the case; None where nobody set one."""
    amount: Mapped[Decimal] = mapped_column(Amount)


def tell(
    session: Session,
    kind: str,
    request: InvoiceRequest,
    by: Principal,
    at: datetime,
    batch: int | None = None,
    **data: str,
) -> None:
    """Record what became of a request, for accounting's own programs to hear."""
    events.record(
        session,
        kind,
        at=at,
        actor=by,
        case_id=request.case_id,
        number=request.case_number,
        request=request.number,
        request_id=str(request.id),
        amount=str(request.amount),
        currency=request.currency,
        because=request.kind.value,
        batch=batch,
        **data,
    )
