"""Finding contracts: by number, by customer, by where they stand."""

from __future__ import annotations

from uuid import UUID

import strawberry
from sqlalchemy import Select, or_

from graph.api.asking import Info
from graph.api.contracts import (
    BY_END,
    WITH_LINES,
    Contract,
    ContractState,
)
from graph.api.describing import described
from graph.api.limits import FIRST_DEFAULT
from graph.api.pages import After, Connection, First, page
from intake import contracts as rows
from intake.errors import IntakeError


class NotOneContract(IntakeError):
    """A contract is asked for by its number or by its id."""

    code = "not-one-contract"


@strawberry.input(description="Which contracts; what is left out does not matter.")
class ContractFilter:
    states: list[ContractState] | None = strawberry.field(default=None, description="Any of these.")
    account: UUID | None = strawberry.field(default=None, description="With this account.")
    contact: UUID | None = strawberry.field(default=None, description="With this contact.")
    search: str = strawberry.field(default="", description="With this in the number or the name.")
    expired_not_renewed: bool = strawberry.field(
        default=False, description="Only those that ran out and that nobody renewed."
    )

    def of(self, statement: Select[rows.Contract]) -> Select[rows.Contract]:
        """Those contracts of the statement that pass."""
        if self.states is not None:
            statement = statement.where(rows.Contract.state.in_(self.states))
        if self.account is not None:
            statement = statement.where(rows.Contract.account_id == self.account)
        if self.contact is not None:
            statement = statement.where(rows.Contract.contact_id == self.contact)
        if self.search:
            number = rows.Contract.number.icontains(self.search, autoescape=True)
            name = rows.Contract.name.icontains(self.search, autoescape=True)
            statement = statement.where(or_(number, name))
        if self.expired_not_renewed:
            listed = rows.expired_not_renewed().order_by(None).with_only_columns(rows.Contract.id)
            statement = statement.where(rows.Contract.id.in_(listed))
        return statement


@strawberry.type
class ContractQueries:
    @described("Contracts, the one that ends soonest first.")
    def contracts(
        self,
        info: Info,
        where: ContractFilter | None = None,
        first: First = FIRST_DEFAULT,
        after: After = None,
    ) -> Connection[Contract]:
        statement = (where or ContractFilter()).of(WITH_LINES)
        return page(info.context, statement, BY_END, Contract, first=first, after=after)

    @described("The contract of that id, or the latest term of that number; or null.")
    def contract(
        self, info: Info, number: str | None = None, id: UUID | None = None
    ) -> Contract | None:
        if (number is None) == (id is None):
            raise NotOneContract("name a contract by its number or by its id")
        key = rows.Contract.number == number if id is None else rows.Contract.id == id
        latest = WITH_LINES.where(key).order_by(rows.Contract.term.desc()).limit(1)
        row = info.context.session.scalar(latest)
        return Contract.of(row) if row else None
