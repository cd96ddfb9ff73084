"""Cases: what was asked, where it stands, what was promised, and all that was said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

import strawberry
from sqlalchemy import select

from graph.api import (
    activities,
    articles,
    billing,
    company,
    decisions,
    events,
    filing,
    invoices,
    kpis,
    ledger,
    routing,
)
from graph.api.activities import Activity, Attachment, Delivery
from graph.api.agents import Agent
from graph.api.articles import Suggestion
from graph.api.asking import Asking, Info
from graph.api.billing import TimeEntry
from graph.api.checklists import SeenTo
from graph.api.company import CaseViewer
from graph.api.contracts import Contract, ContractLine, contracts_by_id
from graph.api.customers import Account, Contact, Customer
from graph.api.decisions import ChosenBy, EntitlementDecision
from graph.api.describing import described
from graph.api.entitlements import Entitlement
from graph.api.events import Event
from graph.api.families import Family
from graph.api.fields import SaysOfItself
from graph.api.filing import CaseMerge, MessageMove
from graph.api.invoices import InvoiceRequest
from graph.api.kpis import KpiInstance
from graph.api.ledger import LedgerEntry
from graph.api.limits import FIRST_DEFAULT
from graph.api.loading import by_id, grouped, together
from graph.api.pages import After, Connection, First, Order, pages
from graph.api.products import Product
from graph.api.queues import Queue, QueueItem
from graph.api.routing import RuleAnswer
from graph.api.slas import Sla
from graph.api.teams import Team, teams_by_id
from graph.api.workdone import CaseReason, WorkDone
from intake import agents, contracts, customers, entitlements, products, queues, sla
from intake import cases as rows
from intake.visibility import visible_to

CaseState = rows.State
strawberry.enum(CaseState, name="CaseState", description="Where a case stands.")
Priority = rows.Priority
strawberry.enum(Priority, name="Priority", description="How pressing a case is.")


class NamesACase(Protocol):
    """Anything that may belong to a case."""

    case_id: UUID | None


@strawberry.type(description="One request of a customer.")
class Case(SaysOfItself, SeenTo, WorkDone, Family):
    id: UUID = strawberry.field(description="Our id of it.")
    number: int = strawberry.field(description="The customer's word for it.")
    subject: str = strawberry.field(description="What it is about, as the customer put it.")
    state: CaseState = strawberry.field(description="Where it stands.")
    reason: CaseReason = strawberry.field(description="Why it stands there.")
    priority: Priority = strawberry.field(description="How pressing it is.")
    channel: str = strawberry.field(description="Where it came from: email, phone, web, chat …")
    mailbox: str = strawberry.field(description="The address it was sent to, or empty.")
    billable: bool = strawberry.field(description="Whether it is work to bill: nothing covers it.")
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
    covered_by: ChosenBy = strawberry.field(description="Who put its entitlement on it.")
    no_decrement: bool = strawberry.field(
        description="Whether its entitlement covers it without giving a term for it."
    )
    escalated_at: datetime | None = strawberry.field(description="When it was escalated last.")
    follow_up_at: datetime | None = strawberry.field(
        description="When we agreed to come back to the customer."
    )
    snoozed_at: datetime | None = strawberry.field(description="Since when it is put off.")
    wakes_at: datetime | None = strawberry.field(
        description="When it comes back; null while it is put off: when its customer writes."
    )
    sla_by_hand: bool = strawberry.field(description="Whether somebody chose its SLA.")
    contact_id: strawberry.Private[UUID | None]
    account_id: strawberry.Private[UUID | None]
    queue_id: strawberry.Private[UUID]
    owner_id: strawberry.Private[UUID | None]
    team_id: strawberry.Private[UUID | None]
    entitlement_id: strawberry.Private[UUID | None]
    product_id: strawberry.Private[UUID | None]
    contract_id: strawberry.Private[UUID | None]
    contract_line_id: strawberry.Private[UUID | None]
    sla_id: strawberry.Private[UUID | None]
    related_case_id: strawberry.Private[UUID | None]
    merged_into_id: strawberry.Private[UUID | None]
    continues_id: strawberry.Private[UUID | None]

    @described("Whose it is: the account, or the contact where there is none.")
    def customer(self, info: Info) -> Customer | None:
        account = self.loaded(info, accounts).get(self.account_id)
        return account or self.loaded(info, contacts).get(self.contact_id)

    @described("The person who asked, if they can be named.")
    def contact(self, info: Info) -> Contact | None:
        return self.loaded(info, contacts).get(self.contact_id)

    @described("The company it is for, if there is one.")
    def account(self, info: Info) -> Account | None:
        return self.loaded(info, accounts).get(self.account_id)

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
        return self.loaded(info, owners).get(self.owner_id)

    @described("The team that it was given to.")
    def team(self, info: Info) -> Team | None:
        return self.loaded(info, teams_of).get(self.team_id)

    @described("What covers it, if anything does.")
    def entitlement(self, info: Info) -> Entitlement | None:
        return self.loaded(info, coverage).get(self.entitlement_id)

    @described("What it took of entitlements and gave back, the oldest first.")
    def ledger(self, info: Info) -> list[LedgerEntry]:
        return self.loaded(info, ledger.of_cases).get(self.id, [])

    @described("The time that was written down for it, in the order of the work.")
    def time_entries(self, info: Info) -> list[TimeEntry]:
        return self.loaded(info, billing.time_of).get(self.id, [])

    @described("What was requested to be invoiced for it.")
    def invoice_requests(self, info: Info) -> list[InvoiceRequest]:
        return self.loaded(info, invoices.requested).get(self.id, [])

    @described("The product that it is about.")
    def product(self, info: Info) -> Product | None:
        return self.loaded(info, named_products).get(self.product_id)

    @described("The contract that it was logged against.")
    def contract(self, info: Info) -> Contract | None:
        return self.loaded(info, agreements).get(self.contract_id)

    @described("The line of that contract, if it was logged against one.")
    def contract_line(self, info: Info) -> ContractLine | None:
        return self.loaded(info, lines).get(self.contract_line_id)

    @described("The version of the SLA whose clocks run on it.")
    def sla(self, info: Info) -> Sla | None:
        return self.loaded(info, service_levels).get(self.sla_id)

    @described("How its entitlement was chosen or refused, with every answer.")
    def decision(self) -> EntitlementDecision | None:
        return decisions.decision_of(self.row.decision)

    @described("The promises about time that run on it.")
    def kpis(self, info: Info) -> list[KpiInstance]:
        return self.loaded(info, kpis.running).get(self.id, [])

    @described("The articles that may answer it, best first.")
    def suggestions(self, info: Info) -> list[Suggestion]:
        return self.loaded(info, articles.suggestions_of).get(self.id, [])

    @described("The latest entry in its story.")
    def last_activity(self, info: Info) -> Activity | None:
        latest = self.loaded(info, stories, True, 1, None)[self.id]
        return latest.nodes[0] if latest.nodes else None

    @described("Its story, as it went.")
    def timeline(
        self,
        info: Info,
        newest_first: bool = False,
        first: First = FIRST_DEFAULT,
        after: After = None,
    ) -> Connection[Activity]:
        return self.loaded(info, stories, newest_first, first, after)[self.id]

    @described("All files of all its activities.")
    def attachments(self, info: Info) -> list[Attachment]:
        return self.loaded(info, files).get(self.id, [])

    @described("What was promised to be sent for it, the oldest first.")
    def deliveries(self, info: Info) -> list[Delivery]:
        return self.loaded(info, activities.promised).get(self.id, [])

    @described("What happened to it, the newest first; with `field`, what changed that field.")
    def history(
        self,
        info: Info,
        field: str | None = None,
        first: First = FIRST_DEFAULT,
        after: After = None,
    ) -> Connection[Event]:
        return self.loaded(info, events.histories, field, first, after)[self.id]

    @described("Who is at it now, those who write first.")
    def viewers(self, info: Info) -> list[CaseViewer]:
        return self.loaded(info, company.at_cases).get(self.id, [])

    @described("The case that work on this one goes on in, since the two were merged.")
    def merged_into(self, info: Info) -> Case | None:
        return self.loaded(info, survivors).get(self.merged_into_id)

    @described("A young case of the same customer that it seems to go on with: nobody decided yet.")
    def continues(self, info: Info) -> Case | None:
        return self.loaded(info, continued).get(self.continues_id)

    @described("The cases that were merged into this one, the oldest first.")
    def merges(self, info: Info) -> list[CaseMerge]:
        return self.loaded(info, filing.merges_of).get(self.id, [])

    @described("The messages that came here from another case or left for one, in their order.")
    def message_moves(self, info: Info) -> list[MessageMove]:
        return self.loaded(info, filing.moves_of).get(self.id, [])

    @described("Another case that it seems to speak of, if you may see it.")
    def related_case(self, info: Info) -> Case | None:
        return self.loaded(info, related).get(self.related_case_id)


OLDEST = Order("timeline", rows.Activity.at, rows.Activity.id)
# What is still to be done is no part of the story yet.
DONE = select(rows.Activity).where(rows.Activity.state == rows.ActivityState.COMPLETED)
NEWEST = Order("timeline back", rows.Activity.at, rows.Activity.id, descending=True)


def visible_case(asking: Asking, id: UUID | None) -> Case | None:
    """The case of that id, if who asks may see it."""
    return visible_by_id(asking, {id}).get(id)


def visible_cases(asking: Asking, naming: Sequence[NamesACase]) -> Mapping[UUID | None, Case]:
    """The cases that these name, as far as who asks may see them, by the case's id."""
    return visible_by_id(asking, {one.case_id for one in naming})


def related(asking: Asking, cases: Sequence[Case]) -> Mapping[UUID | None, Case]:
    """The cases that these cases speak of, likewise."""
    return visible_by_id(asking, {case.related_case_id for case in cases})


def continued(asking: Asking, cases: Sequence[Case]) -> Mapping[UUID | None, Case]:
    """The cases that these cases seem to go on with, likewise."""
    return visible_by_id(asking, {case.continues_id for case in cases})


def survivors(asking: Asking, cases: Sequence[Case]) -> Mapping[UUID | None, Case]:
    """The cases that these cases go on in, likewise."""
    return visible_by_id(asking, {case.merged_into_id for case in cases})


def visible_by_id(asking: Asking, ids: set[UUID | None]) -> Mapping[UUID | None, Case]:
    """The cases of these ids, likewise."""
    if not ids - {None}:
        return {}
    statement = visible_to(asking.principal).where(rows.Case.id.in_(ids - {None}))
    found = together(Case, asking.session.scalars(statement))
    return {case.id: case for case in found}


def accounts(asking: Asking, cases: Sequence[Case]) -> Mapping[UUID | None, Account]:
    """The companies of these cases."""
    return by_id(asking, Account, customers.Account, (case.account_id for case in cases))


def contacts(asking: Asking, cases: Sequence[Case]) -> Mapping[UUID | None, Contact]:
    """The people of these cases."""
    return by_id(asking, Contact, customers.Contact, (case.contact_id for case in cases))


def queues_of(asking: Asking, cases: Sequence[Case]) -> Mapping[UUID | None, Queue]:
    """The queues of these cases. Who sees a case sees where it is."""
    return by_id(asking, Queue, queues.Queue, (case.queue_id for case in cases))


def owners(asking: Asking, cases: Sequence[Case]) -> Mapping[UUID | None, Agent]:
    """The agents of these cases."""
    return by_id(asking, Agent, agents.Agent, (case.owner_id for case in cases))


def teams_of(asking: Asking, cases: Sequence[Case]) -> Mapping[UUID | None, Team]:
    """The teams that these cases were given to."""
    return teams_by_id(asking, (case.team_id for case in cases))


def coverage(asking: Asking, cases: Sequence[Case]) -> Mapping[UUID | None, Entitlement]:
    """What covers these cases."""
    ids = (case.entitlement_id for case in cases)
    return by_id(asking, Entitlement, entitlements.Entitlement, ids)


def named_products(asking: Asking, cases: Sequence[Case]) -> Mapping[UUID | None, Product]:
    """What these cases are about."""
    return by_id(asking, Product, products.Product, (case.product_id for case in cases))


def agreements(asking: Asking, cases: Sequence[Case]) -> Mapping[UUID | None, Contract]:
    """The contracts that these cases were logged against."""
    return contracts_by_id(asking, {case.contract_id for case in cases})


def lines(asking: Asking, cases: Sequence[Case]) -> Mapping[UUID | None, ContractLine]:
    """The lines that these cases were logged against."""
    ids = (case.contract_line_id for case in cases)
    return by_id(asking, ContractLine, contracts.ContractLine, ids)


def service_levels(asking: Asking, cases: Sequence[Case]) -> Mapping[UUID | None, Sla]:
    """The SLAs whose clocks run on these cases."""
    return by_id(asking, Sla, sla.Sla, (case.sla_id for case in cases))


def items(asking: Asking, cases: Sequence[Case]) -> Mapping[UUID, list[QueueItem]]:
    """Where these cases wait: one item each, or none."""
    found = asking.session.scalars(
        select(queues.QueueItem)
        .where(queues.QueueItem.case_id.in_([case.id for case in cases]))
        .where(queues.QueueItem.ended_at.is_(None))
    )
    return grouped(QueueItem, found, lambda row: row.case_id)


def stories(
    asking: Asking, cases: Sequence[Case], newest_first: bool, first: int, after: str | None
) -> Mapping[UUID, Connection[Activity]]:
    """A page of the story of each of these cases."""
    return pages(
        asking, DONE, NEWEST if newest_first else OLDEST, Activity,
        cases, rows.Activity.case_id, first=first, after=after,
    )  # fmt: skip


def files(asking: Asking, cases: Sequence[Case]) -> Mapping[UUID, list[Attachment]]:
    """The files of these cases, in the order in which they came."""
    found = asking.session.execute(
        select(rows.Attachment, rows.Activity.case_id)
        .join(rows.Activity, rows.Activity.id == rows.Attachment.activity_id)
        .where(rows.Activity.case_id.in_([case.id for case in cases]))
        .order_by(rows.Activity.at, rows.Activity.id, rows.Attachment.part)
    ).all()
    whose = {row.id: case_id for row, case_id in found if case_id is not None}
    return grouped(Attachment, (row for row, _case_id in found), lambda row: whose[row.id])
