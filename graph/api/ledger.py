"""The ledger of terms: every change of a balance, with the case that it was for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import strawberry
from sqlalchemy import select

from graph.api.agents import Agent
from graph.api.asking import Asking, Info
from graph.api.describing import described
from graph.api.loading import Shown, grouped
from graph.api.pages import Connection, Order, pages
from intake import agents
from intake import entitlements as rows

if TYPE_CHECKING:
    from graph.api.cases import Case

EntryKind = rows.EntryKind
strawberry.enum(EntryKind, name="LedgerEntryKind", description="Why a balance changed.")


@strawberry.type(description="One change of a balance; never changed itself.")
class LedgerEntry(Shown):
    id: UUID = strawberry.field(description="The entry's id.")
    kind: EntryKind = strawberry.field(description="A grant, a debit, a credit …")
    amount: int = strawberry.field(description="By how much, in cases or minutes; debits are < 0.")
    channel: str = strawberry.field(description="The channel whose allotment changed, or empty.")
    channel_amount: int = strawberry.field(
        description="By how much that channel's own balance changed."
    )
    overage: int = strawberry.field(
        description="What was used that nothing was left for: work to bill."
    )
    period_on: date | None = strawberry.field(
        description="The first day of the period it belongs to, where terms come by periods."
    )
    reverses_id: UUID | None = strawberry.field(description="The debit that this credit reverses.")
    reason: str = strawberry.field(description="Why, in words.")
    at: datetime = strawberry.field(description="When.")
    case_id: strawberry.Private[UUID | None]
    actor_id: strawberry.Private[UUID | None]

    @described("The case it was for, if you may see it.")
    def case(self, info: Info) -> Annotated[Case, strawberry.lazy("graph.api.cases")] | None:
        from graph.api.cases import visible_cases

        return self.loaded(info, visible_cases).get(self.case_id)

    @described("The agent whose act it was; null for the desk itself and for customers.")
    def agent(self, info: Info) -> Agent | None:
        return self.named(info, "actor_id", Agent, agents.Agent)


NEWEST = Order("ledger", rows.LedgerEntry.at, rows.LedgerEntry.id, descending=True)


def ledgers(
    asking: Asking, entitlements: Sequence[Shown], first: int, after: str | None
) -> Mapping[UUID, Connection[LedgerEntry]]:
    """A page of the ledger of each of these entitlements, the newest first."""
    return pages(
        asking, select(rows.LedgerEntry), NEWEST, LedgerEntry,
        entitlements, rows.LedgerEntry.entitlement_id, first=first, after=after,
    )  # fmt: skip


def of_cases(asking: Asking, cases: Sequence[Shown]) -> Mapping[UUID, list[LedgerEntry]]:
    """What these cases took and gave back, of whichever entitlement, the oldest first."""
    found = asking.session.scalars(
        select(rows.LedgerEntry)
        .where(rows.LedgerEntry.case_id.in_([case.id for case in cases]))
        .order_by(rows.LedgerEntry.at, rows.LedgerEntry.id)
    )
    return grouped(LedgerEntry, found, lambda row: row.case_id)
