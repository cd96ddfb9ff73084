"""Lists of cases: which, in what order, and how many; always of those that who asks may see."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, cast
from uuid import UUID

import strawberry
from sqlalchemy import Select
from strawberry.scalars import JSON

from graph.api.asking import Asking, Info
from graph.api.cases import Case
from graph.api.describing import described
from graph.api.fields import Severity
from graph.api.limits import FIRST_DEFAULT
from graph.api.loading import Shown
from graph.api.pages import After, Connection, First, Order, page, pages
from graph.api.statuses import CaseState
from intake import cases as rows
from intake import saved_views, search, views
from intake.errors import IntakeError
from intake.facts import CASE_COLUMNS, read_condition
from intake.fields import tags, topics
from intake.visibility import visible_to


class NotOneCase(IntakeError):
    """A case is asked for by its number or by its id."""

    code = "not-one-case"


@strawberry.enum(
    description="What comes first: the newest, the nearest deadline, or what changed last."
)
class CaseOrder(StrEnum):
    OPENED = "opened"
    DEADLINE = "deadline"
    UPDATED = "updated"


CaseView = views.View
strawberry.enum(
    CaseView,
    name="CaseView",
    description="A list people work from: all open cases; those that you can take; yours; those"
    " put off; complaints; closed ones.",
)
CaseScope = views.Scope
strawberry.enum(
    CaseScope, name="CaseScope", description="Every queue, public ones, or those you work."
)


@strawberry.input(description="Which cases; what is left out does not matter.")
class CaseFilter:
    states: list[CaseState] | None = strawberry.field(default=None, description="Any of these.")
    queue: UUID | None = strawberry.field(default=None, description="In this queue.")
    account: UUID | None = strawberry.field(default=None, description="Of this account.")
    contact: UUID | None = strawberry.field(default=None, description="Of this contact.")
    product: UUID | None = strawberry.field(default=None, description="About this product.")
    channel: str | None = strawberry.field(default=None, description="That came by this way.")
    owner: UUID | None = strawberry.field(default=None, description="Of this agent.")
    unowned: bool = strawberry.field(default=False, description="Of no agent yet.")
    snoozed: bool | None = strawberry.field(
        default=None, description="Those that are put off, or those that are not."
    )
    subject: str | None = strawberry.field(
        default=None, description="With these words in the subject."
    )

    severities: list[Severity] | None = strawberry.field(default=None, description="Any of these.")
    type: UUID | None = strawberry.field(default=None, description="Of this type.")
    topic: UUID | None = strawberry.field(
        default=None, description="About this topic or one inside it."
    )
    tags: list[str] | None = strawberry.field(default=None, description="With all these tags.")
    condition: JSON | None = strawberry.field(
        default=None,
        description='Those of which a condition holds, over any field: {"field": "number.seats", '
        '"op": "is at least", "value": 10}; also {"all": […]}, {"any": […]}, {"not": …}.',
    )

    def of(self, statement: Select[rows.Case], *, at: datetime) -> Select[rows.Case]:
        """Those cases of the statement that pass. Raises BadCondition."""
        wanted = {
            rows.Case.queue_id: self.queue,
            rows.Case.account_id: self.account,
            rows.Case.contact_id: self.contact,
            rows.Case.product_id: self.product,
            rows.Case.channel: self.channel,
            rows.Case.owner_id: self.owner,
            rows.Case.type_id: self.type,
        }
        for column, value in wanted.items():
            if value is not None:
                statement = statement.where(column == value)
        if self.states is not None:
            statement = statement.where(rows.Case.state.in_(self.states))
        if self.unowned:
            statement = statement.where(rows.Case.owner_id.is_(None))
        if self.snoozed is not None:
            put_off = rows.Case.snoozed_at.is_not(None)
            statement = statement.where(put_off if self.snoozed else ~put_off)
        if self.subject:
            statement = statement.where(rows.Case.subject.icontains(self.subject, autoescape=True))
        if self.severities is not None:
            statement = statement.where(rows.Case.severity.in_(self.severities))
        if self.topic is not None:
            statement = statement.where(rows.Case.topic_id.in_(topics.within(self.topic)))
        for name in self.tags or ():
            statement = statement.where(rows.Case.id.in_(tags.on_cases(name)))
        if self.condition is not None:
            statement = statement.where(
                read_condition(cast(Any, self.condition)).as_sql(CASE_COLUMNS, at=at)
            )
        return statement


OPENED = Order("cases opened", rows.Case.opened_at, rows.Case.id, descending=True)
DEADLINE = Order("cases deadline", rows.Case.order_at, rows.Case.id)
UPDATED = Order("cases updated", rows.Case.updated_at, rows.Case.id, descending=True)
ORDERS = {CaseOrder.OPENED: OPENED, CaseOrder.DEADLINE: DEADLINE, CaseOrder.UPDATED: UPDATED}


@strawberry.type
class CaseQueries:
    @described("The cases that you may see.")
    def cases(
        self,
        info: Info,
        where: CaseFilter | None = None,
        view: Annotated[
            CaseView | None, strawberry.argument(description="One of the lists people work from.")
        ] = None,
        scope: Annotated[
            CaseScope, strawberry.argument(description="In which queues, for a view.")
        ] = views.Scope.EVERY,
        saved_view: Annotated[
            UUID | None, strawberry.argument(description="A view that somebody saved.")
        ] = None,
        order_by: Annotated[
            CaseOrder | None,
            strawberry.argument(description="As the view is ordered, or the newest first."),
        ] = None,
        first: First = FIRST_DEFAULT,
        after: After = None,
    ) -> Connection[Case]:
        by = info.context.principal
        if view is not None and saved_view is not None:
            raise NotOneCase("ask for a view or for a saved view, not for both")
        statement, usual = visible_to(by), CaseOrder.OPENED
        if view is not None:
            closed = view is views.View.CLOSED
            statement = views.cases(by, view, scope=scope)
            usual = CaseOrder.UPDATED if closed else CaseOrder.DEADLINE
        elif saved_view is not None:
            saved = saved_views.one(info.context.session, by, saved_view)
            statement = saved_views.cases(by, saved, at=info.context.at)
            usual = CaseOrder(saved.order)
        statement = (where or CaseFilter()).of(statement, at=info.context.at)
        order = ORDERS[order_by or usual]
        return page(info.context, statement, order, Case, first=first, after=after)

    @described(
        "The cases that a question fits best, open and closed: a number, or words of the subject, "
        "of what was said, of file names and of the customer. At most 50."
    )
    def search_cases(self, info: Info, text: str, first: First = FIRST_DEFAULT) -> list[Case]:
        asking = info.context
        hits = search.search(asking.session, asking.principal, text, first=first)
        return [Case.of(hit.case) for hit in hits]

    @described("The case of that number or id; null when there is none for you.")
    def case(self, info: Info, number: int | None = None, id: UUID | None = None) -> Case | None:
        if (number is None) == (id is None):
            raise NotOneCase("name a case by its number or by its id")
        key = rows.Case.number == number if id is None else rows.Case.id == id
        row = info.context.session.scalar(visible_to(info.context.principal).where(key))
        return Case.of(row) if row else None


def in_queues(
    asking: Asking, queues: Sequence[Shown], first: int, after: str | None
) -> Mapping[UUID, Connection[Case]]:
    """A page of the active cases of each queue that are not put off, the nearest deadline first."""
    active = visible_to(asking.principal).where(
        rows.Case.state == rows.State.ACTIVE, rows.Case.snoozed_at.is_(None)
    )
    return pages(
        asking, active, DEADLINE, Case, queues, rows.Case.queue_id, first=first, after=after
    )


def of_accounts(
    asking: Asking, accounts: Sequence[Shown], first: int, after: str | None
) -> Mapping[UUID, Connection[Case]]:
    """A page of the cases of each account, the newest first."""
    visible = visible_to(asking.principal)
    return pages(
        asking, visible, OPENED, Case, accounts, rows.Case.account_id, first=first, after=after
    )


def of_products(
    asking: Asking, products: Sequence[Shown], first: int, after: str | None
) -> Mapping[UUID, Connection[Case]]:
    """A page of the cases that name each product, the newest first."""
    visible = visible_to(asking.principal)
    return pages(
        asking, visible, OPENED, Case, products, rows.Case.product_id, first=first, after=after
    )


def of_contacts(
    asking: Asking, contacts: Sequence[Shown], first: int, after: str | None
) -> Mapping[UUID, Connection[Case]]:
    """A page of the cases of each contact, the newest first."""
    visible = visible_to(asking.principal)
    return pages(
        asking, visible, OPENED, Case, contacts, rows.Case.contact_id, first=first, after=after
    )
