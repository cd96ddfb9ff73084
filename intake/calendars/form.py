"""Calendars as they are written: JSON for the database and the API, words for people.

{"zone": "Europe/Madrid",
 "weekly": {"mon": [["09:00", "13:00"], ["14:00", "17:00"]], "fri": [["22:00", "06:00"]]},
 "holidays": {"2026-12-25": "Christmas"},
 "exceptions": {"2026-12-24": [["09:00", "12:00"]]},
 "changes": [{"from": "2027-01-01", "weekly": {"mon": [["08:00", "16:00"]]}}]}
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from difflib import get_close_matches
from itertools import groupby
from typing import Any, TypeVar

from intake.calendars.slots import DAY_MINUTES, DAYS, BadCalendar, Slot, Weekly

T = TypeVar("T")

NAMES: dict[type, str] = {dict: "an object", list: "a list", str: "a text"}


def read_fields(form: object) -> dict[str, Any]:
    """The fields of a calendar from its JSON form. Raises BadCalendar, naming the place."""
    known = ("zone", "weekly", "holidays", "exceptions", "changes")
    parts = _object(form, "calendar", known, required=("zone", "weekly"))
    changes: dict[date, Weekly] = {}
    for number, change in enumerate(_a(list, parts.get("changes", []), "changes")):
        place = f"changes[{number}]"
        change = _object(change, place, ("from", "weekly"), required=("from", "weekly"))
        begins_on = _date(change["from"], f"{place}.from")
        if begins_on in changes:
            raise BadCalendar(f"{place}.from: {begins_on} has a change already")
        changes[begins_on] = _weekly(change["weekly"], f"{place}.weekly")
    return {
        "zone": _a(str, parts["zone"], "zone"),
        "weekly": _weekly(parts["weekly"], "weekly"),
        "holidays": {
            _date(day, "holidays"): _a(str, name, f"holidays.{day}")
            for day, name in _a(dict, parts.get("holidays", {}), "holidays").items()
        },
        "exceptions": {
            _date(day, "exceptions"): _slots(slots, f"exceptions.{day}")
            for day, slots in _a(dict, parts.get("exceptions", {}), "exceptions").items()
        },
        "changes": changes,
    }


def write_weekly(weekly: Weekly) -> dict[str, list[list[str]]]:
    """The JSON form of a weekly pattern."""
    return {DAYS[day]: write_slots(slots) for day, slots in weekly.items()}


def write_slots(slots: Iterable[Slot]) -> list[list[str]]:
    """The JSON form of a day's slots."""
    return [slot.as_json() for slot in slots]


def weekly_in_words(weekly: Weekly) -> str:
    """ "Mon–Fri 09:00–17:00, Sat 10:00–14:00", "always open", "closed"."""
    days = [tuple(weekly.get(number, ())) for number in range(7)]
    if all(slots == (Slot(0, DAY_MINUTES),) for slots in days):
        return "always open"
    said = []
    for slots, alike in groupby(range(7), key=lambda number: days[number]):
        first, *rest = (DAYS[number].capitalize() for number in alike)
        if slots:
            name = f"{first}–{rest[-1]}" if rest else first
            said.append(f"{name} {' and '.join(map(str, slots))}")
    return ", ".join(said) or "closed"


def _weekly(form: object, place: str) -> dict[int, Sequence[Slot]]:
    days = _object(form, place, DAYS)
    return {DAYS.index(day): _slots(slots, f"{place}.{day}") for day, slots in days.items()}


def _slots(form: object, place: str) -> list[Slot]:
    return [_slot(pair, f"{place}[{n}]") for n, pair in enumerate(_a(list, form, place))]


def _slot(form: object, place: str) -> Slot:
    match form:
        case [str(opens), str(closes)]:
            try:
                return Slot.of(opens, closes)
            except BadCalendar as error:
                raise BadCalendar(f"{place}: {error}") from None
    raise BadCalendar(f'{place}: a slot is two times of day, such as ["09:00", "17:00"]')


def _date(form: object, place: str) -> date:
    text = _a(str, form, place)
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise BadCalendar(f'{place}: "{text}" is not a date such as 2026-12-25') from None


def _object(
    form: object, place: str, known: Sequence[str], required: Sequence[str] = ()
) -> Mapping[str, Any]:
    parts = _a(dict, form, place)
    for name in parts:
        if name not in known:
            near = get_close_matches(str(name), known, 1)
            hint = f'did you mean "{near[0]}"?' if near else f"there is {', '.join(known)}"
            raise BadCalendar(f'{place}: unknown "{name}"; {hint}')
    for name in required:
        if name not in parts:
            raise BadCalendar(f"{place}: {name} is missing")
    return parts


def _a(kind: type[T], form: object, place: str) -> T:
    if not isinstance(form, kind):
        raise BadCalendar(f"{place}: must be {NAMES[kind]}, not {form!r:.40}")
    return form
