"""A change of hours or of an SLA: which deadlines would move, and the change itself.

Rehearsals are for managers, who see every case, so that no list of deadlines tells of a hidden one.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from itertools import islice
from typing import Annotated, Any, cast
from uuid import UUID

import strawberry
from sqlalchemy.orm import Session
from strawberry.scalars import JSON

from graph.api.asking import Info
from graph.api.describing import described
from graph.api.limits import FIRST_DEFAULT
from graph.api.loading import by_id
from graph.api.pages import First
from graph.api.problems import AnyProblem, problem
from graph.api.slas import Kpi, ServiceCalendar, Sla
from intake import sla as rows
from intake.agents import Act, Principal
from intake.errors import IntakeError, NotFound
from intake.sla import activation, rehearsing
from intake.sla.rehearsing import Move

Scope = rehearsing.Scope
strawberry.enum(Scope, name="ChangeScope", description="For which cases a change is made.")


@strawberry.type(description="One open deadline that a change would move.")
class DeadlineMove:
    case_number: int = strawberry.field(description="The case's number.")
    kpi: Kpi = strawberry.field(description="What is promised.")
    was: datetime | None = strawberry.field(description="The deadline now; null: there is none.")
    becomes: datetime | None = strawberry.field(
        description="The deadline after the change; null: there would be none."
    )


@strawberry.type(description="What a change would do to the deadlines that are open now.")
class Rehearsal:
    moves: list[DeadlineMove] = strawberry.field(
        description="The deadlines that would move, by case number."
    )
    more: bool = strawberry.field(description="Whether more would move than are listed.")


@strawberry.type
class RehearsalQueries:
    @described("Which open deadlines other hours would move. Changes nothing; for managers.")
    def rehearse_hours(
        self, info: Info, calendar: UUID, hours: JSON, first: First = FIRST_DEFAULT
    ) -> Rehearsal:
        asking = info.context
        asking.principal.must(Act.MANAGE)
        moved = rehearsing.moved_by_hours(asking.session, calendar, _form(hours), at=asking.at)
        return _listed(list(islice(moved, first + 1)), first)

    @described(
        "Which open deadlines would move if running cases adopted this version of an SLA. "
        "Changes nothing; for managers."
    )
    def rehearse_sla(self, info: Info, id: UUID, first: First = FIRST_DEFAULT) -> Rehearsal:
        asking = info.context
        asking.principal.must(Act.MANAGE)
        # It is tried out and undone, which takes a transaction that may write.
        with asking.acting() as session:
            if session.get(rows.Sla, id) is None:
                raise NotFound("there is no such SLA")
            return _listed(rehearsing.moved_by_version(session, id, at=asking.at), first)


@strawberry.type(description="The hours are changed.")
class HoursChanged:
    clocks_moved: int = strawberry.field(description="How many running clocks were placed anew.")
    calendar_id: strawberry.Private[UUID]

    @described("The calendar now.")
    def calendar(self, info: Info) -> ServiceCalendar | None:
        found = by_id(info.context, ServiceCalendar, rows.ServiceCalendar, [self.calendar_id])
        return found.get(self.calendar_id)


@strawberry.type(description="It was done.")
class SlaChanged:
    sla_id: strawberry.Private[UUID]

    @described("The SLA now.")
    def sla(self, info: Info) -> Sla | None:
        return by_id(info.context, Sla, rows.Sla, [self.sla_id]).get(self.sla_id)


HoursResult = Annotated[
    HoursChanged | AnyProblem,
    strawberry.union("HoursResult", description="They are changed, or why they are not."),
]
SlaResult = Annotated[
    SlaChanged | AnyProblem,
    strawberry.union("SlaResult", description="It was done, or why it was not."),
]
SlaId = Annotated[UUID, strawberry.argument(description="The id of the SLA's version.")]


@strawberry.type
class SlaMutations:
    @described("Give a calendar other hours, for all or for new cases. For administrators.")
    def change_hours(self, info: Info, calendar: UUID, hours: JSON, scope: Scope) -> HoursResult:
        asking = info.context
        try:
            with asking.acting() as session:
                moved = rehearsing.change_hours(
                    session, asking.principal, calendar, _form(hours), scope, at=asking.at
                )
        except IntakeError as error:
            return problem(error)
        return HoursChanged(clocks_moved=moved, calendar_id=calendar)

    @described("Draft the next version of an SLA, that says the same. For administrators.")
    def revise_sla(self, info: Info, id: SlaId) -> SlaResult:
        at = info.context.at
        return change(info, lambda session, by: activation.revise(session, by, id, at=at).id)

    @described("Put a draft in force in the place of the version before. For administrators.")
    def activate_sla(self, info: Info, id: SlaId) -> SlaResult:
        at = info.context.at
        return change(info, lambda session, by: activation.activate(session, by, id, at=at).id)

    @described("Take an SLA out of force; its clocks run on. For administrators.")
    def retire_sla(self, info: Info, id: SlaId) -> SlaResult:
        at = info.context.at
        return change(info, lambda session, by: activation.retire(session, by, id, at=at).id)

    @described("Make it the SLA of cases that nothing else chooses one for. For administrators.")
    def set_default_sla(self, info: Info, id: SlaId) -> SlaResult:
        at = info.context.at
        return change(info, lambda session, by: activation.make_default(session, by, id, at=at).id)


def change(info: Info, act: Callable[[Session, Principal], UUID]) -> SlaChanged | AnyProblem:
    """Do that in a transaction of its own, or say why not."""
    asking = info.context
    try:
        with asking.acting() as session:
            return SlaChanged(sla_id=act(session, asking.principal))
    except IntakeError as error:
        return problem(error)


def _form(hours: JSON) -> dict[str, Any]:
    # Whatever it is: the calendar that is made of it says what is wrong with it.
    return cast(dict[str, Any], hours)


def _listed(moves: list[Move], first: int) -> Rehearsal:
    shown = [
        DeadlineMove(case_number=move.case_number, kpi=move.kpi, was=move.was, becomes=move.becomes)
        for move in moves[:first]
    ]
    return Rehearsal(moves=shown, more=len(moves) > first)
