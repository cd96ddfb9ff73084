"""A change of hours or of an SLA, before it is made: which deadlines would move.

Rehearsals are for managers, who see every case, so that no list of deadlines tells of a hidden one.
"""

from __future__ import annotations

from datetime import datetime
from itertools import islice
from typing import Any, cast
from uuid import UUID

import strawberry
from strawberry.scalars import JSON

from graph.api.asking import Info
from graph.api.describing import described
from graph.api.limits import FIRST_DEFAULT
from graph.api.pages import First
from graph.api.slas import Kpi
from intake import sla as rows
from intake.agents import Act
from intake.errors import NotFound
from intake.sla import rehearsing
from intake.sla.rehearsing import Move


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
        moved = rehearsing.moved_by_hours(asking.session, calendar, form_of(hours), at=asking.at)
        return listed(list(islice(moved, first + 1)), first)

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
            return listed(rehearsing.moved_by_version(session, id, at=asking.at), first)


def form_of(hours: JSON) -> dict[str, Any]:
    # Whatever it is: the calendar that is made of it says what is wrong with it.
    return cast(dict[str, Any], hours)


def listed(moves: list[Move], first: int) -> Rehearsal:
    """The first of these moves, and whether there are more."""
    shown = [
        DeadlineMove(case_number=move.case_number, kpi=move.kpi, was=move.was, becomes=move.becomes)
        for move in moves[:first]
    ]
    return Rehearsal(moves=shown, more=len(moves) > first)
