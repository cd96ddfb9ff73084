"""A follow-up: when we agreed to come back to a customer. Its owner is reminded of it once.

The reminder goes below the case's card in Slack, or to the owner where there is none.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from intake import events, notices
from intake.acting import tell_slack
from intake.agents import SYSTEM, Agent
from intake.cases import Case, touch
from intake.desk import Desk
from intake.nouns import noun


def due(_desk: Desk, at: datetime) -> Select[Case]:
    """The cases whose owner is to be reminded by then, found by index."""
    return select(Case).where(Case.remind_at <= at)


def move(session: Session, desk: Desk, *, at: datetime, limit: int) -> int:
    """Remind the owners of what is due; how many cases there were."""
    found = session.scalars(
        due(desk, at)
        .order_by(Case.remind_at)
        .limit(limit)
        .with_for_update(skip_locked=True, of=Case, key_share=True)
        .execution_options(populate_existing=True)
    ).all()
    for case in found:
        _remind(session, case, desk, at)
    return len(found)


def _remind(session: Session, case: Case, desk: Desk, at: datetime) -> None:
    assert case.follow_up_at is not None, "what is to be reminded of was agreed"
    agreed, case.remind_at = case.follow_up_at, None
    touch(case, at)
    owner = session.get(Agent, case.owner_id) if case.owner_id else None
    events.record(
        session, "case.follow_up_due", at=at, actor=SYSTEM, case_id=case.id,
        number=case.number, follow_up_at=agreed.isoformat(), owner=owner.name if owner else "",
    )  # fmt: skip
    key = f"follow-up:{case.id}:{agreed.isoformat()}"
    if tell_slack(session, case, "reminder", at, key=key) or owner is None or not owner.active:
        return
    news = f"The follow-up of {noun} {case.number} is due: {case.subject}"
    page = f"/cases/{case.number}"
    notices.tell(session, owner, news, desk=desk, key=key, at=at, page=page)
