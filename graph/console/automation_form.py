"""The form of an automation rule: when it is asked, what a case must meet, what it does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from graph.console import conditions_form, rule_actions_form
from graph.console.conditions_form import Group
from graph.console.filling import Misfilled
from graph.console.rule_actions_form import ActionRow
from intake.automation import EVENTS, AutomationRule, RuleTerms, Start, Trigger
from intake.errors import IntakeError
from intake.facts import CASE_FIELDS

WHEN = "when"
MINUTES_IN = {"minutes": 1, "hours": 60, "days": 24 * 60}


@dataclass(frozen=True, slots=True)
class AutomationForm:
    """Everything in the form, and what is wrong with it."""

    when: Group
    actions: tuple[ActionRow, ...] = ()
    title: str = ""
    timed: bool = False
    events: frozenset[str] = frozenset()
    changed: frozenset[str] = frozenset()
    after: str = Start.OPENED.value
    amount: str = "4"
    unit: str = "hours"
    calendar: str = ""
    position: str = ""
    version: str = ""
    reason: str = ""
    wrong: Mapping[str, str] = field(default_factory=dict)


def empty() -> AutomationForm:
    """The form of a new rule."""
    return AutomationForm(Group(WHEN), events=frozenset({"case.opened"}))


def of(rule: AutomationRule) -> AutomationForm:
    """The form as a rule fills it in."""
    trigger = rule.when
    unit = next(name for name, size in reversed(MINUTES_IN.items()) if trigger.minutes % size == 0)
    form = AutomationForm(
        conditions_form.of(WHEN, rule.condition or None, CASE_FIELDS),
        rule_actions_form.of(rule.does),
        rule.name,
        position=str(rule.position),
        version=str(rule.version),
    )
    if trigger.after is None:
        return replace(form, events=frozenset(trigger.events), changed=frozenset(trigger.changed))
    return replace(
        form, timed=True, after=trigger.after.value, unit=unit,
        amount=str(trigger.minutes // MINUTES_IN[unit]), calendar=str(trigger.calendar_id or ""),
    )  # fmt: skip


def typed(form: Mapping[str, str]) -> AutomationForm:
    """The form as it was posted, changed as its pressed button asks."""
    return AutomationForm(
        conditions_form.typed(WHEN, form, CASE_FIELDS),
        rule_actions_form.typed(form),
        form.get("title", ""),
        form.get("kind") == "time",
        frozenset(kind for kind in EVENTS if f"on.{kind}" in form),
        frozenset(name.removeprefix("changed.") for name in form if name.startswith("changed.")),
        form.get("after", ""),
        form.get("amount", ""),
        form.get("unit", "hours"),
        form.get("calendar", ""),
        form.get("position", ""),
        form.get("version", ""),
    )


def terms_in(form: AutomationForm) -> RuleTerms:
    """The rule that the form says. Raises Misfilled."""
    condition = conditions_form.condition_in(form.when, CASE_FIELDS)
    position = form.position.strip() or "0"
    if not position.lstrip("-").isdecimal() or len(position) > 6:
        raise Misfilled({"position": "write a whole number, such as 10"})
    return RuleTerms(
        form.title,
        _trigger(form),
        rule_actions_form.actions_in(form.actions),
        condition or {},
        int(position),
    )


def with_problem(form: AutomationForm, error: IntakeError) -> AutomationForm:
    """The form with what is wrong said where it is."""
    if isinstance(error, Misfilled):
        when = conditions_form.with_wrong(form.when, error.wrong)
        said = next(iter(error.wrong.values()))
        return replace(form, when=when, wrong=error.wrong, reason=said)
    rows = rule_actions_form.with_wrong(form.actions, str(error))
    return replace(form, actions=rows or form.actions, reason=str(error))


def _trigger(form: AutomationForm) -> dict[str, Any]:
    if not form.timed:
        return Trigger(
            tuple(kind for kind in EVENTS if kind in form.events), tuple(sorted(form.changed))
        ).as_json()
    amount = form.amount.strip()
    if not amount.isdecimal() or len(amount) > 6 or form.unit not in MINUTES_IN:
        raise Misfilled({"amount": "write a whole number, such as 4"})
    calendar = {"calendar": form.calendar} if form.calendar else {}
    return {"after": form.after, "minutes": int(amount) * MINUTES_IN[form.unit], **calendar}
