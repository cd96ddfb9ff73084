"""Holding a case from Slack, with a reason, and going on with it."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from channels.slack.forms import Sheet, Submitted, choose, initial
from intake import reasons, work
from intake.acting import to_work_on
from intake.agents import Principal
from intake.cases import PAUSES
from intake.desk import Desk
from intake.nouns import noun

HOLD = "hold"


def asked(session: Session, by: Principal, case_id: UUID, desk: Desk, at: datetime) -> Sheet | str:
    """The sheet that asks why it waits; or in words that it may not. Raises NotOpen."""
    case = to_work_on(session, by, case_id)
    allowed = reasons.may_follow(session, case.status)
    found = [(each.key, initial(str(each))) for each in allowed if each.kind_of in PAUSES]
    if not found:
        return f"{noun.a} that is {case.status} is not put on hold on this desk"
    title = f"Hold {noun} {case.number}"
    words = "Its clocks pause, until the customer writes or somebody resumes it."
    return choose(HOLD, title, "Hold", case, words, "Why it waits", found)


def hold(session: Session, by: Principal, sheet: Submitted, desk: Desk, at: datetime) -> None:
    """Let it wait for that reason."""
    reason = reasons.read(sheet.choice("chosen"))
    work.hold(session, by, sheet.case_id, at=at, reason=reason)


def resume(session: Session, by: Principal, case_id: UUID, desk: Desk, at: datetime) -> str:
    """Go on with it."""
    work.resume(session, by, case_id, at=at)
    return ""
