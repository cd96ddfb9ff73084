"""What every act of an agent does before and after: may they, lock; change; record, promise."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from intake import events, followers, history, sla
from intake.agents import Act, Kind, Principal
from intake.cases import Activity, Case, NotOpen, State, forget_plans, touch
from intake.db import new_id
from intake.events import Delivery
from intake.history import Changes
from intake.nouns import noun
from intake.queues import Queue
from intake.visibility import one_visible


def case_of(
    session: Session,
    by: Principal,
    case_id: UUID,
    *,
    version: int | None,
    closed_too: bool = False,
) -> Case:
    """The case, locked, if this principal may work on it. Raises NotOpen or StaleVersion."""
    by.must(Act.WORK)
    case = one_visible(session, by, case_id, lock=True)
    history.expect_version(session, case, version)
    if not closed_too:
        must_be_open(case)
    return case


def to_work_on(session: Session, by: Principal, case_id: UUID) -> Case:
    """The case as it is before an act that is asked for first, such as in a sheet; not held.

    Raises what `case_of` would: NotAllowed, NotFound or NotOpen.
    """
    by.must(Act.WORK)
    case = one_visible(session, by, case_id)
    must_be_open(case)
    return case


def must_be_open(case: Case) -> None:
    """Raises NotOpen for a closed case."""
    if case.merged_into_id is not None:
        raise NotOpen(f"{noun} {case.number} was merged into another; work goes on there")
    if not case.open:
        back = "reactivate" if case.state is State.CANCELLED else "reopen"
        raise NotOpen(f"{noun} {case.number} is {case.state}; {back} it first")


def done(
    session: Session,
    case: Case,
    by: Principal,
    kind: str,
    at: datetime,
    *,
    changes: Changes | None = None,
    **data: Any,
) -> Case:
    """The act is done: a new version of the case, its event, and Slack told of it.

    The event says of each field that changed what it was and what it is; an act adds `changes` of
    what lies in other tables.
    """
    touch(case, at)
    if not case.open:
        forget_plans(case)
        events.withdraw(session, case.id, sla.WARNING, at=at)
    sla.reconsider(session, case, at=at, changed=by.kind is not Kind.SYSTEM)
    record(session, case, by, kind, at, changes=changes, **data)
    tell_slack(session, case, "refresh", at)
    return case


def record(
    session: Session,
    case: Case,
    by: Principal,
    kind: str,
    at: datetime,
    *,
    changes: Changes | None = None,
    **data: Any,
) -> None:
    """Write down what happened to a case, with what it changed and the version it made."""
    session.flush()
    differs = history.changes(session, case) | (changes or {})
    told = {"changes": differs} if differs else {}
    events.record(
        session, kind, at=at, actor=by,
        case_id=case.id, number=case.number, version=case.version, **told, **data,
    )  # fmt: skip
    followers.leave_word(session, case.id, by, at=at)


def tell_slack(
    session: Session,
    case: Case,
    kind: str,
    at: datetime,
    activity: Activity | None = None,
    *,
    key: str = "",
) -> bool:
    """Promise that the case's card shows it as it is now, and what was said below it; with `key`,
    once only. Whether it has a card."""
    told = select(Delivery.target).where(Delivery.case_id == case.id, Delivery.channel == "slack")
    where = session.scalar(told.order_by(Delivery.id.desc()).limit(1))
    if where is None:
        return False
    channel = session.scalar(select(Queue.slack_channel).where(Queue.id == case.queue_id))
    events.promise(
        session, "slack", kind, effect_key=key or f"{kind}:{activity.id if activity else new_id()}",
        at=at, case_id=case.id, activity_id=activity.id if activity else None,
        target=channel or where,
    )  # fmt: skip
    return True
