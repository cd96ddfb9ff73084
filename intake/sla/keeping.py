"""Promises kept, in time or late; and those that only seemed to be kept."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from intake.cases import Case
from intake.sla.answers import answers
from intake.sla.clocks import (
    LIVE,
    KpiInstance,
    KpiState,
    cancel_one,
    holds_of,
    judge,
    note_deadline,
    of_case,
    place,
    succeed,
)
from intake.sla.promises import From, Kpi

ANSWERED = (Kpi.FIRST_RESPONSE, Kpi.NEXT_RESPONSE, Kpi.FOLLOW_UP)
"""What an answer keeps."""


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
        kept = instance.state is KpiState.SUCCEEDED
        if instead is not None and kept:
            judge(instance, holds, kept_at=instead)
        elif instead is not None:
            succeed(instance, holds, at=instead)
        elif kept and _goes_on(session, instance, instances):
            instance.untold = None
            place(instance, holds)
    note_deadline(case, instances)


def judge_answers(session: Session, case: Case) -> None:
    """Judge what answers keep by those that are part of the case now: more of them, when another
    was merged into it, or fewer, when that is undone. What was answered in time is kept."""
    session.flush()
    given = answers(session, [case.id])[case.id]
    case.first_response_at = min(given, default=None)
    holds = holds_of(session, [case.id])[case.id]
    for instance in of_case(session, case):
        if instance.kpi not in ANSWERED or instance.state is KpiState.CANCELLED:
            continue
        if instance.item.success_when is not None:
            continue
        was, begin = instance.succeeded_at, instance.started_at
        first = instance.kpi is Kpi.FIRST_RESPONSE
        kept_at = next((at for at in given if at > begin or (first and at == begin)), None)
        if was is not None and was not in given:
            unmeet(session, case, instance.kpi, met_at=was, instead=kept_at)
        elif kept_at is not None and (was is None or kept_at < was):
            judge(instance, holds, kept_at=kept_at)
    note_deadline(case, of_case(session, case))


def _goes_on(session: Session, again: KpiInstance, instances: Sequence[KpiInstance]) -> bool:
    """Of a clock that is to run again and one that was begun since, one goes on: the first where
    the customer waits since then, the other where each message begins the wait anew."""
    other = next((i for i in instances if i.kpi is again.kpi and i.state in LIVE), None)
    if other is not None and other.item.starts_from is From.LAST_MESSAGE:
        cancel_one(again)
        return False
    if other is not None:
        cancel_one(other)
        session.flush()  # one of a kind is live at most
    return True


def _open(instance: KpiInstance) -> bool:
    return instance.succeeded_at is None and instance.state is not KpiState.CANCELLED
