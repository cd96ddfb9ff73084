"""What time costs: the time of cases, rates, and the terms by which it is billed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Annotated
from uuid import UUID

import strawberry
from sqlalchemy import select
from sqlalchemy.orm import Session

from graph.api.agents import Agent
from graph.api.asking import Asking, Info
from graph.api.customers import Account
from graph.api.describing import described
from graph.api.doing import done
from graph.api.loading import Shown, grouped, together
from graph.api.problems import AnyProblem
from intake import agents, charge, customers
from intake import billing as rows
from intake.agents import Act, Principal


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
        return self.named(info, "agent_id", Agent, agents.Agent)

    @described("Whether an invoice request bills it; then it is not changed any more.")
    def locked(self) -> bool:
        return self.request_id is not None


@strawberry.type(description="What an hour costs: of a person, for a service, or in general.")
class Rate(Shown):
    id: UUID = strawberry.field(description="The rate's id.")
    service: str = strawberry.field(description="For which service; empty: for any.")
    currency: str = strawberry.field(description="Its currency (ISO 4217).")
    per_hour: Decimal = strawberry.field(description="What an hour costs.")
    agent_id: strawberry.Private[UUID | None]

    @described("Whose hour; null: everybody's.")
    def agent(self, info: Info) -> Agent | None:
        return self.named(info, "agent_id", Agent, agents.Agent)


@strawberry.type(description="How time is billed: to an account, or to all without terms.")
class BillingTerms(Shown):
    id: UUID = strawberry.field(description="Their id.")
    currency: str = strawberry.field(description="The currency (ISO 4217).")
    rounding_minutes: int = strawberry.field(description="Each entry is rounded up to these.")
    minimum_minutes: int = strawberry.field(description="A case is billed with at least these.")
    per_case: Decimal = strawberry.field(description="What a case costs before any time.")
    account_id: strawberry.Private[UUID | None]

    @described("To whom; null: everybody without terms of their own.")
    def account(self, info: Info) -> Account | None:
        return self.named(info, "account_id", Account, customers.Account)


@strawberry.type
class BillingQueries:
    @described("What an hour costs, by currency and service. For managers.")
    def rates(self, info: Info) -> list[Rate]:
        info.context.principal.must(Act.MANAGE)
        statement = select(rows.Rate).order_by(rows.Rate.currency, rows.Rate.service, rows.Rate.id)
        return together(Rate, info.context.session.scalars(statement))

    @described("How time is billed, everybody's terms first. For managers.")
    def billing_terms(self, info: Info) -> list[BillingTerms]:
        info.context.principal.must(Act.MANAGE)
        everybody, own = rows.BillingTerms.for_all.desc(), rows.BillingTerms.id
        statement = select(rows.BillingTerms).order_by(everybody, own)
        return together(BillingTerms, info.context.session.scalars(statement))


@strawberry.type(description="The rate or the terms are kept.")
class BillingKept:
    currency: str = strawberry.field(description="The currency they are in.")


BillingResult = Annotated[
    BillingKept | AnyProblem,
    strawberry.union("BillingResult", description="It is kept, or why it is not."),
]


@strawberry.type
class BillingMutations:
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
    return done(info, lambda session, by: BillingKept(currency=act(session, by).currency))


def time_of(asking: Asking, cases: Sequence[Shown]) -> Mapping[UUID, list[TimeEntry]]:
    """The time that was written down for these cases, in the order of the work."""
    found = asking.session.scalars(rows.written_down([case.id for case in cases]))
    return grouped(TimeEntry, found, lambda row: row.activity.case_id)
