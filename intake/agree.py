"""Agreeing with a customer: a manager writes, invoices, holds, ends and renews contracts.

Each act is one function, called alike by GraphQL, the console and the command line, in a
transaction of the caller's. It asks whether the principal may; locks the contract; changes it;
lets the entitlements follow; records the event.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import update
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import flag_modified

from intake import acting, contracts, coverage, events, sla, terms
from intake.agents import Act, Principal
from intake.cases import Case, touch
from intake.contracts import (
    Contract,
    ContractLine,
    ContractNotActive,
    ContractTemplate,
    LineTerms,
    Terms,
    WrongTerm,
    renewal,
    transitions,
)
from intake.desk import Desk
from intake.entitlements import ChosenBy
from intake.errors import NotFound


def template(session: Session, by: Principal, *, at: datetime, **fields: Any) -> ContractTemplate:
    """A new contract template. Raises WrongTerm, naming the field."""
    by.must(Act.MANAGE)
    made = contracts.add_template(session, at=at, **fields)
    session.flush()
    events.record(session, "contract-template.added", at=at, actor=by, name=made.name)
    return made


def change_template(
    session: Session, by: Principal, template_id: UUID, *, at: datetime, **fields: Any
) -> ContractTemplate:
    """Change a template. Raises TemplateFrozen once a contract uses it."""
    by.must(Act.MANAGE)
    changed = contracts.change_template(session, template_id, **fields)
    session.flush()
    events.record(session, "contract-template.changed", at=at, actor=by, name=changed.name)
    return changed


def draft(
    session: Session,
    by: Principal,
    terms: Terms,
    *lines: LineTerms,
    desk: Desk,
    at: datetime,
) -> Contract:
    """A new contract in draft, from a template or by hand. Raises WrongTerm, naming the field."""
    by.must(Act.MANAGE)
    contract = contracts.draft(session, terms, prefix=desk.contract_prefix, at=at)
    for line in lines:
        contracts.add_line(session, contract, line)
    return _done(session, contract, by, "drafted", desk, at)


def redraft(
    session: Session,
    by: Principal,
    contract_id: UUID,
    terms: Terms,
    *,
    desk: Desk,
    at: datetime,
    version: int | None = None,
) -> Contract:
    """Write other terms into a draft."""
    contract = _contract(session, by, contract_id, version)
    contracts.redraft(session, contract, terms)
    return _done(session, contract, by, "edited", desk, at)


def copy(
    session: Session, by: Principal, contract_id: UUID, *, desk: Desk, at: datetime
) -> Contract:
    """A draft that says the same under a new number."""
    original = _contract(session, by, contract_id, None)
    fresh = contracts.copy(session, original, prefix=desk.contract_prefix, at=at)
    return _done(session, fresh, by, "drafted", desk, at, copied_from=original.number)


def delete(
    session: Session,
    by: Principal,
    contract_id: UUID,
    *,
    desk: Desk,
    at: datetime,
    version: int | None = None,
) -> None:
    """Throw a draft away; what it was to renew can be renewed again, and copies stay."""
    contract = _contract(session, by, contract_id, version)
    transitions.must(contract, transitions.Act.DELETE)
    if contract.renews_id is not None:
        old = contracts.by_id(session, contract.renews_id, lock=True)
        renewal.unrenew(old, on=desk.day(at))
    copies = update(Contract).where(Contract.copied_from_id == contract.id)
    session.execute(copies.values(copied_from_id=None))
    session.delete(contract)
    session.flush()
    _record(session, contract, by, "deleted", at)


def add_line(
    session: Session,
    by: Principal,
    contract_id: UUID,
    line: LineTerms,
    *,
    desk: Desk,
    at: datetime,
    version: int | None = None,
) -> ContractLine:
    """One more line; on an active contract it covers from its first day on."""
    contract = _contract(session, by, contract_id, version)
    added = contracts.add_line(session, contract, line)
    _done(session, contract, by, "line-added", desk, at, line=added.title)
    return added


def change_line(
    session: Session,
    by: Principal,
    contract_id: UUID,
    line_id: UUID,
    terms: LineTerms,
    *,
    desk: Desk,
    at: datetime,
    version: int | None = None,
) -> ContractLine:
    """Write other terms into a line of a draft."""
    contract = _contract(session, by, contract_id, version)
    line = _line(contract, line_id)
    contracts.change_line(session, contract, line, terms)
    _done(session, contract, by, "line-changed", desk, at, line=line.title)
    return line


def cancel_line(
    session: Session,
    by: Principal,
    contract_id: UUID,
    line_id: UUID,
    *,
    desk: Desk,
    at: datetime,
    version: int | None = None,
) -> ContractLine:
    """End one line at once; the rest of the contract goes on."""
    contract = _contract(session, by, contract_id, version)
    line = _line(contract, line_id)
    transitions.cancel_line(contract, line)
    _done(session, contract, by, "line-cancelled", desk, at, line=line.title)
    return line


def invoice(
    session: Session,
    by: Principal,
    contract_id: UUID,
    *,
    desk: Desk,
    at: datetime,
    version: int | None = None,
) -> Contract:
    """The customer accepted. The event is for the accounting system; no invoice is sent.

    A contract whose first day has come is active at once.
    """
    contract = _contract(session, by, contract_id, version)
    transitions.invoice(contract)
    _done(
        session,
        contract,
        by,
        "invoiced",
        desk,
        at,
        bill_to=contract.bill_to,
        total=str(contract.total),
        currency=contract.currency,
        frequency=contract.billing_frequency,
    )
    if (state := transitions.move(contract, on=desk.day(at))) is not None:
        _done(session, contract, by, state.value, desk, at)
    return contract


def hold(
    session: Session,
    by: Principal,
    contract_id: UUID,
    *,
    desk: Desk,
    at: datetime,
    version: int | None = None,
) -> Contract:
    """Cover nothing until `release`."""
    contract = _contract(session, by, contract_id, version)
    transitions.hold(contract)
    return _done(session, contract, by, "held", desk, at)


def release(
    session: Session,
    by: Principal,
    contract_id: UUID,
    *,
    desk: Desk,
    at: datetime,
    version: int | None = None,
) -> Contract:
    """Go on after a hold, as the dates say: active, or expired when the end passed meanwhile."""
    contract = _contract(session, by, contract_id, version)
    transitions.release(contract, on=desk.day(at))
    return _done(session, contract, by, "released", desk, at, state=contract.state.value)


def cancel(
    session: Session,
    by: Principal,
    contract_id: UUID,
    *,
    desk: Desk,
    at: datetime,
    on: date | None = None,
    version: int | None = None,
) -> Contract:
    """End it now, or `on` a later day of an active contract, the first without cover."""
    contract = _contract(session, by, contract_id, version)
    today = desk.day(at)
    transitions.cancel(contract, on=on or today, today=today)
    done = contract.state is contracts.State.CANCELLED
    kind = "cancelled" if done else "cancellation-planned"
    return _done(session, contract, by, kind, desk, at, on=str(contract.cancels_on))


def renew(
    session: Session,
    by: Principal,
    contract_id: UUID,
    *,
    desk: Desk,
    at: datetime,
    include_cancelled: bool = False,
    version: int | None = None,
) -> Contract:
    """The next term in draft, under the same number."""
    old = _contract(session, by, contract_id, version)
    fresh = contracts.renew(session, old, include_cancelled=include_cancelled, at=at)
    return _done(session, fresh, by, "renewed", desk, at, renews=str(old.id))


def tie(
    session: Session,
    by: Principal,
    case_id: UUID,
    contract_id: UUID,
    line_id: UUID | None = None,
    *,
    desk: Desk,
    at: datetime,
    version: int | None = None,
) -> Case:
    """Log a case against a contract, or against one line of it, which then counts it.

    Raises ContractNotActive unless it covers today, WrongTerm when it is another customer's.
    """
    case = acting.case_of(session, by, case_id, version=version, closed_too=True)
    contract = contracts.by_id(session, contract_id, lock=True)
    line = _line(contract, line_id) if line_id is not None else None
    _must_cover(contract, line, desk.day(at))
    theirs = {case.account_id, case.contact_id} - {None}
    if not {contract.account_id, contract.contact_id} & theirs:
        raise WrongTerm(f"contract: {contract.number} is with another customer than the case")
    case.contract_id, case.contract_line_id = contract.id, line.id if line else None
    if line is not None and line.entitlement_id is not None:
        _count_by(session, case, contract, line, desk, at=at)
        if case.open:
            sla.choose_again(session, case, at=at)
    touch(case, at)
    line_title = line.title if line else ""
    acting.record(session, case, by, "case.tied", at, contract=str(contract.id), line=line_title)
    return case


def untie(
    session: Session, by: Principal, case_id: UUID, *, at: datetime, version: int | None = None
) -> Case:
    """The case belongs to no contract; its entitlement stays as it is."""
    case = acting.case_of(session, by, case_id, version=version, closed_too=True)
    case.contract_id = case.contract_line_id = None
    touch(case, at)
    acting.record(session, case, by, "case.untied", at)
    return case


def _count_by(
    session: Session,
    case: Case,
    contract: Contract,
    line: ContractLine,
    desk: Desk,
    *,
    at: datetime,
) -> None:
    """Have the line's entitlement count the case; what another gave it is given back."""
    if case.entitlement_id == line.entitlement_id:
        return
    case.entitlement_id, case.covered_by = line.entitlement_id, ChosenBy.HAND
    case.decision = {
        **case.decision,
        "entitlement": str(line.entitlement_id),
        "name": f"{contract.number}: {line.title}",
        "refusal": None,
        "words": f"Logged by hand against {contract.number}: {line.title}.",
    }
    reason = f"logged against {contract.number}"
    terms.settle(
        session, case, on=desk.day(at), at=at, event=f"tied:{line.id}:{case.version}", reason=reason
    )


def _must_cover(contract: Contract, line: ContractLine | None, on: date) -> None:
    if not contract.in_force(on):
        transitions.must(contract, transitions.Act.LOG_CASE)
        raise ContractNotActive(f"contract: {contract.number} does not cover {on}")
    if line is not None and not line.in_force(on):
        state = line.state if not line.covering else f"not in force on {on}"
        raise ContractNotActive(f"line: {line.title} is {state}; choose another")


def _contract(session: Session, by: Principal, contract_id: UUID, version: int | None) -> Contract:
    by.must(Act.MANAGE)
    return contracts.by_id(session, contract_id, version=version, lock=True)


def _line(contract: Contract, line_id: UUID) -> ContractLine:
    line = next((line for line in contract.lines if line.id == line_id), None)
    if line is None:
        raise NotFound(f"contract {contract.number} has no such line")
    return line


def _done(
    session: Session,
    contract: Contract,
    by: Principal,
    kind: str,
    desk: Desk,
    at: datetime,
    **data: Any,
) -> Contract:
    # A line belongs to its contract: whoever read the contract before has read an old version.
    flag_modified(contract, "state")
    session.flush()
    if contract.state is not contracts.State.DRAFT:
        coverage.follow(session, contract, on=desk.day(at), at=at)
    _record(session, contract, by, kind, at, **data)
    session.flush()
    return contract


def _record(
    session: Session, contract: Contract, by: Principal, kind: str, at: datetime, **data: Any
) -> None:
    events.record(
        session,
        f"contract.{kind}",
        at=at,
        actor=by,
        contract=str(contract.id),
        number=contract.number,
        **data,
    )
