"""What a rule or a macro does to a case, as a list of plain values.

    {"do": "set", "field": "priority", "value": "high"}
    {"do": "reply", "template": "0198…"}

They are read and checked when the rule is written, so that a mistake is named then and not when
the rule runs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any
from uuid import UUID

from intake.automation.triggers import WrongRule
from intake.cases import PAUSES, REASONS, Priority, Severity, State

MOST_ACTIONS = 20
LONGEST_TEXT = 5_000
MOST_TAGS = 20
ME = "me"


class Do(StrEnum):
    """What can be done."""

    SET = "set"
    TAG = "tag"
    UNTAG = "untag"
    ASSIGN = "assign"
    TEAM = "assign team"
    ROUTE = "route"
    REROUTE = "ask routing rules"
    REPLY = "reply"
    NOTE = "note"
    FOLLOW = "follow"
    WEBHOOK = "webhook"
    HOLD = "hold"
    RESOLVE = "resolve"


VALUE_OF: Mapping[Do, str] = MappingProxyType(
    {
        Do.SET: "value",
        Do.TAG: "tags",
        Do.UNTAG: "tags",
        Do.ASSIGN: "agent",
        Do.TEAM: "team",
        Do.ROUTE: "queue",
        Do.REPLY: "template",
        Do.NOTE: "text",
        Do.FOLLOW: "agent",
        Do.WEBHOOK: "endpoint",
        Do.HOLD: "reason",
        Do.RESOLVE: "text",
    }
)
"""How the one value of each is called; asking the routing rules has none."""
CALLED: Mapping[str, str] = MappingProxyType({"reason": "status reason"})
"""Fields that people call otherwise."""
SETTABLE = ("priority", "severity", "type", "topic", "product", "reason")
WORDS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "priority": tuple(each.value for each in Priority),
        "severity": tuple(each.value for each in Severity),
        "reason": tuple(each.value for each in REASONS[State.ACTIVE]),
        Do.HOLD.value: tuple(sorted(each.value for each in PAUSES)),
    }
)
OR_OWN = ("reason", Do.HOLD.value)
"""Whose value is one of these words, or the id of a status reason of the desk's own."""
IDS = (Do.ASSIGN, Do.TEAM, Do.ROUTE, Do.REPLY, Do.FOLLOW, Do.WEBHOOK)
"""Whose value is the id of a record."""


@dataclass(frozen=True, slots=True)
class Action:
    """One thing to do. `field` is what is set; an agent may be `me`, whoever applies the macro."""

    do: Do
    value: str = ""
    field: str = ""
    tags: tuple[str, ...] = ()

    @classmethod
    def from_json(cls, form: object, place: str) -> Action:
        """The action that `as_json` gave. Raises WrongRule, naming the field."""
        if not isinstance(form, Mapping) or form.get("do") not in tuple(Do):
            raise WrongRule(f"{place}.do: one of {', '.join(Do)}")
        do = Do(form["do"])
        name = VALUE_OF.get(do, "")
        if unknown := set(form) - {"do", name, *(["field"] if do is Do.SET else [])}:
            raise WrongRule(f"{place}.{min(unknown)}: unknown field of an action that does {do}")
        if do is Do.REROUTE:
            return cls(do)
        if do in (Do.TAG, Do.UNTAG):
            return cls(do, tags=_tags(form.get(name), f"{place}.tags"))
        field = _field(form.get("field"), place) if do is Do.SET else ""
        return cls(do, _value(do, field, form.get(name), f"{place}.{name}"), field)

    def as_json(self) -> dict[str, Any]:
        """Plain values that `from_json` turns back into an equal action."""
        form: dict[str, Any] = {"do": self.do.value}
        if self.do in (Do.TAG, Do.UNTAG):
            form["tags"] = [*self.tags]
        elif self.do in VALUE_OF:
            form[VALUE_OF[self.do]] = self.value
        if self.field:
            form["field"] = self.field
        return form

    @property
    def id(self) -> UUID | None:
        """The record it names, if it names one."""
        if self.about in OR_OWN:
            return UUID(self.value) if self.value not in WORDS[self.about] else None
        named = self.do in IDS or self.field in ("type", "topic", "product")
        return UUID(self.value) if named and self.value != ME else None

    @property
    def about(self) -> str:
        """What its value is chosen for: the field that it sets, or what it does."""
        return self.field or self.do.value

    def in_words(self, names: Mapping[UUID, str] = MappingProxyType({})) -> str:
        """For people to read."""
        named = names.get(self.id, self.value) if self.id is not None else self.value
        match self.do:
            case Do.SET:
                return f"set the {CALLED.get(self.field, self.field)} to {named}"
            case Do.TAG | Do.UNTAG:
                said = "tag it" if self.do is Do.TAG else "take off"
                return f"{said} {', '.join(self.tags)}"
            case Do.ASSIGN:
                return (
                    "assign it to whoever applies this" if named == ME else f"assign it to {named}"
                )
            case Do.TEAM:
                return f"give it to {named}"
            case Do.ROUTE:
                return f"move it to {named}"
            case Do.REROUTE:
                return "ask the routing rules again"
            case Do.REPLY:
                return f"answer with “{named}”"
            case Do.NOTE:
                return f"note: {self.value:.80}"
            case Do.FOLLOW:
                return "follow it" if named == ME else f"let {named} follow it"
            case Do.WEBHOOK:
                return f"call {named}"
            case Do.HOLD:
                return f"put it on hold: {named}"
            case Do.RESOLVE:
                return f"resolve it: {self.value:.80}"


def read(forms: object, place: str = "actions") -> tuple[Action, ...]:
    """The actions of a list. Raises WrongRule, naming the one and its field."""
    if not isinstance(forms, Sequence) or isinstance(forms, str):
        raise WrongRule(f"{place}: a list of actions")
    if len(forms) > MOST_ACTIONS:
        raise WrongRule(f"{place}: {MOST_ACTIONS} actions at most")
    return tuple(Action.from_json(form, f"{place}[{number}]") for number, form in enumerate(forms))


def in_words(actions: Iterable[Action], names: Mapping[UUID, str]) -> str:
    """What they do, in one sentence."""
    return "; ".join(action.in_words(names) for action in actions) or "nothing yet"


def _field(said: object, place: str) -> str:
    if said not in SETTABLE:
        raise WrongRule(f"{place}.field: one of {', '.join(SETTABLE)}")
    return str(said)


def _value(do: Do, field: str, said: object, place: str) -> str:
    if not isinstance(said, str) or not 0 < len(said.strip()) <= LONGEST_TEXT:
        raise WrongRule(f"{place}: say what, in 1 to {LONGEST_TEXT} characters")
    said = said.strip()
    about = field or do.value
    words = WORDS.get(about)
    if words is not None and said in words:
        return said
    if words is not None and about not in OR_OWN:
        raise WrongRule(f"{place}: one of {', '.join(words)}")
    if do in IDS or field in ("type", "topic", "product"):
        if said == ME and do in (Do.ASSIGN, Do.FOLLOW):
            return said
        return _id(said, f"{place}: {said!r:.60} is not an id")
    if words is not None:
        ways = ", ".join(words)
        return _id(said, f"{place}: one of {ways}, or the id of a status reason of your own")
    return said


def _id(said: str, wrong: str) -> str:
    try:
        return str(UUID(said))
    except ValueError:
        raise WrongRule(wrong) from None


def _tags(said: object, place: str) -> tuple[str, ...]:
    if not isinstance(said, list) or not 0 < len(said) <= MOST_TAGS:
        raise WrongRule(f"{place}: 1 to {MOST_TAGS} tags")
    names = tuple(dict.fromkeys(str(name).strip() for name in said))
    if not all(names):
        raise WrongRule(f"{place}: a tag has a name")
    return names
