"""A condition as it is stored, put into the form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from graph.console.conditions_form.shape import Group, Join, Row, placed
from intake.conditions import All, AnyOf, BadCondition, Comparison, Condition, Fields, Kind, Not


def of(name: str, condition: Mapping[str, Any] | None, fields: Fields) -> Group:
    """The form of a condition as it is stored; one that cannot be read any more says why."""
    if condition is None:
        return Group(name)
    try:
        part = _part(name, Condition.from_json(condition, fields))
    except BadCondition as error:
        return Group(name, wrong=str(error))
    return part if isinstance(part, Group) else placed(Group(name, parts=(part,)), name)


def _part(name: str, condition: Condition) -> Row | Group:
    match condition:
        case Comparison():
            return Row(name, condition.field, condition.operator, _typed(condition))
        case Not(part=AnyOf(parts=parts)):
            return _group(name, Join.NONE, parts)
        case Not(part=All(parts=parts)):
            return _group(name, Join.NOT_ALL, parts)
        case Not(part=part):
            return _group(name, Join.NONE, (part,))
        case AnyOf(parts=parts):
            return _group(name, Join.ANY, parts)
        case All(parts=parts):
            return _group(name, Join.ALL, parts)
    raise AssertionError(f"no form for {condition!r}")


def _group(name: str, join: Join, parts: Sequence[Condition]) -> Group:
    made = (_part(f"{name}.{number}", part) for number, part in enumerate(parts))
    return Group(name, join, tuple(made))


def _typed(comparison: Comparison) -> tuple[str, ...]:
    form = comparison.as_json().get("value", [])
    values = form if isinstance(form, list) else [form]
    if comparison.field.kind is Kind.YES_NO:
        return tuple("yes" if value else "no" for value in values)
    said = tuple(str(value) for value in values)
    if comparison.field.kind is Kind.ID or comparison.field.choices or not isinstance(form, list):
        return said
    return (", ".join(f'"{word}"' if "," in word else word for word in said),)
