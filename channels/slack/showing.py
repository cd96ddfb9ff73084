"""Reading a case as Slack shows it."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload, selectinload

from channels.slack.card import NAME, Said, Shown
from channels.slack.clocks import Clock
from channels.slack.words import moment, quoted
from intake import queues, sla, viewers, work
from intake.accept.continuing import APPENDED
from intake.agents import Agent
from intake.cases import PAUSES, Activity, Case, Direction, Priority
from intake.nouns import noun
from intake.queues import Queue
from kb import suggestions

FEW_WORDS = 60
NAME_IN_FEW = 30


def shown(session: Session, case_id: UUID, base_url: str, *, at: datetime) -> tuple[Shown, Queue]:
    """The case as it is at that instant, which is now, and the queue it is in."""
    case = session.scalars(
        select(Case)
        .where(Case.id == case_id)
        .options(
            joinedload(Case.contact),
            joinedload(Case.account),
            joinedload(Case.owner),
            joinedload(Case.entitlement),
            joinedload(Case.own_reason),
        )
    ).one()
    queue = session.get_one(Queue, case.queue_id)
    last = _last_words(session, case)
    looking, writing = _there(session, case, at)
    seen = Shown(
        at=at,
        case_id=str(case.id),
        number=case.number,
        subject=case.subject,
        state=case.state,
        reason=str(case.status),
        channel=case.channel,
        customer=_customer(case, last),
        entitlement=_entitlement(case),
        clocks=_clocks(session, case, at),
        queue=queue.name,
        worker=_worker(session, case),
        crew=case.team.name if case.team else "",
        put_off=_put_off(case),
        pressing=_pressing(case),
        follow_up=f"by {moment(case.follow_up_at)}" if case.follow_up_at else "",
        on_hold=case.reason in PAUSES,
        wrote=last.new_text if last else "",
        files=_files(last),
        articles=_articles(session, case),
        url=f"{base_url}/cases/{case.number}",
        plans=_plans(session, case),
        seems_to_be=_seems_to_be(session, case, queue),
        looking=looking,
        writing=writing,
    )
    return seen, queue


def said(session: Session, activity_id: UUID) -> Said:
    """One message of a case, as it is shown below the card."""
    activity = session.scalars(
        select(Activity)
        .where(Activity.id == activity_id)
        .options(selectinload(Activity.attachments))
    ).one()
    return Said(
        who=activity.author_name or activity.author_address or "Somebody unnamed",
        channel=activity.kind.value,
        text=activity.new_text,
        outgoing=activity.direction is Direction.OUTGOING,
        to="the customer" if activity.kind == "chat" else ", ".join(activity.recipients),
        files=_files(activity),
        appended=str(activity.id) if activity.matched_by == APPENDED else "",
    )


def _clocks(session: Session, case: Case, at: datetime) -> tuple[Clock, ...]:
    """The clock of each promise that counts now: a reopened case has a newer one."""
    holds = sla.holds_of(session, [case.id])[case.id]
    current = sla.current(sla.of_case(session, case)).values()
    return tuple(Clock.of(clock, holds, at) for clock in current)


def _last_words(session: Session, case: Case) -> Activity | None:
    return session.scalar(
        select(Activity)
        .where(Activity.case_id == case.id, Activity.direction == Direction.INCOMING)
        .order_by(Activity.at.desc(), Activity.id.desc())
        .limit(1)
        .options(selectinload(Activity.attachments))
    )


def _customer(case: Case, last: Activity | None) -> str:
    name = case.contact.name if case.contact else (last.author_name if last else "")
    company = f" ({case.account.name})" if case.account else ""
    return f"{name or 'Somebody unnamed'}{company}"


def _entitlement(case: Case) -> str:
    held = case.entitlement
    if held is None:
        return f"Not covered. {case.decision.get('words', '')}"
    words = f"{held.name}: {held.left(held.remaining)} left"
    if row := held.allotment(case.channel):
        words += f", {row.remaining} of {row.total} by {case.channel}"
    return words


def _worker(session: Session, case: Case) -> str:
    item = queues.item_of(session, case)
    if item is not None and item.worked_by is not None:
        return item.worked_by.name
    return case.owner.name if case.owner else ""


def _there(session: Session, case: Case, at: datetime) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Who looks and who writes, of those whom the card is to name: it is changed when they go."""
    there = viewers.at_cases(session, [case.id], at=at)[case.id]
    named = [one for one in there if one.shown_until_at is not None]
    writing = tuple(one.agent.name for one in named if one.writes(at))
    return tuple(one.agent.name for one in named if not one.writes(at)), writing


def _pressing(case: Case) -> str:
    said = [case.priority.value] if case.priority is not Priority.NORMAL else []
    return ", ".join([*said, *(["escalated"] if case.escalated_at else [])])


def _plans(session: Session, case: Case) -> tuple[str, ...]:
    planned = work.open_of(session, [case.id])
    if not planned:
        return ()
    ids = {activity.owner_id for activity in planned}
    rows = session.execute(select(Agent.id, Agent.name).where(Agent.id.in_(ids - {None})))
    names: dict[UUID | None, str] = dict(rows.all())
    return tuple(_plan(activity, names.get(activity.owner_id, "")) for activity in planned)


def _plan(activity: Activity, owner: str) -> str:
    # Short: several stand in one block, and what is escaped takes up to five times its room.
    due = f"by {moment(activity.due_at)}" if activity.due_at else ""
    said = (quoted(activity.subject, FEW_WORDS), quoted(owner, NAME_IN_FEW), due)
    return ", ".join(filter(None, said))


def _seems_to_be(session: Session, case: Case, queue: Queue) -> str:
    """The earlier case, unless readers of this card may not be among those who may see it."""
    young = session.get(Case, case.continues_id) if case.continues_id else None
    if young is None or not (case.open and young.open):
        return ""
    theirs = session.get_one(Queue, young.queue_id)
    if theirs.members_only and theirs.id != queue.id:
        return f"another {noun} of its customer"
    return f"{noun} {young.number}, {quoted(young.subject, NAME)}"


def _articles(session: Session, case: Case) -> tuple[str, ...]:
    found = suggestions.of_cases(session, [case.id])[case.id]
    return tuple(f"{s.article.number} {s.article.title}: {s.reason}" for s in found)


def _files(activity: Activity | None) -> tuple[str, ...]:
    return tuple(file.name for file in activity.attachments) if activity else ()


def _put_off(case: Case) -> str:
    if case.snoozed_at is None:
        return ""
    return f"until {moment(case.wakes_at)}" if case.wakes_at else "until they write"
