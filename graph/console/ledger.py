"""A balance unfolded: each entry of the ledger in words, with what was left after it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import func, select

from graph.console.balances import signed
from graph.console.visit import Visit
from intake.agents import Agent
from intake.cases import Case
from intake.entitlements import Entitlement, EntryKind, LedgerEntry
from intake.visibility import visible_to

WORDS = {
    EntryKind.GRANT: "Granted",
    EntryKind.DEBIT: "Taken",
    EntryKind.CREDIT: "Given back",
    EntryKind.CARRY_OVER: "Carried over",
    EntryKind.EXPIRY: "Expired",
    EntryKind.CORRECTION: "Corrected",
    EntryKind.OVERRIDE: "Taken, a manager allowed it",
}


@dataclass(frozen=True, slots=True)
class Line:
    """One entry. `amount` changes the whole, `own` the balance of `channel`."""

    entry: LedgerEntry
    words: str
    amount: str
    own: str
    left: str
    case: Case | None
    """The case it is about, for those who may see it."""
    hidden: bool
    who: str


@dataclass(frozen=True, slots=True)
class Unfolded:
    """The latest entries of an entitlement, newest first; `cut` when there are older ones."""

    lines: tuple[Line, ...] = ()
    cut: bool = False


def unfold(
    visit: Visit, entitlements: Sequence[Entitlement], *, at_most: int
) -> dict[UUID, Unfolded]:
    """The ledgers of these entitlements; three statements, however many there are."""
    entries = _latest(visit, [entitlement.id for entitlement in entitlements], at_most + 1)
    every = [entry for found in entries.values() for entry in found]
    cases = _cases(visit, {entry.case_id for entry in every if entry.case_id})
    people = _people(visit, {entry.actor_id for entry in every if entry.actor_id})
    return {
        entitlement.id: Unfolded(
            tuple(_lines(entitlement, entries[entitlement.id][:at_most], cases, people)),
            len(entries[entitlement.id]) > at_most,
        )
        for entitlement in entitlements
    }


def _lines(
    entitlement: Entitlement,
    newest_first: Iterable[LedgerEntry],
    cases: dict[UUID, Case],
    people: dict[UUID, str],
) -> Iterable[Line]:
    left = entitlement.remaining
    for entry in newest_first:
        case = cases.get(entry.case_id) if entry.case_id else None
        yield Line(
            entry,
            WORDS[entry.kind],
            signed(entitlement, entry.amount),
            signed(entitlement, entry.channel_amount),
            entitlement.number(left),
            case,
            entry.case_id is not None and case is None,
            people.get(entry.actor_id, "") if entry.actor_id else "",
        )
        left -= entry.amount


def _latest(visit: Visit, ids: Sequence[UUID], at_most: int) -> dict[UUID, list[LedgerEntry]]:
    turn = func.row_number().over(
        partition_by=LedgerEntry.entitlement_id,
        order_by=(LedgerEntry.at.desc(), LedgerEntry.id.desc()),
    )
    numbered = (
        select(LedgerEntry.id, turn.label("turn"))
        .where(LedgerEntry.entitlement_id.in_(ids))
        .subquery()
    )
    found: dict[UUID, list[LedgerEntry]] = {id: [] for id in ids}
    statement = (
        select(LedgerEntry)
        .join(numbered, numbered.c.id == LedgerEntry.id)
        .where(numbered.c.turn <= at_most)
        .order_by(LedgerEntry.at.desc(), LedgerEntry.id.desc())
    )
    for entry in visit.session.scalars(statement) if ids else ():
        found[entry.entitlement_id].append(entry)
    return found


def _cases(visit: Visit, ids: set[UUID]) -> dict[UUID, Case]:
    if not ids:
        return {}
    found = visit.session.scalars(visible_to(visit.by).where(Case.id.in_(ids)))
    return {case.id: case for case in found}


def _people(visit: Visit, ids: set[UUID]) -> dict[UUID, str]:
    if not ids:
        return {}
    rows = visit.session.execute(select(Agent.id, Agent.name).where(Agent.id.in_(ids)))
    return {row.id: row.name for row in rows}
