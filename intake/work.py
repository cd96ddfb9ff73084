"""The second door: an agent works. Each act is one function, called alike by Slack, GraphQL and
the console, in a transaction of the caller's.

Each act asks whether the principal may do it and may see the case; locks the case; changes it;
records the event; promises what must be sent.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from intake import billing, events, inbound, queues, sla, terms, threads
from intake.acting import case_of as _case
from intake.acting import done as _done
from intake.acting import must_be_open as _must_be_open
from intake.acting import tell_slack as _tell_slack
from intake.agents import Act, Agent, Principal
from intake.cases import (
    PAUSES,
    REASONS,
    Activity,
    ActivityKind,
    Case,
    Direction,
    NotOpen,
    Priority,
    Reason,
    Resolution,
    State,
)
from intake.customers import ContactPoint
from intake.db import new_id
from intake.desk import Desk
from intake.entitlements import Overdraw
from intake.errors import IntakeError, NotFound
from intake.events import Delivery
from intake.inbound import Inbound
from intake.messages import ContactKind, Outgoing
from intake.queues import Queue
from intake.sla import Kpi
from intake.threads import Participant
from intake.visibility import one_visible


class NobodyToAnswer(IntakeError):
    """The case has no address a reply could go to."""

    code = "nobody-to-answer"


class NotGivenUp(IntakeError):
    """Only a delivery that was given up is tried again: any other would be sent twice."""

    code = "not-given-up"


class EmptyText(IntakeError):
    """A reply or note needs words."""

    code = "empty-text"


class WrongReason(IntakeError):
    """That status reason does not belong to that state."""

    code = "wrong-reason"


@dataclass(frozen=True, slots=True)
class WayBack:
    """How a reply would reach the customer now, and the message it answers.

    `sender` is our mailbox; '' where the way needs none.
    """

    channel: str
    to: str
    sender: str = ""
    answers: Activity | None = None


def pick(
    session: Session, by: Principal, case_id: UUID, *, at: datetime, version: int | None = None
) -> Case:
    """Take a waiting case: I work on it now. Raises AlreadyTaken when somebody was first."""
    case = _case(session, by, case_id, version=version)
    queues.pick(session, case, _agent(session, by), at=at)
    return _done(session, case, by, "case.picked", at)


def release(
    session: Session, by: Principal, case_id: UUID, *, at: datetime, version: int | None = None
) -> Case:
    """Give a case back to its queue."""
    case = _case(session, by, case_id, version=version)
    queues.release(session, case)
    return _done(session, case, by, "case.released", at)


def assign(
    session: Session,
    by: Principal,
    case_id: UUID,
    agent_id: UUID,
    *,
    at: datetime,
    version: int | None = None,
) -> Case:
    """Give a case to an agent, whoever had it."""
    case = _case(session, by, case_id, version=version)
    agent = session.get(Agent, agent_id)
    if agent is None or not agent.active:
        raise IntakeError("there is no such active agent")
    queues.give(session, case, agent, at=at)
    return _done(session, case, by, "case.assigned", at, agent=str(agent.id), name=agent.name)


def route_to(
    session: Session,
    by: Principal,
    case_id: UUID,
    queue_id: UUID,
    *,
    at: datetime,
    version: int | None = None,
) -> Case:
    """Move a case to another queue, where nobody works on it yet."""
    case = _case(session, by, case_id, version=version)
    queue = session.get(Queue, queue_id)
    if queue is None:
        raise IntakeError("there is no such queue")
    queues.add(session, case, queue, at=at)
    case.owner_id, case.routed_by = None, f"moved by {by.name}"
    return _done(session, case, by, "case.routed", at, queue=queue.name)


def note(
    session: Session,
    by: Principal,
    case_id: UUID,
    text: str,
    *,
    at: datetime,
    version: int | None = None,
) -> Activity:
    """Write something down for ourselves; the customer never sees it."""
    case = _case(session, by, case_id, version=version, closed_too=True)
    activity = _write(session, case, by, ActivityKind.NOTE, Direction.INTERNAL, text, at)
    _done(session, case, by, "case.noted", at, activity=str(activity.id))
    return activity


def way_back(session: Session, by: Principal, case_id: UUID) -> WayBack:
    """To whom and by which way `reply` would go now, to be shown before. Raises what it raises."""
    by.must(Act.WORK)
    case = one_visible(session, by, case_id)
    _must_be_open(case)
    return _way_back(session, case)


def reply(
    session: Session,
    by: Principal,
    case_id: UUID,
    text: str,
    *,
    desk: Desk,
    at: datetime,
    version: int | None = None,
) -> Activity:
    """Answer the customer by the way they came; the first response is met.

    Raises NobodyToAnswer when the case knows no address, NotOpen when it is closed.
    """
    case = _case(session, by, case_id, version=version)
    way = _way_back(session, case)
    if way.channel == "chat":
        activity = _reply_by_chat(session, case, by, text, at)
    else:
        activity = _reply_by_mail(session, case, by, text, way, desk, at)
    sla.meet(session, case, Kpi.FIRST_RESPONSE, Kpi.NEXT_RESPONSE, Kpi.FOLLOW_UP, at=at)
    if case.first_response_at is None:
        case.first_response_at = at
    _done(session, case, by, "case.replied", at, activity=str(activity.id))
    _tell_slack(session, case, "thread", at, activity)
    return activity


def addressee(session: Session, case: Case) -> str:
    """Whom a reply would reach now, as the agent should see before sending.

    Raises NobodyToAnswer when the case knows no address.
    """
    if case.channel == "chat" and case.conversation:
        return "the chat"
    return _answer_to(session, case, _last_incoming(session, case))


def hold(
    session: Session,
    by: Principal,
    case_id: UUID,
    *,
    at: datetime,
    reason: Reason = Reason.WAITING_FOR_DETAILS,
    version: int | None = None,
) -> Case:
    """The customer has to act first: the clocks pause until they write or `resume`."""
    case = _case(session, by, case_id, version=version)
    if reason not in PAUSES:
        raise WrongReason(f"{reason} does not put a case on hold; use on hold")
    if case.reason is not reason:
        case.reason = reason
        sla.pause(session, case, at=at)
    return _done(session, case, by, "case.held", at, reason=reason.value)


def resume(
    session: Session, by: Principal, case_id: UUID, *, at: datetime, version: int | None = None
) -> Case:
    """Work goes on: the clocks run again, moved by the open time on hold."""
    case = _case(session, by, case_id, version=version)
    if case.reason in PAUSES:
        case.reason = Reason.IN_PROGRESS
        sla.resume(session, case, at=at)
    return _done(session, case, by, "case.resumed", at)


def resolve(
    session: Session,
    by: Principal,
    case_id: UUID,
    text: str,
    *,
    desk: Desk,
    at: datetime,
    kind: Reason = Reason.PROBLEM_SOLVED,
    billable_minutes: int | None = None,
    overdraw: Overdraw | None = None,
    version: int | None = None,
) -> Case:
    """Close a case as solved: the resolution is kept, the case leaves its queue, terms that are
    counted on resolution are taken. Billable time is the total unless said otherwise.

    Raises WouldOverdraw when more was used than is left and `overdraw` must say what becomes of it.
    """
    case = _case(session, by, case_id, version=version)
    if kind not in REASONS[State.RESOLVED]:
        raise WrongReason(f"{kind} does not resolve a case; use problem solved")
    if billable_minutes is not None and billable_minutes < 0:
        raise IntakeError("billable minutes cannot be below zero")
    total = _minutes_worked(session, case)
    billable = billable_minutes
    if billable is None:
        billable = billing.billable_minutes(session, case)
    resolution = Resolution(
        id=new_id(),
        case_id=case.id,
        agent_id=by.id,
        kind=kind,
        text=text,
        total_minutes=total,
        billable_minutes=billable,
        at=at,
    )
    session.add(resolution)
    words = text or kind.value
    _write(session, case, by, ActivityKind.RESOLUTION, Direction.INTERNAL, words, at)
    if sla.on_hold(case.reason):
        sla.resume(session, case, at=at)
    case.state, case.reason, case.resolved_at = State.RESOLVED, kind, at
    queues.leave(session, case, at=at)
    drawn = terms.settle(
        session,
        case,
        on=desk.day(at),
        at=at,
        event=f"resolved:{resolution.id}",
        reason=f"case resolved, {billable} billable minutes",
        by=by,
        billable_minutes=billable,
        overdraw=overdraw,
    )
    billing.bill(session, case, resolution, overage=drawn.overage, by=by, at=at)
    sla.meet(session, case, Kpi.RESOLVE_BY, at=at)
    return _done(
        session, case, by, "case.resolved", at, reason=kind.value, billable_minutes=billable,
        overage=drawn.overage,
    )  # fmt: skip


def reopen(
    session: Session, by: Principal, case_id: UUID, *, at: datetime, version: int | None = None
) -> Case:
    """Work on a resolved case goes on: it is active again, in the queue it was in."""
    case = _case(session, by, case_id, version=version, closed_too=True)
    if case.open:
        return case
    if case.state is State.CANCELLED:
        raise NotOpen(f"case {case.number} was cancelled; reactivate it, or open a new one")
    case.state, case.reason, case.resolved_at = State.ACTIVE, Reason.IN_PROGRESS, None
    terms.settle(
        session,
        case,
        on=at.date(),
        at=at,
        event=terms.event_of(case),
        reason="case reopened",
        by=by,
    )
    billing.withdraw(session, case, by=by, at=at)
    queues.enter(session, case, session.get_one(Queue, case.queue_id), at=at)
    sla.reopened(session, case, at=at)
    return _done(session, case, by, "case.reopened", at)


def cancel(
    session: Session,
    by: Principal,
    case_id: UUID,
    text: str,
    *,
    at: datetime,
    version: int | None = None,
) -> Case:
    """Close a case that needs no work; what it took from its entitlement is given back."""
    case = _case(session, by, case_id, version=version)
    case.state, case.reason, case.resolved_at = State.CANCELLED, Reason.CANCELLED, None
    queues.leave(session, case, at=at)
    terms.settle(
        session,
        case,
        on=at.date(),
        at=at,
        event=terms.event_of(case),
        reason="case cancelled",
        by=by,
    )
    sla.cancel(session, case)
    return _done(session, case, by, "case.cancelled", at, text=text)


def escalate(
    session: Session,
    by: Principal,
    case_id: UUID,
    text: str,
    *,
    at: datetime,
    queue_id: UUID | None = None,
    version: int | None = None,
) -> Case:
    """Say that a case needs more than its agent, and why; promises that count from an escalation
    begin. With a queue, it waits there."""
    case = _case(session, by, case_id, version=version)
    _write(session, case, by, ActivityKind.NOTE, Direction.INTERNAL, text, at)
    case.escalated_at = at
    if queue_id is not None:
        queue = session.get(Queue, queue_id)
        if queue is None:
            raise IntakeError("there is no such queue")
        queues.add(session, case, queue, at=at)
        case.owner_id, case.routed_by = None, f"escalated by {by.name}"
    return _done(session, case, by, "case.escalated", at, text=text)


def prioritise(
    session: Session,
    by: Principal,
    case_id: UUID,
    priority: Priority,
    *,
    at: datetime,
    version: int | None = None,
) -> Case:
    """Say how pressing a case is; what is promised for that priority is promised from now on."""
    case = _case(session, by, case_id, version=version)
    if case.priority is priority:
        return case
    was, case.priority = case.priority, priority
    sla.choose_again(session, case, at=at)
    return _done(session, case, by, "case.prioritised", at, priority=priority.value, was=was.value)


def agree_follow_up(
    session: Session,
    by: Principal,
    case_id: UUID,
    follow_up_at: datetime | None,
    *,
    at: datetime,
    version: int | None = None,
) -> Case:
    """Note when we agreed to come back to the customer, or that nothing is agreed any more."""
    case = _case(session, by, case_id, version=version)
    case.follow_up_at = follow_up_at
    until = follow_up_at.isoformat() if follow_up_at else ""
    return _done(session, case, by, "case.follow_up_agreed", at, follow_up_at=until)


def choose_sla(
    session: Session,
    by: Principal,
    case_id: UUID,
    sla_id: UUID | None,
    *,
    at: datetime,
    version: int | None = None,
) -> Case:
    """Put another SLA on a case by hand, whatever the rules say; None gives it back to them."""
    case = _case(session, by, case_id, version=version)
    case.sla_by_hand = sla_id is not None
    if sla_id is None:
        sla.choose_again(session, case, at=at)
    else:
        chosen = sla.in_force(session).by_id.get(sla_id)
        if chosen is None:
            raise IntakeError("there is no such active SLA")
        sla.apply(session, case, chosen, at=at)
    return _done(session, case, by, "case.sla_chosen", at, sla=str(case.sla_id))


def retry_delivery(session: Session, by: Principal, delivery_id: UUID, *, at: datetime) -> Delivery:
    """Try a delivery again that was given up. Raises NotGivenUp for one that is due or sent."""
    by.must(Act.WORK)
    delivery = session.scalar(select(Delivery).where(Delivery.id == delivery_id).with_for_update())
    if delivery is None or delivery.case_id is None:
        raise NotFound("there is no such delivery")
    try:
        one_visible(session, by, delivery.case_id)
    except NotFound:
        raise NotFound("there is no such delivery") from None
    if delivery.state is not events.DeliveryState.FAILED:
        raise NotGivenUp(f"this delivery is {delivery.state}; only one that failed is tried again")
    delivery.state, delivery.due_at, delivery.error = events.DeliveryState.DUE, at, ""
    delivery.attempts, delivery.promised_at = 0, at
    return delivery


def retry_inbound(session: Session, by: Principal, inbound_id: UUID) -> Inbound:
    """Give a quarantined message its attempts back; a worker files it soon. For managers."""
    by.must(Act.MANAGE)
    row = session.scalar(select(Inbound).where(Inbound.id == inbound_id).with_for_update())
    if row is None:
        raise NotFound("there is no such message")
    inbound.retry(session, row)
    return row


def _agent(session: Session, by: Principal) -> Agent:
    agent = session.get(Agent, by.id) if by.id else None
    if agent is None:
        raise IntakeError("only an agent can take a case")
    return agent


def _write(
    session: Session,
    case: Case,
    by: Principal,
    kind: ActivityKind,
    direction: Direction,
    text: str,
    at: datetime,
) -> Activity:
    text = text.strip()
    if not text:
        raise EmptyText("there is no text; write something first")
    activity = Activity(
        id=new_id(),
        case_id=case.id,
        kind=kind,
        direction=direction,
        at=at,
        author_name=by.name,
        agent_id=by.id,
        text=text,
        new_text=text,
    )
    session.add(activity)
    return activity


def _reply_by_chat(
    session: Session, case: Case, by: Principal, text: str, at: datetime
) -> Activity:
    activity = _write(session, case, by, ActivityKind.CHAT, Direction.OUTGOING, text, at)
    activity.recipients = [case.conversation]
    return activity


def _reply_by_mail(
    session: Session,
    case: Case,
    by: Principal,
    text: str,
    way: WayBack,
    desk: Desk,
    at: datetime,
) -> Activity:
    mailbox, to, last = way.sender, way.to, way.answers
    activity = _write(session, case, by, ActivityKind.EMAIL, Direction.OUTGOING, text, at)
    activity.recipients = [to]
    activity.subject = _answer_subject(case, last)
    activity.message_id = threads.new_message_id(mailbox)
    outgoing = Outgoing(
        message_id=activity.message_id,
        from_address=mailbox,
        from_name=f"{by.name} ({desk.organisation})",
        to=(to,),
        reply_to=threads.reply_address(desk, mailbox, case),
        subject=activity.subject,
        text=activity.text,
        in_reply_to=last.message_id if last else "",
        references=(last.message_id,) if last and last.message_id else (),
    )
    events.promise(
        session,
        "email",
        "reply",
        effect_key=f"reply:{activity.id}",
        at=at,
        target=to,
        payload=outgoing.as_json(),
        case_id=case.id,
        activity_id=activity.id,
    )
    threads.remember(session, [(case.id, activity.message_id)], ours=True)
    threads.take_part(session, case, [to])
    return activity


def _way_back(session: Session, case: Case) -> WayBack:
    last = _last_incoming(session, case)
    if case.channel == "chat" and case.conversation:
        return WayBack("chat", case.conversation, answers=last)
    mailbox = case.mailbox if "@" in case.mailbox else queues.every(session).default.address
    if not mailbox:
        raise NobodyToAnswer("no queue has a mail address to answer from; give one to a queue")
    return WayBack("email", _answer_to(session, case, last), mailbox, last)


def _last_incoming(session: Session, case: Case) -> Activity | None:
    return session.scalar(
        select(Activity)
        .where(Activity.case_id == case.id, Activity.direction == Direction.INCOMING)
        .where(Activity.automatic == "")
        .order_by(Activity.at.desc(), Activity.id.desc())
        .limit(1)
    )


def _answer_to(session: Session, case: Case, last: Activity | None) -> str:
    # The last who wrote, if they take part by mail; else a mail address of the contact.
    if last is not None and "@" in last.author_address:
        part = session.get(Participant, (case.id, last.author_address))
        if part is not None:
            return last.author_address
    point = session.scalar(
        select(ContactPoint.value)
        .where(ContactPoint.contact_id == case.contact_id)
        .where(ContactPoint.kind == ContactKind.EMAIL)
        .order_by(ContactPoint.verified.desc(), ContactPoint.id)
        .limit(1)
    )
    if point is None:
        who = "its customer" if case.contact_id else "an unnamed customer"
        raise NobodyToAnswer(f"case {case.number} is from {who} without a mail address; phone them")
    return point


def _answer_subject(case: Case, last: Activity | None) -> str:
    subject = (last.subject if last else "") or case.subject
    return subject if subject.lower().startswith("re:") else f"Re: {subject}"


def _minutes_worked(session: Session, case: Case) -> int:
    total = select(func.coalesce(func.sum(Activity.duration_minutes), 0))
    return session.scalar(total.where(Activity.case_id == case.id)) or 0
