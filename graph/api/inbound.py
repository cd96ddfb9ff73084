"""Raw messages as kept: which wait, which could not be read, and trying one again."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

import strawberry
from sqlalchemy import select

from graph.api.asking import Info
from graph.api.cases import Case, visible_cases
from graph.api.describing import described
from graph.api.limits import FIRST_DEFAULT
from graph.api.loading import Shown
from graph.api.pages import After, Connection, First, Order, page
from graph.api.problems import AnyProblem, problem
from intake import inbound as rows
from intake import work
from intake.agents import Act
from intake.errors import IntakeError

InboundState = rows.State
strawberry.enum(
    InboundState, name="InboundState", description="Where a kept message stands: exactly one."
)


@strawberry.type(description="One message as it arrived, kept before anybody understood it.")
class Inbound(Shown):
    id: UUID = strawberry.field(description="The message's id.")
    channel: str = strawberry.field(description="The way it came.")
    mailbox: str = strawberry.field(description="Where it was handed in.")
    size_bytes: int = strawberry.field(description="How large it is.")
    received_at: datetime = strawberry.field(description="When it was kept.")
    state: InboundState = strawberry.field(description="Where it stands.")
    attempts: int = strawberry.field(description="How often it was tried.")
    raw_dropped_at: datetime | None = strawberry.field(
        description="When its bytes were given up, as the desk was told; null: they are kept."
    )
    reason: str = strawberry.field(description="Why it is not filed, or empty.")
    matched_by: str = strawberry.field(description="The rule that found its case, or empty.")
    copies: int = strawberry.field(description="How often it was delivered again.")
    case_id: strawberry.Private[UUID | None]

    @described("The case it became or joined.")
    def case(self, info: Info) -> Case | None:
        return self.loaded(info, visible_cases).get(self.case_id)


@strawberry.type(description="How many kept messages stand where; the sum is all there ever were.")
class InboundAccount:
    pending: int = strawberry.field(description="Waiting to be read and filed.")
    filed: int = strawberry.field(description="They are, or are part of, a case.")
    filtered: int = strawberry.field(description="Set aside by a rule.")
    quarantined: int = strawberry.field(description="Could not be read or filed: look at them.")
    total: int = strawberry.field(description="All of them.")


@strawberry.type(description="The message waits to be filed once more.")
class InboundRetried:
    inbound: Inbound = strawberry.field(description="The message now.")


RetryResult = Annotated[
    InboundRetried | AnyProblem,
    strawberry.union("RetryInboundResult", description="It was done, or why it was not."),
]
LATEST = Order("inbound", rows.Inbound.received_at, rows.Inbound.id, descending=True)


@strawberry.type
class InboundQueries:
    @described("Kept messages, the newest first. For managers.")
    def inbound(
        self,
        info: Info,
        state: InboundState | None = None,
        first: First = FIRST_DEFAULT,
        after: After = None,
    ) -> Connection[Inbound]:
        info.context.principal.must(Act.MANAGE)
        statement = select(rows.Inbound)
        if state is not None:
            statement = statement.where(rows.Inbound.state == state)
        return page(info.context, statement, LATEST, Inbound, first=first, after=after)

    @described("How many kept messages stand where. For managers.")
    def inbound_account(self, info: Info) -> InboundAccount:
        info.context.principal.must(Act.MANAGE)
        counts = rows.account_of(info.context.session)
        by_name = {state.name.lower(): count for state, count in counts.items()}
        return InboundAccount(**by_name, total=sum(counts.values()))


@strawberry.type
class InboundMutations:
    @described("Try a quarantined message again. For managers.")
    def retry_inbound(self, info: Info, id: UUID) -> RetryResult:
        asking = info.context
        try:
            with asking.acting() as session:
                row = work.retry_inbound(session, asking.principal, id)
        except IntakeError as error:
            return problem(error)
        return InboundRetried(inbound=Inbound.of(row))
