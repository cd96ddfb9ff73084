"""What a change of many cases would do, told before anything is done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select
from sqlalchemy.orm import Session

from intake.agents import Act, Principal
from intake.bulk.acts import Bulk, settled, words
from intake.bulk.doing import Doing
from intake.bulk.kinds import KINDS, Kind
from intake.bulk.operations import cases_of
from intake.cases import Case
from intake.desk import Desk

EXAMINED = 200
"""Of so many open cases it is asked what stands in the way, where that takes the database."""


@dataclass(frozen=True, slots=True)
class Would:
    """One case that would be changed: what it is now, and what it becomes if that is its own."""

    case: Case
    now: str
    becomes: str


@dataclass(frozen=True, slots=True)
class Refused:
    """One case that would be left as it is, and why."""

    case: Case
    why: str


@dataclass(frozen=True, slots=True)
class Preview:
    """What a bulk change would do, and nothing of it done."""

    words: str
    total: int
    ready: int
    already: int
    closed: int
    refused: int
    """Open cases that a rule refuses it of, as far as they were examined."""
    examined: int
    """How many of the open cases were; a rule may refuse more of the others."""
    changes: Sequence[Would]
    """The first of those that it would change."""
    refusals: Sequence[Refused]
    """The first of those that are refused, closed ones too."""

    @property
    def cases(self) -> Sequence[Case]:
        """The first of those that it would change."""
        return [would.case for would in self.changes]


def preview(
    session: Session,
    by: Principal,
    bulk: Bulk,
    wanted: Select[Case],
    *,
    desk: Desk,
    at: datetime,
    first: int = 20,
) -> Preview:
    """What it would do. Raises WrongBulk like `start`."""
    by.must(Act.WORK)
    bulk = settled(session, bulk)
    said = words(session, bulk, at=at)
    cases, kind, doing = cases_of(session, wanted), KINDS[bulk.what], Doing(session, by, desk, at)
    opened = [case for case in cases if case.open]
    examined = opened[:EXAMINED] if kind.costly else opened
    already = {case.id for case in examined if kind.already(doing, case, bulk)}
    asked = [case for case in examined if case.id not in already]
    refused = {case.id: why for case in asked if (why := kind.why_not(doing, case, bulk))}
    ready = [case for case in opened if case.id not in already and case.id not in refused]
    left = [case for case in cases if not case.open or case.id in refused]
    return Preview(
        words=said,
        total=len(cases),
        ready=len(ready),
        already=len(already),
        closed=len(cases) - len(opened),
        refused=len(refused),
        examined=len(examined),
        changes=[_would(doing, kind, case, bulk) for case in ready[:first]],
        refusals=[Refused(case, kind.why_not(doing, case, bulk)) for case in left[:first]],
    )


def _would(doing: Doing, kind: Kind, case: Case, bulk: Bulk) -> Would:
    becomes = kind.becomes(doing, case, bulk) if kind.becomes is not None else ""
    return Would(case, kind.now(doing, case, bulk), becomes)
