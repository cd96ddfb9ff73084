"""What is billed: the time of cases, what it costs, and the requests that accounting gets."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import strawberry
from sqlalchemy import select
from sqlalchemy.orm import Session

from graph.api.agents import Agent
from graph.api.asking import Asking, Info
from graph.api.customers import Account, Contact, Customer
from graph.api.describing import described
from graph.api.limits import FIRST_DEFAULT
from graph.api.loading import Shown, by_id, grouped, together
from graph.api.pages import After, Connection, First, Order, page
from graph.api.problems import AnyProblem, problem
from intake import agents, charge, customers
from intake import billing as rows
from intake.agents import Act, Principal
from intake.errors import IntakeError

if TYPE_CHECKING:
    from graph.api.cases import Case

InvoiceState = rows.State
strawberry.enum(InvoiceState, name="InvoiceState", description="Where an invoice request stands.")
InvoiceKind = rows.Kind
strawberry.enum(InvoiceKind, name="InvoiceKind", description="Why a case is billed.")


@strawberry.type(description="What the time of one activity was spent on.")
class TimeEntry(Shown):
    id: UUID = strawberry.field(description="The entry's id.")
    service: str = strawberry.field(description="The service it was, or empty.")
    billable: bool = strawberry.field(description="Whether it is to be billed.")
    at: datetime = strawberry.field(description="When it was worked.")
    agent_id: strawberry.Private[UUID | None]
    request_id: strawberry.Private[UUID | None]

    @described("How many minutes it took.")
    def minutes(self) -> int:
        minutes: int = self.row.activity.duration_minutes
        return minutes

    @described("Whose time it was.")
    def agent(self, info: Info) -> Agent | None:
        return self.loaded(info, workers).get(self.agent_id)

    @described("Whether an invoice request bills it; then it is not changed any more.")
    def locked(self) -> bool:
        return self.request_id is not None


@strawberry.type(description="One line of a request: time at a rate, or a price for the case.")
class InvoiceLine(Shown):
    id: UUID = strawberry.field(description="The line's id.")
    position: int = strawberry.field(description="Its place among the lines.")
    text: str = strawberry.field(description="What is billed.")
    worked_units: int = strawberry.field(description="What was used, in minutes or cases.")
    minutes: int = strawberry.field(description="The minutes billed of it, rounded.")
    rate: Decimal | None = strawberry.field(
        description="Per hour, or for the case; null where nobody set one."
    )
    amount: Decimal = strawberry.field(description="What it costs.")


@strawberry.type(description="What one resolution of a case is to be invoiced for.")
class InvoiceRequest(Shown):
    id: UUID = strawberry.field(description="The request's id.")
    number: int = strawberry.field(description="Its number.")
    case_number: int = strawberry.field(description="The number of its case.")
    kind: InvoiceKind = strawberry.field(description="Why it is billed.")
    state: InvoiceState = strawberry.field(description="Where it stands.")
    text: str = strawberry.field(description="What was done, for the invoice.")
    currency: str = strawberry.field(description="The currency of its amounts (ISO 4217).")
    amount: Decimal = strawberry.field(description="What it costs in all.")
    problem: str = strawberry.field(description="Why it cannot be handed over yet, or empty.")
    batch: int | None = strawberry.field(description="With which others it was handed over.")
    created_at: datetime = strawberry.field(description="When it was made.")
    exported_at: datetime | None = strawberry.field(description="When accounting got it.")
    case_id: strawberry.Private[UUID | None]
    account_id: strawberry.Private[UUID | None]
    contact_id: strawberry.Private[UUID | None]

    @described("What is billed, in order.")
    def lines(self, info: Info) -> list[InvoiceLine]:
        return self.loaded(info, lines_of).get(self.id, [])

    @described("Who is billed.")
    def customer(self, info: Info) -> Customer | None:
        account = self.loaded(info, accounts).get(self.account_id)
        return account or self.loaded(info, contacts).get(self.contact_id)

    @described("The case, if you may see it.")
    def case(self, info: Info) -> Annotated[Case, strawberry.lazy("graph.api.cases")] | None:
        from graph.api.cases import visible_cases

        return self.loaded(info, visible_cases).get(self.case_id)


@strawberry.type(description="What an hour costs: of a person, for a service, or in general.")
class Rate(Shown):
    id: UUID = strawberry.field(description="The rate's id.")
    service: str = strawberry.field(description="For which service; empty: for any.")
    currency: str = strawberry.field(description="Its currency (ISO 4217).")
    per_hour: Decimal = strawberry.field(description="What an hour costs.")
    agent_id: strawberry.Private[UUID | None]

    @described("Whose hour; null: everybody's.")
    def agent(self, info: Info) -> Agent | None:
        return self.loaded(info, workers).get(self.agent_id)


LATEST = Order("invoices", rows.InvoiceRequest.number, rows.InvoiceRequest.id, descending=True)


@strawberry.type
class BillingQueries:
    @described("What is to be invoiced, and what was, the newest first. For managers.")
    def invoice_requests(
        self,
        info: Info,
        state: InvoiceState | None = None,
        account: UUID | None = None,
        batch: int | None = None,
        first: First = FIRST_DEFAULT,
        after: After = None,
    ) -> Connection[InvoiceRequest]:
        info.context.principal.must(Act.MANAGE)
        statement = select(rows.InvoiceRequest)
        if state is not None:
            statement = statement.where(rows.InvoiceRequest.state == state)
        if account is not None:
            statement = statement.where(rows.InvoiceRequest.account_id == account)
        if batch is not None:
            statement = statement.where(rows.InvoiceRequest.batch == batch)
        return page(info.context, statement, LATEST, InvoiceRequest, first=first, after=after)

    @described("What an hour costs, by currency and service. For managers.")
    def rates(self, info: Info) -> list[Rate]:
        info.context.principal.must(Act.MANAGE)
        statement = select(rows.Rate).order_by(rows.Rate.currency, rows.Rate.service, rows.Rate.id)
        return together(Rate, info.context.session.scalars(statement))


@strawberry.type(description="Accounting has these now; nobody gets them again.")
class InvoicesHandedOver:
    ids: strawberry.Private[list[UUID]]

    @described("What was handed over, by number.")
    def requests(self, info: Info) -> list[InvoiceRequest]:
        found = by_id(info.context, InvoiceRequest, rows.InvoiceRequest, self.ids)
        return [found[id] for id in self.ids]


@strawberry.type(description="The rate or the terms are kept.")
class BillingKept:
    currency: str = strawberry.field(description="The currency they are in.")


HandOverResult = Annotated[
    InvoicesHandedOver | AnyProblem,
    strawberry.union("HandOverResult", description="They are handed over, or why not."),
]
BillingResult = Annotated[
    BillingKept | AnyProblem,
    strawberry.union("BillingResult", description="It is kept, or why it is not."),
]


@strawberry.type
class BillingMutations:
    @described("Give accounting the next requests that have no problem. For managers.")
    def hand_over_invoices(self, info: Info, first: First = FIRST_DEFAULT) -> HandOverResult:
        asking = info.context
        try:
            with asking.acting() as session:
                given = charge.hand_over(session, asking.principal, at=asking.at, limit=first)
        except IntakeError as error:
            return problem(error)
        return InvoicesHandedOver(ids=[request.id for request in given])

    @described("Say what an hour costs from now on. For managers.")
    def set_rate(
        self,
        info: Info,
        per_hour: Decimal,
        currency: str,
        agent: UUID | None = None,
        service: str = "",
    ) -> BillingResult:
        at = info.context.at
        return keep(
            info,
            lambda session, by: charge.set_rate(
                session, by, per_hour, currency, agent_id=agent, service=service, at=at
            ),
        )

    @described("Say how time is billed to an account, or to all without terms. For managers.")
    def set_billing_terms(
        self,
        info: Info,
        currency: str,
        account: UUID | None = None,
        rounding_minutes: int = 1,
        minimum_minutes: int = 0,
        per_case: Decimal = Decimal(),
    ) -> BillingResult:
        at = info.context.at
        return keep(
            info,
            lambda session, by: charge.set_terms(
                session, by, currency=currency, account_id=account, per_case=per_case,
                rounding_minutes=rounding_minutes, minimum_minutes=minimum_minutes, at=at,
            ),
        )  # fmt: skip


def keep(
    info: Info, act: Callable[[Session, Principal], rows.Rate | rows.BillingTerms]
) -> BillingKept | AnyProblem:
    """Keep that in a transaction of its own, or say why not."""
    asking = info.context
    try:
        with asking.acting() as session:
            return BillingKept(currency=act(session, asking.principal).currency)
    except IntakeError as error:
        return problem(error)


def workers(asking: Asking, entries: Sequence[TimeEntry | Rate]) -> Mapping[UUID | None, Agent]:
    """Whose time these are."""
    return by_id(asking, Agent, agents.Agent, (entry.agent_id for entry in entries))


def lines_of(
    asking: Asking, requests: Sequence[InvoiceRequest]
) -> Mapping[UUID, list[InvoiceLine]]:
    """The lines of these requests, in order."""
    found = asking.session.scalars(
        select(rows.InvoiceLine)
        .where(rows.InvoiceLine.request_id.in_([request.id for request in requests]))
        .order_by(rows.InvoiceLine.request_id, rows.InvoiceLine.position)
    )
    return grouped(InvoiceLine, found, lambda row: row.request_id)


def accounts(asking: Asking, requests: Sequence[InvoiceRequest]) -> Mapping[UUID | None, Account]:
    """The accounts that these bill."""
    return by_id(asking, Account, customers.Account, (one.account_id for one in requests))


def contacts(asking: Asking, requests: Sequence[InvoiceRequest]) -> Mapping[UUID | None, Contact]:
    """The people that these bill."""
    return by_id(asking, Contact, customers.Contact, (one.contact_id for one in requests))


def time_of(asking: Asking, cases: Sequence[Shown]) -> Mapping[UUID, list[TimeEntry]]:
    """The time that was written down for these cases, in the order of the work."""
    found = asking.session.scalars(
        select(rows.TimeEntry)
        .where(rows.TimeEntry.case_id.in_([case.id for case in cases]))
        .order_by(rows.TimeEntry.at, rows.TimeEntry.id)
    )
    return grouped(TimeEntry, found, lambda row: row.case_id)


def requested(asking: Asking, cases: Sequence[Shown]) -> Mapping[UUID, list[InvoiceRequest]]:
    """What was requested to be invoiced for these cases, by number."""
    found = asking.session.scalars(
        select(rows.InvoiceRequest)
        .where(rows.InvoiceRequest.case_id.in_([case.id for case in cases]))
        .order_by(rows.InvoiceRequest.number)
    )
    return grouped(InvoiceRequest, found, lambda row: row.case_id)
