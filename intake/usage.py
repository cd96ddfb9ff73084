"""How much of a contract line is used: its resolved cases, counted or timed, as they stand now."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session

from intake.cases import Case, Resolution, State
from intake.contracts import Allotment, Contract, ContractLine


@dataclass(frozen=True, slots=True)
class Usage:
    """In cases, or in minutes where the contract counts time; nothing runs out by dates alone."""

    used: int
    remaining: int
    overage: int
    """Units used beyond the allotment."""


def used_of(session: Session, line_ids: Iterable[UUID]) -> dict[UUID, Usage]:
    """What of these lines is used, whether a case was logged against one or covered by it."""
    latest = select(
        Resolution.case_id,
        Resolution.billable_minutes,
        func.row_number()
        .over(
            partition_by=Resolution.case_id, order_by=(Resolution.at.desc(), Resolution.id.desc())
        )
        .label("place"),
    ).subquery()
    theirs = or_(
        Case.contract_line_id == ContractLine.id,
        and_(Case.contract_line_id.is_(None), Case.entitlement_id == ContractLine.entitlement_id),
    )
    rows = session.execute(
        select(
            ContractLine.id,
            ContractLine.total,
            Contract.allotment,
            func.count(latest.c.case_id),
            func.coalesce(func.sum(latest.c.billable_minutes), 0),
        )
        .join(Contract, Contract.id == ContractLine.contract_id)
        .outerjoin(Case, and_(theirs, Case.state == State.RESOLVED, Case.no_decrement.is_(False)))
        .outerjoin(latest, and_(latest.c.case_id == Case.id, latest.c.place == 1))
        .where(ContractLine.id.in_(set(line_ids)))
        .group_by(ContractLine.id, ContractLine.total, Contract.allotment)
    )
    return {
        id: _usage(total, int(minutes) if allotment is Allotment.TIME else cases)
        for id, total, allotment, cases, minutes in rows
    }


def _usage(total: int, used: int) -> Usage:
    return Usage(used, max(0, total - used), max(0, used - total) if total else 0)
