"""A few words to one of us, in Slack or by mail, that are about no case."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from intake import events, queues, threads
from intake.agents import Agent, HearsBy, Role
from intake.desk import Desk
from intake.messages import Outgoing


def tell(
    session: Session,
    agent: Agent,
    news: str,
    *,
    desk: Desk,
    key: str,
    at: datetime,
    page: str = "",
    details: Sequence[str] = (),
) -> None:
    """Promise a line of news, and what it consists of; a mail links to that page of the console.

    `key` says it once.
    """
    if desk.slack and agent.slack_user and agent.hears_by is not HearsBy.MAIL:
        words = f"{news}: {'; '.join(details)}" if details else news
        events.promise(
            session, "slack", "notice", effect_key=f"notice:{key}", at=at,
            target=agent.slack_user, payload={"text": words},
        )  # fmt: skip
        return
    text = "\n".join([f"{news}:", *(f"- {each}" for each in details)]) if details else f"{news}."
    link = f"\n\n{desk.base_url}{page}" if desk.base_url else ""
    mail(session, agent.email, news, f"{text}{link}\n", desk=desk, key=key, at=at)


def tell_administrators(
    session: Session,
    news: str,
    *,
    desk: Desk,
    key: str,
    at: datetime,
    page: str = "",
    details: Sequence[str] = (),
) -> None:
    """Every administrator hears of it, once for each `key` and instant."""
    administrators = select(Agent).where(Agent.active, Agent.role == Role.ADMINISTRATOR)
    for agent in session.scalars(administrators.order_by(Agent.id)):
        once = f"{key}:{agent.id}:{at.timestamp():.0f}"
        tell(session, agent, news, desk=desk, key=once, at=at, page=page, details=details)


def mail(
    session: Session, to: str, subject: str, text: str, *, desk: Desk, key: str, at: datetime
) -> None:
    """Promise an automatic mail from the desk's own address."""
    every = queues.every(session)
    if not every.by_mailbox or to.lower() in every.by_mailbox:
        return  # nobody to write from, or we would write to ourselves
    mailbox = every.default.address or next(iter(every.by_mailbox))
    outgoing = Outgoing(
        message_id=threads.new_message_id(mailbox),
        from_address=mailbox,
        from_name=desk.organisation,
        to=(to,),
        subject=subject,
        text=text,
        automatic=True,
    )
    events.promise(
        session, "email", "notice", effect_key=f"notice:{key}", at=at, target=to,
        payload=outgoing.as_json(),
    )  # fmt: skip
