"""What customers bought, how much of it is left, and the ledger that says why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import strawberry
from sqlalchemy import select

from graph.api import ledger
from graph.api.agents import Agent
from graph.api.asking import Asking, Info
from graph.api.customers import Account, Contact, Customer
from graph.api.describing import described
from graph.api.ledger import LedgerEntry
from graph.api.limits import FIRST_DEFAULT
from graph.api.loading import Shown, grouped, shared
from graph.api.pages import After, Connection, First, Order
from graph.api.products import Product
from intake import agents, customers, products
from intake import entitlements as rows

if TYPE_CHECKING:
    from graph.api.contracts import ContractLine
from graph.api.entitlement_templates import EntitlementTemplate, Terms

EntitlementState = rows.State
strawberry.enum(
    EntitlementState,
    name="EntitlementState",
    description="Only an active entitlement covers anything.",
)


@strawberry.type(description="How much of an entitlement may come by one channel.")
class ChannelAllotment(Shown):
    id: UUID = strawberry.field(description="The allotment's id.")
    channel: str = strawberry.field(description="The channel: email, phone, web …")
    total: int = strawberry.field(description="What was bought, in cases or minutes.")
    remaining: int = strawberry.field(description="What is left, in cases or minutes.")


@strawberry.type(description="When an entitlement will be used up, by the use of the last weeks.")
class Forecast:
    used_up_on: date | None = strawberry.field(
        description="The day; null when it lasts beyond its end, or too little is known."
    )
    earliest_on: date | None = strawberry.field(description="Where four of five such days begin.")
    latest_on: date | None = strawberry.field(description="Where they end.")
    a_day: float = strawberry.field(description="Cases or minutes used a day.")
    days: int = strawberry.field(description="How many days were looked at.")
    words: str = strawberry.field(description="The forecast in words.")


@strawberry.type(description="What a customer may ask for.")
class Entitlement(Terms):
    id: UUID = strawberry.field(description="The entitlement's id.")
    name: str = strawberry.field(description="What it is called.")
    state: EntitlementState = strawberry.field(description="Where it stands.")
    starts_on: date = strawberry.field(description="Its first day.")
    ends_on: date = strawberry.field(description="Its last day, included.")
    total: int = strawberry.field(description="What was bought, in cases or minutes.")
    remaining: int = strawberry.field(description="What is left, in cases or minutes.")
    reserved: int = strawberry.field(
        description="What open cases hold back of that, in cases or minutes."
    )
    is_default: bool = strawberry.field(description="Whether it is the customer's first choice.")
    description: str = strawberry.field(description="What it is, in words, or empty.")
    email: str = strawberry.field(description="Where renewal notices go, or empty.")
    zone: str = strawberry.field(
        description="The time zone of its days; empty: the organisation's own."
    )
    created_at: datetime = strawberry.field(description="When it was drafted.")
    account_id: strawberry.Private[UUID | None]
    contact_id: strawberry.Private[UUID | None]
    owner_id: strawberry.Private[UUID | None]
    template_id: strawberry.Private[UUID | None]
    renews_id: strawberry.Private[UUID | None]
    renewed_by_id: strawberry.Private[UUID | None]

    @described("What is left in words, as in “3 of 200 cases”.")
    def left(self) -> str:
        words: str = self.row.left(self.remaining)
        return words

    @described("Whose it is.")
    def customer(self, info: Info) -> Customer | None:
        if self.account_id is not None:
            return self.named(info, "account_id", Account, customers.Account)
        return self.named(info, "contact_id", Contact, customers.Contact)

    @described("How much of it may come by which channel.")
    def channels(self, info: Info) -> list[ChannelAllotment]:
        return self.loaded(info, allotments).get(self.id, [])

    @described("The contacts that it is limited to; none means everybody of the customer.")
    def contacts(self, info: Info) -> list[Contact]:
        return self.loaded(info, limited_to_contacts).get(self.id, [])

    @described("The products that it is limited to; none means all.")
    def products(self, info: Info) -> list[Product]:
        return self.loaded(info, limited_to_products).get(self.id, [])

    @described("The agent who answers for it.")
    def owner(self, info: Info) -> Agent | None:
        return self.named(info, "owner_id", Agent, agents.Agent)

    @described("The template it was made from.")
    def template(self, info: Info) -> EntitlementTemplate | None:
        return self.named(info, "template_id", EntitlementTemplate, rows.EntitlementTemplate)

    @described("The one before, that it renews.")
    def renews(self, info: Info) -> Entitlement | None:
        return self.named(info, "renews_id", Entitlement, rows.Entitlement)

    @described("The one after, that renews it.")
    def renewed_by(self, info: Info) -> Entitlement | None:
        return self.named(info, "renewed_by_id", Entitlement, rows.Entitlement)

    @described("The contract line that it counts, if it came from one.")
    def contract_line(
        self, info: Info
    ) -> Annotated[ContractLine, strawberry.lazy("graph.api.contracts")] | None:
        from graph.api.contracts import lines_counted_by

        return next(iter(self.loaded(info, lines_counted_by).get(self.id, ())), None)

    @described("When it will be used up; null while it is not in force.")
    def forecast(self, info: Info) -> Forecast | None:
        return self.loaded(info, forecasts).get(self.id)

    @described("Every change of its balance, the newest first.")
    def ledger(
        self, info: Info, first: First = FIRST_DEFAULT, after: After = None
    ) -> Connection[LedgerEntry]:
        return self.loaded(info, ledger.ledgers, first, after)[self.id]


BY_END = Order("entitlements", rows.Entitlement.ends_on, rows.Entitlement.id)


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


def limited_to_contacts(
    asking: Asking, entitlements: Sequence[Entitlement]
) -> Mapping[UUID, list[Contact]]:
    """The contacts that these are limited to, by name."""
    listed = rows.EntitledContact
    found = asking.session.execute(
        select(customers.Contact, listed.entitlement_id)
        .join(listed, listed.contact_id == customers.Contact.id)
        .where(listed.entitlement_id.in_([one.id for one in entitlements]))
        .order_by(customers.Contact.name, customers.Contact.id)
    )
    return shared(Contact, found)


def limited_to_products(
    asking: Asking, entitlements: Sequence[Entitlement]
) -> Mapping[UUID, list[Product]]:
    """The products that these are limited to, by name."""
    listed = rows.EntitledProduct
    found = asking.session.execute(
        select(products.Product, listed.entitlement_id)
        .join(listed, listed.product_id == products.Product.id)
        .where(listed.entitlement_id.in_([one.id for one in entitlements]))
        .order_by(products.Product.name, products.Product.id)
    )
    return shared(Product, found)


def forecasts(asking: Asking, entitlements: Sequence[Entitlement]) -> Mapping[UUID, Forecast]:
    """When those of these that are in force will be used up."""
    live = [one.row for one in entitlements if one.state is EntitlementState.ACTIVE]
    desk = asking.house.desk
    found = rows.forecasts(asking.session, live, desk, on=desk.day(asking.at)) if live else {}
    return {id: Forecast(**asdict(forecast)) for id, forecast in found.items()}
