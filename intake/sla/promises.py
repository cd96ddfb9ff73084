"""What is promised about time: SLAs, their items, and the business hours they count in.

An SLA is written as a draft, checked as a whole when it is activated, and frozen from then on: a
change is a new version, so that a running clock keeps the words it was started under.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import orjson
from sqlalchemy import String, UniqueConstraint, select
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship, selectinload

from intake.calendars import ALWAYS, FIRST_YEAR, LAST_YEAR, Calendar
from intake.cases import PAUSES, Case, Reason
from intake.conditions import Condition
from intake.db import Base, Json, new_id, one_of, refers_to
from intake.errors import NotFound
from intake.facts import read_condition
from intake.fields import FieldKind


class Kpi(StrEnum):
    """What is promised."""

    FIRST_RESPONSE = "first response"
    NEXT_RESPONSE = "next response"  # to what the customer wrote after our first answer
    FOLLOW_UP = "follow up"  # that we come back to them by ourselves
    RESOLVE_BY = "resolve by"


class From(StrEnum):
    """The instant of the case from which a clock counts. While it has none, nothing is promised."""

    CREATED = "created"
    CHANGED = "changed"  # each change starts the clock anew
    RESOLVED = "resolved"
    ESCALATED = "escalated"
    FIRST_RESPONSE = "first response sent"
    FOLLOW_UP = "follow up agreed"  # a day that somebody set on the case
    LAST_MESSAGE = "last message"  # each message of the customer starts the clock anew
    UNANSWERED = "unanswered message"  # the oldest message of the customer without an answer
    DATE_FIELD = "date field"  # what the case says in a field of the desk's own


MOVES = frozenset({From.CHANGED, From.LAST_MESSAGE})
BY_MESSAGES = frozenset({From.LAST_MESSAGE, From.UNANSWERED})
CHANGED = frozenset({"state", "reason", "own_reason"})
"""The fields of a case that a message of its customer may change."""
USUAL_START = {
    Kpi.FIRST_RESPONSE: From.CREATED,
    Kpi.NEXT_RESPONSE: From.LAST_MESSAGE,
    Kpi.FOLLOW_UP: From.FIRST_RESPONSE,
    Kpi.RESOLVE_BY: From.CREATED,
}


class SlaState(StrEnum):
    """Only an active SLA starts clocks, only a draft is edited; a retired one's clocks run on."""

    DRAFT = "draft"
    ACTIVE = "active"
    RETIRED = "retired"


class ServiceCalendar(Base):
    """When work is done, as an administrator wrote it (calendars.Calendar).

    A row with `current_id` is an earlier version, kept for the clocks that counted in it.
    """

    __tablename__ = "service_calendars"
    __table_args__ = (UniqueConstraint("name", "version"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    name: Mapped[str] = mapped_column(String(120))
    version: Mapped[int] = mapped_column(default=1)
    current_id: Mapped[UUID | None] = mapped_column(refers_to("service_calendars.id"))
    hours: Mapped[dict[str, Any]]

    @property
    def calendar(self) -> Calendar:
        """The calendar, ready to count. Raises NeverOpen on one without hours."""
        return read_calendar(orjson.dumps(self.hours, option=orjson.OPT_SORT_KEYS))


class KpiDefinition(Base):
    """What items of a KPI do unless they say otherwise; read when an SLA is activated."""

    __tablename__ = "kpi_definitions"

    kpi: Mapped[Kpi] = mapped_column(one_of(Kpi), primary_key=True)
    applicable_from: Mapped[From] = mapped_column(one_of(From))
    from_field: Mapped[str | None] = mapped_column(String(60))
    """The custom field from which its clocks count, `instant.install_at`, where it is one."""
    pauses: Mapped[list[str] | None] = mapped_column(Json)
    """The status reasons that stop its clocks; None means those that put a case on hold."""


class Sla(Base):
    """A set of promises about time, activated as a whole.

    `family_id` is the id of its first version. It is chosen for a case by hand, by its own
    condition, by the entitlement, or because it is the default, in this order.
    """

    __tablename__ = "slas"
    __table_args__ = (UniqueConstraint("name", "version"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    family_id: Mapped[UUID | None]
    name: Mapped[str] = mapped_column(String(120))
    version: Mapped[int] = mapped_column(default=1)
    state: Mapped[SlaState] = mapped_column(one_of(SlaState), default=SlaState.DRAFT)
    is_default: Mapped[bool] = mapped_column(default=False)
    chosen_when: Mapped[dict[str, Any] | None] = mapped_column(Json)
    """A condition over the case that chooses this SLA, whatever the entitlement says."""
    items: Mapped[list[SlaItem]] = relationship(back_populates="sla", order_by="SlaItem.position")

    @property
    def family(self) -> UUID:
        """What its versions have in common."""
        return self.family_id or self.id

    @property
    def listens(self) -> bool:
        """Whether a message of the customer may move any of its clocks."""
        return any(item.listens for item in self.items)


class OnReopening(StrEnum):
    """What a reopened case does to a promise that was kept or broken before."""

    NEW_CYCLE = "new cycle"
    KEEP = "keep the result"


class SlaItem(Base):
    """One clause: for cases that meet `applicable_when`, this within that time."""

    __tablename__ = "sla_items"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    sla_id: Mapped[UUID] = mapped_column(refers_to("slas.id"), index=True)
    position: Mapped[int]
    kpi: Mapped[Kpi] = mapped_column(one_of(Kpi))
    applicable_from: Mapped[From | None] = mapped_column(one_of(From))
    """None until activation: as the KPI's definition says."""
    from_field: Mapped[str | None] = mapped_column(String(60))
    """The custom field from which it counts, `day.installed_on`, where it is one."""
    applicable_when: Mapped[dict[str, Any] | None] = mapped_column(Json)
    """A condition over the case (conditions.Condition); None means every case."""
    success_when: Mapped[dict[str, Any] | None] = mapped_column(Json)
    """A condition that keeps the promise; None means the KPI's own act, such as an answer."""
    warn_after_minutes: Mapped[int | None]
    fail_after_minutes: Mapped[int]
    calendar_id: Mapped[UUID | None] = mapped_column(refers_to("service_calendars.id"))
    """Business hours; None means around the clock."""
    pauses: Mapped[list[str] | None] = mapped_column(Json)
    """The status reasons that stop its clock; None as the KPI says, [] means it never stops."""
    usual: Mapped[list[str]] = mapped_column(Json, default=list)
    """What activation wrote down because the KPI says so; the next version asks the KPI again."""
    on_reopening: Mapped[OnReopening] = mapped_column(
        one_of(OnReopening), default=OnReopening.NEW_CYCLE
    )
    actions: Mapped[list[dict[str, Any]]] = mapped_column(Json, default=list)
    """What its warning, failure and success set off (actions.Action), in their order."""
    sla: Mapped[Sla] = relationship(back_populates="items")
    calendar: Mapped[ServiceCalendar | None] = relationship()

    @property
    def starts_from(self) -> From:
        """The instant of the case from which its clock counts."""
        return self.applicable_from or USUAL_START[self.kpi]

    @property
    def warn_after(self) -> timedelta | None:
        """How much open time passes before the warning, if it warns."""
        minutes = self.warn_after_minutes
        return None if minutes is None else timedelta(minutes=minutes)

    @property
    def fail_after(self) -> timedelta:
        """How much open time is allowed."""
        return timedelta(minutes=self.fail_after_minutes)

    def paused_by(self, reason: Reason | str) -> bool:
        """Whether a case in that status stops this clock."""
        return reason in (PAUSES if self.pauses is None else self.pauses)

    def applies(self, facts: Mapping[str, Any]) -> bool:
        """Whether a case with these facts is among those it speaks of."""
        return self.applicable_when is None or read_condition(self.applicable_when).holds(facts)

    @property
    def listens(self) -> bool:
        """Whether it counts from messages, or asks for what a message changes."""
        forms = (self.applicable_when, self.success_when)
        asked = [read_condition(form).field_names() for form in forms if form is not None]
        return self.starts_from in MOVES | BY_MESSAGES or any(CHANGED & names for names in asked)

    @property
    def success(self) -> Condition | None:
        """The condition that keeps the promise, if it has one of its own."""
        return None if self.success_when is None else read_condition(self.success_when)


@dataclass(frozen=True, slots=True)
class Slas:
    """The SLAs in force, read once for a batch of messages."""

    by_id: Mapping[UUID, Sla]
    default: Sla | None

    def of(self, sla_id: UUID | None, facts: Mapping[str, Any] | None = None) -> Sla | None:
        """The SLA of a new case: by its own condition, else the entitlement's, else the default.

        The entitlement's counts only while it is active.
        """
        by_rule = (
            None
            if facts is None
            else next((s for s in self.by_id.values() if _wants(s, facts)), None)
        )
        return by_rule or (self.by_id.get(sla_id) if sla_id else None) or self.default


def in_force(session: Session) -> Slas:
    """The active SLAs with their items and calendars."""
    found = session.scalars(
        select(Sla)
        .where(Sla.state == SlaState.ACTIVE)
        .order_by(Sla.name)
        .options(selectinload(Sla.items).selectinload(SlaItem.calendar))
    ).all()
    return Slas({sla.id: sla for sla in found}, next((s for s in found if s.is_default), None))


def active(session: Session) -> Sequence[Sla]:
    """The active SLAs alone, by name."""
    return session.scalars(select(Sla).where(Sla.state == SlaState.ACTIVE).order_by(Sla.name)).all()


def with_items(session: Session, sla_id: UUID) -> Sla:
    """That SLA, of whatever state, with its items and calendars."""
    return session.scalars(
        select(Sla)
        .where(Sla.id == sla_id)
        .options(selectinload(Sla.items).selectinload(SlaItem.calendar))
    ).one()


def calendars(session: Session) -> Sequence[ServiceCalendar]:
    """The business hours of now, by name."""
    current = select(ServiceCalendar).where(ServiceCalendar.current_id.is_(None))
    return session.scalars(current.order_by(ServiceCalendar.name)).all()


def calendar_named(session: Session, name: str) -> ServiceCalendar:
    """The business hours of that name. Raises NotFound, naming those there are."""
    found = {each.name: each for each in calendars(session)}
    if name not in found:
        known = ", ".join(f"“{each}”" for each in found) or "none"
        raise NotFound(f"there is no calendar “{name}”; there is {known}")
    return found[name]


def instant_of(case: Case, item: SlaItem, cover: ServiceCalendar | None) -> datetime | None:
    """The case's own instant from which that item counts, in the hours of what covers the case
    where it names some. Messages are not told apart on a case: None."""
    match item.starts_from:
        case From.CREATED:
            return case.opened_at
        case From.CHANGED:
            return case.updated_at
        case From.RESOLVED:
            return case.resolved_at
        case From.ESCALATED:
            return case.escalated_at
        case From.FIRST_RESPONSE:
            return case.first_response_at
        case From.FOLLOW_UP:
            return case.follow_up_at
        case From.DATE_FIELD:
            return _date_of(case, item, cover or item.calendar)
    return None


def hours_of(item: SlaItem) -> Calendar:
    """The business hours an item counts in now."""
    return item.calendar.calendar if item.calendar else ALWAYS


@lru_cache(maxsize=256)
def read_calendar(hours: bytes) -> Calendar:
    """The calendar written as this JSON; read once, since each keeps what it worked out."""
    return Calendar.from_json(orjson.loads(hours))


def _wants(sla: Sla, facts: Mapping[str, Any]) -> bool:
    return sla.chosen_when is not None and read_condition(sla.chosen_when).holds(facts)


def _date_of(case: Case, item: SlaItem, hours: ServiceCalendar | None) -> datetime | None:
    """What the case says in the item's field: a day begins at midnight in the zone of the hours.

    A date that no calendar reaches, as people mistype them, is none.
    """
    kind, _dot, key = (item.from_field or "").partition(".")
    said = case.custom.get(key)
    date = said.fact(FieldKind(kind)) if said is not None else None
    if date is None or not FIRST_YEAR < date.year < LAST_YEAR:
        return None
    if isinstance(date, datetime):
        return date
    zone = ZoneInfo((hours.calendar if hours else ALWAYS).zone)
    return datetime.combine(date, time(), zone).astimezone(UTC)
