"""Custom fields: what only this desk asks of a case, each of a kind of its own.

A value is kept as it was meant, and once more in a column of its kind, so that conditions compare
it in Python and in SQL alike (docs/decisions/0009). The key and the kind of a field never change.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Double, String, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from intake import events
from intake.agents import Act, Principal
from intake.conditions import folded, joined
from intake.db import Base, Json, one_of, refers_to
from intake.errors import NotFound
from intake.fields.case_types import CaseType
from intake.fields.naming import WrongField, name_of
from intake.nouns import noun

LONGEST_LABEL = 80
LONGEST_CHOICE = 120
MOST_CHOICES = 200
KEY = re.compile(r"[a-z][a-z0-9_]{0,39}")


class FieldKind(StrEnum):
    """What a field holds. Conditions name a field with its kind: `number.seats`."""

    TEXT = "text"
    NUMBER = "number"
    CHOICE = "choice"
    CHOICES = "choices"
    DAY = "day"
    INSTANT = "instant"
    YES_NO = "yes_no"


class Required(StrEnum):
    """When a field must be filled in. What customers send of themselves is never refused."""

    NEVER = "never"
    OPENING = "opening"
    RESOLVING = "resolving"


class CustomField(Base):
    """One field, of one type of case or of every case."""

    __tablename__ = "custom_fields"

    key: Mapped[str] = mapped_column(String(40), primary_key=True)
    label: Mapped[str] = mapped_column(String(LONGEST_LABEL))
    kind: Mapped[FieldKind] = mapped_column(one_of(FieldKind))
    choices: Mapped[list[str]]
    type_id: Mapped[UUID | None] = mapped_column(refers_to("case_types.id"), index=True)
    """None: it is asked of cases of every type."""
    required: Mapped[Required] = mapped_column(one_of(Required), default=Required.NEVER)
    public: Mapped[bool] = mapped_column(default=False)
    """Whether customers are asked in the web form."""
    hint: Mapped[str] = mapped_column(String(200), default="")
    position: Mapped[int]
    archived_at: Mapped[datetime | None]

    @property
    def name(self) -> str:
        """What conditions, history and acts call it."""
        return f"{self.kind.value}.{self.key}"

    def asked_of(self, type_id: UUID | None) -> bool:
        """Whether cases of that type have it."""
        return self.archived_at is None and self.type_id in (None, type_id)


class FieldValue(Base):
    """What a case says in one field. Only the column of its kind is filled."""

    __tablename__ = "field_values"

    case_id: Mapped[UUID] = mapped_column(refers_to("cases.id"), primary_key=True)
    key: Mapped[str] = mapped_column(refers_to("custom_fields.key"), primary_key=True)
    kind: Mapped[FieldKind] = mapped_column(one_of(FieldKind))
    written: Mapped[list[str] | None] = mapped_column(Json)
    """The text, or the choices, as people wrote them."""
    folded: Mapped[str | None]
    choice: Mapped[str | None] = mapped_column(String(LONGEST_CHOICE))
    number: Mapped[float | None] = mapped_column(Double)
    day: Mapped[date | None]
    instant: Mapped[datetime | None]
    yes_no: Mapped[bool | None]

    @classmethod
    def of(cls, field: CustomField, value: Any) -> FieldValue:
        """The value, as `answers.read` gives it, in its column; of no case yet."""
        made = cls(key=field.key, kind=field.kind)
        made.say(value)
        return made

    def say(self, value: Any) -> None:
        """Say another value of the same kind."""
        match self.kind:
            case FieldKind.TEXT:
                self.written, self.folded = [value], folded(value)
            case FieldKind.CHOICES:
                self.written, self.folded = value, joined(value)
            case FieldKind.DAY:
                self.day = date.fromisoformat(value)
            case FieldKind.INSTANT:
                self.instant = datetime.fromisoformat(value)
            case kind:
                setattr(self, kind.value, value)

    @property
    def value(self) -> Any:
        """As `answers.read` gave it: plain JSON."""
        match self.kind:
            case FieldKind.DAY | FieldKind.INSTANT:
                return self.fact(self.kind).isoformat()
            case FieldKind.NUMBER:
                number = self.fact(self.kind)
                return int(number) if number == int(number) else number
        return self.fact(self.kind)

    def fact(self, kind: FieldKind) -> Any:
        """What conditions compare; None when the field is of another kind."""
        if kind is not self.kind:
            return None
        if kind in (FieldKind.TEXT, FieldKind.CHOICES):
            assert self.written is not None, "texts and choices are written"
            return self.written[0] if kind is FieldKind.TEXT else self.written
        return getattr(self, kind.value)


def custom_fields(session: Session, *, archived: bool = False) -> list[CustomField]:
    """The fields in their order; with `archived`, also those no longer asked."""
    statement = select(CustomField).order_by(CustomField.position, CustomField.key)
    if not archived:
        statement = statement.where(CustomField.archived_at.is_(None))
    return list(session.scalars(statement))


def add_field(
    session: Session,
    by: Principal,
    *,
    key: str,
    label: str,
    kind: FieldKind,
    at: datetime,
    choices: Sequence[str] = (),
    type_id: UUID | None = None,
    required: Required = Required.NEVER,
    public: bool = False,
    hint: str = "",
) -> CustomField:
    """A new field, the last in the order. Raises WrongField, naming what is wrong."""
    by.must(Act.ADMINISTER)
    if not KEY.fullmatch(key):
        raise WrongField("key: a small letter, then small letters, digits or _, as in serial_no")
    every = custom_fields(session, archived=True)
    if any(other.key == key for other in every):
        raise WrongField(f"key: there is a field {key} already")
    last = max((other.position for other in every), default=0)
    made = CustomField(key=key, kind=kind, position=last + 1)
    _write(session, made, every, label, choices, type_id, required, public, hint)
    session.add(made)
    session.flush()
    events.record(session, "custom-field.added", at=at, actor=by, key=key, label=made.label)
    return made


def change_field(
    session: Session,
    by: Principal,
    key: str,
    *,
    label: str,
    at: datetime,
    choices: Sequence[str] = (),
    type_id: UUID | None = None,
    required: Required = Required.NEVER,
    public: bool = False,
    hint: str = "",
) -> CustomField:
    """Ask otherwise. Its key and kind stay; what cases say stays, also a choice taken away."""
    by.must(Act.ADMINISTER)
    field = _one(session, key)
    every = custom_fields(session, archived=True)
    _write(session, field, every, label, choices, type_id, required, public, hint)
    session.flush()
    events.record(session, "custom-field.changed", at=at, actor=by, key=key, label=field.label)
    return field


def archive_field(
    session: Session, by: Principal, key: str, archived: bool = True, *, at: datetime
) -> CustomField:
    """Ask it no more, or again; what cases say stays."""
    by.must(Act.ADMINISTER)
    field = _one(session, key)
    field.archived_at = at if archived else None
    session.flush()
    kind = "custom-field.archived" if archived else "custom-field.restored"
    events.record(session, kind, at=at, actor=by, key=key, label=field.label)
    return field


def _write(
    session: Session,
    field: CustomField,
    every: Sequence[CustomField],
    label: str,
    choices: Sequence[str],
    type_id: UUID | None,
    required: Required,
    public: bool,
    hint: str,
) -> None:
    others = (other.label for other in every if other.key != field.key)
    field.label = name_of(label, others, longest=LONGEST_LABEL, field="label")
    field.choices = _choices(field.kind, choices)
    if type_id is not None and session.get(CaseType, type_id) is None:
        raise WrongField(f"type: there is no such type of {noun}")
    if len(hint) > 200:
        raise WrongField("hint: at most 200 characters")
    field.type_id, field.required, field.public, field.hint = type_id, required, public, hint


def _choices(kind: FieldKind, choices: Sequence[str]) -> list[str]:
    if kind not in (FieldKind.CHOICE, FieldKind.CHOICES):
        if choices:
            raise WrongField(f"choices: a field of kind {kind} has none")
        return []
    kept: list[str] = []
    for choice in choices:
        kept.append(name_of(choice, kept, longest=LONGEST_CHOICE, field="choices"))
    if not 0 < len(kept) <= MOST_CHOICES:
        raise WrongField(f"choices: give 1 to {MOST_CHOICES}")
    return kept


def _one(session: Session, key: str) -> CustomField:
    field = session.get(CustomField, key, with_for_update=True)
    if field is None:
        raise NotFound(f"there is no custom field {key:.40}")
    return field
