"""Slack, the agents' side: cases are announced there, and worked from there.

Every case has a card in its queue's channel; what the customer and the agents say to each other
appears below it. Buttons and sheets on the card are acts of the agent who presses them. What
people write in the thread themselves stays among them: we do not even ask Slack for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from channels import Sent
    from intake.desk import Desk
    from intake.events import Promise
    from intake.messages import Message
    from intake.settings import Settings


def parse(raw: bytes, envelope: Mapping[str, Any]) -> Message:
    """Raises NotImplementedError: no customer writes to us by Slack."""
    raise NotImplementedError("nothing comes in by Slack but what agents do")


def prepare(session: Session, promise: Promise, settings: Settings, desk: Desk) -> dict[str, Any]:
    """The calls that keep this promise, for the case as it is now. Raises NotNow or Never."""
    # Imported here so that a process that only looks the channel up does not load what sends.
    from channels.slack.telling import calls_for

    return calls_for(session, promise, settings)


def send(promise: Promise, settings: Settings) -> Sent:
    """Make the calls of a prepared promise. Raises NotNow or Never."""
    from channels.slack.calling import keep

    return keep(promise, settings)
