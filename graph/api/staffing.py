"""What an administrator does to queues and teams: each mutation is one act of `intake.staffing`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Annotated, TypeVar
from uuid import UUID

import strawberry
from sqlalchemy.orm import Session

from graph.api.asking import Info
from graph.api.describing import described
from graph.api.doing import done
from graph.api.loading import by_id
from graph.api.problems import AnyProblem
from graph.api.queues import Assignment, Continuity, Queue, WhenNotCovered
from graph.api.teams import Team, teams_by_id
from graph.api.work import Version
from intake import queues, staffing, teams
from intake.agents import Principal
from intake.db import Base
from intake.errors import NotFound

T = TypeVar("T")
R = TypeVar("R", bound=Base)
NO_QUEUE, NO_TEAM = staffing.QueueTerms(""), staffing.TeamTerms("")
REFERENCES = {"owner": "owner_id", "owner_team": "owner_team_id", "lead": "lead_id",
              "members": "member_ids", "default_queue": "default_queue_id",
              "calendar": "calendar_id"}  # fmt: skip


@strawberry.input(description="What is said of a queue; what is left out stays as it is.")
class QueueTerms:
    name: str | None = strawberry.field(
        default=strawberry.UNSET, description="What it is called; a new queue needs one."
    )
    address: str | None = strawberry.field(
        default=strawberry.UNSET, description="The mailbox that feeds it; null for none."
    )
    private: bool | None = strawberry.field(
        default=strawberry.UNSET, description="Whether only its members have it in their lists."
    )
    members_only: bool | None = strawberry.field(
        default=strawberry.UNSET,
        description="Whether only its members, and managers, see its cases.",
    )
    members: list[UUID] | None = strawberry.field(
        default=strawberry.UNSET, description="The agents who work it."
    )
    owner: UUID | None = strawberry.field(
        default=strawberry.UNSET, description="The agent whose a released case is."
    )
    owner_team: UUID | None = strawberry.field(
        default=strawberry.UNSET, description="The team whose a released case is."
    )
    is_default: bool | None = strawberry.field(
        default=strawberry.UNSET, description="Whether cases go here that nothing routes."
    )
    assignment: Assignment | None = strawberry.field(
        default=strawberry.UNSET, description="Who gets what waits here."
    )
    absent_minutes: int | None = strawberry.field(
        default=strawberry.UNSET,
        description="After how long an absent agent's cases go back to it; null for never.",
    )
    when_not_covered: WhenNotCovered | None = strawberry.field(
        default=strawberry.UNSET,
        description="What it does with a case that no entitlement covers.",
    )
    acknowledge: bool | None = strawberry.field(
        default=strawberry.UNSET, description="Whether a new case by mail is acknowledged."
    )
    slack_channel: str | None = strawberry.field(
        default=strawberry.UNSET, description="The Slack channel that shows its cases."
    )
    continuity: Continuity | None = strawberry.field(
        default=strawberry.UNSET,
        description="What becomes of what a customer writes anew while a young case is open.",
    )
    continuity_hours: int | None = strawberry.field(
        default=strawberry.UNSET, description="How long a case that waits here is young."
    )


@strawberry.input(description="What is said of a team; what is left out stays as it is.")
class TeamTerms:
    name: str | None = strawberry.field(
        default=strawberry.UNSET, description="What it is called; a new team needs one."
    )
    lead: UUID | None = strawberry.field(default=strawberry.UNSET, description="Who leads it.")
    members: list[UUID] | None = strawberry.field(
        default=strawberry.UNSET, description="Who is in it."
    )
    default_queue: UUID | None = strawberry.field(
        default=strawberry.UNSET,
        description="Where its cases wait that wait nowhere else; null for the desk's default.",
    )


@strawberry.type(description="It was done.")
class QueueChanged:
    queue_id: strawberry.Private[UUID]

    @described("The queue now.")
    def queue(self, info: Info) -> Queue:
        return by_id(info.context, Queue, queues.Queue, [self.queue_id])[self.queue_id]


@strawberry.type(description="It was done.")
class TeamChanged:
    team_id: strawberry.Private[UUID]

    @described("The team now.")
    def team(self, info: Info) -> Team:
        return teams_by_id(info.context, [self.team_id])[self.team_id]


QueueResult = Annotated[
    QueueChanged | AnyProblem,
    strawberry.union("QueueResult", description="It was done, or why it was not."),
]
TeamResult = Annotated[
    TeamChanged | AnyProblem,
    strawberry.union("TeamResult", description="It was done, or why it was not."),
]
QueueId = Annotated[UUID, strawberry.argument(description="The id of the queue.")]
TeamId = Annotated[UUID, strawberry.argument(description="The id of the team.")]


@strawberry.type
class StaffingMutations:
    @described("Add a queue. For administrators, as all that follows on queues and teams.")
    def add_queue(self, info: Info, terms: QueueTerms) -> QueueResult:
        wanted = changed(NO_QUEUE, terms, NO_QUEUE)
        return _queue(info, lambda s, by: staffing.add_queue(s, by, wanted, at=info.context.at))

    @described("Change a queue.")
    def change_queue(
        self, info: Info, id: QueueId, terms: QueueTerms, expected_version: Version = None
    ) -> QueueResult:
        def act(session: Session, by: Principal) -> queues.Queue:
            known = staffing.terms_of_queue(session, _known(session, queues.Queue, id))
            wanted = changed(known, terms, NO_QUEUE)
            return staffing.change_queue(
                session, by, id, wanted, at=info.context.at, version=expected_version
            )

        return _queue(info, act)

    @described("Let nothing wait in a queue any more.")
    def archive_queue(
        self,
        info: Info,
        id: QueueId,
        move_to: Annotated[
            UUID | None, strawberry.argument(description="The queue for what waits there.")
        ] = None,
        expected_version: Version = None,
    ) -> QueueResult:
        return _queue(
            info,
            lambda session, by: staffing.archive_queue(
                session, by, id, at=info.context.at, move_to_id=move_to, version=expected_version
            ),
        )

    @described("Let cases wait in an archived queue again.")
    def restore_queue(
        self, info: Info, id: QueueId, expected_version: Version = None
    ) -> QueueResult:
        return _queue(
            info,
            lambda session, by: staffing.restore_queue(
                session, by, id, at=info.context.at, version=expected_version
            ),
        )

    @described("Add a team.")
    def add_team(self, info: Info, terms: TeamTerms) -> TeamResult:
        wanted = changed(NO_TEAM, terms, NO_TEAM)
        return _team(info, lambda s, by: staffing.add_team(s, by, wanted, at=info.context.at))

    @described("Change a team; an archived one is in use again.")
    def change_team(
        self, info: Info, id: TeamId, terms: TeamTerms, expected_version: Version = None
    ) -> TeamResult:
        def act(session: Session, by: Principal) -> teams.Team:
            known = staffing.terms_of_team(session, _known(session, teams.Team, id))
            wanted = changed(known, terms, NO_TEAM)
            return staffing.change_team(
                session, by, id, wanted, at=info.context.at, version=expected_version
            )

        return _team(info, act)

    @described("Give no more work to a team.")
    def archive_team(self, info: Info, id: TeamId, expected_version: Version = None) -> TeamResult:
        return _team(
            info,
            lambda session, by: staffing.archive_team(
                session, by, id, at=info.context.at, version=expected_version
            ),
        )


def changed(known: T, terms: object, empty: T) -> T:
    """The terms of the domain with those changed that were given; null makes one `empty`'s."""
    given = {n: v for n, v in vars(terms).items() if v is not strawberry.UNSET}
    named = {}
    for name, value in given.items():
        field = REFERENCES.get(name, name)
        value = frozenset(value) if isinstance(value, list) else value
        named[field] = getattr(empty, field) if value is None else value
    return replace(known, **named)  # type: ignore[type-var]


def _known(session: Session, kind: type[R], id: UUID) -> R:
    row = session.get(kind, id)
    if row is None:
        raise NotFound("there is no such record")
    return row


def _queue(
    info: Info, act: Callable[[Session, Principal], queues.Queue]
) -> QueueChanged | AnyProblem:
    return done(info, lambda session, by: QueueChanged(queue_id=act(session, by).id))


def _team(info: Info, act: Callable[[Session, Principal], teams.Team]) -> TeamChanged | AnyProblem:
    return done(info, lambda session, by: TeamChanged(team_id=act(session, by).id))
