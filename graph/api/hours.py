"""Business hours: made, called, changed; public holidays found and added."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Annotated
from uuid import UUID

import strawberry
from sqlalchemy.orm import Session
from strawberry.scalars import JSON

from graph.api.asking import Info
from graph.api.describing import described
from graph.api.loading import by_id
from graph.api.problems import AnyProblem, problem
from graph.api.rehearsals import form_of
from graph.api.slas import ServiceCalendar
from graph.api.work import Version
from intake import sla as rows
from intake.agents import Act
from intake.calendars import BadCalendar, icalendar, public
from intake.errors import IntakeError, NotFound
from intake.sla import changing

Scope = changing.Scope
strawberry.enum(Scope, name="ChangeScope", description="For which cases a change is made.")
MOST_YEARS = 10


@strawberry.type(description="A day on which nobody works.")
class Holiday:
    day: date = strawberry.field(description="The day.")
    name: str = strawberry.field(description="What it is called.")


@strawberry.input(description="Where public holidays come from: a country, or an iCalendar.")
class HolidaySource:
    country: str = strawberry.field(default="", description="As in ISO 3166, such as ES.")
    region: str = strawberry.field(default="", description="A region of it, such as MD.")
    icalendar: str = strawberry.field(
        default="", description="The text of an iCalendar file, instead of a country."
    )
    years: int = strawberry.field(default=3, description="How many years, from this one.")

    def days(self, at: datetime, zone: str) -> Mapping[date, str]:
        """The holidays by day, as clocks in that zone show it. Raises BadCalendar, naming the
        field."""
        if bool(self.country) == bool(self.icalendar):
            raise BadCalendar("country: say either a country or an icalendar")
        if not 0 < self.years <= MOST_YEARS:
            raise BadCalendar(f"years: from 1 to {MOST_YEARS}")
        span = range(at.year, at.year + self.years)
        if self.icalendar:
            return icalendar.holidays(self.icalendar, span, zone=zone)
        return public.of_country(self.country, self.region, span)


@strawberry.type
class HourQueries:
    @described("The public holidays of a country and region, or of an iCalendar; for managers.")
    def public_holidays(self, info: Info, source: HolidaySource) -> list[Holiday]:
        info.context.principal.must(Act.MANAGE)
        days = source.days(info.context.at, info.context.house.desk.zone)
        return [Holiday(day=day, name=name) for day, name in days.items()]


@strawberry.type(description="The hours are as said.")
class HoursChanged:
    clocks_moved: int = strawberry.field(description="How many running clocks were placed anew.")
    calendar_id: strawberry.Private[UUID]

    @described("The calendar now.")
    def calendar(self, info: Info) -> ServiceCalendar | None:
        found = by_id(info.context, ServiceCalendar, rows.ServiceCalendar, [self.calendar_id])
        return found.get(self.calendar_id)


HoursResult = Annotated[
    HoursChanged | AnyProblem,
    strawberry.union("HoursResult", description="They are changed, or why they are not."),
]


@strawberry.type
class HourMutations:
    @described("New business hours, that no SLA counts in yet. For administrators.")
    def add_calendar(self, info: Info, name: str, hours: JSON) -> HoursResult:
        asking = info.context
        try:
            with asking.acting() as session:
                added = changing.add_calendar(
                    session, asking.principal, name, form_of(hours), at=asking.at
                )
                return HoursChanged(clocks_moved=0, calendar_id=added.id)
        except IntakeError as error:
            return problem(error)

    @described("Call business hours by another name. For administrators.")
    def rename_calendar(self, info: Info, calendar: UUID, name: str) -> HoursResult:
        asking = info.context
        try:
            with asking.acting() as session:
                changing.rename_calendar(session, asking.principal, calendar, name, at=asking.at)
        except IntakeError as error:
            return problem(error)
        return HoursChanged(clocks_moved=0, calendar_id=calendar)

    @described("Give a calendar other hours, for all or for new cases. For administrators.")
    def change_hours(
        self,
        info: Info,
        calendar: UUID,
        hours: JSON,
        scope: Scope,
        expected_version: Version = None,
    ) -> HoursResult:
        return _changed(info, calendar, lambda _session: form_of(hours), scope, expected_version)

    @described("Add holidays to those of a calendar. For administrators.")
    def add_holidays(
        self,
        info: Info,
        calendar: UUID,
        source: HolidaySource,
        scope: Scope,
        expected_version: Version = None,
    ) -> HoursResult:
        def more(session: Session) -> dict[str, object]:
            found = session.get(rows.ServiceCalendar, calendar)
            if found is None:
                raise NotFound("there is no such calendar")
            days = source.days(info.context.at, found.calendar.zone)
            return changing.with_holidays(found.hours, days)

        return _changed(info, calendar, more, scope, expected_version)


def _changed(
    info: Info,
    calendar: UUID,
    hours: Callable[[Session], Mapping[str, object]],
    scope: Scope,
    version: int | None,
) -> HoursChanged | AnyProblem:
    asking = info.context
    try:
        with asking.acting() as session:
            moved = changing.change_hours(
                session, asking.principal, calendar, hours(session), scope,
                at=asking.at, version=version,
            )  # fmt: skip
    except IntakeError as error:
        return problem(error)
    return HoursChanged(clocks_moved=moved, calendar_id=calendar)
