"""Steering a case: how pressing it is, who must know, by when."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from intake import queues, sla
from intake.acting import case_of, done
from intake.agents import Principal
from intake.cases import (
    ActivityKind,
    Case,
    Direction,
    Priority,
)
from intake.errors import IntakeError
from intake.work.writing import write


def escalate(
    session: Session,
    by: Principal,
    case_id: UUID,
    text: str,
    *,
    at: datetime,
    queue_id: UUID | None = None,
    version: int | None = None,
) -> Case:
    """Say that a case needs more than its agent, and why; promises that count from an escalation
    begin. With a queue, it waits there."""
    case = case_of(session, by, case_id, version=version)
    write(session, case, by, ActivityKind.NOTE, Direction.INTERNAL, text, at)
    case.escalated_at = at
    if queue_id is not None:
        queues.add(session, case, queues.one(session, queue_id), at=at)
        case.routed_by = f"escalated by {by.name}"
    return done(session, case, by, "case.escalated", at, text=text)


def prioritise(
    session: Session,
    by: Principal,
    case_id: UUID,
    priority: Priority,
    *,
    at: datetime,
    version: int | None = None,
) -> Case:
    """Say how pressing a case is; what is promised for that priority is promised from now on."""
    case = case_of(session, by, case_id, version=version)
    if case.priority is priority:
        return case
    was, case.priority = case.priority, priority
    return done(session, case, by, "case.prioritised", at, priority=priority.value, was=was.value)


def choose_sla(
    session: Session,
    by: Principal,
    case_id: UUID,
    sla_id: UUID | None,
    *,
    at: datetime,
    version: int | None = None,
) -> Case:
    """Put another SLA on a case by hand, whatever the rules say; None gives it back to them."""
    case = case_of(session, by, case_id, version=version)
    case.sla_by_hand = sla_id is not None
    if sla_id is not None:
        chosen = sla.in_force(session).by_id.get(sla_id)
        if chosen is None:
            raise IntakeError("there is no such active SLA")
        sla.apply(session, case, chosen, at=at)
    return done(session, case, by, "case.sla_chosen", at, sla=str(case.sla_id))
