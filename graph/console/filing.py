"""What was filed elsewhere first, beside a case: what it was merged into or made of, what moved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select

from graph.console.visit import Visit
from intake import merging
from intake.agents import Agent
from intake.cases import Activity, Case
from intake.merging import CaseMerge, MessageMove
from intake.visibility import visible_to


@dataclass(frozen=True, slots=True)
class Merged:
    """A case that was merged into the one that is shown."""

    case: Case
    by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Moved:
    """A message that came to the case that is shown, or left it."""

    move_id: UUID
    came: bool
    split: bool
    other: Case
    of: str
    """Whose message it is."""
    at: datetime


@dataclass(frozen=True, slots=True)
class Filing:
    """All of it; cases that one may not see are left out."""

    into: Case | None
    continues: Case | None
    """The open case that it seems to go on with."""
    merged: Sequence[Merged]
    moved: Sequence[Moved]

    def __bool__(self) -> bool:
        return bool(self.merged or self.moved)


def of_case(visit: Visit, case: Case) -> Filing:
    """What was merged with the case and moved to or from it; three statements, mostly empty."""
    session = visit.session
    merges, moves = merging.merges_of(session, case), merging.moves_of(session, case)
    wanted = {merge.source_id for merge in merges}
    wanted |= {id for move in moves for id in (move.from_case_id, move.to_case_id)}
    wanted |= {id for id in (case.merged_into_id, case.continues_id) if id}
    others = _visible(visit, wanted - {case.id})
    young = others.get(case.continues_id) if case.continues_id else None
    return Filing(
        others.get(case.merged_into_id) if case.merged_into_id else None,
        young if case.open and young is not None and young.open else None,
        _merged(visit, merges, others),
        _moved(visit, moves, others, case),
    )


def _visible(visit: Visit, ids: set[UUID]) -> dict[UUID, Case]:
    if not ids:
        return {}
    found = visit.session.scalars(visible_to(visit.by).where(Case.id.in_(ids)))
    return {case.id: case for case in found}


def _merged(
    visit: Visit, merges: Sequence[CaseMerge], others: dict[UUID, Case]
) -> Sequence[Merged]:
    ids = {merge.agent_id for merge in merges if merge.agent_id}
    names: dict[UUID, str] = {}
    if ids:
        rows = visit.session.execute(select(Agent.id, Agent.name).where(Agent.id.in_(ids)))
        names = dict(rows.all())
    return [
        Merged(
            others[merge.source_id],
            names.get(merge.agent_id, "") if merge.agent_id else "",
            merge.at,
        )
        for merge in merges
        if merge.source_id in others
    ]


def _moved(
    visit: Visit, moves: Sequence[MessageMove], others: dict[UUID, Case], case: Case
) -> Sequence[Moved]:
    ids = {move.activity_id for move in moves}
    authors: dict[UUID, str] = {}
    if ids:
        rows = visit.session.execute(
            select(Activity.id, Activity.author_name).where(Activity.id.in_(ids))
        )
        authors = dict(rows.all())
    told = []
    for move in moves:
        came = move.to_case_id == case.id
        other = others.get(move.from_case_id if came else move.to_case_id)
        if other is not None:
            who = authors.get(move.activity_id, "")
            told.append(Moved(move.id, came, move.split, other, who, move.at))
    return told
