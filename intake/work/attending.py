"""What an agent says of themselves, and which skills a case asks for."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from intake import attendance, skills
from intake.acting import case_of, done
from intake.agents import Act, Agent, Principal
from intake.availability import Availability, Presence
from intake.cases import Case
from intake.errors import IntakeError, NotFound
from intake.skills import Levels


def set_presence(
    session: Session,
    by: Principal,
    presence: Presence,
    *,
    at: datetime,
    agent_id: UUID | None = None,
) -> Availability:
    """Say that I am available, busy, away or offline. A manager may say it of others."""
    by.must(Act.WORK)
    whose = agent_id or by.id
    if whose != by.id:
        by.must(Act.MANAGE)
    agent = session.get(Agent, whose) if whose else None
    if agent is None or not agent.active:
        raise (
            NotFound("there is no such active agent")
            if whose
            else IntakeError("only an agent is present or absent")
        )
    return attendance.become(session, by, agent.id, presence, at=at)


def require_skills(
    session: Session,
    by: Principal,
    case_id: UUID,
    wanted: Levels,
    *,
    at: datetime,
    version: int | None = None,
) -> Case:
    """Say which skills a case asks for, and how much of each. Raises WrongSkill."""
    case = case_of(session, by, case_id, version=version)
    skills.require(session, case, wanted)
    names = {skill.id: skill.name for skill in skills.every(session)}
    said = ", ".join(f"{names[skill]} {level}" for skill, level in wanted.items())
    return done(session, case, by, "case.skills_required", at, skills=said or "none")
