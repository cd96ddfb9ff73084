"""How pressing a case is, said from Slack: its priority, and that it needs more than its agent."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from channels.slack.forms import (
    LINE,
    NotASheet,
    Sheet,
    Submitted,
    choose,
    initial,
    question,
    said,
    sheet,
    text_box,
)
from intake import work
from intake.acting import to_work_on
from intake.agents import Principal
from intake.cases import Priority
from intake.desk import Desk
from intake.nouns import noun

PRIORITY, ESCALATE = "priority", "escalate"


def priority_sheet(
    session: Session, by: Principal, case_id: UUID, desk: Desk, at: datetime
) -> Sheet:
    """The sheet that asks for its priority. Raises NotOpen."""
    case = to_work_on(session, by, case_id)
    others = [each for each in Priority if each is not case.priority]
    title = f"Priority of {noun} {case.number}"
    words = f"It is {case.priority} now. What is promised may be another with another."
    options = [(each.value, initial(each.value)) for each in others]
    return choose(PRIORITY, title, "Set", case, words, "Priority", options)


def prioritise(session: Session, by: Principal, sheet: Submitted, desk: Desk, at: datetime) -> None:
    """Say how pressing it is."""
    try:
        priority = Priority(sheet.choice("chosen"))
    except ValueError as error:
        raise NotASheet("chosen: choose one of the list") from error
    work.prioritise(session, by, sheet.case_id, priority, at=at)


def escalate_sheet(
    session: Session, by: Principal, case_id: UUID, desk: Desk, at: datetime
) -> Sheet:
    """The sheet that asks why it needs more than its agent. Raises NotOpen."""
    case = to_work_on(session, by, case_id)
    words = "Promises that count from an escalation begin. The customer is told nothing by this."
    box = text_box() | {"focus_on_load": True}
    return sheet(
        ESCALATE,
        f"Escalate {noun} {case.number}",
        "Escalate",
        {"case": str(case.id)},
        [said(words, LINE), question("text", "Why", box)],
    )


def escalate(session: Session, by: Principal, sheet: Submitted, desk: Desk, at: datetime) -> None:
    """Say that it needs more than its agent, and why."""
    work.escalate(session, by, sheet.case_id, sheet.text(), at=at)
