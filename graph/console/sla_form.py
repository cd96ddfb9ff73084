"""The form of one item of an SLA: what it asks, what is stored fills in, what typing means."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

from graph.console import actions_form, conditions_form, start_form
from graph.console.conditions_form import Group
from graph.console.filling import Filled, Misfilled, Reader
from graph.console.promise_words import allowed
from intake.db import new_id
from intake.errors import IntakeError
from intake.facts import CASE_FIELDS
from intake.sla import Kpi, OnReopening, SlaItem
from intake.sla.checking import PAUSING

T = TypeVar("T")
LABELS = {
    "kpi": "What is promised",
    "fail_after_minutes": "Within",
    "warn_after_minutes": "Warn after",
    "applicable_from": "Counted since",
    "calendar_id": "In the hours of",
    "pauses": "What stops the clock",
    "on_reopening": "When {a_noun} is reopened",
    "applicable_when": "For which {nouns}",
    "success_when": "What keeps it",
    "actions": "What follows",
}
ELSEWHERE = {"calendar": "calendar_id", "from_field": "applicable_from"}
"""Where the form asks for what the desk calls otherwise."""
UNITS = {"d": 24 * 60, "h": 60, "min": 1, "m": 1}
_SPAN = re.compile(r"(\d{1,6}(?:[.,]\d{1,2})?)\s*(d|h|min|m)(?:[a-z]*)")
_SPANS = re.compile(rf"(?:{_SPAN.pattern}\s*)+")
_PLACE = re.compile(r"items\[\d+\]\.(\w+)(?:\[(\d+)\])?(?:\.\w+)?: (.+)", re.S)


@dataclass(frozen=True, slots=True)
class ItemForm:
    """The whole form as it is shown."""

    filled: Filled
    applicable: Group
    success: Group
    actions: tuple[actions_form.Row, ...]
    statuses: frozenset[str]

    @property
    def labels(self) -> dict[str, str]:
        """What people call its fields, those of its rows with them."""
        return {
            **LABELS,
            **conditions_form.labels(self.applicable),
            **conditions_form.labels(self.success),
            **{row.name: f"Action {n}" for n, row in enumerate(self.actions, start=1)},
        }


def of(item: SlaItem) -> ItemForm:
    """The form as a stored item fills it in."""
    warn = item.warn_after_minutes
    values = {
        "kpi": item.kpi.value,
        "fail_after_minutes": allowed(item.fail_after_minutes) if item.fail_after_minutes else "",
        "warn_after_minutes": "" if warn is None else allowed(warn),
        "applicable_from": start_form.value_of(item.applicable_from, item.from_field),
        "calendar_id": str(item.calendar_id or ""),
        "pauses": "" if item.pauses is None else "these",
        "on_reopening": (item.on_reopening or OnReopening.NEW_CYCLE).value,
    }
    return ItemForm(
        Filled(values),
        conditions_form.of("applicable_when", item.applicable_when, CASE_FIELDS),
        conditions_form.of("success_when", item.success_when, CASE_FIELDS),
        actions_form.of(item.actions or ()),
        frozenset(item.pauses or ()),
    )


def typed(form: Mapping[str, str]) -> ItemForm:
    """The form as it was posted, changed as its pressed button asks."""
    return ItemForm(
        Filled(form),
        conditions_form.typed("applicable_when", form, CASE_FIELDS),
        conditions_form.typed("success_when", form, CASE_FIELDS),
        actions_form.typed(form),
        frozenset(status for status in PAUSING if form.get(f"pauses.{status}")),
    )


def read(form: Mapping[str, str]) -> SlaItem:
    """The item in the form, without an SLA. Raises Misfilled."""
    shown, reader = typed(form), Reader(form)
    wrong = reader.wrong
    start, from_field = start_form.chosen(reader, form.get("applicable_from", ""))
    item = SlaItem(
        id=new_id(),
        kpi=reader.one_of("kpi", Kpi, Kpi.FIRST_RESPONSE),
        applicable_from=start,
        from_field=from_field,
        fail_after_minutes=_span(form, "fail_after_minutes", wrong) or 0,
        warn_after_minutes=_span(form, "warn_after_minutes", wrong),
        calendar_id=reader.id("calendar_id"),
        pauses=sorted(shown.statuses) if form.get("pauses") == "these" else None,
        on_reopening=reader.one_of("on_reopening", OnReopening, OnReopening.NEW_CYCLE),
        applicable_when=_or_wrong(
            wrong, lambda: conditions_form.condition_in(shown.applicable, CASE_FIELDS)
        ),
        success_when=_or_wrong(
            wrong, lambda: conditions_form.condition_in(shown.success, CASE_FIELDS)
        ),
        actions=_or_wrong(wrong, lambda: actions_form.actions_in(shown.actions)) or [],
    )
    reader.finish()
    return item


def again(form: Mapping[str, str], error: IntakeError) -> ItemForm:
    """The form as it was typed, with the error at its field."""
    shown = typed(form)
    wrong = error.wrong if isinstance(error, Misfilled) else _at_its_field(error)
    filled = Filled(form, wrong, "" if wrong else str(error))
    return replace(
        shown,
        filled=filled,
        applicable=conditions_form.with_wrong(shown.applicable, wrong),
        success=conditions_form.with_wrong(shown.success, wrong),
        actions=actions_form.with_wrong(shown.actions, wrong),
    )


def _at_its_field(error: IntakeError) -> dict[str, str]:
    """What the desk says of an item among others, by the field of its form."""
    found = _PLACE.fullmatch(str(error))
    if found is None:
        return {}
    field = ELSEWHERE.get(found[1], found[1])
    return {f"{field}.{found[2]}" if found[2] else field: found[3]}


def _or_wrong(wrong: dict[str, str], read: Callable[[], T]) -> T | None:
    """What is read; or None, with what stands against it noted."""
    try:
        return read()
    except Misfilled as error:
        wrong |= error.wrong
        return None


def _span(form: Mapping[str, str], name: str, wrong: dict[str, str]) -> int | None:
    """The minutes of "2 d 4 h 30 min", None when nothing was typed."""
    text = form.get(name, "").strip().lower()
    if not text:
        return None
    found = _SPAN.findall(text)
    minutes = sum(float(count.replace(",", ".")) * UNITS[unit] for count, unit in found)
    if not _SPANS.fullmatch(text) or minutes != int(minutes):
        wrong[name] = "write a span such as 30 min, 4 h or 2 d 4 h"
    return int(minutes)
