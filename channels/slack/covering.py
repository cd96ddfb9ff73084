"""Why a case is covered, or not, shown in Slack."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from channels.slack.card import FIRST_LINES
from channels.slack.forms import LINE, Sheet, said, shown
from intake.agents import Act, Principal
from intake.desk import Desk
from intake.nouns import noun
from intake.visibility import one_visible

MOST_CANDIDATES = 20


def why(session: Session, by: Principal, case_id: UUID, desk: Desk, at: datetime) -> Sheet:
    """The sheet that shows every question put to every entitlement, and its answer."""
    by.must(Act.WORK)
    case = one_visible(session, by, case_id)
    decision = case.decision
    blocks = [said(decision.get("words") or "Nothing was decided yet.", LINE)]
    for held in decision.get("candidates", [])[:MOST_CANDIDATES]:
        answers = (f"{'yes' if t['passed'] else 'NO'}: {t['words']}" for t in held["tests"])
        blocks.append(said("\n".join((held["name"], *answers)), FIRST_LINES))
    return shown(f"Cover of {noun} {case.number}", {"case": str(case.id)}, blocks)
