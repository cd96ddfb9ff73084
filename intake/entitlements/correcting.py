"""A balance put right by hand."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from intake.agents import Principal
from intake.db import new_id
from intake.entitlements.acting import held, tell
from intake.entitlements.bought import Entitlement
from intake.entitlements.ledger import EntryKind, LedgerEntry, entry_of
from intake.entitlements.thresholds import arm, notice_low
from intake.entitlements.validity import MOST, BadEntitlement


def correct(
    session: Session,
    entitlement: Entitlement,
    amount: int,
    reason: str,
    *,
    at: datetime,
    by: Principal,
    channel: str = "",
    key: str = "",
) -> LedgerEntry:
    """Put a balance right by hand, up or down: a channel's own when one is named, else the whole.

    `key` makes it happen once however often it is asked for.
    """
    entitlement = held(session, entitlement, by)
    if not reason.strip():
        raise BadEntitlement("reason", "say why the balance is corrected")
    if abs(amount) > MOST:
        raise BadEntitlement("amount", f"{amount} is more than anybody bought")
    row = entitlement.allotment(channel) if channel else None
    if channel and row is None:
        raise BadEntitlement("channel", f"{channel} has no balance of its own")
    if not channel and entitlement.restricted and entitlement.remaining + amount < 0 > amount:
        raise BadEntitlement("amount", f"only {entitlement.left(entitlement.remaining)} are left")
    entry = entry_of(entitlement, EntryKind.CORRECTION, 0 if channel else amount,
                     key=f"entitlement:{entitlement.id}:correction:{key or new_id()}",
                     reason=reason.strip(), at=at, channel=channel,
                     channel_amount=amount if channel else 0, actor_id=by.id)  # fmt: skip
    session.add(entry)
    arm(entitlement)
    notice_low(entitlement, at)
    tell(session, entitlement, "corrected", at, by, amount=amount, channel=channel, reason=reason)
    return entry
