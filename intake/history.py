"""What changed on a case, field by field: old and new, as the events tell it and nothing else.

A case remembers how it was read. The act that changes it records the difference with its event,
so that no act can forget a field.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, event, inspect, select
from sqlalchemy.orm import Session

from intake.agents import Agent
from intake.cases import Case, OwnReason, StaleVersion
from intake.contracts import Contract
from intake.customers import Account, Contact
from intake.entitlements import Entitlement
from intake.events import Event
from intake.fields import CaseType, topics
from intake.nouns import noun
from intake.products import Product
from intake.queues import Queue
from intake.sla import Sla
from intake.teams import Team

PLAIN = (
    *("subject", "state", "reason", "priority", "severity", "channel"),
    *("billable", "no_decrement", "follow_up_at", "escalated_at"),
    *("snoozed_at", "wakes_at", "children_close"),
)
NAMED: Mapping[str, type[Any]] = {
    "own_reason": OwnReason,
    "type": CaseType,
    "product": Product,
    "contact": Contact,
    "account": Account,
    "owner": Agent,
    "team": Team,
    "queue": Queue,
    "entitlement": Entitlement,
    "sla": Sla,
    "contract": Contract,
    "parent": Case,
}
"""Fields that refer to a record, which history calls by its name of that day."""
REFERENCES = (*NAMED, "topic")
FIELDS = (*PLAIN, *REFERENCES)
FIELD = re.compile(r"[a-z][a-z0-9_]*(\.[a-z0-9_]+)?")
LOOKED_BACK = 100

Changes = dict[str, list[Any]]
"""Of each field that changed, its old value and its new one."""


@dataclass(frozen=True, slots=True)
class Change:
    """One field that somebody changed."""

    field: str
    old: Any
    new: Any
    at: datetime
    who: str
    via: str
    kind: str
    """The act it came with, as events call it."""
    sequence: int


def changes(session: Session, case: Case) -> Changes:
    """How the case differs from when it was read or last recorded, in words; asked once an act."""
    known = inspect(case).info
    was, now = known.get("as_read"), _as_it_is(case)
    known["as_read"] = now
    if was is None:
        return {}
    return {
        field: [_in_words(session, field, was[field]), _in_words(session, field, now[field])]
        for field in FIELDS
        if was[field] != now[field]
    }


def noted(session: Session, case: Case) -> dict[str, Changes]:
    """The `changes` of an event of the case; nothing when nothing changed."""
    differs = changes(session, case)
    return {"changes": differs} if differs else {}


def expect_version(session: Session, case: Case, version: int | None) -> None:
    """Raises StaleVersion, with what differs, when the caller read an older state of the case."""
    if version is not None and version != case.version:
        raise StaleVersion(
            f"{noun} {case.number} changed since you read it (version {case.version}, you had "
            f"{version}); look again before you change it",
            tuple(since(session, case, version)),
        )


def since(session: Session, case: Case, version: int) -> list[Change]:
    """What became of each field after that version: the old value of then, the new one of now."""
    newest = select(Event).where(Event.case_id == case.id).order_by(Event.sequence.desc())
    later: list[Event] = []
    for one in session.scalars(newest.limit(LOOKED_BACK)):
        if one.data.get("version", version + 1) <= version:
            break
        later.append(one)
    found: dict[str, Change] = {}
    for change in told(reversed(later)):
        before = found.pop(change.field, change)
        found[change.field] = Change(
            change.field, before.old, change.new, change.at, change.who, change.via,
            change.kind, change.sequence,
        )  # fmt: skip
    return [change for change in found.values() if change.old != change.new]


def of_case(session: Session, case_id: UUID, *, field: str = "", limit: int = 200) -> list[Change]:
    """Every change of a case, or of one field of it, the newest first."""
    statement = select(Event).where(Event.case_id == case_id).order_by(Event.sequence.desc())
    if field:
        statement = statement.where(touches(field))
    found = told(session.scalars(statement.limit(limit)))
    return [change for change in found if field in ("", change.field)]


def touches(field: str) -> ColumnElement[bool]:
    """Whether an event changed that field. Only for the events of one case: no index helps it."""
    if not FIELD.fullmatch(field):
        return Event.sequence.is_(None)
    written: ColumnElement[str | None] = Event.data[("changes", field)].as_string()
    return written.is_not(None)


def told(events: Iterable[Event]) -> Iterator[Change]:
    """The changes that these events tell of, in their order."""
    for one in events:
        for field, (old, new) in one.data.get("changes", {}).items():
            who = one.actor_name or one.actor_kind
            yield Change(field, old, new, one.at, who, one.via, one.kind, one.sequence)


def _as_it_is(case: Case) -> dict[str, Any]:
    return {
        **{field: getattr(case, field) for field in PLAIN},
        **{field: getattr(case, f"{field}_id") for field in REFERENCES},
    }


def _in_words(session: Session, field: str, value: Any) -> Any:
    match value:
        case UUID() if field == "topic":
            return topics.path_of(session, value)
        case UUID():
            row = session.get(NAMED[field], value)
            return str(getattr(row, "name", None) or getattr(row, "number", value))
        case Enum():
            return value.value
        case datetime():
            return value.isoformat()
    return value


@event.listens_for(Case, "load")
def _loaded(case: Case, _context: object) -> None:
    _remember(case)


@event.listens_for(Case, "refresh")
def _refreshed(case: Case, _context: object, names: Collection[str] | None) -> None:
    known = inspect(case).info
    before = known.get("as_read")
    _remember(case)
    if before is None or names is None:
        return
    # What was written since and is not saved yet was not read again: it is still a change.
    for field in FIELDS:
        if (field if field in PLAIN else f"{field}_id") not in names:
            known["as_read"][field] = before[field]


def _remember(case: Case) -> None:
    # A case of which only some columns were read is not acted on.
    if all(f"{field}_id" in case.__dict__ for field in REFERENCES) and "subject" in case.__dict__:
        inspect(case).info["as_read"] = _as_it_is(case)
