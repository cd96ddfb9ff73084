"""Webhooks: what happens here is told to other programs, signed as Standard Webhooks has it.

A receiver verifies `webhook-signature` over `webhook-id`, `webhook-timestamp` and the body, knows
a repeated call by its id, and answers any 2xx; docs/how-to/receive-webhooks.md shows one.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy.orm import Session

from channels import Never, NotNow, Sent, guarded
from intake import webhooks
from intake.desk import Desk
from intake.events import Delivery, Promise
from intake.messages import Message
from intake.settings import Settings

LONGEST_WAIT_SECONDS = 6 * 3600.0


class NotTaken(NotNow):
    """It was called, and did not take it. `status` is None when there was no answer."""

    def __init__(self, reason: str, status: int | None, wait_seconds: float | None = None) -> None:
        super().__init__(reason, wait_seconds)
        self.status = status


class Refused(Never):
    """It is not to be called: it is gone, or its address is none that we call."""

    def __init__(self, reason: str, status: int | None = None) -> None:
        super().__init__(reason)
        self.status = status


def parse(raw: bytes, envelope: Mapping[str, Any]) -> Message:
    """Raises NotImplementedError: nothing comes in by this way."""
    raise NotImplementedError("webhooks only go out")


def prepare(session: Session, promise: Promise, settings: Settings, desk: Desk) -> dict[str, Any]:
    """The call that keeps this promise: where to, what, and the secrets to sign it with.

    Raises NotNow while the endpoint is left alone, and Never when it is paused or removed.
    """
    delivery = session.get_one(Delivery, promise.id)
    call = {"body": webhooks.body_of(delivery, settings.base_url), "secrets": ()}
    if url := delivery.payload.get("url"):
        return {**call, "url": url}
    endpoint = session.get(webhooks.Endpoint, UUID(promise.target))
    if endpoint is None:
        raise Never("the endpoint was removed")
    at = datetime.now(UTC)
    if promise.kind != "test":
        if not endpoint.active:
            raise Never(f"the endpoint is paused: {endpoint.paused_why}")
        if endpoint.quiet_until is not None and endpoint.quiet_until > at:
            wait = (endpoint.quiet_until - at).total_seconds()
            raise NotNow("the endpoint takes nothing now and is left alone for a while", wait)
    return {**call, "url": endpoint.url, "secrets": webhooks.secrets_of(endpoint, desk, at=at)}


def send(promise: Promise, settings: Settings) -> Sent:
    """Make a prepared call. Raises NotNow or Never."""
    body = orjson.dumps(promise.payload["body"])
    id, timestamp = str(promise.id), int(datetime.now(UTC).timestamp())
    headers: dict[bytes | str, bytes | str] = {
        "content-type": "application/json",
        "user-agent": "Deskbell",
        "webhook-id": id,
        "webhook-timestamp": str(timestamp),
    }
    if secrets := promise.payload["secrets"]:
        headers["webhook-signature"] = webhooks.signature(secrets, id, timestamp, body)
    try:
        answer = guarded.post(
            promise.payload["url"], body, headers, own_hosts=settings.webhook_hosts
        )
    except guarded.Forbidden as forbidden:
        raise Refused(str(forbidden)) from None
    except guarded.NoAnswer as nobody:
        raise NotTaken(str(nobody), None) from None
    if 200 <= answer.status < 300:
        return Sent(f"{answer.status} {answer.text[:500]}".strip())
    said = f"it answered {answer.status}: {answer.text[:500]}".rstrip(": ")
    if answer.status == 410:
        raise Refused(said, answer.status)
    raise NotTaken(said, answer.status, _wait_seconds(answer.retry_after))


def tried(
    session: Session,
    delivery: Delivery,
    outcome: Sent | NotNow | Never,
    desk: Desk,
    *,
    took_ms: int,
    at: datetime,
) -> None:
    """Write a call down that was made, and what it says of its endpoint."""
    match outcome:
        case Sent():
            status, _, said = outcome.response.partition(" ")
            noted = webhooks.Outcome(True, int(status), said, took_ms)
        case NotTaken() | Refused():
            noted = webhooks.Outcome(False, outcome.status, str(outcome), took_ms)
        case _:  # nothing was called
            return
    webhooks.note(session, delivery, noted, desk, at=at)


def _wait_seconds(retry_after: str) -> float | None:
    """What the other side asks for, within reason; dates are for people."""
    if not retry_after.isascii() or not retry_after.isdecimal():
        return None
    return min(max(float(retry_after), 1.0), LONGEST_WAIT_SECONDS)
