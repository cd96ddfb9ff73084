"""The custom fields that the web form asks: how they are read, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from starlette.datastructures import FormData

from intake.fields import CustomField, FieldKind, Required, WrongField, answers

PREFIX = "asked."
NEEDED = "Please fill this in."

Typed = Mapping[str, str]
"""What was typed, by the key of its field; several choices on lines of their own."""


def typed_in(form: FormData) -> dict[str, str]:
    """What the posted form says in custom fields; what we did not ask is left out later."""
    return {
        name.removeprefix(PREFIX): "\n".join(v for v in form.getlist(name) if isinstance(v, str))
        for name in form
        if name.startswith(PREFIX)
    }


def complaints(fields: Sequence[CustomField], typed: Typed, zone: str) -> dict[str, str]:
    """What is wrong, by the name of the input, in words for whoever filled it in."""
    found = {}
    for field in fields:
        try:
            value = answers.read(field, _form(field, typed, zone))
        except WrongField as error:
            why = str(error).partition(": ")[2]
            found[PREFIX + field.key] = f"Please {why}." if why[:2] != "at" else f"{why}."
            continue
        if value is None and field.required is Required.OPENING:
            found[PREFIX + field.key] = NEEDED
    return found


def values(fields: Sequence[CustomField], typed: Typed, zone: str) -> dict[str, Any]:
    """What is kept with the message, by key: values without complaints, as JSON."""
    read = {field.key: answers.read(field, _form(field, typed, zone)) for field in fields}
    return {key: value for key, value in read.items() if value is not None}


def _form(field: CustomField, typed: Typed, zone: str) -> str:
    """What was typed; an instant is on the desk's clock."""
    text = typed.get(field.key, "").strip()
    if field.kind is FieldKind.INSTANT and text:
        try:
            return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).isoformat()
        except ValueError:
            return text
    return text
