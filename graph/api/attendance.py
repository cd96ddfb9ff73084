"""Who is here and how they work: presence, capacity and skills."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Annotated
from uuid import UUID

import strawberry
from sqlalchemy import select

from graph.api.agents import Agent
from graph.api.asking import Asking, Info
from graph.api.describing import described
from graph.api.loading import Shown, by_id, together
from graph.api.problems import AnyProblem, problem
from graph.api.queues import Queue
from graph.api.staffing import changed
from graph.api.work import CaseNumber, CaseResult, Version, change
from intake import agents, assigning, availability, queues, skills, staffing, work
from intake.agents import Act
from intake.availability import CAPACITY, Availability
from intake.errors import IntakeError

Presence = availability.Presence
strawberry.enum(Presence, name="Presence", description="What an agent says about now.")
NO_WORK = staffing.WorkTerms()


@strawberry.type(description="Something that one can be good at.")
class Skill(Shown):
    id: UUID = strawberry.field(description="The skill's id.")
    name: str = strawberry.field(description="What it is called.")


@strawberry.type(description="A skill and how much of it, from 1 to 5.")
class SkillLevel:
    skill: Skill = strawberry.field(description="The skill.")
    level: int = strawberry.field(description="How much of it, from 1 to 5.")


@strawberry.type(description="Units of a channel.")
class ChannelUnits:
    channel: str = strawberry.field(description="The channel.")
    units: int = strawberry.field(description="How many.")


@strawberry.type(description="Whether an agent can take work, and how they work.")
class Attendance:
    agent: Agent = strawberry.field(description="Whose it is.")
    presence: Presence = strawberry.field(description="What they say about now.")
    since_at: datetime | None = strawberry.field(description="Since when; null if never said.")
    capacity: int = strawberry.field(description="Units of work they can have at once.")
    used: int = strawberry.field(description="Units that their open cases cost.")
    channels: list[ChannelUnits] = strawberry.field(
        description="What they can have of a channel, where that is less."
    )
    skills: list[SkillLevel] = strawberry.field(description="What they can.")
    default_queue: Queue | None = strawberry.field(
        description="Where their cases wait that wait nowhere else."
    )


@strawberry.input(description="A skill and how much of it.")
class SkillAt:
    skill: UUID = strawberry.field(description="The skill.")
    level: int = strawberry.field(description="How much of it, from 1 to 5.")


@strawberry.input(description="Units of a channel.")
class UnitsOf:
    channel: str = strawberry.field(description="The channel, such as email, phone or chat.")
    units: int = strawberry.field(description="How many.")


@strawberry.input(description="How an agent works; what is left out stays as it is.")
class WorkTerms:
    capacity: int | None = strawberry.field(
        default=strawberry.UNSET, description="Units of work they can have at once."
    )
    channels: list[UnitsOf] | None = strawberry.field(
        default=strawberry.UNSET, description="What they can have of a channel, if less."
    )
    calendar: UUID | None = strawberry.field(
        default=strawberry.UNSET, description="Their working hours; null for any."
    )
    default_queue: UUID | None = strawberry.field(
        default=strawberry.UNSET, description="Where their cases wait; null for the desk's default."
    )
    skills: list[SkillAt] | None = strawberry.field(
        default=strawberry.UNSET, description="What they can, all of it."
    )

    def said_of(self, known: staffing.WorkTerms) -> staffing.WorkTerms:
        """The terms with those changed that were given."""
        plain = {n: v for n, v in vars(self).items() if n not in ("channels", "skills")}
        terms = changed(known, _Given(plain), NO_WORK)
        if self.channels is not strawberry.UNSET:
            terms = replace(terms, channels={u.channel: u.units for u in self.channels or ()})
        if self.skills is not strawberry.UNSET:
            terms = replace(terms, skills={s.skill: s.level for s in self.skills or ()})
        return terms


class _Given:
    def __init__(self, fields: Mapping[str, object]) -> None:
        vars(self).update(fields)


@strawberry.type(description="It was done.")
class AttendanceChanged:
    agent_id: strawberry.Private[UUID]

    @described("How it stands now.")
    def attendance(self, info: Info) -> Attendance:
        return of_agents(info.context, [self.agent_id])[0]


@strawberry.type(description="The skill is kept.")
class SkillKept:
    skill_id: strawberry.Private[UUID]

    @described("The skill now.")
    def skill(self, info: Info) -> Skill:
        return by_id(info.context, Skill, skills.Skill, [self.skill_id])[self.skill_id]


@strawberry.type(description="It is kept.")
class ChannelWeighed:
    channel: str = strawberry.field(description="The channel.")
    units: int = strawberry.field(description="What an open case of it costs its agent.")


AttendanceResult = Annotated[
    AttendanceChanged | AnyProblem,
    strawberry.union("AttendanceResult", description="It was done, or why it was not."),
]
SkillResult = Annotated[
    SkillKept | AnyProblem,
    strawberry.union("SkillResult", description="The skill is kept, or why it is not."),
]
ChannelResult = Annotated[
    ChannelWeighed | AnyProblem,
    strawberry.union("ChannelResult", description="It is kept, or why it is not."),
]


@strawberry.type
class AttendanceQueries:
    @described("Who is here and what they have, by name; for those who work here.")
    def attendance(self, info: Info) -> list[Attendance]:
        info.context.principal.must(Act.READ)
        active = select(agents.Agent.id).where(agents.Agent.active).order_by(agents.Agent.name)
        return of_agents(info.context, info.context.session.scalars(active).all())

    @described("The skills of this desk, by name.")
    def skills(self, info: Info) -> list[Skill]:
        return together(Skill, skills.every(info.context.session))


@strawberry.type
class AttendanceMutations:
    @described("Say whether you can take work; a manager may say it of another agent.")
    def set_presence(
        self, info: Info, presence: Presence, agent: UUID | None = None
    ) -> AttendanceResult:
        asking = info.context
        try:
            with asking.acting() as session:
                known = work.set_presence(
                    session, asking.principal, presence, at=asking.at, agent_id=agent
                )
                return AttendanceChanged(agent_id=known.agent_id)
        except IntakeError as error:
            return problem(error)

    @described("Let an agent work like that. For administrators, as what follows on skills.")
    def change_agent_work(self, info: Info, agent: UUID, terms: WorkTerms) -> AttendanceResult:
        asking = info.context
        try:
            with asking.acting() as session:
                wanted = terms.said_of(staffing.terms_of_work(session, agent))
                staffing.change_work(session, asking.principal, agent, wanted, at=asking.at)
        except IntakeError as error:
            return problem(error)
        return AttendanceChanged(agent_id=agent)

    @described("Add a skill.")
    def add_skill(self, info: Info, name: str) -> SkillResult:
        asking = info.context
        try:
            with asking.acting() as session:
                made = staffing.add_skill(session, asking.principal, name, at=asking.at)
                return SkillKept(skill_id=made.id)
        except IntakeError as error:
            return problem(error)

    @described("Call a skill something else.")
    def rename_skill(self, info: Info, id: UUID, name: str) -> SkillResult:
        asking = info.context
        try:
            with asking.acting() as session:
                staffing.rename_skill(session, asking.principal, id, name, at=asking.at)
        except IntakeError as error:
            return problem(error)
        return SkillKept(skill_id=id)

    @described("Say what an open case of a channel costs its agent.")
    def weigh_channel(self, info: Info, channel: str, units: int) -> ChannelResult:
        asking = info.context
        try:
            with asking.acting() as session:
                staffing.weigh(session, asking.principal, channel, units, at=asking.at)
        except IntakeError as error:
            return problem(error)
        return ChannelWeighed(channel=channel, units=units)

    @described("Say which skills a case asks for, all of them.")
    def require_skills(
        self,
        info: Info,
        case_number: CaseNumber,
        skills: list[SkillAt],
        expected_version: Version = None,
    ) -> CaseResult:
        wanted = {each.skill: each.level for each in skills}
        return change(
            info, case_number, work.require_skills, wanted, at=info.context.at,
            version=expected_version,
        )  # fmt: skip


def of_agents(asking: Asking, agent_ids: Sequence[UUID]) -> list[Attendance]:
    """How these agents stand, in that order."""
    session = asking.session
    people = by_id(asking, Agent, agents.Agent, agent_ids)
    known = {
        row.agent_id: row
        for row in session.scalars(select(Availability).where(Availability.agent_id.in_(agent_ids)))
    }
    used = assigning.used_units(session, agent_ids, assigning.weights(session))
    can = skills.of_agents(session, agent_ids)
    named = {skill.id: skill for skill in together(Skill, skills.every(session))}
    limits: dict[UUID, list[ChannelUnits]] = {}
    for row in session.scalars(
        select(availability.ChannelCapacity)
        .where(availability.ChannelCapacity.agent_id.in_(agent_ids))
        .order_by(availability.ChannelCapacity.channel)
    ):
        limits.setdefault(row.agent_id, []).append(
            ChannelUnits(channel=row.channel, units=row.units)
        )
    defaults = dict(
        session.execute(
            select(queues.DefaultQueue.agent_id, queues.DefaultQueue.queue_id).where(
                queues.DefaultQueue.agent_id.in_(agent_ids)
            )
        ).all()
    )
    theirs = by_id(asking, Queue, queues.Queue, defaults.values())
    return [
        Attendance(
            agent=people[id],
            presence=known[id].presence if id in known else Presence.OFFLINE,
            since_at=known[id].since_at if id in known else None,
            capacity=known[id].capacity if id in known else CAPACITY,
            used=sum(used.get(id, {}).values()),
            channels=limits.get(id, []),
            skills=sorted(
                (SkillLevel(skill=named[s], level=level) for s, level in can.get(id, {}).items()),
                key=lambda each: each.skill.name,
            ),
            default_queue=theirs.get(defaults.get(id)),
        )
        for id in agent_ids
        if id in people
    ]
