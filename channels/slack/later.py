"""What is for later, said from Slack: a case put off and brought back, a follow-up agreed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from channels.slack.forms import LINE, Block, Sheet, Submitted, question, sheet
from channels.slack.words import plain
from intake import work
from intake.acting import to_work_on
from intake.agents import Principal
from intake.desk import Desk
from intake.nouns import noun

FOLLOW_UP = "follow-up"
MORNING_HOUR = 9

Until = Callable[[datetime, Desk], datetime | None]


def _tomorrow(at: datetime, desk: Desk) -> datetime:
    """The next morning on the organisation's wall."""
    local = at.astimezone(ZoneInfo(desk.zone))
    morning = local.replace(hour=MORNING_HOUR, minute=0, second=0, microsecond=0)
    return morning if morning > local else morning + timedelta(days=1)


CHOICES: Mapping[str, tuple[str, Until]] = {
    "snooze-1h": ("For an hour", lambda at, _desk: at + timedelta(hours=1)),
    "snooze-4h": ("For four hours", lambda at, _desk: at + timedelta(hours=4)),
    "snooze-morning": ("Until the morning", _tomorrow),
    "snooze-answer": ("Until they write", lambda _at, _desk: None),
}
"""Each way to put a case off: its name in a request, its words, and until when that is."""


def wake(session: Session, by: Principal, case_id: UUID, desk: Desk, at: datetime) -> str:
    """Bring it back."""
    work.wake(session, by, case_id, at=at)
    return ""


def _snooze(
    until: Until, session: Session, by: Principal, case_id: UUID, desk: Desk, at: datetime
) -> str:
    work.snooze(session, by, case_id, until(at, desk), at=at)
    return ""


def follow_up_sheet(
    session: Session, by: Principal, case_id: UUID, desk: Desk, at: datetime
) -> Sheet:
    """The sheet that asks when we agreed to come back to the customer. Raises NotOpen."""
    case = to_work_on(session, by, case_id)
    picker: Block = {"type": "datetimepicker"}
    if case.follow_up_at is not None:
        picker["initial_date_time"] = int(case.follow_up_at.timestamp())
    hint = plain("The owner is reminded then. Left empty: nothing is agreed any more.", LINE)
    asked = question("follow_up_at", "We come back to them by", picker, optional=True)
    title = f"Follow up {noun} {case.number}"
    return sheet(FOLLOW_UP, title, "Agree", {"case": str(case.id)}, [asked | {"hint": hint}])


def agree(session: Session, by: Principal, sheet: Submitted, desk: Desk, at: datetime) -> None:
    """Note when that is, or that it is settled."""
    work.agree_follow_up(session, by, sheet.case_id, sheet.instant("follow_up_at"), at=at)


ACTS = {name: partial(_snooze, until) for name, (_words, until) in CHOICES.items()} | {"wake": wake}
