"""What is promised about time: SLAs with their items and versions, and the hours they count in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import strawberry
from sqlalchemy import select
from strawberry.scalars import JSON

from graph.api.asking import Asking, Info
from graph.api.describing import described
from graph.api.loading import Shown, by_id, grouped, together
from intake import sla as rows
from intake.facts import read_condition

if TYPE_CHECKING:
    from graph.api.feeds import HolidayFeed

Kpi = rows.Kpi
strawberry.enum(Kpi, name="Kpi", description="What is promised.")
SlaState = rows.SlaState
strawberry.enum(
    SlaState,
    name="SlaState",
    description="Only an active SLA starts clocks; a retired one's run on.",
)
From = rows.From
strawberry.enum(
    From, name="KpiFrom", description="The instant of a case from which a clock counts."
)
OnReopening = rows.OnReopening
strawberry.enum(
    OnReopening,
    name="OnReopening",
    description="What a reopened case does to a promise that was kept or broken before.",
)


@strawberry.type(description="When work is done: the hours that clocks count in.")
class ServiceCalendar(Shown):
    id: UUID = strawberry.field(description="The id of this version of it.")
    name: str = strawberry.field(description="What it is called.")
    version: int = strawberry.field(description="Goes up with each change of its hours.")
    hours: JSON = strawberry.field(
        description="Its zone, weekly slots, holidays, exceptions and changes to come, as written."
    )
    current_id: UUID | None = strawberry.field(
        description="The present version, when this is an earlier one that clocks still count in."
    )

    @described("Its zone, as in Europe/Madrid.")
    def time_zone(self) -> str:
        zone: str = self.row.calendar.zone
        return zone

    @described("Its hours in words.")
    def words(self) -> str:
        words: str = self.row.calendar.in_words()
        return words

    @described("The feeds that it takes holidays from.")
    def feeds(self, info: Info) -> list[Annotated[HolidayFeed, strawberry.lazy("graph.api.feeds")]]:
        from graph.api.feeds import feeds_of

        return self.loaded(info, feeds_of).get(self.id, [])


@strawberry.type(description="One clause of an SLA: this within that time, for cases like these.")
class SlaItem(Shown):
    id: UUID = strawberry.field(description="The item's id.")
    position: int = strawberry.field(description="Its place: the first item that applies counts.")
    kpi: Kpi = strawberry.field(description="What it promises.")
    starts_from: From = strawberry.field(description="The instant from which its clock counts.")
    from_field: str | None = strawberry.field(
        description="The custom field that says it, such as `instant.install_at`, where one does."
    )
    warn_after_minutes: int | None = strawberry.field(
        description="Open minutes until it warns; null when it does not."
    )
    fail_after_minutes: int = strawberry.field(description="Open minutes that it allows.")
    pauses: list[str] | None = strawberry.field(
        description="The status reasons that stop its clock; null: those that put a case on hold."
    )
    on_reopening: OnReopening = strawberry.field(description="What reopening a case does to it.")
    applicable_when: JSON | None = strawberry.field(
        description="The condition for cases it speaks of, as written; null: every case."
    )
    success_when: JSON | None = strawberry.field(
        description="The condition that keeps it, as written; null: the KPI's own act."
    )
    actions: JSON = strawberry.field(
        description="What its warning, failure and success set off, as written."
    )
    calendar_id: strawberry.Private[UUID | None]

    @described("The condition for cases it speaks of, in words; empty for every case.")
    def applies_to(self) -> str | None:
        return _in_words(self.row.applicable_when)

    @described("The condition that keeps it, in words; empty for the KPI's own act.")
    def kept_when(self) -> str | None:
        return _in_words(self.row.success_when)

    @described("The hours it counts in; null: around the clock.")
    def calendar(self, info: Info) -> ServiceCalendar | None:
        return self.named(info, "calendar_id", ServiceCalendar, rows.ServiceCalendar)


@strawberry.type(description="A set of promises about time, in one of its versions.")
class Sla(Shown):
    id: UUID = strawberry.field(description="The id of this version.")
    name: str = strawberry.field(description="What it is called, in all its versions.")
    version: int = strawberry.field(description="Which version it is.")
    state: SlaState = strawberry.field(description="Where it stands.")
    is_default: bool = strawberry.field(
        description="Whether cases get it for which nothing else chooses one."
    )
    chosen_when: JSON | None = strawberry.field(
        description="The condition over a case that chooses it before any entitlement, as written."
    )
    family: strawberry.Private[UUID]

    @described("What it promises, in the order in which it is tried.")
    def items(self, info: Info) -> list[SlaItem]:
        return self.loaded(info, clauses).get(self.id, [])

    @described("All its versions, the newest first.")
    def versions(self, info: Info) -> list[Sla]:
        return self.loaded(info, relatives).get(self.family, [])


@strawberry.type
class SlaQueries:
    @described("The SLAs by name, the newest version first; active and draft ones if not told.")
    def slas(self, info: Info, states: list[SlaState] | None = None) -> list[Sla]:
        wanted = states if states is not None else [SlaState.DRAFT, SlaState.ACTIVE]
        statement = select(rows.Sla).where(rows.Sla.state.in_(wanted))
        ordered = statement.order_by(rows.Sla.name, rows.Sla.version.desc())
        return together(Sla, info.context.session.scalars(ordered))

    @described("The SLA, or version of one, of that id; or null.")
    def sla(self, info: Info, id: UUID) -> Sla | None:
        return by_id(info.context, Sla, rows.Sla, [id]).get(id)

    @described("The calendars of working hours by name, each in its present version.")
    def calendars(self, info: Info) -> list[ServiceCalendar]:
        current = select(rows.ServiceCalendar).where(rows.ServiceCalendar.current_id.is_(None))
        found = info.context.session.scalars(current.order_by(rows.ServiceCalendar.name))
        return together(ServiceCalendar, found)


def clauses(asking: Asking, slas: Sequence[Sla]) -> Mapping[UUID, list[SlaItem]]:
    """The items of these SLAs, in order."""
    found = asking.session.scalars(
        select(rows.SlaItem)
        .where(rows.SlaItem.sla_id.in_([sla.id for sla in slas]))
        .order_by(rows.SlaItem.sla_id, rows.SlaItem.position)
    )
    return grouped(SlaItem, found, lambda row: row.sla_id)


def relatives(asking: Asking, slas: Sequence[Sla]) -> Mapping[UUID, list[Sla]]:
    """Every version of these SLAs, by family."""
    families = {sla.family for sla in slas}
    found = asking.session.scalars(
        select(rows.Sla)
        .where(rows.Sla.id.in_(families) | rows.Sla.family_id.in_(families))
        .order_by(rows.Sla.version.desc())
    )
    return grouped(Sla, found, lambda row: row.family)


def _in_words(condition: Mapping[str, Any] | None) -> str:
    return "" if condition is None else read_condition(condition).in_words()
