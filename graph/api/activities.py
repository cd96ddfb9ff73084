"""The story of a case: what was said, with what attached, and what was promised to be sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import strawberry
from sqlalchemy import select

from graph.api.agents import Agent
from graph.api.asking import Asking, Info
from graph.api.describing import described
from graph.api.loading import Shown, by_id, grouped, together
from graph.api.pages import Connection, Order, pages
from intake import agents, contracts, customers, events
from intake import cases as rows
from intake.visibility import activities_visible_to

if TYPE_CHECKING:
    from graph.api.cases import Case
    from graph.api.contracts import Contract
    from graph.api.customers import Account, Contact

ActivityKind = rows.ActivityKind
strawberry.enum(
    ActivityKind, name="ActivityKind", description="What sort of entry in a case's story."
)
Direction = rows.Direction
strawberry.enum(
    Direction,
    name="Direction",
    description="From the customer, to the customer, or among ourselves.",
)
ActivityState = rows.ActivityState
strawberry.enum(
    ActivityState, name="ActivityState", description="Whether an activity is still to be done."
)
DeliveryState = events.DeliveryState
strawberry.enum(DeliveryState, name="DeliveryState", description="Where a promise to send stands.")


@strawberry.type(description="A file of an activity; its content is fetched in the console.")
class Attachment(Shown):
    id: UUID = strawberry.field(description="The file's id.")
    name: str = strawberry.field(description="Its name, safe to show.")
    content_type: str = strawberry.field(description="What the sender says it is.")
    size_bytes: int = strawberry.field(description="How large it is, decoded.")
    sha256: str = strawberry.field(description="The hash of its content.")
    inline: bool = strawberry.field(description="Whether it is part of the text.")


@strawberry.type(description="A promise to send something, and what became of it.")
class Delivery(Shown):
    id: UUID = strawberry.field(description="The delivery's id, the same at every try.")
    channel: str = strawberry.field(description="The way it is sent: email, slack …")
    kind: str = strawberry.field(description="What it is: reply, acknowledgement, card …")
    target: str = strawberry.field(description="To where.")
    state: DeliveryState = strawberry.field(description="Where it stands.")
    attempts: int = strawberry.field(description="How often it was tried.")
    promised_at: datetime = strawberry.field(description="When it was promised.")
    due_at: datetime = strawberry.field(description="When it is tried next, while it is due.")
    sent_at: datetime | None = strawberry.field(description="When the other side took it.")
    error: str = strawberry.field(description="Why the last try failed, or empty.")


@strawberry.type(
    description="One entry in a story: a mail, a call, a chat line, a note; or one to be done."
)
class Activity(Shown):
    id: UUID = strawberry.field(description="The activity's id.")
    kind: ActivityKind = strawberry.field(description="What sort of entry it is.")
    direction: Direction = strawberry.field(description="Who said it to whom.")
    state: ActivityState = strawberry.field(
        description="COMPLETED for all that came about; what is planned is OPEN before."
    )
    at: datetime = strawberry.field(
        description="When it was received, written or done; while it is open, when it was planned."
    )
    due_at: datetime | None = strawberry.field(description="When it is to be done, if planned.")
    ended_at: datetime | None = strawberry.field(
        description="When what was planned was completed or cancelled."
    )
    version: int = strawberry.field(description="Goes up with each change: `expectedVersion`.")
    author_name: str = strawberry.field(description="Who wrote it, as they call themselves.")
    author_address: str = strawberry.field(description="The address it came from, or empty.")
    subject: str = strawberry.field(description="Its subject, or empty.")
    text: str = strawberry.field(description="All that was said, quoted history included.")
    new_text: str = strawberry.field(description="What was said this time.")
    recipients: list[str] = strawberry.field(description="To whom it was addressed.")
    matched_by: str = strawberry.field(description="The rule that filed it on this case.")
    sender_doubt: str = strawberry.field(description="Why the sender is not certain, or empty.")
    automatic: str = strawberry.field(description="Why a machine seems to write it, or empty.")
    duration_minutes: int = strawberry.field(
        description="How long it took; while it is open, how long it is planned to take."
    )
    notes: list[str] = strawberry.field(description="What was guessed or cut as it was read.")
    agent_id: strawberry.Private[UUID | None]
    owner_id: strawberry.Private[UUID | None]
    case_id: strawberry.Private[UUID | None]
    account_id: strawberry.Private[UUID | None]
    contact_id: strawberry.Private[UUID | None]
    contract_id: strawberry.Private[UUID | None]

    @described("Who does what is planned.")
    def owner(self, info: Info) -> Agent | None:
        return self.named(info, "owner_id", Agent, agents.Agent)

    @described("The case it is about, if you may see it.")
    def case(self, info: Info) -> Annotated[Case, strawberry.lazy("graph.api.cases")] | None:
        from graph.api.cases import visible_cases

        return self.loaded(info, visible_cases).get(self.case_id)

    @described("The account it is about, without a case.")
    def account(
        self, info: Info
    ) -> Annotated[Account, strawberry.lazy("graph.api.customers")] | None:
        return self.loaded(info, accounts).get(self.account_id)

    @described("The contact who said it; without a case, whom it is about.")
    def contact(
        self, info: Info
    ) -> Annotated[Contact, strawberry.lazy("graph.api.customers")] | None:
        return self.loaded(info, contacts).get(self.contact_id)

    @described("The contract it is about, without a case.")
    def contract(
        self, info: Info
    ) -> Annotated[Contract, strawberry.lazy("graph.api.contracts")] | None:
        return self.loaded(info, agreements).get(self.contract_id)

    @described("The agent who wrote it, if one of us did.")
    def agent(self, info: Info) -> Agent | None:
        return self.named(info, "agent_id", Agent, agents.Agent)

    @described("The files that came with it.")
    def attachments(self, info: Info) -> list[Attachment]:
        return self.loaded(info, files).get(self.id, [])

    @described("How it was sent, if it went out.")
    def deliveries(self, info: Info) -> list[Delivery]:
        return self.loaded(info, sendings).get(self.id, [])


def accounts(asking: Asking, activities: Sequence[Activity]) -> Mapping[UUID | None, Account]:
    from graph.api.customers import Account

    return by_id(asking, Account, customers.Account, (one.account_id for one in activities))


def contacts(asking: Asking, activities: Sequence[Activity]) -> Mapping[UUID | None, Contact]:
    from graph.api.customers import Contact

    return by_id(asking, Contact, customers.Contact, (one.contact_id for one in activities))


def agreements(asking: Asking, activities: Sequence[Activity]) -> Mapping[UUID | None, Contract]:
    from graph.api.contracts import Contract

    return by_id(asking, Contract, contracts.Contract, (one.contract_id for one in activities))


def still_open(asking: Asking, ids: Sequence[UUID]) -> list[Activity]:
    """These activities, what is due first before the others."""
    named = activities_visible_to(asking.principal).where(rows.Activity.id.in_(ids))
    ordered = named.order_by(rows.Activity.order_at, rows.Activity.id)
    return together(Activity, asking.session.scalars(ordered))


LATEST = Order("activities", rows.Activity.at, rows.Activity.id, descending=True)


def about_accounts(
    asking: Asking, of: Sequence[Shown], first: int, after: str | None
) -> Mapping[UUID, Connection[Activity]]:
    """A page of what was planned and done about each of these accounts, without a case."""
    return _about(asking, of, rows.Activity.account_id, first, after)


def about_contacts(
    asking: Asking, of: Sequence[Shown], first: int, after: str | None
) -> Mapping[UUID, Connection[Activity]]:
    """Likewise about each of these contacts."""
    return _about(asking, of, rows.Activity.contact_id, first, after)


def about_contracts(
    asking: Asking, of: Sequence[Shown], first: int, after: str | None
) -> Mapping[UUID, Connection[Activity]]:
    """Likewise about each of these contracts."""
    return _about(asking, of, rows.Activity.contract_id, first, after)


def _about(
    asking: Asking, of: Sequence[Shown], column: Any, first: int, after: str | None
) -> Mapping[UUID, Connection[Activity]]:
    visible = activities_visible_to(asking.principal).where(rows.Activity.case_id.is_(None))
    return pages(asking, visible, LATEST, Activity, of, column, first=first, after=after)


def files(asking: Asking, activities: Sequence[Activity]) -> Mapping[UUID, list[Attachment]]:
    found = asking.session.scalars(
        select(rows.Attachment)
        .where(rows.Attachment.activity_id.in_([one.id for one in activities]))
        .order_by(rows.Attachment.activity_id, rows.Attachment.part)
    )
    return grouped(Attachment, found, lambda row: row.activity_id)


def sendings(asking: Asking, activities: Sequence[Activity]) -> Mapping[UUID, list[Delivery]]:
    found = asking.session.scalars(
        select(events.Delivery)
        .where(events.Delivery.activity_id.in_([one.id for one in activities]))
        .order_by(events.Delivery.promised_at, events.Delivery.id)
    )
    return grouped(Delivery, found, lambda row: row.activity_id)


def promised(asking: Asking, cases: Sequence[Shown]) -> Mapping[UUID, list[Delivery]]:
    """What was promised to be sent for these cases, the oldest first."""
    found = asking.session.scalars(
        select(events.Delivery)
        .where(events.Delivery.case_id.in_([case.id for case in cases]))
        .order_by(events.Delivery.promised_at, events.Delivery.id)
    )
    return grouped(Delivery, found, lambda row: row.case_id)
