"""The form of a routing rule set: rules one below the other, each with its condition.

A button that adds, moves or removes a rule posts the whole form, as those of a condition do; the
form is shown again and nothing is saved.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from uuid import UUID

from graph.console import conditions_form
from graph.console.conditions_form import Group
from graph.console.filling import Misfilled
from graph.console.rows import moved
from intake.errors import IntakeError
from intake.facts import CASE_FIELDS
from intake.routing import RuleForm, RuleSet

ALWAYS: dict[str, list[object]] = {"all": []}
LABELS = {"name": "Name", "queue": "Queue", "to": "To whom", "condition": "When"}
_TITLE = re.compile(r"r(\d{1,3})\.title")
_WRONG = re.compile(r"rules\[(\d+)\]\.(\w+): (.+)", re.S)


@dataclass(frozen=True, slots=True)
class RuleRow:
    """One rule as it was typed. `to` is an agent or a team, as in "agent 0198…"."""

    name: str
    when: Group
    title: str = ""
    queue: str = ""
    to: str = ""
    wrong: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RuleSetForm:
    """Everything in the form, and what is wrong with no rule in particular."""

    title: str
    rules: tuple[RuleRow, ...]
    version: str = ""
    reason: str = ""


def of(rule_set: RuleSet) -> RuleSetForm:
    """The form as a draft fills it in."""
    rows = []
    for number, rule in enumerate(rule_set.rules):
        name = f"r{number}"
        when = conditions_form.of(name, rule.condition, CASE_FIELDS)
        queue = str(rule.queue_id or "")
        to = f"agent {rule.agent_id}" if rule.agent_id else ""
        to = f"team {rule.team_id}" if rule.team_id else to
        rows.append(RuleRow(name, when, rule.name, queue, to))
    return RuleSetForm(rule_set.name, tuple(rows), str(rule_set.version))


def empty() -> RuleSetForm:
    """The form of a new set: one rule that asks nothing yet."""
    return RuleSetForm("", (RuleRow("r0", Group("r0")),))


def typed(form: Mapping[str, str]) -> RuleSetForm:
    """The form as it was posted, changed as its pressed button asks."""
    numbers = sorted({int(found[1]) for key in form if (found := _TITLE.fullmatch(key))})
    rows = [_row(f"r{number}", form) for number in numbers]
    what, _, act = form.get(conditions_form.BUTTON, "").rpartition(":")
    if (what, act) == ("rule", "new"):
        rows.append(RuleRow("r0", Group("r0")))
    elif what.startswith("rule:"):
        places = [row.name for row in rows]
        name = what.removeprefix("rule:")
        rows = moved(rows, places.index(name) if name in places else -1, act)
    placed = (_placed(row, f"r{number}") for number, row in enumerate(rows))
    return RuleSetForm(form.get("title", ""), tuple(placed), form.get("version", ""))


def rules_in(form: RuleSetForm) -> list[RuleForm]:
    """The rules that the form says. Raises Misfilled, by their rows and fields."""
    wrong: dict[str, str] = {}
    written = []
    for row in form.rules:
        try:
            condition = conditions_form.condition_in(row.when, CASE_FIELDS)
        except Misfilled as error:
            wrong |= error.wrong
            continue
        kind, _, id = row.to.partition(" ")
        written.append(
            RuleForm(
                row.title,
                condition if condition is not None else ALWAYS,
                _id(row.queue),
                _id(id) if kind == "agent" else None,
                _id(id) if kind == "team" else None,
            )
        )
    if wrong:
        raise Misfilled(wrong)
    return written


def with_problem(form: RuleSetForm, error: IntakeError) -> RuleSetForm:
    """The form with what is wrong said where it is."""
    if isinstance(error, Misfilled):
        rows = [
            replace(row, when=conditions_form.with_wrong(row.when, error.wrong))
            for row in form.rules
        ]
        return replace(form, rules=tuple(rows), reason="some conditions are not complete")
    found = _WRONG.fullmatch(str(error))
    if found is None or int(found[1]) >= len(form.rules):
        return replace(form, reason=str(error))
    number, name = int(found[1]), {"agent": "to", "team": "to"}.get(found[2], found[2])
    rows = list(form.rules)
    rows[number] = replace(rows[number], wrong={name: found[3]})
    return replace(form, rules=tuple(rows), reason=f"rule {number + 1}: {found[3]}")


def _row(name: str, form: Mapping[str, str]) -> RuleRow:
    return RuleRow(
        name,
        conditions_form.typed(name, form, CASE_FIELDS),
        form.get(f"{name}.title", ""),
        form.get(f"{name}.queue", ""),
        form.get(f"{name}.to", ""),
    )


def _placed(row: RuleRow, name: str) -> RuleRow:
    return replace(row, name=name, when=conditions_form.placed(row.when, name))


def _id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
