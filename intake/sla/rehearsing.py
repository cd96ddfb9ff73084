"""A change of hours or of an SLA, rehearsed before it is made: which deadlines would move."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, select, text
from sqlalchemy.orm import Session

from intake.calendars import Calendar
from intake.cases import Case, State
from intake.sla.clocks import (
    LIVE_ROWS,
    RUNNING,
    Hold,
    KpiInstance,
    due,
    holds_of,
    of_cases,
)
from intake.sla.promises import Kpi, Sla, SlaItem, with_items
from intake.sla.starting import fit

AT_A_TIME = 500
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Move:
    """One open deadline that a change would move. None: there was, or would be, none."""

    case_number: int
    kpi: Kpi
    was: datetime | None
    becomes: datetime | None


def moved_by_hours(
    session: Session, calendar_id: UUID, hours: Mapping[str, Any], *, at: datetime
) -> Iterator[Move]:
    """The open deadlines that other hours would move, by case number. Changes nothing.

    Raises BadCalendar, naming the field, if the hours cannot be read.
    """
    calendar = Calendar.from_json(hours)
    calendar.must_stay_open()
    rows = session.execute(
        select(KpiInstance, SlaItem, Case.number)
        .join(SlaItem, SlaItem.id == KpiInstance.item_id)
        .join(Case, Case.id == KpiInstance.case_id)
        .where(_running_in(calendar_id), KpiInstance.fail_at > at)
        .order_by(Case.number, KpiInstance.started_at, KpiInstance.id)
    )
    for some in _parts(rows):
        holds = holds_of(session, list({instance.case_id for instance, _item, _number in some}))
        for instance, item, number in some:
            stops = [h for h in holds[instance.case_id] if item.paused_by(h.reason)]
            becomes = due(calendar, instance.started_at, item.fail_after, stops)
            if becomes != instance.fail_at:
                yield Move(number, instance.kpi, instance.fail_at, becomes)


def moved_by_version(session: Session, sla_id: UUID, *, at: datetime) -> list[Move]:
    """The open deadlines that would move if running cases adopted this draft or version.

    It is tried out in the caller's transaction and undone there, so that it tells exactly.
    """
    sla = with_items(session, sla_id)
    tried = session.begin_nested()
    cases = cases_of_family(session, sla)
    before = _deadlines(session, cases)
    for case in cases:
        case.sla_id = sla.id
        fit(session, case, sla, at=at)
    session.flush()
    after = _deadlines(session, cases)
    numbers = {case.id: case.number for case in cases}
    tried.rollback()
    return [
        Move(numbers[case_id], kpi, before.get((case_id, kpi)), after.get((case_id, kpi)))
        for case_id, kpi in sorted(before | after, key=lambda key: (numbers[key[0]], key[1]))
        if before.get((case_id, kpi)) != after.get((case_id, kpi))
    ]


def _running_in(calendar_id: UUID) -> ColumnElement[bool]:
    return live_in(calendar_id) & KpiInstance.state.in_(RUNNING)


def live_in(calendar_id: UUID) -> ColumnElement[bool]:
    """The clocks of that calendar that are not at their end, found by index."""
    return and_(KpiInstance.calendar_id == calendar_id, text(f"kpi_instances.{LIVE_ROWS}"))


def locked(session: Session, case_ids: Select[UUID]) -> list[Case]:
    return list(
        session.scalars(
            select(Case)
            .where(Case.id.in_(case_ids))
            .order_by(Case.id)
            .with_for_update(of=Case, key_share=True)
            .execution_options(populate_existing=True)
        )
    )


def each_with_clocks(
    session: Session, cases: Sequence[Case]
) -> Iterator[tuple[Case, list[KpiInstance], list[Hold]]]:
    """Each case with its clocks and holds, read for many at a time."""
    for some in _parts(cases):
        ids = [case.id for case in some]
        holds = holds_of(session, ids)
        clocks: dict[UUID, list[KpiInstance]] = {case_id: [] for case_id in ids}
        for instance in of_cases(session, ids):
            clocks[instance.case_id].append(instance)
        for case in some:
            yield case, clocks[case.id], holds[case.id]


def cases_of_family(session: Session, sla: Sla) -> list[Case]:
    versions = select(Sla.id).where(Sla.name == sla.name, Sla.id != sla.id)
    return locked(
        session,
        select(Case.id).where(Case.sla_id.in_(versions), Case.state == State.ACTIVE),
    )


def _deadlines(session: Session, cases: Sequence[Case]) -> dict[tuple[UUID, Kpi], datetime | None]:
    found: dict[tuple[UUID, Kpi], datetime | None] = {}
    for some in _parts(cases):
        rows = session.execute(
            select(KpiInstance.case_id, KpiInstance.kpi, KpiInstance.fail_at)
            .where(KpiInstance.case_id.in_([case.id for case in some]))
            .where(KpiInstance.state.in_(RUNNING))
            .order_by(KpiInstance.id)
        )
        found |= {(case_id, kpi): fail_at for case_id, kpi, fail_at in rows}
    return found


def _parts(rows: Iterable[T]) -> Iterator[list[T]]:
    """The rows, as many at a time as one statement may name."""
    rest = iter(rows)
    while some := list(islice(rest, AT_A_TIME)):
        yield some
