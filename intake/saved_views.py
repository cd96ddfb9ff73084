"""Views that people save: a question in the language of rules, with columns and an order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Select, String, UniqueConstraint, or_, select
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from intake import events, teams
from intake.agents import Act, Agent, NotAllowed, Principal
from intake.cases import Case, StaleVersion
from intake.conditions import BadCondition, Condition
from intake.db import Base, Json, new_id, one_of, refers_to
from intake.errors import IntakeError, NotFound
from intake.facts import CASE_COLUMNS, check_condition, read_condition
from intake.teams import Team
from intake.visibility import visible_to

EVERY_CASE: Mapping[str, Any] = {"all": []}
ME = "me"
"""In a condition on an owner: whoever looks."""


class Column(StrEnum):
    """What a saved view shows of each case."""

    NUMBER = "number"
    SUBJECT = "subject"
    CUSTOMER = "customer"
    STATE = "state"
    REASON = "reason"
    PRIORITY = "priority"
    SEVERITY = "severity"
    TYPE = "type"
    TOPIC = "topic"
    TAGS = "tags"
    PRODUCT = "product"
    CHANNEL = "channel"
    QUEUE = "queue"
    OWNER = "owner"
    TEAM = "team"
    COVERED = "covered"
    DEADLINE = "deadline"
    OPENED = "opened"
    UPDATED = "updated"
    RESOLVED = "resolved"


class ViewOrder(StrEnum):
    """What comes first: the nearest deadline, the newest, what changed last."""

    DEADLINE = "deadline"
    OPENED = "opened"
    UPDATED = "updated"


class Sharing(StrEnum):
    """Who has a saved view in their lists."""

    PRIVATE = "private"
    TEAM = "team"
    EVERYONE = "everyone"


USUAL = (
    Column.NUMBER,
    Column.SUBJECT,
    Column.CUSTOMER,
    Column.QUEUE,
    Column.OWNER,
    Column.DEADLINE,
)


class WrongView(IntakeError):
    """What was given for a view cannot be meant; the text begins with the field."""

    code = "wrong-view"


class SavedView(Base):
    """A view that somebody saved, and whom it is shared with."""

    __tablename__ = "saved_views"
    __table_args__ = (UniqueConstraint("agent_id", "name"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    agent_id: Mapped[UUID] = mapped_column(refers_to("agents.id"))
    name: Mapped[str] = mapped_column(String(80))
    condition: Mapped[dict[str, Any]] = mapped_column(Json)
    columns: Mapped[list[str]]
    order: Mapped[ViewOrder] = mapped_column("ordered_by", one_of(ViewOrder))
    sharing: Mapped[Sharing] = mapped_column(one_of(Sharing))
    team_id: Mapped[UUID | None] = mapped_column(refers_to("teams.id"), index=True)
    created_at: Mapped[datetime]
    version: Mapped[int] = mapped_column(default=1)
    agent: Mapped[Agent] = relationship()
    team: Mapped[Team | None] = relationship()

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012


@dataclass(frozen=True, slots=True)
class ViewTerms:
    """What is said of a saved view."""

    name: str
    condition: Mapping[str, Any] = field(default_factory=lambda: dict(EVERY_CASE))
    columns: Sequence[Column] = USUAL
    order: ViewOrder = ViewOrder.DEADLINE
    sharing: Sharing = Sharing.PRIVATE
    team_id: UUID | None = None


def terms_of(view: SavedView) -> ViewTerms:
    """What is said of a view now, to be changed in part."""
    columns = tuple(Column(name) for name in view.columns)
    return ViewTerms(
        view.name, view.condition, columns, view.order, view.sharing, view.team_id
    )  # fmt: skip


def seen_by(by: Principal) -> Select[SavedView]:
    """The views in the lists of this principal, by name."""
    mine = or_(
        SavedView.agent_id == by.id,
        SavedView.sharing == Sharing.EVERYONE,
        (SavedView.sharing == Sharing.TEAM) & SavedView.team_id.in_(teams.of_agent(by.id)),
    )
    statement = select(SavedView).order_by(SavedView.name, SavedView.id)
    return statement.where(mine if by.may(Act.READ) else SavedView.id.is_(None))


def one(session: Session, by: Principal, view_id: UUID) -> SavedView:
    """That view, if it is in the lists of this principal. Raises NotFound."""
    view = session.scalar(seen_by(by).where(SavedView.id == view_id))
    if view is None:
        raise NotFound("there is no such view")
    return view


def cases(by: Principal, view: SavedView | ViewTerms, *, at: datetime) -> Select[Case]:
    """The cases of a view that this principal may see at that instant."""
    return visible_to(by).where(_asked(view.condition, by).as_sql(CASE_COLUMNS, at=at))


def save(
    session: Session,
    by: Principal,
    terms: ViewTerms,
    *,
    at: datetime,
    view_id: UUID | None = None,
    version: int | None = None,
) -> SavedView:
    """Save a new view, or change one of mine; a manager may change any. Raises WrongView."""
    by.must(Act.WORK)
    if by.id is None or session.get(Agent, by.id) is None:
        raise NotAllowed("only an agent saves views")
    view = _held(session, by, view_id, version) if view_id else None
    owner_id = view.agent_id if view else by.id
    _check(session, by, terms, owner_id, view.id if view else None, at)
    if view is None:
        view = SavedView(id=new_id(), agent_id=owner_id, created_at=at)
        session.add(view)
    view.name, view.condition = terms.name.strip(), dict(terms.condition)
    view.columns, view.order = [column.value for column in terms.columns], terms.order
    view.sharing = terms.sharing
    view.team_id = terms.team_id if terms.sharing is Sharing.TEAM else None
    session.flush()
    if view.sharing is not Sharing.PRIVATE:
        events.record(
            session, "view.shared", at=at, actor=by, view=str(view.id), name=view.name,
            sharing=view.sharing.value,
        )  # fmt: skip
    return view


def remove(session: Session, by: Principal, view_id: UUID, *, version: int | None = None) -> None:
    """Take a view of mine out of all lists; a manager may any."""
    session.delete(_held(session, by, view_id, version))
    session.flush()


def _held(session: Session, by: Principal, view_id: UUID, version: int | None) -> SavedView:
    by.must(Act.WORK)
    view = session.scalar(seen_by(by).where(SavedView.id == view_id).with_for_update(of=SavedView))
    if view is None:
        raise NotFound("there is no such view")
    if view.agent_id != by.id:
        by.must(Act.MANAGE)
    if version is not None and version != view.version:
        raise StaleVersion(
            f"view {view.name} changed since you read it (version {view.version}, you had "
            f"{version}); look again before you change it"
        )
    return view


def _check(
    session: Session,
    by: Principal,
    terms: ViewTerms,
    owner_id: UUID,
    view_id: UUID | None,
    at: datetime,
) -> None:
    name = terms.name.strip()
    if not 0 < len(name) <= 80:
        raise WrongView("name: a view needs a name of at most 80 characters")
    mine = select(SavedView.id).where(SavedView.agent_id == owner_id, SavedView.name == name)
    if session.scalar(mine.where(SavedView.id != view_id) if view_id else mine):
        raise WrongView(f"name: there is a view {name} already")
    if not 0 < len(set(terms.columns)) == len(terms.columns):
        raise WrongView("columns: a view shows something, and each thing once")
    try:
        check_condition(session, terms.condition)
        _asked(terms.condition, by).as_sql(CASE_COLUMNS, at=at)
    except BadCondition as error:
        raise WrongView(f"condition: {error}") from None
    if terms.sharing is Sharing.EVERYONE and not by.may(Act.MANAGE):
        raise WrongView("sharing: a manager shares views with everyone; share it with your team")
    if terms.sharing is Sharing.TEAM:
        if terms.team_id is None or session.get(Team, terms.team_id) is None:
            raise WrongView("team: say with which team it is shared")
        if not by.may(Act.MANAGE) and not teams.is_in(session, owner_id, terms.team_id):
            raise WrongView("team: you are not in that team")


def _asked(condition: Mapping[str, Any], by: Principal) -> Condition:
    """The condition as that principal asks it: an owner who is "me" is them."""
    return read_condition(_for(dict(condition), str(by.id)))


def _for(form: Any, me: str) -> Any:
    match form:
        case {"field": "owner", "value": value, **more}:
            said = (
                [me if each == ME else each for each in value]
                if isinstance(value, list)
                else (me if value == ME else value)
            )
            return {"field": "owner", "value": said, **more}
        case dict():
            return {name: _for(part, me) for name, part in form.items()}
        case list():
            return [_for(part, me) for part in form]
    return form
