"""What lies ready for a case in Slack: macros to apply, and templates to begin an answer with."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from channels.slack.answering import reply_sheet
from channels.slack.forms import Sheet, Submitted, choose
from intake import wording, work
from intake.acting import to_work_on
from intake.agents import Principal
from intake.automation import macros
from intake.desk import Desk
from intake.nouns import noun
from intake.visibility import one_visible

TEMPLATE, MACRO = "template", "macro"


def macro_sheet(
    session: Session, by: Principal, case_id: UUID, desk: Desk, at: datetime
) -> Sheet | str:
    """The sheet that asks which macro; or in words that there is none."""
    case = to_work_on(session, by, case_id)
    found = [(str(each.id), each.name) for each in macros.every(session)]
    if not found:
        return "there is no macro yet; a manager writes them in the console"
    title = f"Macro on {noun} {case.number}"
    said = "All of it is done, or nothing."
    return choose(MACRO, title, "Apply", case, said, "Macro", found)


def template_sheet(
    session: Session, by: Principal, case_id: UUID, desk: Desk, at: datetime
) -> Sheet | str:
    """The sheet that asks which template the answer begins with; or that there is none."""
    work.way_back(session, by, case_id)
    case = one_visible(session, by, case_id)
    found = [
        (str(each.id), f"{each.name} ({', '.join(each.languages)})")
        for each in wording.offered(session)
    ]
    if not found:
        return "there is no reply template yet; a manager writes them in the console"
    title = f"Reply to {noun} {case.number}"
    said = "You read it before it is sent, and may change it."
    return choose(TEMPLATE, title, "Go on", case, said, "Begin with", found)


def filled(session: Session, by: Principal, sheet: Submitted, desk: Desk, at: datetime) -> Sheet:
    """The sheet of an answer that begins with the template that was chosen."""
    way = work.way_back(session, by, sheet.case_id)
    case = one_visible(session, by, sheet.case_id)
    template = wording.by_id(session, sheet.chosen())
    said = wording.filled(session, template, case, by, desk)
    return reply_sheet(case, way, said.text, said.note)


def apply(session: Session, by: Principal, sheet: Submitted, desk: Desk, at: datetime) -> None:
    """Do all that the chosen macro says, or nothing."""
    macros.apply(session, by, sheet.case_id, sheet.chosen(), desk=desk, at=at)
