"""How a contact likes to be served: in which language, when, by whom, with which equipment."""

from __future__ import annotations

import re
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import String
from sqlalchemy.orm import Mapped, Session, mapped_column

from intake import events
from intake.agents import Act, Agent, Principal
from intake.customers.people import Contact
from intake.db import HELD, Base, Json, one_of, refers_to
from intake.errors import IntakeError, NotFound

LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Z][a-z]{3})?(-([A-Z]{2}|\d{3}))?")


class Weekday(StrEnum):
    """A day of the week."""

    MONDAY = "monday"
    TUESDAY = "tuesday"
    WEDNESDAY = "wednesday"
    THURSDAY = "thursday"
    FRIDAY = "friday"
    SATURDAY = "saturday"
    SUNDAY = "sunday"


class TimeOfDay(StrEnum):
    """A part of the contact's own day."""

    MORNING = "morning"
    AFTERNOON = "afternoon"
    EVENING = "evening"


class WrongPreference(IntakeError):
    """A preference that cannot be meant; the text names it."""

    code = "wrong-preference"


class Preferences(Base):
    """What a contact said they like, beside the language and zone on the contact itself."""

    __tablename__ = "contact_preferences"

    contact_id: Mapped[UUID] = mapped_column(refers_to("contacts.id"), primary_key=True)
    days: Mapped[list[str]] = mapped_column(Json, default=list)
    time_of_day: Mapped[TimeOfDay | None] = mapped_column(one_of(TimeOfDay))
    agent_id: Mapped[UUID | None] = mapped_column(refers_to("agents.id"))
    equipment: Mapped[str] = mapped_column(String(200), default="")


def of_contact(session: Session, contact_id: UUID) -> Preferences:
    """What they like; nothing in particular when nobody asked."""
    found = session.get(Preferences, contact_id)
    return found or Preferences(contact_id=contact_id, days=[], equipment="")


def prefer(
    session: Session, by: Principal, contact_id: UUID, *, at: datetime, **wishes: Any
) -> Preferences:
    """Write down some of: language, time_zone, days, time_of_day, agent_id, equipment.

    Raises WrongPreference, naming the field.
    """
    by.must(Act.WORK)
    contact = session.get(Contact, contact_id, with_for_update=HELD, populate_existing=True)
    if contact is None:
        raise NotFound("there is no such contact")
    preferences = of_contact(session, contact_id)
    for name, value in wishes.items():
        checked = _CHECKS[name](session, value)
        setattr(contact if name in ("language", "time_zone") else preferences, name, checked)
    session.add(preferences)
    session.flush()
    events.record(
        session, "contact.preferences", at=at, actor=by, contact=str(contact_id),
        fields=sorted(wishes),
    )  # fmt: skip
    return preferences


def language(value: str) -> str:
    """A language tag, or ''. Raises WrongPreference."""
    if value and not LANGUAGE.fullmatch(value):
        raise WrongPreference(f"language: {value!r} is no language tag; write es or pt-BR")
    return value


def zone(value: str) -> str:
    """A time zone's name, or ''. Raises WrongPreference."""
    try:
        return ZoneInfo(value).key if value else ""
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise WrongPreference(f"time_zone: there is no {value!r}; write Europe/Madrid") from None


def _days(_session: Session, value: list[str]) -> list[str]:
    try:
        wanted = {Weekday(day) for day in value}
    except ValueError as error:
        raise WrongPreference(f"days: {error}; write monday, tuesday …") from None
    return [day.value for day in Weekday if day in wanted]


def _time_of_day(_session: Session, value: str | None) -> TimeOfDay | None:
    try:
        return TimeOfDay(value) if value else None
    except ValueError:
        raise WrongPreference(
            f"time_of_day: {value!r}; write morning, afternoon, evening"
        ) from None


def _agent(session: Session, value: UUID | None) -> UUID | None:
    agent = session.get(Agent, value) if value else None
    if value and (agent is None or not agent.active):
        raise WrongPreference("agent_id: there is no such active agent")
    return value


def _equipment(_session: Session, value: str) -> str:
    if len(value) > 200:
        raise WrongPreference("equipment: at most 200 characters")
    return value.strip()


_CHECKS: dict[str, Any] = {
    "language": lambda _session, value: language(value),
    "time_zone": lambda _session, value: zone(value),
    "days": _days,
    "time_of_day": _time_of_day,
    "agent_id": _agent,
    "equipment": _equipment,
}
