"""A renewal: a new draft like the old one, and each names the other."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from sqlalchemy.orm import Session

from intake.agents import SYSTEM, Principal
from intake.db import new_id
from intake.entitlements.acting import WrongState, held, tell
from intake.entitlements.bought import (
    ChannelAllotment,
    EntitledContact,
    EntitledProduct,
    Entitlement,
    State,
)
from intake.entitlements.editing import OWN, TERMS

DAY = timedelta(days=1)


def renew(
    session: Session, entitlement: Entitlement, *, on: date, at: datetime, by: Principal
) -> Entitlement:
    """A new draft like it, as long, from that day on; the two name each other.

    Raises WrongState unless it is expired or cancelled and was not renewed before.
    """
    old = held(session, entitlement, by, State.EXPIRED, State.CANCELLED, act="renewed")
    return _renewal(session, old, on=on, at=at, by=by)


def renew_ahead(
    session: Session, entitlement: Entitlement, *, at: datetime, by: Principal = SYSTEM
) -> Entitlement:
    """Its renewal as a draft, from the day after its end, while it is still in force or just over.

    A draft promises nothing: the customer goes on being reminded until somebody activates it.
    """
    states = (State.ACTIVE, State.ON_HOLD, State.EXPIRED)
    old = held(session, entitlement, by, *states, act="renewed ahead")
    return _renewal(session, old, on=old.ends_on + DAY, at=at, by=by)


def _renewal(
    session: Session, old: Entitlement, *, on: date, at: datetime, by: Principal
) -> Entitlement:
    if old.renewed_by_id is not None:
        raise WrongState(f"{old.name} was renewed already")
    new = Entitlement(
        id=new_id(),
        starts_on=on,
        ends_on=on + (old.ends_on - old.starts_on),
        zone=old.zone,
        remaining=0,
        renews_id=old.id,
        created_at=at,
        channels=[ChannelAllotment(channel=row.channel, total=row.total, remaining=0)
                  for row in old.channels],
        contacts=[EntitledContact(contact_id=row.contact_id) for row in old.contacts],
        products=[EntitledProduct(product_id=row.product_id) for row in old.products],
        **{field: getattr(old, field) for field in (*TERMS, *OWN)},
    )  # fmt: skip
    session.add(new)
    old.renewed_by_id = new.id
    tell(session, old, "renewed", at, by, renewed_by=str(new.id))
    return new
