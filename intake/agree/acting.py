"""What each act on a contract does before and after: may they, lock; follow, record."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import flag_modified

from intake import contracts, coverage, events
from intake.agents import Act, Principal
from intake.contracts import (
    Contract,
    ContractLine,
)
from intake.desk import Desk
from intake.errors import NotFound


def contract_for(
    session: Session, by: Principal, contract_id: UUID, version: int | None
) -> Contract:
    """The contract, locked, for a manager. Raises ContractChanged for an old version."""
    by.must(Act.MANAGE)
    return contracts.by_id(session, contract_id, version=version, lock=True)


def line_of(contract: Contract, line_id: UUID) -> ContractLine:
    """That line of it. Raises NotFound."""
    line = next((line for line in contract.lines if line.id == line_id), None)
    if line is None:
        raise NotFound(f"contract {contract.number} has no such line")
    return line


def done(
    session: Session,
    contract: Contract,
    by: Principal,
    kind: str,
    desk: Desk,
    at: datetime,
    **data: Any,
) -> Contract:
    """The act is done: entitlements follow the contract, and it is recorded."""
    # A line belongs to its contract: whoever read the contract before has read an old version.
    flag_modified(contract, "state")
    session.flush()
    if contract.state is not contracts.State.DRAFT:
        coverage.follow(session, contract, on=desk.day(at), at=at)
    record(session, contract, by, kind, at, **data)
    session.flush()
    return contract


def record(
    session: Session, contract: Contract, by: Principal, kind: str, at: datetime, **data: Any
) -> None:
    """Record what became of a contract."""
    events.record(
        session,
        f"contract.{kind}",
        at=at,
        actor=by,
        contract=str(contract.id),
        number=contract.number,
        **data,
    )
