"""Notes and time, written down from Slack; the customer sees neither."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from channels.slack.forms import (
    LINE,
    Sheet,
    Submitted,
    WrongMinutes,
    minutes_box,
    question,
    said,
    sheet,
    text_box,
    tick_box,
)
from intake import charge, work
from intake.acting import to_work_on
from intake.agents import Act, Principal
from intake.desk import Desk
from intake.nouns import noun
from intake.visibility import one_visible

NOTE, TIME = "note", "time"


def note_sheet(session: Session, by: Principal, case_id: UUID, desk: Desk, at: datetime) -> Sheet:
    """The sheet that asks for the words of a note."""
    by.must(Act.WORK)
    case = one_visible(session, by, case_id)
    words = "The customer never sees it. Whoever it names, as in @Grace, follows from then on."
    box = text_box() | {"focus_on_load": True}
    return sheet(
        NOTE,
        f"Note on {noun} {case.number}",
        "Write",
        {"case": str(case.id)},
        [said(words, LINE), question("text", "Note", box)],
    )


def note(session: Session, by: Principal, sheet: Submitted, desk: Desk, at: datetime) -> None:
    """Write it down."""
    work.note(session, by, sheet.case_id, sheet.text(), at=at)


def time_sheet(session: Session, by: Principal, case_id: UUID, desk: Desk, at: datetime) -> Sheet:
    """The sheet that asks how long something took. Raises NotOpen."""
    case = to_work_on(session, by, case_id)
    return sheet(
        TIME,
        f"Time on {noun} {case.number}",
        "Log",
        {"case": str(case.id)},
        [
            question("minutes", "Minutes", minutes_box() | {"focus_on_load": True}),
            question("text", "What they were spent on", text_box(), optional=True),
            question("billable", "These are", tick_box("Billable", ticked=True), optional=True),
        ],
    )


def log_time(session: Session, by: Principal, sheet: Submitted, desk: Desk, at: datetime) -> None:
    """Note the time. Raises WrongMinutes, or WrongTime for what cannot have been worked."""
    minutes = sheet.minutes()
    if minutes is None:
        raise WrongMinutes("minutes: say how many")
    charge.log_time(
        session, by, sheet.case_id, minutes, at=at,
        text=sheet.text(), billable=sheet.ticked("billable"),
    )  # fmt: skip
