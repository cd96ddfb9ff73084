"""Slack, the agents' side: cases are announced there, and worked from there.

Every case has a card in its queue's channel; what the customer and the agents say to each other
appears below it. Buttons and sheets on the card are acts of the agent who presses them. What
people write in the thread themselves stays among them: we do not even ask Slack for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from channels import Never, NotNow, Sent
    from intake.desk import Desk
    from intake.events import Delivery, Promise
    from intake.messages import Message
    from intake.settings import Settings


def parse(raw: bytes, envelope: Mapping[str, Any]) -> Message:
    """Raises NotImplementedError: no customer writes to us by Slack."""
    raise NotImplementedError("nothing comes in by Slack but what agents do")


def prepare(session: Session, promise: Promise, settings: Settings, desk: Desk) -> dict[str, Any]:
    """The calls that keep this promise, for the case as it is now. Raises NotNow or Never."""
    # Imported here so that a process that only looks the channel up does not load what sends.
    from channels.slack.telling import calls_for

    return calls_for(session, promise, settings, at=datetime.now(UTC))


def send(promise: Promise, settings: Settings) -> Sent:
    """Make the calls of a prepared promise. Raises NotNow or Never."""
    from channels.slack.calling import keep

    return keep(promise, settings)


def tried(
    session: Session,
    delivery: Delivery,
    outcome: Sent | NotNow | Never,
    desk: Desk,
    *,
    took_ms: int,
    at: datetime,
) -> None:
    """Once a case was shown, note when its countdown is to be shown anew."""
    from channels import Sent
    from channels.slack import countdown

    if isinstance(outcome, Sent) and delivery.case_id is not None:
        countdown.note(session, delivery.case_id, at=at)
