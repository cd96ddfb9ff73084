"""Finding entitlements: all of them, a customer's own, and those that run low."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING
from uuid import UUID

import strawberry
from sqlalchemy import or_, select

from graph.api.asking import Asking, Info
from graph.api.customers import Account, Customer
from graph.api.describing import described
from graph.api.limits import FIRST_DEFAULT
from graph.api.loading import by_id, grouped
from graph.api.pages import After, Connection, First, page
from intake import entitlements as rows
from intake import renewals

if TYPE_CHECKING:
    pass
from graph.api.entitlements import BY_END, Entitlement, EntitlementState


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
