"""A message that was filed wrongly goes to another case, or to one made for it, and back.

What knows the message goes with it: its id, so that answers to it follow, and what is promised
about it. Its sender takes part where it is. Who did it stands in `matched_by`.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from intake import queues, sla, terms
from intake.acting import done, must_be_open
from intake.agents import Act, Principal
from intake.cases import (
    Activity,
    ActivityKind,
    Case,
    Direction,
    Reason,
    State,
)
from intake.db import Base, Json, new_id, refers_to
from intake.desk import Desk
from intake.errors import NotFound
from intake.events import Delivery
from intake.history import expect_version
from intake.merging.moves import (
    CannotMove,
    CannotUndo,
    held,
    hold_deliveries,
    movable,
    move,
    move_back,
)
from intake.nouns import noun
from intake.threads import Participant, ThreadId
from intake.visibility import one_visible

NAMED = 60


class MessageMove(Base):
    """That a message was moved to another case, or split off into a new one."""

    __tablename__ = "message_moves"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    activity_id: Mapped[UUID] = mapped_column(refers_to("activities.id"), index=True)
    from_case_id: Mapped[UUID] = mapped_column(refers_to("cases.id"), index=True)
    to_case_id: Mapped[UUID] = mapped_column(refers_to("cases.id"), index=True)
    split: Mapped[bool] = mapped_column(default=False)
    """Whether the case it went to was made for it."""
    at: Mapped[datetime]
    agent_id: Mapped[UUID | None] = mapped_column(refers_to("agents.id"))
    undone_at: Mapped[datetime | None]
    before: Mapped[dict[str, Any]] = mapped_column(Json)
    """What filed it before, and what came to the other case with it: its id, its sender."""


def move_message(
    session: Session,
    by: Principal,
    activity_id: UUID,
    case_id: UUID,
    *,
    at: datetime,
    version: int | None = None,
) -> MessageMove:
    """Let a message be part of another open case; `version` is that of the case it leaves.

    Raises CannotMove, NotOpen, StaleVersion or NotFound.
    """
    by.must(Act.WORK)
    activity, source = leaving(session, by, activity_id, also=case_id, version=version)
    if source.id == case_id:
        raise CannotMove(f"it is in case {source.number} already")
    target = one_visible(session, by, case_id)
    must_be_open(target)
    record = go(session, by, activity, source, target, words=f"moved by {by.name}", at=at)
    moved = str(activity.id)
    done(session, source, by, "case.message_moved_away", at, activity=moved, to=target.number)
    done(session, target, by, "case.message_moved_here", at, activity=moved, source=source.number)
    return record


def put_back(
    session: Session,
    by: Principal,
    move_id: UUID,
    *,
    desk: Desk,
    at: datetime,
    version: int | None = None,
) -> Case:
    """Undo the move or the splitting off of a message; the case it is back in. `version` is that
    of the case it was moved to.

    A case that was made for it ends as merged into that one, so that what answers it lands there.
    Raises CannotUndo, saying what is in the way.
    """
    by.must(Act.WORK)
    record = session.get(MessageMove, move_id)
    if record is None:
        raise NotFound("there is no such move of a message")
    hold_deliveries(session, [record.to_case_id])
    found = held(session, by, {record.from_case_id, record.to_case_id})
    source, target = found[record.from_case_id], found[record.to_case_id]
    expect_version(session, target, version)
    session.refresh(record)
    _check_undo(session, record, source, target)
    record.undone_at = at
    _take_back(session, record)
    moved = str(record.activity_id)
    if record.split:
        _close(session, by, target, source, desk, at)
    else:
        done(session, target, by, "case.message_moved_away", at, activity=moved, to=source.number)
    return done(
        session, source, by, "case.message_put_back", at, activity=moved, source=target.number
    )


def moves_of(session: Session, case: Case) -> list[MessageMove]:
    """The moves of messages to or from this case that are not undone, oldest first."""
    concerns = (MessageMove.from_case_id == case.id) | (MessageMove.to_case_id == case.id)
    statement = select(MessageMove).where(concerns, MessageMove.undone_at.is_(None))
    return list(session.scalars(statement.order_by(MessageMove.at, MessageMove.id)))


def leaving(
    session: Session,
    by: Principal,
    activity_id: UUID,
    *,
    also: UUID | None = None,
    version: int | None = None,
) -> tuple[Activity, Case]:
    """The message, and its case locked, if it may leave; and another case locked with it."""
    case_id = session.scalar(select(Activity.case_id).where(Activity.id == activity_id))
    if case_id is None:
        raise NotFound("there is no such message")
    hold_deliveries(session, [case_id])
    found = held(session, by, {case_id, *([also] if also else [])})
    activity = session.get_one(Activity, activity_id, populate_existing=True)
    if activity.case_id != case_id:
        raise CannotMove(f"it was moved to another {noun} just now; look again")
    source = found[case_id]
    expect_version(session, source, version)
    must_be_open(source)
    if activity.kind is ActivityKind.RESOLUTION:
        raise CannotMove("a resolution stays with what it resolved")
    if activity.direction is Direction.INCOMING and _only_one(session, source, activity):
        raise CannotMove(
            f"it is the only message of {noun} {source.number}; merge the {noun} instead"
        )
    return activity, source


def _only_one(session: Session, case: Case, activity: Activity) -> bool:
    """Whether no other person's message would be left."""
    heard = select(func.count(Activity.id)).where(
        Activity.case_id == case.id,
        Activity.direction == Direction.INCOMING,
        Activity.automatic == "",
    )
    return session.scalar(heard.where(Activity.id != activity.id)) == 0


def go(
    session: Session,
    by: Principal,
    activity: Activity,
    source: Case,
    target: Case,
    *,
    words: str,
    at: datetime,
    split: bool = False,
) -> MessageMove:
    """Let the message be part of the target from now on, with what knows it."""
    record = MessageMove(
        id=new_id(),
        activity_id=activity.id,
        from_case_id=source.id,
        to_case_id=target.id,
        split=split,
        at=at,
        agent_id=by.id,
        before={
            "matched_by": activity.matched_by,
            "message_id": _lead(session, activity.message_id, source.id, target.id),
            "address": _let_in(session, activity, target),
        },
    )
    session.add(record)
    activity.matched_by = words[:NAMED]
    session.flush()
    way = {"source_id": source.id, "target_id": target.id}
    move(session, record.id, Activity.case_id, Activity.id == activity.id, **way)
    about = Delivery.activity_id == activity.id
    move(session, record.id, Delivery.case_id, about & movable(), **way)
    session.refresh(activity)
    return record


def _lead(session: Session, message_id: str, source_id: UUID, target_id: UUID) -> str:
    """Let answers to that message land in the target; its id, or '' where nothing changed."""
    known = session.get(ThreadId, (message_id, source_id)) if message_id else None
    if known is None or session.get(ThreadId, (message_id, target_id)) is not None:
        return ""
    session.delete(known)
    session.add(ThreadId(message_id=message_id, case_id=target_id, ours=known.ours))
    return message_id


def _let_in(session: Session, activity: Activity, target: Case) -> str:
    """Let its sender take part in the target; the address, or '' where nothing changed."""
    address = activity.author_address
    unsure = activity.sender_doubt or activity.direction is not Direction.INCOMING
    if not address or unsure or session.get(Participant, (target.id, address)) is not None:
        return ""
    session.add(Participant(case_id=target.id, address=address))
    return address


def _check_undo(session: Session, record: MessageMove, source: Case, target: Case) -> None:
    if record.undone_at is not None:
        raise CannotUndo("this was undone already")
    where = session.scalar(select(Activity.case_id).where(Activity.id == record.activity_id))
    if where != target.id:
        raise CannotUndo("the message was moved on since; undo that first")
    for case in (source, target):
        if not case.open:
            raise CannotUndo(f"{noun} {case.number} is {case.reason}; it is read-only")
    children = select(func.count(Case.id)).where(Case.parent_id == target.id)
    if record.split and session.scalar(children):
        raise CannotUndo(f"{noun} {target.number} has children; unlink them first")
    others = select(func.count(Activity.id)).where(
        Activity.case_id == target.id, Activity.id != record.activity_id
    )
    if record.split and session.scalar(others):
        raise CannotUndo(
            f"more was said in case {target.number} since; merge it into {source.number} instead"
        )


def _take_back(session: Session, record: MessageMove) -> None:
    before = record.before
    activity = session.get_one(Activity, record.activity_id)
    activity.matched_by = before["matched_by"]
    if before["message_id"]:
        _lead(session, before["message_id"], record.to_case_id, record.from_case_id)
    if before["address"]:
        session.execute(
            delete(Participant).where(
                Participant.case_id == record.to_case_id, Participant.address == before["address"]
            )
        )
    session.flush()
    move_back(session, record.id)


def _close(
    session: Session, by: Principal, case: Case, survivor: Case, desk: Desk, at: datetime
) -> None:
    if sla.on_hold(case.reason):
        sla.resume(session, case, at=at)
    case.state, case.reason = State.CANCELLED, Reason.MERGED
    case.merged_into_id = survivor.id
    queues.leave(session, case, at=at)
    terms.settle(
        session, case, on=desk.day(at), at=at, event=terms.event_of(case),
        reason=f"put back into {noun} {survivor.number}", by=by,
    )  # fmt: skip
    sla.cancel(session, case)
    done(session, case, by, "case.merged_away", at, survivor=survivor.number)
