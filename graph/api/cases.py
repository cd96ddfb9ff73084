"""Cases: what was asked, by whom, where it stands and who has it.

What else a case tells has modules of its own, whose fields it takes over.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

import strawberry
from sqlalchemy import select

from graph.api import articles, company, routing
from graph.api.agents import Agent
from graph.api.articles import Suggestion
from graph.api.asking import Asking, Info
from graph.api.checklists import SeenTo
from graph.api.company import CaseViewer
from graph.api.covered import Covered
from graph.api.customers import Account, Contact, Customer
from graph.api.describing import described
from graph.api.families import Family
from graph.api.fields import SaysOfItself
from graph.api.loading import by_id, grouped, together
from graph.api.products import Product
from graph.api.queues import Queue, QueueItem
from graph.api.routing import RuleAnswer
from graph.api.statuses import Standing
from graph.api.stories import Told
from graph.api.teams import Team, teams_by_id
from graph.api.ties import Tied
from graph.api.workdone import WorkDone
from intake import agents, customers, products, queues
from intake import cases as rows
from intake.visibility import visible_to

Priority = rows.Priority
strawberry.enum(Priority, name="Priority", description="How pressing a case is.")


class NamesACase(Protocol):
    """Anything that may belong to a case."""

    case_id: UUID | None


@strawberry.type(description="One request of a customer.")
class Case(Standing, SaysOfItself, Told, SeenTo, WorkDone, Covered, Family, Tied):
    id: UUID = strawberry.field(description="Our id of it.")
    number: int = strawberry.field(description="The customer's word for it.")
    subject: str = strawberry.field(description="What it is about, as the customer put it.")
    priority: Priority = strawberry.field(description="How pressing it is.")
    channel: str = strawberry.field(description="Where it came from: email, phone, web, chat …")
    mailbox: str = strawberry.field(description="The address it was sent to, or empty.")
    routed_by: str = strawberry.field(description="What put it in its queue, in words.")
    opened_at: datetime = strawberry.field(description="When its first message was received.")
    updated_at: datetime = strawberry.field(description="When it last changed.")
    first_response_at: datetime | None = strawberry.field(description="When it was first answered.")
    resolved_at: datetime | None = strawberry.field(description="When it was resolved.")
    deadline_at: datetime | None = strawberry.field(description="Its earliest running deadline.")
    waiting_since_at: datetime | None = strawberry.field(
        description="Since when it waits with no agent at work on it; null while it does not."
    )
    version: int = strawberry.field(description="Goes up with each change: `expectedVersion`.")
    escalated_at: datetime | None = strawberry.field(description="When it was escalated last.")
    follow_up_at: datetime | None = strawberry.field(
        description="When we agreed to come back to the customer."
    )
    snoozed_at: datetime | None = strawberry.field(description="Since when it is put off.")
    wakes_at: datetime | None = strawberry.field(
        description="When it comes back; null while it is put off: when its customer writes."
    )
    contact_id: strawberry.Private[UUID | None]
    account_id: strawberry.Private[UUID | None]
    queue_id: strawberry.Private[UUID]
    owner_id: strawberry.Private[UUID | None]
    team_id: strawberry.Private[UUID | None]
    product_id: strawberry.Private[UUID | None]

    @described("Whose it is: the account, or the contact where there is none.")
    def customer(self, info: Info) -> Customer | None:
        account = self.named(info, "account_id", Account, customers.Account)
        return account or self.named(info, "contact_id", Contact, customers.Contact)

    @described("The person who asked, if they can be named.")
    def contact(self, info: Info) -> Contact | None:
        return self.named(info, "contact_id", Contact, customers.Contact)

    @described("The company it is for, if there is one.")
    def account(self, info: Info) -> Account | None:
        return self.named(info, "account_id", Account, customers.Account)

    @described("Its queue, or its last one when it is closed.")
    def queue(self, info: Info) -> Queue:
        return self.loaded(info, queues_of)[self.queue_id]

    @described("Its place in the queue while it waits there.")
    def queue_item(self, info: Info) -> QueueItem | None:
        return next(iter(self.loaded(info, items).get(self.id, ())), None)

    @described("What each routing rule answered when it was routed last, up to what decided.")
    def routing(self, info: Info) -> list[RuleAnswer]:
        return self.loaded(info, routing.answers).get(self.id, [])

    @described("The agent whose case it is.")
    def owner(self, info: Info) -> Agent | None:
        return self.named(info, "owner_id", Agent, agents.Agent)

    @described("The team that it was given to.")
    def team(self, info: Info) -> Team | None:
        return self.loaded(info, teams_of).get(self.team_id)

    @described("The product that it is about.")
    def product(self, info: Info) -> Product | None:
        return self.named(info, "product_id", Product, products.Product)

    @described("The articles that may answer it, best first.")
    def suggestions(self, info: Info) -> list[Suggestion]:
        return self.loaded(info, articles.suggestions_of).get(self.id, [])

    @described("Who is at it now, those who write first.")
    def viewers(self, info: Info) -> list[CaseViewer]:
        return self.loaded(info, company.at_cases).get(self.id, [])


def visible_case(asking: Asking, id: UUID | None) -> Case | None:
    """The case of that id, if who asks may see it."""
    return visible_by_id(asking, {id}).get(id)


def visible_cases(asking: Asking, naming: Sequence[NamesACase]) -> Mapping[UUID | None, Case]:
    """The cases that these name, as far as who asks may see them, by the case's id."""
    return visible_by_id(asking, {one.case_id for one in naming})


def visible_by_id(asking: Asking, ids: set[UUID | None]) -> Mapping[UUID | None, Case]:
    """The cases of these ids, likewise."""
    if not ids - {None}:
        return {}
    statement = visible_to(asking.principal).where(rows.Case.id.in_(ids - {None}))
    found = together(Case, asking.session.scalars(statement))
    return {case.id: case for case in found}


def queues_of(asking: Asking, cases: Sequence[Case]) -> Mapping[UUID | None, Queue]:
    """The queues of these cases. Who sees a case sees where it is."""
    return by_id(asking, Queue, queues.Queue, (case.queue_id for case in cases))


def teams_of(asking: Asking, cases: Sequence[Case]) -> Mapping[UUID | None, Team]:
    """The teams that these cases were given to."""
    return teams_by_id(asking, (case.team_id for case in cases))


def items(asking: Asking, cases: Sequence[Case]) -> Mapping[UUID, list[QueueItem]]:
    """Where these cases wait: one item each, or none."""
    found = asking.session.scalars(
        select(queues.QueueItem)
        .where(queues.QueueItem.case_id.in_([case.id for case in cases]))
        .where(queues.QueueItem.ended_at.is_(None))
    )
    return grouped(QueueItem, found, lambda row: row.case_id)
