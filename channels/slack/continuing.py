"""What a customer writes anew while a young case of theirs is open: whether it is one with that."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from intake import merging
from intake.agents import Principal
from intake.desk import Desk


def go_on(session: Session, by: Principal, case_id: UUID, desk: Desk, at: datetime) -> str:
    """Let it go on there; the console undoes it."""
    merging.go_on(session, by, case_id, desk=desk, at=at)
    return ""


def keep_apart(session: Session, by: Principal, case_id: UUID, desk: Desk, at: datetime) -> str:
    """It is another matter."""
    merging.keep_apart(session, by, case_id, at=at)
    return ""


def split_off(session: Session, by: Principal, activity_id: UUID, desk: Desk, at: datetime) -> str:
    """Make a case of its own of a message that became part of an earlier one."""
    merging.split_off(session, by, activity_id, desk=desk, at=at)
    return ""
