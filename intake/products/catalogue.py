"""The catalogue: products in families, which a case may name; never a matter of price."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select, String, exists, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from intake import events
from intake.agents import Act, Principal
from intake.db import Base, new_id, refers_to
from intake.errors import IntakeError, NotFound

NUMBER_LENGTH, NAME_LENGTH, EXTERNAL_ID_LENGTH, DESCRIPTION_LENGTH = 60, 200, 120, 4_000
WRITABLE = ("number", "name", "family_id", "description", "external_id")


class WrongProduct(IntakeError):
    """A field of a product or family that cannot be meant; the text names it."""

    code = "wrong-product"


class ProductFamily(Base):
    """Products that belong together, inside a wider family or at the top."""

    __tablename__ = "product_families"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    name: Mapped[str] = mapped_column(String(120), unique=True)
    parent_id: Mapped[UUID | None] = mapped_column(refers_to("product_families.id"), index=True)


class Product(Base):
    """A product of the catalogue, which a case may name."""

    __tablename__ = "products"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    number: Mapped[str] = mapped_column(String(60), unique=True)
    name: Mapped[str]
    family_id: Mapped[UUID | None] = mapped_column(refers_to("product_families.id"), index=True)
    description: Mapped[str] = mapped_column(default="")
    external_id: Mapped[str | None] = mapped_column(String(120), unique=True)


def catalogue(session: Session) -> list[Product]:
    """Every product a customer may ask about, by name."""
    return list(session.scalars(select(Product).order_by(Product.name, Product.number)))


def by_number(session: Session, numbers: Collection[str]) -> dict[str, UUID]:
    """The products of these numbers; one that nobody sells is left out."""
    if not numbers:
        return {}
    rows = session.execute(select(Product.number, Product.id).where(Product.number.in_(numbers)))
    return {row.number: row.id for row in rows}


def family(
    session: Session, by: Principal, name: str, *, at: datetime, parent_id: UUID | None = None
) -> ProductFamily:
    """A new family of products. Raises WrongProduct for a name that is empty or taken."""
    by.must(Act.MANAGE)
    name = text("name", name, 120)
    if session.scalar(select(exists().where(ProductFamily.name == name))):
        raise WrongProduct(f"name: there is a family {name!r} already")
    if parent_id is not None and session.get(ProductFamily, parent_id) is None:
        raise NotFound("there is no such family")
    made = ProductFamily(id=new_id(), name=name, parent_id=parent_id)
    session.add(made)
    session.flush()
    events.record(session, "product-family.added", at=at, actor=by, name=name)
    return made


def place(
    session: Session, by: Principal, family_id: UUID, parent_id: UUID | None, *, at: datetime
) -> ProductFamily:
    """Put a family inside another, or at the top. Raises WrongProduct for a circle."""
    by.must(Act.MANAGE)
    # All of them are few; held together, two moves at once cannot close a circle.
    families = {f.id: f for f in session.scalars(select(ProductFamily).with_for_update())}
    if family_id not in families or (parent_id is not None and parent_id not in families):
        raise NotFound("there is no such family")
    above = parent_id
    while above is not None:
        if above == family_id:
            raise WrongProduct("parent_id: a family cannot be inside itself")
        above = families[above].parent_id
    moved = families[family_id]
    moved.parent_id = parent_id
    session.flush()
    events.record(session, "product-family.placed", at=at, actor=by, name=moved.name)
    return moved


def products_in(family_id: UUID) -> Select[Product]:
    """The products of a family and of all families inside it, by name."""
    inside = select(ProductFamily.id).where(ProductFamily.id == family_id).cte(recursive=True)
    inside = inside.union(select(ProductFamily.id).where(ProductFamily.parent_id == inside.c.id))
    mine = Product.family_id.in_(select(inside.c.id))
    return select(Product).where(mine).order_by(Product.name, Product.number)


def add(
    session: Session, by: Principal, *, number: str, name: str, at: datetime, **more: Any
) -> Product:
    """A new product of the catalogue. Raises WrongProduct, naming the field."""
    by.must(Act.MANAGE)
    product = Product(id=new_id(), description="")
    _write(session, product, {"number": number, "name": name, **more})
    session.add(product)
    session.flush()
    events.record(session, "product.added", at=at, actor=by, number=product.number)
    return product


def change(
    session: Session, by: Principal, product_id: UUID, *, at: datetime, **fields: Any
) -> Product:
    """Write other fields into a product. Raises WrongProduct, naming the field."""
    by.must(Act.MANAGE)
    product = session.get(Product, product_id, with_for_update=True, populate_existing=True)
    if product is None:
        raise NotFound("there is no such product")
    with session.no_autoflush:
        _write(session, product, fields)
    session.flush()
    events.record(
        session, "product.changed", at=at, actor=by, number=product.number, fields=sorted(fields)
    )
    return product


def _write(session: Session, product: Product, fields: dict[str, Any]) -> None:
    for field, value in fields.items():
        if field not in WRITABLE:
            raise WrongProduct(f"{field}: there is no such field to write")
        setattr(product, field, value)
    product.number = text("number", product.number, NUMBER_LENGTH)
    product.name = text("name", product.name, NAME_LENGTH)
    product.external_id = (product.external_id or "").strip() or None
    if len(product.external_id or "") > EXTERNAL_ID_LENGTH:
        raise WrongProduct(f"external_id: at most {EXTERNAL_ID_LENGTH} characters")
    if len(product.description) > DESCRIPTION_LENGTH:
        raise WrongProduct(f"description: at most {DESCRIPTION_LENGTH} characters")
    if product.family_id is not None and session.get(ProductFamily, product.family_id) is None:
        raise WrongProduct("family_id: there is no such family")
    for field in ("number", "external_id"):
        value = getattr(product, field)
        same = exists().where(getattr(Product, field) == value, Product.id != product.id)
        if value is not None and session.scalar(select(same)):
            raise WrongProduct(f"{field}: another product has {value!r}")


def text(field: str, value: str, longest: int) -> str:
    """Words that must be there and not too many. Raises WrongProduct."""
    value = value.strip()
    if not value or len(value) > longest:
        raise WrongProduct(f"{field}: between 1 and {longest} characters")
    return value
