"""The promises on a case as a page shows them: how each stands, and how long is left, in words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from graph.console.words import span
from intake.sla import KpiInstance, KpiState


class Mood(StrEnum):
    """How a promise looks from here; each has its colour."""

    LATE = "late"
    NEARING = "nearing"
    FINE = "fine"
    PAUSED = "paused"
    MET = "met"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Clock:
    """One promise, or the most pressing of several."""

    mood: Mood
    name: str
    """What is promised: "First response"."""
    words: str
    """How it stands: "2 h 5 min left", "12 min late"."""
    due_at: datetime | None = None
    used: int | None = None
    """How much of the time is used up, in percent; None where nothing runs."""


NO_CLOCK = Clock(Mood.NONE, "", "No deadline")


def of_cases(session: Session, case_ids: Sequence[UUID], *, at: datetime) -> dict[UUID, Clock]:
    """The most pressing clock of each of these cases, in one statement."""
    rows = session.scalars(
        select(KpiInstance)
        .where(KpiInstance.case_id.in_(case_ids))
        .order_by(KpiInstance.case_id, KpiInstance.started_at)
    )
    by_case: dict[UUID, list[KpiInstance]] = {}
    for row in rows:
        by_case.setdefault(row.case_id, []).append(row)
    return {case_id: most_pressing(found, at=at) for case_id, found in by_case.items()}


def most_pressing(instances: Iterable[KpiInstance], *, at: datetime) -> Clock:
    """The clock to look at first: what is late, then what ends soonest, then what is paused."""
    unmet = [
        instance
        for instance in instances
        if instance.succeeded_at is None and instance.state is not KpiState.CANCELLED
    ]
    if not unmet:
        return NO_CLOCK
    return clock(min(unmet, key=_due), at=at)


def clock(instance: KpiInstance, *, at: datetime) -> Clock:
    """One promise in words."""
    mood, due_at = _mood(instance, at), instance.failed_at or instance.fail_at
    name = instance.kpi.value.capitalize()
    used = None
    if mood is Mood.MET:
        words = "Kept"
        if due_at is not None and instance.succeeded_at is not None:
            words = f"Kept with {span(due_at - instance.succeeded_at)} to spare"
    elif mood is Mood.PAUSED:
        words = "On hold"
    elif mood is Mood.NONE or due_at is None:
        words = "No longer promised"
    elif instance.succeeded_at is not None:
        words = f"Kept {span(instance.succeeded_at - due_at)} late"
    elif mood is Mood.LATE:
        words, used = f"{span(at - due_at)} late", 100
    else:
        words = f"{span(due_at - at)} left"
        used = round(100 * ((at - instance.started_at) / (due_at - instance.started_at)))
    return Clock(mood, name, words, due_at, used)


def _mood(instance: KpiInstance, at: datetime) -> Mood:
    if instance.state is KpiState.CANCELLED:
        return Mood.NONE
    if instance.state is KpiState.PAUSED:
        return Mood.PAUSED
    if instance.state is KpiState.SUCCEEDED:
        return Mood.MET
    # The clock process may not have looked yet; the page does not wait for it.
    if instance.state is KpiState.NONCOMPLIANT or (instance.fail_at and instance.fail_at <= at):
        return Mood.LATE
    nearing = instance.warn_at is not None and instance.warn_at <= at
    return Mood.NEARING if nearing or instance.state is KpiState.NEARING else Mood.FINE


def _due(instance: KpiInstance) -> tuple[bool, datetime]:
    due_at = instance.failed_at or instance.fail_at
    return due_at is None, due_at or instance.started_at
