"""Writing a contract: from a template, by hand, or as a copy; every mistake names its field."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import exists, inspect, select
from sqlalchemy.orm import Session

from intake import money
from intake.contracts.records import (
    HUNDRED,
    Allotment,
    Contract,
    ContractLine,
    Discount,
    Frequency,
    LineState,
    Overage,
    State,
    WrongTerm,
)
from intake.contracts.templates import locked_template
from intake.contracts.transitions import Act, must
from intake.counters import next_of
from intake.db import Base, new_id

# Without letters and digits that are read for one another on the phone.
LEGIBLE = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
MOST = 10_000_000
EXTERNAL_ID_LENGTH = 120
ADDRESS_LENGTH = 320
MOST_DAYS = 3_653


@dataclass(frozen=True, slots=True)
class Terms:
    """What is written into a contract. A template's words win over those from `billing_frequency`
    to `sla_id`."""

    name: str
    starts_on: date
    ends_on: date
    currency: str
    account_id: UUID | None = None
    contact_id: UUID | None = None
    template_id: UUID | None = None
    bill_to: str = ""
    billing_starts_on: date | None = None
    billing_ends_on: date | None = None
    overage: Overage = Overage.ASK
    external_id: str | None = None
    billing_frequency: Frequency = Frequency.ANNUALLY
    allotment: Allotment = Allotment.CASES
    discount_mode: Discount = Discount.PERCENTAGE
    calendar_id: UUID | None = None
    sla_id: UUID | None = None
    owner_id: UUID | None = None
    email: str = ""
    renewal_days: Sequence[int] = ()
    draft_renewal_days: int | None = None


@dataclass(frozen=True, slots=True)
class LineTerms:
    """What is written into a line; its dates are the contract's unless given."""

    title: str
    total: int = 0
    price: Decimal = field(default_factory=Decimal)
    discount: Decimal = field(default_factory=Decimal)
    quantity: int = 1
    product_id: UUID | None = None
    starts_on: date | None = None
    ends_on: date | None = None
    overage_rate: Decimal | None = None


def draft(session: Session, terms: Terms, *, prefix: str, at: datetime) -> Contract:
    """A new contract in draft, with the next number. Raises WrongTerm or NoSuchCurrency."""
    contract = Contract(
        id=new_id(),
        number=next_number(session, prefix),
        term=1,
        state=State.DRAFT,
        created_at=at,
        lines=[],
        **_checked(session, terms, None),
    )
    session.add(contract)
    return contract


def redraft(session: Session, contract: Contract, terms: Terms) -> None:
    """Write other terms into a draft; its lines must still fit into it."""
    must(contract, Act.EDIT)
    fields = _checked(session, terms, contract.id)
    if fields["allotment"] is not contract.allotment and contract.lines:
        raise WrongTerm("allotment: it cannot change once a line counts by it")
    same_start = {x.id for x in contract.lines if x.starts_on == contract.starts_on}
    same_end = {x.id for x in contract.lines if x.ends_on == contract.ends_on}
    for name, value in fields.items():
        setattr(contract, name, value)
    for line in contract.lines:
        line.starts_on = contract.starts_on if line.id in same_start else line.starts_on
        line.ends_on = contract.ends_on if line.id in same_end else line.ends_on
        _fits(contract, line.starts_on, line.ends_on)


def copy(session: Session, original: Contract, *, prefix: str, at: datetime) -> Contract:
    """A new contract in draft with the same terms and lines, and a number of its own."""
    must(original, Act.COPY)
    contract = Contract(
        id=new_id(),
        number=next_number(session, prefix),
        term=1,
        copied_from_id=original.id,
        state=State.DRAFT,
        created_at=at,
        **shared_terms(original),
    )
    contract.lines = [same_line(line) for line in original.lines]
    session.add(contract)
    return contract


def add_line(session: Session, contract: Contract, terms: LineTerms) -> ContractLine:
    """One more line, after the others. Raises WrongTerm, naming the field."""
    must(contract, Act.ADD_LINE)
    position = max((line.position for line in contract.lines), default=0) + 1
    line = ContractLine(
        id=new_id(),
        position=position,
        state=LineState.EXISTING,
        **_checked_line(session, contract, terms),
    )
    contract.lines.append(line)
    return line


def change_line(session: Session, contract: Contract, line: ContractLine, terms: LineTerms) -> None:
    """Write other terms into a line of a draft."""
    must(contract, Act.EDIT)
    for name, value in _checked_line(session, contract, terms).items():
        setattr(line, name, value)


def remove_line(contract: Contract, line: ContractLine) -> None:
    """Strike a line from a draft."""
    must(contract, Act.EDIT)
    contract.lines.remove(line)


def next_number(session: Session, prefix: str) -> str:
    """A number nobody can guess from another: CNR-1001-K7Q2MX."""
    [count] = next_of(session, "contract")
    return f"{prefix}-{count}-{''.join(secrets.choice(LEGIBLE) for _ in range(6))}"


def shared_terms(contract: Contract) -> dict[str, Any]:
    """The fields that a copy and a renewal take over as they are."""
    kept = (
        *("name", "template_id", "account_id", "contact_id", "starts_on", "ends_on", "bill_to"),
        *("billing_starts_on", "billing_ends_on", "billing_frequency", "allotment"),
        *("discount_mode", "overage", "currency", "calendar_id", "sla_id"),
        *("owner_id", "email", "renewal_days", "draft_renewal_days", "draft_renewal_on"),
    )
    return {name: getattr(contract, name) for name in kept}


def same_line(line: ContractLine) -> ContractLine:
    """A line that says the same and has counted nothing."""
    kept = (
        *("position", "title", "product_id", "starts_on", "ends_on", "quantity", "total"),
        *("price", "discount", "overage_rate"),
    )
    state = LineState.EXISTING
    return ContractLine(id=new_id(), state=state, **{name: getattr(line, name) for name in kept})


def _checked(session: Session, terms: Terms, own_id: UUID | None) -> dict[str, Any]:
    if not terms.name.strip():
        raise WrongTerm("name: a contract needs one")
    _customer(session, terms)
    _external_id(session, terms.external_id, own_id)
    _in_order("starts_on", terms.starts_on, "ends_on", terms.ends_on)
    starts_on = terms.billing_starts_on or terms.starts_on
    ends_on = terms.billing_ends_on or terms.ends_on
    _in_order("billing_starts_on", starts_on, "billing_ends_on", ends_on)
    source: Any = terms
    if terms.template_id is not None:
        source = locked_template(session, terms.template_id)
    _must_exist(
        session,
        Contract,
        account_id=terms.account_id,
        contact_id=terms.contact_id,
        calendar_id=source.calendar_id,
        sla_id=source.sla_id,
        owner_id=terms.owner_id,
    )
    _notices(terms)
    return {
        "name": terms.name.strip(),
        "template_id": terms.template_id,
        "account_id": terms.account_id,
        "contact_id": terms.contact_id,
        "starts_on": terms.starts_on,
        "ends_on": terms.ends_on,
        "bill_to": terms.bill_to.strip(),
        "billing_starts_on": starts_on,
        "billing_ends_on": ends_on,
        "billing_frequency": source.billing_frequency,
        "allotment": source.allotment,
        "discount_mode": source.discount_mode,
        "overage": terms.overage,
        "currency": money.currency(terms.currency),
        "calendar_id": source.calendar_id,
        "sla_id": source.sla_id,
        "external_id": terms.external_id,
        "owner_id": terms.owner_id,
        "email": terms.email.strip(),
        "renewal_days": list(terms.renewal_days),
        "draft_renewal_days": terms.draft_renewal_days,
        "draft_renewal_on": to_be_renewed_on(terms.ends_on, terms.draft_renewal_days),
    }


def to_be_renewed_on(ends_on: date, days: int | None) -> date | None:
    """The day on which the clock drafts the next term of a contract that ends then."""
    return None if days is None else ends_on - timedelta(days=days)


def _notices(terms: Terms) -> None:
    if any(abs(days) > MOST_DAYS for days in terms.renewal_days):
        raise WrongTerm("renewal_days: reminders go out within ten years of the end")
    if terms.renewal_days and "@" not in terms.email:
        raise WrongTerm("email: reminders need an address to go to")
    if len(terms.email) > ADDRESS_LENGTH:
        raise WrongTerm(f"email: an address has at most {ADDRESS_LENGTH} characters")
    days = terms.draft_renewal_days
    if days is not None and not 0 <= days <= MOST_DAYS:
        raise WrongTerm(f"draft_renewal_days: {days} is not between 0 and {MOST_DAYS}")


def _customer(session: Session, terms: Terms) -> None:
    if (terms.account_id is None) == (terms.contact_id is None):
        raise WrongTerm("customer: a contract is with one account or one contact")


def _external_id(session: Session, external_id: str | None, own_id: UUID | None) -> None:
    if external_id is None:
        return
    if not 1 <= len(external_id) <= EXTERNAL_ID_LENGTH:
        raise WrongTerm(f"external_id: between 1 and {EXTERNAL_ID_LENGTH} characters")
    same = exists().where(Contract.external_id == external_id, Contract.id != own_id)
    if session.scalar(select(same)):
        raise WrongTerm(f"external_id: another contract has {external_id!r}")


def _must_exist(session: Session, table: type[Base], **ids: UUID | None) -> None:
    """Raises WrongTerm for an id that names no row of the table its field refers to."""
    for name, id in ids.items():
        [key] = inspect(table).columns[name].foreign_keys
        if id is not None and session.scalar(select(exists().where(key.column == id))) is False:
            raise WrongTerm(f"{name}: there is no such {name.removesuffix('_id')}")


def _in_order(first: str, starts_on: date, last: str, ends_on: date) -> None:
    if ends_on < starts_on:
        raise WrongTerm(f"{last}: {ends_on} is before {first}, {starts_on}")


def _checked_line(session: Session, contract: Contract, terms: LineTerms) -> dict[str, Any]:
    if not terms.title.strip():
        raise WrongTerm("title: a line needs one")
    starts_on = terms.starts_on or contract.starts_on
    ends_on = terms.ends_on or contract.ends_on
    _in_order("starts_on", starts_on, "ends_on", ends_on)
    _fits(contract, starts_on, ends_on)
    _counts(contract, terms)
    _must_exist(session, ContractLine, product_id=terms.product_id)
    discount = money.amount(terms.discount, "discount")
    price = money.amount(terms.price, "price")
    whole = HUNDRED if contract.discount_mode is Discount.PERCENTAGE else price * terms.quantity
    if discount > whole:
        raise WrongTerm(f"discount: {discount} is more than the whole, {whole}")
    return {
        "title": terms.title.strip(),
        "product_id": terms.product_id,
        "starts_on": starts_on,
        "ends_on": ends_on,
        "quantity": terms.quantity,
        "total": terms.total,
        "price": price,
        "discount": discount,
        "overage_rate": None
        if terms.overage_rate is None
        else money.amount(terms.overage_rate, "overage_rate"),
    }


def _fits(contract: Contract, starts_on: date, ends_on: date) -> None:
    if starts_on < contract.starts_on:
        raise WrongTerm(f"starts_on: {starts_on} is before the contract, {contract.starts_on}")
    if ends_on > contract.ends_on:
        raise WrongTerm(f"ends_on: {ends_on} is after the contract, {contract.ends_on}")


def _counts(contract: Contract, terms: LineTerms) -> None:
    if not 1 <= terms.quantity <= MOST:
        raise WrongTerm(f"quantity: {terms.quantity} is not between 1 and {MOST}")
    if contract.allotment is Allotment.COVERAGE_DATES:
        if terms.total:
            raise WrongTerm("total: this contract covers dates and counts nothing; leave it 0")
    elif not 1 <= terms.total <= MOST:
        unit = "minutes" if contract.allotment is Allotment.TIME else "cases"
        raise WrongTerm(f"total: {terms.total} {unit} is not between 1 and {MOST}")
