"""The form of business hours: a line for each weekday, for each holiday, for each exception.

What is typed becomes the JSON that the desk keeps; the desk itself says what is wrong with it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from graph.console.filling import Misfilled
from intake.calendars import Calendar
from intake.calendars.slots import DAYS
from intake.errors import IntakeError

NAMES = dict(
    zip(
        DAYS,
        ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
        strict=True,
    )
)
LABELS = {
    "name": "Name",
    "zone": "Time zone",
    **{f"weekly.{day}": name for day, name in NAMES.items()},
    "weekly": "Week",
    "holidays": "Holidays",
    "exceptions": "Exceptions",
    "changes": "Later changes",
    "country": "Country",
    "region": "Region",
    "file": "iCalendar",
    "scope": "For which {nouns}",
    "url": "Feed",
    "every_hours": "Hours between two fetches",
}
CLOSED = ("", "closed", "-")
WHOLE = ["00:00", "24:00"]
_SLOT = re.compile(r"(\d{1,2})(?::(\d{2}))?\s*(?:-|–|to)\s*(\d{1,2})(?::(\d{2}))?")
_DAY = re.compile(r"(\d{4}-\d{2}-\d{2})[\s:,]*(.*)")
_PLACE = re.compile(
    r"((?:weekly|exceptions|holidays|changes|zone|name|file|country|region)[^:]*): "
)


def labels(form: Mapping[str, str]) -> dict[str, str]:
    """What people call the fields, those of later changes with them."""
    later = {
        f"changes.{number}.{day}": f"{name}, later change {number + 1}"
        for number in range(changes(form))
        for day, name in {"from": "First day", **NAMES}.items()
    }
    return LABELS | later


def changes(form: Mapping[str, str]) -> int:
    """How many later changes the form has room for."""
    numbers = [int(found[1]) for key in form if (found := re.match(r"changes\.(\d+)\.from", key))]
    return max(numbers, default=-1) + 1


def of(name: str, hours: Mapping[str, Any]) -> dict[str, str]:
    """The form as stored hours fill it in, with room for one more change."""
    values = {"name": name, "zone": str(hours.get("zone", ""))}
    values |= {f"weekly.{day}": _typed(hours.get("weekly", {}).get(day, [])) for day in DAYS}
    held = sorted(hours.get("holidays", {}).items())
    values["holidays"] = "\n".join(f"{day} {words}" for day, words in held)
    values["exceptions"] = "\n".join(
        f"{day} {_typed(slots) or 'closed'}"
        for day, slots in sorted(hours.get("exceptions", {}).items())
    )
    later = hours.get("changes", [])
    for number, change in enumerate([*later, {"from": "", "weekly": {}}]):
        values[f"changes.{number}.from"] = change["from"]
        for day in DAYS:
            values[f"changes.{number}.{day}"] = _typed(change["weekly"].get(day, []))
    return values


def read(form: Mapping[str, str]) -> dict[str, Any]:
    """The hours in the form. Raises Misfilled by its fields."""
    wrong: dict[str, str] = {}
    hours: dict[str, Any] = {
        "zone": form.get("zone", "").strip(),
        "weekly": _week(form, "weekly", wrong),
        "holidays": dict(_holidays(form.get("holidays", ""), wrong)),
        "exceptions": dict(_exceptions(form.get("exceptions", ""), wrong)),
        "changes": [
            {"from": first, "weekly": _week(form, f"changes.{number}", wrong)}
            for number in range(changes(form))
            if (first := form.get(f"changes.{number}.from", "").strip())
        ],
    }
    if wrong:
        raise Misfilled(wrong)
    try:
        return Calendar.from_json(hours).as_json()
    except IntakeError as error:
        raise Misfilled(at_its_field(error)) from error


def at_its_field(error: IntakeError) -> dict[str, str]:
    """What the desk says of hours, by the field of the form."""
    found = _PLACE.match(str(error))
    if found is None:
        return {"weekly": str(error)}
    place, why = found[1], str(error)[found.end() :]
    top = place.partition(".")[0].partition("[")[0]
    if day := re.match(r"weekly\.(\w{3})", place):
        return {f"weekly.{day[1]}": why}
    said = place[len(top) :].strip(".")
    return {top: f"{said}: {why}" if said else why}


def _typed(slots: Iterable[Iterable[str]]) -> str:
    return ", ".join("–".join(slot) for slot in slots)


def _week(form: Mapping[str, str], name: str, wrong: dict[str, str]) -> dict[str, list[list[str]]]:
    week = {}
    for day in DAYS:
        slots = _slots(form.get(f"{name}.{day}", ""))
        if slots is None:
            wrong[f"{name}.{day}"] = "write times such as 09:00–14:00, 15:00–18:00"
        elif slots:
            week[day] = slots
    return week


def _slots(text: str) -> list[list[str]] | None:
    """The slots of "9–14, 15:00–18:00", "closed" or "24 h"; None when it is not written so."""
    text = text.strip().lower()
    if text in CLOSED:
        return []
    if text in ("24 h", "24h", "all day"):
        return [WHOLE]
    found = [_SLOT.fullmatch(part.strip()) for part in re.split(r",|;| and ", text)]
    if not all(found):
        return None
    return [
        [f"{int(each[1]):02}:{each[2] or '00'}", f"{int(each[3]):02}:{each[4] or '00'}"]
        for each in found
        if each
    ]


def _holidays(text: str, wrong: dict[str, str]) -> Iterable[tuple[str, str]]:
    for line in filter(None, map(str.strip, text.split("\n"))):
        found = _DAY.fullmatch(line)
        if found and found[2]:
            yield found[1], found[2].strip()
        else:
            wrong["holidays"] = f"“{line:.40}” is not a day and a name, as in 2026-12-25 Christmas"


def _exceptions(text: str, wrong: dict[str, str]) -> Iterable[tuple[str, list[list[str]]]]:
    for line in filter(None, map(str.strip, text.split("\n"))):
        found = _DAY.fullmatch(line)
        slots = _slots(found[2]) if found and found[2] else None
        if found and slots is not None:
            yield found[1], slots
        else:
            said = "is not a day and its hours, as in 2026-12-24 09:00–12:00, or “closed”"
            wrong["exceptions"] = f"“{line:.40}” {said}"
