"""Merging from Slack: a number is asked for, what would move is shown, and then it is done."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from channels.slack.card import FIRST_LINES
from channels.slack.forms import LINE, Sheet, Submitted, question, said, sheet, text_box
from intake import merging
from intake.acting import to_work_on
from intake.agents import Principal
from intake.desk import Desk
from intake.merging import CannotMerge, Preview
from intake.nouns import noun
from intake.visibility import by_number

MERGE, MERGE_NOW = "merge", "merge now"


def asked(session: Session, by: Principal, case_id: UUID, desk: Desk, at: datetime) -> Sheet:
    """The sheet that asks which case this one shall go on in. Raises NotOpen for a closed one."""
    case = to_work_on(session, by, case_id)
    number = text_box(lines=False, most=13) | {"focus_on_load": True}
    return sheet(
        MERGE,
        f"Merge {noun} {case.number}",
        "Look",
        {"case": str(case.id)},
        [
            said(f"It ends as merged, and goes on in another {noun}. Nothing is done yet.", LINE),
            question("text", f"Number of the {noun} that goes on", number),
        ],
    )


def confirmation(
    session: Session, by: Principal, sheet: Submitted, desk: Desk, at: datetime
) -> Sheet:
    """The sheet that shows what would move. Raises CannotMerge, NotOpen or NotFound."""
    survivor = by_number(session, by, _number(sheet.text()))
    return _last_word(merging.preview(session, by, survivor.id, [sheet.case_id], desk=desk))


def merge(session: Session, by: Principal, sheet: Submitted, desk: Desk, at: datetime) -> None:
    """Merge the case into the one that was shown."""
    survivor = by_number(session, by, _number(sheet.to))
    merging.merge(session, by, survivor.id, [sheet.case_id], desk=desk, at=at)


def _last_word(preview: Preview) -> Sheet:
    """The sheet that shows what a merge would move, and asks whether to do it."""
    [share], into = preview.shares, preview.survivor
    lines = [f"{noun.One} {share.case.number} goes on in {into.number}: {into.subject}"]
    lines.append(f"{share.activities} entries with {share.files} files move there.")
    if share.participants:
        lines.append(f"May write to it from then on: {', '.join(share.participants)}")
    if share.gives_back:
        lines.append(f"Its term goes back to {share.gives_back}.")
    lines.append("It can be undone in the console.")
    return sheet(
        MERGE_NOW,
        f"Merge {noun} {share.case.number}",
        "Merge",
        {"case": str(share.case.id), "to": str(into.number)},
        [said("\n".join(lines), FIRST_LINES)],
    )


def _number(text: str) -> int:
    said = text.strip().removeprefix("#")
    if not (said.isascii() and said.isdecimal() and len(said) <= 12):
        raise CannotMerge(f"give the number of {noun.a}, such as 1042")
    return int(said)
