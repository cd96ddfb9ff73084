"""Custom fields in a form: what was typed into their inputs, as the domain takes it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from intake.fields import CustomField, FieldKind, Required
from intake.fields.custom import custom_fields


def needed_to_open(session: Session) -> Sequence[CustomField]:
    """What must be filled in when a case opens, of every type."""
    return [f for f in custom_fields(session) if f.required is Required.OPENING]


def said(
    form: Mapping[str, str], fields: Iterable[CustomField], zone: ZoneInfo
) -> dict[str, object]:
    """What the form says of these fields; one that it does not hold is left out."""
    found: dict[str, object] = {}
    for field in fields:
        if field.kind is FieldKind.CHOICES:
            ticked = [f"{field.name}.{place}" for place in range(len(field.choices))]
            found[field.name] = [form[name] for name in ticked if name in form]
        elif field.name in form:
            found[field.name] = _typed(field, form[field.name], zone)
    return found


def said_of(
    form: Mapping[str, str], fields: Iterable[CustomField], type_id: UUID | None, zone: ZoneInfo
) -> dict[str, object]:
    """The same for a case of that type; what is asked of other types is not looked at."""
    return said(form, (field for field in fields if field.asked_of(type_id)), zone)


def _typed(field: CustomField, typed: str, zone: ZoneInfo) -> str:
    """What was typed; an instant on the desk's clock gets its zone."""
    if field.kind is not FieldKind.INSTANT or not typed:
        return typed
    try:
        return datetime.fromisoformat(typed).replace(tzinfo=zone).isoformat()
    except ValueError:
        return typed  # the field says what is wrong with it
