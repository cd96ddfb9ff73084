"""What an agent says of themselves by `/deskbell`: whether they can take work."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from intake import work
from intake.agents import Principal
from intake.availability import Availability, Presence

WORDS = tuple(presence.value for presence in Presence)
USAGE = f"Say one of {', '.join(WORDS)} after the command."


def said(session: Session, by: Principal, text: str, *, at: datetime) -> str:
    """Do what the words after the command say; the answer for whoever wrote them."""
    word = text.strip().lower()
    if word in WORDS:
        known = work.set_presence(session, by, Presence(word), at=at)
        return f"You are {known.presence} now."
    known_before = session.get(Availability, by.id) if by.id else None
    now = known_before.presence if known_before else Presence.OFFLINE
    return f"You are {now}. {USAGE}"
