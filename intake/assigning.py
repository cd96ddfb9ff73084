"""Who gets what waits: a pure choice among those who are here, and the act that follows it.

A queue that assigns has a time on each item that waits: when to look for somebody next. A fresh
item is looked at at once, what nobody could take every RETRY, and the oldest of it as soon as an
agent comes, has room again or joins. What was given says why in its event.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy import Select, func, or_, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from intake import acting, queues, skills
from intake.agents import SYSTEM, Agent
from intake.availability import Availability, ChannelCapacity, ChannelWeight, Presence
from intake.cases import Case, State
from intake.db import Base, alone, refers_to
from intake.desk import Desk
from intake.queues import Assignment, Queue, QueueItem, QueueMember
from intake.skills import Levels, Skill
from intake.sla import ServiceCalendar
from intake.teams import TeamMember

RETRY = timedelta(minutes=5)
MOST_PUT_OFF = 1000
NEVER = datetime(1, 1, 1, tzinfo=UTC)
ASSIGNING = "assigning"


class QueueTurn(Base):
    """When the desk last gave an agent a case of a queue."""

    __tablename__ = "queue_turns"

    queue_id: Mapped[UUID] = mapped_column(refers_to("queues.id"), primary_key=True)
    agent_id: Mapped[UUID] = mapped_column(refers_to("agents.id"), primary_key=True, index=True)
    at: Mapped[datetime]


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
    last_at: datetime = NEVER
    turn_at: datetime = NEVER
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


def due(desk: Desk, at: datetime) -> Select[UUID]:
    """The items to look for somebody for."""
    return select(QueueItem.id).where(QueueItem.offer_at <= at)


def move(session: Session, desk: Desk, *, at: datetime, limit: int) -> int:
    """Give what waits to those who can take it, oldest first; how many items were looked at.

    One worker does so at a time: what one gives counts for the next.
    """
    if not alone(session, ASSIGNING):
        return 0
    waiting = select(QueueItem.queue_id).where(QueueItem.offer_at <= at).distinct()
    moved = 0
    for queue in session.scalars(select(Queue).where(Queue.id.in_(waiting)).order_by(Queue.name)):
        if moved < limit:
            moved += offer(session, queue, at=at, limit=limit - moved)
    return moved


def freed_due(desk: Desk, at: datetime) -> Select[UUID]:
    """The agents who may have room for what waits."""
    return select(Availability.agent_id).where(Availability.freed_at <= at)


def call(session: Session, desk: Desk, *, at: datetime, limit: int) -> int:
    """Let what waits longest be offered to those who have room again; how many they are."""
    if not alone(session, ASSIGNING):
        return 0
    freed = session.scalars(
        select(Availability)
        .where(Availability.freed_at <= at)
        .order_by(Availability.freed_at, Availability.agent_id)
        .limit(limit)
        .with_for_update(of=Availability, skip_locked=True)
        .execution_options(populate_existing=True)
    ).all()
    agent_ids = [known.agent_id for known in freed]
    if agent_ids:
        theirs = select(TeamMember.team_id).where(TeamMember.agent_id.in_(agent_ids))
        work = select(QueueMember.queue_id).where(QueueMember.agent_id.in_(agent_ids))
        owned = select(Queue.id).where(Queue.owner_team_id.in_(theirs))
        oldest = session.scalars(
            select(QueueItem.id)
            .where(QueueItem.offer_at > at)
            .where(
                or_(
                    QueueItem.queue_id.in_(work.union(owned)),
                    QueueItem.worked_by_team_id.in_(theirs),
                )
            )
            .order_by(QueueItem.entered_at, QueueItem.id)
            .limit(limit)
            .with_for_update(skip_locked=True)
        ).all()
        session.execute(update(QueueItem).where(QueueItem.id.in_(oldest)).values(offer_at=at))
    for known in freed:
        known.freed_at = None
    return len(freed)


def offer(session: Session, queue: Queue, *, at: datetime, limit: int) -> int:
    """Give what is due in a queue to those who can take it; how many items were looked at."""
    here = _Here(session, queue, at)
    if not here.candidates:
        return _put_off(session, queue, at)
    found = session.execute(
        select(Case, QueueItem)
        .join(QueueItem, QueueItem.case_id == Case.id)
        .where(QueueItem.queue_id == queue.id, QueueItem.offer_at <= at)
        .order_by(QueueItem.entered_at, QueueItem.id)
        .limit(limit)
        .with_for_update(of=(Case, QueueItem), skip_locked=True, key_share=True)
        .execution_options(populate_existing=True)
    ).all()
    wanted = here.wanted([case for case, _item in found])
    for place, (case, item) in enumerate(found):
        if not here.anybody_free:
            return place + _put_off(session, queue, at)
        asleep = case.snoozed_at is not None
        fit = [] if asleep else here.those_for(item)
        choice = choose(queue.assignment, fit, wanted[case.id], here.names)
        if choice is None:
            item.offer_at = at + RETRY
            continue
        _give(session, case, choice, at)
        here.gave(choice.candidate, wanted[case.id])
        session.flush()
    return len(found)


def _give(session: Session, case: Case, choice: Choice, at: datetime) -> None:
    agent = session.get_one(Agent, choice.candidate.agent_id)
    queues.give(session, case, agent, at=at)
    acting.done(
        session, case, SYSTEM, "case.assigned", at, agent=str(agent.id), name=agent.name,
        why=choice.why,
    )  # fmt: skip


def _put_off(session: Session, queue: Queue, at: datetime) -> int:
    """Look again later: nobody is there who could take any more."""
    waiting = select(QueueItem.id).where(QueueItem.queue_id == queue.id, QueueItem.offer_at <= at)
    ids = session.scalars(waiting.limit(MOST_PUT_OFF).with_for_update(skip_locked=True)).all()
    session.execute(
        update(QueueItem).where(QueueItem.id.in_(ids)).values(offer_at=at + RETRY),
        execution_options={"synchronize_session": False},
    )
    return len(ids)


class _Here:
    """Those who work a queue and are here, held so that nobody else gives them anything."""

    def __init__(self, session: Session, queue: Queue, at: datetime) -> None:
        self._session, self._queue, self._at = session, queue, at
        known = self._available()
        ids = [each.agent_id for each in known]
        self._known = {each.agent_id: each for each in known}
        self._teams = self._teams_of(ids)
        self._members = set(self._members_among(ids))
        self._weights = weights(session) if ids else {}
        self.names = {row.id: row.name for row in session.scalars(select(Skill))} if ids else {}
        self.candidates = {c.agent_id: c for c in self._candidates(known)}

    @property
    def anybody_free(self) -> bool:
        """Whether anybody has room for anything."""
        return any(c.free > 0 for c in self.candidates.values())

    def those_for(self, item: QueueItem) -> list[Candidate]:
        """Who could take that item: its team, or those who work the queue."""
        team_id = item.worked_by_team_id
        if team_id is not None:
            return [c for c in self.candidates.values() if team_id in self._teams[c.agent_id]]
        return [c for c in self.candidates.values() if c.agent_id in self._members]

    def wanted(self, cases: Sequence[Case]) -> dict[UUID, Wanted]:
        """What each of these cases asks for."""
        required = skills.required(self._session, [case.id for case in cases])
        return {
            case.id: Wanted(
                case.channel, self._weights.get(case.channel, 1), required.get(case.id, {})
            )
            for case in cases
        }

    def gave(self, candidate: Candidate, wanted: Wanted) -> None:
        """Note what was given."""
        self.candidates[candidate.agent_id] = candidate.takes(wanted, self._at)
        self._known[candidate.agent_id].last_assigned_at = self._at
        turn = QueueTurn(queue_id=self._queue.id, agent_id=candidate.agent_id, at=self._at)
        self._session.merge(turn)

    def _available(self) -> list[Availability]:
        """Members of the queue and of teams that have something in it, who are available now."""
        queue = self._queue
        members = select(QueueMember.agent_id).where(QueueMember.queue_id == queue.id)
        at_work = select(QueueItem.worked_by_team_id).where(
            QueueItem.queue_id == queue.id, QueueItem.offer_at <= self._at
        )
        crew = select(TeamMember.agent_id).where(
            or_(TeamMember.team_id.in_(at_work), TeamMember.team_id == queue.owner_team_id)
        )
        found = self._session.scalars(
            select(Availability)
            .where(Availability.agent_id.in_(members.union(crew)))
            .where(Availability.presence == Presence.AVAILABLE)
            .order_by(Availability.agent_id)
            .with_for_update(of=Availability)
            .execution_options(populate_existing=True)
        )
        return [known for known in found if known.agent.active and self._works_now(known)]

    def _works_now(self, known: Availability) -> bool:
        if known.calendar_id is None:
            return True
        hours = self._session.get_one(ServiceCalendar, known.calendar_id)
        return hours.calendar.is_open(self._at)

    def _members_among(self, ids: Collection[UUID]) -> Iterable[UUID]:
        queue = self._queue
        members = select(QueueMember.agent_id).where(
            QueueMember.queue_id == queue.id, QueueMember.agent_id.in_(ids)
        )
        yield from self._session.scalars(members) if ids else ()
        if queue.owner_team_id is not None:
            yield from (id for id in ids if queue.owner_team_id in self._teams[id])

    def _teams_of(self, ids: Collection[UUID]) -> dict[UUID, set[UUID]]:
        found: dict[UUID, set[UUID]] = {id: set() for id in ids}
        rows = select(TeamMember).where(TeamMember.agent_id.in_(ids))
        for row in self._session.scalars(rows) if ids else ():
            found[row.agent_id].add(row.team_id)
        return found

    def _candidates(self, known: Sequence[Availability]) -> Iterable[Candidate]:
        ids = [each.agent_id for each in known]
        if not ids:
            return
        used = used_units(self._session, ids, self._weights)
        limits: dict[UUID, dict[str, int]] = {}
        rows = select(ChannelCapacity).where(ChannelCapacity.agent_id.in_(ids))
        for row in self._session.scalars(rows):
            limits.setdefault(row.agent_id, {})[row.channel] = row.units
        can = skills.of_agents(self._session, ids)
        turns = select(QueueTurn).where(QueueTurn.queue_id == self._queue.id)
        turn_at = {turn.agent_id: turn.at for turn in self._session.scalars(turns)}
        for each in known:
            yield Candidate(
                each.agent_id,
                each.agent.name,
                each.capacity,
                used.get(each.agent_id, {}),
                limits.get(each.agent_id, {}),
                can.get(each.agent_id, {}),
                each.last_assigned_at or NEVER,
                turn_at.get(each.agent_id, NEVER),
            )


def weights(session: Session) -> dict[str, int]:
    """What an open case costs, by channel; 1 where nothing is said."""
    return {row.channel: row.units for row in session.scalars(select(ChannelWeight))}


def used_units(
    session: Session, agent_ids: Collection[UUID], weights: Mapping[str, int]
) -> dict[UUID, dict[str, int]]:
    """What the open cases of these agents cost them, by channel."""
    found: dict[UUID, dict[str, int]] = {}
    rows = session.execute(
        select(Case.owner_id, Case.channel, func.count())
        .where(Case.owner_id.in_(agent_ids), Case.state == State.ACTIVE)
        .group_by(Case.owner_id, Case.channel)
    )
    for agent_id, channel, count in rows:
        assert agent_id is not None, "asked for by their ids"
        found.setdefault(agent_id, {})[channel] = count * weights.get(channel, 1)
    return found
