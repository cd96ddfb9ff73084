"""What an agent writes: answers to the customer, and notes for ourselves."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from intake import answering, events, followers, mentions, queues, threads, wording
from intake.acting import case_of, done, tell_slack, to_work_on
from intake.agents import Principal
from intake.cases import (
    Activity,
    ActivityKind,
    Case,
    Direction,
)
from intake.customers import ContactPoint
from intake.db import new_id
from intake.desk import Desk
from intake.errors import IntakeError
from intake.messages import ContactKind, Outgoing
from intake.nouns import noun
from intake.threads import Participant


class NobodyToAnswer(IntakeError):
    """The case has no address a reply could go to."""

    code = "nobody-to-answer"


class EmptyText(IntakeError):
    """A reply or note needs words."""

    code = "empty-text"


@dataclass(frozen=True, slots=True)
class WayBack:
    """How a reply would reach the customer now, and the message it answers.

    `sender` is our mailbox; '' where the way needs none.
    """

    channel: str
    to: str
    sender: str = ""
    answers: Activity | None = None


def note(
    session: Session,
    by: Principal,
    case_id: UUID,
    text: str,
    *,
    at: datetime,
    version: int | None = None,
) -> Activity:
    """Write something down for ourselves; the customer never sees it.

    Whoever is named in it, as in @Grace, follows the case from now on, and is so told of the note.
    """
    case = case_of(session, by, case_id, version=version, closed_too=True)
    activity = write(session, case, by, ActivityKind.NOTE, Direction.INTERNAL, text, at)
    named = mentions.named_in(session, text)
    followers.add(session, case, [agent.id for agent in named], at=at)
    names = [agent.name for agent in named]
    done(session, case, by, "case.noted", at, activity=str(activity.id), mentions=names)
    return activity


def way_back(session: Session, by: Principal, case_id: UUID) -> WayBack:
    """To whom and by which way `reply` would go now, to be shown before. Raises what it raises."""
    case = to_work_on(session, by, case_id)
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
    case = case_of(session, by, case_id, version=version)
    way = _way_back(session, case)
    if way.channel == "chat":
        activity = _reply_by_chat(session, case, by, text, at)
    else:
        activity = _reply_by_mail(session, case, by, text, way, desk, at)
    answering.answered(session, case, at=at)
    done(session, case, by, "case.replied", at, activity=str(activity.id))
    tell_slack(session, case, "thread", at, activity)
    return activity


def addressee(session: Session, case: Case) -> str:
    """Whom a reply would reach now, as the agent should see before sending.

    Raises NobodyToAnswer when the case knows no address.
    """
    if case.channel == "chat" and case.conversation:
        return "the chat"
    return _answer_to(session, case, _last_incoming(session, case))


def write(
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
    activity = write(session, case, by, ActivityKind.CHAT, Direction.OUTGOING, text, at)
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
    if text.strip():
        text = wording.signed(session, text, case, by, desk)
    activity = write(session, case, by, ActivityKind.EMAIL, Direction.OUTGOING, text, at)
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
        raise NobodyToAnswer(
            f"{noun} {case.number} is from {who} without a mail address; phone them"
        )
    return point


def _answer_subject(case: Case, last: Activity | None) -> str:
    subject = (last.subject if last else "") or case.subject
    return subject if subject.lower().startswith("re:") else f"Re: {subject}"
