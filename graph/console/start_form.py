"""From when a promise counts, as one choice of a form: an instant that every case has, or a date
that is asked in a field of the desk's own."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy.orm import Session

from graph.console.filling import Reader
from graph.console.promise_words import date_in_words, since
from intake.fields.custom import custom_fields
from intake.sla import From
from intake.sla.checking import dates


def value_of(start: From | None, field: str | None) -> str:
    """What stands in the form for it; '' for what the KPI says."""
    return field or (start.value if start else "")


def starts(session: Session, instants: Iterable[From], now: str) -> list[tuple[str, str]]:
    """The choices in words: these instants, the fields, and whatever is chosen now."""
    offered = list(instants)
    made = [(each.value, since(each)) for each in offered if each is not From.DATE_FIELD]
    if From.DATE_FIELD in offered:
        made += [(each.name, date_in_words(each.label)) for each in dates(session)]
    if "." in now and now not in dict(made):
        labels = {each.name: each.label for each in custom_fields(session, archived=True)}
        made.append((now, date_in_words(labels.get(now, now))))
    return made


def chosen(reader: Reader, typed: str) -> tuple[From | None, str | None]:
    """The instant that was chosen and, where it is a date of a field, which."""
    if "." in typed:
        return From.DATE_FIELD, typed
    start = reader.one_of("applicable_from", From, From.CREATED)
    return (start if typed else None), None
