"""What the ids in conditions are called, for people to read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from intake.agents import Agent
from intake.cases import OwnReason
from intake.conditions import Condition
from intake.customers import Account, Contact
from intake.entitlements import Entitlement
from intake.fields import CaseType, Topic
from intake.products import Product
from intake.queues import Queue

NAMED: Mapping[str, Any] = {
    "account": Account,
    "contact": Contact,
    "product": Product,
    "entitlement": Entitlement,
    "queue": Queue,
    "owner": Agent,
    "own_reason": OwnReason,
    "type": CaseType,
    "topic": Topic,
}
"""What the ids of a field are ids of."""


def names_in(session: Session, conditions: Iterable[Condition]) -> dict[str, str]:
    """The name of each id in these conditions; those of which nothing is known are absent."""
    wanted: dict[str, set[UUID]] = {}
    for condition in conditions:
        for each in condition.comparisons():
            if each.field.name in NAMED and each.value is not None:
                values = each.value if isinstance(each.value, tuple) else (each.value,)
                wanted.setdefault(each.field.name, set()).update(_ids(values))
    found: dict[str, str] = {}
    for name, ids in wanted.items():
        table = NAMED[name]
        rows = session.execute(select(table.id, table.name).where(table.id.in_(ids)))
        found |= {str(id): called for id, called in rows}
    return found


def _ids(values: Iterable[str]) -> Iterator[UUID]:
    for value in values:
        try:
            yield UUID(value)
        except ValueError:
            continue  # no id of ours; it is shown as it was written
