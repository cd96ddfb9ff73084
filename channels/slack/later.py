"""Putting a case off from Slack: for how long, and back again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from intake import work
from intake.agents import Principal
from intake.desk import Desk

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


ACTS = {name: partial(_snooze, until) for name, (_words, until) in CHOICES.items()} | {"wake": wake}
