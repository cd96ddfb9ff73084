"""Which act is allowed in which state of a contract, and where it leads: the whole table.

draft ─invoice─► invoiced ─start─► active ─end─► expired
                    │   hold ▼        │ hold ▼
                    │        on hold ─release─► by its dates
                    └─cancel─► cancelled ◄─cancel, at once or on a day
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from enum import StrEnum
from typing import ClassVar

from sqlalchemy import Select, or_, select
from sqlalchemy.orm import Session, selectinload

from intake.contracts.records import Contract, ContractLine, LineState, State, WrongTerm
from intake.errors import IntakeError


class Act(StrEnum):
    """What may be done to a contract."""

    EDIT = "edit"
    DELETE = "delete"
    INVOICE = "invoice"
    ADD_LINE = "add a line to"
    CANCEL_LINE = "cancel a line of"
    LOG_CASE = "log a case against"
    HOLD = "hold"
    RELEASE = "release"
    CANCEL = "cancel"
    CANCEL_LATER = "cancel on a later day"
    RENEW = "renew"
    COPY = "copy"


ALLOWED: dict[State, frozenset[Act]] = {
    State.DRAFT: frozenset({Act.EDIT, Act.DELETE, Act.INVOICE, Act.ADD_LINE, Act.COPY}),
    State.INVOICED: frozenset(
        {Act.ADD_LINE, Act.CANCEL_LINE, Act.HOLD, Act.CANCEL, Act.COPY},
    ),
    State.ACTIVE: frozenset(
        {
            Act.ADD_LINE,
            Act.CANCEL_LINE,
            Act.LOG_CASE,
            Act.HOLD,
            Act.CANCEL,
            Act.CANCEL_LATER,
            Act.RENEW,
            Act.COPY,
        }
    ),
    State.ON_HOLD: frozenset({Act.RELEASE, Act.COPY}),
    State.CANCELLED: frozenset({Act.RENEW, Act.COPY}),
    State.EXPIRED: frozenset({Act.RENEW, Act.COPY}),
}
# What time may still move.
IN_TIME = (State.INVOICED, State.ACTIVE, State.ON_HOLD)


class NotInThisState(IntakeError):
    """The contract's state does not allow that act."""

    code = "contract-state"
    hints: ClassVar[dict[State, str]] = {
        State.DRAFT: "invoice it first",
        State.ON_HOLD: "release it first",
        State.EXPIRED: "renew it",
        State.CANCELLED: "renew it",
    }


class ContractNotActive(NotInThisState):
    """Cases are logged against active contracts only."""

    code = "contract-not-active"


class NothingToInvoice(IntakeError):
    """A contract is invoiced with at least one line and an address to bill to."""

    code = "contract-incomplete"


def may(contract: Contract, act: Act) -> bool:
    """Whether the table allows the act as the contract stands."""
    return act in ALLOWED[contract.state]


def must(contract: Contract, act: Act) -> None:
    """Raises NotInThisState, or ContractNotActive for a case, unless the table allows the act."""
    if may(contract, act):
        return
    kind = ContractNotActive if act is Act.LOG_CASE else NotInThisState
    hint = kind.hints.get(contract.state)
    words = f"state: contract {contract.number} is {contract.state}, you cannot {act} it"
    raise kind(f"{words}; {hint}" if hint else words)


def invoice(contract: Contract) -> None:
    """The customer accepted: the terms are fixed, and it is in force from its first day on."""
    must(contract, Act.INVOICE)
    if not any(line.state is LineState.EXISTING for line in contract.lines):
        raise NothingToInvoice(f"lines: contract {contract.number} has none; add one first")
    if not contract.bill_to.strip():
        raise NothingToInvoice(f"bill_to: contract {contract.number} needs an address to bill to")
    contract.state = State.INVOICED


def hold(contract: Contract) -> None:
    """Nothing is covered until it is released."""
    must(contract, Act.HOLD)
    contract.state = State.ON_HOLD


def release(contract: Contract, *, on: date) -> None:
    """Go on as the dates say by now: invoiced, active or expired."""
    must(contract, Act.RELEASE)
    contract.state = State.INVOICED
    move(contract, on=on)


def cancel(contract: Contract, *, on: date, today: date) -> None:
    """End it on a day, which is the first without cover; today ends it at once."""
    must(contract, Act.CANCEL if on <= today else Act.CANCEL_LATER)
    if on < today:
        raise WrongTerm(f"on: {on} is past; a contract is cancelled today or later")
    if on > contract.ends_on:
        raise WrongTerm(f"on: the contract ends on {contract.ends_on} by itself")
    contract.cancels_on = on
    move(contract, on=today)


def cancel_line(contract: Contract, line: ContractLine) -> None:
    """End one line at once; the others go on."""
    must(contract, Act.CANCEL_LINE)
    if line.state is not LineState.EXISTING:
        raise NotInThisState(f"state: the line {line.title} is {line.state} already")
    line.state = LineState.CANCELLED


def move(contract: Contract, *, on: date) -> State | None:
    """Bring a contract and its lines to where a day puts them; the new state if it changed."""
    before = contract.state
    if before not in IN_TIME:
        return None
    if contract.cancels_on is not None and contract.cancels_on <= on:
        contract.state = State.CANCELLED
    elif contract.ends_on < on:
        contract.state = State.EXPIRED
    elif before is State.INVOICED and contract.starts_on <= on:
        contract.state = State.ACTIVE
    for line in contract.lines:
        if contract.state is State.CANCELLED and line.covering:
            line.state = LineState.CANCELLED
        elif line.state is LineState.EXISTING and line.ends_on < on:
            line.state = LineState.EXPIRED
    return contract.state if contract.state is not before else None


def due(on: date) -> Select[Contract]:
    """The contracts that a day moves, of which it ends a line, or whose renewal is to be drafted;
    each arm has its index."""
    begun = (Contract.state == State.INVOICED) & (Contract.starts_on <= on)
    ended = Contract.state.in_(IN_TIME) & (Contract.ends_on < on)
    cancelled = Contract.state.in_(IN_TIME) & (Contract.cancels_on <= on)
    lines = select(ContractLine.contract_id).where(
        ContractLine.state == LineState.EXISTING, ContractLine.ends_on < on
    )
    outrun = Contract.state.in_(IN_TIME) & Contract.id.in_(lines)
    goes_on = Contract.state.in_((State.ACTIVE, State.EXPIRED)) & Contract.cancels_on.is_(None)
    to_renew = goes_on & (Contract.draft_renewal_on <= on)
    return select(Contract).where(or_(begun, ended, cancelled, outrun, to_renew))


def take_due(session: Session, *, on: date, limit: int) -> Sequence[Contract]:
    """Up to `limit` of them, locked, with their lines; those another worker holds are left."""
    statement = (
        due(on)
        .order_by(Contract.id)
        .limit(limit)
        .with_for_update(skip_locked=True, of=Contract)
        .options(selectinload(Contract.lines))
        .execution_options(populate_existing=True)
    )
    return session.scalars(statement).all()
