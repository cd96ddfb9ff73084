"""Skills: what agents can do, how well, and what a case asks for."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from uuid import UUID

from sqlalchemy import String, delete, select
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from intake.cases import Case
from intake.db import Base, new_id, refers_to
from intake.errors import IntakeError

LEVELS = range(1, 6)
"""From a beginner to somebody whom others ask."""

Levels = Mapping[UUID, int]
"""How well, by the id of the skill."""


class WrongSkill(IntakeError):
    """A skill or a level that cannot be meant; the text begins with the field."""

    code = "wrong-skill"


class Skill(Base):
    """Something that one can be good at: a language, a product, a trade."""

    __tablename__ = "skills"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    name: Mapped[str] = mapped_column(String(80), unique=True)


class AgentSkill(Base):
    """How good an agent is at something, from 1 to 5."""

    __tablename__ = "agent_skills"

    agent_id: Mapped[UUID] = mapped_column(refers_to("agents.id"), primary_key=True)
    skill_id: Mapped[UUID] = mapped_column(refers_to("skills.id"), primary_key=True, index=True)
    level: Mapped[int]
    skill: Mapped[Skill] = relationship(lazy="joined", innerjoin=True)


class CaseSkill(Base):
    """How good somebody has to be at something to take a case."""

    __tablename__ = "case_skills"

    case_id: Mapped[UUID] = mapped_column(refers_to("cases.id"), primary_key=True)
    skill_id: Mapped[UUID] = mapped_column(refers_to("skills.id"), primary_key=True, index=True)
    level: Mapped[int]
    skill: Mapped[Skill] = relationship(lazy="joined", innerjoin=True)


def every(session: Session) -> list[Skill]:
    """The skills of this desk, by name."""
    return list(session.scalars(select(Skill).order_by(Skill.name)))


def require(session: Session, case: Case, wanted: Levels) -> None:
    """Let these be the skills that a case asks for. Raises WrongSkill and changes nothing."""
    check(session, wanted)
    session.execute(delete(CaseSkill).where(CaseSkill.case_id == case.id))
    session.add_all(
        CaseSkill(case_id=case.id, skill_id=skill_id, level=level)
        for skill_id, level in wanted.items()
    )


def check(session: Session, levels: Levels) -> None:
    """Raises WrongSkill unless these are skills of this desk, at levels there are."""
    known = set(session.scalars(select(Skill.id).where(Skill.id.in_(levels))))
    for skill_id, level in levels.items():
        if skill_id not in known:
            raise WrongSkill("skills: there is no such skill")
        if level not in LEVELS:
            raise WrongSkill(f"skills: a level is from {LEVELS[0]} to {LEVELS[-1]}, not {level}")


def required(session: Session, case_ids: Collection[UUID]) -> dict[UUID, dict[UUID, int]]:
    """What each of these cases asks for; a case that asks for nothing is left out."""
    found: dict[UUID, dict[UUID, int]] = {}
    for row in session.scalars(select(CaseSkill).where(CaseSkill.case_id.in_(case_ids))):
        found.setdefault(row.case_id, {})[row.skill_id] = row.level
    return found


def of_agents(session: Session, agent_ids: Collection[UUID]) -> dict[UUID, dict[UUID, int]]:
    """What each of these agents can do, and how well."""
    found: dict[UUID, dict[UUID, int]] = {}
    for row in session.scalars(select(AgentSkill).where(AgentSkill.agent_id.in_(agent_ids))):
        found.setdefault(row.agent_id, {})[row.skill_id] = row.level
    return found
