"""Builders of promises about time, and what a test asks of the clocks that run on them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from intake import clock, sla
from intake.cases import Case
from intake.db import new_id
from intake.events import Event
from intake.sla import Kpi, KpiInstance, ServiceCalendar, Sla, SlaItem, SlaState
from tests.desk import NOON, DeskUnderTest, email

# Monday to Friday, nine to five; 2 March 2026 is a Monday.
OFFICE = {
    "zone": "UTC",
    "weekly": {d: [["09:00", "17:00"]] for d in ("mon", "tue", "wed", "thu", "fri")},
}
PRESSING = {"field": "priority", "op": "is", "value": "high"}


def march(day: int, hour: int, minute: int = 0, second: int = 0) -> datetime:
    return datetime(2026, 3, day, hour, minute, second, tzinfo=UTC)


def open_case(desk: DeskUnderTest, at: datetime = NOON, **fields: Any) -> UUID:
    """The id of a case that a customer's message opened."""
    [receipt] = desk.accepts(email(at=at, **fields))
    assert receipt.case is not None
    return receipt.case.id


def item(
    kpi: Kpi = Kpi.RESOLVE_BY, fail: int = 240, warn: int | None = None, **more: Any
) -> SlaItem:
    """A clause: fails, and warns, after so many minutes."""
    more.setdefault("actions", [])
    return SlaItem(id=new_id(), kpi=kpi, fail_after_minutes=fail, warn_after_minutes=warn, **more)


def has_sla(
    desk: DeskUnderTest,
    *items: SlaItem,
    name: str = "Standard",
    state: SlaState = SlaState.ACTIVE,
    hours: dict[str, Any] | None = None,
    **more: Any,
) -> Sla:
    """An SLA with these clauses, in force and the default unless said otherwise."""
    more = {"is_default": True, "version": 1} | more
    with desk.transaction() as session:
        agreed = Sla(id=new_id(), name=name, state=state, **more)
        session.add(agreed)
        if hours is not None:
            calendar = ServiceCalendar(id=new_id(), name=f"Hours of {name}", hours=hours)
            session.add(calendar)
            for each in items:
                each.calendar_id = calendar.id
        for position, each in enumerate(items, start=1):
            each.sla_id, each.position = agreed.id, position
            session.add(each)
    return agreed


def tick(desk: DeskUnderTest, at: datetime) -> clock.Tick:
    """Let the clock look once."""
    with desk.transaction() as session:
        return clock.tick(session, desk.settings, at=at)


def clocks(desk: DeskUnderTest, kpi: Kpi | None = None, number: int = 1001) -> list[KpiInstance]:
    """The clocks of a case, oldest first."""
    with desk.db.reading() as session:
        found = sla.of_case(session, _case(session, number))
    return [clock for clock in found if kpi in (None, clock.kpi)]


def the_clock(desk: DeskUnderTest, kpi: Kpi | None = None, number: int = 1001) -> KpiInstance:
    """The one clock of a case that was not cancelled."""
    [found] = [c for c in clocks(desk, kpi, number) if c.state != "cancelled"]
    return found


def told(desk: DeskUnderTest) -> list[str]:
    """What was told of clocks, in order."""
    return [e.kind for e in desk.all(Event) if e.kind.startswith("sla.")]


def _case(session: Session, number: int) -> Case:
    return session.scalars(select(Case).where(Case.number == number)).one()
