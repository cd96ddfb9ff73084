"""What customers own and ask about. Never a matter of price or billing."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from intake.db import Base, new_id


class Product(Base):
    """A product of the catalogue, which a case may name."""

    __tablename__ = "products"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    number: Mapped[str] = mapped_column(String(60), unique=True)
    name: Mapped[str]
