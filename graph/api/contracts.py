"""What was agreed with customers: contracts with their lines and terms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import strawberry
from sqlalchemy import exists, func, select
from sqlalchemy.orm import aliased, selectinload

from graph.api.activities import Activity, about_contracts
from graph.api.agents import Agent
from graph.api.asking import Asking, Info
from graph.api.contract_templates import Allotment, ContractTemplate, Discount, Frequency
from graph.api.customers import Account, Contact, Customer
from graph.api.describing import described
from graph.api.entitlements import Entitlement
from graph.api.limits import FIRST_DEFAULT
from graph.api.loading import Shown, grouped, together
from graph.api.pages import After, Connection, First, Order, pages
from graph.api.products import Product
from graph.api.slas import ServiceCalendar, Sla
from intake import agents, cases, customers, entitlements, products, sla
from intake import contracts as rows
from intake.visibility import visible_to

if TYPE_CHECKING:
    from graph.api.cases import Case

ContractState = rows.State
strawberry.enum(
    ContractState, name="ContractState", description="Only an active contract covers anything."
)
LineState = rows.LineState
strawberry.enum(LineState, name="ContractLineState", description="Where a line stands.")
Overage = rows.Overage
strawberry.enum(
    Overage, name="Overage", description="What becomes of what is used beyond what a line had left."
)


@strawberry.type(description="One thing that was bought by a contract.")
class ContractLine(Shown):
    id: UUID = strawberry.field(description="The line's id.")
    position: int = strawberry.field(description="Its place among the lines.")
    title: str = strawberry.field(description="What was bought.")
    state: LineState = strawberry.field(description="Where it stands.")
    starts_on: date = strawberry.field(description="Its first day.")
    ends_on: date = strawberry.field(description="Its last day, included.")
    quantity: int = strawberry.field(description="How many of it were bought, for the price each.")
    total: int = strawberry.field(
        description="The whole allotment, in cases or minutes; 0 where only the dates count."
    )
    price: Decimal = strawberry.field(description="What one costs before discount.")
    discount: Decimal = strawberry.field(
        description="In per cent or in money, as the contract's `discountMode` says."
    )
    overage_rate: Decimal | None = strawberry.field(
        description="What an hour beyond it costs; null: as work without a contract."
    )
    contract_id: strawberry.Private[UUID]
    product_id: strawberry.Private[UUID | None]
    entitlement_id: strawberry.Private[UUID | None]

    @described("The contract it belongs to.")
    def contract(self, info: Info) -> Contract:
        return self.loaded(info, contracts_of_lines)[self.contract_id]

    @described("The product it covers; null: any.")
    def product(self, info: Info) -> Product | None:
        return self.named(info, "product_id", Product, products.Product)

    @described("What counts it, from the day it became active.")
    def entitlement(self, info: Info) -> Entitlement | None:
        return self.named(info, "entitlement_id", Entitlement, entitlements.Entitlement)

    @described("What it costs after discount.")
    def net(self, info: Info) -> Decimal:
        net: Decimal = self.contract(info).row.net(self.row)
        return net

    @described("What one case or one hour of it costs; null where only the dates count.")
    def rate(self, info: Info) -> Decimal | None:
        rate: Decimal | None = self.contract(info).row.rate(self.row)
        return rate

    @described("What is left of it, in cases or minutes; null until it is active.")
    def remaining(self, info: Info) -> int | None:
        counted = self.entitlement(info)
        return counted.remaining if counted else None

    @described("What was used of it, in cases or minutes; null until it is active.")
    def used(self, info: Info) -> int | None:
        counted = self.entitlement(info)
        return counted.total - counted.remaining if counted else None

    @described("What was used beyond it and is to be billed, in cases or minutes.")
    def overage(self, info: Info) -> int:
        return self.loaded(info, overages).get(self.entitlement_id, 0)


@strawberry.type(description="A span of a contract that is invoiced at once.")
class InvoicePeriod:
    starts_on: date = strawberry.field(description="Its first day.")
    ends_on: date = strawberry.field(description="Its last day, included.")
    amount: Decimal = strawberry.field(description="What is invoiced for it.")


@strawberry.type(description="What a customer and we agreed on, for one term.")
class Contract(Shown):
    id: UUID = strawberry.field(description="The contract's id.")
    number: str = strawberry.field(description="The customer's word for it, kept by renewals.")
    term: int = strawberry.field(description="1, and one more with each renewal.")
    name: str = strawberry.field(description="What it is called.")
    state: ContractState = strawberry.field(description="Where it stands.")
    starts_on: date = strawberry.field(description="Its first day.")
    ends_on: date = strawberry.field(description="Its last day, included.")
    cancels_on: date | None = strawberry.field(
        description="The first day without cover, when it was or will be cancelled."
    )
    bill_to: str = strawberry.field(description="The address of its invoices.")
    billing_starts_on: date = strawberry.field(description="The first day that is billed.")
    billing_ends_on: date = strawberry.field(description="The last day that is billed.")
    billing_frequency: Frequency = strawberry.field(description="How often is billed.")
    allotment: Allotment = strawberry.field(description="What its lines count.")
    discount_mode: Discount = strawberry.field(description="What the discounts of its lines are.")
    overage: Overage = strawberry.field(
        description="What becomes of what is used beyond what a line had left."
    )
    currency: str = strawberry.field(description="The currency of its amounts (ISO 4217).")
    external_id: str | None = strawberry.field(description="Its id in another system.")
    email: str = strawberry.field(description="Where renewal notices go, or empty.")
    renewal_days: list[int] = strawberry.field(
        description="The customer is reminded so many days before its end; < 0 is after it."
    )
    draft_renewal_days: int | None = strawberry.field(
        description="The clock drafts the next term so many days before the end; null: never."
    )
    created_at: datetime = strawberry.field(description="When it was drafted.")
    owner_id: strawberry.Private[UUID | None]
    version: int = strawberry.field(description="Goes up with each change: `expectedVersion`.")
    account_id: strawberry.Private[UUID | None]
    contact_id: strawberry.Private[UUID | None]
    template_id: strawberry.Private[UUID | None]
    calendar_id: strawberry.Private[UUID | None]
    sla_id: strawberry.Private[UUID | None]
    renews_id: strawberry.Private[UUID | None]

    @described("What all lines that were not cancelled cost after discount.")
    def total(self) -> Decimal:
        total: Decimal = self.row.total
        return total

    @described("When it is invoiced, and with how much: together its total.")
    def invoice_periods(self) -> list[InvoicePeriod]:
        return [
            InvoicePeriod(starts_on=each.starts_on, ends_on=each.ends_on, amount=each.amount)
            for each in rows.invoice_periods(self.row)
        ]

    @described("What was bought by it, in order.")
    def lines(self, info: Info) -> list[ContractLine]:
        return self.loaded(info, lines_of).get(self.id, [])

    @described("Whom it is with.")
    def customer(self, info: Info) -> Customer | None:
        if self.account_id is not None:
            return self.named(info, "account_id", Account, customers.Account)
        return self.named(info, "contact_id", Contact, customers.Contact)

    @described("The template it was made from.")
    def template(self, info: Info) -> ContractTemplate | None:
        return self.named(info, "template_id", ContractTemplate, rows.ContractTemplate)

    @described("The hours it covers; null: around the clock.")
    def calendar(self, info: Info) -> ServiceCalendar | None:
        return self.named(info, "calendar_id", ServiceCalendar, sla.ServiceCalendar)

    @described("The agent who answers for it.")
    def owner(self, info: Info) -> Agent | None:
        return self.named(info, "owner_id", Agent, agents.Agent)

    @described("The service level that its entitlements carry.")
    def sla(self, info: Info) -> Sla | None:
        return self.named(info, "sla_id", Sla, sla.Sla)

    @described("The term before this one.")
    def renews(self, info: Info) -> Contract | None:
        return self.loaded(info, terms_before).get(self.renews_id)

    @described("The term after this one, once it was renewed.")
    def renewal(self, info: Info) -> Contract | None:
        return next(iter(self.loaded(info, terms_after).get(self.id, ())), None)

    @described("What was planned and done about it, the newest first.")
    def activities(
        self, info: Info, first: First = FIRST_DEFAULT, after: After = None
    ) -> Connection[Activity]:
        return self.loaded(info, about_contracts, first, after)[self.id]

    @described("The cases logged against it that you may see, the newest first.")
    def cases(
        self, info: Info, first: First = FIRST_DEFAULT, after: After = None
    ) -> Connection[Annotated[Case, strawberry.lazy("graph.api.cases")]]:
        return self.loaded(info, logged, first, after)[self.id]


# Their sums need their lines, so that they always come with them.
WITH_LINES = select(rows.Contract).options(selectinload(rows.Contract.lines))
BY_END = Order("contracts", rows.Contract.ends_on, rows.Contract.id)


def contracts_by_id(asking: Asking, ids: set[UUID | None]) -> Mapping[UUID | None, Contract]:
    """The contracts of these ids, with their lines."""
    if not ids - {None}:
        return {}
    found = asking.session.scalars(WITH_LINES.where(rows.Contract.id.in_(ids - {None})))
    return {contract.id: contract for contract in together(Contract, found)}


def lines_of(_asking: Asking, contracts: Sequence[Contract]) -> Mapping[UUID, list[ContractLine]]:
    """The lines of these contracts, which came with them."""
    lines = [line for contract in contracts for line in contract.row.lines]
    return grouped(ContractLine, lines, lambda row: row.contract_id)


def contracts_of_lines(
    asking: Asking, lines: Sequence[ContractLine]
) -> Mapping[UUID | None, Contract]:
    """The contracts of these lines."""
    return contracts_by_id(asking, {line.contract_id for line in lines})


def lines_counted_by(
    asking: Asking, counting: Sequence[Entitlement]
) -> Mapping[UUID, list[ContractLine]]:
    """The line that each of these entitlements counts, where it came from one."""
    ids = [entitlement.id for entitlement in counting]
    found = asking.session.scalars(
        select(rows.ContractLine).where(rows.ContractLine.entitlement_id.in_(ids))
    )
    return grouped(ContractLine, found, lambda row: row.entitlement_id)


def overages(asking: Asking, lines: Sequence[ContractLine]) -> Mapping[UUID | None, int]:
    """What the ledgers of these lines say was used beyond them, and was not given back."""
    entry, credit = entitlements.LedgerEntry, aliased(entitlements.LedgerEntry)
    totals = asking.session.execute(
        select(entry.entitlement_id, func.sum(entry.overage))
        .where(entry.entitlement_id.in_([line.entitlement_id for line in lines]))
        .where(~exists().where(credit.reverses_id == entry.id))
        .group_by(entry.entitlement_id)
    )
    return {entitlement_id: int(units) for entitlement_id, units in totals}


def terms_before(asking: Asking, contracts: Sequence[Contract]) -> Mapping[UUID | None, Contract]:
    """The contracts that these renew."""
    return contracts_by_id(asking, {contract.renews_id for contract in contracts})


def terms_after(asking: Asking, contracts: Sequence[Contract]) -> Mapping[UUID, list[Contract]]:
    """The contracts that renew these: one each, or none."""
    ids = [contract.id for contract in contracts]
    found = asking.session.scalars(WITH_LINES.where(rows.Contract.renews_id.in_(ids)))
    return grouped(Contract, found, lambda row: row.renews_id)


def logged(
    asking: Asking, contracts: Sequence[Contract], first: int, after: str | None
) -> Mapping[UUID, Connection[Case]]:
    """A page of the cases logged against each of these, as far as who asks may see them."""
    from graph.api.caselists import OPENED
    from graph.api.cases import Case

    visible = visible_to(asking.principal)
    return pages(
        asking, visible, OPENED, Case, contracts, cases.Case.contract_id, first=first, after=after
    )


def agreed_with(asking: Asking, owners: Sequence[Customer]) -> Mapping[UUID, list[Contract]]:
    """The contracts with these customers themselves, the one that ends soonest first."""
    ids = [owner.id for owner in owners]
    theirs = rows.Contract.account_id.in_(ids) | rows.Contract.contact_id.in_(ids)
    found = asking.session.scalars(WITH_LINES.where(theirs).order_by(*BY_END.by()))
    return grouped(Contract, found, lambda row: row.account_id or row.contact_id)
