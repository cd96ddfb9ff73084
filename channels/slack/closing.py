"""Ending a case from Slack, and taking it up again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from channels.slack.card import FIRST_LINES
from channels.slack.forms import (
    LINE,
    Block,
    Sheet,
    Submitted,
    initial,
    minutes_box,
    one_of,
    question,
    said,
    sheet,
    text_box,
    tick_box,
)
from channels.slack.words import plain
from intake import reasons, work
from intake.acting import to_work_on
from intake.agents import Principal
from intake.cases import REASONS, Reason, State
from intake.desk import Desk
from intake.nouns import noun

RESOLVE = "resolve"


def asked(session: Session, by: Principal, case_id: UUID, desk: Desk, at: datetime) -> Sheet:
    """The sheet that asks how a case was resolved, and names what is still to be done for it."""
    case = to_work_on(session, by, case_id)
    still_open = [each.subject for each in work.open_of(session, [case.id])]
    allowed = reasons.may_follow(session, case.status)
    # Where none may follow, the refusal of the act says what may.
    ends = [s for s in allowed if s.kind_of in REASONS[State.RESOLVED]] or REASONS[State.RESOLVED]
    kinds = [(end.key, initial(str(end))) for end in ends]
    hint = plain(f"Left empty: all the time that was noted on the {noun}.", LINE)
    return sheet(
        RESOLVE,
        f"Resolve {noun} {case.number}",
        "Resolve",
        {"case": str(case.id)},
        [
            said("The customer is told nothing by this.", LINE),
            *_confirming(still_open),
            question("kind", "How it ended", one_of(kinds)),
            question("text", "Resolution", text_box(), optional=True),
            question("minutes", "Billable minutes", minutes_box(), optional=True) | {"hint": hint},
        ],
    )


def resolve(session: Session, by: Principal, sheet: Submitted, desk: Desk, at: datetime) -> None:
    """Resolve it as the sheet says."""
    kind = reasons.read(sheet.choice("kind") or Reason.PROBLEM_SOLVED)
    work.resolve(
        session, by, sheet.case_id, sheet.text(), desk=desk, at=at, kind=kind,
        billable_minutes=sheet.minutes(),
        cancel_open_activities=sheet.ticked("cancel_open"),
    )  # fmt: skip


def reopen(session: Session, by: Principal, case_id: UUID, desk: Desk, at: datetime) -> str:
    """Take it up again."""
    work.reopen(session, by, case_id, desk=desk, at=at)
    return ""


def _confirming(still_open: Sequence[str]) -> list[Block]:
    """What is still to be done, and a box that says it is called off."""
    if not still_open:
        return []
    count = len(still_open)
    words = f"{count} open {'activity' if count == 1 else 'activities'}: " + ", ".join(still_open)
    box = tick_box("Cancel it" if count == 1 else "Cancel them")
    return [
        said(words, FIRST_LINES),
        question("cancel_open", f"With the {noun}", box, optional=True),
    ]
