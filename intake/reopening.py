"""A closed case is worked on again: by an agent, by its customer, because an answer was lost."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from intake import billing, queues, sla, terms
from intake.agents import Principal
from intake.cases import Case, ChildrenClose, Reason, State
from intake.desk import Desk
from intake.errors import IntakeError
from intake.nouns import noun
from intake.queues import Queue


class ClosedParent(IntakeError):
    """The parent was closed after all of its children; it is reopened before one of them."""

    code = "closed-parent"


def must_come_after(session: Session, case: Case, desk: Desk) -> None:
    """Raises ClosedParent below a closed parent whose children are closed before it."""
    parent = session.get(Case, case.parent_id) if case.parent_id else None
    if parent is None or parent.open:
        return
    if (parent.children_close or desk.children_close) == ChildrenClose.BEFORE_PARENT:
        raise ClosedParent(
            f"{noun} {parent.number} was closed after its children; reopen it before {case.number}"
        )


def open_again(
    session: Session,
    case: Case,
    *,
    by: Principal,
    desk: Desk,
    at: datetime,
    queue: Queue | None = None,
) -> None:
    """It is active, waits in its queue or that one, and what was settled when it closed is not:
    its terms, its request for billing, its promises. The caller records the event."""
    case.state, case.reason, case.resolved_at = State.ACTIVE, Reason.IN_PROGRESS, None
    terms.settle(
        session,
        case,
        on=desk.day(at),
        at=at,
        event=terms.event_of(case),
        reason=f"{noun} reopened",
        by=by,
    )
    billing.withdraw(session, case, by=by, at=at)
    queues.enter(session, case, queue or session.get_one(Queue, case.queue_id), at=at)
    sla.reopened(session, case, at=at)
