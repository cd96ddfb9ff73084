"""Who of those who are here gets a case: a choice over plain values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from uuid import UUID

from intake.queues import Assignment
from intake.skills import Levels

LONG_AGO = datetime(1, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a case asks for: room for its channel, and skills."""

    channel: str
    units: int = 1
    skills: Levels = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Candidate:
    """An agent who is here, with what they have and can."""

    agent_id: UUID
    name: str
    capacity: int
    used: Mapping[str, int] = field(default_factory=dict)
    """Units of what they have, by channel."""
    limits: Mapping[str, int] = field(default_factory=dict)
    skills: Levels = field(default_factory=dict)
    last_at: datetime = LONG_AGO
    turn_at: datetime = LONG_AGO
    """When they were last given a case, of any queue and of this one."""

    @property
    def free(self) -> int:
        """Units they have left; below zero after picks by hand."""
        return self.capacity - sum(self.used.values())

    def has_room(self, wanted: Wanted) -> bool:
        """Whether the case fits into what they have left, in all and of its channel."""
        used = self.used.get(wanted.channel, 0)
        limit = self.limits.get(wanted.channel)
        return self.free >= wanted.units and (limit is None or limit - used >= wanted.units)

    def met(self, wanted: Levels) -> int:
        """How much of the asked levels they reach, in all."""
        return sum(min(self.skills.get(skill, 0), level) for skill, level in wanted.items())

    def takes(self, wanted: Wanted, at: datetime) -> Candidate:
        """The agent with that case too."""
        used = {**self.used, wanted.channel: self.used.get(wanted.channel, 0) + wanted.units}
        return replace(self, used=used, last_at=at, turn_at=at)


@dataclass(frozen=True, slots=True)
class Choice:
    """Who gets it, and why in words."""

    candidate: Candidate
    why: str


def choose(
    method: Assignment,
    candidates: Iterable[Candidate],
    wanted: Wanted,
    names: Mapping[UUID, str] | None = None,
) -> Choice | None:
    """Who of them gets a case; None when nobody has room for it, or the skills where they are must.

    `names` are those of skills. Equal candidates are told apart by their names, so that the same
    desk chooses the same agent each time.
    """
    fit = sorted((c for c in candidates if c.has_room(wanted)), key=lambda c: (c.name, c.agent_id))
    if method is Assignment.SKILLS_EXACT:
        fit = [c for c in fit if c.met(wanted.skills) == sum(wanted.skills.values())]
    if not fit or method is Assignment.NONE:
        return None
    if method is Assignment.ROUND_ROBIN:
        first = min(fit, key=lambda c: c.turn_at)
        return Choice(first, f"next in turn, {_units(first)}")
    if method is Assignment.SKILLS_CLOSEST:
        best = max(c.met(wanted.skills) for c in fit)
        fit = [c for c in fit if c.met(wanted.skills) == best]
    most = max(c.free for c in fit)
    freest = [c for c in fit if c.free == most]
    first = min(freest, key=lambda c: c.last_at)
    said = [_skills(first, wanted, names or {}), _units(first)]
    said += ["longest since last"] if len(freest) > 1 else []
    return Choice(first, ", ".join(part for part in said if part))


def _units(candidate: Candidate) -> str:
    return f"{candidate.free} of {candidate.capacity} units free"


def _skills(candidate: Candidate, wanted: Wanted, names: Mapping[UUID, str]) -> str:
    return ", ".join(
        f"{names.get(skill, 'skill')} {candidate.skills.get(skill, 0)} of {level}"
        for skill, level in wanted.skills.items()
    )
