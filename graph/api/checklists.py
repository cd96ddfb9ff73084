"""Checklists: what is to be seen to on a case, and lists written beforehand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated
from uuid import UUID

import strawberry
from sqlalchemy import select

from graph.api.agents import Agent
from graph.api.asking import Asking, Info
from graph.api.describing import described
from graph.api.loading import Shown, grouped
from graph.api.problems import AnyProblem, problem
from intake import checklists as rows
from intake.errors import IntakeError


@strawberry.type(description="One thing to be seen to on a case.")
class ChecklistItem(Shown):
    id: UUID = strawberry.field(description="The item's id.")
    text: str = strawberry.field(description="What is to be seen to.")
    done_at: datetime | None = strawberry.field(description="When it was ticked off.")

    @described("Who ticked it off.")
    def done_by(self) -> Agent | None:
        return Agent.of(self.row.done_by) if self.row.done_by else None  # comes with its row


@strawberry.type(description="A list written beforehand.")
class Checklist(Shown):
    id: UUID = strawberry.field(description="The list's id.")
    name: str = strawberry.field(description="What it is called.")
    items: list[str] = strawberry.field(description="What is to be seen to, in order.")
    type_id: UUID | None = strawberry.field(
        description="The type of case that gets it by itself; null: it is chosen by hand."
    )

    @described("Whether it is put on no more cases.")
    def archived(self) -> bool:
        return self.row.archived_at is not None


@strawberry.type(description="A case, as to what is to be seen to.")
class SeenTo(Shown):
    @described("What is to be seen to, in order.")
    def checklist(self, info: Info) -> list[ChecklistItem]:
        return self.loaded(info, items_of).get(self.id, [])


ChecklistResult = Annotated[
    Checklist | AnyProblem,
    strawberry.union("ChecklistResult", description="The list now, or why it is not so."),
]


@strawberry.type
class ChecklistQueries:
    @described("The lists that were written beforehand, by name.")
    def checklists(self, info: Info, archived: bool = False) -> list[Checklist]:
        found = rows.checklists(info.context.session, archived=archived)
        return [Checklist.of(row) for row in found]


@strawberry.type
class ChecklistMutations:
    @described("Write a list, or one anew; with a type, its cases get it. For administrators.")
    def write_checklist(
        self,
        info: Info,
        name: str,
        items: list[str],
        type: UUID | None = None,
        id: UUID | None = None,
    ) -> ChecklistResult:
        asking = info.context
        try:
            with asking.acting() as session:
                return Checklist.of(
                    rows.write_checklist(
                        session, asking.principal, name=name, items=items, type_id=type,
                        checklist_id=id, at=asking.at,
                    )
                )  # fmt: skip
        except IntakeError as error:
            return problem(error)

    @described("Put a list on no more cases, or again.")
    def archive_checklist(self, info: Info, id: UUID, archived: bool = True) -> ChecklistResult:
        asking = info.context
        try:
            with asking.acting() as session:
                changed = rows.archive_checklist(
                    session, asking.principal, id, archived, at=asking.at
                )
                return Checklist.of(changed)
        except IntakeError as error:
            return problem(error)


def items_of(asking: Asking, cases: Sequence[SeenTo]) -> Mapping[UUID, list[ChecklistItem]]:
    """What is to be seen to on these cases."""
    mine = rows.ChecklistItem.case_id.in_([case.id for case in cases])
    ordered = select(rows.ChecklistItem).where(mine).order_by(rows.ChecklistItem.position)
    return grouped(ChecklistItem, asking.session.scalars(ordered), lambda row: row.case_id)
