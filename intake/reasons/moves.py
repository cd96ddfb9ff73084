"""Which status reason may follow which. An administrator may narrow it; nothing widens it.

What a customer's message does to a case, such as ending a wait for it, is never held up.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from sqlalchemy import String, delete, or_, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from intake import events
from intake.agents import Act, Principal
from intake.cases import REASONS, Case, Reason, State, Status
from intake.db import Base
from intake.errors import IntakeError
from intake.reasons.choosing import every

BACK = (Reason.IN_PROGRESS,)
FOLLOWS: Mapping[Reason, Sequence[Reason]] = {
    **{
        reason: [*REASONS[State.ACTIVE], *REASONS[State.RESOLVED], Reason.CANCELLED]
        for reason in REASONS[State.ACTIVE]
    },
    **dict.fromkeys(REASONS[State.RESOLVED], BACK),
    Reason.CANCELLED: BACK,
    Reason.MERGED: (),
}
"""What may follow each kind of reason by somebody's hand, in order; merging has rules of its own.

Nothing follows itself, but one own reason may follow another of its kind, or the given one.
"""


class NotReachable(IntakeError):
    """That status reason may not follow this one; the text says which may."""

    code = "transition-not-allowed"


class BarredMove(Base):
    """A status reason that may not follow another on this desk."""

    __tablename__ = "barred_moves"

    was: Mapped[str] = mapped_column(String(36), primary_key=True)
    """A given reason, or the id of an own one."""
    becomes: Mapped[str] = mapped_column(String(36), primary_key=True)


def table(session: Session) -> dict[Status, list[Status]]:
    """What may follow each reason on this desk; also one that is retired, for cases are in it."""
    barred = {(row.was, row.becomes) for row in session.scalars(select(BarredMove))}
    known = every(session)
    return {
        was: [each for each in can_follow(was, known) if (was.key, each.key) not in barred]
        for was in every(session, retired=True)
    }


def can_follow(was: Status, among: Sequence[Status]) -> list[Status]:
    """What could follow that reason on a desk that bars nothing."""
    kinds, going_on = FOLLOWS[was.kind_of], was.kind_of in REASONS[State.ACTIVE]
    return [
        each
        for each in among
        # Work on what was closed begins again where all work begins.
        if each is not was and each.kind_of in kinds and (going_on or isinstance(each, Reason))
    ]


def may_follow(session: Session, was: Status) -> list[Status]:
    """What may follow that reason on this desk."""
    barred = set(session.scalars(select(BarredMove.becomes).where(BarredMove.was == was.key)))
    return [each for each in can_follow(was, every(session)) if each.key not in barred]


def must_follow(session: Session, case: Case, becomes: Status) -> None:
    """Raises NotReachable, naming what may follow, unless the case may go to that reason."""
    if becomes is case.status:
        return
    allowed = may_follow(session, case.status)
    if becomes not in allowed:
        ways = ", ".join(f"“{each}”" for each in allowed) or "nothing"
        raise NotReachable(
            f"“{becomes}” may not follow “{case.status}” on this desk; what may is {ways}"
        )


def move_alike(session: Session, fresh: Status) -> None:
    """Bar for a new reason the moves that are barred for the given one that it is a kind of."""
    kind, key = fresh.kind_of.key, fresh.key
    mine = or_(BarredMove.was == kind, BarredMove.becomes == kind)
    session.add_all(
        BarredMove(
            was=key if row.was == kind else row.was,
            becomes=key if row.becomes == kind else row.becomes,
        )
        for row in session.scalars(select(BarredMove).where(mine)).all()
    )
    session.flush()


def allow(
    session: Session, by: Principal, was: Status, allowed: Collection[Status], *, at: datetime
) -> list[Status]:
    """Let these reasons, and no other, follow that one. Raises NotReachable for one that never
    can."""
    by.must(Act.ADMINISTER)
    possible = can_follow(was, every(session))
    never = [each for each in allowed if each not in possible]
    if never:
        raise NotReachable(f"“{never[0]}” can never follow “{was}”")
    before = may_follow(session, was)
    session.execute(delete(BarredMove).where(BarredMove.was == was.key))
    session.add_all(
        BarredMove(was=was.key, becomes=each.key) for each in possible if each not in allowed
    )
    session.flush()
    now = may_follow(session, was)
    events.record(
        session, "transitions.changed", at=at, actor=by, reason=str(was),
        was=[str(each) for each in before], allowed=[str(each) for each in now],
    )  # fmt: skip
    return now
