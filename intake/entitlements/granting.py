"""What activation grants: the terms bought, what a renewal brings along, and what edits changed."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from intake.agents import SYSTEM, Principal
from intake.entitlements import periods
from intake.entitlements.bought import Entitlement, State
from intake.entitlements.ledger import EntryKind, LedgerEntry, entry_of, sums


def first(entitlement: Entitlement, on: date, at: datetime, by: Principal) -> list[LedgerEntry]:
    """The terms of an entitlement that is put in force for the first time."""
    begins = max(on, entitlement.starts_on)
    entitlement.period_on = periods.period_at(entitlement, min(begins, entitlement.ends_on))
    entitlement.remaining = 0
    for row in entitlement.channels:
        row.remaining = 0
    return _brought_to_total(entitlement, EntryKind.GRANT, "activated", at, by)


def made_up_for(
    session: Session, entitlement: Entitlement, on: date, at: datetime, by: Principal
) -> list[LedgerEntry]:
    """The difference that edits of a draft made to totals that had been granted."""
    if entitlement.period_on is None:
        entitlement.period_on = periods.period_at(entitlement, max(on, entitlement.starts_on))
    _whole, by_channel = sums(session, entitlement.id)
    key = f"entitlement:{entitlement.id}:activation:{entitlement.activations}"
    gone = [
        entry_of(entitlement, EntryKind.CORRECTION, 0, key=f"{key}:{channel}:gone",
                 reason=f"{channel} is no longer listed", at=at, channel=channel,
                 channel_amount=-left, actor_id=by.id)
        for channel, left in by_channel.items()
        if channel and left and entitlement.allotment(channel) is None
    ]  # fmt: skip
    why = "total changed"
    return [*gone, *_brought_to_total(entitlement, EntryKind.CORRECTION, why, at, by)]


def _brought_to_total(
    entitlement: Entitlement, kind: EntryKind, reason: str, at: datetime, by: Principal
) -> list[LedgerEntry]:
    key = f"entitlement:{entitlement.id}:activation:{entitlement.activations}"
    entries = []
    if missing := entitlement.total - entitlement.granted:
        entries.append(
            entry_of(entitlement, kind, missing, key=key, reason=reason, at=at, actor_id=by.id)
        )
    entitlement.granted = entitlement.total
    for row in entitlement.channels:
        if missing := row.total - row.granted:
            entries.append(
                entry_of(entitlement, kind, 0, key=f"{key}:{row.channel}", reason=reason, at=at,
                         channel=row.channel, channel_amount=missing, actor_id=by.id)
            )  # fmt: skip
        row.granted = row.total
    return entries


def carried_over(
    session: Session, entitlement: Entitlement, *, at: datetime, by: Principal = SYSTEM
) -> list[LedgerEntry]:
    """What the renewed one left unused, up to the cap, once; the old record stays as it is."""
    if entitlement.renews_id is None or not entitlement.carry_over:
        return []
    key = f"entitlement:{entitlement.id}:carried-over"
    if session.scalar(select(exists().where(LedgerEntry.event_key == key))):
        return []
    old = session.get_one(Entitlement, entitlement.renews_id)
    over = old.state in (State.EXPIRED, State.CANCELLED) or old.ends_on < entitlement.starts_on
    if not over:
        return []  # its customer goes on using it
    units = min(entitlement.carry_over, periods.carried_from(old))
    periods.note_carried(entitlement, units, entitlement.starts_on)
    if not units:
        return []
    reason = f"unused in {old.name} until {old.ends_on}"
    entries = [
        entry_of(entitlement, EntryKind.CARRY_OVER, units, key=key, reason=reason, at=at,
                 actor_id=by.id)
    ]  # fmt: skip
    for row in entitlement.channels:
        before = old.allotment(row.channel)
        if before is not None and (own := min(units, max(0, before.remaining))):
            entries.append(
                entry_of(entitlement, EntryKind.CARRY_OVER, 0, key=f"{key}:{row.channel}",
                         reason=reason, at=at, channel=row.channel, channel_amount=own,
                         actor_id=by.id)
            )  # fmt: skip
    return entries
