"""Several cases turn out to be one: they go on in the survivor.

What was said moves: messages with their files, what is promised about them, what is still to be
seen to, and the cases that named the source; who follows it follows the survivor. What a source is
known by stays with it: its number, its message ids and its reply address, which all lead to the
survivor (`threads`). So a source is put back by one record.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, true
from sqlalchemy.orm import Mapped, Session, mapped_column

from intake import entitlements, followers, queues, sla, terms, threads
from intake.acting import done, must_be_open
from intake.agents import Act, Principal
from intake.cases import PLANS, Activity, Case, Reason, State
from intake.checklists import ChecklistItem
from intake.db import Base, Json, new_id, refers_to
from intake.desk import Desk
from intake.entitlements import Reservation
from intake.events import Delivery
from intake.history import expect_version
from intake.merging.moves import (
    CannotMerge,
    held,
    hold_deliveries,
    links,
    movable,
    move,
)
from intake.nouns import noun
from intake.sla import LIVE
from intake.threads import Participant

MOST = 10
CHAIN = 50
# What the merge changes of a source, beside its version: put back from the record.
KEPT = (
    "state",
    "reason",
    "own_reason_id",
    "resolved_at",
    "deadline_at",
    "order_at",
    "billable",
    *PLANS,
)
KEPT_OF_CLOCK = ("state", "next_at", "untold", "paused_at")


class CaseMerge(Base):
    """That a case was merged into another, and how the source stood before."""

    __tablename__ = "case_merges"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    source_id: Mapped[UUID] = mapped_column(refers_to("cases.id"), index=True)
    survivor_id: Mapped[UUID] = mapped_column(refers_to("cases.id"), index=True)
    at: Mapped[datetime]
    agent_id: Mapped[UUID | None] = mapped_column(refers_to("agents.id"))
    undone_at: Mapped[datetime | None]
    before: Mapped[dict[str, Any]] = mapped_column(Json)
    """The source's own fields, its clocks, its queue item and its reservation."""
    added: Mapped[list[str]] = mapped_column(Json)
    """The addresses that take part in the survivor because they did in the source."""


def merge(
    session: Session,
    by: Principal,
    survivor_id: UUID,
    source_ids: Sequence[UUID],
    *,
    desk: Desk,
    at: datetime,
    version: int | None = None,
) -> Case:
    """Let up to ten open cases go on in another, or in what that one was merged into itself.

    Each source ends as cancelled, merged: it leaves its queue, its clocks stop and its term is
    given back. `version` is that of the survivor. Raises CannotMerge, NotOpen, StaleVersion or
    NotFound, and then nothing has moved.
    """
    by.must(Act.WORK)
    survivor_id, ids = named(session, survivor_id, source_ids)
    hold_deliveries(session, ids)
    found = held(session, by, {survivor_id, *ids})
    survivor, sources = found[survivor_id], [found[i] for i in ids]
    expect_version(session, survivor, version)
    check(session, survivor, sources, desk)
    # All of them at once and in their order, as a message that arrives locks them.
    entitlements.locked(session, {s.entitlement_id for s in sources if s.entitlement_id})
    for source in sources:
        _merge_one(session, by, survivor, source, desk, at)
    session.flush()
    session.expire_all()
    numbers = [source.number for source in sources]
    done(session, survivor, by, "case.merged", at, merged=numbers)
    return survivor


def merges_of(session: Session, case: Case) -> list[CaseMerge]:
    """The merges that this case survived and that are not undone, oldest first."""
    statement = select(CaseMerge).where(
        CaseMerge.survivor_id == case.id, CaseMerge.undone_at.is_(None)
    )
    return list(session.scalars(statement.order_by(CaseMerge.at, CaseMerge.id)))


def named(
    session: Session, survivor_id: UUID, source_ids: Sequence[UUID]
) -> tuple[UUID, list[UUID]]:
    """Where work really goes on, and the sources, each once."""
    ids = list(dict.fromkeys(source_ids))
    if not 0 < len(ids) <= MOST:
        raise CannotMerge(f"name one to {MOST} {noun.many} to be merged")
    if survivor_id in ids:
        raise CannotMerge(f"{noun.a} cannot be merged into itself")
    survivor_id = _end_of_chain(session, survivor_id)
    if survivor_id in ids:
        raise CannotMerge(f"the {noun} you name was merged into that one; they are one already")
    return survivor_id, ids


def _end_of_chain(session: Session, case_id: UUID) -> UUID:
    for _ in range(CHAIN):
        next_id = session.scalar(select(Case.merged_into_id).where(Case.id == case_id))
        if next_id is None:
            return case_id
        case_id = next_id
    raise AssertionError("a survivor is open when it is merged into, so there is no cycle")


def check(session: Session, survivor: Case, sources: Collection[Case], desk: Desk) -> None:
    """Raises CannotMerge or NotOpen unless these can be made one as they stand."""
    for case in (survivor, *sources):
        # Seen under the lock: whoever was first has merged it meanwhile.
        if case.merged_into_id is not None:
            raise CannotMerge(f"{noun} {case.number} was merged into another already; look again")
        must_be_open(case)
    talks = {case.conversation for case in (survivor, *sources)} - {""}
    if len(talks) > 1:
        raise CannotMerge(
            f"these are chats with different visitors; one {noun} answers one visitor"
        )
    for source in sources:
        _check_family(session, survivor, source)
    _check_children(session, survivor, sources, desk)


def _check_family(session: Session, survivor: Case, source: Case) -> None:
    """What was a part of one case's work does not become a part of another's by a merge."""
    if source.parent_id is not None and source.parent_id != survivor.parent_id:
        raise CannotMerge(
            f"{noun} {source.number} is a child; it is merged only into a child of the same parent"
        )
    children = select(Case.id).where(Case.parent_id == source.id, Case.id != survivor.id)
    becomes_child = survivor.parent_id not in (None, source.id)
    if becomes_child and session.scalar(children.limit(1)) is not None:
        raise CannotMerge(
            f"{noun} {source.number} has children and {noun} {survivor.number} is a child itself; "
            "a family has two levels"
        )


def _check_children(
    session: Session, survivor: Case, sources: Collection[Case], desk: Desk
) -> None:
    """The children of the sources go on as the survivor's, and it has no more than the desk lets
    a case have; what it has too many of already is not held against those who bring none."""
    ids = {survivor.id, *(source.id for source in sources)}
    rows = session.execute(
        select(Case.parent_id, func.count())
        .where(Case.parent_id.in_(ids), Case.merged_into_id.is_(None), Case.id.not_in(ids))
        .group_by(Case.parent_id)
    )
    children = dict(rows.all())
    together, own = sum(children.values()), children.get(survivor.id, 0)
    if own < together > desk.children_most:
        raise CannotMerge(
            f"{noun} {survivor.number} would have {together} children, and {noun.a} has "
            f"{desk.children_most} at most; unlink some of them first"
        )


def missing(session: Session, survivor: Case, source: Case) -> Sequence[str]:
    """The addresses that take part in the source and not yet in the survivor."""
    own = select(Participant.address).where(Participant.case_id == survivor.id)
    theirs = select(Participant.address).where(
        Participant.case_id == source.id, Participant.address.not_in(own)
    )
    return session.scalars(theirs.order_by(Participant.address)).all()


def _merge_one(
    session: Session, by: Principal, survivor: Case, source: Case, desk: Desk, at: datetime
) -> None:
    record = CaseMerge(
        id=new_id(),
        source_id=source.id,
        survivor_id=survivor.id,
        at=at,
        agent_id=by.id,
        before={
            **_before(session, source),
            "followers": _let_follow(session, survivor, source, at),
        },
        added=list(missing(session, survivor, source)),
    )
    if source.conversation and not survivor.conversation:
        # The visitor goes on reading there, and what they write lands there.
        survivor.conversation = record.before["brought"] = source.conversation
    session.add(record)
    threads.take_part(session, survivor, record.added)
    _move_all(session, record)
    source.state, source.reason, source.resolved_at = State.CANCELLED, Reason.MERGED, None
    source.merged_into_id = survivor.id
    queues.leave(session, source, at=at)
    terms.settle(
        session, source, on=desk.day(at), at=at, event=terms.event_of(source),
        reason=f"merged into {noun} {survivor.number}", by=by,
    )  # fmt: skip
    asked_at = sla.waiting_since(session, source)
    sla.cancel(session, source)
    sla.taken_over(session, survivor, asked_at, at=at)
    done(session, source, by, "case.merged_away", at, survivor=survivor.number)


def _let_follow(session: Session, survivor: Case, source: Case, at: datetime) -> list[str]:
    """Let who follows the source follow the survivor; those who did not yet."""
    known = {agent.id for agent in followers.of_case(session, survivor.id)}
    fresh = [a.id for a in followers.of_case(session, source.id) if a.id not in known]
    followers.add(session, survivor, fresh, at=at)
    return [str(agent_id) for agent_id in fresh]


def _move_all(session: Session, record: CaseMerge) -> None:
    session.flush()
    way = {"source_id": record.source_id, "target_id": record.survivor_id}
    move(session, record.id, Activity.case_id, true(), **way)
    move(session, record.id, Delivery.case_id, movable(), **way)
    move(session, record.id, ChecklistItem.case_id, ChecklistItem.done_at.is_(None), **way)
    for link in links():
        others = Case.id != record.survivor_id
        move(session, record.id, link, others, **way)
        move(session, record.id, link, ~others, source_id=record.source_id, target_id=None)


def _before(session: Session, source: Case) -> dict[str, Any]:
    item = queues.item_of(session, source, lock=True)
    reservation = session.get(Reservation, source.id)
    return {
        "case": {name: _plain(getattr(source, name)) for name in KEPT},
        "item": str(item.id) if item else None,
        "reserved_at": reservation.at.isoformat() if reservation else None,
        "clocks": {
            str(clock.id): {name: _plain(getattr(clock, name)) for name in KEPT_OF_CLOCK}
            for clock in sla.of_case(session, source)
            if clock.state in LIVE
        },
    }


def _plain(value: Any) -> Any:
    match value:
        case datetime():
            return value.isoformat()
        case UUID():
            return str(value)
    return value
