"""One change of many cases: who wants it, of which cases, and what became of each."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Index, Select, String, func, insert, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from intake import events, search
from intake.agents import Act, Agent, Principal
from intake.bulk.acts import Bulk, What, WrongBulk, settled, words
from intake.cases import Case
from intake.db import Base, Json, new_id, one_of, partial_index, refers_to
from intake.errors import IntakeError, NotFound
from intake.nouns import noun
from intake.visibility import visible_to

MOST = 2_000


class CannotUndoBulk(IntakeError):
    """There is nothing of it to be taken back; the text says why."""

    code = "cannot-undo"


class OperationState(StrEnum):
    """Where a bulk change stands."""

    RUNNING = "running"
    DONE = "done"
    UNDOING = "undoing"
    UNDONE = "undone"


class ItemState(StrEnum):
    """What became of one case."""

    WAITING = "waiting"
    DONE = "done"
    SKIPPED = "skipped"  # it was so already, or the change was stopped before
    FAILED = "failed"  # a rule refused it; `why` says which
    UNDONE = "undone"
    KEPT = "kept"  # not taken back: it changed since, or a rule refused it


class BulkOperation(Base):
    """A change of many cases that somebody asked for."""

    __tablename__ = "bulk_operations"
    __table_args__ = (Index("ix_bulk_operations_by_agent", "agent_id", "started_at"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    what: Mapped[What] = mapped_column(one_of(What))
    how: Mapped[dict[str, Any]] = mapped_column(Json)
    words: Mapped[str]
    agent_id: Mapped[UUID] = mapped_column(refers_to("agents.id"))
    via: Mapped[str] = mapped_column(String(16))
    state: Mapped[OperationState] = mapped_column(one_of(OperationState))
    total: Mapped[int]
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    agent: Mapped[Agent] = relationship()

    @property
    def bulk(self) -> Bulk:
        """What is done to each case, and how."""
        return Bulk.from_json(self.what, self.how)


class BulkItem(Base):
    """One case of a bulk change. `turn` is its place while a worker is still to look at it."""

    __tablename__ = "bulk_items"
    __table_args__ = (
        partial_index("ix_bulk_items_waiting", "operation_id", "turn", where="turn IS NOT NULL"),
    )

    operation_id: Mapped[UUID] = mapped_column(refers_to("bulk_operations.id"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[UUID] = mapped_column(refers_to("cases.id"), index=True)
    turn: Mapped[int | None]
    state: Mapped[ItemState] = mapped_column(one_of(ItemState))
    why: Mapped[str] = mapped_column(default="")
    before: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    after: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    """What of the case it changes, before and after: who finds it otherwise takes nothing back."""


def start(
    session: Session,
    by: Principal,
    bulk: Bulk,
    wanted: Select[Case],
    *,
    at: datetime,
    expected: int | None = None,
) -> BulkOperation:
    """Let that be done to these cases, which must be selected from those `by` may see; a worker
    does it. Raises WrongBulk for more than 2,000 of them, for none, and for another number of them
    than `expected`: whoever looked at a view decided on what was in it then."""
    by.must(Act.WORK)
    if by.id is None:
        raise IntakeError(f"only an agent changes {noun.many}")
    bulk = settled(session, bulk)
    said = words(session, bulk, at=at)
    cases = cases_of(session, wanted)
    if expected not in (None, len(cases)):
        raise WrongBulk(f"cases: there are {len(cases)} by now, not {expected}; look again")
    operation = BulkOperation(
        id=new_id(),
        what=bulk.what,
        how=bulk.as_json(),
        words=said,
        agent_id=by.id,
        via=by.via,
        state=OperationState.RUNNING,
        total=len(cases),
        started_at=at,
    )
    session.add(operation)
    session.flush()
    rows = [
        {
            "operation_id": operation.id,
            "position": place,
            "case_id": case.id,
            "turn": place,
            "state": ItemState.WAITING,
            "why": "",
            "before": {},
            "after": {},
        }
        for place, case in enumerate(cases, start=1)
    ]
    session.execute(insert(BulkItem), rows)
    _note(session, "bulk.started", operation, by, at)
    return operation


def stop(session: Session, by: Principal, operation_id: UUID, *, at: datetime) -> BulkOperation:
    """Do no more of it; what is done stays done, and can be taken back."""
    operation = _held(session, by, operation_id)
    if operation.state is OperationState.RUNNING:
        waiting = (BulkItem.operation_id == operation.id, BulkItem.turn.is_not(None))
        session.execute(
            update(BulkItem)
            .where(*waiting)
            .values(turn=None, state=ItemState.SKIPPED, why="it was stopped before")
        )
        operation.state, operation.finished_at = OperationState.DONE, at
        _note(session, "bulk.stopped", operation, by, at)
    return operation


def undo(session: Session, by: Principal, operation_id: UUID, *, at: datetime) -> BulkOperation:
    """Take it back for each case that did not change since; a worker does it, and names the others.

    Raises CannotUndoBulk while it runs, and after it was undone.
    """
    operation = _held(session, by, operation_id)
    if operation.state is OperationState.RUNNING:
        raise CannotUndoBulk("it is still running; stop it first")
    if operation.state is not OperationState.DONE:
        raise CannotUndoBulk("it was undone already")
    operation.state, operation.finished_at = OperationState.UNDOING, None
    done = (BulkItem.operation_id == operation.id, BulkItem.state == ItemState.DONE)
    session.execute(update(BulkItem).where(*done).values(turn=BulkItem.position))
    _note(session, "bulk.undo_started", operation, by, at)
    return operation


def operation(session: Session, by: Principal, operation_id: UUID) -> BulkOperation:
    """That bulk change, for who asked for it and for managers. Raises NotFound."""
    found = session.get(BulkOperation, operation_id)
    if found is None or not (found.agent_id == by.id or by.may(Act.MANAGE)):
        raise NotFound("there is no such bulk change")
    return found


def counts(session: Session, operation: BulkOperation) -> dict[ItemState, int]:
    """How many of its cases came to what."""
    rows = session.execute(
        select(BulkItem.state, func.count())
        .where(BulkItem.operation_id == operation.id)
        .group_by(BulkItem.state)
    )
    return {state: count for state, count in rows}  # noqa: C416  typed rows


def items_of(operation: BulkOperation, *states: ItemState) -> Select[BulkItem]:
    """Its cases in their order; those that came to one of these, if any are named."""
    statement = select(BulkItem).where(BulkItem.operation_id == operation.id)
    if states:
        statement = statement.where(BulkItem.state.in_(states))
    return statement.order_by(BulkItem.position)


def cases_of(session: Session, wanted: Select[Case]) -> Sequence[Case]:
    """What was chosen, by number. Raises WrongBulk for none and for too many."""
    cases = session.scalars(wanted.order_by(None).order_by(Case.number).limit(MOST + 1)).all()
    if not cases:
        raise WrongBulk("cases: choose one or more")
    if len(cases) > MOST:
        raise WrongBulk(f"cases: at most {MOST} at once; choose fewer")
    return cases


def _held(session: Session, by: Principal, operation_id: UUID) -> BulkOperation:
    by.must(Act.WORK)
    found = operation(session, by, operation_id)
    session.refresh(found, with_for_update=True)
    return found


def _note(
    session: Session, kind: str, operation: BulkOperation, by: Principal, at: datetime
) -> None:
    events.record(
        session, kind, at=at, actor=by, operation=str(operation.id), words=operation.words,
        total=operation.total,
    )  # fmt: skip


def chosen(by: Principal, numbers: Sequence[int]) -> Select[Case]:
    """The cases of these numbers that `by` may see."""
    return visible_to(by).where(Case.number.in_(numbers))


def found(session: Session, by: Principal, question: str) -> Select[Case]:
    """The cases that a search shows `by` for that question: at most 50."""
    hits = search.search(session, by, question, first=search.MOST)
    return visible_to(by).where(Case.id.in_([hit.case.id for hit in hits]))
