"""Whether what rules and macros name is still there, and what it is called."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from intake import wording
from intake.agents import Agent
from intake.automation.actions import ME, WORDS, Action, Do
from intake.automation.triggers import WrongRule
from intake.cases import OwnReason
from intake.db import Base
from intake.endpoints import Endpoint
from intake.fields import CaseType, Topic
from intake.products import Product
from intake.queues import Queue
from intake.teams import Team
from intake.wording import ReplyTemplate

KINDS: Mapping[str, tuple[Any, str]] = MappingProxyType(
    {
        Do.ASSIGN.value: (Agent, "active agent"),
        Do.FOLLOW.value: (Agent, "active agent"),
        Do.TEAM.value: (Team, "team"),
        Do.ROUTE.value: (Queue, "queue in use"),
        Do.REPLY.value: (ReplyTemplate, "reply template"),
        Do.WEBHOOK.value: (Endpoint, "endpoint"),
        "type": (CaseType, "case type"),
        "topic": (Topic, "topic"),
        "product": (Product, "product"),
        "reason": (OwnReason, "status reason of open cases"),
        Do.HOLD.value: (OwnReason, "status reason that puts a case on hold"),
    }
)


def check(
    session: Session, actions: Sequence[Action], *, by_itself: bool, place: str = "actions"
) -> None:
    """Whether each can be done as far as it shows now; `by_itself`: nobody applies them by hand.

    Raises WrongRule, naming the one that cannot.
    """
    if not actions:
        raise WrongRule(f"{place}: say what is to be done")
    for number, action in enumerate(actions):
        _check(session, action, f"{place}[{number}]", by_itself=by_itself)


def names_in(session: Session, actions: Iterable[Action]) -> dict[UUID, str]:
    """What the records that these actions name are called."""
    wanted: dict[Any, set[UUID]] = {}
    for action in actions:
        if action.id is not None:
            wanted.setdefault(KINDS[action.about][0], set()).add(action.id)
    found: dict[UUID, str] = {}
    for table, ids in wanted.items():
        called = table.url if table is Endpoint else table.name
        rows = session.execute(select(table.id, called).where(table.id.in_(ids)))
        found |= dict(rows.all())
    return found


def _check(session: Session, action: Action, place: str, *, by_itself: bool) -> None:
    if by_itself and action.value == ME and action.do in (Do.ASSIGN, Do.FOLLOW):
        raise WrongRule(f"{place}.agent: nobody applies a rule; choose an agent")
    if action.id is None:
        return
    table, called = KINDS[action.about]
    found = session.get(table, action.id)
    if found is None or not _in_use(found) or not _fits(action, found):
        raise WrongRule(f"{place}: there is no such {called}")
    if by_itself and isinstance(found, ReplyTemplate):
        _check_template(found, place)


def _in_use(row: Base) -> bool:
    if isinstance(row, Agent | Endpoint):
        return row.active
    if isinstance(row, OwnReason):
        return row.retired_at is None
    return getattr(row, "archived_at", None) is None


def _fits(action: Action, row: Base) -> bool:
    if isinstance(row, Agent) and action.do is Do.ASSIGN:
        return row.works
    return not isinstance(row, OwnReason) or row.kind_of.value in WORDS[action.about]


def _check_template(template: ReplyTemplate, place: str) -> None:
    for text in template.texts:
        chosen = sorted(wording.used_in(text.text) & wording.FROM_STRANGERS)
        if chosen:
            raise WrongRule(
                f"{place}.template: “{template.name}” holds {{{chosen[0]}}}, which a stranger may "
                "have chosen; what goes out by itself holds no such word"
            )
