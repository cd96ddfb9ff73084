"""Cases that are logged against a contract, or against one line of it."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from sqlalchemy.orm import Session

from intake import acting, contracts, sla, terms
from intake.agents import Principal
from intake.agree.acting import line_of
from intake.cases import Case, touch
from intake.contracts import (
    Contract,
    ContractLine,
    ContractNotActive,
    WrongTerm,
    transitions,
)
from intake.desk import Desk
from intake.entitlements import ChosenBy
from intake.nouns import noun


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
    line = line_of(contract, line_id) if line_id is not None else None
    _must_cover(contract, line, desk.day(at))
    theirs = {case.account_id, case.contact_id} - {None}
    if not {contract.account_id, contract.contact_id} & theirs:
        raise WrongTerm(f"contract: {contract.number} is with another customer than the {noun}")
    case.contract_id, case.contract_line_id = contract.id, line.id if line else None
    if line is not None and line.entitlement_id is not None:
        _count_by(session, case, contract, line, desk, at=at)
        if case.open:
            sla.reconsider(session, case, at=at, changed=True)
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
