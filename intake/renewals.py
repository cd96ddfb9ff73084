"""What time does to entitlements: they begin and end, come again by periods, run low, and are to
be renewed.

The clock looks at an entitlement on the day it asked for (`look_on`), or at once when a debit
brought it to a threshold. Each threshold is told of once in a period, each reminder is sent once,
and the reminders stop when the customer renews.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Select, or_, select
from sqlalchemy.orm import Session, selectinload

from intake import entitlements, events, notices
from intake.agents import SYSTEM, Agent
from intake.customers import Contact
from intake.db import new_id
from intake.desk import Desk
from intake.entitlements import Entitlement, State

WORDS = {
    "en": {
        "low": ("{name}: {left} left", "of your support plan {name}, {left} are left."),
        "before": ("{name} ends on {end}", "your support plan {name} ends on {end}."),
        "after": ("{name} ended on {end}", "your support plan {name} ended on {end}."),
        "letter": "Hello,\n\n{news}\n\nTo renew it, answer this mail.\n\n{organisation}\n",
    },
    "es": {
        "low": ("{name}: quedan {left}", "de su plan de soporte {name} quedan {left}."),
        "before": ("{name} termina el {end}", "su plan de soporte {name} termina el {end}."),
        "after": ("{name} terminó el {end}", "su plan de soporte {name} terminó el {end}."),
        "letter": "Hola:\n\n{news}\n\nPara renovarlo, responda a este correo.\n\n{organisation}\n",
    },
}


def due(desk: Desk, at: datetime) -> Select[Entitlement]:
    """The entitlements that the clock must look at by then, found by index."""
    return select(Entitlement).where(Entitlement.look_on <= desk.day(at))


def move(session: Session, desk: Desk, *, at: datetime, limit: int) -> int:
    """Look at what is due; how many were."""
    found = session.scalars(
        due(desk, at)
        .order_by(Entitlement.id)
        .limit(limit)
        .options(selectinload(Entitlement.channels))
        .with_for_update(skip_locked=True, of=Entitlement)
        .execution_options(populate_existing=True)
    ).all()
    for entitlement in found:
        look(session, entitlement, desk, at=at)
    return len(found)


def look(session: Session, entitlement: Entitlement, desk: Desk, *, at: datetime) -> None:
    """Bring one to that day, and tell whoever is to be told. Its row must be locked."""
    on, before = desk.day(at), entitlement.state
    entitlements.pass_time(session, entitlement, on=on, at=at)
    if entitlement.state is not before:
        _record(session, entitlement, str(entitlement.state), at)
    if entitlement.state is State.ACTIVE:
        _tell_low(session, entitlement, desk, at)
    _remind(session, entitlement, desk, on, at)
    entitlement.look_on = entitlements.next_look(entitlement)


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
    """Whether the customer goes on: it was renewed, or they hold another that ends later."""
    if entitlement.renewed_by_id is not None:
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
    _tell_owner(session, entitlement, desk, f"{entitlement.name}: {left} left", key, at)
    if entitlement.renewal_days and not renewed(session, entitlement):
        _tell_customer(session, entitlement, "low", desk, key, at)


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
    _tell_customer(session, entitlement, news, desk, key, at)
    _tell_owner(session, entitlement, desk, _say("en", news, entitlement)[0], key, at)


def _tell_owner(
    session: Session, entitlement: Entitlement, desk: Desk, news: str, key: str, at: datetime
) -> None:
    """To the agent who answers for it."""
    owner = session.get(Agent, entitlement.owner_id) if entitlement.owner_id else None
    if owner is not None and owner.active:
        notices.tell(session, owner, news, desk=desk, key=f"owner:{key}", at=at)


def _tell_customer(
    session: Session, entitlement: Entitlement, news: str, desk: Desk, key: str, at: datetime
) -> None:
    if not entitlement.email:
        return
    contact = session.get(Contact, entitlement.contact_id) if entitlement.contact_id else None
    language = (contact.language if contact else "")[:2]
    language = language if language in WORDS else "en"
    subject, said = _say(language, news, entitlement)
    text = str(WORDS[language]["letter"]).format(news=said, organisation=desk.organisation)
    notices.mail(session, entitlement.email, subject, text, desk=desk, key=f"customer:{key}", at=at)


def _say(language: str, news: str, entitlement: Entitlement) -> tuple[str, str]:
    subject, said = WORDS[language][news]
    fill = {
        "name": entitlement.name,
        "left": entitlement.left(max(0, entitlement.remaining)),
        "end": f"{entitlement.ends_on:%Y-%m-%d}",
    }
    return subject.format(**fill), said.format(**fill)


def _record(
    session: Session, entitlement: Entitlement, what: str, at: datetime, **data: Any
) -> None:
    events.record(
        session, f"entitlement.{what}", at=at, actor=SYSTEM,
        entitlement=str(entitlement.id), name=entitlement.name, **data,
    )  # fmt: skip
