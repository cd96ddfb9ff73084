"""Invoice requests: what is to be invoiced, line by line, until accounting has it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Concatenate, ParamSpec
from uuid import UUID

import strawberry
from sqlalchemy import select
from sqlalchemy.orm import Session

from graph.api.asking import Asking, Info
from graph.api.customers import Account, Contact, Customer
from graph.api.describing import described
from graph.api.limits import FIRST_DEFAULT
from graph.api.loading import Shown, by_id, grouped
from graph.api.pages import After, Connection, First, Order, page
from graph.api.problems import AnyProblem, problem
from intake import accounting, customers
from intake import billing as rows
from intake.agents import Principal
from intake.errors import IntakeError

if TYPE_CHECKING:
    from graph.api.cases import Case

P = ParamSpec("P")

InvoiceState = rows.State
strawberry.enum(InvoiceState, name="InvoiceState", description="Where an invoice request stands.")
InvoiceKind = rows.Kind
strawberry.enum(InvoiceKind, name="InvoiceKind", description="Why a case is billed.")


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
    reason: str = strawberry.field(description="Why it is held or was cancelled, or empty.")
    batch: int | None = strawberry.field(description="With which others it was handed over.")
    created_at: datetime = strawberry.field(description="When it was made.")
    exported_at: datetime | None = strawberry.field(description="When accounting got it.")
    case_id: strawberry.Private[UUID | None]
    account_id: strawberry.Private[UUID | None]
    contact_id: strawberry.Private[UUID | None]
    credits_id: strawberry.Private[UUID | None]

    @described("The request that this one takes back, if it is a credit.")
    def credits(self, info: Info) -> InvoiceRequest | None:
        return self.named(info, "credits_id", InvoiceRequest, rows.InvoiceRequest)

    @described("What is billed, in order.")
    def lines(self, info: Info) -> list[InvoiceLine]:
        return self.loaded(info, lines_of).get(self.id, [])

    @described("Who is billed.")
    def customer(self, info: Info) -> Customer | None:
        account = self.named(info, "account_id", Account, customers.Account)
        return account or self.named(info, "contact_id", Contact, customers.Contact)

    @described("The case, if you may see it.")
    def case(self, info: Info) -> Annotated[Case, strawberry.lazy("graph.api.cases")] | None:
        from graph.api.cases import visible_cases

        return self.loaded(info, visible_cases).get(self.case_id)


LATEST = Order("invoices", rows.InvoiceRequest.number, rows.InvoiceRequest.id, descending=True)


@strawberry.type
class InvoiceQueries:
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
        statement = accounting.requests(info.context.principal, state=state, batch=batch)
        if account is not None:
            statement = statement.where(rows.InvoiceRequest.account_id == account)
        return page(info.context, statement, LATEST, InvoiceRequest, first=first, after=after)


@strawberry.type(description="Accounting has these now; nobody gets them again.")
class InvoicesHandedOver:
    ids: strawberry.Private[list[UUID]]

    @described("What was handed over, by number.")
    def requests(self, info: Info) -> list[InvoiceRequest]:
        found = by_id(info.context, InvoiceRequest, rows.InvoiceRequest, self.ids)
        return [found[id] for id in self.ids]


@strawberry.type(description="It was done.")
class InvoiceRequestChanged:
    request_id: strawberry.Private[UUID]

    @described("The request now.")
    def request(self, info: Info) -> InvoiceRequest:
        found = by_id(info.context, InvoiceRequest, rows.InvoiceRequest, [self.request_id])
        return found[self.request_id]

    @described("What takes it back, if accounting had it already.")
    def credit(self, info: Info) -> InvoiceRequest | None:
        made = select(rows.InvoiceRequest).where(rows.InvoiceRequest.credits_id == self.request_id)
        row = info.context.session.scalar(made)
        return InvoiceRequest.of(row) if row else None


HandOverResult = Annotated[
    InvoicesHandedOver | AnyProblem,
    strawberry.union("HandOverResult", description="They are handed over, or why not."),
]
InvoiceResult = Annotated[
    InvoiceRequestChanged | AnyProblem,
    strawberry.union("InvoiceResult", description="It was done, or why it was not."),
]


@strawberry.type
class InvoiceMutations:
    @described("Give accounting the next requests that have no problem. For managers.")
    def hand_over_invoices(self, info: Info, first: First = FIRST_DEFAULT) -> HandOverResult:
        asking = info.context
        try:
            with asking.acting() as session:
                given = accounting.hand_over(session, asking.principal, at=asking.at, limit=first)
        except IntakeError as error:
            return problem(error)
        return InvoicesHandedOver(ids=[request.id for request in given])

    @described("Keep a request back until it is released. For managers.")
    def hold_invoice_request(self, info: Info, id: UUID, reason: str) -> InvoiceResult:
        return change(info, accounting.hold, id, reason, at=info.context.at)

    @described("Let a request that was held be handed over. For managers.")
    def release_invoice_request(self, info: Info, id: UUID) -> InvoiceResult:
        return change(info, accounting.release, id, at=info.context.at)

    @described("Invoice it never; what accounting has of it is credited. For managers.")
    def cancel_invoice_request(self, info: Info, id: UUID, reason: str) -> InvoiceResult:
        return change(info, accounting.cancel, id, reason, at=info.context.at)


def change(
    info: Info,
    act: Callable[Concatenate[Session, Principal, UUID, P], object],
    id: UUID,
    *args: P.args,
    **kwargs: P.kwargs,
) -> InvoiceRequestChanged | AnyProblem:
    """Do that act of a manager to the request, or say why not."""
    asking = info.context
    try:
        with asking.acting() as session:
            act(session, asking.principal, id, *args, **kwargs)
    except IntakeError as error:
        return problem(error)
    return InvoiceRequestChanged(request_id=id)


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


def requested(asking: Asking, cases: Sequence[Shown]) -> Mapping[UUID, list[InvoiceRequest]]:
    """What was requested to be invoiced for these cases, by number."""
    found = asking.session.scalars(
        select(rows.InvoiceRequest)
        .where(rows.InvoiceRequest.case_id.in_([case.id for case in cases]))
        .order_by(rows.InvoiceRequest.number)
    )
    return grouped(InvoiceRequest, found, lambda row: row.case_id)
