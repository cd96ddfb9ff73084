"""What happened, as it happens: the facts of cases, for history and for whoever follows."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing, closing
from datetime import datetime
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import strawberry
from anyio import to_thread
from sqlalchemy import select
from strawberry.scalars import JSON

from graph.api.asking import Asking, Info
from graph.api.describing import described
from graph.api.differences import FieldChange, difference
from graph.api.loading import Shown
from graph.api.pages import Connection, Order, pages
from intake import events as rows
from intake import history
from intake.cases import Case as CaseRow
from intake.visibility import by_number, visible_to

if TYPE_CHECKING:
    from graph.api.cases import Case


@strawberry.type(description="One thing that happened; never changed afterwards.")
class Event(Shown):
    sequence: int = strawberry.field(description="Its place among all events; gaps mean nothing.")
    kind: str = strawberry.field(description="What happened: case.opened, case.replied …")
    at: datetime = strawberry.field(description="When.")
    actor_kind: str = strawberry.field(description="Who did it: agent, customer or system.")
    actor_name: str = strawberry.field(description="The name of who did it.")
    via: str = strawberry.field(description="The way it was done: slack, graphql, console …")
    data: JSON = strawberry.field(description="What else is known of it.")
    case_id: strawberry.Private[UUID | None]

    @described("The fields of the case that it changed.")
    def changes(self) -> list[FieldChange]:
        return [difference(change) for change in history.told([self.row])]

    @described("The case as it is now, if you may see it.")
    def case(self, info: Info) -> Annotated[Case, strawberry.lazy("graph.api.cases")] | None:
        from graph.api.cases import visible_cases

        return self.loaded(info, visible_cases).get(self.case_id)


NEWEST = Order("history", rows.Event.sequence, rows.Event.sequence, descending=True)


@strawberry.type
class EventSubscriptions:
    @described(
        "What happens from now on to cases you may see; to one case if you name it.",
        subscription=True,
    )
    async def case_events(
        self, info: Info, case_number: int | None = None
    ) -> AsyncGenerator[Event, None]:
        asking = info.context
        case_id = None
        if case_number is not None:
            case_id = await to_thread.run_sync(_id_of, asking, case_number)
        async with aclosing(asking.house.follower.events()) as events:
            async for event in events:
                if event.case_id is not None and case_id in (None, event.case_id):
                    # Who may see it is asked when it is told: see `seen`.
                    yield Event.of(event)


def seen(asking: Asking, event: Event) -> bool:
    """Whether who asks may see the case of that event now."""
    assert event.case_id is not None, "only events of cases are followed"
    case = visible_to(asking.principal).where(CaseRow.id == event.case_id)
    return asking.session.scalar(case.with_only_columns(CaseRow.id)) is not None


def histories(
    asking: Asking, cases: Sequence[Shown], field: str | None, first: int, after: str | None
) -> Mapping[UUID, Connection[Event]]:
    """A page of what happened to each of these cases, or to one field, the newest first."""
    statement = select(rows.Event)
    if field is not None:
        statement = statement.where(history.touches(field))
    return pages(
        asking, statement, NEWEST, Event, cases, rows.Event.case_id,
        first=first, after=after,
    )  # fmt: skip


def _id_of(asking: Asking, number: int) -> UUID:
    with closing(asking):
        return by_number(asking.session, asking.principal, number).id
