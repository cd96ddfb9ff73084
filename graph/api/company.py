"""Who is at a case now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

import strawberry

from graph.api.agents import Agent
from graph.api.asking import Asking
from graph.api.loading import Shown
from intake import viewers


@strawberry.type(description="An agent who is at a case now.")
class CaseViewer:
    agent: Agent = strawberry.field(description="Who.")
    writes: bool = strawberry.field(description="Whether they write an answer or a note.")


def at_cases(asking: Asking, cases: Sequence[Shown]) -> Mapping[UUID, list[CaseViewer]]:
    """Who is at these cases, those who write first."""
    found = viewers.at_cases(asking.session, [case.id for case in cases], at=asking.at)
    return {case_id: [_shown(one, asking) for one in rows] for case_id, rows in found.items()}


def _shown(viewer: viewers.Viewer, asking: Asking) -> CaseViewer:
    return CaseViewer(agent=Agent.of(viewer.agent), writes=viewer.writes(asking.at))
