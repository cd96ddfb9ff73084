"""What time does to entitlements: they begin and end, come again by periods, run low, and are to
be renewed.

The clock looks at an entitlement when it asked for that (`look_at`), or at once when a debit
brought it to a threshold. Each threshold is told of once in a period, each reminder is sent once,
and the reminders stop when the customer renews.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import Select, or_, select
from sqlalchemy.orm import Session, selectinload

from intake import coverage, entitlements, events, reminding
from intake.agents import SYSTEM
from intake.db import new_id
from intake.desk import Desk
from intake.entitlements import Entitlement, State


def due(_desk: Desk, at: datetime) -> Select[Entitlement]:
    """The entitlements that the clock must look at by then, found by index."""
    return select(Entitlement).where(Entitlement.look_at <= at)


def move(session: Session, desk: Desk, *, at: datetime, limit: int) -> int:
    """Look at what is due; how many were."""
    found = session.scalars(
        due(desk, at)
        .order_by(Entitlement.id)
        .limit(limit)
        .options(selectinload(Entitlement.channels))
        .with_for_update(skip_locked=True, of=Entitlement, key_share=True)
        .execution_options(populate_existing=True)
    ).all()
    for entitlement in found:
        look(session, entitlement, desk, at=at)
    return len(found)


def look(session: Session, entitlement: Entitlement, desk: Desk, *, at: datetime) -> None:
    """Bring one to that day, and tell whoever is to be told. Its row must be locked."""
    on, before = entitlement.day(at, desk.day(at)), entitlement.state
    entitlements.pass_time(session, entitlement, on=on, at=at)
    if entitlement.state is not before:
        _record(session, entitlement, str(entitlement.state), at)
        if entitlement.state is State.EXPIRED:
            _draft_renewal(session, entitlement, desk, at)
    if entitlement.state is State.ACTIVE:
        _tell_low(session, entitlement, desk, at)
    _remind(session, entitlement, desk, on, at)
    entitlement.look_at = _next_look(entitlement, desk)


def _next_look(entitlement: Entitlement, desk: Desk) -> datetime | None:
    day = entitlements.next_look(entitlement)
    zone = ZoneInfo(entitlement.zone or desk.zone)
    return datetime.combine(day, time(), zone) if day is not None else None


def running_low(
    session: Session, customers: Iterable[tuple[UUID | None, UUID | None]]
) -> list[Entitlement]:
    """The flag on customers: those of their entitlements in force that are at a threshold now."""
    pairs = list(customers)
    contacts = {contact for contact, _account in pairs} - {None}
    accounts = {account for _contact, account in pairs} - {None}
    found = session.scalars(
        select(Entitlement)
        .where(or_(Entitlement.contact_id.in_(contacts), Entitlement.account_id.in_(accounts)))
        .where(Entitlement.state == State.ACTIVE)
        .order_by(Entitlement.ends_on, Entitlement.id)
    )
    return [e for e in found if entitlements.threshold_reached(e) is not None]


def renewed(session: Session, entitlement: Entitlement) -> bool:
    """Whether the customer goes on: its renewal, or that of its contract, was put in force, or
    they hold another that ends later. A renewal in draft promises nothing yet."""
    if entitlement.renewed_by_id is not None:
        follower = session.get_one(Entitlement, entitlement.renewed_by_id)
        if follower.state in (State.WAITING, State.ACTIVE):
            return True
    if coverage.goes_on(session, entitlement.id):
        return True
    same = (
        Entitlement.account_id == entitlement.account_id
        if entitlement.account_id is not None
        else Entitlement.contact_id == entitlement.contact_id
    )
    later = (
        select(Entitlement.id)
        .where(same, Entitlement.id != entitlement.id)
        .where(Entitlement.state.in_((State.ACTIVE, State.WAITING)))
        .where(Entitlement.ends_on > entitlement.ends_on)
    )
    return session.scalar(later.limit(1)) is not None


def _tell_low(session: Session, entitlement: Entitlement, desk: Desk, at: datetime) -> None:
    reached = entitlements.threshold_reached(entitlement)
    told = entitlement.told_low
    if reached is None or (told is not None and told <= reached):
        return
    entitlement.told_low = reached
    left = entitlement.left(entitlement.remaining)
    _record(session, entitlement, "low", at, threshold=reached, left=left)
    # `told_low`, under the row's lock, is what says it once; what was filled up is told of again.
    key = f"low:{entitlement.id}:{new_id()}"
    reminding.tell_owner(session, entitlement, desk, f"{entitlement.name}: {left} left", key, at)
    if entitlement.renewal_days and not renewed(session, entitlement):
        reminding.tell_customer(session, entitlement, "low", desk, key, at)
    _draft_renewal(session, entitlement, desk, at)


def _remind(session: Session, entitlement: Entitlement, desk: Desk, on: date, at: datetime) -> None:
    days = [day for day in entitlements.renewal_notices(entitlement) if day <= on]
    if not days:
        return
    entitlement.noticed_on = on
    # A reminder that is weeks late, as after a standstill, says nothing anybody wants to hear.
    if days[-1] < on - timedelta(days=7) or renewed(session, entitlement):
        return
    _record(session, entitlement, "reminded", at, day=str(days[-1]))
    news = "before" if entitlement.ends_on >= on else "after"
    key = f"renewal:{entitlement.id}:{days[-1]}"
    reminding.tell_customer(session, entitlement, news, desk, key, at)
    said = reminding.say("en", news, entitlement)[0]
    reminding.tell_owner(session, entitlement, desk, said, key, at)
    _draft_renewal(session, entitlement, desk, at)


def _draft_renewal(session: Session, entitlement: Entitlement, desk: Desk, at: datetime) -> None:
    """Have its renewal ready as a draft; the one of its contract, where a line is behind it."""
    if not entitlement.draft_renewal or renewed(session, entitlement):
        return
    drafted = f"the renewal of {entitlement.name} is drafted: look at it and activate it"
    line = coverage.line_of(session, entitlement.id)
    if line is not None:
        if coverage.draft_next_term(session, line.contract_id, at=at) is None:
            return
        drafted = f"the next term of the contract of {entitlement.name} is drafted: invoice it"
    elif entitlement.renewed_by_id is None:
        made = entitlements.renew_ahead(session, entitlement, at=at)
        _record(session, entitlement, "renewal-drafted", at, renewal=str(made.id))
    else:
        return
    key = f"drafted:{entitlement.id}:{new_id()}"
    reminding.tell_owner(session, entitlement, desk, drafted[:1].upper() + drafted[1:], key, at)


def _record(
    session: Session, entitlement: Entitlement, what: str, at: datetime, **data: Any
) -> None:
    events.record(
        session, f"entitlement.{what}", at=at, actor=SYSTEM,
        entitlement=str(entitlement.id), name=entitlement.name, **data,
    )  # fmt: skip
