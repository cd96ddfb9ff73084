"""Doing it: a few cases at a time, each as one act of who asked, each on its own.

What was done is written in the transaction that does it, so after a crash it goes on where it
was. A case that a rule refuses keeps the others from nothing.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from intake import events
from intake.agents import Principal
from intake.bulk.acts import Bulk
from intake.bulk.doing import Doing
from intake.bulk.kinds import KINDS, Kind
from intake.bulk.operations import BulkItem, BulkOperation, ItemState, OperationState
from intake.desk import Desk
from intake.errors import IntakeError
from intake.visibility import one_visible

AT_ONCE = 25


def due(_desk: Desk, _at: datetime) -> Select[Any]:
    """The cases that wait for their turn, found by index."""
    return select(BulkItem.case_id).where(BulkItem.turn.is_not(None))


def move(session: Session, desk: Desk, *, at: datetime, limit: int) -> int:
    """Look at the next cases of one bulk change; how many there were."""
    waiting = select(BulkItem.operation_id).where(BulkItem.turn.is_not(None))
    operation = session.scalar(
        select(BulkOperation)
        .where(BulkOperation.id.in_(waiting))
        .order_by(BulkOperation.started_at, BulkOperation.id)
        .limit(1)
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    )
    if operation is None:
        return 0
    mine = select(BulkItem).where(BulkItem.operation_id == operation.id, BulkItem.turn.is_not(None))
    items = session.scalars(mine.order_by(BulkItem.turn).limit(limit)).all()
    doing = Doing(session, _principal(operation), desk, at)
    kind, bulk = KINDS[operation.what], operation.bulk
    for item in items:
        if operation.state is OperationState.UNDOING:
            _take_back(doing, kind, bulk, item)
        else:
            _do(doing, kind, bulk, item)
        item.turn = None
    session.flush()
    if session.scalar(mine.limit(1)) is None:
        _finish(session, operation, doing.by, at)
    return len(items)


def _principal(operation: BulkOperation) -> Principal:
    """Who asked, with the rights that they have now."""
    by = operation.agent.principal(operation.via)
    return by if operation.agent.active else Principal(by.kind, by.id, by.name, via=by.via)


def _do(doing: Doing, kind: Kind, bulk: Bulk, item: BulkItem) -> None:
    try:
        # What an act did before its rule was broken is undone; the other cases are not.
        with doing.session.begin_nested():
            case = one_visible(doing.session, doing.by, item.case_id, lock=True)
            before = kind.touches(doing, case, bulk)
            if case.open and kind.already(doing, case, bulk):
                item.state, item.why = ItemState.SKIPPED, "it was so already"
                return
            if kind.keeps is not None:
                before |= kind.keeps(doing, case, bulk)
            kind.do(doing, case, bulk)
            after = kind.touches(doing, case, bulk)
            item.state, item.before, item.after = ItemState.DONE, before, after
    except IntakeError as error:
        item.state, item.why = ItemState.FAILED, str(error)


def _take_back(doing: Doing, kind: Kind, bulk: Bulk, item: BulkItem) -> None:
    try:
        with doing.session.begin_nested():
            case = one_visible(doing.session, doing.by, item.case_id, lock=True)
            if kind.touches(doing, case, bulk) != item.after:
                item.state, item.why = ItemState.KEPT, "it changed since"
                return
            kind.take_back(doing, case, item.before)
            item.state = ItemState.UNDONE
    except IntakeError as error:
        item.state, item.why = ItemState.KEPT, str(error)


def _finish(session: Session, operation: BulkOperation, by: Principal, at: datetime) -> None:
    undoing = operation.state is OperationState.UNDOING
    operation.state = OperationState.UNDONE if undoing else OperationState.DONE
    operation.finished_at = at
    events.record(
        session, "bulk.undone" if undoing else "bulk.done", at=at, actor=by,
        operation=str(operation.id), words=operation.words, total=operation.total,
    )  # fmt: skip
