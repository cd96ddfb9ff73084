"""The promise about time: SLAs, their items, and each item's clock running on a case.

Deadlines are `add(from, allowed + held)` in the item's calendar, where `from` is the event that
starts the clock and `held` the open time during the case's holds. Holds belong to the case, so a
change of SLA keeps them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import CheckConstraint, Index, Select, String, select, text
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship, selectinload

from intake.calendars import ALWAYS, Calendar
from intake.cases import Case, set_deadline
from intake.db import Base, Json, new_id, one_of, refers_to
from intake.errors import IntakeError
from intake.facts import read_condition

ZERO = timedelta()


class Kpi(StrEnum):
    """What is promised."""

    FIRST_RESPONSE = "first response"
    RESOLVE_BY = "resolve by"


class KpiState(StrEnum):
    """Where one clock stands. Noncompliant, succeeded and cancelled are the ends."""

    IN_PROGRESS = "in progress"
    NEARING = "nearing noncompliance"
    NONCOMPLIANT = "noncompliant"
    PAUSED = "paused"
    SUCCEEDED = "succeeded"
    CANCELLED = "cancelled"


RUNNING = (KpiState.IN_PROGRESS, KpiState.NEARING)


class SlaState(StrEnum):
    """Only an active SLA starts clocks."""

    DRAFT = "draft"
    ACTIVE = "active"


class NotAnSla(IntakeError):
    """An SLA that cannot be activated."""

    code = "sla-incomplete"


class ServiceCalendar(Base):
    """When work is done, as an administrator wrote it (calendars.Calendar)."""

    __tablename__ = "service_calendars"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    name: Mapped[str] = mapped_column(String(120), unique=True)
    hours: Mapped[dict[str, Any]]

    @property
    def calendar(self) -> Calendar:
        """The calendar, ready to count. Raises NeverOpen on one without hours."""
        return read_calendar(orjson.dumps(self.hours, option=orjson.OPT_SORT_KEYS))


class Sla(Base):
    """A set of promises about time, activated as a whole."""

    __tablename__ = "slas"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    name: Mapped[str] = mapped_column(String(120), unique=True)
    state: Mapped[SlaState] = mapped_column(one_of(SlaState), default=SlaState.DRAFT)
    is_default: Mapped[bool] = mapped_column(default=False)
    items: Mapped[list[SlaItem]] = relationship(back_populates="sla", order_by="SlaItem.position")


class SlaItem(Base):
    """One clause: for cases that meet `applicable_when`, this within that time."""

    __tablename__ = "sla_items"
    __table_args__ = (
        CheckConstraint("fail_after_minutes > 0", name="fails_after_some_time"),
        CheckConstraint(
            "warn_after_minutes IS NULL OR warn_after_minutes < fail_after_minutes",
            name="warns_before_it_fails",
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    sla_id: Mapped[UUID] = mapped_column(refers_to("slas.id"), index=True)
    position: Mapped[int]
    kpi: Mapped[Kpi] = mapped_column(one_of(Kpi))
    applicable_when: Mapped[dict[str, Any] | None] = mapped_column(Json)
    """A condition over the case (conditions.Condition); None means every case."""
    warn_after_minutes: Mapped[int | None]
    fail_after_minutes: Mapped[int]
    calendar_id: Mapped[UUID | None] = mapped_column(refers_to("service_calendars.id"))
    """Business hours; None means around the clock."""
    sla: Mapped[Sla] = relationship(back_populates="items")
    calendar: Mapped[ServiceCalendar | None] = relationship()


class KpiInstance(Base):
    """One promise running on one case. `next_at` is when the clock must look at it again."""

    __tablename__ = "kpi_instances"
    __table_args__ = (
        Index(
            "ix_kpi_instances_due",
            "next_at",
            sqlite_where=text("next_at IS NOT NULL"),
            postgresql_where=text("next_at IS NOT NULL"),
        ),
        Index("ix_kpi_instances_by_case", "case_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    case_id: Mapped[UUID] = mapped_column(refers_to("cases.id"))
    item_id: Mapped[UUID] = mapped_column(refers_to("sla_items.id"))
    kpi: Mapped[Kpi] = mapped_column(one_of(Kpi))
    state: Mapped[KpiState] = mapped_column(one_of(KpiState), default=KpiState.IN_PROGRESS)
    started_at: Mapped[datetime]
    warn_at: Mapped[datetime | None]
    fail_at: Mapped[datetime | None]
    """None while paused: then no deadline exists."""
    next_at: Mapped[datetime | None]
    warned_at: Mapped[datetime | None]
    failed_at: Mapped[datetime | None]
    succeeded_at: Mapped[datetime | None]
    item: Mapped[SlaItem] = relationship()


class Hold(Base):
    """A time during which a case waited for its customer; open until `ended_at`."""

    __tablename__ = "holds"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    case_id: Mapped[UUID] = mapped_column(refers_to("cases.id"), index=True)
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


@dataclass(frozen=True, slots=True)
class Slas:
    """The SLAs in force, read once for a batch of messages."""

    by_id: Mapping[UUID, Sla]
    default: Sla | None

    def of(self, sla_id: UUID | None) -> Sla | None:
        """The entitlement's SLA if it has an active one, else the default."""
        return (self.by_id.get(sla_id) if sla_id else None) or self.default


@lru_cache(maxsize=256)
def read_calendar(hours: bytes) -> Calendar:
    """The calendar written as this JSON; read once, since each keeps what it worked out."""
    return Calendar.from_json(orjson.loads(hours))


def in_force(session: Session) -> Slas:
    """The active SLAs with their items and calendars."""
    found = session.scalars(
        select(Sla)
        .where(Sla.state == SlaState.ACTIVE)
        .order_by(Sla.name)
        .options(selectinload(Sla.items).selectinload(SlaItem.calendar))
    ).all()
    return Slas({sla.id: sla for sla in found}, next((s for s in found if s.is_default), None))


def start(
    session: Session, case: Case, sla: Sla | None, facts: Mapping[str, Any], *, at: datetime
) -> list[KpiInstance]:
    """Start the clocks of a new case; the first item of each KPI that applies is its promise."""
    if sla is None:
        return []
    case.sla_id = sla.id
    instances: dict[Kpi, KpiInstance] = {}
    for item in sla.items:
        if item.kpi in instances or not _applies(item, facts):
            continue
        instance = KpiInstance(
            id=new_id(),
            case_id=case.id,
            item_id=item.id,
            kpi=item.kpi,
            state=KpiState.IN_PROGRESS,
            started_at=at,
        )
        instance.item = item
        _aim(instance, ZERO)
        session.add(instance)
        instances[item.kpi] = instance
    _note_deadline(case, instances.values())
    return list(instances.values())


def of_case(session: Session, case: Case) -> list[KpiInstance]:
    """The case's clocks, with their items and calendars, oldest first."""
    return list(
        session.scalars(
            select(KpiInstance)
            .where(KpiInstance.case_id == case.id)
            .order_by(KpiInstance.started_at, KpiInstance.kpi)
            .options(selectinload(KpiInstance.item).selectinload(SlaItem.calendar))
        )
    )


def meet(session: Session, case: Case, kpi: Kpi, *, at: datetime) -> None:
    """The promise was kept, or kept late: noncompliant stays so and notes when."""
    instances = of_case(session, case)
    for instance in instances:
        if instance.kpi is not kpi or instance.succeeded_at is not None:
            continue
        if instance.state is KpiState.CANCELLED:
            continue
        instance.succeeded_at = at
        if instance.state is not KpiState.NONCOMPLIANT:
            late = instance.fail_at is not None and at >= instance.fail_at
            instance.state = KpiState.NONCOMPLIANT if late else KpiState.SUCCEEDED
            instance.failed_at = instance.fail_at if late else None
        instance.next_at = None
    _note_deadline(case, instances)


def unmeet(session: Session, case: Case, kpi: Kpi) -> None:
    """What seemed to keep the promise did not: its clock runs on from where it started."""
    instances = of_case(session, case)
    for instance in instances:
        if instance.kpi is kpi and instance.succeeded_at is not None:
            instance.succeeded_at = None
            if instance.state is KpiState.SUCCEEDED:
                nearing = instance.warned_at is not None
                instance.state = KpiState.NEARING if nearing else KpiState.IN_PROGRESS
                instance.next_at = _next(instance)
    _note_deadline(case, instances)


def pause(session: Session, case: Case, *, at: datetime) -> None:
    """The customer has to act: running clocks stop until `resume`."""
    session.add(Hold(case_id=case.id, started_at=at))
    instances = of_case(session, case)
    for instance in instances:
        if instance.state in RUNNING:
            instance.state = KpiState.PAUSED
            instance.fail_at = instance.next_at = None
            if instance.warned_at is None:
                instance.warn_at = None
    _note_deadline(case, instances)


def resume(session: Session, case: Case, *, at: datetime) -> None:
    """The hold is over: paused clocks go on, their deadlines moved by the open time on hold."""
    holds = session.scalars(select(Hold).where(Hold.case_id == case.id)).all()
    for hold in holds:
        hold.ended_at = hold.ended_at or at
    instances = of_case(session, case)
    for instance in instances:
        if instance.state is KpiState.PAUSED:
            _aim(instance, held_open(instance, holds))
            nearing = instance.warned_at is not None
            instance.state = KpiState.NEARING if nearing else KpiState.IN_PROGRESS
    _note_deadline(case, instances)


def restart(session: Session, case: Case, kpi: Kpi, *, at: datetime) -> None:
    """A reopened case gets a new clock of that KPI; the old result stays as it was."""
    instances = of_case(session, case)
    last = next((i for i in reversed(instances) if i.kpi is kpi), None)
    if last is None or last.state in (*RUNNING, KpiState.PAUSED):
        return
    instance = KpiInstance(
        id=new_id(),
        case_id=case.id,
        item_id=last.item_id,
        kpi=kpi,
        state=KpiState.IN_PROGRESS,
        started_at=at,
    )
    instance.item = last.item
    _aim(instance, ZERO)
    session.add(instance)
    _note_deadline(case, [*instances, instance])


def cancel(session: Session, case: Case) -> None:
    """The promises no longer apply, as when the case is cancelled."""
    instances = of_case(session, case)
    for instance in instances:
        if instance.state in (*RUNNING, KpiState.PAUSED):
            instance.state, instance.next_at = KpiState.CANCELLED, None
    _note_deadline(case, instances)


def due_at(at: datetime) -> Select[KpiInstance]:
    """The clocks that must be looked at by then, found by index."""
    return select(KpiInstance).where(KpiInstance.next_at <= at)


def due(session: Session, *, at: datetime, limit: int) -> list[KpiInstance]:
    """The clocks that must be looked at now, locked, the longest due first."""
    return list(
        session.scalars(
            due_at(at)
            .order_by(KpiInstance.next_at)
            .limit(limit)
            .with_for_update(skip_locked=True, of=KpiInstance)
        )
    )


def look(instance: KpiInstance, *, at: datetime) -> list[KpiState]:
    """Move one clock to where it stands now; the states it passed through, oldest first."""
    passed: list[KpiState] = []
    if instance.state not in RUNNING:
        instance.next_at = None
        return passed
    if instance.warn_at is not None and instance.warn_at <= at and instance.warned_at is None:
        instance.state, instance.warned_at = KpiState.NEARING, instance.warn_at
        passed.append(KpiState.NEARING)
    if instance.fail_at is not None and instance.fail_at <= at:
        instance.state, instance.failed_at = KpiState.NONCOMPLIANT, instance.fail_at
        passed.append(KpiState.NONCOMPLIANT)
    instance.next_at = _next(instance)
    return passed


def refresh_deadline(session: Session, case: Case) -> None:
    """Note the earliest deadline that still runs, after the clock moved one."""
    _note_deadline(case, of_case(session, case))


def held_open(instance: KpiInstance, holds: Sequence[Hold]) -> timedelta:
    """How much open time of this clock's calendar its case was on hold."""
    calendar = calendar_of(instance)
    total = ZERO
    for hold in holds:
        assert hold.ended_at is not None, "holds are ended before they are summed"
        begin = max(hold.started_at, instance.started_at)
        if hold.ended_at > begin:
            total += calendar.open_between(begin, hold.ended_at)
    return total


def calendar_of(instance: KpiInstance) -> Calendar:
    """The business hours a clock counts in."""
    return instance.item.calendar.calendar if instance.item.calendar else ALWAYS


def _applies(item: SlaItem, facts: Mapping[str, Any]) -> bool:
    if item.applicable_when is None:
        return True
    return read_condition(item.applicable_when).holds(facts)


def _aim(instance: KpiInstance, held: timedelta) -> None:
    calendar, item = calendar_of(instance), instance.item
    fail_after = timedelta(minutes=item.fail_after_minutes)
    instance.fail_at = calendar.add(instance.started_at, fail_after + held)
    # A warning that was given before the hold stays where it was.
    if item.warn_after_minutes is not None and instance.warned_at is None:
        warn_after = timedelta(minutes=item.warn_after_minutes)
        instance.warn_at = calendar.add(instance.started_at, warn_after + held)
    instance.next_at = _next(instance)


def _next(instance: KpiInstance) -> datetime | None:
    if instance.state not in (*RUNNING, KpiState.PAUSED):
        return None
    if instance.warn_at is not None and instance.warned_at is None:
        return instance.warn_at
    return instance.fail_at


def _note_deadline(case: Case, instances: Iterable[KpiInstance]) -> None:
    running, missed = [], []
    for instance in instances:
        if instance.fail_at is not None and instance.state in RUNNING:
            running.append(instance.fail_at)
        elif instance.failed_at is not None and instance.succeeded_at is None:
            missed.append(instance.failed_at)
    set_deadline(case, min(running, default=None), missed_at=min(missed, default=None))
