"""What a milestone sets off, as rows of a form that buttons add and remove.

A kind of action that this form does not know is kept, and edited as its JSON.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson

from graph.console.conditions_form import BUTTON
from graph.console.filling import Misfilled
from intake.fields import FieldKind
from intake.sla.actions import Action, BadAction, Do, To

NAME = "actions"
KNOWN = {do.value for do in Do}
EMPTY: dict[str, dict[str, Any]] = {
    Do.MAIL.value: {
        "to": [To.AGENT.value],
        "subject": "Case {number}: {kpi} is due {due}",
        "text": "{subject}\n{customer}, in {queue}\n{url}",
    },
    Do.CHANGE.value: {"priority": "high"},
}


@dataclass(frozen=True, slots=True)
class Row:
    """One action as it was typed."""

    name: str
    form: Mapping[str, Any]
    wrong: str = ""
    text: str = ""
    """The JSON of a kind that this form does not know."""

    @property
    def known(self) -> bool:
        """Whether its fields are asked one by one."""
        return self.form.get("do") in KNOWN

    @property
    def own(self) -> list[tuple[str, str]]:
        """The fields of the desk's own that it changes, with what they become, and an empty one."""
        said = [(name, _typed(value)) for name, value in self.form.items() if "." in name]
        return [*said, ("", "")]

    @property
    def addresses(self) -> str:
        """The recipients that are written out."""
        return ", ".join(to for to in self.form.get("to", ()) if to not in tuple(To))


def of(actions: Sequence[Mapping[str, Any]]) -> tuple[Row, ...]:
    """The rows of what is stored."""
    return _placed([Row("", form, text=_written(form)) for form in actions])


def typed(form: Mapping[str, str]) -> tuple[Row, ...]:
    """The rows as they were posted, changed as the pressed button asks."""
    where, _, act = form.get(BUTTON, "").rpartition(":")
    rows = [row for row in _read(form) if not (row.name == where and act == "remove")]
    if where == NAME and act == "add":
        kind = form.get(f"{NAME}.new", Do.MAIL.value)
        made = {"on": "failure", "do": kind, **EMPTY.get(kind, {})}
        rows.append(Row("", made, text=_written(made)))
    return _placed(rows)


def actions_in(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """The actions as they are stored. Raises Misfilled by their rows."""
    wrong: dict[str, str] = {}
    found = []
    for row in rows:
        form: object = row.form
        try:
            if not row.known:
                form = orjson.loads(row.text)
            Action.from_json(form)  # type: ignore[arg-type]
            found.append(form)
        except BadAction as error:
            wrong[row.name] = "choose one" if "" in row.form.values() else str(error)
        except orjson.JSONDecodeError as error:
            wrong[row.name] = f"this is not JSON: {error}"
    if wrong:
        raise Misfilled(wrong)
    return [dict(form) for form in found if isinstance(form, Mapping)]


def with_wrong(rows: Sequence[Row], wrong: Mapping[str, str]) -> tuple[Row, ...]:
    """The rows with what is wrong said at them."""
    return tuple(replace(row, wrong=wrong.get(row.name, "")) for row in rows)


def _typed(value: object) -> str:
    """A value as people type it."""
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case list():
            return ", ".join(map(str, value))
    return str(value)


def _read(form: Mapping[str, str]) -> list[Row]:
    places = {key.split(".")[1] for key in form if re.fullmatch(rf"{NAME}\.\d+\.\w+", key)}
    return [_row(f"{NAME}.{place}", form) for place in sorted(places, key=int)]


def _row(name: str, form: Mapping[str, str]) -> Row:
    said = {
        key.removeprefix(f"{name}."): value
        for key, value in form.items()
        if key.startswith(f"{name}.")
    }
    if "text_of_it" in said:
        return Row(name, {"do": said.get("do", "")}, text=said["text_of_it"])
    made: dict[str, Any] = {"on": said.get("on", ""), "do": said.get("do", "")}
    match made["do"]:
        case Do.MAIL:
            to = [word.value for word in To if said.get(f"to_{word}")]
            to += [word for word in re.split(r"[,;\s]+", said.get("addresses", "")) if word]
            made |= {"to": to, "subject": said.get("subject"), "text": said.get("text")}
            if said.get("in_hours"):
                made["in_hours"] = True
        case Do.CHANGE:
            made |= {name: said[name] for name in ("priority", "severity") if said.get(name)}
            if said.get("escalated"):
                made["escalated"] = True
            made |= _said(said)
        case Do.MOVE:
            made["queue"] = said.get("queue", "")
        case Do.ASSIGN:
            made["agent"] = said.get("agent", "")
        case Do.WEBHOOK:
            url = said.get("url", "").strip()
            made |= {"url": url} if url else {"endpoint": said.get("endpoint", "")}
        case Do.SLACK:
            made |= {
                name: typed for name in ("channel", "text") if (typed := said.get(name, "").strip())
            }
    return Row(name, made)


def _said(said: Mapping[str, str]) -> dict[str, Any]:
    """What a change says besides: status reason, type, topic, tags and custom fields."""
    made: dict[str, Any] = {n: said[n] for n in ("reason", "type", "topic") if said.get(n)}
    if tags := [tag.strip() for tag in said.get("tags", "").split(",") if tag.strip()]:
        made["tags"] = tags
    for key, name in said.items():
        if key.startswith("field_") and name:
            typed = said.get(f"value_{key.removeprefix('field_')}", "").strip()
            several = name.startswith(f"{FieldKind.CHOICES}.")
            made[name] = (typed.split(", ") if several and typed else typed) or None
    return made


def _placed(rows: Sequence[Row]) -> tuple[Row, ...]:
    return tuple(replace(row, name=f"{NAME}.{number}") for number, row in enumerate(rows))


def _written(form: Mapping[str, Any]) -> str:
    return orjson.dumps(dict(form), option=orjson.OPT_INDENT_2).decode()
