"""What is done to the catalogue and to the pieces that customers have of it."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any
from uuid import UUID

import strawberry
from sqlalchemy.orm import Session

from graph.api.asking import Info
from graph.api.describing import described
from graph.api.doing import done
from graph.api.knowing import CustomerChanged, CustomerResult
from graph.api.loading import by_id
from graph.api.problems import AnyProblem
from graph.api.products import Product, ProductFamily
from graph.api.registering import given
from intake import products as rows
from intake.agents import Principal

UNSET: Any = strawberry.UNSET


@strawberry.input(description="What is written of a product; what is left out stays.")
class ProductFields:
    number: str | None = strawberry.field(default=UNSET, description="Its number.")
    name: str | None = strawberry.field(default=UNSET, description="What it is called.")
    description: str | None = strawberry.field(default=UNSET, description="What it is.")
    external_id: str | None = strawberry.field(default=UNSET, description="Its id elsewhere.")
    family: UUID | None = strawberry.field(
        default=UNSET, description="The family it belongs to; null: to none."
    )


@strawberry.input(description="What is written of an owned piece; what is left out stays.")
class PieceFields:
    serial_number: str | None = strawberry.field(default=UNSET, description="Its serial number.")
    bought_on: date | None = strawberry.field(default=UNSET, description="When it was bought.")
    warranty_until: date | None = strawberry.field(
        default=UNSET, description="Its last day under warranty."
    )


@strawberry.type(description="The catalogue was changed.")
class CatalogueChanged:
    product_id: strawberry.Private[UUID | None] = None
    family_id: strawberry.Private[UUID | None] = None

    @described("The product now, if it was one.")
    def product(self, info: Info) -> Product | None:
        found = by_id(info.context, Product, rows.Product, [self.product_id])
        return found.get(self.product_id)

    @described("The family now, if it was one.")
    def family(self, info: Info) -> ProductFamily | None:
        found = by_id(info.context, ProductFamily, rows.ProductFamily, [self.family_id])
        return found.get(self.family_id)


CatalogueResult = Annotated[
    CatalogueChanged | AnyProblem,
    strawberry.union("CatalogueResult", description="It was changed, or why it was not."),
]


@strawberry.type
class CatalogueMutations:
    @described("A new product of the catalogue.")
    def add_product(
        self,
        info: Info,
        number: str,
        name: str,
        description: str = "",
        external_id: str | None = None,
        family: UUID | None = None,
    ) -> CatalogueResult:
        at = info.context.at

        def act(session: Session, by: Principal) -> CatalogueChanged:
            made = rows.add(
                session, by, number=number, name=name, description=description,
                external_id=external_id, family_id=family, at=at,
            )  # fmt: skip
            return CatalogueChanged(product_id=made.id)

        return done(info, act)

    @described("Write other things of a product.")
    def change_product(self, info: Info, product: UUID, fields: ProductFields) -> CatalogueResult:
        at = info.context.at
        written = given(fields)
        for name in ("number", "description"):
            if name in written:
                written[name] = written[name] or ""

        def act(session: Session, by: Principal) -> CatalogueChanged:
            rows.change(session, by, product, at=at, **written)
            return CatalogueChanged(product_id=product)

        return done(info, act)

    @described("A new family of products, inside a wider one or at the top.")
    def add_product_family(
        self, info: Info, name: str, parent: UUID | None = None
    ) -> CatalogueResult:
        at = info.context.at

        def act(session: Session, by: Principal) -> CatalogueChanged:
            made = rows.family(session, by, name, parent_id=parent, at=at)
            return CatalogueChanged(family_id=made.id)

        return done(info, act)

    @described("Put a family of products inside another; null: at the top.")
    def place_product_family(
        self, info: Info, family: UUID, parent: UUID | None
    ) -> CatalogueResult:
        at = info.context.at

        def act(session: Session, by: Principal) -> CatalogueChanged:
            rows.place(session, by, family, parent, at=at)
            return CatalogueChanged(family_id=family)

        return done(info, act)

    @described("Put right what is noted of a piece that a customer has.")
    def change_owned_product(self, info: Info, owned: UUID, fields: PieceFields) -> CustomerResult:
        at = info.context.at
        written = {name: value for name, value in vars(fields).items() if value is not UNSET}
        if "serial_number" in written:
            written["serial_number"] = written["serial_number"] or ""

        def act(session: Session, by: Principal) -> CustomerChanged:
            piece = rows.change_owned(session, by, owned, at=at, **written)
            return CustomerChanged(account_id=piece.account_id, contact_id=piece.contact_id)

        return done(info, act)

    @described("Note that a customer has a piece no more.")
    def disown_product(self, info: Info, owned: UUID) -> CustomerResult:
        at = info.context.at

        def act(session: Session, by: Principal) -> CustomerChanged:
            piece = rows.disown(session, by, owned, at=at)
            return CustomerChanged(account_id=piece.account_id, contact_id=piece.contact_id)

        return done(info, act)
