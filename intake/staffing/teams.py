"""Setting up teams: who is in them, who leads them, and where their cases wait."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from intake import events
from intake.agents import Act, Agent, Principal
from intake.cases import Case, StaleVersion, State
from intake.db import new_id
from intake.errors import IntakeError, NotFound
from intake.nouns import noun
from intake.queues import DefaultQueue, Queue
from intake.teams import Team, TeamMember


class WrongTeam(IntakeError):
    """What was given for a team cannot be meant; the text begins with the field."""

    code = "wrong-team"


@dataclass(frozen=True, slots=True)
class TeamTerms:
    """What an administrator says of a team."""

    name: str
    lead_id: UUID | None = None
    member_ids: frozenset[UUID] = frozenset()
    default_queue_id: UUID | None = None


def terms_of_team(session: Session, team: Team) -> TeamTerms:
    """What is said of a team now, to be changed in part."""
    members = select(TeamMember.agent_id).where(TeamMember.team_id == team.id)
    return TeamTerms(
        name=team.name,
        lead_id=team.lead_id,
        member_ids=frozenset(session.scalars(members)),
        default_queue_id=session.scalar(
            select(DefaultQueue.queue_id).where(DefaultQueue.team_id == team.id)
        ),
    )


def add_team(session: Session, by: Principal, terms: TeamTerms, *, at: datetime) -> Team:
    """A new team. Raises WrongTeam."""
    by.must(Act.ADMINISTER)
    team = Team(id=new_id(), name="", created_at=at)
    _check(session, team, terms)
    session.add(team)
    _write(session, team, terms)
    events.record(session, "team.added", at=at, actor=by, team=str(team.id), name=team.name)
    return team


def change_team(
    session: Session,
    by: Principal,
    team_id: UUID,
    terms: TeamTerms,
    *,
    at: datetime,
    version: int | None = None,
) -> Team:
    """Let this be said of a team from now on; an archived one is in use again. Raises WrongTeam."""
    team = _held(session, by, team_id, version)
    before = terms_of_team(session, team)
    _check(session, team, terms)
    team.archived_at = None
    _write(session, team, terms)
    changed = sorted(n for n in TeamTerms.__slots__ if getattr(before, n) != getattr(terms, n))
    events.record(
        session, "team.changed", at=at, actor=by, team=str(team.id), name=team.name, changed=changed
    )
    return team


def archive_team(
    session: Session, by: Principal, team_id: UUID, *, at: datetime, version: int | None = None
) -> Team:
    """Give no more work to a team. What it has must be given to others before."""
    team = _held(session, by, team_id, version)
    theirs = select(func.count()).where(Case.team_id == team.id, Case.state == State.ACTIVE)
    if count := session.scalar(theirs) or 0:
        raise IntakeError(f"{team.name} has {count} open {noun.many}; give them to others first")
    owned = select(Queue.name).where(Queue.owner_team_id == team.id, Queue.archived_at.is_(None))
    if queue := session.scalar(owned.limit(1)):
        raise IntakeError(f"{team.name} owns the queue {queue}; give it to others first")
    team.archived_at = at
    session.flush()
    events.record(session, "team.archived", at=at, actor=by, team=str(team.id), name=team.name)
    return team


def set_default_queue(
    session: Session,
    queue_id: UUID | None,
    *,
    agent_id: UUID | None = None,
    team_id: UUID | None = None,
) -> None:
    """Let cases of that agent or team wait there that wait nowhere else."""
    whose = DefaultQueue.agent_id == agent_id if agent_id else DefaultQueue.team_id == team_id
    session.execute(delete(DefaultQueue).where(whose))
    if queue_id is not None:
        session.add(DefaultQueue(agent_id=agent_id, team_id=team_id, queue_id=queue_id))


def _held(session: Session, by: Principal, team_id: UUID, version: int | None) -> Team:
    by.must(Act.ADMINISTER)
    team = session.get(Team, team_id, with_for_update=True, populate_existing=True)
    if team is None:
        raise NotFound("there is no such team")
    if version is not None and version != team.version:
        raise StaleVersion(
            f"team {team.name} changed since you read it (version {team.version}, you had "
            f"{version}); look again before you change it"
        )
    return team


def _check(session: Session, team: Team, terms: TeamTerms) -> None:
    name = terms.name.strip()
    if not 0 < len(name) <= 120:
        raise WrongTeam("name: a team needs a name of at most 120 characters")
    if session.scalar(select(Team.id).where(Team.id != team.id, Team.name == name)):
        raise WrongTeam(f"name: there is a team {name} already")
    active = select(func.count()).where(Agent.active)
    if terms.lead_id and not session.scalar(active.where(Agent.id == terms.lead_id)):
        raise WrongTeam("lead: there is no such active agent")
    if session.scalar(active.where(Agent.id.in_(terms.member_ids))) != len(terms.member_ids):
        raise WrongTeam("members: one of them does not work here")
    if terms.default_queue_id:
        queue = session.get(Queue, terms.default_queue_id)
        if queue is None or queue.archived_at is not None:
            raise WrongTeam("default_queue: there is no such queue in use")


def _write(session: Session, team: Team, terms: TeamTerms) -> None:
    team.name, team.lead_id = terms.name.strip(), terms.lead_id
    session.flush()
    of_team = TeamMember.team_id == team.id
    had = frozenset(session.scalars(select(TeamMember.agent_id).where(of_team)))
    if gone := had - terms.member_ids:
        session.execute(delete(TeamMember).where(of_team, TeamMember.agent_id.in_(gone)))
    fresh = sorted(terms.member_ids - had)
    session.add_all(TeamMember(team_id=team.id, agent_id=agent_id) for agent_id in fresh)
    set_default_queue(session, terms.default_queue_id, team_id=team.id)
    session.flush()
