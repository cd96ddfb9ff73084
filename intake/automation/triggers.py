"""When an automation rule is asked: as something happens to a case, or some time after. Pure.

{"events": ["case.opened", "message.received"]}
{"events": ["case.changed"], "changed": ["priority"]}
{"after": "opened", "minutes": 240, "calendar": "0198…"}
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Any
from uuid import UUID

from intake.cases import Case
from intake.errors import IntakeError
from intake.nouns import noun

EVENTS: Mapping[str, str] = MappingProxyType(
    {
        "case.opened": "{a_noun} is opened",
        "message.received": "the customer writes again",
        "case.replied": "an agent answers",
        "case.noted": "somebody writes a note",
        "case.picked": "an agent takes the {noun}",
        "case.assigned": "the {noun} is given to somebody",
        "case.released": "the {noun} is given back",
        "case.routed": "the {noun} is moved to a queue",
        "case.changed": "its fields change",
        "case.prioritised": "its priority changes",
        "case.escalated": "the {noun} is escalated",
        "case.held": "the {noun} is put on hold",
        "case.reason_set": "its status reason is set",
        "case.resumed": "work on it goes on",
        "case.snoozed": "the {noun} is snoozed",
        "case.woken": "it is snoozed no longer",
        "case.resolved": "the {noun} is resolved",
        "case.reopened": "the {noun} is reopened",
        "case.cancelled": "the {noun} is cancelled",
        "case.reactivated": "work on a cancelled {noun} goes on",
        "case.merged": "another {noun} becomes part of it",
        "case.customer_changed": "it is another customer's",
        "case.channel_changed": "its channel changes",
        "case.given_back": "it goes back from who is away",
        "case.follow_up_due": "a follow-up is due",
        "activity.due": "an activity is due",
        "sla.nearing": "a deadline is near",
        "sla.noncompliant": "a deadline is missed",
        "delivery.failed": "an answer could not be delivered",
    }
)
"""What a rule may be asked at, and how people call it once the noun is filled in."""
CHANGED = ("subject", "priority", "severity", "type", "topic", "tags", "product", "queue", "owner")
"""Fields whose change a rule may ask for."""
LONGEST_MINUTES = 366 * 24 * 60


class WrongRule(IntakeError):
    """A rule that cannot be kept; the text begins with the field that is wrong."""

    code = "wrong-rule"


class Start(StrEnum):
    """The date of a case that a time rule counts from."""

    OPENED = "opened"
    CHANGED = "changed"
    ANSWERED = "first answered"
    RESOLVED = "resolved"
    ESCALATED = "escalated"
    FOLLOW_UP = "follow-up agreed for"
    DEADLINE = "deadline"
    WAITING = "waiting for an agent since"


COLUMNS: Mapping[Start, str] = MappingProxyType(
    {
        Start.OPENED: "opened_at",
        Start.CHANGED: "updated_at",
        Start.ANSWERED: "first_response_at",
        Start.RESOLVED: "resolved_at",
        Start.ESCALATED: "escalated_at",
        Start.FOLLOW_UP: "follow_up_at",
        Start.DEADLINE: "deadline_at",
        Start.WAITING: "waiting_since_at",
    }
)


AFTER: Mapping[Start, str] = MappingProxyType(
    {
        Start.OPENED: "it was opened",
        Start.CHANGED: "it changed last",
        Start.ANSWERED: "it was first answered",
        Start.RESOLVED: "it was resolved",
        Start.ESCALATED: "it was escalated",
        Start.FOLLOW_UP: "the follow-up that was agreed",
        Start.DEADLINE: "its deadline",
        Start.WAITING: "it began to wait for an agent",
    }
)
"""How people call the date that time is counted from."""


@dataclass(frozen=True, slots=True)
class Trigger:
    """Either `events`, or `after` some minutes; with a calendar, minutes of its opening time."""

    events: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    after: Start | None = None
    minutes: int = 0
    calendar_id: UUID | None = None

    @classmethod
    def from_json(cls, form: object) -> Trigger:
        """The trigger that `as_json` gave. Raises WrongRule, naming the field."""
        match form:
            case {"events": list() as kinds, **more} if not more.keys() - {"changed"}:
                return _of_events(kinds, more.get("changed", []))
            case {"after": str() as start, "minutes": int() as minutes, **more} if not isinstance(
                minutes, bool
            ) and not more.keys() - {"calendar"}:
                return _of_time(start, minutes, more.get("calendar"))
        raise WrongRule('when: say {"events": [...]} or {"after": ..., "minutes": ...}')

    def as_json(self) -> dict[str, Any]:
        """Plain values that `from_json` turns back into an equal trigger."""
        if self.after is None:
            changed = {"changed": [*self.changed]} if self.changed else {}
            return {"events": [*self.events], **changed}
        calendar = {"calendar": str(self.calendar_id)} if self.calendar_id else {}
        return {"after": self.after.value, "minutes": self.minutes, **calendar}

    def in_words(self, calendars: Mapping[UUID, str] = MappingProxyType({})) -> str:
        """For people to read."""
        if self.after is None:
            said = noun.fill(" or ".join(EVENTS[kind] for kind in self.events))
            return said + (f", and of it the {' or the '.join(self.changed)}" * bool(self.changed))
        hours, minutes = divmod(self.minutes, 60)
        span = " ".join(
            f"{count} {unit}" for count, unit in ((hours, "h"), (minutes, "min")) if count
        )
        hours_of = calendars.get(self.calendar_id, "business hours") if self.calendar_id else ""
        counted = f" of {hours_of}" if hours_of else ""
        return f"{span or 'at once'}{counted} after {AFTER[self.after]}"

    def wants(self, kind: str, data: Mapping[str, Any]) -> bool:
        """Whether the rule is asked at this event. One that waits for a change of some fields is
        asked by whatever act they are changed."""
        if self.changed and set(self.changed).isdisjoint(data.get("changes", {})):
            return False
        return kind in self.events or self.of_any_act

    @property
    def of_any_act(self) -> bool:
        """Whether it is asked at every act that changes its fields."""
        return bool(self.changed) and "case.changed" in self.events

    def starts_at(self, case: Case) -> datetime | None:
        """The date that a time rule counts from; None where the case has none."""
        start: datetime | None = getattr(case, COLUMNS[self.after]) if self.after else None
        return start


def _of_events(kinds: list[object], changed: object) -> Trigger:
    for kind in kinds:
        if kind not in EVENTS:
            raise WrongRule(f"when.events: {kind!r:.60} is none of {', '.join(EVENTS)}")
    if not kinds:
        raise WrongRule("when.events: choose at least one")
    if not isinstance(changed, list) or not set(changed) <= set(CHANGED):
        raise WrongRule(f"when.changed: some of {', '.join(CHANGED)}")
    return Trigger(tuple(dict.fromkeys(map(str, kinds))), tuple(dict.fromkeys(changed)))


def _of_time(start: str, minutes: int, calendar: object) -> Trigger:
    if start not in tuple(Start):
        raise WrongRule(f"when.after: {start!r:.60} is none of {', '.join(Start)}")
    if not 0 <= minutes <= LONGEST_MINUTES:
        raise WrongRule(f"when.minutes: a number from 0 to {LONGEST_MINUTES}")
    try:
        calendar_id = UUID(str(calendar)) if calendar else None
    except ValueError:
        raise WrongRule(f"when.calendar: {calendar!r:.60} is not an id") from None
    return Trigger(after=Start(start), minutes=minutes, calendar_id=calendar_id)
