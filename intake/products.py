"""What customers own and ask about. Never a matter of price or billing."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import String, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from intake.db import Base, new_id


class Product(Base):
    """A product of the catalogue, which a case may name."""

    __tablename__ = "products"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    number: Mapped[str] = mapped_column(String(60), unique=True)
    name: Mapped[str]


def catalogue(session: Session) -> list[Product]:
    """Every product a customer may ask about, by name."""
    return list(session.scalars(select(Product).order_by(Product.name, Product.number)))


def by_number(session: Session, numbers: Collection[str]) -> dict[str, UUID]:
    """The products of these numbers; one that nobody sells is left out."""
    if not numbers:
        return {}
    rows = session.execute(select(Product.number, Product.id).where(Product.number.in_(numbers)))
    return {row.number: row.id for row in rows}
