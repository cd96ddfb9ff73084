"""What can be asked to be done to many cases at once, and the same in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from intake import reasons
from intake.agents import Agent
from intake.cases import PAUSES, REASONS, Chosen, Priority, Reason, State, Status
from intake.errors import IntakeError
from intake.fields import WrongField
from intake.nouns import noun
from intake.queues import Queue
from intake.work.saying import fields_in_words, read_fields

LONGEST_TEXT = 4_000
ALIKE = frozenset({"subject", "tags"})
"""Fields that many cases have no reason to say the same in, or that have an act of their own."""
NOTHING: Mapping[str, Any] = MappingProxyType({})


class WrongBulk(IntakeError):
    """What was given for a bulk change cannot be meant; the text begins with the field."""

    code = "wrong-bulk"


class What(StrEnum):
    """What is done to each case."""

    ASSIGN = "assign"
    RELEASE = "release"
    ROUTE = "route"
    REROUTE = "reroute"
    PRIORITISE = "prioritise"
    CHANGE = "change"
    TAG = "tag"
    UNTAG = "untag"
    HOLD = "hold"
    SNOOZE = "snooze"
    RESOLVE = "resolve"
    CANCEL = "cancel"


USUAL: Mapping[What, Chosen] = {
    What.HOLD: Reason.WAITING_FOR_DETAILS,
    What.RESOLVE: Reason.PROBLEM_SOLVED,
}
"""The status reason, where none is named."""


@dataclass(frozen=True, slots=True)
class Bulk:
    """What is done to each case, and how; of what is not asked for, nothing is read."""

    what: What
    agent_id: UUID | None = None
    queue_id: UUID | None = None
    priority: Priority | None = None
    fields: Mapping[str, Any] = field(default_factory=lambda: NOTHING)
    """What each case says of itself from then on, as `work.change_fields` takes it."""
    tags: tuple[str, ...] = ()
    reason: Chosen | None = None
    """Of a hold, or of a resolution; None: the usual one."""
    until: datetime | None = None
    """Of a snooze; None: until the customer writes."""
    text: str = ""
    """Of a resolution, or why it is cancelled."""

    def as_json(self) -> dict[str, Any]:
        """As it is kept."""
        return {
            "agent_id": str(self.agent_id) if self.agent_id else None,
            "queue_id": str(self.queue_id) if self.queue_id else None,
            "priority": self.priority,
            "fields": dict(self.fields),
            "tags": list(self.tags),
            "reason": str(self.reason) if self.reason else None,
            "until": self.until.isoformat() if self.until else None,
            "text": self.text,
        }

    @classmethod
    def from_json(cls, what: What, kept: Mapping[str, Any]) -> Bulk:
        """What `as_json` gave."""
        return cls(
            what,
            agent_id=UUID(kept["agent_id"]) if kept["agent_id"] else None,
            queue_id=UUID(kept["queue_id"]) if kept["queue_id"] else None,
            priority=Priority(kept["priority"]) if kept["priority"] else None,
            fields=kept["fields"],
            tags=tuple(kept["tags"]),
            reason=reasons.read(kept["reason"]) if kept["reason"] else None,
            until=datetime.fromisoformat(kept["until"]) if kept["until"] else None,
            text=kept["text"],
        )


def settled(session: Session, bulk: Bulk) -> Bulk:
    """The same with its fields as a case keeps them. Raises WrongBulk, naming the field."""
    if bulk.what is not What.CHANGE:
        return bulk
    if not bulk.fields:
        raise WrongBulk("fields: choose what to change")
    if alike := sorted(ALIKE & bulk.fields.keys()):
        raise WrongBulk(f"{alike[0]}: it is not changed for many {noun.many} at once")
    try:
        return replace(bulk, fields=read_fields(session, bulk.fields))
    except WrongField as error:
        raise WrongBulk(str(error)) from None


def words(session: Session, bulk: Bulk, *, at: datetime) -> str:
    """What is done, such as "assign to Grace". Raises WrongBulk, naming the field."""
    match bulk.what:
        case What.ASSIGN:
            agent = session.get(Agent, bulk.agent_id) if bulk.agent_id else None
            if agent is None or not agent.works:
                raise WrongBulk("agent: choose an active agent")
            return f"assign to {agent.name}"
        case What.RELEASE:
            return "give back to the queue"
        case What.REROUTE:
            return "let the routing rules decide again"
        case What.CHANGE:
            return fields_in_words(session, bulk.fields)
        case What.ROUTE:
            queue = session.get(Queue, bulk.queue_id) if bulk.queue_id else None
            if queue is None or queue.archived_at is not None:
                raise WrongBulk(f"queue: choose a queue that takes {noun.many}")
            return f"move to {queue.name}"
        case What.PRIORITISE:
            if bulk.priority is None:
                raise WrongBulk("priority: choose one")
            return f"make the priority {bulk.priority}"
        case What.TAG | What.UNTAG:
            if not bulk.tags or not all(name.strip() for name in bulk.tags):
                raise WrongBulk("tags: name one or more")
            named = ", ".join(bulk.tags)
            return f"tag as {named}" if bulk.what is What.TAG else f"take off the tag {named}"
        case What.HOLD:
            status = status_of(session, bulk)
            if status.kind_of not in PAUSES:
                raise WrongBulk(f"reason: {status} does not put {noun.a} on hold")
            return f"put on hold, {status}"
        case What.SNOOZE:
            if bulk.until is not None and bulk.until <= at:
                raise WrongBulk("until: that time is over; give one that is to come")
            return f"snooze until {bulk.until:%F %R %Z}" if bulk.until else "snooze"
        case What.RESOLVE:
            status = status_of(session, bulk)
            if status.kind_of not in REASONS[State.RESOLVED]:
                raise WrongBulk(f"reason: {status} does not resolve {noun.a}")
            _short(bulk.text)
            return f"resolve, {status}"
        case What.CANCEL:
            if not bulk.text.strip():
                raise WrongBulk(f"text: say why these {noun.many} are cancelled")
            _short(bulk.text)
            return "cancel"


def reason_of(bulk: Bulk) -> Chosen:
    """The status reason that was named, or the usual one of the act."""
    return bulk.reason or USUAL[bulk.what]


def status_of(session: Session, bulk: Bulk) -> Status:
    """The same as it stands on a case. Raises WrongBulk for one that cannot be chosen."""
    try:
        return reasons.choose(session, reason_of(bulk))
    except IntakeError as error:
        raise WrongBulk(f"reason: {error}") from error


def _short(text: str) -> None:
    if len(text) > LONGEST_TEXT:
        raise WrongBulk(f"text: at most {LONGEST_TEXT} characters")
