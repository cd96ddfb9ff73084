"""The lists people work from: all, available, mine and more, of one queue, of mine or of every one.

Each is one statement over `visible_to`, in an order that an index keeps, so that a page of it
costs a page whatever the history.
"""

from __future__ import annotations

from enum import StrEnum
from uuid import UUID

from sqlalchemy import ColumnElement, Select, exists, func, literal_column, select

from intake import teams
from intake.agents import Principal
from intake.cases import Case, State
from intake.fields import CaseType
from intake.queues import Queue, QueueItem, QueueMember
from intake.visibility import visible_to

COMPLAINT = ("complaint", "complaints")
"""What the type of cases is called that managers follow as complaints."""


class View(StrEnum):
    """Which cases."""

    ALL = "all"
    AVAILABLE = "available"  # nobody works on them yet, or a team of mine waits for one of us
    MINE = "mine"
    SNOOZED = "snoozed"
    COMPLAINTS = "complaints"
    CLOSED = "closed"


class Scope(StrEnum):
    """In which queues."""

    EVERY = "every"
    PUBLIC = "public"
    MINE = "mine"


def cases(
    by: Principal, view: View, *, scope: Scope = Scope.EVERY, queue_id: UUID | None = None
) -> Select[Case]:
    """The cases of a view that this principal may see, of one queue or of a scope of them.

    Those that are put off are in their own view, and in no other of open cases.
    """
    statement = visible_to(by).where(*_those_of(by, view))
    if queue_id is not None:
        return statement.where(Case.queue_id == queue_id)
    match scope:
        case Scope.PUBLIC:
            public = select(Queue.id).where(Queue.private.is_(False))
            return statement.where(Case.queue_id.in_(public))
        case Scope.MINE:
            mine = select(QueueMember.queue_id).where(QueueMember.agent_id == by.id)
            return statement.where(Case.queue_id.in_(mine))
    return statement


def available_to(by: Principal) -> ColumnElement[bool]:
    """Whether a case waits for somebody, and this principal may be the one."""
    others = exists().where(
        QueueItem.case_id == Case.id,
        QueueItem.ended_at.is_(None),
        # NULL is "not in" nothing at all, the teams of somebody who is in none.
        QueueItem.worked_by_team_id.is_not(None),
        QueueItem.worked_by_team_id.not_in(teams.of_agent(by.id)),
    )
    # What waits for a team was given to it: the items of all others need not be looked at.
    return Case.waiting_since_at.is_not(None) & ~(Case.team_id.is_not(None) & others)


def _those_of(by: Principal, view: View) -> tuple[ColumnElement[bool], ...]:
    active, awake = Case.state == State.ACTIVE, Case.snoozed_at.is_(None)
    match view:
        case View.AVAILABLE:
            return available_to(by), awake
        case View.MINE:
            return active, awake, Case.owner_id == by.id
        case View.SNOOZED:
            return active, ~awake
        case View.COMPLAINTS:
            # One of them, for an index keeps the order of one type at a time.
            called = (
                select(CaseType.id)
                .where(func.lower(CaseType.name) == name)
                .limit(1)
                .scalar_subquery()
                for name in COMPLAINT
            )
            return active, Case.type_id == func.coalesce(*called)
        case View.CLOSED:
            # Written out, for a database takes a partial index only for what it says itself.
            return (Case.state != literal_column("'active'"),)
    return active, awake
