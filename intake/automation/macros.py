"""Macros: a list of actions with a name, that an agent applies to a case by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import String, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from intake import events
from intake.acting import case_of, done
from intake.agents import Act, Principal
from intake.automation import actions, checking
from intake.automation.actions import Action
from intake.automation.doing import Doing, do_all
from intake.automation.triggers import WrongRule
from intake.cases import Case, StaleVersion
from intake.db import Base, Json, new_id
from intake.desk import Desk
from intake.errors import NotFound

LONGEST_NAME = 120


class Macro(Base):
    """What an agent does often, in one act."""

    __tablename__ = "macros"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    name: Mapped[str] = mapped_column(String(LONGEST_NAME), unique=True)
    actions: Mapped[list[dict[str, Any]]] = mapped_column(Json)
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime]
    archived_at: Mapped[datetime | None]
    """Since when it is offered no more."""

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012

    @property
    def does(self) -> tuple[Action, ...]:
        """Its actions, read. Raises WrongRule."""
        return actions.read(self.actions)


def every(session: Session) -> list[Macro]:
    """The macros that are offered, by name."""
    offered = select(Macro).where(Macro.archived_at.is_(None)).order_by(Macro.name)
    return list(session.scalars(offered))


def by_id(session: Session, macro_id: UUID, *, lock: bool = False) -> Macro:
    """That macro. Raises NotFound."""
    found = session.get(Macro, macro_id, with_for_update=lock, populate_existing=lock)
    if found is None:
        raise NotFound("there is no such macro")
    return found


def write(
    session: Session, by: Principal, name: str, does: Sequence[Mapping[str, Any]], *, at: datetime
) -> Macro:
    """A new macro. Raises WrongRule, naming the field."""
    by.must(Act.MANAGE)
    found = Macro(id=new_id(), created_at=at)
    _write(session, found, name, does)
    session.add(found)
    session.flush()
    return _recorded(session, "macro.written", found, by, at)


def rewrite(
    session: Session,
    by: Principal,
    macro_id: UUID,
    name: str,
    does: Sequence[Mapping[str, Any]],
    *,
    at: datetime,
    version: int | None = None,
) -> Macro:
    """Replace what a macro does."""
    by.must(Act.MANAGE)
    found = by_id(session, macro_id, lock=True)
    if version is not None and version != found.version:
        raise StaleVersion(f"“{found.name}” changed since you read it; look again")
    _write(session, found, name, does)
    found.archived_at = None
    session.flush()
    return _recorded(session, "macro.rewritten", found, by, at)


def archive(session: Session, by: Principal, macro_id: UUID, *, at: datetime) -> Macro:
    """Offer a macro no more."""
    by.must(Act.MANAGE)
    found = by_id(session, macro_id, lock=True)
    found.archived_at = at
    session.flush()
    return _recorded(session, "macro.archived", found, by, at)


def apply(
    session: Session,
    by: Principal,
    case_id: UUID,
    macro_id: UUID,
    *,
    desk: Desk,
    at: datetime,
    version: int | None = None,
) -> Case:
    """Do all that the macro says, as acts of the agent; or nothing, and NotDone says why."""
    case = case_of(session, by, case_id, version=version)
    macro = by_id(session, macro_id)
    if macro.archived_at is not None:
        raise NotFound(f"“{macro.name}” is not offered any more")
    doing = Doing(session, by, desk, at, f"macro:{new_id()}")
    did = do_all(doing, case, macro.does)
    return done(session, case, by, "case.macro_applied", at, macro=macro.name, did=did)


def _write(session: Session, macro: Macro, name: str, does: Sequence[Mapping[str, Any]]) -> None:
    name = " ".join(name.split())
    if not 0 < len(name) <= LONGEST_NAME:
        raise WrongRule(f"name: a name of 1 to {LONGEST_NAME} characters")
    same = select(Macro.id).where(func.lower(Macro.name) == name.lower())
    with session.no_autoflush:
        taken = session.scalar(same)
    if taken is not None and taken != macro.id:
        raise WrongRule(f"name: there is a macro “{name}” already")
    read = actions.read(does)
    checking.check(session, read, by_itself=False)
    macro.name, macro.actions = name, [each.as_json() for each in read]


def _recorded(session: Session, kind: str, macro: Macro, by: Principal, at: datetime) -> Macro:
    events.record(session, kind, at=at, actor=by, macro=str(macro.id), name=macro.name)
    return macro
