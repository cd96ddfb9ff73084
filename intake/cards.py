"""The cards of many cases in Slack, when one change moved what all of them show."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from intake import events
from intake.cases import Case
from intake.db import new_id
from intake.events import Delivery
from intake.queues import Queue

AT_ONCE = 500
# Slack takes about one message a second for a channel, and what is said meanwhile comes first.
APART = timedelta(seconds=1)


def show_anew(session: Session, case_ids: Sequence[UUID], *, at: datetime) -> int:
    """Promise that the cards of these cases show them as they are now, one each second; how many
    have a card."""
    parts = (case_ids[start : start + AT_ONCE] for start in range(0, len(case_ids), AT_ONCE))
    shown = [row for part in parts for row in _with_cards(session, part)]
    for place, (case_id, channel) in enumerate(shown):
        events.promise(
            session, "slack", "refresh", effect_key=f"refresh:{new_id()}",
            at=at, due_at=at + place * APART, case_id=case_id, target=channel,
        )  # fmt: skip
    return len(shown)


def _with_cards(session: Session, case_ids: Sequence[UUID]) -> list[tuple[UUID, str]]:
    told = select(Delivery.case_id).where(
        Delivery.case_id.in_(case_ids), Delivery.channel == "slack"
    )
    rows = session.execute(
        select(Case.id, Queue.slack_channel)
        .join(Queue, Queue.id == Case.queue_id)
        .where(Case.id.in_(told), Queue.slack_channel != "")
        .order_by(Case.id)
    )
    return [(row.id, row.slack_channel) for row in rows]
