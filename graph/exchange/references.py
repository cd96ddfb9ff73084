"""What rows of contracts and entitlements refer to by a word: an SLA, hours, who answers for it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from graph.exchange.columns import Column, Problem, WrongCell, joined, several, whole
from intake import sla
from intake.agents import Agent
from intake.sla import Sla, SlaState


def numbers(cell: str) -> list[int]:
    """Several whole numbers, parted by |."""
    return [whole(part) for part in several(cell)]


def whole_or_none(cell: str) -> int:
    """A whole number above zero; an empty cell says that there is none."""
    found = whole(cell)
    if found < 1:
        raise WrongCell(f"{cell!r} is not above zero; leave it empty for none")
    return found


COLUMNS = (
    Column("sla"),
    Column("hours"),
    Column("owner"),
    Column("email"),
    Column("renewal_days", numbers, default=()),
)
"""An SLA's and a calendar's name, an agent's mail address; whom to remind, and when."""


class References:
    """The SLAs, calendars and agents of a desk, by the words that name them and by their ids."""

    def __init__(self, session: Session) -> None:
        active = select(Sla).where(Sla.state == SlaState.ACTIVE)
        every: dict[str, list[tuple[UUID, str]]] = {
            "sla": [(each.id, each.name) for each in session.scalars(active)],
            "hours": [(each.id, each.name) for each in sla.calendars(session)],
            "owner": [(each.id, each.email) for each in session.scalars(select(Agent))],
        }
        self._ids = {
            column: {word.lower(): id for id, word in pairs} for column, pairs in every.items()
        }
        self._words = {column: dict(pairs) for column, pairs in every.items()}

    def of(self, row: Any) -> dict[str, Any] | Problem:
        """The fields of a row that refer to something, or what is wrong."""
        found: dict[str, Any] = {
            "email": row["email"],
            "renewal_days": list(row["renewal_days"]),
        }
        for column, field in (("sla", "sla_id"), ("hours", "calendar_id"), ("owner", "owner_id")):
            word = row[column]
            if word and word.lower() not in self._ids[column]:
                return Problem(row.number, column, f"there is none called {word!r}")
            found[field] = self._ids[column][word.lower()] if word else None
        return found

    def cells(self, record: Any) -> dict[str, str]:
        """The same of a contract or an entitlement, as an export writes it."""
        return {
            "sla": self._words["sla"].get(record.sla_id, ""),
            "hours": self._words["hours"].get(record.calendar_id, ""),
            "owner": self._words["owner"].get(record.owner_id, ""),
            "email": record.email,
            "renewal_days": joined(str(days) for days in record.renewal_days),
        }
