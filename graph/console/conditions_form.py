"""A condition as a form: comparisons in groups that may nest, built without a script.

Every part has its place in the names of its fields: `when` is the whole, `when.0` its first part,
`when.0.1` the second part of that. A button that adds or removes a part posts the whole form; the
page that gets it asks `pressed` and shows the form again, with nothing saved.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from graph.console.filling import Misfilled
from intake.agents import Agent
from intake.conditions import (
    All,
    AnyOf,
    BadCondition,
    Comparison,
    Condition,
    Field,
    Fields,
    Kind,
    Not,
    Operator,
)
from intake.conditions.fields import LISTS, PRESENT
from intake.customers import Account
from intake.fields import CaseType, topics
from intake.fields.custom import custom_fields
from intake.products import Product
from intake.queues import Queue

BUTTON = "build"
"""The name of every button that changes the form and not the desk."""
MOST_FIELDS = 1_000
"""So many fields a form that holds conditions may post."""
MOST_CHOICES = 500
YES = {"yes": True, "no": False}

Choices = Mapping[str, Sequence[tuple[str, str]]]
"""By the name of a field of ids: what can be chosen for it, each id with its name."""


class Join(StrEnum):
    """How the parts of a group hang together."""

    ALL = "all"
    ANY = "any"
    NONE = "none"
    NOT_ALL = "not all"


@dataclass(frozen=True, slots=True)
class Row:
    """One comparison as it was typed."""

    name: str
    field: Field
    operator: str
    typed: tuple[str, ...] = ()
    wrong: str = ""

    @property
    def text(self) -> str:
        """What was typed, in one line; several values stand between commas."""
        return ", ".join(self.typed)


@dataclass(frozen=True, slots=True)
class Group:
    """Parts below one AND or OR. The whole form is one; without parts it asks nothing."""

    name: str
    join: Join = Join.ALL
    parts: tuple[Row | Group, ...] = ()
    wrong: str = ""

    def rows(self) -> Iterator[Row]:
        """Its comparisons and those of the groups in it, from top to bottom."""
        for part in self.parts:
            if isinstance(part, Row):
                yield part
            else:
                yield from part.rows()


def of(name: str, condition: Mapping[str, Any] | None, fields: Fields) -> Group:
    """The form of a condition as it is stored; one that cannot be read any more says why."""
    if condition is None:
        return Group(name)
    try:
        part = _part(name, Condition.from_json(condition, fields))
    except BadCondition as error:
        return Group(name, wrong=str(error))
    return part if isinstance(part, Group) else placed(Group(name, parts=(part,)), name)


def typed(name: str, form: Mapping[str, str], fields: Fields) -> Group:
    """The form as it was posted, changed as its pressed button asks."""
    whole = _read(name, form, fields)
    where, _, act = form.get(BUTTON, "").rpartition(":")
    return placed(_built(whole, where, act, form, fields), name)


def pressed(form: Mapping[str, str]) -> bool:
    """Whether the form was posted to be changed, and not to be saved."""
    return BUTTON in form


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


def with_wrong(group: Group, wrong: Mapping[str, str]) -> Group:
    """The form with what is wrong said at its rows."""
    return replace(
        group,
        wrong=wrong.get(group.name, group.wrong),
        parts=tuple(
            with_wrong(part, wrong)
            if isinstance(part, Group)
            else replace(part, wrong=wrong.get(part.name, ""))
            for part in group.parts
        ),
    )


def labels(group: Group) -> dict[str, str]:
    """What people call the fields of the form, by their names."""
    return {row.name: str(row.field).capitalize() for row in group.rows()}


def case_choices(session: Session) -> dict[str, list[tuple[str, str]]]:
    """What can be chosen for those fields of a case that are ids or choices of a desk, by name."""
    chosen = {
        field.name: [(choice, choice) for choice in field.choices]
        for field in custom_fields(session)
        if field.choices
    }
    chosen["topic"] = [(str(each.topic.id), each.path) for each in topics.tree(session)]
    return chosen | {
        field: [
            (str(id), name)
            for id, name in session.execute(
                select(row.id, row.name).order_by(row.name).limit(MOST_CHOICES)
            )
        ]
        for field, row in (
            ("queue", Queue),
            ("owner", Agent),
            ("product", Product),
            ("account", Account),
            ("type", CaseType),
        )
    }


def names_in(choices: Choices) -> dict[str, str]:
    """What ids stand for, as `Condition.in_words` wants it."""
    return {id: name for some in choices.values() for id, name in some}


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


def placed(group: Group, name: str) -> Group:
    """The group with names that say where its parts stand now."""
    return replace(
        group,
        name=name,
        parts=tuple(
            placed(part, f"{name}.{number}")
            if isinstance(part, Group)
            else replace(part, name=f"{name}.{number}")
            for number, part in enumerate(group.parts)
        ),
    )


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
