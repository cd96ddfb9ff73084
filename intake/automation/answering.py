"""The answer that a rule gives by itself: to whom it may go, and how it is marked.

It goes out in our name without anybody reading it, so it is marked as automatic, answers no
machine, holds no word that a stranger chose, and is counted for each address before it is
promised. It keeps no promise of an answer: that is for people to keep.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from intake import customers, events, queues, threads, wording
from intake.acting import done, must_be_open, tell_slack
from intake.agents import Principal
from intake.cases import Activity, ActivityKind, Case, Direction
from intake.db import new_id
from intake.desk import Desk
from intake.errors import IntakeError
from intake.messages import Outgoing
from intake.nouns import noun
from intake.wording import ReplyTemplate

PER_STRANGER = (1, timedelta(days=1))
PER_VERIFIED = (3, timedelta(hours=1))
IN_ALL_PER = timedelta(hours=1)
KIND = "automatic-answer"


class NotAnswered(IntakeError):
    """No automatic answer may go out here; the text says why."""

    code = "not-answered"


def answer(
    session: Session,
    case: Case,
    template: ReplyTemplate,
    by: Principal,
    *,
    desk: Desk,
    key: str,
    at: datetime,
) -> str:
    """Promise the template to whoever wrote last; to whom, in words. Raises NotAnswered."""
    must_be_open(case)
    last = _last_message(session, case)
    to = last.author_address
    mailbox = case.mailbox if "@" in case.mailbox else queues.every(session).default.address or ""
    if not mailbox:
        raise NotAnswered("no queue has a mail address to answer from")
    if to in queues.every(session).by_mailbox:
        raise NotAnswered("the last message came from an address of ours")
    _count(session, to, desk, at)
    said = wording.filled(session, template, case, by, desk)
    if said.missing:
        raise NotAnswered(f"nothing is known of the {' and the '.join(said.missing)}")
    text = wording.signed(session, said.text, case, by, desk)
    activity = Activity(
        id=new_id(),
        case_id=case.id,
        kind=ActivityKind.EMAIL,
        direction=Direction.OUTGOING,
        at=at,
        author_name=by.name,
        text=text,
        new_text=text,
        subject=f"{noun.One} {case.number}",
        recipients=[to],
        message_id=threads.new_message_id(mailbox),
    )
    session.add(activity)
    outgoing = Outgoing(
        message_id=activity.message_id,
        from_address=mailbox,
        from_name=desk.organisation,
        to=(to,),
        reply_to=threads.reply_address(desk, mailbox, case),
        subject=activity.subject,
        text=text,
        in_reply_to=last.message_id,
        references=(last.message_id,) if last.message_id else (),
        automatic=True,
    )
    events.promise(
        session, "email", KIND, effect_key=f"automatic:{key}", at=at, target=to,
        payload=outgoing.as_json(), case_id=case.id, activity_id=activity.id,
    )  # fmt: skip
    threads.remember(session, [(case.id, activity.message_id)], ours=True)
    done(session, case, by, "case.answered_by_rule", at, activity=str(activity.id))
    tell_slack(session, case, "thread", at, activity)
    return f"answered {to} with “{template.name}” in {said.language}"


def _last_message(session: Session, case: Case) -> Activity:
    """The last message of the customer, if it may be answered by a machine."""
    last = session.scalar(
        select(Activity)
        .where(Activity.case_id == case.id, Activity.direction == Direction.INCOMING)
        .order_by(Activity.at.desc(), Activity.id.desc())
        .limit(1)
    )
    if last is None or last.kind is not ActivityKind.EMAIL or "@" not in last.author_address:
        raise NotAnswered("the last message came by no mail")
    if last.automatic:
        raise NotAnswered("the last message came from a machine")
    if last.sender_doubt:
        raise NotAnswered("it is in doubt who sent the last message")
    return last


def _count(session: Session, to: str, desk: Desk, at: datetime) -> None:
    known = to in customers.verified(session, [to])
    most, span = PER_VERIFIED if known else PER_STRANGER
    if events.promised_to(session, KIND, [to], since=at - span).get(to, 0) >= most:
        raise NotAnswered(f"{most} automatic answers went to that address already")
    if (
        events.promised_in_all(session, KIND, since=at - IN_ALL_PER)
        >= desk.acknowledgements_per_hour
    ):
        raise NotAnswered("as many automatic answers as an hour allows went out already")
