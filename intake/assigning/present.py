"""Those who work a queue and are here: what they have, what they can, whose turn it is."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from intake import skills
from intake.assigning.choosing import LONG_AGO, Candidate, Wanted
from intake.availability import Availability, ChannelCapacity, ChannelWeight, Presence
from intake.cases import Case, State
from intake.db import Base, refers_to
from intake.queues import Queue, QueueItem, QueueMember
from intake.skills import Skill
from intake.sla import ServiceCalendar
from intake.teams import TeamMember


class QueueTurn(Base):
    """When the desk last gave an agent a case of a queue."""

    __tablename__ = "queue_turns"

    queue_id: Mapped[UUID] = mapped_column(refers_to("queues.id"), primary_key=True)
    agent_id: Mapped[UUID] = mapped_column(refers_to("agents.id"), primary_key=True, index=True)
    at: Mapped[datetime]


class Present:
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
        return [known for known in found if known.agent.works and self._works_now(known)]

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
                each.last_assigned_at or LONG_AGO,
                turn_at.get(each.agent_id, LONG_AGO),
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
