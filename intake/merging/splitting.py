"""A message about another matter becomes a case of its own, as if it had arrived alone."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from intake import events, queues, routing, sla, terms
from intake.acting import done
from intake.agents import Act, Principal
from intake.around import Opening
from intake.cases import (
    Activity,
    ActivityKind,
    Case,
    Direction,
    Priority,
    Reason,
    Severity,
    State,
    next_numbers,
)
from intake.customers import Contact
from intake.db import new_id
from intake.desk import Desk
from intake.entitlements import Entitlement
from intake.facts import facts_of
from intake.merging.messages import go, leaving
from intake.merging.moves import CannotMove
from intake.nouns import noun

CHANNELS = {
    ActivityKind.EMAIL: "email",
    ActivityKind.PHONE_CALL: "phone",
    ActivityKind.WEB_FORM: "web",
    ActivityKind.CHAT: "chat",
    ActivityKind.SLACK: "slack",
}
SUBJECT_LENGTH = 500


def split_off(
    session: Session,
    by: Principal,
    activity_id: UUID,
    *,
    desk: Desk,
    at: datetime,
    subject: str = "",
    version: int | None = None,
) -> Case:
    """Make a case of its own of a message, as if it had arrived alone: with its own entitlement,
    queue and clocks, which count from when it came.

    What covers it is decided now, by what is left now. Raises CannotMove or NotOpen.
    """
    by.must(Act.WORK)
    activity, source = leaving(session, by, activity_id, version=version)
    if activity.direction is not Direction.INCOMING:
        raise CannotMove(f"only what a customer wrote can become {noun.a} of its own")
    # A case is whole only once it has a queue.
    with session.no_autoflush:
        case = _opened_by(session, activity, source, subject, at)
        terms.claim(session, case, desk, at=at)
        queue = _route(session, case, activity, at)
    session.flush()
    go(session, by, activity, source, case, split=True, words=f"split off by {by.name}", at=at)
    events.record(
        session, "case.opened", at=at, actor=by, case_id=case.id, number=case.number,
        channel=case.channel, queue=queue.name, refusal=case.decision["refusal"],
        activity=str(activity.id), split_from=source.number,
    )  # fmt: skip
    if desk.slack and queue.slack_channel:
        events.promise(
            session, "slack", "card", effect_key=f"card:{case.id}", at=at, case_id=case.id,
            target=queue.slack_channel,
        )  # fmt: skip
    done(session, source, by, "case.message_split_off", at, activity=str(activity.id),
         to=case.number)  # fmt: skip
    session.flush()
    return case


def _opened_by(
    session: Session, activity: Activity, source: Case, subject: str, at: datetime
) -> Case:
    contact = session.get(Contact, activity.contact_id) if activity.contact_id else None
    words = (subject.strip() or activity.subject or source.subject)[:SUBJECT_LENGTH]
    [number] = next_numbers(session, 1)
    case = Case(
        id=new_id(),
        number=number,
        subject=words,
        channel=CHANNELS.get(activity.kind, source.channel),
        mailbox=source.mailbox,
        contact_id=contact.id if contact else None,
        account_id=contact.account_id if contact else None,
        related_case_id=source.id,
        opened_at=activity.at,
        updated_at=at,
        state=State.ACTIVE,
        reason=Reason.IN_PROGRESS,
        priority=Priority.NORMAL,
        severity=Severity.NORMAL,
    )
    session.add(case)
    return case


def _route(session: Session, case: Case, activity: Activity, at: datetime) -> queues.Queue:
    """Let it wait in its queue, with the clocks of what is promised; the queue."""
    opening = Opening(activity.new_text, activity.author_address, not activity.sender_doubt)
    facts = facts_of(case, at=at, opening=opening)
    every, refused = queues.every(session), bool(case.decision["refusal"])
    routed = routing.route(routing.rules(session), every, case.mailbox, facts, refused=refused)
    routing.enter(session, case, routed, at=at)
    if not activity.automatic:
        entitled = select(Entitlement.sla_id).where(Entitlement.id == case.entitlement_id)
        chosen = sla.in_force(session).of(session.scalar(entitled), facts)
        sla.start(session, case, chosen, facts, at=at)
    return routed.queue
