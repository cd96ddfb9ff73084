"""Whose hands a case is in: its team, its place in a queue, the skills it asks for; and changing
that from its page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from graph.console.staffing_form import ticked
from graph.console.visit import Visit, chosen
from intake import queues, skills, teams, work
from intake.cases import Case
from intake.queues import QueueItem
from intake.skills import Skill
from intake.teams import Team


@dataclass(frozen=True, slots=True)
class Hands:
    """What the page shows and offers."""

    item: QueueItem | None
    teams: Sequence[Team]
    skills: Sequence[Skill]
    asked: Mapping[UUID, int]
    """The level it asks for, by skill."""

    @property
    def words(self) -> str:
        """The skills it asks for, such as "Spanish 3"."""
        return ", ".join(f"{s.name} {self.asked[s.id]}" for s in self.skills if s.id in self.asked)


def of_case(visit: Visit, case: Case) -> Hands:
    """Whose hands it is in; four statements."""
    session = visit.session
    return Hands(
        item=queues.item_of(session, case),
        teams=teams.every(session),
        skills=skills.every(session),
        asked=skills.required(session, [case.id]).get(case.id, {}),
    )


def assign(visit: Visit, case: Case, version: int | None) -> None:
    """Give it to the agent or the team that was chosen."""
    kind, _, id = visit.said("agent").rpartition(" ")
    out = "remove_from_queue" in visit.form
    act = work.assign_team if kind == "team" else work.assign
    act(
        visit.session, visit.by, case.id, chosen(id, "an agent or a team"), at=visit.at,
        remove_from_queue=out, note=visit.said("note"), version=version,
    )  # fmt: skip


def unqueue(visit: Visit, case: Case, version: int | None) -> None:
    """Let it wait in no queue."""
    work.remove_from_queue(visit.session, visit.by, case.id, at=visit.at, version=version)


def require(visit: Visit, case: Case, version: int | None) -> None:
    """Let it ask for the skills that were chosen."""
    said = {id: visit.form[f"skill.{id}"] for id in ticked(visit.form, "skill")}
    wanted = {id: int(level) for id, level in said.items() if level.isdecimal()}
    work.require_skills(visit.session, visit.by, case.id, wanted, at=visit.at, version=version)
