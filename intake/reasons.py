"""Which status reason may follow which. An administrator may narrow it; nothing widens it.

What a customer's message does to a case, such as ending a wait for it, is never held up.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from intake import events
from intake.agents import Act, Principal
from intake.cases import REASONS, Case, Reason, State
from intake.db import Base, one_of
from intake.errors import IntakeError

BACK = (Reason.IN_PROGRESS,)
FOLLOWS: Mapping[Reason, Sequence[Reason]] = {
    **{
        reason: [
            each
            for each in (*REASONS[State.ACTIVE], *REASONS[State.RESOLVED], Reason.CANCELLED)
            if each is not reason
        ]
        for reason in REASONS[State.ACTIVE]
    },
    **dict.fromkeys(REASONS[State.RESOLVED], BACK),
    Reason.CANCELLED: BACK,
    Reason.MERGED: (),
}
"""What may follow each reason by somebody's hand, in order; merging has rules of its own."""


class NotReachable(IntakeError):
    """That status reason may not follow this one; the text says which may."""

    code = "transition-not-allowed"


class BarredMove(Base):
    """A status reason that may not follow another on this desk."""

    __tablename__ = "barred_moves"

    was: Mapped[Reason] = mapped_column(one_of(Reason), primary_key=True)
    becomes: Mapped[Reason] = mapped_column(one_of(Reason), primary_key=True)


def table(session: Session) -> dict[Reason, list[Reason]]:
    """What may follow each reason on this desk."""
    barred = {(row.was, row.becomes) for row in session.scalars(select(BarredMove))}
    return {
        was: [becomes for becomes in follows if (was, becomes) not in barred]
        for was, follows in FOLLOWS.items()
    }


def may_follow(session: Session, was: Reason) -> list[Reason]:
    """What may follow that reason on this desk."""
    barred = set(session.scalars(select(BarredMove.becomes).where(BarredMove.was == was)))
    return [becomes for becomes in FOLLOWS[was] if becomes not in barred]


def must_follow(session: Session, case: Case, becomes: Reason) -> None:
    """Raises NotReachable, naming what may follow, unless the case may go to that reason."""
    allowed = may_follow(session, case.reason)
    if becomes is not case.reason and becomes not in allowed:
        ways = ", ".join(f"“{each}”" for each in allowed) or "nothing"
        raise NotReachable(
            f"“{becomes}” may not follow “{case.reason}” on this desk; what may is {ways}"
        )


def allow(
    session: Session, by: Principal, was: Reason, allowed: Collection[Reason], *, at: datetime
) -> list[Reason]:
    """Let these reasons, and no other, follow that one. Raises NotReachable for one that never
    can."""
    by.must(Act.ADMINISTER)
    never = [each for each in allowed if each not in FOLLOWS[was]]
    if never:
        raise NotReachable(f"“{never[0]}” can never follow “{was}”")
    before = may_follow(session, was)
    session.execute(delete(BarredMove).where(BarredMove.was == was))
    session.add_all(
        BarredMove(was=was, becomes=each) for each in FOLLOWS[was] if each not in allowed
    )
    session.flush()
    now = may_follow(session, was)
    events.record(
        session, "transitions.changed", at=at, actor=by, reason=was.value,
        was=[each.value for each in before], allowed=[each.value for each in now],
    )  # fmt: skip
    return now
