"""What an item wants done when it warns, fails or succeeds: a mail, a call, a post, a change.

They are read from plain JSON, `{"on": "failure", "do": "mail", "to": ["owner"], "text": "..."}`,
so that a mistake is named when the SLA is activated and not when the promise breaks.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeVar
from uuid import UUID

from intake import endpoints
from intake.cases import REASONS, Priority, Severity, State
from intake.errors import IntakeError
from intake.sla.clocks import Milestone

PLACEHOLDERS = ("number", "subject", "kpi", "due", "customer", "queue", "organisation", "url")
# What strangers wrote does not go out in our name to people whom they chose.
TO_CUSTOMERS = ("number", "kpi", "due", "organisation")
PLACEHOLDER = re.compile(r"\{(\w*)\}")
CHANNEL = re.compile(r"[CG][A-Z0-9]{8,20}|#[^\s#@,A-Z]{1,80}")
"""A channel of Slack: its id, or its name, which has no capitals."""
ADDRESS = re.compile(r"[^@\s<>,;]+@[^@\s<>,;]+\.[^@\s<>,;]+")
LONGEST_SUBJECT, LONGEST_TEXT, MOST_RECIPIENTS, MOST_TAGS = 200, 5_000, 20, 20
SAID = frozenset({"type", "topic"})
"""The fields of every case that a change may say, besides those with words of their own."""


W = TypeVar("W", bound=StrEnum)


class Do(StrEnum):
    """What can be done."""

    MAIL = "mail"
    CHANGE = "change"
    MOVE = "move"
    ASSIGN = "assign"
    WEBHOOK = "webhook"
    SLACK = "slack"


class To(StrEnum):
    """Who may get a mail, besides addresses of stakeholders written out."""

    AGENT = "agent"  # who works on it, or, when nobody does, the members of its queue
    OWNER = "owner"
    FOLLOWERS = "followers"
    CUSTOMER = "customer"


class BadAction(IntakeError):
    """An action that cannot be done; the text begins with the field that is wrong."""

    code = "bad-action"


@dataclass(frozen=True, slots=True)
class Action:
    """One thing to do. Only the fields that its kind uses are set."""

    on: Milestone
    do: Do
    to: tuple[str, ...] = ()
    subject: str = ""
    text: str = ""
    in_hours: bool = False
    """Mail waits for business hours."""
    priority: Priority | None = None
    severity: Severity | None = None
    escalated: bool = False
    reason: str = ""
    """The status that it takes: a given word, or the id of one of the desk's own."""
    tags: tuple[str, ...] = ()
    """What it is tagged with, besides what it is."""
    said: Mapping[str, Any] = field(default_factory=dict)
    """Its type, its topic and custom fields by their names, as `change_fields` takes them."""
    target_id: UUID | None = None
    """The queue to move to, the agent to assign, or the endpoint to call."""
    url: str = ""
    """What to call instead of an endpoint."""
    channel: str = ""
    """Where in Slack to post; empty for the channel of the case's queue."""

    @classmethod
    def from_json(cls, form: Mapping[str, Any]) -> Action:
        """The action written as this JSON. Raises BadAction, naming the field."""
        if not isinstance(form, Mapping):
            raise BadAction(f"{form!r:.80} is not an object with “on” and “do”")
        form = dict(form)
        on = _word(Milestone, form.pop("on", None), "on")
        do = _word(Do, form.pop("do", None), "do")
        match do:
            case Do.MAIL:
                action = _mail(on, form)
            case Do.CHANGE:
                action = _change(on, form)
            case Do.MOVE:
                action = cls(on, do, target_id=_id(form.pop("queue", None), "queue"))
            case Do.ASSIGN:
                action = cls(on, do, target_id=_id(form.pop("agent", None), "agent"))
            case Do.WEBHOOK:
                action = _webhook(on, form)
            case Do.SLACK:
                action = _slack(on, form)
        if form:
            raise BadAction(f"{min(form)}: unknown field of an action that does {do}")
        return action


def fill(template: str, values: Mapping[str, str]) -> str:
    """A template with its placeholders filled; what it filled in is not read again."""
    return PLACEHOLDER.sub(lambda found: values[found[1]], template)


def _mail(on: Milestone, form: dict[str, Any]) -> Action:
    to = form.pop("to", None)
    if not isinstance(to, list) or not 0 < len(to) <= MOST_RECIPIENTS:
        raise BadAction(f"to: a list of 1 to {MOST_RECIPIENTS} recipients")
    for one in to:
        if not isinstance(one, str) or (one not in tuple(To) and not ADDRESS.fullmatch(one)):
            raise BadAction(f"to: {one!r:.80} is neither {', '.join(To)} nor a mail address")
    in_hours = form.pop("in_hours", False)
    if not isinstance(in_hours, bool):
        raise BadAction("in_hours: true or false")
    allowed = TO_CUSTOMERS if To.CUSTOMER in to else PLACEHOLDERS
    subject = _template(form.pop("subject", None), "subject", LONGEST_SUBJECT, allowed)
    text = _template(form.pop("text", None), "text", LONGEST_TEXT, allowed)
    if "\n" in subject or "\r" in subject:
        raise BadAction("subject: one line")
    return Action(on, Do.MAIL, tuple(to), subject, text, in_hours)


def _change(on: Milestone, form: dict[str, Any]) -> Action:
    priority, severity = form.pop("priority", None), form.pop("severity", None)
    escalated = form.pop("escalated", False)
    reason, tags = form.pop("reason", ""), _tags(form.pop("tags", []))
    said = {name: form.pop(name) for name in sorted(form) if name in SAID or "." in name}
    for name in SAID & said.keys():
        said[name] = str(_id(said[name], name))
    if reason:
        _status(reason)
    if not (form or priority or severity or escalated or reason or tags or said):
        raise BadAction(
            "priority: say to what it changes, or the severity, the status reason, tags, type, "
            "topic, a field of your own, or “escalated”"
        )
    if not isinstance(escalated, bool):
        raise BadAction("escalated: true or false")
    return Action(
        on,
        Do.CHANGE,
        priority=None if priority is None else _word(Priority, priority, "priority"),
        severity=None if severity is None else _word(Severity, severity, "severity"),
        escalated=escalated,
        reason=reason,
        tags=tags,
        said=said,
    )


def _status(form: object) -> None:
    if form not in REASONS[State.ACTIVE]:
        try:
            UUID(str(form))
        except ValueError:
            ways = ", ".join(REASONS[State.ACTIVE])
            raise BadAction(f"reason: {form!r:.80} is none of {ways}, nor an id") from None


def _tags(form: object) -> tuple[str, ...]:
    if not isinstance(form, list) or len(form) > MOST_TAGS:
        raise BadAction(f"tags: a list of {MOST_TAGS} at most")
    if not all(isinstance(tag, str) and tag.strip() for tag in form):
        raise BadAction("tags: a tag has a name")
    return tuple(dict.fromkeys(tag.strip() for tag in form))


def _webhook(on: Milestone, form: dict[str, Any]) -> Action:
    """To an endpoint, whose calls are signed, or to a public URL."""
    url = form.pop("url", None)
    if url is None:
        return Action(on, Do.WEBHOOK, target_id=_id(form.pop("endpoint", None), "endpoint"))
    try:
        return Action(on, Do.WEBHOOK, url=endpoints.callable_url(str(url), own_hosts=()))
    except endpoints.WrongEndpoint as wrong:
        raise BadAction(str(wrong)) from None


def _slack(on: Milestone, form: dict[str, Any]) -> Action:
    """To a channel of one's choice, in one's own words or in the clock's."""
    channel, text = form.pop("channel", ""), form.pop("text", "")
    if channel and (not isinstance(channel, str) or not CHANNEL.fullmatch(channel)):
        raise BadAction(
            f"channel: {channel!r:.80} is no channel of Slack; write its id, such as C0123456789, "
            "its name, such as #support, or nothing for that of the queue"
        )
    if text:
        _template(text, "text", LONGEST_TEXT, PLACEHOLDERS)
    return Action(on, Do.SLACK, channel=channel, text=text)


def _template(form: object, field: str, longest: int, allowed: tuple[str, ...]) -> str:
    if not isinstance(form, str) or not 0 < len(form.strip()) <= longest:
        raise BadAction(f"{field}: a text of 1 to {longest} characters")
    for name in PLACEHOLDER.findall(form):
        if name not in allowed:
            known = ", ".join("{" + word + "}" for word in allowed)
            raise BadAction(f"{field}: {{{name}}} cannot be filled here; use {known}")
    return form


def _word(words: type[W], form: object, field: str) -> W:
    try:
        return words(str(form))
    except ValueError:
        raise BadAction(f"{field}: {form!r:.80} is none of {', '.join(words)}") from None


def _id(form: object, field: str) -> UUID:
    try:
        return UUID(str(form))
    except ValueError:
        raise BadAction(f"{field}: {form!r:.80} is not an id") from None
