"""The form as it was posted, and what its buttons do to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from graph.console.conditions_form.shape import BUTTON, Group, Join, Row, placed
from intake.conditions import Field, Fields


def pressed(form: Mapping[str, str]) -> bool:
    """Whether the form was posted to be changed, and not to be saved."""
    return BUTTON in form


def typed(name: str, form: Mapping[str, str], fields: Fields) -> Group:
    """The form as it was posted, changed as its pressed button asks."""
    whole = _read(name, form, fields)
    where, _, act = form.get(BUTTON, "").rpartition(":")
    return placed(_built(whole, where, act, form, fields), name)


def _read(name: str, form: Mapping[str, str], fields: Fields) -> Group:
    join = form.get(f"{name}.join", "")
    parts: list[Row | Group] = []
    places = {key[len(name) + 1 :].partition(".")[0] for key in form if key.startswith(f"{name}.")}
    for place in sorted((each for each in places if each.isdigit()), key=int):
        inner = f"{name}.{place}"
        if f"{inner}.join" in form:
            parts.append(_read(inner, form, fields))
        elif form.get(f"{inner}.field", "") in fields:
            parts.append(_row(inner, fields[form[f"{inner}.field"]], form))
    return Group(name, Join(join) if join in tuple(Join) else Join.ALL, tuple(parts))


def _row(name: str, field: Field, form: Mapping[str, str]) -> Row:
    ticked = f"{name}.value."
    several = tuple(value for key, value in form.items() if key.startswith(ticked) and value)
    text = form.get(f"{name}.value", "").strip()
    return Row(name, field, form.get(f"{name}.op", ""), several or ((text,) if text else ()))


def _built(group: Group, where: str, act: str, form: Mapping[str, str], fields: Fields) -> Group:
    """The group after the button for the part at `where` was pressed."""
    parts: list[Row | Group] = []
    for part in group.parts:
        if part.name == where and act == "remove":
            continue
        parts.append(_built(part, where, act, form, fields) if isinstance(part, Group) else part)
    if group.name == where and act == "add":
        field = fields.get(form.get(f"{where}.new", ""))
        if field is not None:
            parts.append(Row("", field, field.operators[0]))
    if group.name == where and act == "group":
        parts.append(Group("", Join.ANY))
    return replace(group, parts=tuple(parts))
