"""A message that was filed wrongly: split off into a case of its own, or moved to another case.

What knows the message goes with it: its id, so that answers to it follow, and what is promised
about it. Its sender takes part where it is. Who did it stands in `matched_by`.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from intake import entitlements, events, queues, routing, sla, terms
from intake.acting import done, must_be_open
from intake.agents import Act, Principal
from intake.cases import (
    Activity,
    ActivityKind,
    Case,
    Direction,
    Priority,
    Reason,
    State,
    next_numbers,
)
from intake.customers import Contact
from intake.db import Base, Json, new_id, refers_to
from intake.desk import Desk
from intake.entitlements import Entitlement
from intake.errors import NotFound
from intake.events import Delivery
from intake.facts import facts_of
from intake.merging.moves import (
    CannotMove,
    CannotUndo,
    held,
    hold_deliveries,
    movable,
    move,
    move_back,
)
from intake.threads import Participant, ThreadId
from intake.visibility import one_visible

CHANNELS = {
    ActivityKind.EMAIL: "email",
    ActivityKind.PHONE_CALL: "phone",
    ActivityKind.WEB_FORM: "web",
    ActivityKind.CHAT: "chat",
    ActivityKind.SLACK: "slack",
}
SUBJECT_LENGTH = 500
NAMED = 60


class MessageMove(Base):
    """That a message was moved to another case, or split off into a new one."""

    __tablename__ = "message_moves"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    activity_id: Mapped[UUID] = mapped_column(refers_to("activities.id"), index=True)
    from_case_id: Mapped[UUID] = mapped_column(refers_to("cases.id"))
    to_case_id: Mapped[UUID] = mapped_column(refers_to("cases.id"))
    split: Mapped[bool] = mapped_column(default=False)
    """Whether the case it went to was made for it."""
    at: Mapped[datetime]
    agent_id: Mapped[UUID | None] = mapped_column(refers_to("agents.id"))
    undone_at: Mapped[datetime | None]
    before: Mapped[dict[str, Any]] = mapped_column(Json)
    """What filed it before, and what came to the other case with it: its id, its sender."""


def split_off(
    session: Session,
    by: Principal,
    activity_id: UUID,
    *,
    desk: Desk,
    at: datetime,
    subject: str = "",
) -> Case:
    """Make a case of its own of a message, as if it had arrived alone: with its own entitlement,
    queue and clocks, which count from when it came.

    What covers it is decided now, by what is left now. Raises CannotMove or NotOpen.
    """
    by.must(Act.WORK)
    activity, source = _message(session, by, activity_id)
    if activity.direction is not Direction.INCOMING:
        raise CannotMove("only what a customer wrote can become a case of its own")
    # A case is whole only once it has a queue.
    with session.no_autoflush:
        case = _opened_by(session, activity, source, subject, at)
        _claim(session, case, desk, at)
        queue = _route(session, case, activity, at)
    session.flush()
    _go(session, by, activity, source, case, split=True, words=f"split off by {by.name}", at=at)
    events.record(
        session, "case.opened", at=at, actor=by, case_id=case.id, number=case.number,
        channel=case.channel, queue=queue.name, refusal=case.decision["refusal"],
        activity=str(activity.id), split_from=source.number,
    )  # fmt: skip
    if desk.slack and queue.slack_channel:
        events.promise(
            session, "slack", "card", effect_key=f"card:{case.id}", at=at, case_id=case.id,
            target=queue.slack_channel,
        )  # fmt: skip
    done(session, source, by, "case.message_split_off", at, activity=str(activity.id),
         to=case.number)  # fmt: skip
    session.flush()
    return case


def move_message(
    session: Session, by: Principal, activity_id: UUID, case_id: UUID, *, at: datetime
) -> MessageMove:
    """Let a message be part of another open case. Raises CannotMove, NotOpen or NotFound."""
    by.must(Act.WORK)
    activity, source = _message(session, by, activity_id, also=case_id)
    if source.id == case_id:
        raise CannotMove(f"it is in case {source.number} already")
    target = one_visible(session, by, case_id)
    must_be_open(target)
    record = _go(session, by, activity, source, target, words=f"moved by {by.name}", at=at)
    moved = str(activity.id)
    done(session, source, by, "case.message_moved_away", at, activity=moved, to=target.number)
    done(session, target, by, "case.message_moved_here", at, activity=moved, source=source.number)
    return record


def put_back(session: Session, by: Principal, move_id: UUID, *, desk: Desk, at: datetime) -> Case:
    """Undo the move or the splitting off of a message; the case it is back in.

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


def _message(
    session: Session, by: Principal, activity_id: UUID, *, also: UUID | None = None
) -> tuple[Activity, Case]:
    """The message, and its case locked, if it may leave; and another case locked with it."""
    case_id = session.scalar(select(Activity.case_id).where(Activity.id == activity_id))
    if case_id is None:
        raise NotFound("there is no such message")
    hold_deliveries(session, [case_id])
    found = held(session, by, {case_id, *([also] if also else [])})
    activity = session.get_one(Activity, activity_id, populate_existing=True)
    if activity.case_id != case_id:
        raise CannotMove("it was moved to another case just now; look again")
    source = found[case_id]
    must_be_open(source)
    if activity.kind is ActivityKind.RESOLUTION:
        raise CannotMove("a resolution stays with what it resolved")
    if activity.direction is Direction.INCOMING and _only_one(session, source):
        raise CannotMove(f"it is the only message of case {source.number}; merge the case instead")
    return activity, source


def _only_one(session: Session, case: Case) -> bool:
    heard = select(func.count(Activity.id)).where(
        Activity.case_id == case.id, Activity.direction == Direction.INCOMING
    )
    return session.scalar(heard) == 1


def _opened_by(
    session: Session, activity: Activity, source: Case, subject: str, at: datetime
) -> Case:
    contact = session.get(Contact, activity.contact_id) if activity.contact_id else None
    words = (subject.strip() or activity.subject or source.subject)[:SUBJECT_LENGTH]
    [number] = next_numbers(session, 1)
    case = Case(
        id=new_id(),
        number=number,
        subject=words,
        channel=CHANNELS.get(activity.kind, source.channel),
        mailbox=source.mailbox,
        contact_id=contact.id if contact else None,
        account_id=contact.account_id if contact else None,
        related_case_id=source.id,
        opened_at=activity.at,
        updated_at=at,
        state=State.ACTIVE,
        reason=Reason.IN_PROGRESS,
        priority=Priority.NORMAL,
    )
    session.add(case)
    return case


def _claim(session: Session, case: Case, desk: Desk, at: datetime) -> None:
    held_by = entitlements.held_by(session, {(case.contact_id, case.account_id)}, lock=True)
    for entitlement in held_by:
        session.add_all(entitlements.turn(entitlement, on=desk.day(at), at=at))
    asked = terms.asked(case, desk, at)
    decision = entitlements.decide(held_by, asked, apply=desk.apply_entitlement_on_creation)
    terms.put_on(case, decision)
    entitlements.claim(session, decision, asked)


def _route(session: Session, case: Case, activity: Activity, at: datetime) -> queues.Queue:
    """Let it wait in its queue, with the clocks of what is promised; the queue."""
    facts = facts_of(case, sender_certain=not activity.sender_doubt)
    every, refused = queues.every(session), bool(case.decision["refusal"])
    queue, case.routed_by = routing.route(
        routing.rules(session), every, case.mailbox, facts, refused=refused
    )
    queues.enter(session, case, queue, at=at)
    if not activity.automatic:
        entitled = select(Entitlement.sla_id).where(Entitlement.id == case.entitlement_id)
        chosen = sla.in_force(session).of(session.scalar(entitled), facts)
        sla.start(session, case, chosen, facts, at=at)
    return queue


def _go(
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
            raise CannotUndo(f"case {case.number} is {case.reason}; it is read-only")
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
    case.state, case.reason = State.CANCELLED, Reason.MERGED
    case.merged_into_id = survivor.id
    queues.leave(session, case, at=at)
    terms.settle(
        session, case, on=desk.day(at), at=at, event=terms.event_of(case),
        reason=f"put back into case {survivor.number}", by=by,
    )  # fmt: skip
    sla.cancel(session, case)
    done(session, case, by, "case.merged_away", at, survivor=survivor.number)
