"""Checklists: what is to be seen to on a case, item by item, and lists written beforehand.

A list written for a type of case is put on each case that becomes of that type, once.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, String, exists, func, or_, select
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from intake import events
from intake.agents import Act, Agent, Principal
from intake.cases import Case
from intake.db import Base, new_id, refers_to
from intake.errors import NotFound
from intake.fields import CaseType, WrongField
from intake.fields.naming import name_of
from intake.nouns import noun

LONGEST = 300
MOST_ITEMS = 100


class Checklist(Base):
    """A list written beforehand, for cases of one type or to be chosen for any."""

    __tablename__ = "checklists"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    name: Mapped[str] = mapped_column(String(80))
    type_id: Mapped[UUID | None] = mapped_column(refers_to("case_types.id"), index=True)
    items: Mapped[list[str]]
    archived_at: Mapped[datetime | None]


class ChecklistItem(Base):
    """One thing to be seen to on one case."""

    __tablename__ = "checklist_items"
    __table_args__ = (Index("ix_checklist_items_by_case", "case_id", "position"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    case_id: Mapped[UUID] = mapped_column(refers_to("cases.id"))
    checklist_id: Mapped[UUID | None] = mapped_column(refers_to("checklists.id"), index=True)
    """The list that it came with; None where somebody wrote it for this case alone."""
    position: Mapped[int]
    text: Mapped[str] = mapped_column(String(LONGEST))
    done_at: Mapped[datetime | None]
    done_by_id: Mapped[UUID | None] = mapped_column(refers_to("agents.id"))
    done_by: Mapped[Agent | None] = relationship(lazy="joined")


def of_case(session: Session, case_id: UUID) -> list[ChecklistItem]:
    """What is to be seen to on a case, in order."""
    mine = select(ChecklistItem).where(ChecklistItem.case_id == case_id)
    return list(session.scalars(mine.order_by(ChecklistItem.position, ChecklistItem.id)))


def checklists(session: Session, *, archived: bool = False) -> list[Checklist]:
    """The lists written beforehand, by name."""
    statement = select(Checklist).order_by(Checklist.name, Checklist.id)
    if not archived:
        statement = statement.where(Checklist.archived_at.is_(None))
    return list(session.scalars(statement))


def put_on(
    session: Session, case: Case, texts: Sequence[str], checklist: Checklist | None = None
) -> list[ChecklistItem]:
    """Add items below those of the case. Raises WrongField for one that is empty or too many."""
    held = (ChecklistItem.case_id == case.id,)
    count, last = session.execute(
        select(func.count(), func.coalesce(func.max(ChecklistItem.position), 0)).where(*held)
    ).one()
    words = items_in(texts)
    if count + len(words) > MOST_ITEMS:
        raise WrongField(f"items: {noun.a} has {MOST_ITEMS} at most")
    added = [
        ChecklistItem(
            id=new_id(), case_id=case.id, text=text, position=last + place,
            checklist_id=checklist.id if checklist else None,
        )
        for place, text in enumerate(words, start=1)
    ]  # fmt: skip
    session.add_all(added)
    return added


def begin(session: Session, case: Case) -> list[str]:
    """Put the lists of the case's type on it, those that it does not have; their names."""
    has = exists().where(
        ChecklistItem.case_id == case.id, ChecklistItem.checklist_id == Checklist.id
    )
    mine = select(Checklist).where(
        Checklist.type_id == case.type_id, Checklist.archived_at.is_(None), ~has
    )
    if case.type_id is None:
        return []
    found = session.scalars(mine.order_by(Checklist.name)).all()
    for checklist in found:
        put_on(session, case, checklist.items, checklist)
    return [checklist.name for checklist in found]


def usable(session: Session, case: Case, checklist_id: UUID) -> Checklist:
    """A list that may be put on the case by hand. Raises WrongField."""
    found = session.scalar(
        select(Checklist)
        .where(Checklist.id == checklist_id, Checklist.archived_at.is_(None))
        .where(or_(Checklist.type_id.is_(None), Checklist.type_id == case.type_id))
    )
    if found is None:
        raise WrongField(f"checklist: there is no such list for {noun.many} of this type")
    return found


def write_checklist(
    session: Session,
    by: Principal,
    *,
    name: str,
    items: Sequence[str],
    at: datetime,
    type_id: UUID | None = None,
    checklist_id: UUID | None = None,
) -> Checklist:
    """Write a list, or write one anew; what cases have of it stays. Raises WrongField."""
    by.must(Act.ADMINISTER)
    made = _one(session, checklist_id) if checklist_id else Checklist(id=new_id())
    others = (each.name for each in checklists(session) if each.id != made.id)
    if type_id is not None and session.get(CaseType, type_id) is None:
        raise WrongField(f"type: there is no such type of {noun}")
    made.name, made.type_id = name_of(name, others, longest=80), type_id
    made.items = items_in(items)
    session.add(made)
    session.flush()
    events.record(session, "checklist.written", at=at, actor=by, name=made.name)
    return made


def archive_checklist(
    session: Session, by: Principal, checklist_id: UUID, archived: bool = True, *, at: datetime
) -> Checklist:
    """Put a list on no more cases, or again."""
    by.must(Act.ADMINISTER)
    found = _one(session, checklist_id)
    found.archived_at = at if archived else None
    kind = "checklist.archived" if archived else "checklist.restored"
    events.record(session, kind, at=at, actor=by, name=found.name)
    return found


def items_in(texts: Sequence[str]) -> list[str]:
    """The items, each on one line. Raises WrongField."""
    items = [" ".join(text.split()) for text in texts if text.strip()]
    if not 0 < len(items) <= MOST_ITEMS:
        raise WrongField(f"items: write 1 to {MOST_ITEMS}")
    if any(len(item) > LONGEST for item in items):
        raise WrongField(f"items: at most {LONGEST} characters each")
    return items


def _one(session: Session, checklist_id: UUID) -> Checklist:
    found = session.get(Checklist, checklist_id, with_for_update=True)
    if found is None:
        raise NotFound("there is no such checklist")
    return found
