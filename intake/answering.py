"""The customer was answered, or was not after all: what that keeps, and what it leaves unkept.

A reply answers, and so does a call of ours that reached them. A letter does not: nobody knows when
it arrives.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from intake import sla
from intake.cases import Activity, ActivityKind, Case, Direction
from intake.sla import Kpi


def is_answer(activity: Activity) -> bool:
    """Whether what was planned answers the customer once it is done."""
    ours = activity.direction is Direction.OUTGOING
    return ours and activity.kind is ActivityKind.PHONE_CALL


def answered(session: Session, case: Case, *, at: datetime) -> None:
    """We answered: the first and the next response are met, and a follow-up agreed is settled."""
    sla.meet(session, case, Kpi.FIRST_RESPONSE, Kpi.NEXT_RESPONSE, Kpi.FOLLOW_UP, at=at)
    if case.first_response_at is None:
        case.first_response_at = at
    case.follow_up_at = case.remind_at = None


def not_answered(session: Session, case: Case, said_at: datetime) -> None:
    """What was said then did not reach them: what it kept was kept by the next answer, if any."""
    session.flush()
    answers = sla.answers(session, [case.id])[case.id]
    first = min(answers, default=None)
    if case.first_response_at != first:
        case.first_response_at = first
        sla.unmeet(session, case, Kpi.FIRST_RESPONSE, instead=first)
    later = next((at for at in answers if at > said_at), None)
    sla.unmeet(session, case, Kpi.NEXT_RESPONSE, Kpi.FOLLOW_UP, met_at=said_at, instead=later)
