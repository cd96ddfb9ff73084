"""Doing the actions of a rule or a macro, through the acts that agents have."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from uuid import UUID

from sqlalchemy.orm import Session

from intake import queues, reasons, webhooks, wording, work
from intake.agents import Agent, Kind, Principal
from intake.automation.actions import ME, Action, Do
from intake.automation.answering import answer
from intake.cases import Case
from intake.desk import Desk
from intake.errors import IntakeError, NotFound
from intake.teams import Team


class NotDone(IntakeError):
    """An action that could not be done; the text says which and why, and none was done."""

    code = "not-done"


@dataclass(frozen=True, slots=True)
class Doing:
    """Who does it, where and when. `key` tells one run from any other."""

    session: Session
    by: Principal
    desk: Desk
    at: datetime
    key: str


def do_all(doing: Doing, case: Case, actions: Sequence[Action]) -> list[str]:
    """Do these in their order; what each did, in words. Raises NotDone at the first that cannot.

    The caller undoes what was done before it, so that nothing half is done.
    """
    told = []
    for number, action in enumerate(actions, start=1):
        try:
            told.append(ACTS[action.do](doing, case, action, number))
        except IntakeError as error:
            raise NotDone(f"action {number}, {action.do}: {error}") from error
    return told


def _set(doing: Doing, case: Case, action: Action, _number: int) -> str:
    if action.field == "reason":
        return _set_reason(doing, case, action)
    return _change(doing, case, {action.field: action.value}, f"{action.field} set")


def _set_reason(doing: Doing, case: Case, action: Action) -> str:
    version, chosen = case.version, reasons.read(action.value)
    work.set_reason(doing.session, doing.by, case.id, chosen, at=doing.at)
    return f"status reason set: {case.status}" if case.version != version else "it was so already"


def _tag(doing: Doing, case: Case, action: Action, _number: int) -> str:
    work.tag(doing.session, doing.by, case.id, add=action.tags, desk=doing.desk, at=doing.at)
    return f"tagged {', '.join(action.tags)}"


def _untag(doing: Doing, case: Case, action: Action, _number: int) -> str:
    work.tag(doing.session, doing.by, case.id, remove=action.tags, desk=doing.desk, at=doing.at)
    return f"took off {', '.join(action.tags)}"


def _change(doing: Doing, case: Case, said: Mapping[str, object], words: str) -> str:
    version = case.version
    work.change_fields(doing.session, doing.by, case.id, said, desk=doing.desk, at=doing.at)
    return words if case.version != version else f"{words}, as it was already"


def _assign(doing: Doing, case: Case, action: Action, _number: int) -> str:
    agent = _agent(doing, action)
    if case.owner_id == agent.id:
        return f"it was {agent.name}'s already"
    work.assign(doing.session, doing.by, case.id, agent.id, at=doing.at)
    return f"assigned to {agent.name}"


def _team(doing: Doing, case: Case, action: Action, _number: int) -> str:
    assert action.id is not None, "it was read so"
    if case.team_id != action.id:
        work.assign_team(doing.session, doing.by, case.id, action.id, at=doing.at)
    return f"given to {doing.session.get_one(Team, action.id).name}"


def _route(doing: Doing, case: Case, action: Action, _number: int) -> str:
    assert action.id is not None, "it was read so"
    queue = queues.one(doing.session, action.id)
    if case.queue_id == queue.id and queues.item_of(doing.session, case) is not None:
        return f"it was in {queue.name} already"
    work.route_to(doing.session, doing.by, case.id, queue.id, at=doing.at)
    return f"moved to {queue.name}"


def _reroute(doing: Doing, case: Case, _action: Action, _number: int) -> str:
    work.route_again(doing.session, doing.by, case.id, at=doing.at)
    return f"asked the routing rules: {case.routed_by}"


def _reply(doing: Doing, case: Case, action: Action, number: int) -> str:
    assert action.id is not None, "it was read so"
    template = wording.by_id(doing.session, action.id)
    if template.archived_at is not None:
        raise IntakeError(f"“{template.name}” is not offered any more")
    if doing.by.kind is not Kind.AGENT:
        key = f"{doing.key}:{number}"
        return answer(
            doing.session, case, template, doing.by, desk=doing.desk, key=key, at=doing.at
        )
    said = wording.filled(doing.session, template, case, doing.by, doing.desk)
    if said.missing:
        raise IntakeError(f"“{template.name}”: {said.note}")
    work.reply(doing.session, doing.by, case.id, said.text, desk=doing.desk, at=doing.at)
    return f"answered with “{template.name}”"


def _note(doing: Doing, case: Case, action: Action, _number: int) -> str:
    work.note(doing.session, doing.by, case.id, action.value, at=doing.at)
    return "noted"


def _follow(doing: Doing, case: Case, action: Action, _number: int) -> str:
    agent = _agent(doing, action)
    work.follow(doing.session, doing.by, case.id, [agent.id], at=doing.at)
    return f"{agent.name} follows it"


def _webhook(doing: Doing, case: Case, action: Action, number: int) -> str:
    assert action.id is not None, "it was read so"
    promised = webhooks.promise_call(
        doing.session, action.id, "automation.called", {"by": doing.by.name},
        effect_key=f"automation:{doing.key}:{number}", at=doing.at, case=case,
    )  # fmt: skip
    if promised is None:
        raise IntakeError("the endpoint is paused or gone")
    return "called the endpoint"


def _hold(doing: Doing, case: Case, action: Action, _number: int) -> str:
    work.hold(doing.session, doing.by, case.id, at=doing.at, reason=reasons.read(action.value))
    return f"put on hold, {case.status}"


def _resolve(doing: Doing, case: Case, action: Action, _number: int) -> str:
    work.resolve(doing.session, doing.by, case.id, action.value, desk=doing.desk, at=doing.at)
    return "resolved"


ACTS: Mapping[Do, Callable[[Doing, Case, Action, int], str]] = MappingProxyType(
    {
        Do.SET: _set,
        Do.TAG: _tag,
        Do.UNTAG: _untag,
        Do.ASSIGN: _assign,
        Do.TEAM: _team,
        Do.ROUTE: _route,
        Do.REROUTE: _reroute,
        Do.REPLY: _reply,
        Do.NOTE: _note,
        Do.FOLLOW: _follow,
        Do.WEBHOOK: _webhook,
        Do.HOLD: _hold,
        Do.RESOLVE: _resolve,
    }
)


def _agent(doing: Doing, action: Action) -> Agent:
    id: UUID | None = doing.by.id if action.value == ME else action.id
    agent = doing.session.get(Agent, id) if id is not None else None
    if agent is None or not agent.active:
        raise NotFound("there is no such active agent any more")
    return agent
