"""Each try, as it went, and what becomes of an endpoint that takes nothing any more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Select, String, select
from sqlalchemy.orm import Mapped, Session, mapped_column, selectinload

from intake import endpoints, events, notices
from intake.agents import SYSTEM
from intake.db import Base, new_id, refers_to
from intake.desk import Desk
from intake.endpoints import Endpoint
from intake.events import Delivery
from intake.webhooks.promising import CHANNEL

QUIET_AFTER, FAILING_AFTER = 3, 5
"""After so many failures in a row it is left alone for a while, and its administrators told."""
QUIET = timedelta(minutes=1)
LONGEST_QUIET = timedelta(hours=1)


class Try(Base):
    """One call that was made, or could not be."""

    __tablename__ = "webhook_tries"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    delivery_id: Mapped[UUID] = mapped_column(refers_to("deliveries.id"), index=True)
    at: Mapped[datetime]
    took_ms: Mapped[int]
    status: Mapped[int | None]
    """The HTTP status; None when there was no answer."""
    said: Mapped[str] = mapped_column(String(1000))
    """The beginning of the answer, or why there was none."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one try."""

    taken: bool
    status: int | None
    said: str
    took_ms: int

    @property
    def gone(self) -> bool:
        """Whether the endpoint says that it is there no more (410)."""
        return self.status == 410


def note(
    session: Session, delivery: Delivery, outcome: Outcome, desk: Desk, *, at: datetime
) -> None:
    """Write a try down, and what it says of its endpoint."""
    session.add(
        Try(
            delivery_id=delivery.id,
            at=at,
            took_ms=outcome.took_ms,
            status=outcome.status,
            said=outcome.said[:1000],
        )
    )
    endpoint = _endpoint_of(session, delivery)
    if endpoint is None:
        return
    if outcome.taken:
        _taken(session, endpoint, at)
    elif outcome.gone:
        _gone(session, endpoint, desk, at)
    else:
        _missed(session, endpoint, outcome, desk, at)


def deliveries_to(endpoint_id: UUID) -> Select[Delivery]:
    """What was promised to an endpoint; who reads it says in which order."""
    return (
        select(Delivery)
        .where(Delivery.channel == CHANNEL, Delivery.target == str(endpoint_id))
        .options(selectinload(Delivery.event))
    )


def tries_of(session: Session, delivery_ids: Sequence[UUID]) -> dict[UUID, list[Try]]:
    """The tries of these deliveries, the newest first."""
    found: dict[UUID, list[Try]] = {id: [] for id in delivery_ids}
    rows = (
        select(Try).where(Try.delivery_id.in_(delivery_ids)).order_by(Try.at.desc(), Try.id.desc())
    )
    for row in session.scalars(rows):
        found[row.delivery_id].append(row)
    return found


def latest(session: Session, endpoint_id: UUID, *, limit: int) -> list[tuple[Delivery, list[Try]]]:
    """What was promised to an endpoint last, each with its tries; the newest first."""
    newest = deliveries_to(endpoint_id).order_by(Delivery.promised_at.desc(), Delivery.id.desc())
    deliveries = session.scalars(newest.limit(limit)).all()
    tries = tries_of(session, [delivery.id for delivery in deliveries])
    return [(delivery, tries[delivery.id]) for delivery in deliveries]


def _endpoint_of(session: Session, delivery: Delivery) -> Endpoint | None:
    try:
        endpoint_id = UUID(delivery.target)
    except ValueError:  # a URL that a rule named
        return None
    return session.get(Endpoint, endpoint_id, with_for_update=True)


def _taken(session: Session, endpoint: Endpoint, at: datetime) -> None:
    failing = endpoint.failing_since
    endpoint.failures, endpoint.quiet_until, endpoint.failing_since = 0, None, None
    if failing is not None:
        _record(session, endpoint, "recovered", at, since=failing.isoformat())


def _gone(session: Session, endpoint: Endpoint, desk: Desk, at: datetime) -> None:
    if endpoint.active:
        endpoint.active, endpoint.paused_why = False, "it answered 410: it is there no more"
        endpoints.changed(session)
        _record(session, endpoint, "gone", at)
        _tell(session, endpoint, "is gone, and was paused", desk, at)


def _missed(
    session: Session, endpoint: Endpoint, outcome: Outcome, desk: Desk, at: datetime
) -> None:
    endpoint.failures += 1
    over = endpoint.failures - QUIET_AFTER
    if over >= 0:
        endpoint.quiet_until = at + min(QUIET * 2 ** min(over, 10), LONGEST_QUIET)
    if endpoint.failures >= FAILING_AFTER and endpoint.failing_since is None:
        endpoint.failing_since = at
        _record(session, endpoint, "failing", at, status=outcome.status, why=outcome.said[:200])
        _tell(session, endpoint, "takes nothing any more", desk, at)


def _record(session: Session, endpoint: Endpoint, what: str, at: datetime, **data: Any) -> None:
    events.record(
        session, f"webhook.{what}", at=at, actor=SYSTEM,
        webhook=str(endpoint.id), host=endpoint.host, **data,
    )  # fmt: skip


def _tell(session: Session, endpoint: Endpoint, news: str, desk: Desk, at: datetime) -> None:
    notices.tell_administrators(
        session, f"The webhook endpoint at {endpoint.host} {news}", desk=desk,
        key=f"webhook:{endpoint.id}", at=at, page="/webhooks",
    )  # fmt: skip
