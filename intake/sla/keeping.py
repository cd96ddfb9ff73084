"""Promises kept, in time or late; and those that only seemed to be kept."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from intake.cases import Case
from intake.sla.clocks import (
    LIVE,
    KpiInstance,
    KpiState,
    cancel_one,
    holds_of,
    note_deadline,
    of_case,
    place,
    succeed,
)
from intake.sla.promises import From, Kpi


def meet(session: Session, case: Case, *kpis: Kpi, at: datetime) -> None:
    """These promises were kept, or kept late: noncompliant stays so and notes by how much.

    An item with a success condition of its own is kept by nothing else.
    """
    instances = of_case(session, case)
    holds = holds_of(session, [case.id])[case.id]
    for instance in instances:
        if instance.kpi in kpis and _open(instance) and instance.item.success_when is None:
            succeed(instance, holds, at=at)
    note_deadline(case, instances)


def unmeet(
    session: Session,
    case: Case,
    *kpis: Kpi,
    met_at: datetime | None = None,
    instead: datetime | None = None,
) -> None:
    """What seemed to keep these promises did not. They were kept by what came at `instead`; or
    their clocks run on from where they started.

    With `met_at`, only what was kept at that instant.
    """
    instances = of_case(session, case)
    holds = holds_of(session, [case.id])[case.id]
    for instance in instances:
        kept_at = instance.succeeded_at
        if instance.kpi not in kpis or kept_at is None or met_at not in (None, kept_at):
            continue
        instance.succeeded_at = instance.overrun_seconds = None
        if instance.state is KpiState.SUCCEEDED:
            instance.untold = None
            place(instance, holds)
        if instead is not None:
            succeed(instance, holds, at=instead)
        elif instance.state in LIVE:
            _run_alone(instance, instances)
    note_deadline(case, instances)


def _run_alone(again: KpiInstance, instances: Sequence[KpiInstance]) -> None:
    """Of a clock that runs again and one that was begun since, one goes on: the first where the
    customer waits since then, the other where each message begins the wait anew."""
    others = [i for i in instances if i.kpi is again.kpi and i.state in LIVE and i is not again]
    for other in others:
        anew = other.item.starts_from is From.LAST_MESSAGE
        cancel_one(again if anew else other)


def _open(instance: KpiInstance) -> bool:
    return instance.succeeded_at is None and instance.state is not KpiState.CANCELLED
