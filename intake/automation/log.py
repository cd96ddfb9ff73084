"""The log of what rules did: read by rule and by case, and forgotten after a while."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Select, delete, func, select
from sqlalchemy.orm import Session, joinedload

from intake.automation.rules import AutomationRun, Outcome
from intake.desk import Desk

KEPT_UNMET = timedelta(days=14)


def runs(
    *,
    rule_id: UUID | None = None,
    case_id: UUID | None = None,
    outcomes: tuple[Outcome, ...] = (),
) -> Select[AutomationRun]:
    """The lines of the log, the newest first."""
    statement = (
        select(AutomationRun)
        .options(joinedload(AutomationRun.case))
        .order_by(AutomationRun.id.desc())
    )
    if rule_id is not None:
        statement = statement.where(AutomationRun.rule_id == rule_id)
    if case_id is not None:
        statement = statement.where(AutomationRun.case_id == case_id)
    return statement.where(AutomationRun.outcome.in_(outcomes)) if outcomes else statement


def counts(session: Session, *, since: datetime) -> dict[UUID, dict[Outcome, int]]:
    """How often each rule had which outcome since then."""
    rows = session.execute(
        select(AutomationRun.rule_id, AutomationRun.outcome, func.count())
        .where(AutomationRun.at >= since)
        .group_by(AutomationRun.rule_id, AutomationRun.outcome)
    )
    found: dict[UUID, dict[Outcome, int]] = {}
    for rule_id, outcome, count in rows:
        found.setdefault(rule_id, {})[outcome] = count
    return found


def due(_desk: Desk, at: datetime) -> Select[Any]:
    """Lines that are old enough to be forgotten."""
    return select(AutomationRun.id).where(_old(at))


def forget(session: Session, desk: Desk, *, at: datetime, limit: int) -> int:
    """Forget lines that say that a condition was not met after KEPT_UNMET; how many."""
    old = session.scalars(select(AutomationRun.id).where(_old(at)).limit(limit)).all()
    session.execute(delete(AutomationRun).where(AutomationRun.id.in_(old)))
    return len(old)


def _old(at: datetime) -> Any:
    unmet = AutomationRun.outcome == Outcome.NOT_MET
    return unmet & (AutomationRun.at < at - KEPT_UNMET)
