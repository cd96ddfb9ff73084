"""Answering a customer from Slack: a sheet shows to whom an answer goes before it is sent."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from channels.slack.card import FIRST_LINES, origin
from channels.slack.forms import (
    LINE,
    LONGEST_TEXT,
    Sheet,
    Submitted,
    question,
    said,
    sheet,
    text_box,
)
from channels.slack.words import NOTHING
from intake import work
from intake.agents import Principal
from intake.cases import Case
from intake.desk import Desk
from intake.errors import IntakeError
from intake.nouns import noun
from intake.visibility import one_visible
from intake.work import WayBack

REPLY = "reply"


class SomebodyElseWrote(IntakeError):
    """The answer would go to somebody else than the sheet has shown."""

    code = "somebody-else-wrote"


def asked(session: Session, by: Principal, case_id: UUID, desk: Desk, at: datetime) -> Sheet:
    """The sheet for an answer of one's own words."""
    way = work.way_back(session, by, case_id)
    return reply_sheet(one_visible(session, by, case_id), way)


def reply_sheet(case: Case, way: WayBack, begins: str = "", note: str = "") -> Sheet:
    """The sheet that shows to whom and by which way an answer goes, and asks for its words.

    They may begin with a template's, of which `note` says what to look at.
    """
    box = text_box() | {"focus_on_load": True}
    if begins:
        box["initial_value"] = begins[:LONGEST_TEXT]
    written = way.answers.new_text if way.answers else ""
    return sheet(
        REPLY,
        f"Reply to {noun} {case.number}",
        "Send",
        {"case": str(case.id), "to": way.to},
        [
            said(f"This goes to {_recipient(way)}.", LINE),
            said(f"They wrote: {written or NOTHING}", FIRST_LINES),
            *([said(f"Look at the template: {note}.", LINE)] if note else []),
            question("text", "Your answer", box),
        ],
    )


def reply(session: Session, by: Principal, sheet: Submitted, desk: Desk, at: datetime) -> None:
    """Send the answer. Raises SomebodyElseWrote when it would not go where the sheet said."""
    way = work.way_back(session, by, sheet.case_id)
    if way.to != sheet.to:
        raise SomebodyElseWrote(
            f"this would now go to {_recipient(way)}; open the sheet again to see it"
        )
    work.reply(session, by, sheet.case_id, sheet.text(), desk=desk, at=at)


def _recipient(way: WayBack) -> str:
    """To whom and by which way, in words."""
    if way.channel == "chat":
        return "the customer, by chat"
    return f"{way.to}, by {origin(way.channel)} from {way.sender}"
