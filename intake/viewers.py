"""Who else is at a case: the agents who look at it now, and those who write.

Each page and each sheet says so from time to time, in one row for each agent and case. What is said
holds for a little longer than until it is said again, so nobody has to say that they left.

Slack's card names them too, and is changed twice for a stay however long it is: when somebody has
stayed, and when they are gone. Whoever only passes by changes nothing there.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Select, delete, select
from sqlalchemy.orm import Mapped, Session, joinedload, mapped_column, relationship

from intake.acting import tell_slack
from intake.agents import Act, Agent, Principal
from intake.cases import Case
from intake.db import Base, insert_new, partial_index, refers_to
from intake.desk import Desk
from intake.visibility import one_visible

# A page says it every quarter of a minute.
LOOKS_FOR = timedelta(seconds=40)
WRITES_FOR = timedelta(seconds=40)
KEPT = timedelta(hours=1)


class Viewer(Base):
    """An agent at a case: until when they are taken to look at it, and to write."""

    __tablename__ = "case_viewers"
    __table_args__ = (
        partial_index(
            "ix_case_viewers_shown",
            "shown_until_at",
            where="shown_until_at IS NOT NULL",
        ),
    )

    case_id: Mapped[UUID] = mapped_column(refers_to("cases.id"), primary_key=True)
    agent_id: Mapped[UUID] = mapped_column(refers_to("agents.id"), primary_key=True, index=True)
    until_at: Mapped[datetime]
    writes_until_at: Mapped[datetime | None]
    shown_until_at: Mapped[datetime | None]
    """Until when what Slack's card says of them is true; None when it does not name them."""
    agent: Mapped[Agent] = relationship()

    def writes(self, at: datetime) -> bool:
        """Whether they write at that moment."""
        return self.writes_until_at is not None and self.writes_until_at > at


def beat(
    session: Session,
    by: Principal,
    case_id: UUID,
    *,
    at: datetime,
    writing: bool,
    lasts: timedelta = LOOKS_FOR,
) -> None:
    """Say that an agent is at a case, and whether they write. Raises NotFound for a case they may
    not see."""
    by.must(Act.READ)
    case = one_visible(session, by, case_id)
    assert by.id is not None, "an agent asks"
    session.execute(
        insert_new(session, Viewer).values(case_id=case.id, agent_id=by.id, until_at=at)
    )
    session.execute(
        delete(Viewer).where(
            Viewer.agent_id == by.id, Viewer.until_at < at - KEPT, Viewer.shown_until_at.is_(None)
        )
    )
    viewer = session.get_one(Viewer, (case.id, by.id), with_for_update=True)
    stays, wrote = viewer.until_at > at or lasts > LOOKS_FOR, viewer.writes(at)
    viewer.until_at = max(viewer.until_at, at + lasts)
    viewer.writes_until_at = at + max(lasts, WRITES_FOR) if writing else None
    if viewer.shown_until_at is None and not (stays or writing):
        return
    if viewer.shown_until_at is None or wrote != writing:
        tell_slack(session, case, "refresh", at)
    viewer.shown_until_at = viewer.writes_until_at or viewer.until_at


def leave(session: Session, by: Principal, case_id: UUID, *, at: datetime) -> None:
    """Say that an agent has stopped writing, as when they sent it, and is not known to look."""
    if by.id is None:
        return
    viewer = session.get(Viewer, (case_id, by.id), with_for_update=True)
    if viewer is None:
        return
    shown = viewer.shown_until_at is not None
    viewer.until_at, viewer.writes_until_at, viewer.shown_until_at = at, None, None
    if shown:
        tell_slack(session, session.get_one(Case, case_id), "refresh", at)


def at_cases(
    session: Session, case_ids: Collection[UUID], *, at: datetime, but: UUID | None = None
) -> dict[UUID, list[Viewer]]:
    """Who is at each of these cases, those who write first; without one agent, who asks."""
    found: dict[UUID, list[Viewer]] = {case_id: [] for case_id in case_ids}
    rows = session.scalars(
        select(Viewer)
        .where(Viewer.case_id.in_(case_ids), Viewer.until_at > at)
        .options(joinedload(Viewer.agent))
    )
    for row in sorted(rows, key=lambda row: (not row.writes(at), row.agent.name)):
        if row.agent_id != but:
            found[row.case_id].append(row)
    return found


def due(_desk: Desk, at: datetime) -> Select[Viewer]:
    """Those of whom Slack's card says what is not known any more, found by index."""
    return select(Viewer).where(Viewer.shown_until_at <= at)


def move(session: Session, desk: Desk, *, at: datetime, limit: int) -> int:
    """Let the cards in Slack say of these that they only look, or nothing; how many they were."""
    found = session.scalars(
        due(desk, at).order_by(Viewer.shown_until_at).limit(limit).with_for_update(skip_locked=True)
    ).all()
    for viewer in found:
        viewer.shown_until_at = viewer.until_at if viewer.until_at > at else None
    for case_id in dict.fromkeys(viewer.case_id for viewer in found):
        tell_slack(session, session.get_one(Case, case_id), "refresh", at)
    return len(found)
