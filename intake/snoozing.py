"""Cases that are put off: out of the way of those who look for work, until a time or an answer.

What was promised about time runs on meanwhile; only a hold stops it. So a promise that is due
brings the case back as well, and so does an answer of ours that did not arrive.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from intake import events
from intake.acting import tell_slack
from intake.agents import SYSTEM, Principal
from intake.cases import Case, touch
from intake.desk import Desk


def due(_desk: Desk, at: datetime) -> Select[Case]:
    """The cases whose time to come back is over by then, found by index."""
    return select(Case).where(Case.wakes_at <= at)


def move(session: Session, desk: Desk, *, at: datetime, limit: int) -> int:
    """Bring back the cases whose time has come; how many there were."""
    found = session.scalars(
        due(desk, at)
        .order_by(Case.wakes_at)
        .limit(limit)
        .with_for_update(skip_locked=True, of=Case, key_share=True)
        .execution_options(populate_existing=True)
    ).all()
    for case in found:
        wake(session, case, by=SYSTEM, because="its time has come", at=at)
        touch(case, at)
        tell_slack(session, case, "refresh", at)
    return len(found)


def wake(session: Session, case: Case, *, by: Principal, because: str, at: datetime) -> None:
    """Bring a case back that is put off. The caller holds it and makes a new version of it."""
    if case.snoozed_at is None:
        return
    case.snoozed_at = case.wakes_at = None
    events.record(
        session, "case.woken", at=at, actor=by, case_id=case.id, number=case.number,
        because=because,
    )  # fmt: skip
