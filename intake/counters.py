"""Numbers that go up without gaps, one row for each kind of them."""

from __future__ import annotations

from sqlalchemy import String, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from intake.db import Base


class Counter(Base):
    """The last number given out. The first migration writes a row for each name."""

    __tablename__ = "counters"

    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    value: Mapped[int]


def next_of(session: Session, name: str, count: int = 1) -> range:
    """The next `count` numbers of that name, for this transaction alone."""
    last = session.scalar(
        update(Counter)
        .where(Counter.name == name)
        .values(value=Counter.value + count)
        .returning(Counter.value)
        .execution_options(synchronize_session=False)
    )
    assert last is not None, "the first migration writes the counter"
    return range(last - count + 1, last + 1)
