"""What a warning, a broken promise or a kept one sets off, each once.

The clock tells of what was reached, under the lock of the case. Each action of an item is written
down by (case, item, action, due time) before it is done; the database refuses a second, so that
restarts, two workers and clocks that jump repeat nothing. A priority that is changed to and fro, or
a version in the same words, makes new clocks with the same due time: of those nothing is told
again, and no action is done that was.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import UniqueConstraint, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from intake import acting, events, queues, reasons, sla, snoozing, webhooks, work
from intake.agents import SYSTEM, Agent
from intake.cases import Case, Priority, Severity, touch
from intake.db import Base, new_id, refers_to
from intake.desk import Desk
from intake.errors import IntakeError
from intake.events import Event
from intake.letters import Mailbag
from intake.nouns import noun
from intake.queues import Queue
from intake.sla import KpiInstance, KpiState, Milestone, SlaItem
from intake.sla.actions import Action, BadAction, Do

EVENTS = {
    Milestone.WARNING: "sla.nearing",
    Milestone.FAILURE: "sla.noncompliant",
    Milestone.SUCCESS: "sla.succeeded",
}
# In Slack a card says by itself that a promise was kept.
ALARMS = {Milestone.WARNING: KpiState.NEARING, Milestone.FAILURE: KpiState.NONCOMPLIANT}


class ActionRun(Base):
    """One action that was done, or why it could not be."""

    __tablename__ = "sla_action_runs"
    __table_args__ = (UniqueConstraint("case_id", "item_id", "action", "due_at"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    case_id: Mapped[UUID] = mapped_column(refers_to("cases.id"))
    instance_id: Mapped[UUID] = mapped_column(refers_to("kpi_instances.id"), index=True)
    item_id: Mapped[UUID] = mapped_column(refers_to("sla_items.id"))
    action: Mapped[int]
    """Its place among the actions of the item, from 0."""
    due_at: Mapped[datetime]
    done_at: Mapped[datetime]
    outcome: Mapped[str]


def tell(
    session: Session,
    case: Case,
    instance: KpiInstance,
    milestone: Milestone,
    mailbag: Mailbag,
    desk: Desk,
    *,
    at: datetime,
) -> None:
    """Record what a clock reached, with the time when it did, and do what that asks for.

    Mail goes into the mailbag, whose owner promises it when all of a tick is known.
    """
    due_at = reached_at(instance, milestone)
    if not _told_before(session, instance, milestone, due_at):
        touch(case, at)
        said = {"kpi": instance.kpi.value, "due_at": due_at.isoformat()}
        _record(session, case, EVENTS[milestone], at, **said)
        if milestone is not Milestone.SUCCESS:
            snoozing.wake(session, case, by=SYSTEM, because=f"{instance.kpi.value} is due", at=at)
        _alarm_slack(session, case, instance, milestone, desk, due_at=due_at, at=at)
    for place, form in enumerate(instance.item.actions):
        if form["on"] == milestone and not _done_before(session, instance, form, due_at):
            run = ActionRun(
                case_id=case.id,
                instance_id=instance.id,
                item_id=instance.item_id,
                action=place,
                due_at=due_at,
                done_at=at,
                outcome=_do(session, case, instance, place, mailbag, desk, due_at=due_at, at=at),
            )
            session.add(run)
            session.flush()


def reached_at(instance: KpiInstance, milestone: Milestone) -> datetime:
    """When the clock reached it, however late anybody looked."""
    reached = {
        Milestone.WARNING: instance.warned_at,
        Milestone.FAILURE: instance.failed_at,
        Milestone.SUCCESS: instance.succeeded_at,
    }[milestone]
    assert reached is not None, "a clock notes when it reaches a milestone"
    return reached


def _told_before(
    session: Session, instance: KpiInstance, milestone: Milestone, due_at: datetime
) -> bool:
    """Whether another clock of that promise reached the same when that one was due, as where a
    priority was changed to and fro or the same words were put in force again."""
    told = select(Event).where(Event.case_id == instance.case_id, Event.kind == EVENTS[milestone])
    said = {"kpi": instance.kpi.value, "due_at": due_at.isoformat()}
    return any(said.items() <= event.data.items() for event in session.scalars(told))


def _done_before(
    session: Session, instance: KpiInstance, form: Mapping[str, Any], due_at: datetime
) -> bool:
    done = (
        select(SlaItem, ActionRun.action)
        .join(ActionRun, ActionRun.item_id == SlaItem.id)
        .where(ActionRun.case_id == instance.case_id, ActionRun.due_at == due_at)
        .where(SlaItem.kpi == instance.kpi)
    )
    return any(item.actions[place] == form for item, place in session.execute(done))


def _do(
    session: Session,
    case: Case,
    instance: KpiInstance,
    place: int,
    mailbag: Mailbag,
    desk: Desk,
    *,
    due_at: datetime,
    at: datetime,
) -> str:
    """What came of it, in words."""
    try:
        action = Action.from_json(instance.item.actions[place])
    except BadAction as error:  # written past activation: the clock of all others goes on
        return f"not done: {error}"
    key = f"sla:{case.id}:{instance.item_id}:{place}:{due_at.timestamp():.0f}"
    if action.do is Do.MAIL:
        if action.on is Milestone.WARNING and instance.state is not KpiState.NEARING:
            return f"not mailed: it was {instance.state} before anybody could be warned"
        return mailbag.write(session, case, instance, action, due_at=due_at)
    if action.do is Do.WEBHOOK:
        return _call(session, case, instance, action, key, due_at=due_at, at=at)
    if action.do is Do.SLACK:
        if not desk.slack:
            return "not posted: Slack is not connected"
        text = mailbag.filled(session, case, instance, action.text, due_at=due_at)
        return _post(session, case, instance, action, text, key, at=at)
    if not case.open:
        return f"not done: the {noun} is {case.state}"
    match action.do:
        case Do.CHANGE:
            return _change(session, case, action, desk, at)
        case Do.MOVE:
            return _move(session, case, action, at)
        case Do.ASSIGN:
            return _assign(session, case, action, at)


def _call(
    session: Session,
    case: Case,
    instance: KpiInstance,
    action: Action,
    key: str,
    *,
    due_at: datetime,
    at: datetime,
) -> str:
    data = {"kpi": instance.kpi.value, "due_at": due_at.isoformat()}
    endpoint = action.target_id or action.url
    promised = webhooks.promise_call(
        session, endpoint, EVENTS[action.on], data, effect_key=key, at=at, case=case
    )
    return "webhook promised" if promised else "not called: the endpoint is paused or gone"


def _post(
    session: Session,
    case: Case,
    instance: KpiInstance,
    action: Action,
    text: str,
    key: str,
    *,
    at: datetime,
) -> str:
    channel = action.channel or session.get_one(Queue, case.queue_id).slack_channel
    if not channel:
        return "not posted: its queue has no Slack channel"
    events.promise(
        session, "slack", "sla", effect_key=key, at=at, case_id=case.id, target=channel,
        payload={"kpi": instance.kpi.value, "text": text},
    )  # fmt: skip
    return f"post in {channel} promised"


def _change(session: Session, case: Case, action: Action, desk: Desk, at: datetime) -> str:
    said = [
        _set(session, case, name, to, at)
        for name, to in (("priority", action.priority), ("severity", action.severity))
        if to is not None
    ]
    if action.escalated and case.escalated_at is not None:
        said.append("it was escalated already")
    elif action.escalated:
        case.escalated_at = at
        _record(session, case, "case.escalated", at, text="by its SLA")
        said.append("escalated")
    sla.reconsider(session, case, at=at)
    return ", ".join(said + _say(session, case, action, desk, at))


def _say(session: Session, case: Case, action: Action, desk: Desk, at: datetime) -> list[str]:
    """Let the case say more, by the acts that agents and rules have: all of it, or nothing."""
    told: list[str] = []
    try:
        with session.begin_nested():
            if action.said:
                work.change_fields(session, SYSTEM, case.id, action.said, desk=desk, at=at)
                told.append(f"{', '.join(action.said)} set")
            if action.tags:
                work.tag(session, SYSTEM, case.id, add=action.tags, desk=desk, at=at)
                told.append(f"tagged {', '.join(action.tags)}")
            if action.reason:
                work.set_reason(session, SYSTEM, case.id, reasons.read(action.reason), at=at)
                told.append(f"status reason {case.status}")
    except IntakeError as error:
        return [f"the rest not changed: {error}"]
    return told


def _set(session: Session, case: Case, name: str, to: Priority | Severity, at: datetime) -> str:
    was = getattr(case, name)
    if was is to:
        return f"the {name} was {was} already"
    setattr(case, name, to)
    if name == "priority":
        _record(session, case, "case.prioritised", at, priority=to.value, was=was.value)
    else:
        _record(session, case, "case.changed", at)
    return f"{name} {was} became {to}"


def _move(session: Session, case: Case, action: Action, at: datetime) -> str:
    queue = session.get(Queue, action.target_id)
    if queue is None:
        return "not moved: there is no such queue any more"
    if queue.archived_at is not None:
        return f"not moved: {queue.name} is not in use any more"
    if queue.id == case.queue_id and queues.item_of(session, case) is not None:
        return f"it was in {queue.name} already"
    queues.add(session, case, queue, at=at)
    case.routed_by = "moved by its SLA"
    _record(session, case, "case.routed", at, queue=queue.name)
    sla.reconsider(session, case, at=at)
    return f"moved to {queue.name}"


def _assign(session: Session, case: Case, action: Action, at: datetime) -> str:
    agent = session.get(Agent, action.target_id)
    if agent is None or not agent.works:
        return "not assigned: there is no such active agent any more"
    queues.give(session, case, agent, at=at)
    _record(session, case, "case.assigned", at, agent=str(agent.id), name=agent.name)
    sla.reconsider(session, case, at=at)
    return f"assigned to {agent.name}"


def _record(session: Session, case: Case, kind: str, at: datetime, **data: Any) -> None:
    acting.record(session, case, SYSTEM, kind, at, **data)


def _alarm_slack(
    session: Session,
    case: Case,
    instance: KpiInstance,
    milestone: Milestone,
    desk: Desk,
    *,
    due_at: datetime,
    at: datetime,
) -> None:
    if not desk.slack or milestone not in ALARMS:
        return
    channel = session.get_one(Queue, case.queue_id).slack_channel
    if not channel:
        return
    events.promise(
        session,
        "slack",
        "clock",
        effect_key=f"{EVENTS[milestone]}:{instance.id}:{int(due_at.timestamp())}",
        at=at,
        case_id=case.id,
        target=channel,
        payload={"kpi": instance.kpi.value, "state": ALARMS[milestone].value},
    )
