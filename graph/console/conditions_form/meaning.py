"""What the form means: the condition to be stored, or what is wrong with which row."""

from __future__ import annotations

import csv
from typing import Any

from graph.console.conditions_form.shape import Group, Join, Row
from graph.console.filling import Misfilled
from intake.conditions import BadCondition, Condition, Fields, Kind, Operator
from intake.conditions.fields import LISTS, PRESENT

YES = {"yes": True, "no": False}


def condition_in(group: Group, fields: Fields) -> dict[str, Any] | None:
    """The condition as it is stored; None when nothing is asked. Raises Misfilled by its rows."""
    wrong: dict[str, str] = {}
    form = _form(group, wrong)
    if wrong:
        raise Misfilled(wrong)
    if not group.parts:
        return None
    try:
        return Condition.from_json(form, fields).as_json()
    except BadCondition as error:
        raise Misfilled({group.name: str(error)}) from error


def _form(group: Group, wrong: dict[str, str]) -> dict[str, Any]:
    """The JSON of a group; what cannot be meant is noted by its name."""
    parts = [
        _form(part, wrong) if isinstance(part, Group) else _comparison(part, wrong)
        for part in group.parts
    ]
    if not parts and "." in group.name:
        wrong[group.name] = "put a condition into this group, or remove it"
    match group.join:
        case Join.ANY:
            return {"any": parts}
        case Join.NONE:
            return {"not": {"any": parts}}
        case Join.NOT_ALL:
            return {"not": {"all": parts}}
    return {"all": parts}


def _comparison(row: Row, wrong: dict[str, str]) -> dict[str, Any]:
    operator, values = row.operator, _values(row)
    if operator not in row.field.operators:
        wrong[row.name] = "choose what to ask"
        return {}
    if operator in PRESENT:
        return {"field": row.field.name, "op": operator}
    if operator == Operator.IS and len(values) > 1 and Operator.ONE_OF in row.field.operators:
        operator = Operator.ONE_OF
    several = operator in LISTS or operator == Operator.BETWEEN
    if not several and len(values) != 1:
        wrong[row.name] = "say one value" if values else "say what it is compared with"
        return {}
    value = values if several else values[0]
    try:
        row.field.read(Operator(operator), value)
    except BadCondition as error:
        wrong[row.name] = str(error)
    return {"field": row.field.name, "op": operator, "value": value}


def _values(row: Row) -> list[Any]:
    """What was typed, as JSON has it."""
    said = list(row.typed)
    if row.operator in LISTS or row.operator == Operator.BETWEEN:
        said = [word for text in said for word in _words(text)]
    match row.field.kind:
        case Kind.NUMBER:
            return [_number(word) for word in said]
        case Kind.YES_NO:
            return [YES.get(word, word) for word in said]
    return said


def _words(text: str) -> list[str]:
    """Values between commas; one that holds a comma stands in quotes."""
    found = next(csv.reader([text.replace("\n", ",")], skipinitialspace=True), [])
    return [word.strip() for word in found if word.strip()]


def _number(text: str) -> int | float | str:
    """The number that was typed; what is none is left for the field to refuse."""
    try:
        return int(text)
    except ValueError:
        pass
    try:
        return float(text)
    except ValueError:
        return text
