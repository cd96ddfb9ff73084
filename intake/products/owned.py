"""What customers have of the catalogue: pieces with a serial number, and for how long they last."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, String, UniqueConstraint, exists, or_, select
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from intake import events
from intake.agents import Act, Principal
from intake.customers import Account, Contact
from intake.db import Base, new_id, refers_to
from intake.errors import NotFound
from intake.products.catalogue import Product, WrongProduct, text

SERIAL_LENGTH = 120


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
    serial_number = text("serial_number", serial_number, SERIAL_LENGTH)
    _warranty(bought_on, warranty_until)
    _nobodys(session, product, serial_number)
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
    owned.product = product
    _record(session, "product.owned", owned, by, at)
    return owned


def change_owned(
    session: Session, by: Principal, owned_id: UUID, *, at: datetime, **fields: Any
) -> OwnedProduct:
    """Put right its `serial_number`, `bought_on` or `warranty_until`. Raises WrongProduct."""
    by.must(Act.WORK)
    owned = _piece(session, owned_id)
    if "serial_number" in fields:
        serial_number = text("serial_number", fields["serial_number"], SERIAL_LENGTH)
        if serial_number != owned.serial_number:
            _nobodys(session, owned.product, serial_number)
        owned.serial_number = serial_number
    owned.bought_on = fields.get("bought_on", owned.bought_on)
    owned.warranty_until = fields.get("warranty_until", owned.warranty_until)
    _warranty(owned.bought_on, owned.warranty_until)
    session.flush()
    _record(session, "product.owned-changed", owned, by, at)
    return owned


def disown(session: Session, by: Principal, owned_id: UUID, *, at: datetime) -> OwnedProduct:
    """Note that its customer has it no more; its serial number may be somebody else's."""
    by.must(Act.WORK)
    owned = _piece(session, owned_id)
    _record(session, "product.disowned", owned, by, at)
    session.delete(owned)
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


def _piece(session: Session, owned_id: UUID) -> OwnedProduct:
    found = session.get(OwnedProduct, owned_id, populate_existing=True)
    if found is None:
        raise NotFound("nobody has such a product")
    return found


def _nobodys(session: Session, product: Product, serial_number: str) -> None:
    same = exists().where(
        OwnedProduct.product_id == product.id, OwnedProduct.serial_number == serial_number
    )
    if session.scalar(select(same)):
        raise WrongProduct(f"serial_number: {product.name} {serial_number} is somebody's already")


def _record(session: Session, kind: str, owned: OwnedProduct, by: Principal, at: datetime) -> None:
    events.record(
        session, kind, at=at, actor=by, owned=str(owned.id), product=owned.product.number,
        serial_number=owned.serial_number,
    )  # fmt: skip
