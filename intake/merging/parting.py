"""A merge that was a mistake: the source is parted from its survivor, and is as it was before."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from intake import followers, queues, sla, terms
from intake.acting import done
from intake.agents import Act, Principal
from intake.cases import PLANS, Case, OwnReason, Reason, State, set_deadline
from intake.desk import Desk
from intake.entitlements import Exhausted, Reservation
from intake.followers import Follower
from intake.history import expect_version
from intake.merging.cases import CaseMerge, merges_of
from intake.merging.moves import CannotUndo, astray, held, hold_deliveries, move_back
from intake.nouns import noun
from intake.queues import QueueItem
from intake.sla import KpiInstance, KpiState
from intake.threads import Participant


def unmerge(
    session: Session,
    by: Principal,
    case_id: UUID,
    *,
    desk: Desk,
    at: datetime,
    version: int | None = None,
) -> Case:
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
    expect_version(session, source, version)
    _check_undo(session, record, source, survivor)
    record.undone_at, source.merged_into_id = at, None
    move_back(session, record.id)
    _check_family(session, source, survivor)
    _leave(session, record, survivor)
    _put_back(session, record, source, at)
    try:
        terms.settle(
            session, source, on=desk.day(at), at=at, event=terms.event_of(source),
            reason=f"parted from {noun} {survivor.number}", by=by,
        )  # fmt: skip
    except Exhausted as error:
        raise CannotUndo(
            f"the term of {noun} {source.number} was used by others: {error}"
        ) from None
    _put_back_reservation(session, record, source)
    sla.judge_answers(session, survivor)
    done(session, survivor, by, "case.parted", at, parted=source.number)
    return done(session, source, by, "case.unmerged", at, survivor=survivor.number)


def _latest(session: Session, case_id: UUID) -> CaseMerge:
    record = session.scalar(
        select(CaseMerge)
        .where(CaseMerge.source_id == case_id, CaseMerge.undone_at.is_(None))
        .order_by(CaseMerge.at.desc(), CaseMerge.id.desc())
        .limit(1)
    )
    if record is None:
        raise CannotUndo(f"there is no merge of that {noun} to undo")
    return record


def _check_undo(session: Session, record: CaseMerge, source: Case, survivor: Case) -> None:
    if record.undone_at is not None:
        raise CannotUndo(f"{noun} {source.number} was parted already")
    if survivor.merged_into_id is not None:
        raise CannotUndo(f"{noun} {survivor.number} was merged into another since; undo that first")
    if not survivor.open:
        raise CannotUndo(
            f"{noun} {survivor.number} is {survivor.state}, with what was said here; "
            "reopen it first"
        )
    if moved := astray(session, record.id):
        numbers = session.scalars(select(Case.number).where(Case.id.in_(moved))).all()
        words = ", ".join(str(number) for number in sorted(numbers))
        raise CannotUndo(f"a message of it was moved on to {noun} {words} since; undo that first")


def _check_family(session: Session, source: Case, survivor: Case) -> None:
    """The survivor is a child of the source again: it must not have got children meanwhile."""
    children = select(Case.id).where(Case.parent_id == survivor.id)
    if survivor.parent_id is not None and session.scalar(children.limit(1)) is not None:
        raise CannotUndo(
            f"{noun} {survivor.number} was a child of {noun} {source.number} and has children now; "
            "unlink those first"
        )


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
    for agent_id in (UUID(each) for each in record.before["followers"]):
        heir = next((o for o in others if session.get(Follower, (o.source_id, agent_id))), None)
        if heir is not None:
            theirs = [*heir.before["followers"], str(agent_id)]
            heir.before = {**heir.before, "followers": theirs}
        else:
            followers.remove(session, survivor, agent_id)
    if record.before.get("brought"):
        survivor.conversation = ""


def _put_back(session: Session, record: CaseMerge, source: Case, at: datetime) -> None:
    before = record.before
    kept = before["case"]
    source.state, own = State(kept["state"]), kept["own_reason_id"]
    source.stand(session.get_one(OwnReason, UUID(own)) if own else Reason(kept["reason"]))
    source.resolved_at = _instant(kept["resolved_at"])
    source.billable = kept["billable"]
    for name in PLANS:
        setattr(source, name, _instant(kept[name]))
    item = session.get_one(QueueItem, UUID(before["item"])) if before["item"] else None
    queues.go_on(session, source, item, at=at)
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


def _instant(words: str | None) -> datetime | None:
    return datetime.fromisoformat(words) if words else None
