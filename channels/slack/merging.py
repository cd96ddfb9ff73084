"""Merging from Slack: a number is asked for, what would move is shown, and then it is done."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from channels.slack import sheets
from channels.slack.sheets import Sheet, Submitted
from intake import merging
from intake.acting import must_be_open
from intake.agents import Act, Principal
from intake.desk import Desk
from intake.merging import CannotMerge
from intake.nouns import noun
from intake.visibility import by_number, one_visible


def asked(session: Session, by: Principal, case_id: UUID, desk: Desk, at: datetime) -> Sheet:
    """The sheet that asks which case this one shall go on in. Raises NotOpen for a closed one."""
    by.must(Act.WORK)
    case = one_visible(session, by, case_id)
    must_be_open(case)
    return sheets.merge(case)


def confirmation(session: Session, by: Principal, sheet: Submitted) -> Sheet:
    """The sheet that shows what would move. Raises CannotMerge, NotOpen or NotFound."""
    survivor = by_number(session, by, _number(sheet.text))
    return sheets.merge_now(merging.preview(session, by, survivor.id, [sheet.case_id]))


def merge(session: Session, by: Principal, sheet: Submitted, desk: Desk, at: datetime) -> None:
    """Merge the case into the one that was shown."""
    survivor = by_number(session, by, _number(sheet.to))
    merging.merge(session, by, survivor.id, [sheet.case_id], desk=desk, at=at)


def _number(text: str) -> int:
    said = text.strip().removeprefix("#")
    if not (said.isascii() and said.isdecimal() and len(said) <= 12):
        raise CannotMerge(f"give the number of {noun.a}, such as 1042")
    return int(said)
