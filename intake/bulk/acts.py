"""What can be done to many cases at once. Each is the act of an agent, called for each case.

Of each act: what of a case it changes, so that a change of somebody else is seen; whether a case is
so already; how it is done; and how it is taken back, if it can be.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeAlias, TypeVar
from uuid import UUID

from sqlalchemy.orm import Session

from intake import reasons, work
from intake.agents import Agent, Principal
from intake.cases import PAUSES, REASONS, Case, Chosen, Priority, Reason, State, Status
from intake.desk import Desk
from intake.errors import IntakeError
from intake.nouns import noun
from intake.queues import Queue

Known: TypeAlias = dict[str, Any]
LONGEST_TEXT = 4_000
E = TypeVar("E", bound=StrEnum)


class WrongBulk(IntakeError):
    """What was given for a bulk change cannot be meant; the text begins with the field."""

    code = "wrong-bulk"


class What(StrEnum):
    """What is done to each case."""

    ASSIGN = "assign"
    ROUTE = "route"
    PRIORITISE = "prioritise"
    TAG = "tag"
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
            "tags": list(self.tags),
            "reason": str(self.reason) if self.reason else None,
            "until": self.until.isoformat() if self.until else None,
            "text": self.text,
        }

    @classmethod
    def from_json(cls, what: What, kept: Known) -> Bulk:
        """What `as_json` gave."""
        return cls(
            what,
            agent_id=UUID(kept["agent_id"]) if kept["agent_id"] else None,
            queue_id=UUID(kept["queue_id"]) if kept["queue_id"] else None,
            priority=Priority(kept["priority"]) if kept["priority"] else None,
            tags=tuple(kept["tags"]),
            reason=reasons.read(kept["reason"]) if kept["reason"] else None,
            until=datetime.fromisoformat(kept["until"]) if kept["until"] else None,
            text=kept["text"],
        )


@dataclass(frozen=True, slots=True)
class Doing:
    """Who does it, for which desk, when."""

    session: Session
    by: Principal
    desk: Desk
    at: datetime


@dataclass(frozen=True, slots=True)
class Kind:
    """One thing that can be done to many cases."""

    touches: Callable[[Case], Known]
    """What of a case it changes, as plain values."""
    already: Callable[[Case, Bulk], bool]
    do: Callable[[Doing, Case, Bulk], object]
    take_back: Callable[[Doing, Case, Known], object] | None
    """Make it what it was before; None where nothing leads back."""


def words(session: Session, bulk: Bulk, *, at: datetime) -> str:
    """What is done, such as "assign to Grace". Raises WrongBulk, naming the field."""
    match bulk.what:
        case What.ASSIGN:
            agent = session.get(Agent, bulk.agent_id) if bulk.agent_id else None
            if agent is None or not agent.active:
                raise WrongBulk("agent: choose an active agent")
            return f"assign to {agent.name}"
        case What.ROUTE:
            queue = session.get(Queue, bulk.queue_id) if bulk.queue_id else None
            if queue is None or queue.archived_at is not None:
                raise WrongBulk(f"queue: choose a queue that takes {noun.many}")
            return f"move to {queue.name}"
        case What.PRIORITISE:
            if bulk.priority is None:
                raise WrongBulk("priority: choose one")
            return f"make the priority {bulk.priority}"
        case What.TAG:
            if not bulk.tags or not all(name.strip() for name in bulk.tags):
                raise WrongBulk("tags: name one or more")
            return f"tag as {', '.join(bulk.tags)}"
        case What.HOLD:
            status = _status(session, bulk)
            if status.kind_of not in PAUSES:
                raise WrongBulk(f"reason: {status} does not put {noun.a} on hold")
            return f"put on hold, {status}"
        case What.SNOOZE:
            if bulk.until is not None and bulk.until <= at:
                raise WrongBulk("until: that time is over; give one that is to come")
            return f"snooze until {bulk.until:%F %R %Z}" if bulk.until else "snooze"
        case What.RESOLVE:
            status = _status(session, bulk)
            if status.kind_of not in REASONS[State.RESOLVED]:
                raise WrongBulk(f"reason: {status} does not resolve {noun.a}")
            _short(bulk.text)
            return f"resolve, {status}"
        case What.CANCEL:
            _short(bulk.text)
            return "cancel"


def _reason(bulk: Bulk) -> Chosen:
    return bulk.reason or USUAL[bulk.what]


def _status(session: Session, bulk: Bulk) -> Status:
    try:
        return reasons.choose(session, _reason(bulk))
    except IntakeError as error:
        raise WrongBulk(f"reason: {error}") from error


def _short(text: str) -> None:
    if len(text) > LONGEST_TEXT:
        raise WrongBulk(f"text: at most {LONGEST_TEXT} characters")


def _assign(doing: Doing, case: Case, bulk: Bulk) -> None:
    assert bulk.agent_id is not None, "`words` said so"
    work.assign(doing.session, doing.by, case.id, bulk.agent_id, at=doing.at)


def _assign_back(doing: Doing, case: Case, before: Known) -> None:
    if before["owner"] is None:
        work.release(doing.session, doing.by, case.id, at=doing.at)
    else:
        work.assign(doing.session, doing.by, case.id, UUID(before["owner"]), at=doing.at)


def _route(doing: Doing, case: Case, bulk: Bulk) -> None:
    assert bulk.queue_id is not None, "`words` said so"
    work.route_to(doing.session, doing.by, case.id, bulk.queue_id, at=doing.at)


def _route_back(doing: Doing, case: Case, before: Known) -> None:
    work.route_to(doing.session, doing.by, case.id, UUID(before["queue"]), at=doing.at)
    if before["owner"] is not None:
        work.assign(doing.session, doing.by, case.id, UUID(before["owner"]), at=doing.at)


def _prioritise(doing: Doing, case: Case, bulk: Bulk) -> None:
    assert bulk.priority is not None, "`words` said so"
    work.prioritise(doing.session, doing.by, case.id, bulk.priority, at=doing.at)


def _prioritise_back(doing: Doing, case: Case, before: Known) -> None:
    priority = Priority(before["priority"])
    work.prioritise(doing.session, doing.by, case.id, priority, at=doing.at)


def _tag(doing: Doing, case: Case, bulk: Bulk) -> None:
    work.tag(doing.session, doing.by, case.id, add=bulk.tags, desk=doing.desk, at=doing.at)


def _tag_back(doing: Doing, case: Case, before: Known) -> None:
    put_on = [tag.name for tag in case.tags if tag.name not in before["tags"]]
    work.tag(doing.session, doing.by, case.id, remove=put_on, desk=doing.desk, at=doing.at)


def _hold(doing: Doing, case: Case, bulk: Bulk) -> None:
    work.hold(doing.session, doing.by, case.id, at=doing.at, reason=_reason(bulk))


def _hold_back(doing: Doing, case: Case, before: Known) -> None:
    reason = reasons.read(before["status"])
    work.set_reason(doing.session, doing.by, case.id, reason, at=doing.at)


def _snooze(doing: Doing, case: Case, bulk: Bulk) -> None:
    work.snooze(doing.session, doing.by, case.id, bulk.until, at=doing.at)


def _snooze_back(doing: Doing, case: Case, before: Known) -> None:
    until = datetime.fromisoformat(before["until"]) if before["until"] else None
    if before["snoozed"] and (until is None or until > doing.at):
        work.snooze(doing.session, doing.by, case.id, until, at=doing.at)
    else:
        work.wake(doing.session, doing.by, case.id, at=doing.at)


def _resolve(doing: Doing, case: Case, bulk: Bulk) -> None:
    work.resolve(
        doing.session, doing.by, case.id, bulk.text, desk=doing.desk, at=doing.at,
        kind=_reason(bulk),
    )  # fmt: skip


def _resolve_back(doing: Doing, case: Case, before: Known) -> None:
    work.reopen(doing.session, doing.by, case.id, desk=doing.desk, at=doing.at)
    _hold_back(doing, case, before)


def _cancel(doing: Doing, case: Case, bulk: Bulk) -> None:
    work.cancel(doing.session, doing.by, case.id, bulk.text, desk=doing.desk, at=doing.at)


def _whose(case: Case) -> Known:
    return {"owner": str(case.owner_id) if case.owner_id else None}


def _stands(case: Case) -> Known:
    return {"state": case.state.value, "status": case.status.key}


def _put_off(case: Case) -> Known:
    until = case.wakes_at.isoformat() if case.wakes_at else None
    return {"snoozed": case.snoozed_at is not None, "until": until}


def _tagged(case: Case) -> set[str]:
    return {tag.folded for tag in case.tags}


KINDS: Mapping[What, Kind] = {
    What.ASSIGN: Kind(
        _whose, lambda case, bulk: case.owner_id == bulk.agent_id, _assign, _assign_back
    ),
    What.ROUTE: Kind(
        lambda case: {"queue": str(case.queue_id), **_whose(case)},
        lambda case, bulk: case.queue_id == bulk.queue_id, _route, _route_back,
    ),
    What.PRIORITISE: Kind(
        lambda case: {"priority": case.priority.value},
        lambda case, bulk: case.priority is bulk.priority, _prioritise, _prioritise_back,
    ),
    What.TAG: Kind(
        lambda case: {"tags": sorted(tag.name for tag in case.tags)},
        lambda case, bulk: {name.strip().casefold() for name in bulk.tags} <= _tagged(case),
        _tag, _tag_back,
    ),
    What.HOLD: Kind(
        _stands,
        lambda case, bulk: case.status.key == str(_reason(bulk)),
        _hold, _hold_back,
    ),
    What.SNOOZE: Kind(_put_off, lambda _case, _bulk: False, _snooze, _snooze_back),
    What.RESOLVE: Kind(_stands, lambda _case, _bulk: False, _resolve, _resolve_back),
    What.CANCEL: Kind(_stands, lambda _case, _bulk: False, _cancel, None),
}  # fmt: skip
