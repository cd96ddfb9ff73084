"""Types of cases: question, problem, request, incident … as this desk sorts them."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import String, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from intake import events
from intake.agents import Act, Principal
from intake.db import Base, new_id
from intake.errors import NotFound
from intake.fields.naming import name_of
from intake.nouns import noun

LONGEST = 60


class CaseType(Base):
    """What sort of request a case is."""

    __tablename__ = "case_types"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    name: Mapped[str] = mapped_column(String(LONGEST), unique=True)
    position: Mapped[int]
    archived_at: Mapped[datetime | None]
    """Since when no case is given it any more."""


def types(session: Session, *, archived: bool = False) -> list[CaseType]:
    """The types in their order; with `archived`, also those no longer given."""
    statement = select(CaseType).order_by(CaseType.position, CaseType.name)
    if not archived:
        statement = statement.where(CaseType.archived_at.is_(None))
    return list(session.scalars(statement))


def add_type(session: Session, by: Principal, name: str, *, at: datetime) -> CaseType:
    """A new type, the last in the order."""
    by.must(Act.ADMINISTER)
    every = types(session, archived=True)
    name = name_of(name, (other.name for other in every), longest=LONGEST)
    last = max((other.position for other in every), default=0)
    made = CaseType(id=new_id(), name=name, position=last + 1)
    session.add(made)
    session.flush()
    events.record(session, "case-type.added", at=at, actor=by, type=str(made.id), name=name)
    return made


def rename_type(
    session: Session, by: Principal, type_id: UUID, name: str, *, at: datetime
) -> CaseType:
    """Call a type otherwise; cases of it are called so too."""
    by.must(Act.ADMINISTER)
    found = _one(session, type_id)
    others = (other.name for other in types(session, archived=True) if other.id != type_id)
    was, found.name = found.name, name_of(name, others, longest=LONGEST)
    session.flush()
    events.record(
        session, "case-type.renamed", at=at, actor=by, type=str(type_id), name=found.name, was=was
    )
    return found


def archive_type(
    session: Session, by: Principal, type_id: UUID, archived: bool = True, *, at: datetime
) -> CaseType:
    """Give a type to no more cases, or again; cases that have it keep it."""
    by.must(Act.ADMINISTER)
    found = _one(session, type_id)
    found.archived_at = at if archived else None
    session.flush()
    kind = "case-type.archived" if archived else "case-type.restored"
    events.record(session, kind, at=at, actor=by, type=str(type_id), name=found.name)
    return found


def _one(session: Session, type_id: UUID) -> CaseType:
    found = session.get(CaseType, type_id, with_for_update=True)
    if found is None:
        raise NotFound(f"there is no such type of {noun}")
    return found
