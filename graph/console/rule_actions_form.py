"""The actions of a rule or a macro as a form: one below the other, each with what it needs."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from graph.console import filling
from graph.console.conditions_form import BUTTON
from graph.console.rows import moved
from intake import queues, reasons, teams, wording
from intake.agents import at_work, who_work
from intake.automation.actions import CALLED, ME, SETTABLE, VALUE_OF, WORDS, Action, Do
from intake.cases import Reason
from intake.endpoints import Endpoint
from intake.fields import CaseType, topics
from intake.products import Product

MOST_CHOICES = 500
KINDS: Mapping[str, str] = {
    **{f"set {field}": f"Set the {CALLED.get(field, field)} to" for field in SETTABLE},
    Do.TAG.value: "Put on tags",
    Do.UNTAG.value: "Take off tags",
    Do.ASSIGN.value: "Assign it to",
    Do.TEAM.value: "Give it to the team",
    Do.ROUTE.value: "Move it to the queue",
    Do.REROUTE.value: "Ask the routing rules again",
    Do.REPLY.value: "Answer with the template",
    Do.NOTE.value: "Write the note",
    Do.FOLLOW.value: "Let follow it",
    Do.WEBHOOK.value: "Call the endpoint",
    Do.HOLD.value: "Put it on hold:",
    Do.RESOLVE.value: "Resolve it with the words",
}
"""What can be added, and how its row begins."""
LONG = (Do.NOTE.value, Do.RESOLVE.value)
_KIND = re.compile(r"a(\d{1,3})\.kind")
_WRONG = re.compile(r"actions\[(\d+)\](?:\.\w+)?: (.+)", re.S)

Choices = Mapping[str, Sequence[tuple[str, str]]]


@dataclass(frozen=True, slots=True)
class ActionRow:
    """One action as it was typed."""

    name: str
    kind: str
    value: str = ""
    wrong: str = ""

    @property
    def label(self) -> str:
        """How its row begins."""
        return KINDS[self.kind]


def of(actions: Sequence[Action]) -> tuple[ActionRow, ...]:
    """The rows as they are stored."""
    return tuple(
        ActionRow(
            f"a{number}",
            f"set {action.field}" if action.field else action.do.value,
            ", ".join(action.tags) or action.value,
        )
        for number, action in enumerate(actions)
    )


def typed(form: Mapping[str, str]) -> tuple[ActionRow, ...]:
    """The rows as they were posted, changed as the pressed button asks."""
    numbers = sorted({int(found[1]) for key in form if (found := _KIND.fullmatch(key))})
    rows = [
        ActionRow(name, form[f"{name}.kind"], form.get(f"{name}.value", ""))
        for number in numbers
        if form.get(f"{(name := f'a{number}')}.kind") in KINDS
    ]
    what, _, act = form.get(BUTTON, "").rpartition(":")
    if (what, act) == ("action", "new") and form.get("new-action") in KINDS:
        rows.append(ActionRow("", form["new-action"]))
    elif what.startswith("action:"):
        places = [row.name for row in rows]
        name = what.removeprefix("action:")
        rows = moved(rows, places.index(name) if name in places else -1, act)
    return tuple(replace(row, name=f"a{number}") for number, row in enumerate(rows))


def actions_in(rows: Sequence[ActionRow]) -> list[dict[str, Any]]:
    """The actions as they are stored; what cannot be meant is left for reading to refuse."""
    return [_form(row) for row in rows]


def with_wrong(rows: Sequence[ActionRow], text: str) -> tuple[ActionRow, ...] | None:
    """The rows with a mistake said at its row; None when it is of none of them."""
    found = _WRONG.fullmatch(text)
    if found is None or int(found[1]) >= len(rows):
        return None
    changed = list(rows)
    changed[int(found[1])] = replace(changed[int(found[1])], wrong=found[2])
    return tuple(changed)


def choices(session: Session, *, by_hand: bool) -> dict[str, list[tuple[str, str]]]:
    """What can be chosen for each kind; whoever applies a macro can be meant `by_hand`."""
    people, workers = filling.choices(at_work(session)), filling.choices(who_work(session))
    whoever = [(ME, "whoever applies it")] if by_hand else []
    calls = select(Endpoint).where(Endpoint.active).order_by(Endpoint.url)
    return {
        "set priority": [(word, word) for word in WORDS["priority"]],
        "set severity": [(word, word) for word in WORDS["severity"]],
        "set type": _named(session, CaseType),
        "set topic": [(str(each.topic.id), each.path) for each in topics.tree(session)],
        "set product": _named(session, Product),
        Do.ASSIGN.value: whoever + workers,
        Do.FOLLOW.value: whoever + people,
        Do.TEAM.value: [(str(team.id), team.name) for team in teams.every(session)],
        Do.ROUTE.value: [(str(each.id), each.name) for each in queues.every(session).every],
        Do.REPLY.value: [(str(each.id), each.name) for each in wording.every(session)],
        Do.WEBHOOK.value: [
            (str(each.id), each.description or each.url) for each in session.scalars(calls)
        ],
        "set reason": _statuses(session, WORDS["reason"]),
        Do.HOLD.value: _statuses(session, WORDS[Do.HOLD.value]),
    }


def _form(row: ActionRow) -> dict[str, Any]:
    if row.kind.startswith("set "):
        return {"do": "set", "field": row.kind.removeprefix("set "), "value": row.value}
    do = Do(row.kind)
    if do in (Do.TAG, Do.UNTAG):
        tags = [word.strip() for word in row.value.split(",") if word.strip()]
        return {"do": do.value, "tags": tags}
    return {"do": do.value, **({VALUE_OF[do]: row.value} if do in VALUE_OF else {})}


def _statuses(session: Session, kinds: Sequence[str]) -> list[tuple[str, str]]:
    found = reasons.of_kinds(session, [Reason(word) for word in kinds])
    return [(status.key, str(status)) for status in found]


def _named(session: Session, table: Any) -> list[tuple[str, str]]:
    rows = select(table.id, table.name).order_by(table.name).limit(MOST_CHOICES)
    return [(str(id), name) for id, name in session.execute(rows)]
