"""An item of an SLA as a page says it: what, for whom, within how long, and what follows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from intake.agents import Agent
from intake.cases import PAUSES, OwnReason, Reason
from intake.conditions import BadCondition, Condition
from intake.endpoints import Endpoint
from intake.facts import read_condition
from intake.fields import CaseType, Topic
from intake.fields.custom import custom_fields
from intake.naming import names_in
from intake.nouns import noun
from intake.queues import Queue
from intake.sla import From, Kpi, Milestone, OnReopening, SlaItem
from intake.sla.actions import Action, BadAction, Do

KPIS = {
    Kpi.FIRST_RESPONSE: "First response",
    Kpi.NEXT_RESPONSE: "Next response",
    Kpi.FOLLOW_UP: "Follow-up",
    Kpi.RESOLVE_BY: "Solution",
}
SINCE = {
    From.CREATED: "the {noun} was opened",
    From.CHANGED: "its last change",
    From.RESOLVED: "it was resolved",
    From.ESCALATED: "it was escalated",
    From.FIRST_RESPONSE: "our first answer",
    From.FOLLOW_UP: "the day that was agreed",
    From.LAST_MESSAGE: "each message of the customer",
    From.UNANSWERED: "their oldest message without an answer",
    From.DATE_FIELD: "a date of the {noun}",
}
KEPT_BY = {
    Kpi.FIRST_RESPONSE: "our first answer",
    Kpi.NEXT_RESPONSE: "our next answer",
    Kpi.FOLLOW_UP: "our next answer",
    Kpi.RESOLVE_BY: "resolving the {noun}",
}
REOPENED = {
    OnReopening.NEW_CYCLE: "A reopened {noun} gets a new clock.",
    OnReopening.KEEP: "A reopened {noun} keeps the result.",
}
WHEN = {
    Milestone.WARNING: "When it warns",
    Milestone.FAILURE: "When it is missed",
    Milestone.SUCCESS: "When it is kept",
}
NAMED = (Queue, Agent, CaseType, Topic, OwnReason)
ENDPOINT = (Endpoint.id, Endpoint.url)
TARGETS = ("queue", "agent", "endpoint", "type", "topic", "reason")
# The instants that a case has from the first moment on.
ALWAYS = (From.CREATED, From.CHANGED)


@dataclass(frozen=True, slots=True)
class Clause:
    """One item in words."""

    item: SlaItem
    name: str
    applies: str
    """The condition, or '' for every case."""
    within: str
    hours: str
    since: str
    warns: str
    """After how long, or ''."""
    warned: float
    """Which share of the time has passed by then, in percent."""
    stops: str
    kept: str
    actions: tuple[tuple[str, str], ...]
    """When, and what is done."""
    reopened: str
    never: bool
    """Whether an item above it speaks of every case, so that this one is not tried."""


def clauses(session: Session, items: Sequence[SlaItem]) -> list[Clause]:
    """These items in words, with the names of what they mention."""
    asked = [form for item in items for form in (item.applicable_when, item.success_when)]
    names = names_of(session, asked) | _targets(session, items)
    set_off = [name for item in items for form in item.actions for name in form if "." in name]
    names |= labels_of(session, [*(item.from_field for item in items), *set_off])
    return [_clause(item, names, _before(item, items)) for item in items]


def names_of(session: Session, conditions: Iterable[Mapping[str, Any] | None]) -> dict[str, str]:
    """What the ids in these conditions are called."""
    readable = (_read(form) for form in conditions if form is not None)
    return names_in(session, [condition for condition in readable if condition is not None])


def labels_of(session: Session, fields: Iterable[str | None]) -> dict[str, str]:
    """What these custom fields are called, retired ones too; one that is gone by its name."""
    asked = {name for name in fields if name is not None}
    every = custom_fields(session, archived=True) if asked else []
    return {name: name for name in asked} | {each.name: each.label for each in every}


def date_in_words(label: str) -> str:
    """The date that is asked in a field."""
    return f"the date “{label}”"


def in_short(item: SlaItem) -> str:
    """The promise alone: "Solution within 4 h"."""
    return f"{KPIS[item.kpi]} within {allowed(item.fail_after_minutes)}"


def since(start: From) -> str:
    """From when a promise counts."""
    return noun.fill(SINCE[start])


def condition_in_words(condition: Mapping[str, Any] | None, names: Mapping[str, str]) -> str:
    """A condition over a case, '' for none; what cannot be read any more says so."""
    if condition is None:
        return ""
    try:
        return read_condition(condition).in_words(names)
    except BadCondition as error:
        return f"something that is not known any more ({error})"


def allowed(minutes: int) -> str:
    """A span of an item: "4 h", "30 min", "2 d 4 h"."""
    days, rest = divmod(minutes, 24 * 60)
    hours, minutes = divmod(rest, 60)
    parts = ((days, "d"), (hours, "h"), (minutes, "min"))
    return " ".join(f"{count} {unit}" for count, unit in parts if count) or "0 min"


def action_in_words(form: Mapping[str, Any], names: Mapping[str, str]) -> str:
    """What an action does."""
    try:
        action = Action.from_json(form)
    except BadAction as error:
        return f"something that cannot be done ({error})"
    target = names.get(str(action.target_id), "one that is gone")
    match action.do:
        case Do.MAIL:
            later = ", in business hours" if action.in_hours else ""
            return f"mail to {', '.join(action.to)}: “{action.subject}”{later}"
        case Do.CHANGE:
            said = [
                f"the {name} becomes {to}"
                for name, to in (("priority", action.priority), ("severity", action.severity))
                if to is not None
            ]
            said += [f"the {noun} is escalated"] * action.escalated
            if action.reason:
                said.append(f"the status reason becomes {names.get(action.reason, action.reason)}")
            said += [
                f"{names.get(name, name)} becomes {_value(value, names)}"
                for name, value in action.said.items()
            ]
            said += [f"it is tagged {', '.join(action.tags)}"] * bool(action.tags)
            return ", ".join(said)
        case Do.MOVE:
            return f"the {noun} moves to the queue {target}"
        case Do.ASSIGN:
            return f"the {noun} is given to {target}"
        case Do.WEBHOOK:
            return f"a webhook is called: {action.url or target}"
        case Do.SLACK:
            return f"it is said in Slack, in {action.channel or 'the channel of its queue'}"


def _value(value: object, names: Mapping[str, str]) -> str:
    """A value of a field as people say it."""
    match value:
        case None:
            return "empty"
        case bool():
            return "yes" if value else "no"
        case list():
            return ", ".join(map(str, value))
    return names.get(str(value), str(value))


def _before(item: SlaItem, items: Sequence[SlaItem]) -> bool:
    above = items[: items.index(item)]
    return any(
        other.kpi is item.kpi and other.applicable_when is None and other.starts_from in ALWAYS
        for other in above
    )


def _clause(item: SlaItem, names: Mapping[str, str], never: bool) -> Clause:
    warn = item.warn_after_minutes
    stops = sorted(PAUSES) if item.pauses is None else item.pauses
    return Clause(
        item,
        KPIS[item.kpi],
        condition_in_words(item.applicable_when, names),
        allowed(item.fail_after_minutes),
        item.calendar.name if item.calendar else "",
        date_in_words(names[item.from_field]) if item.from_field else since(item.starts_from),
        allowed(warn) if warn is not None else "",
        round(100 * warn / item.fail_after_minutes, 2) if warn is not None else 100.0,
        " or ".join(stops),
        condition_in_words(item.success_when, names) or noun.fill(KEPT_BY[item.kpi]),
        tuple((WHEN[Milestone(form["on"])], action_in_words(form, names)) for form in item.actions),
        noun.fill(REOPENED[item.on_reopening]) if item.kpi is Kpi.RESOLVE_BY else "",
        never,
    )


def _targets(session: Session, items: Sequence[SlaItem]) -> dict[str, str]:
    """What the targets of their actions are called."""
    ids = {
        UUID(form[name])
        for item in items
        for form in item.actions
        for name in TARGETS
        if name in form and form[name] not in tuple(Reason)
    }
    return {
        str(id): name
        for key, called in (*((row.id, row.name) for row in NAMED), ENDPOINT)
        for id, name in session.execute(select(key, called).where(key.in_(ids)))
    }


def _read(form: Mapping[str, Any]) -> Condition | None:
    """The condition; None when it cannot be read any more."""
    try:
        return read_condition(form)
    except BadCondition:
        return None
