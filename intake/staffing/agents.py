"""Setting up how an agent works: how much at once, when, with which skills, from which queue."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from intake import availability, events, skills
from intake.agents import Act, Agent, Principal
from intake.availability import CAPACITY, Availability, ChannelCapacity, ChannelWeight
from intake.errors import IntakeError, NotFound
from intake.queues import DefaultQueue, Queue
from intake.skills import AgentSkill, Levels, Skill, WrongSkill
from intake.sla import ServiceCalendar
from intake.staffing.teams import set_default_queue

MOST_UNITS = 1000


class WrongCapacity(IntakeError):
    """Capacity, hours or queue of an agent that cannot be meant; the text begins with the field."""

    code = "wrong-capacity"


@dataclass(frozen=True, slots=True)
class WorkTerms:
    """How an agent works."""

    capacity: int = CAPACITY
    channels: Mapping[str, int] = field(default_factory=dict)
    """Units of a channel they can have at once, where that is less."""
    calendar_id: UUID | None = None
    default_queue_id: UUID | None = None
    skills: Levels = field(default_factory=dict)


def terms_of_work(session: Session, agent_id: UUID) -> WorkTerms:
    """How an agent works now, to be changed in part."""
    known = session.get(Availability, agent_id)
    limits = select(ChannelCapacity).where(ChannelCapacity.agent_id == agent_id)
    return WorkTerms(
        capacity=known.capacity if known else CAPACITY,
        channels={row.channel: row.units for row in session.scalars(limits)},
        calendar_id=known.calendar_id if known else None,
        default_queue_id=session.scalar(
            select(DefaultQueue.queue_id).where(DefaultQueue.agent_id == agent_id)
        ),
        skills=skills.of_agents(session, [agent_id]).get(agent_id, {}),
    )


def change_work(
    session: Session, by: Principal, agent_id: UUID, terms: WorkTerms, *, at: datetime
) -> Agent:
    """Let an agent work like that from now on. Raises WrongCapacity or WrongSkill."""
    by.must(Act.ADMINISTER)
    agent = session.get(Agent, agent_id)
    if agent is None:
        raise NotFound("there is no such agent")
    _check(session, terms)
    known = availability.held(session, agent_id, at=at)
    known.capacity, known.calendar_id = terms.capacity, terms.calendar_id
    session.execute(delete(ChannelCapacity).where(ChannelCapacity.agent_id == agent_id))
    session.execute(delete(AgentSkill).where(AgentSkill.agent_id == agent_id))
    session.add_all(
        ChannelCapacity(agent_id=agent_id, channel=channel, units=units)
        for channel, units in terms.channels.items()
    )
    session.add_all(
        AgentSkill(agent_id=agent_id, skill_id=skill_id, level=level)
        for skill_id, level in terms.skills.items()
    )
    set_default_queue(session, terms.default_queue_id, agent_id=agent_id)
    session.flush()
    availability.freed(session, agent_id, at=at)
    events.record(
        session, "agent.work_changed", at=at, actor=by, agent=str(agent_id), name=agent.name
    )
    return agent


def weigh(session: Session, by: Principal, channel: str, units: int, *, at: datetime) -> None:
    """Let an open case of that channel cost its agent so many units."""
    by.must(Act.ADMINISTER)
    if not 0 <= units <= MOST_UNITS:
        raise WrongCapacity(f"units: from 0 to {MOST_UNITS}")
    if not 0 < len(channel) <= 32:
        raise WrongCapacity("channel: such as email, phone or chat")
    session.merge(ChannelWeight(channel=channel, units=units))
    session.flush()
    events.record(session, "channel.weighed", at=at, actor=by, channel=channel, units=units)


def add_skill(session: Session, by: Principal, name: str, *, at: datetime) -> Skill:
    """A new skill. Raises WrongSkill."""
    by.must(Act.ADMINISTER)
    skill = Skill(name=_skill_name(session, name))
    session.add(skill)
    session.flush()
    events.record(session, "skill.added", at=at, actor=by, skill=str(skill.id), name=skill.name)
    return skill


def rename_skill(
    session: Session, by: Principal, skill_id: UUID, name: str, *, at: datetime
) -> Skill:
    """Call a skill something else; who has it keeps it. Raises WrongSkill."""
    by.must(Act.ADMINISTER)
    skill = session.get(Skill, skill_id, with_for_update=True)
    if skill is None:
        raise NotFound("there is no such skill")
    if skill.name != name.strip():
        skill.name = _skill_name(session, name)
    session.flush()
    events.record(session, "skill.renamed", at=at, actor=by, skill=str(skill.id), name=skill.name)
    return skill


def _skill_name(session: Session, name: str) -> str:
    name = name.strip()
    if not 0 < len(name) <= 80:
        raise WrongSkill("name: a skill needs a name of at most 80 characters")
    if session.scalar(select(Skill.id).where(Skill.name == name)):
        raise WrongSkill(f"name: there is a skill {name} already")
    return name


def _check(session: Session, terms: WorkTerms) -> None:
    if not 0 <= terms.capacity <= MOST_UNITS:
        raise WrongCapacity(f"capacity: from 0 to {MOST_UNITS} units")
    for channel, units in terms.channels.items():
        if not 0 < len(channel) <= 32 or not 0 <= units <= MOST_UNITS:
            raise WrongCapacity(f"channels: {channel:.32} from 0 to {MOST_UNITS} units")
    if terms.calendar_id and session.get(ServiceCalendar, terms.calendar_id) is None:
        raise WrongCapacity("calendar: there is no such calendar")
    if terms.default_queue_id:
        queue = session.get(Queue, terms.default_queue_id)
        if queue is None or queue.archived_at is not None:
            raise WrongCapacity("default_queue: there is no such queue in use")
    skills.check(session, terms.skills)
