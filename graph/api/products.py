"""What can be asked about and what customers have of it: the catalogue and the owned pieces."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING
from uuid import UUID

import strawberry
from sqlalchemy import or_, select

from graph.api.asking import Asking, Info
from graph.api.describing import described
from graph.api.limits import FIRST_DEFAULT
from graph.api.loading import Shown, by_id, grouped
from graph.api.pages import After, Connection, First, Order, page
from intake import products as rows

if TYPE_CHECKING:
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
        return self.loaded(info, families).get(self.family_id)


@strawberry.type(
    description="One piece that a customer has: this printer, with this serial number."
)
class OwnedProduct(Shown):
    id: UUID = strawberry.field(description="The piece's id.")
    serial_number: str = strawberry.field(description="Its serial number.")
    bought_on: date | None = strawberry.field(description="When it was bought.")
    warranty_until: date | None = strawberry.field(description="Its last day under warranty.")

    @described("What it is.")
    def product(self) -> Product:
        return Product.of(self.row.product)  # comes with its row


BY_NAME = Order("products", rows.Product.name, rows.Product.id)


@strawberry.type
class ProductQueries:
    @described("The catalogue by name; `search` finds in names and numbers.")
    def products(
        self, info: Info, search: str = "", first: First = FIRST_DEFAULT, after: After = None
    ) -> Connection[Product]:
        statement = select(rows.Product)
        if search:
            name = rows.Product.name.icontains(search, autoescape=True)
            number = rows.Product.number.icontains(search, autoescape=True)
            statement = statement.where(or_(name, number))
        return page(info.context, statement, BY_NAME, Product, first=first, after=after)


def families(asking: Asking, products: Sequence[Product]) -> Mapping[UUID | None, ProductFamily]:
    """The families of these products."""
    ids = (product.family_id for product in products)
    return by_id(asking, ProductFamily, rows.ProductFamily, ids)


def owned_by(asking: Asking, owners: Sequence[Customer]) -> Mapping[UUID, list[OwnedProduct]]:
    """What these customers have themselves, the newest first."""
    ids = [owner.id for owner in owners]
    theirs = rows.OwnedProduct.account_id.in_(ids) | rows.OwnedProduct.contact_id.in_(ids)
    newest = rows.OwnedProduct.bought_on.desc().nulls_last()
    found = asking.session.scalars(
        select(rows.OwnedProduct).where(theirs).order_by(newest, rows.OwnedProduct.id)
    )
    return grouped(OwnedProduct, found, lambda row: row.account_id or row.contact_id)
