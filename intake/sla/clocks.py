"""One clock on one case: where it stands, and when it is due.

A deadline is `add(from, allowed + held)` in the clock's calendar, `held` being the open time of
the case's holds. Holds belong to the case and are never summed into a clock, so a deadline can be
worked out again at any time: after another hold, another priority, other hours or another SLA.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from sqlalchemy import Index, Select, String, select
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship, selectinload

from intake.calendars import ALWAYS, Calendar, NeverOpen
from intake.cases import Case, set_deadline
from intake.db import Base, Json, new_id, one_of, partial_index, refers_to
from intake.sla.promises import Kpi, ServiceCalendar, SlaItem

ZERO = timedelta()


class KpiState(StrEnum):
    """Where one clock stands. Noncompliant, succeeded and cancelled are the ends."""

    IN_PROGRESS = "in progress"
    NEARING = "nearing noncompliance"
    NONCOMPLIANT = "noncompliant"
    PAUSED = "paused"
    SUCCEEDED = "succeeded"
    CANCELLED = "cancelled"


class Milestone(StrEnum):
    """What a clock can reach, to be told once."""

    WARNING = "warning"
    FAILURE = "failure"
    SUCCESS = "success"


WARNING = "warning"
"""The kind of a mail that warns of one clock: of no use to anybody once its case is closed."""
RUNNING = (KpiState.IN_PROGRESS, KpiState.NEARING)
LIVE = (*RUNNING, KpiState.PAUSED)
# As the index of live clocks says it: SQLite knows it again only to the letter.
LIVE_ROWS = f"state IN ({', '.join(repr(state.value) for state in LIVE)})"


class KpiInstance(Base):
    """One promise running on one case. `next_at` is when the clock must look at it again.

    A case has a clock of a kind for each time that it was promised: one at most is live.
    """

    __tablename__ = "kpi_instances"
    __table_args__ = (
        partial_index("ix_kpi_instances_due", "next_at", where="next_at IS NOT NULL"),
        Index("ix_kpi_instances_by_case", "case_id"),
        partial_index("ux_kpi_instances_live", "case_id", "kpi", where=LIVE_ROWS, unique=True),
        # Few are live at any time, whatever the history: what a change of hours looks through.
        partial_index("ix_kpi_instances_live", "calendar_id", where=LIVE_ROWS),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    case_id: Mapped[UUID] = mapped_column(refers_to("cases.id"))
    item_id: Mapped[UUID] = mapped_column(refers_to("sla_items.id"))
    calendar_id: Mapped[UUID | None] = mapped_column(refers_to("service_calendars.id"))
    """The version of the business hours that it counts in."""
    kpi: Mapped[Kpi] = mapped_column(one_of(Kpi))
    state: Mapped[KpiState] = mapped_column(one_of(KpiState), default=KpiState.IN_PROGRESS)
    started_at: Mapped[datetime]
    """The instant from which it counts, which may lie before the row was made."""
    warn_at: Mapped[datetime | None]
    fail_at: Mapped[datetime | None]
    """None while paused: then no deadline exists."""
    next_at: Mapped[datetime | None]
    paused_at: Mapped[datetime | None]
    """Since when the present hold stops it."""
    warned_at: Mapped[datetime | None]
    failed_at: Mapped[datetime | None]
    succeeded_at: Mapped[datetime | None]
    overrun_seconds: Mapped[int | None]
    """How much open time too late a broken promise was kept."""
    untold: Mapped[list[str] | None] = mapped_column(Json)
    """The milestones that were reached and that nobody was told of yet."""
    item: Mapped[SlaItem] = relationship()
    calendar: Mapped[ServiceCalendar | None] = relationship()


class Hold(Base):
    """A time during which a case was in one status that stops clocks; open until `ended_at`."""

    __tablename__ = "holds"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    case_id: Mapped[UUID] = mapped_column(refers_to("cases.id"), index=True)
    reason: Mapped[str] = mapped_column(String(40))
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


def of_case(session: Session, case: Case) -> list[KpiInstance]:
    """The case's clocks, with their items and calendars, oldest first."""
    return of_cases(session, [case.id])


def of_cases(session: Session, case_ids: Sequence[UUID]) -> list[KpiInstance]:
    """The clocks of these cases, in the order in which they were made."""
    return list(
        session.scalars(
            select(KpiInstance)
            .where(KpiInstance.case_id.in_(case_ids))
            .order_by(KpiInstance.id)
            .options(selectinload(KpiInstance.item), selectinload(KpiInstance.calendar))
        )
    )


def current(instances: Iterable[KpiInstance]) -> dict[Kpi, KpiInstance]:
    """Of each promise the clock that counts now: the live one, else the newest."""
    every = list(instances)
    newest = {clock.kpi: clock for clock in every}
    return newest | {clock.kpi: clock for clock in every if clock.state in LIVE}


def holds_of(session: Session, case_ids: Sequence[UUID]) -> dict[UUID, list[Hold]]:
    """The holds of these cases, each case's in their order."""
    found: dict[UUID, list[Hold]] = {case_id: [] for case_id in case_ids}
    rows = session.scalars(
        select(Hold).where(Hold.case_id.in_(case_ids)).order_by(Hold.started_at, Hold.id)
    )
    for hold in rows:
        found[hold.case_id].append(hold)
    return found


def due_at(at: datetime) -> Select[KpiInstance]:
    """The clocks that must be looked at by then, found by index."""
    return select(KpiInstance).where(KpiInstance.next_at <= at)


def look(instance: KpiInstance, *, at: datetime) -> None:
    """Move a running clock to where it stands at that instant; what it passes is to be told."""
    if instance.state not in RUNNING:
        return
    if instance.warn_at is not None and instance.warn_at <= at and instance.warned_at is None:
        instance.state, instance.warned_at = KpiState.NEARING, instance.warn_at
        _reached(instance, Milestone.WARNING)
    if instance.fail_at is not None and instance.fail_at <= at:
        instance.state, instance.failed_at = KpiState.NONCOMPLIANT, instance.fail_at
        _reached(instance, Milestone.FAILURE)
    _wake(instance)


def place(instance: KpiInstance, holds: Sequence[Hold]) -> None:
    """Work out again where a live clock stands, from the case's holds in their order.

    What it reached already stays reached. A hold that began once it was due changes nothing.
    """
    item, calendar = instance.item, calendar_of(instance)
    stops = [hold for hold in holds if item.paused_by(hold.reason)]
    instance.fail_at = due(calendar, instance.started_at, item.fail_after, stops)
    if item.warn_after is not None and instance.warned_at is None:
        instance.warn_at = due(calendar, instance.started_at, item.warn_after, stops)
    nearing = instance.warned_at is not None
    instance.state = KpiState.NEARING if nearing else KpiState.IN_PROGRESS
    instance.paused_at = None
    _wake(instance)
    waiting = next((hold for hold in stops if hold.ended_at is None), None)
    if waiting is not None:
        _pause(instance, since=waiting.started_at)


def _pause(instance: KpiInstance, *, since: datetime) -> None:
    look(instance, at=since)
    if instance.state not in RUNNING:
        return
    instance.state, instance.paused_at = KpiState.PAUSED, since
    instance.fail_at = None
    if instance.warned_at is None:
        instance.warn_at = None
    _wake(instance)


def succeed(instance: KpiInstance, holds: Sequence[Hold], *, at: datetime) -> None:
    """The promise was kept then; or late, which stays noncompliant and notes by how much."""
    look(instance, at=at)
    instance.succeeded_at, instance.paused_at = at, None
    if instance.state is KpiState.NONCOMPLIANT:
        assert instance.failed_at is not None, "look() noted it"
        late = open_time(instance, holds, instance.failed_at, at)
        instance.overrun_seconds = int(late.total_seconds())
    else:
        instance.state = KpiState.SUCCEEDED
        # A warning that nobody heard before the promise was kept is of no use to anybody.
        instance.untold = None
        if any(action["on"] == Milestone.SUCCESS for action in instance.item.actions):
            _reached(instance, Milestone.SUCCESS)
    _wake(instance)


def judge(instance: KpiInstance, holds: Sequence[Hold], *, kept_at: datetime) -> None:
    """Judge a promise by when it was kept, whatever came afterwards."""
    instance.warned_at = instance.failed_at = None
    instance.overrun_seconds = instance.untold = None
    place(instance, [hold for hold in holds if hold.started_at < kept_at])
    succeed(instance, holds, at=kept_at)


def cancel_one(instance: KpiInstance) -> None:
    """The promise no longer applies. What was reached is kept, and not told any more."""
    instance.state, instance.next_at, instance.untold = KpiState.CANCELLED, None, None
    instance.paused_at = None


def told(instance: KpiInstance) -> list[Milestone]:
    """Take the milestones that are to be told, oldest first; the caller tells them."""
    reached = [Milestone(word) for word in instance.untold or ()]
    instance.untold = None
    _wake(instance)
    return reached


def due(
    calendar: Calendar, start: datetime, allowed: timedelta, holds: Iterable[Hold]
) -> datetime | None:
    """When `allowed` of open time has passed since `start`, without that of `holds`, in order.

    None if the calendar never opens for so long. A hold that has not ended counts nothing yet.
    """
    held = ZERO
    try:
        at = calendar.add(start, allowed)
        for hold in holds:
            if hold.started_at >= at:
                break
            if hold.ended_at is not None and hold.ended_at > start:
                held += calendar.open_between(max(hold.started_at, start), hold.ended_at)
                at = calendar.add(start, allowed + held)
    except NeverOpen:
        return None
    return at


def open_time(
    instance: KpiInstance, holds: Sequence[Hold], begin: datetime, end: datetime
) -> timedelta:
    """The open time in [begin, end) that was not on hold for this clock."""
    calendar = calendar_of(instance)
    total = calendar.open_between(begin, end)
    for hold in holds:
        if instance.item.paused_by(hold.reason):
            held_until = min(hold.ended_at or end, end)
            total -= calendar.open_between(max(hold.started_at, begin), held_until)
    return total


def calendar_of(instance: KpiInstance) -> Calendar:
    """The business hours a clock counts in."""
    return instance.calendar.calendar if instance.calendar else ALWAYS


def note_deadline(case: Case, instances: Iterable[KpiInstance]) -> None:
    """Note on the case its earliest deadline that runs, and the earliest that was missed."""
    running, missed = [], []
    for instance in instances:
        if instance.fail_at is not None and instance.state in RUNNING:
            running.append(instance.fail_at)
        elif instance.state is KpiState.NONCOMPLIANT and instance.succeeded_at is None:
            missed.append(instance.failed_at or instance.started_at)
    set_deadline(case, min(running, default=None), missed_at=min(missed, default=None))


def _reached(instance: KpiInstance, milestone: Milestone) -> None:
    instance.untold = [*(instance.untold or ()), milestone.value]


def _wake(instance: KpiInstance) -> None:
    """Note when the clock must look again: at once if there is something to tell."""
    instance.next_at = _next(instance)


def _next(instance: KpiInstance) -> datetime | None:
    if instance.untold:
        return instance.succeeded_at or instance.failed_at or instance.warned_at
    if instance.state not in RUNNING:
        return None
    if instance.warn_at is not None and instance.warned_at is None:
        return instance.warn_at
    return instance.fail_at
