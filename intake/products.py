"""What customers own and ask about. Never a matter of price or billing."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    Index,
    Select,
    String,
    UniqueConstraint,
    exists,
    or_,
    select,
)
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from intake import events
from intake.agents import Act, Principal
from intake.customers import Account, Contact
from intake.db import Base, new_id, refers_to
from intake.errors import IntakeError, NotFound


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


class OwnedProduct(Base):
    """One piece that a customer has: this printer, with this serial number."""

    __tablename__ = "owned_products"
    __table_args__ = (
        UniqueConstraint("product_id", "serial_number"),
        CheckConstraint("(account_id IS NULL) <> (contact_id IS NULL)", name="one_customer"),
        Index("ix_owned_products_by_account", "account_id"),
        Index("ix_owned_products_by_contact", "contact_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    product_id: Mapped[UUID] = mapped_column(refers_to("products.id"))
    serial_number: Mapped[str] = mapped_column(String(120))
    account_id: Mapped[UUID | None] = mapped_column(refers_to("accounts.id"))
    contact_id: Mapped[UUID | None] = mapped_column(refers_to("contacts.id"))
    bought_on: Mapped[date | None]
    warranty_until: Mapped[date | None]
    """The last day, included."""
    product: Mapped[Product] = relationship(lazy="joined", innerjoin=True)

    def under_warranty(self, on: date) -> bool:
        """Whether its warranty covers that day."""
        return self.warranty_until is not None and on <= self.warranty_until


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
    name = _text("name", name, 120)
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


def own(
    session: Session,
    by: Principal,
    product_id: UUID,
    serial_number: str,
    *,
    at: datetime,
    account_id: UUID | None = None,
    contact_id: UUID | None = None,
    bought_on: date | None = None,
    warranty_until: date | None = None,
) -> OwnedProduct:
    """Note that a customer has one of these. Raises WrongProduct, naming the field."""
    by.must(Act.WORK)
    product = session.get(Product, product_id)
    if product is None:
        raise WrongProduct("product_id: there is no such product")
    _customer(session, account_id, contact_id)
    serial_number = _text("serial_number", serial_number, 120)
    _warranty(bought_on, warranty_until)
    same = exists().where(
        OwnedProduct.product_id == product_id, OwnedProduct.serial_number == serial_number
    )
    if session.scalar(select(same)):
        raise WrongProduct(f"serial_number: {product.name} {serial_number} is somebody's already")
    owned = OwnedProduct(
        id=new_id(),
        product_id=product_id,
        serial_number=serial_number,
        account_id=account_id,
        contact_id=contact_id,
        bought_on=bought_on,
        warranty_until=warranty_until,
    )
    session.add(owned)
    session.flush()
    events.record(
        session, "product.owned", at=at, actor=by, owned=str(owned.id), product=product.number
    )
    return owned


def owned_by(
    session: Session, account_id: UUID | None, contact_id: UUID | None
) -> list[OwnedProduct]:
    """What a contact and their account have, the newest first."""
    theirs = or_(
        OwnedProduct.account_id == account_id if account_id else OwnedProduct.id.is_(None),
        OwnedProduct.contact_id == contact_id if contact_id else OwnedProduct.id.is_(None),
    )
    newest = OwnedProduct.bought_on.desc().nulls_last()
    return list(
        session.scalars(select(OwnedProduct).where(theirs).order_by(newest, OwnedProduct.id))
    )


def _customer(session: Session, account_id: UUID | None, contact_id: UUID | None) -> None:
    if (account_id is None) == (contact_id is None):
        raise WrongProduct("customer: a product is one account's or one contact's")
    if account_id is not None and session.get(Account, account_id) is None:
        raise WrongProduct("account_id: there is no such account")
    if contact_id is not None and session.get(Contact, contact_id) is None:
        raise WrongProduct("contact_id: there is no such contact")


def _warranty(bought_on: date | None, warranty_until: date | None) -> None:
    if bought_on and warranty_until and warranty_until < bought_on:
        raise WrongProduct(f"warranty_until: {warranty_until} is before bought_on, {bought_on}")


def _text(field: str, value: str, longest: int) -> str:
    value = value.strip()
    if not value or len(value) > longest:
        raise WrongProduct(f"{field}: between 1 and {longest} characters")
    return value
