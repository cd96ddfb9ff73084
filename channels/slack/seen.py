"""Which requests of Slack had their effect already: Slack repeats, and so may whoever listens."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta

from sqlalchemy import String, delete
from sqlalchemy.orm import Mapped, Session, mapped_column

from intake.db import Base, insert_new

# A signature is good for five minutes, and Slack repeats an event for about an hour.
KEPT = timedelta(days=2)


class SlackRequest(Base):
    """One request that had its effect, written in the transaction of the effect."""

    __tablename__ = "slack_requests"

    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    at: Mapped[datetime] = mapped_column(index=True)


def first_time(session: Session, request: str, *, at: datetime) -> bool:
    """Whether this request is new; from now on it is not, if the transaction commits."""
    session.execute(delete(SlackRequest).where(SlackRequest.at < at - KEPT))
    key = hashlib.sha256(request.encode("utf-8", "replace")).hexdigest()
    new = insert_new(session, SlackRequest).values(key=key, at=at).returning(SlackRequest.key)
    return session.scalar(new) is not None
