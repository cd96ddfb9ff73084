"""What people fill in: typed text or JSON becomes the value of a custom field, or says why not."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from typing import Any

from intake.conditions import folded
from intake.conditions.fields import LARGEST_NUMBER, did_you_mean
from intake.fields.custom import CustomField, FieldKind
from intake.fields.naming import WrongField

LONGEST_TEXT = 2_000
_NUMBER = re.compile(r"-?[0-9]{1,15}([.,][0-9]{1,6})?")


def read(field: CustomField, form: object) -> Any:
    """The value as JSON keeps it; None when there is nothing in it. Raises WrongField.

    Numbers, days and yes or no may be typed as text, as forms send them.
    """
    if form is None or form == "" or form == []:
        return None
    if isinstance(form, str) and not folded(form):
        return None
    try:
        return _READ[field.kind](field, form)
    except ValueError as error:
        raise WrongField(f"{field.name}: {error}") from None


def shown(field: CustomField, value: Any) -> str:
    """A value for people to read; '' for none."""
    match field.kind, value:
        case _, None:
            return ""
        case FieldKind.CHOICES, list():
            return ", ".join(value)
        case FieldKind.YES_NO, bool():
            return "yes" if value else "no"
        case FieldKind.INSTANT, str():
            return f"{datetime.fromisoformat(value):%Y-%m-%d %H:%M} UTC"
    return str(value)


def _text(field: CustomField, form: object) -> str:
    if not isinstance(form, str):
        raise ValueError("write a text")
    text = form.strip()
    if len(text) > LONGEST_TEXT:
        raise ValueError(f"at most {LONGEST_TEXT} characters")
    return text


def _number(field: CustomField, form: object) -> int | float:
    if isinstance(form, str) and _NUMBER.fullmatch(form.strip()):
        form = float(form.strip().replace(",", "."))
    if isinstance(form, bool) or not isinstance(form, (int, float)):
        raise ValueError("write a number, such as 12 or 0.5")
    if not abs(form) <= LARGEST_NUMBER:  # NaN is not
        raise ValueError(f"a number up to {LARGEST_NUMBER}")
    return int(form) if form == int(form) else form


def _choice(field: CustomField, form: object) -> str:
    if not isinstance(form, str) or form not in field.choices:
        hint = did_you_mean(form, field.choices) if isinstance(form, str) else ""
        raise ValueError(f"choose one of {', '.join(field.choices[:20])}{hint}")
    return form


def _choices(field: CustomField, form: object) -> list[str]:
    given = form.split("\n") if isinstance(form, str) else form
    if not isinstance(given, (list, tuple)):
        raise ValueError("give a list of choices")
    chosen = {_choice(field, one) for one in given}
    return [choice for choice in field.choices if choice in chosen]


def _day(field: CustomField, form: object) -> str:
    try:
        return date.fromisoformat(str(form)).isoformat()
    except ValueError:
        raise ValueError("write a day as 2026-12-31") from None


def _instant(field: CustomField, form: object) -> str:
    try:
        at = datetime.fromisoformat(str(form))
        if at.tzinfo is not None:
            return at.astimezone(UTC).isoformat()
    except (ValueError, OverflowError):
        pass
    raise ValueError("write an instant with its zone, as 2026-12-31T09:00:00Z")


def _yes_no(field: CustomField, form: object) -> bool:
    if isinstance(form, bool):
        return form
    if form in ("yes", "no"):
        return form == "yes"
    raise ValueError("say yes or no")


_READ: Mapping[FieldKind, Callable[[CustomField, object], Any]] = {
    FieldKind.TEXT: _text,
    FieldKind.NUMBER: _number,
    FieldKind.CHOICE: _choice,
    FieldKind.CHOICES: _choices,
    FieldKind.DAY: _day,
    FieldKind.INSTANT: _instant,
    FieldKind.YES_NO: _yes_no,
}
