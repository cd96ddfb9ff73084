"""What is to be seen to on a case: written down, ticked off, struck."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from intake import checklists
from intake.acting import case_of, done
from intake.agents import Principal
from intake.cases import Case
from intake.checklists import ChecklistItem
from intake.fields import WrongField
from intake.nouns import noun


def add_items(
    session: Session,
    by: Principal,
    case_id: UUID,
    texts: Sequence[str],
    *,
    at: datetime,
    version: int | None = None,
) -> Case:
    """Write down what else is to be seen to."""
    case = case_of(session, by, case_id, version=version)
    added = checklists.put_on(session, case, texts)
    items = [item.text for item in added]
    return done(session, case, by, "case.items_added", at, items=items)


def use_checklist(
    session: Session,
    by: Principal,
    case_id: UUID,
    checklist_id: UUID,
    *,
    at: datetime,
    version: int | None = None,
) -> Case:
    """Put a list that was written beforehand on a case."""
    case = case_of(session, by, case_id, version=version)
    checklist = checklists.usable(session, case, checklist_id)
    checklists.put_on(session, case, checklist.items, checklist)
    return done(session, case, by, "case.items_added", at, items=checklist.items)


def tick_item(
    session: Session,
    by: Principal,
    case_id: UUID,
    item_id: UUID,
    on: bool = True,
    *,
    at: datetime,
    version: int | None = None,
) -> Case:
    """Tick an item off, or say that it is to be seen to after all."""
    case = case_of(session, by, case_id, version=version)
    item = _one(session, case, item_id)
    if (item.done_at is not None) is on:
        return case
    item.done_at, item.done_by_id = (at, by.id) if on else (None, None)
    kind = "case.item_ticked" if on else "case.item_unticked"
    return done(session, case, by, kind, at, item=item.text)


def strike_item(
    session: Session,
    by: Principal,
    case_id: UUID,
    item_id: UUID,
    *,
    at: datetime,
    version: int | None = None,
) -> Case:
    """Take an item off the list: it need not be seen to."""
    case = case_of(session, by, case_id, version=version)
    item = _one(session, case, item_id)
    session.delete(item)
    return done(session, case, by, "case.item_struck", at, item=item.text)


def _one(session: Session, case: Case, item_id: UUID) -> ChecklistItem:
    item = session.get(ChecklistItem, item_id)
    if item is None or item.case_id != case.id:
        raise WrongField(f"item: there is no such item on the checklist of this {noun}")
    return item
