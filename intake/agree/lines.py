"""The lines of a contract: written while it is a draft, added and ended later."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from intake import contracts
from intake.agents import Principal
from intake.agree.acting import contract_for, done, line_of
from intake.contracts import (
    Contract,
    ContractLine,
    LineTerms,
    transitions,
)
from intake.desk import Desk


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
    contract = contract_for(session, by, contract_id, version)
    added = contracts.add_line(session, contract, line)
    done(session, contract, by, "line-added", desk, at, line=added.title)
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
    contract = contract_for(session, by, contract_id, version)
    line = line_of(contract, line_id)
    contracts.change_line(session, contract, line, terms)
    done(session, contract, by, "line-changed", desk, at, line=line.title)
    return line


def remove_line(
    session: Session,
    by: Principal,
    contract_id: UUID,
    line_id: UUID,
    *,
    desk: Desk,
    at: datetime,
    version: int | None = None,
) -> Contract:
    """Strike a line from a draft."""
    contract = contract_for(session, by, contract_id, version)
    line = line_of(contract, line_id)
    contracts.remove_line(contract, line)
    return done(session, contract, by, "line-removed", desk, at, line=line.title)


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
    contract = contract_for(session, by, contract_id, version)
    line = line_of(contract, line_id)
    transitions.cancel_line(contract, line)
    done(session, contract, by, "line-cancelled", desk, at, line=line.title)
    return line
