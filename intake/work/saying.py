"""What would be said of a case, read and shown before any case says it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from intake.cases import Case
from intake.fields import CaseType, Topic, WrongField, answers
from intake.fields.custom import custom_fields
from intake.nouns import noun
from intake.products import Product
from intake.work.changing import OWN_FIELDS

NAMED: Mapping[str, Any] = {"type": CaseType, "topic": Topic, "product": Product}
"""The fields that name another record."""


def read_fields(session: Session, said: Mapping[str, object]) -> dict[str, Any]:
    """These values as a case would keep them, in plain JSON. Raises WrongField for what no case
    can be made to say."""
    blank, kept = Case(), dict[str, Any]()
    known = {field.name: field for field in custom_fields(session)}
    for name, value in said.items():
        if name in OWN_FIELDS:
            OWN_FIELDS[name](session, blank, value)
            kept[name] = said_of(blank, name)
        elif name in known:
            kept[name] = answers.read(known[name], value)
        else:
            raise WrongField(f"{name:.60}: {noun.a} has no such field")
    return kept


def may_say(session: Session, case: Case, said: Mapping[str, object]) -> None:
    """Raises WrongField where a custom field is not asked of cases of its type."""
    named = said.get("type", said_of(case, "type"))
    type_id = UUID(str(named)) if named else None
    for field in custom_fields(session):
        if said.get(field.name) is not None and not field.asked_of(type_id):
            raise WrongField(f"{field.name}: it is not asked of {noun.many} of this type")


def said_of(case: Case, name: str) -> Any:
    """What a case says in one of its own fields or a custom one, as `read_fields` gives it."""
    if name not in OWN_FIELDS:
        held = case.custom.get(name.partition(".")[2])
        return held.value if held is not None else None
    value = getattr(case, f"{name}_id" if name in NAMED else name)
    return str(value) if value is not None else None


def fields_in_words(session: Session, said: Mapping[str, Any], *, verb: str = "set ") -> str:
    """Values as `read_fields` gives them: "set severity to major, seats to 12"."""
    labels = {field.name: field for field in custom_fields(session, archived=True)}
    to = " to " if verb else " "
    parts = []
    for name, value in said.items():
        label, words = name, "" if value is None else str(value)
        if name in NAMED and value is not None:
            found = session.get(NAMED[name], UUID(value))
            words = found.name if found is not None else words
        elif name in labels:
            label, words = labels[name].label, answers.shown(labels[name], value)
        parts.append(f"{label}{to}{words or 'nothing'}")
    return verb + ", ".join(parts)
