"""Holding a case from Slack, with a reason, and going on with it."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from channels.slack.forms import LINE, NotASheet, Sheet, Submitted, choose
from intake import reasons, work
from intake.acting import must_be_open
from intake.agents import Act, Principal
from intake.cases import PAUSES, Reason
from intake.desk import Desk
from intake.nouns import noun
from intake.visibility import one_visible

HOLD = "hold"


def asked(session: Session, by: Principal, case_id: UUID, desk: Desk, at: datetime) -> Sheet | str:
    """The sheet that asks why it waits; or in words that it may not. Raises NotOpen."""
    by.must(Act.WORK)
    case = one_visible(session, by, case_id)
    must_be_open(case)
    may_follow = reasons.table(session)[case.reason]
    found = [(each.value, each.value.capitalize()) for each in may_follow if each in PAUSES]
    if not found:
        return f"{noun.a} that is {case.reason} is not put on hold on this desk"
    title = f"Hold {noun} {case.number}"
    words = "Its clocks pause, until the customer writes or somebody resumes it."
    return choose(HOLD, title, "Hold", case, words[:LINE], "Why it waits", found)


def hold(session: Session, by: Principal, sheet: Submitted, desk: Desk, at: datetime) -> None:
    """Let it wait for that reason."""
    try:
        reason = Reason(sheet.choice("chosen"))
    except ValueError as error:
        raise NotASheet("chosen: choose one of the list") from error
    work.hold(session, by, sheet.case_id, at=at, reason=reason)


def resume(session: Session, by: Principal, case_id: UUID, desk: Desk, at: datetime) -> str:
    """Go on with it."""
    work.resume(session, by, case_id, at=at)
    return ""
