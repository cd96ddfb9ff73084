"""What customers bought, how much of it is left, and the ledger that says why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import strawberry
from sqlalchemy import or_, select

from graph.api.asking import Asking, Info
from graph.api.customers import Account, Contact, Customer
from graph.api.describing import described
from graph.api.limits import FIRST_DEFAULT
from graph.api.loading import Shown, by_id, grouped
from graph.api.pages import After, Connection, First, Order, page, pages
from intake import customers
from intake import entitlements as rows

if TYPE_CHECKING:
    from graph.api.cases import Case

EntitlementState = rows.State
strawberry.enum(
    EntitlementState,
    name="EntitlementState",
    description="Only an active entitlement covers anything.",
)
Allocation = rows.Allocation
strawberry.enum(Allocation, name="Allocation", description="What a term is: a case, or an hour.")
DecreaseOn = rows.DecreaseOn
strawberry.enum(DecreaseOn, name="DecreaseOn", description="When a term is taken.")
EntryKind = rows.EntryKind
strawberry.enum(EntryKind, name="LedgerEntryKind", description="Why a balance changed.")


@strawberry.type(description="How much of an entitlement may come by one channel.")
class ChannelAllotment(Shown):
    id: UUID = strawberry.field(description="The allotment's id.")
    channel: str = strawberry.field(description="The channel: email, phone, web …")
    total: int = strawberry.field(description="What was bought, in cases or minutes.")
    remaining: int = strawberry.field(description="What is left, in cases or minutes.")


@strawberry.type(description="One change of a balance.")
class LedgerEntry(Shown):
    id: UUID = strawberry.field(description="The entry's id.")
    kind: EntryKind = strawberry.field(description="A grant, a debit, or a credit.")
    amount: int = strawberry.field(description="By how much, in cases or minutes; debits are < 0.")
    channel: str = strawberry.field(description="The channel whose allotment changed, or empty.")
    reason: str = strawberry.field(description="Why, in words.")
    at: datetime = strawberry.field(description="When.")
    case_id: strawberry.Private[UUID | None]

    @described("The case it was for, if you may see it.")
    def case(self, info: Info) -> Annotated[Case, strawberry.lazy("graph.api.cases")] | None:
        from graph.api.cases import visible_cases

        return self.loaded(info, visible_cases).get(self.case_id)


@strawberry.type(description="What a customer may ask for.")
class Entitlement(Shown):
    id: UUID = strawberry.field(description="The entitlement's id.")
    name: str = strawberry.field(description="What it is called.")
    state: EntitlementState = strawberry.field(description="Where it stands.")
    starts_on: date = strawberry.field(description="Its first day.")
    ends_on: date = strawberry.field(description="Its last day, included.")
    allocation: Allocation = strawberry.field(description="What a term is.")
    decrease_on: DecreaseOn = strawberry.field(description="When a term is taken.")
    restricted: bool = strawberry.field(description="Whether used up means no.")
    total: int = strawberry.field(description="What was bought, in cases or minutes.")
    remaining: int = strawberry.field(description="What is left, in cases or minutes.")
    is_default: bool = strawberry.field(description="Whether it is the customer's first choice.")
    account_id: strawberry.Private[UUID | None]
    contact_id: strawberry.Private[UUID | None]

    @described("What is left in words, as in “3 of 200 cases”.")
    def left(self) -> str:
        words: str = self.row.left(self.remaining)
        return words

    @described("Whose it is.")
    def customer(self, info: Info) -> Customer | None:
        if self.account_id is not None:
            return self.loaded(info, accounts).get(self.account_id)
        return self.loaded(info, contacts).get(self.contact_id)

    @described("How much of it may come by which channel.")
    def channels(self, info: Info) -> list[ChannelAllotment]:
        return self.loaded(info, allotments).get(self.id, [])

    @described("Every change of its balance, the newest first.")
    def ledger(
        self, info: Info, first: First = FIRST_DEFAULT, after: After = None
    ) -> Connection[LedgerEntry]:
        return self.loaded(info, ledgers, first, after)[self.id]


BY_END = Order("entitlements", rows.Entitlement.ends_on, rows.Entitlement.id)
NEWEST_ENTRY = Order("ledger", rows.LedgerEntry.at, rows.LedgerEntry.id, descending=True)


@strawberry.type
class EntitlementQueries:
    @described("What was bought, the one that ends soonest first.")
    def entitlements(
        self,
        info: Info,
        account: UUID | None = None,
        contact: UUID | None = None,
        state: EntitlementState | None = None,
        first: First = FIRST_DEFAULT,
        after: After = None,
    ) -> Connection[Entitlement]:
        statement = select(rows.Entitlement)
        if account is not None:
            statement = statement.where(rows.Entitlement.account_id == account)
        if contact is not None:
            statement = statement.where(rows.Entitlement.contact_id == contact)
        if state is not None:
            statement = statement.where(rows.Entitlement.state == state)
        return page(info.context, statement, BY_END, Entitlement, first=first, after=after)

    @described("The entitlement of that id, or null.")
    def entitlement(self, info: Info, id: UUID) -> Entitlement | None:
        return by_id(info.context, Entitlement, rows.Entitlement, [id]).get(id)


def accounts(asking: Asking, entitlements: Sequence[Entitlement]) -> Mapping[UUID | None, Account]:
    """The accounts that hold these, by the account's id."""
    return by_id(asking, Account, customers.Account, (one.account_id for one in entitlements))


def contacts(asking: Asking, entitlements: Sequence[Entitlement]) -> Mapping[UUID | None, Contact]:
    """The contacts that hold these, by the contact's id."""
    return by_id(asking, Contact, customers.Contact, (one.contact_id for one in entitlements))


def allotments(
    asking: Asking, entitlements: Sequence[Entitlement]
) -> Mapping[UUID, list[ChannelAllotment]]:
    """The channels of these."""
    found = asking.session.scalars(
        select(rows.ChannelAllotment)
        .where(rows.ChannelAllotment.entitlement_id.in_([one.id for one in entitlements]))
        .order_by(rows.ChannelAllotment.entitlement_id, rows.ChannelAllotment.channel)
    )
    return grouped(ChannelAllotment, found, lambda row: row.entitlement_id)


def ledgers(
    asking: Asking, entitlements: Sequence[Entitlement], first: int, after: str | None
) -> Mapping[UUID, Connection[LedgerEntry]]:
    """A page of the ledger of each."""
    return pages(
        asking, select(rows.LedgerEntry), NEWEST_ENTRY, LedgerEntry,
        entitlements, rows.LedgerEntry.entitlement_id, first=first, after=after,
    )  # fmt: skip


def bought_by(asking: Asking, held: Sequence[Customer]) -> Mapping[UUID, list[Entitlement]]:
    """What these customers hold themselves, by customer."""
    ids = [customer.id for customer in held]
    found = asking.session.scalars(
        select(rows.Entitlement)
        .where(or_(rows.Entitlement.account_id.in_(ids), rows.Entitlement.contact_id.in_(ids)))
        .order_by(rows.Entitlement.ends_on, rows.Entitlement.id)
    )
    return grouped(Entitlement, found, lambda row: row.account_id or row.contact_id)
