"""What was filed elsewhere first: cases that became one, messages that changed their case."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import strawberry
from sqlalchemy import or_, select

from graph.api.agents import Agent
from graph.api.asking import Asking, Info
from graph.api.describing import described
from graph.api.loading import Shown, together
from intake import agents
from intake import merging as rows

if TYPE_CHECKING:
    from graph.api.cases import Case


@strawberry.type(description="That a case was merged into another, and may be parted again.")
class CaseMerge(Shown):
    id: UUID = strawberry.field(description="Its id.")
    at: datetime = strawberry.field(description="When.")
    source_id: strawberry.Private[UUID]
    agent_id: strawberry.Private[UUID | None]

    @described("The case that was merged: it leads to the survivor; null when not for you.")
    def source(self, info: Info) -> Annotated[Case, strawberry.lazy("graph.api.cases")] | None:
        return self.loaded(info, _cases, "source_id").get(self.source_id)

    @described("Who merged it.")
    def agent(self, info: Info) -> Agent | None:
        return self.named(info, "agent_id", Agent, agents.Agent)


@strawberry.type(description="That a message went to another case, and may be put back.")
class MessageMove(Shown):
    id: UUID = strawberry.field(description="Its id, by which it is undone.")
    activity_id: UUID = strawberry.field(description="The message.")
    split: bool = strawberry.field(description="Whether the case was made for it.")
    at: datetime = strawberry.field(description="When.")
    from_case_id: strawberry.Private[UUID]
    to_case_id: strawberry.Private[UUID]
    agent_id: strawberry.Private[UUID | None]

    @described("The case it was in; null when not for you.")
    def source(self, info: Info) -> Annotated[Case, strawberry.lazy("graph.api.cases")] | None:
        return self.loaded(info, _cases, "from_case_id").get(self.from_case_id)

    @described("The case it went to; null when not for you.")
    def target(self, info: Info) -> Annotated[Case, strawberry.lazy("graph.api.cases")] | None:
        return self.loaded(info, _cases, "to_case_id").get(self.to_case_id)

    @described("Who moved it; null when the desk did by itself.")
    def agent(self, info: Info) -> Agent | None:
        return self.named(info, "agent_id", Agent, agents.Agent)


def merges_of(asking: Asking, cases: Sequence[Shown]) -> Mapping[UUID, list[CaseMerge]]:
    """The merges that these cases survived."""
    ids = [case.id for case in cases]
    found = asking.session.scalars(
        select(rows.CaseMerge)
        .where(rows.CaseMerge.survivor_id.in_(ids), rows.CaseMerge.undone_at.is_(None))
        .order_by(rows.CaseMerge.at, rows.CaseMerge.id)
    )
    merges = together(CaseMerge, found)
    return {id: [merge for merge in merges if merge.row.survivor_id == id] for id in ids}


def moves_of(asking: Asking, cases: Sequence[Shown]) -> Mapping[UUID, list[MessageMove]]:
    """The messages that came to these cases or left them."""
    ids = [case.id for case in cases]
    move = rows.MessageMove
    found = asking.session.scalars(
        select(move)
        .where(or_(move.from_case_id.in_(ids), move.to_case_id.in_(ids)))
        .where(move.undone_at.is_(None))
        .order_by(move.at, move.id)
    )
    moves = together(MessageMove, found)
    return {id: [one for one in moves if id in (one.from_case_id, one.to_case_id)] for id in ids}


def _cases(asking: Asking, moved: Sequence[Shown], place: str) -> Mapping[UUID | None, Case]:
    from graph.api.cases import visible_by_id

    return visible_by_id(asking, {getattr(one, place) for one in moved})
