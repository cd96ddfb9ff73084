"""Views that people save: who has which, what they ask, and saving them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import strawberry
from strawberry.scalars import JSON

from graph.api.agents import Agent
from graph.api.asking import Asking, Info
from graph.api.describing import described
from graph.api.loading import Shown, by_id, together
from graph.api.problems import AnyProblem, problem
from graph.api.teams import Team, teams_by_id
from graph.api.work import Version
from intake import agents
from intake import saved_views as rows
from intake.errors import IntakeError
from intake.facts import read_condition

Column = rows.Column
strawberry.enum(Column, name="ViewColumn", description="What a saved view shows of each case.")
ViewOrder = rows.ViewOrder
strawberry.enum(ViewOrder, name="ViewOrder", description="What comes first in a saved view.")
Sharing = rows.Sharing
strawberry.enum(Sharing, name="ViewSharing", description="Who has a saved view in their lists.")


@strawberry.type(description="A view that somebody saved: `cases(savedView:)` shows its cases.")
class SavedView(Shown):
    id: UUID = strawberry.field(description="The view's id.")
    name: str = strawberry.field(description="What it is called.")
    order: ViewOrder = strawberry.field(description="What comes first.")
    sharing: Sharing = strawberry.field(description="Who has it in their lists.")
    created_at: datetime = strawberry.field(description="When it was saved first.")
    version: int = strawberry.field(description="Goes up with each change: `expectedVersion`.")
    agent_id: strawberry.Private[UUID]
    team_id: strawberry.Private[UUID | None]

    @described("What it asks, in the language of rules. An owner `me` is whoever looks.")
    def condition(self) -> JSON:
        return JSON(self.row.condition)

    @described("The same in words.")
    def words(self) -> str:
        return read_condition(self.row.condition).in_words()

    @described("What it shows of each case, in order.")
    def columns(self) -> list[Column]:
        return [Column(name) for name in self.row.columns]

    @described("Whose it is.")
    def agent(self, info: Info) -> Agent | None:
        return self.named(info, "agent_id", Agent, agents.Agent)

    @described("The team it is shared with.")
    def team(self, info: Info) -> Team | None:
        return self.loaded(info, shared_with).get(self.team_id)


@strawberry.input(description="What is said of a view; what is left out stays as it is.")
class SavedViewTerms:
    name: str | None = strawberry.field(default=strawberry.UNSET, description="What it is called.")
    condition: JSON | None = strawberry.field(
        default=strawberry.UNSET,
        description="What it asks, in the language of rules; null for every case.",
    )
    columns: list[Column] | None = strawberry.field(
        default=strawberry.UNSET, description="What it shows of each case; null for the usual."
    )
    order: ViewOrder | None = strawberry.field(
        default=strawberry.UNSET, description="What comes first."
    )
    sharing: Sharing | None = strawberry.field(
        default=strawberry.UNSET, description="Who has it in their lists."
    )
    team: UUID | None = strawberry.field(
        default=strawberry.UNSET, description="The team it is shared with."
    )

    def said_of(self, known: rows.ViewTerms) -> rows.ViewTerms:
        """The terms with those changed that were given."""
        usual = rows.ViewTerms("")
        given: dict[str, Any] = {n: v for n, v in vars(self).items() if v is not strawberry.UNSET}
        named = {"team_id" if name == "team" else name: v for name, v in given.items()}
        if isinstance(columns := named.get("columns"), list):
            named["columns"] = tuple(columns)
        return replace(
            known, **{n: getattr(usual, n) if v is None else v for n, v in named.items()}
        )


@strawberry.type(description="It was done.")
class ViewChanged:
    view_id: strawberry.Private[UUID | None]

    @described("The view now; null when it was removed.")
    def view(self, info: Info) -> SavedView | None:
        return by_id(info.context, SavedView, rows.SavedView, [self.view_id]).get(self.view_id)


ViewResult = Annotated[
    ViewChanged | AnyProblem,
    strawberry.union("ViewResult", description="It was done, or why it was not."),
]


@strawberry.type
class ViewQueries:
    @described("The saved views in your lists, by name.")
    def saved_views(self, info: Info) -> list[SavedView]:
        found = info.context.session.scalars(rows.seen_by(info.context.principal))
        return together(SavedView, found)


@strawberry.type
class ViewMutations:
    @described("Save a view, or change one of yours by its `id`; a manager may change any.")
    def save_view(
        self,
        info: Info,
        terms: SavedViewTerms,
        id: UUID | None = None,
        expected_version: Version = None,
    ) -> ViewResult:
        asking = info.context
        try:
            with asking.acting() as session:
                known = rows.ViewTerms("")
                if id is not None:
                    known = rows.terms_of(rows.one(session, asking.principal, id))
                saved = rows.save(
                    session, asking.principal, terms.said_of(known), at=asking.at, view_id=id,
                    version=expected_version,
                )  # fmt: skip
                return ViewChanged(view_id=saved.id)
        except IntakeError as error:
            return problem(error)

    @described("Take one of your views out of all lists; a manager may any.")
    def remove_view(self, info: Info, id: UUID, expected_version: Version = None) -> ViewResult:
        asking = info.context
        try:
            with asking.acting() as session:
                rows.remove(session, asking.principal, id, version=expected_version)
        except IntakeError as error:
            return problem(error)
        return ViewChanged(view_id=None)


def shared_with(asking: Asking, views: Sequence[SavedView]) -> Mapping[UUID | None, Team]:
    """The teams that these views are shared with."""
    return teams_by_id(asking, (view.team_id for view in views))
