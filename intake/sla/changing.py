"""Other hours, or a new version of an SLA, put in force: for all cases, or for new ones only.

What was reached stays reached. Made for new cases only, the clocks that run keep the version of
the hours, or of the SLA, that they started with.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import select, true, update
from sqlalchemy.orm import Session

from intake import cards, events
from intake.agents import Act, Principal
from intake.calendars import BadCalendar, Calendar
from intake.cases import Case, StaleVersion
from intake.db import new_id
from intake.entitlements import Entitlement
from intake.errors import NotFound
from intake.sla.activation import activate
from intake.sla.clocks import LIVE, KpiInstance, look, note_deadline, place
from intake.sla.promises import ServiceCalendar, SlaState, with_items
from intake.sla.rehearsing import cases_of_family, each_with_clocks, live_in, locked
from intake.sla.starting import fit

LONGEST_NAME = 120


class Scope(StrEnum):
    """For whom a change is made."""

    ALL = "all"
    NEW = "new cases only"


def add_calendar(
    session: Session, by: Principal, name: str, hours: Mapping[str, Any], *, at: datetime
) -> ServiceCalendar:
    """New business hours that nothing counts in yet. Raises BadCalendar, naming the field."""
    by.must(Act.ADMINISTER)
    name = _free_name(session, name)
    Calendar.from_json(hours).must_stay_open()
    calendar = ServiceCalendar(id=new_id(), name=name, version=1, hours=dict(hours))
    session.add(calendar)
    session.flush()
    events.record(session, "calendar.added", at=at, actor=by, calendar=str(calendar.id), name=name)
    return calendar


def rename_calendar(
    session: Session, by: Principal, calendar_id: UUID, name: str, *, at: datetime
) -> ServiceCalendar:
    """Call business hours, in all their versions, by another name."""
    by.must(Act.ADMINISTER)
    calendar = present(session, calendar_id)
    if name.strip() == calendar.name:
        return calendar
    was, name = calendar.name, _free_name(session, name)
    session.execute(
        update(ServiceCalendar)
        .where((ServiceCalendar.id == calendar_id) | (ServiceCalendar.current_id == calendar_id))
        .values(name=name)
        .execution_options(synchronize_session="fetch")
    )
    events.record(
        session,
        "calendar.renamed",
        at=at,
        actor=by,
        calendar=str(calendar_id),
        name=name,
        was=was,
    )
    return calendar


def with_holidays(hours: Mapping[str, Any], days: Mapping[date, str]) -> dict[str, Any]:
    """The hours with these holidays besides those they have."""
    written = {day.isoformat(): name for day, name in days.items()}
    return {**hours, "holidays": {**hours.get("holidays", {}), **written}}


def change_hours(
    session: Session,
    by: Principal,
    calendar_id: UUID,
    hours: Mapping[str, Any],
    scope: Scope,
    *,
    at: datetime,
    version: int | None = None,
) -> int:
    """Give a calendar other hours; how many running clocks were placed anew.

    The hours of before are kept as a version, for the clocks that ended in them and, with
    Scope.NEW, for those that run. Raises BadCalendar like `moved_by_hours`, and StaleVersion.
    """
    by.must(Act.ADMINISTER)
    Calendar.from_json(hours).must_stay_open()
    calendar = present(session, calendar_id)
    if version is not None and version != calendar.version:
        raise StaleVersion(
            f"“{calendar.name}” changed since you read it (version {calendar.version}, you had "
            f"{version}); look again before you change it"
        )
    cases = locked(session, select(KpiInstance.case_id).where(live_in(calendar_id)))
    for _case, instances, _holds in each_with_clocks(session, cases):
        for instance in instances:
            look(instance, at=at)  # what was due by the hours of before was due
    session.flush()
    before = _keep_version(session, calendar, hours)
    ended = KpiInstance.state.not_in(LIVE) if scope is Scope.ALL else true()
    session.execute(
        update(KpiInstance)
        .where(KpiInstance.calendar_id == calendar.id, ended)
        .values(calendar_id=before.id)
        .execution_options(synchronize_session="fetch")
    )
    moved = 0
    if scope is Scope.ALL:
        moved = _place_again(session, cases, calendar)
        cards.show_anew(session, [case.id for case in cases], at=at)
    # What is served in these hours begins and ends by the days of their zone.
    session.execute(
        update(Entitlement)
        .where(Entitlement.calendar_id == calendar.id)
        .values(zone=hours["zone"])
        .execution_options(synchronize_session="fetch")
    )
    events.record(
        session,
        "calendar.changed",
        at=at,
        actor=by,
        calendar=str(calendar.id),
        name=calendar.name,
        version=calendar.version,
        scope=scope.value,
        clocks=moved,
    )
    return moved


def put_in_force(
    session: Session,
    by: Principal,
    sla_id: UUID,
    scope: Scope,
    *,
    slack: bool = False,
    at: datetime,
) -> int:
    """Activate a draft, for new cases only or for the open ones of its SLA too; how many of those
    run by it now."""
    activate(session, by, sla_id, slack=slack, at=at)
    return adopt(session, by, sla_id, at=at) if scope is Scope.ALL else 0


def adopt(session: Session, by: Principal, sla_id: UUID, *, at: datetime) -> int:
    """Let the open cases that run by other versions of an active SLA run by this one.

    What was kept or broken already stays; how many cases changed.
    """
    by.must(Act.ADMINISTER)
    sla = with_items(session, sla_id)
    if sla.state is not SlaState.ACTIVE:
        raise NotFound("only an active SLA can be adopted")
    cases = cases_of_family(session, sla)
    for case in cases:
        case.sla_id = sla.id
        fit(session, case, sla, at=at)
    cards.show_anew(session, [case.id for case in cases], at=at)
    events.record(
        session, "sla.adopted", at=at, actor=by, sla=str(sla.id), name=sla.name, cases=len(cases)
    )
    return len(cases)


def _keep_version(
    session: Session, calendar: ServiceCalendar, hours: Mapping[str, Any]
) -> ServiceCalendar:
    before = ServiceCalendar(
        id=new_id(),
        name=calendar.name,
        version=calendar.version,
        current_id=calendar.id,
        hours=calendar.hours,
    )
    calendar.version += 1
    calendar.hours = dict(hours)
    session.flush()  # name and version are unique: the present row gives its number away first
    session.add(before)
    session.flush()
    return before


def _place_again(session: Session, cases: Sequence[Case], calendar: ServiceCalendar) -> int:
    placed = 0
    for case, instances, holds in each_with_clocks(session, cases):
        for instance in instances:
            if instance.calendar_id == calendar.id and instance.state in LIVE:
                place(instance, holds)
                placed += 1
        note_deadline(case, instances)
    return placed


def present(session: Session, calendar_id: UUID) -> ServiceCalendar:
    """The hours of now, held to be changed. Raises NotFound, also for an earlier version."""
    calendar = session.scalar(
        select(ServiceCalendar)
        .where(ServiceCalendar.id == calendar_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if calendar is None or calendar.current_id is not None:
        raise NotFound("there is no such calendar")
    return calendar


def _free_name(session: Session, name: str) -> str:
    name = name.strip()
    if not 0 < len(name) <= LONGEST_NAME:
        raise BadCalendar(f"name: a calendar has one of 1 to {LONGEST_NAME} characters")
    taken = select(ServiceCalendar.id).where(ServiceCalendar.name == name)
    if session.scalar(taken.limit(1)) is not None:
        raise BadCalendar(f"name: there is a calendar “{name}” already")
    return name
