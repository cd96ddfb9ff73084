"""What is to be done for a case, planned and completed from Slack."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from channels.slack.forms import (
    LINE,
    NotASheet,
    Sheet,
    Submitted,
    initial,
    minutes_box,
    one_of,
    question,
    sheet,
    text_box,
    tick_box,
)
from channels.slack.people import chosen_agent, person_box
from channels.slack.words import plain
from intake import work
from intake.acting import to_work_on
from intake.agents import Principal
from intake.cases import ActivityKind
from intake.desk import Desk
from intake.nouns import noun
from intake.work import PLANNED, Plan, Regarding

PLAN, COMPLETE = "plan", "complete"
LONGEST_SUBJECT = 500


def plan_sheet(session: Session, by: Principal, case_id: UUID, desk: Desk, at: datetime) -> Sheet:
    """The sheet that asks what is to be done, by when and by whom. Raises NotOpen."""
    case = to_work_on(session, by, case_id)
    subject = text_box(lines=False, most=LONGEST_SUBJECT) | {"focus_on_load": True}
    return sheet(
        PLAN,
        f"Plan for {noun} {case.number}",
        "Plan",
        {"case": str(case.id)},
        [
            question("kind", "Kind", one_of([(k.value, initial(k.value)) for k in PLANNED])),
            question("subject", "What is to be done", subject),
            question("text", "Details", text_box(), optional=True),
            question("due_at", "Due", {"type": "datetimepicker"}, optional=True),
            question("owner", "Who does it", person_box(session, by), optional=True),
            question("minutes", "Minutes it should take", minutes_box(), optional=True),
        ],
    )


def plan(session: Session, by: Principal, sheet: Submitted, desk: Desk, at: datetime) -> None:
    """Plan it, for oneself unless somebody else was chosen."""
    planned = Plan(
        kind=_kind(sheet.choice("kind")),
        subject=sheet.text("subject"),
        text=sheet.text(),
        due_at=sheet.instant("due_at"),
        minutes=sheet.minutes() or 0,
    )
    owner_id = chosen_agent(session, sheet, "owner")
    about = Regarding(case_id=sheet.case_id)
    work.add_activity(session, by, about, planned, at=at, owner_id=owner_id)


def complete_sheet(
    session: Session, by: Principal, case_id: UUID, desk: Desk, at: datetime
) -> Sheet | str:
    """The sheet that asks which of it is done; or in words that nothing is planned."""
    case = to_work_on(session, by, case_id)
    planned = work.open_of(session, [case.id])
    if not planned:
        return f"nothing is planned for {noun} {case.number} any more"
    options = [(str(each.id), f"{initial(each.kind)}: {each.subject}") for each in planned]
    hint = plain("Left empty: as long as was planned.", LINE)
    return sheet(
        COMPLETE,
        f"Done for {noun} {case.number}",
        "Complete",
        {"case": str(case.id)},
        [
            question("chosen", "What is done", one_of(options)),
            question("text", "What came of it", text_box(), optional=True),
            question("minutes", "Minutes it took", minutes_box(), optional=True) | {"hint": hint},
            question("billable", "Its time", tick_box("Billable", ticked=True), optional=True),
        ],
    )


def complete(session: Session, by: Principal, sheet: Submitted, desk: Desk, at: datetime) -> None:
    """It is done, and took so long."""
    work.complete_activity(
        session, by, sheet.chosen(), at=at,
        minutes=sheet.minutes(), billable=sheet.ticked("billable"), text=sheet.text(),
    )  # fmt: skip


def _kind(chosen: str) -> ActivityKind:
    try:
        return ActivityKind(chosen)
    except ValueError as error:
        raise NotASheet("kind: choose one of the list") from error
