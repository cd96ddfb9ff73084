"""Whose hands a case is in: taken from Slack, given back, or given to somebody."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from channels.slack.forms import LINE, NotASheet, Sheet, Submitted, question, said, sheet
from channels.slack.people import chosen_agent, person_box
from intake import work
from intake.acting import to_work_on
from intake.agents import Principal
from intake.desk import Desk
from intake.nouns import noun

ASSIGN = "assign"


def take(session: Session, by: Principal, case_id: UUID, desk: Desk, at: datetime) -> str:
    """Work on it."""
    work.pick(session, by, case_id, at=at)
    return ""


def release(session: Session, by: Principal, case_id: UUID, desk: Desk, at: datetime) -> str:
    """Let somebody else take it."""
    work.release(session, by, case_id, at=at)
    return ""


def assign_sheet(session: Session, by: Principal, case_id: UUID, desk: Desk, at: datetime) -> Sheet:
    """The sheet that asks who is to work on it. Raises NotOpen."""
    case = to_work_on(session, by, case_id)
    words = "They own it and work on it from then on, whoever had it."
    return sheet(
        ASSIGN,
        f"Give away {noun} {case.number}",
        "Give",
        {"case": str(case.id)},
        [said(words, LINE), question("agent", "To whom", person_box(session))],
    )


def assign(session: Session, by: Principal, sheet: Submitted, desk: Desk, at: datetime) -> None:
    """Give it to whoever was chosen."""
    agent_id = chosen_agent(session, sheet, "agent")
    if agent_id is None:
        raise NotASheet("agent: choose somebody first")
    work.assign(session, by, sheet.case_id, agent_id, at=at)
