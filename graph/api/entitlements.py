"""What customers bought, how much of it is left, and the ledger that says why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import strawberry
from sqlalchemy import or_, select

from graph.api import ledger
from graph.api.agents import Agent
from graph.api.asking import Asking, Info
from graph.api.customers import Account, Contact, Customer
from graph.api.describing import described
from graph.api.ledger import LedgerEntry
from graph.api.limits import FIRST_DEFAULT
from graph.api.loading import S, Shown, by_id, grouped, together
from graph.api.pages import After, Connection, First, Order, page
from graph.api.products import Product
from graph.api.slas import ServiceCalendar, Sla
from intake import agents, customers, products, renewals, sla
from intake import entitlements as rows

if TYPE_CHECKING:
    from graph.api.contracts import ContractLine

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
Overdraw = rows.Overdraw
strawberry.enum(
    Overdraw,
    name="Overdraw",
    description="What becomes of what a resolved case used beyond what was left.",
)
Unlisted = rows.Unlisted
strawberry.enum(
    Unlisted,
    name="UnlistedChannels",
    description="What a channel may do that has no allotment of its own.",
)


@strawberry.type(description="How much of an entitlement may come by one channel.")
class ChannelAllotment(Shown):
    id: UUID = strawberry.field(description="The allotment's id.")
    channel: str = strawberry.field(description="The channel: email, phone, web …")
    total: int = strawberry.field(description="What was bought, in cases or minutes.")
    remaining: int = strawberry.field(description="What is left, in cases or minutes.")


@strawberry.type(description="How much a template gives by one channel.")
class ChannelShare:
    channel: str = strawberry.field(description="The channel: email, phone, web …")
    total: int = strawberry.field(description="How much, in cases or minutes.")


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
    reserved: int = strawberry.field(
        description="What open cases hold back of that, in cases or minutes."
    )
    is_default: bool = strawberry.field(description="Whether it is the customer's first choice.")
    description: str = strawberry.field(description="What it is, in words, or empty.")
    email: str = strawberry.field(description="Where renewal notices go, or empty.")
    overdraw: Overdraw = strawberry.field(
        description="What becomes of what a resolved case used beyond what was left."
    )
    unlisted: Unlisted = strawberry.field(
        description="What a channel may do that has no allotment of its own."
    )
    reserve: int = strawberry.field(
        description="What an open case holds back where terms are taken on resolution."
    )
    period_months: int | None = strawberry.field(
        description="Its terms come anew so often; null: once."
    )
    carry_over: int = strawberry.field(description="So much that is unused may move on.")
    carry_over_days: int | None = strawberry.field(
        description="What moved on expires after so many days; null: never."
    )
    thresholds: list[int] = strawberry.field(
        description="It runs low when so many percent, or less, are left."
    )
    renewal_days: list[int] = strawberry.field(
        description="The customer is reminded so many days before its end; < 0 is after it."
    )
    draft_renewal: bool = strawberry.field(
        description="Whether the clock drafts its renewal once it runs low or ends."
    )
    zone: str = strawberry.field(
        description="The time zone of its days; empty: the organisation's own."
    )
    created_at: datetime = strawberry.field(description="When it was drafted.")
    calendar_id: strawberry.Private[UUID | None]
    account_id: strawberry.Private[UUID | None]
    contact_id: strawberry.Private[UUID | None]
    owner_id: strawberry.Private[UUID | None]
    sla_id: strawberry.Private[UUID | None]
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

    @described("The SLA of the cases that it covers.")
    def sla(self, info: Info) -> Sla | None:
        return self.named(info, "sla_id", Sla, sla.Sla)

    @described("The hours in which it is served: the clocks of what it covers count in them.")
    def calendar(self, info: Info) -> ServiceCalendar | None:
        return self.named(info, "calendar_id", ServiceCalendar, sla.ServiceCalendar)

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


@strawberry.type(description="Terms to start an entitlement from, without customer and dates.")
class EntitlementTemplate(Shown):
    id: UUID = strawberry.field(description="The template's id.")
    name: str = strawberry.field(description="What it is called.")
    allocation: Allocation = strawberry.field(description="What a term is.")
    decrease_on: DecreaseOn = strawberry.field(description="When a term is taken.")
    restricted: bool = strawberry.field(description="Whether used up means no.")
    unlisted: Unlisted = strawberry.field(
        description="What a channel may do that has no allotment of its own."
    )
    total: int = strawberry.field(description="How much it gives, in cases or minutes.")
    lasts_months: int = strawberry.field(description="How long it lasts.")
    overdraw: Overdraw = strawberry.field(
        description="What becomes of what a resolved case used beyond what was left."
    )
    reserve: int = strawberry.field(
        description="What an open case holds back where terms are taken on resolution."
    )
    carry_over: int = strawberry.field(description="So much that is unused may move on.")
    carry_over_days: int | None = strawberry.field(
        description="What moved on expires after so many days; null: never."
    )
    thresholds: list[int] = strawberry.field(
        description="It runs low when so many percent, or less, are left."
    )
    renewal_days: list[int] = strawberry.field(
        description="The customer is reminded so many days before its end; < 0 is after it."
    )
    draft_renewal: bool = strawberry.field(
        description="Whether the clock drafts its renewal once it runs low or ends."
    )
    calendar_id: strawberry.Private[UUID | None]
    period_months: int | None = strawberry.field(
        description="Its terms come anew so often; null: once."
    )
    sla_id: strawberry.Private[UUID | None]

    @described("How much of it may come by which channel.")
    def channels(self) -> list[ChannelShare]:
        totals: dict[str, int] = self.row.channels
        return [ChannelShare(channel=name, total=total) for name, total in sorted(totals.items())]

    @described("The hours in which it is served.")
    def calendar(self, info: Info) -> ServiceCalendar | None:
        return self.named(info, "calendar_id", ServiceCalendar, sla.ServiceCalendar)

    @described("The SLA of the cases that it covers.")
    def sla(self, info: Info) -> Sla | None:
        return self.named(info, "sla_id", Sla, sla.Sla)


BY_END = Order("entitlements", rows.Entitlement.ends_on, rows.Entitlement.id)


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

    @described("What entitlements are made from, by name.")
    def entitlement_templates(self, info: Info) -> list[EntitlementTemplate]:
        statement = select(rows.EntitlementTemplate).order_by(rows.EntitlementTemplate.name)
        return together(EntitlementTemplate, info.context.session.scalars(statement))


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
    return _listed(Contact, found)


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
    return _listed(Product, found)


def _listed(kind: type[S], pairs: Iterable[Any]) -> dict[UUID, list[S]]:
    """Siblings of what several may list: the same row may stand in more than one list."""
    found = list(pairs)
    groups: dict[UUID, list[S]] = {}
    shown = together(kind, (row for row, _owner in found))
    for (_row, owner), one in zip(found, shown, strict=True):
        groups.setdefault(owner, []).append(one)
    return groups


def forecasts(asking: Asking, entitlements: Sequence[Entitlement]) -> Mapping[UUID, Forecast]:
    """When those of these that are in force will be used up."""
    live = [one.row for one in entitlements if one.state is EntitlementState.ACTIVE]
    desk = asking.house.desk
    found = rows.forecasts(asking.session, live, desk, on=desk.day(asking.at)) if live else {}
    return {id: Forecast(**asdict(forecast)) for id, forecast in found.items()}


def at_a_threshold(asking: Asking, held: Sequence[Customer]) -> Mapping[UUID, list[Entitlement]]:
    """What these customers hold themselves that runs low, by customer."""
    of = [(None, one.id) if isinstance(one, Account) else (one.id, None) for one in held]
    found = renewals.running_low(asking.session, of)
    return grouped(Entitlement, found, lambda row: row.account_id or row.contact_id)


def bought_by(asking: Asking, held: Sequence[Customer]) -> Mapping[UUID, list[Entitlement]]:
    """What these customers hold themselves, by customer."""
    ids = [customer.id for customer in held]
    found = asking.session.scalars(
        select(rows.Entitlement)
        .where(or_(rows.Entitlement.account_id.in_(ids), rows.Entitlement.contact_id.in_(ids)))
        .order_by(rows.Entitlement.ends_on, rows.Entitlement.id)
    )
    return grouped(Entitlement, found, lambda row: row.account_id or row.contact_id)
