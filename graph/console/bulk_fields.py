"""The part of a bulk change that says what each case says from then on: what is left stays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from graph.console import words
from graph.console.visit import Visit
from intake import products
from intake.cases import Priority, Severity
from intake.entitlements import ORIGINS
from intake.fields import CustomField, FieldKind, case_types, topics
from intake.fields.custom import custom_fields

BEGIN, EMPTY = "f.", "e."
"""How the names of these fields begin in a form; and of the ticks that empty one."""
NONE = "-"
STAYS = [("", "As it is")]
PRODUCTS_OFFERED = 500

Options = list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Offered:
    """What can be said: fields to choose from a list for, and the desk's own."""

    chosen: Mapping[str, tuple[str, Options]]
    custom: list[CustomField]


def offered(visit: Visit) -> Offered:
    """The fields of the form, each with its label and what can be chosen."""
    session = visit.session
    none = [*STAYS, (NONE, "None")]
    types = [(str(each.id), each.name) for each in case_types.types(session)]
    about = [(str(each.topic.id), each.path) for each in topics.tree(session)]
    catalogue = products.catalogue(session)[:PRODUCTS_OFFERED]
    return Offered(
        {
            "severity": (
                "Severity",
                [*STAYS, *((s.value, s.value.capitalize()) for s in Severity)],
            ),
            "priority": (
                "Priority",
                [*STAYS, *((p.value, p.value.capitalize()) for p in Priority)],
            ),
            "type": ("Type", none + types),
            "topic": ("Topic", none + about),
            "product": ("Product", none + [(str(each.id), each.name) for each in catalogue]),
            "channel": ("Came by", STAYS + [(c, words.channel(c)) for c in sorted(ORIGINS)]),
        },
        custom_fields(session),
    )


def typed(said: Mapping[str, str]) -> dict[str, str]:
    """What of a form or an address belongs here."""
    return {
        name: value for name, value in said.items() if name.startswith((BEGIN, EMPTY)) and value
    }


def meant(visit: Visit, filled: Mapping[str, str]) -> dict[str, Any]:
    """The fields that were said, as the domain takes them."""
    zone = ZoneInfo(visit.house.settings.time_zone)
    fields = offered(visit)
    said: dict[str, Any] = {}
    for name in fields.chosen:
        if value := filled.get(BEGIN + name):
            said[name] = None if value == NONE else value
    for field in fields.custom:
        if filled.get(EMPTY + field.name):
            said[field.name] = None
        elif field.kind is FieldKind.CHOICES:
            places = range(len(field.choices))
            ticked = [f"{BEGIN}{field.name}.{place}" for place in places]
            if chosen := [filled[name] for name in ticked if name in filled]:
                said[field.name] = chosen
        elif value := filled.get(BEGIN + field.name):
            said[field.name] = _instant(value, zone) if field.kind is FieldKind.INSTANT else value
    return said


def _instant(value: str, zone: ZoneInfo) -> str:
    """An instant on the desk's clock with its zone; the field says what is wrong with another."""
    try:
        return datetime.fromisoformat(value).replace(tzinfo=zone).isoformat()
    except ValueError:
        return value
