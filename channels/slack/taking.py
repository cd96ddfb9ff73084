"""Taking a case from Slack, and giving it back."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from intake import work
from intake.agents import Principal
from intake.desk import Desk


def take(session: Session, by: Principal, case_id: UUID, desk: Desk, at: datetime) -> str:
    """Work on it."""
    work.pick(session, by, case_id, at=at)
    return ""


def release(session: Session, by: Principal, case_id: UUID, desk: Desk, at: datetime) -> str:
    """Let somebody else take it."""
    work.release(session, by, case_id, at=at)
    return ""
