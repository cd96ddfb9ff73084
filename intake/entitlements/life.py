"""An entitlement's life: draft, waiting, active, expired or cancelled, and renewed.

Every change here locks the row first, so of two people who activate at once one is told that it
is active already. `by` must be allowed to manage.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from intake import events
from intake.agents import SYSTEM, Act, Principal
from intake.db import new_id
from intake.entitlements import granting, periods
from intake.entitlements.bought import (
    ChannelAllotment,
    EntitledContact,
    EntitledProduct,
    Entitlement,
    State,
    locked,
)
from intake.entitlements.choice import state_on
from intake.entitlements.ledger import EntryKind, LedgerEntry, entry_of
from intake.entitlements.thresholds import notice_low, threshold_reached
from intake.entitlements.validity import MOST, BadEntitlement, Problem, must_be_valid
from intake.errors import IntakeError, NotFound

DAY = timedelta(days=1)
# What a renewal and a template hand on; dates, balances, links and the default are its own.
TERMS = (
    "allocation", "decrease_on", "restricted", "overdraw", "unlisted", "total", "reserve",
    "period_months", "carry_over", "carry_over_days", "thresholds", "renewal_days",
    "draft_renewal", "sla_id", "calendar_id",
)  # fmt: skip
OWN = ("name", "account_id", "contact_id", "owner_id", "description", "email", "template_id")
EDITABLE = (*TERMS, *OWN, "starts_on", "ends_on")


class NotEditable(IntakeError):
    """Only a draft can be changed or activated."""

    code = "entitlement-not-draft"


class WrongState(IntakeError):
    """That cannot be done with an entitlement that stands where this one does."""

    code = "entitlement-wrong-state"


def edit(
    session: Session, entitlement: Entitlement, *, at: datetime, by: Principal, **changes: Any
) -> Entitlement:
    """Change fields of a draft; `channels` maps each channel to its total.

    Raises NotEditable unless it is a draft, BadEntitlement for a field that is none.
    """
    entitlement = _held(session, entitlement, by)
    if entitlement.state is not State.DRAFT:
        raise NotEditable(
            f"{entitlement.name} is {entitlement.state}; deactivate it before you change it"
        )
    _must_allow(entitlement, changes)
    if "channels" in changes:
        _list_channels(entitlement, changes.pop("channels"))
    for field, value in changes.items():
        if field not in EDITABLE:
            raise BadEntitlement(field, "there is no such field to change")
        setattr(entitlement, field, value)
    _tell(session, entitlement, "edited", at, by, fields=sorted(changes))
    return entitlement


def activate(
    session: Session, entitlement: Entitlement, *, on: date, at: datetime, by: Principal = SYSTEM
) -> list[Problem]:
    """Put a draft in force: waiting, active or expired by its dates, with its terms granted.

    The warnings are returned. Raises NotEditable unless it is a draft, BadEntitlement when a
    field is wrong.
    """
    entitlement = _held(session, entitlement, by)
    if entitlement.state is not State.DRAFT:
        raise NotEditable(f"{entitlement.name} is {entitlement.state}; only a draft is activated")
    warnings = must_be_valid(entitlement)
    on = entitlement.day(at, on)
    entitlement.state = state_on(entitlement, on)
    entitlement.activations += 1
    if entitlement.activations == 1:
        session.add_all(granting.first(entitlement, on, at, by))
    else:
        session.add_all(periods.turn(entitlement, on=on, at=at))
        session.add_all(granting.made_up_for(session, entitlement, on, at, by))
    if entitlement.state is not State.WAITING:
        session.add_all(granting.carried_over(session, entitlement, at=at, by=by))
    if entitlement.restricted:
        entitlement.overdrawn = max(0, -entitlement.remaining)
    _inherit_default(session, entitlement)
    _arm_thresholds(entitlement)
    entitlement.look_at = at  # the clock knows what comes next, and when that is
    _tell(session, entitlement, entitlement.state, at, by)
    return warnings


def deactivate(
    session: Session, entitlement: Entitlement, *, at: datetime, by: Principal
) -> Entitlement:
    """Back to a draft, to be changed; what was taken from it stays taken."""
    entitlement = _held(session, entitlement, by, State.ACTIVE, State.WAITING, act="deactivated")
    entitlement.state, entitlement.look_at = State.DRAFT, None
    _tell(session, entitlement, "deactivated", at, by)
    return entitlement


def cancel(
    session: Session, entitlement: Entitlement, *, at: datetime, by: Principal, reason: str = ""
) -> Entitlement:
    """End it at once."""
    entitlement = _held(session, entitlement, by, State.ACTIVE, State.WAITING, act="cancelled")
    entitlement.state, entitlement.look_at, entitlement.is_default = State.CANCELLED, None, False
    _tell(session, entitlement, "cancelled", at, by, reason=reason)
    return entitlement


def renew(
    session: Session, entitlement: Entitlement, *, on: date, at: datetime, by: Principal
) -> Entitlement:
    """A new draft like it, as long, from that day on; the two name each other.

    Raises WrongState unless it is expired or cancelled and was not renewed before.
    """
    old = _held(session, entitlement, by, State.EXPIRED, State.CANCELLED, act="renewed")
    return _renewal(session, old, on=on, at=at, by=by)


def renew_ahead(
    session: Session, entitlement: Entitlement, *, at: datetime, by: Principal = SYSTEM
) -> Entitlement:
    """Its renewal as a draft, from the day after its end, while it is still in force or just over.

    A draft promises nothing: the customer goes on being reminded until somebody activates it.
    """
    states = (State.ACTIVE, State.ON_HOLD, State.EXPIRED)
    old = _held(session, entitlement, by, *states, act="renewed ahead")
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
    _tell(session, old, "renewed", at, by, renewed_by=str(new.id))
    return new


def discard(session: Session, entitlement: Entitlement, *, at: datetime, by: Principal) -> None:
    """Delete a draft that was never in force. Raises WrongState for any other."""
    entitlement = _held(session, entitlement, by, State.DRAFT, act="deleted")
    if entitlement.activations:
        raise WrongState(f"{entitlement.name} was in force; cancel it, its ledger stays")
    renewed = session.scalar(
        select(Entitlement).where(Entitlement.renewed_by_id == entitlement.id).with_for_update()
    )
    if renewed is not None:
        renewed.renewed_by_id = None
    _tell(session, entitlement, "deleted", at, by)
    session.delete(entitlement)


def set_default(
    session: Session, entitlement: Entitlement, *, at: datetime, by: Principal
) -> Entitlement:
    """Make it the customer's first choice; the one that was is no longer.

    Raises WrongState unless it is active.
    """
    entitlement = _held(session, entitlement, by, State.ACTIVE, act="the default")
    _make_default(session, entitlement)
    _tell(session, entitlement, "default", at, by)
    return entitlement


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
    entitlement = _held(session, entitlement, by)
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
    _arm_thresholds(entitlement)
    notice_low(entitlement, at)
    _tell(session, entitlement, "corrected", at, by, amount=amount, channel=channel, reason=reason)
    return entry


def pass_time(session: Session, entitlement: Entitlement, *, on: date, at: datetime) -> None:
    """Move periods and state to that day. The row must be locked."""
    session.add_all(periods.turn(entitlement, on=on, at=at))
    before = entitlement.state
    if before in (State.WAITING, State.ACTIVE):
        entitlement.state = state_on(entitlement, on)
    elif before is State.ON_HOLD and entitlement.ends_on < on:
        entitlement.state = State.EXPIRED
    if entitlement.state is State.ACTIVE and before is State.WAITING:
        session.add_all(granting.carried_over(session, entitlement, at=at))
        _inherit_default(session, entitlement)


def next_look(entitlement: Entitlement) -> date | None:
    """The next day on which time changes something about it; None when nothing is to come."""
    days = list(renewal_notices(entitlement))
    if entitlement.state is State.WAITING:
        days.append(entitlement.starts_on)
    if entitlement.state in (State.ACTIVE, State.ON_HOLD):
        days.append(entitlement.ends_on + DAY)
        if turning := periods.next_turn(entitlement):
            days.append(turning)
    return min(days, default=None)


def renewal_notices(entitlement: Entitlement) -> list[date]:
    """The days on which the customer is still to be reminded, unless they go on by then."""
    if entitlement.state not in (State.ACTIVE, State.WAITING, State.EXPIRED):
        return []
    days = sorted(entitlement.ends_on - timedelta(days) for days in entitlement.renewal_days)
    noticed = entitlement.noticed_on
    return [day for day in days if noticed is None or day > noticed]


def _arm_thresholds(entitlement: Entitlement) -> None:
    """What was filled up again is told of again when it runs low."""
    if threshold_reached(entitlement) is None:
        entitlement.told_low = None


def _inherit_default(session: Session, entitlement: Entitlement) -> None:
    """A renewal takes its predecessor's place as the default as soon as it is active."""
    if entitlement.renews_id is None or entitlement.state is not State.ACTIVE:
        return
    if session.get_one(Entitlement, entitlement.renews_id).is_default:
        _make_default(session, entitlement)


def _make_default(session: Session, entitlement: Entitlement) -> None:
    same = (
        Entitlement.account_id == entitlement.account_id
        if entitlement.account_id is not None
        else Entitlement.contact_id == entitlement.contact_id
    )
    others = select(Entitlement).where(same, Entitlement.is_default).with_for_update()
    for other in session.scalars(others):
        other.is_default = False
    session.flush()  # the unique index allows one default at a time
    entitlement.is_default = True


def _must_allow(entitlement: Entitlement, changes: dict[str, Any]) -> None:
    """Raises BadEntitlement where the balance stands against the change."""
    if changes.get("restricted") and entitlement.remaining + entitlement.overdrawn < 0:
        left = entitlement.left(entitlement.remaining)
        words = f"{left} are left, which is below zero; correct the balance to zero first"
        raise BadEntitlement("restricted", words)


def _list_channels(entitlement: Entitlement, totals: dict[str, int]) -> None:
    for row in list(entitlement.channels):
        if row.channel not in totals:
            entitlement.channels.remove(row)
    for channel, total in totals.items():
        listed = entitlement.allotment(channel)
        if listed is not None:
            listed.total = total
        else:
            entitlement.channels.append(
                ChannelAllotment(channel=channel, total=total, remaining=0, granted=0, reserved=0)
            )


def _held(
    session: Session, entitlement: Entitlement, by: Principal, *states: State, act: str = ""
) -> Entitlement:
    by.must(Act.MANAGE)
    session.flush()
    held = locked(session, [entitlement.id]).get(entitlement.id)
    if held is None:
        raise NotFound("there is no such entitlement")
    if states and held.state not in states:
        wanted = " or ".join(states)
        raise WrongState(f"{held.name} is {held.state}; only {wanted} ones can be {act}")
    return held


def _tell(
    session: Session,
    entitlement: Entitlement,
    what: str,
    at: datetime,
    by: Principal,
    **data: Any,
) -> None:
    events.record(
        session, f"entitlement.{what}", at=at, actor=by,
        entitlement=str(entitlement.id), name=entitlement.name, **data,
    )  # fmt: skip
