"""The status reasons that a case can have: those given, and those that a desk adds to them."""

from __future__ import annotations

from datetime import datetime
from typing import TypeAlias
from uuid import UUID

from sqlalchemy import String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from intake.cases.standing import Reason
from intake.db import Base, new_id, one_of

LONGEST = 60


class OwnReason(Base):
    """A status reason of the desk's own: a kind of a given one, and called otherwise.

    What the given one means to clocks, lists and rules, it means too (docs/decisions/0011).
    """

    __tablename__ = "own_reasons"
    # A case refers to both, so that it never stands in an own reason of another kind.
    __table_args__ = (UniqueConstraint("id", "kind_of"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    name: Mapped[str] = mapped_column(String(LONGEST))
    folded: Mapped[str] = mapped_column(String(4 * LONGEST), unique=True)
    kind_of: Mapped[Reason] = mapped_column(one_of(Reason))
    """It never changes."""
    position: Mapped[int]
    retired_at: Mapped[datetime | None]
    """Since when no case is put in it any more."""
    version: Mapped[int] = mapped_column(default=1)

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012

    @property
    def key(self) -> str:
        """What forms and stored acts call it; its name may change."""
        return str(self.id)

    def __str__(self) -> str:
        return self.name


Status: TypeAlias = Reason | OwnReason
"""What a case stands in, as people call it: as text, its name."""
Chosen: TypeAlias = Reason | UUID
"""A status as somebody chooses it: a given reason, or the id of one of the desk's own."""
