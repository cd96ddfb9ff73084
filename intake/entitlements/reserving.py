"""What open cases hold back of an entitlement that counts on resolution: a term for each, or an
estimate in minutes, so that two of them cannot both get the last one."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Mapped, Session, mapped_column

from intake.db import Base, refers_to
from intake.entitlements.bought import Entitlement


class Reservation(Base):
    """What an open case holds back of an entitlement that counts on resolution."""

    __tablename__ = "reservations"

    case_id: Mapped[UUID] = mapped_column(refers_to("cases.id"), primary_key=True)
    entitlement_id: Mapped[UUID] = mapped_column(refers_to("entitlements.id"), index=True)
    channel: Mapped[str]
    """The channel whose own balance is held back too; '' where it has none."""
    units: Mapped[int]
    at: Mapped[datetime]


def hold_back(
    session: Session, entitlement: Entitlement, case_id: UUID, channel: str, at: datetime
) -> None:
    """Note what an open case holds back; no balance changes."""
    units = entitlement.reserve
    row = entitlement.allotment(channel)
    entitlement.reserved += units
    if row is not None:
        row.reserved += units
    session.add(
        Reservation(
            case_id=case_id,
            entitlement_id=entitlement.id,
            channel=channel if row else "",
            units=units,
            at=at,
        )
    )


def let_go(session: Session, entitlement: Entitlement, held: Reservation) -> None:
    """The case holds back nothing any more."""
    entitlement.reserved -= held.units
    if row := entitlement.allotment(held.channel):
        row.reserved -= held.units
    session.delete(held)
    session.flush()  # the same case may hold back again at once, under the same key
