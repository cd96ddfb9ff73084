"""Several cases turn out to be one: they go on in the survivor, and can be parted again.

What was said moves: messages with their files, what is promised about them, and the cases that
named the source. What a source is known by stays with it: its number, its message ids and its reply
address, which all lead to the survivor (`threads`). So a source is put back by one record.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, select, true
from sqlalchemy.orm import Mapped, Session, mapped_column

from intake import entitlements, queues, sla, terms, threads
from intake.acting import done, must_be_open
from intake.agents import Act, Principal
from intake.cases import Activity, Attachment, Case, Reason, State, set_deadline
from intake.db import Base, Json, new_id, refers_to
from intake.desk import Desk
from intake.entitlements import Exhausted, Reservation
from intake.errors import NotFound
from intake.events import Delivery
from intake.merging.moves import (
    CannotMerge,
    CannotUndo,
    astray,
    held,
    hold_deliveries,
    links,
    movable,
    move,
    move_back,
)
from intake.queues import QueueItem
from intake.sla import LIVE, KpiInstance, KpiState
from intake.threads import Participant
from intake.visibility import visible_to

MOST = 10
CHAIN = 50
# What the merge changes of a source, beside its version: put back from the record.
KEPT = ("state", "reason", "resolved_at", "deadline_at", "order_at", "billable")
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


@dataclass(frozen=True, slots=True)
class Share:
    """What one source would give to the survivor."""

    case: Case
    activities: int
    files: int
    deliveries: int
    related_cases: int
    participants: tuple[str, ...]
    """Addresses that do not take part in the survivor yet."""
    gives_back: str
    """The entitlement that gets its term back, by name; '' where none was taken."""


@dataclass(frozen=True, slots=True)
class Preview:
    """What a merge would do, and nothing of it done."""

    survivor: Case
    shares: tuple[Share, ...]


def preview(
    session: Session, by: Principal, survivor_id: UUID, source_ids: Sequence[UUID]
) -> Preview:
    """What would move. Raises what `merge` raises."""
    by.must(Act.WORK)
    survivor_id, ids = _named(session, survivor_id, source_ids)
    found = {
        case.id: case
        for case in session.scalars(visible_to(by).where(Case.id.in_({survivor_id, *ids})))
    }
    if len(found) < len(ids) + 1:
        raise NotFound("there is no such case")
    survivor, sources = found[survivor_id], [found[i] for i in ids]
    _check(survivor, sources)
    return Preview(survivor, tuple(_share(session, survivor, source) for source in sources))


def merge(
    session: Session,
    by: Principal,
    survivor_id: UUID,
    source_ids: Sequence[UUID],
    *,
    desk: Desk,
    at: datetime,
) -> Case:
    """Let up to ten open cases go on in another, or in what that one was merged into itself.

    Each source ends as cancelled, merged: it leaves its queue, its clocks stop and its term is
    given back. Raises CannotMerge, NotOpen or NotFound, and then nothing has moved.
    """
    by.must(Act.WORK)
    survivor_id, ids = _named(session, survivor_id, source_ids)
    hold_deliveries(session, ids)
    found = held(session, by, {survivor_id, *ids})
    survivor, sources = found[survivor_id], [found[i] for i in ids]
    _check(survivor, sources)
    # All of them at once and in their order, as a message that arrives locks them.
    entitlements.locked(session, {s.entitlement_id for s in sources if s.entitlement_id})
    for source in sources:
        _merge_one(session, by, survivor, source, desk, at)
    session.flush()
    session.expire_all()
    numbers = [source.number for source in sources]
    done(session, survivor, by, "case.merged", at, merged=numbers)
    return survivor


def unmerge(session: Session, by: Principal, case_id: UUID, *, desk: Desk, at: datetime) -> Case:
    """Part a merged case from its survivor again: everything that was its own goes back to it.

    What came since the merge stays with the survivor. Raises CannotUndo when the source cannot be
    put back as it was, and says what is in the way.
    """
    by.must(Act.WORK)
    record = _latest(session, case_id)
    hold_deliveries(session, [record.survivor_id])
    found = held(session, by, {record.source_id, record.survivor_id})
    source, survivor = found[record.source_id], found[record.survivor_id]
    session.refresh(record)
    _check_undo(session, record, source, survivor)
    record.undone_at, source.merged_into_id = at, None
    move_back(session, record.id)
    _leave(session, record, survivor)
    _put_back(session, record, source)
    try:
        terms.settle(
            session, source, on=desk.day(at), at=at, event=terms.event_of(source),
            reason=f"parted from case {survivor.number}", by=by,
        )  # fmt: skip
    except Exhausted as error:
        raise CannotUndo(f"the term of case {source.number} was used by others: {error}") from None
    _put_back_reservation(session, record, source)
    done(session, survivor, by, "case.parted", at, parted=source.number)
    return done(session, source, by, "case.unmerged", at, survivor=survivor.number)


def merges_of(session: Session, case: Case) -> list[CaseMerge]:
    """The merges that this case survived and that are not undone, oldest first."""
    statement = select(CaseMerge).where(
        CaseMerge.survivor_id == case.id, CaseMerge.undone_at.is_(None)
    )
    return list(session.scalars(statement.order_by(CaseMerge.at, CaseMerge.id)))


def _named(
    session: Session, survivor_id: UUID, source_ids: Sequence[UUID]
) -> tuple[UUID, list[UUID]]:
    """Where work really goes on, and the sources, each once."""
    ids = list(dict.fromkeys(source_ids))
    if not 0 < len(ids) <= MOST:
        raise CannotMerge(f"name one to {MOST} cases to be merged")
    if survivor_id in ids:
        raise CannotMerge("a case cannot be merged into itself")
    survivor_id = _end_of_chain(session, survivor_id)
    if survivor_id in ids:
        raise CannotMerge("the case you name was merged into that one; they are one already")
    return survivor_id, ids


def _end_of_chain(session: Session, case_id: UUID) -> UUID:
    for _ in range(CHAIN):
        next_id = session.scalar(select(Case.merged_into_id).where(Case.id == case_id))
        if next_id is None:
            return case_id
        case_id = next_id
    raise AssertionError("a survivor is open when it is merged into, so there is no cycle")


def _check(survivor: Case, sources: Collection[Case]) -> None:
    for case in (survivor, *sources):
        # Seen under the lock: whoever was first has merged it meanwhile.
        if case.merged_into_id is not None:
            raise CannotMerge(f"case {case.number} was merged into another already; look again")
        must_be_open(case)
    talks = {case.conversation for case in (survivor, *sources)} - {""}
    if len(talks) > 1:
        raise CannotMerge("these are chats with different visitors; one case answers one visitor")


def _share(session: Session, survivor: Case, source: Case) -> Share:
    own = Activity.case_id == source.id
    taken = entitlements.taken_by(session, source.id)
    covering = entitlements.Entitlement
    name = select(covering.name).where(covering.id == taken.entitlement_id) if taken else None
    return Share(
        source,
        activities=_count(session, select(func.count(Activity.id)).where(own)),
        files=_count(
            session,
            select(func.count(Attachment.id))
            .join(Activity, Activity.id == Attachment.activity_id)
            .where(own),
        ),
        deliveries=_count(
            session,
            select(func.count(Delivery.id)).where(Delivery.case_id == source.id, movable()),
        ),
        related_cases=sum(
            _count(session, select(func.count(Case.id)).where(link == source.id))
            for link in links()
        ),
        participants=tuple(_missing(session, survivor, source)),
        gives_back=(session.scalar(name) or "") if name is not None else "",
    )


def _count(session: Session, statement: Any) -> int:
    return session.scalar(statement) or 0


def _missing(session: Session, survivor: Case, source: Case) -> Sequence[str]:
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
        before=_before(session, source),
        added=list(_missing(session, survivor, source)),
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
        reason=f"merged into case {survivor.number}", by=by,
    )  # fmt: skip
    sla.cancel(session, source)
    done(session, source, by, "case.merged_away", at, survivor=survivor.number)


def _move_all(session: Session, record: CaseMerge) -> None:
    session.flush()
    way = {"source_id": record.source_id, "target_id": record.survivor_id}
    move(session, record.id, Activity.case_id, true(), **way)
    move(session, record.id, Delivery.case_id, movable(), **way)
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


def _latest(session: Session, case_id: UUID) -> CaseMerge:
    record = session.scalar(
        select(CaseMerge)
        .where(CaseMerge.source_id == case_id, CaseMerge.undone_at.is_(None))
        .order_by(CaseMerge.at.desc(), CaseMerge.id.desc())
        .limit(1)
    )
    if record is None:
        raise NotFound("there is no merge of that case to undo")
    return record


def _check_undo(session: Session, record: CaseMerge, source: Case, survivor: Case) -> None:
    if record.undone_at is not None:
        raise CannotUndo(f"case {source.number} was parted already")
    if survivor.merged_into_id is not None:
        raise CannotUndo(f"case {survivor.number} was merged into another since; undo that first")
    if not survivor.open:
        raise CannotUndo(
            f"case {survivor.number} is {survivor.state}, with what was said here; reopen it first"
        )
    if moved := astray(session, record.id):
        numbers = session.scalars(select(Case.number).where(Case.id.in_(moved))).all()
        words = ", ".join(str(number) for number in sorted(numbers))
        raise CannotUndo(f"a message of it was moved on to case {words} since; undo that first")


def _leave(session: Session, record: CaseMerge, survivor: Case) -> None:
    """Take back what the source brought to the survivor, unless another source brings it too."""
    others = [merge for merge in merges_of(session, survivor) if merge.id != record.id]
    for address in record.added:
        heir = next((o for o in others if session.get(Participant, (o.source_id, address))), None)
        if heir is not None:
            heir.added = [*heir.added, address]
            continue
        session.execute(
            delete(Participant).where(
                Participant.case_id == survivor.id, Participant.address == address
            )
        )
    if record.before.get("brought"):
        survivor.conversation = ""


def _put_back(session: Session, record: CaseMerge, source: Case) -> None:
    before = record.before
    kept = before["case"]
    source.state, source.reason = State(kept["state"]), Reason(kept["reason"])
    source.resolved_at = _instant(kept["resolved_at"])
    source.billable = kept["billable"]
    if before["item"]:
        session.get_one(QueueItem, UUID(before["item"])).ended_at = None
    for clock_id, fields in before["clocks"].items():
        clock = session.get_one(KpiInstance, UUID(clock_id))
        clock.state, clock.untold = KpiState(fields["state"]), fields["untold"]
        clock.next_at = _instant(fields["next_at"])
        clock.paused_at = _instant(fields["paused_at"])
    order_at = _instant(kept["order_at"])
    set_deadline(source, _instant(kept["deadline_at"]), missed_at=order_at)
    session.flush()


def _put_back_reservation(session: Session, record: CaseMerge, source: Case) -> None:
    reservation = session.get(Reservation, source.id)
    reserved_at = _instant(record.before["reserved_at"])
    if reservation is not None and reserved_at is not None:
        reservation.at = reserved_at


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value


def _instant(words: str | None) -> datetime | None:
    return datetime.fromisoformat(words) if words else None
