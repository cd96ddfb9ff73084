"""What can be asked about and what customers have of it: the catalogue and the owned pieces."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import strawberry
from sqlalchemy import or_, select

from graph.api.asking import Asking, Info
from graph.api.describing import described
from graph.api.limits import FIRST_DEFAULT
from graph.api.loading import Shown, by_id, grouped, together
from graph.api.pages import After, Connection, First, Order, page
from intake import customers
from intake import products as rows

if TYPE_CHECKING:
    from graph.api.cases import Case
    from graph.api.customers import Customer


@strawberry.type(description="Products that belong together.")
class ProductFamily(Shown):
    id: UUID = strawberry.field(description="The family's id.")
    name: str = strawberry.field(description="What it is called.")
    parent_id: UUID | None = strawberry.field(description="The wider family that it is inside.")


@strawberry.type(description="A product of the catalogue.")
class Product(Shown):
    id: UUID = strawberry.field(description="The product's id.")
    number: str = strawberry.field(description="Its number in the catalogue.")
    name: str = strawberry.field(description="What it is called.")
    description: str = strawberry.field(description="What it is, or empty.")
    external_id: str | None = strawberry.field(description="Its id in another system.")
    family_id: strawberry.Private[UUID | None]

    @described("The family it belongs to.")
    def family(self, info: Info) -> ProductFamily | None:
        return self.named(info, "family_id", ProductFamily, rows.ProductFamily)

    @described("The cases that name it and that you may see, the newest first.")
    def cases(
        self, info: Info, first: First = FIRST_DEFAULT, after: After = None
    ) -> Connection[Annotated[Case, strawberry.lazy("graph.api.cases")]]:
        from graph.api.caselists import of_products

        return self.loaded(info, of_products, first, after)[self.id]


@strawberry.type(
    description="One piece that a customer has: this printer, with this serial number."
)
class OwnedProduct(Shown):
    id: UUID = strawberry.field(description="The piece's id.")
    serial_number: str = strawberry.field(description="Its serial number.")
    bought_on: date | None = strawberry.field(description="When it was bought.")
    warranty_until: date | None = strawberry.field(description="Its last day under warranty.")

    account_id: strawberry.Private[UUID | None]
    contact_id: strawberry.Private[UUID | None]

    @described("Whose it is.")
    def customer(
        self, info: Info
    ) -> Annotated[Customer, strawberry.lazy("graph.api.customers")] | None:
        return self.loaded(info, holders).get(self.account_id or self.contact_id)

    @described("What it is.")
    def product(self) -> Product:
        return Product.of(self.row.product)  # comes with its row


BY_NAME = Order("products", rows.Product.name, rows.Product.id)


@strawberry.type
class ProductQueries:
    @described("The catalogue by name; `search` finds in names and numbers.")
    def products(
        self,
        info: Info,
        search: str = "",
        family: Annotated[
            UUID | None,
            strawberry.argument(description="Of this family and of those inside it."),
        ] = None,
        first: First = FIRST_DEFAULT,
        after: After = None,
    ) -> Connection[Product]:
        statement = select(rows.Product)
        if family is not None:
            statement = rows.products_in(family).order_by(None)
        if search:
            name = rows.Product.name.icontains(search, autoescape=True)
            number = rows.Product.number.icontains(search, autoescape=True)
            statement = statement.where(or_(name, number))
        return page(info.context, statement, BY_NAME, Product, first=first, after=after)

    @described("The product of that id, or null.")
    def product(self, info: Info, id: UUID) -> Product | None:
        return by_id(info.context, Product, rows.Product, [id]).get(id)

    @described("Every family of products, by name.")
    def product_families(self, info: Info) -> list[ProductFamily]:
        statement = select(rows.ProductFamily).order_by(rows.ProductFamily.name)
        return together(ProductFamily, info.context.session.scalars(statement))

    @described("Whose piece has that serial number; several products may share one.")
    def owned_products(self, info: Info, serial_number: str) -> list[OwnedProduct]:
        same = rows.OwnedProduct.serial_number == serial_number.strip()
        statement = select(rows.OwnedProduct).where(same).order_by(rows.OwnedProduct.id)
        return together(OwnedProduct, info.context.session.scalars(statement))


def holders(asking: Asking, pieces: Sequence[OwnedProduct]) -> Mapping[UUID | None, Customer]:
    """Who has these pieces."""
    from graph.api.customers import Account, Contact

    companies = by_id(asking, Account, customers.Account, (piece.account_id for piece in pieces))
    people = by_id(asking, Contact, customers.Contact, (piece.contact_id for piece in pieces))
    return {**companies, **people}


def owned_by(asking: Asking, owners: Sequence[Customer]) -> Mapping[UUID, list[OwnedProduct]]:
    """What these customers have themselves, the newest first."""
    ids = [owner.id for owner in owners]
    theirs = rows.OwnedProduct.account_id.in_(ids) | rows.OwnedProduct.contact_id.in_(ids)
    newest = rows.OwnedProduct.bought_on.desc().nulls_last()
    found = asking.session.scalars(
        select(rows.OwnedProduct).where(theirs).order_by(newest, rows.OwnedProduct.id)
    )
    return grouped(OwnedProduct, found, lambda row: row.account_id or row.contact_id)
