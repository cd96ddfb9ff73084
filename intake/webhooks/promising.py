"""What is promised to endpoints besides events: calls that rules ask for, tests, and once more."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar
from urllib.parse import urlsplit
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from intake import events
from intake.agents import Act, Principal
from intake.cases import Case
from intake.db import new_id
from intake.endpoints import Endpoint
from intake.errors import IntakeError, NotFound
from intake.events import Delivery, DeliveryState, Event
from intake.webhooks.registering import endpoint_of

CHANNEL = "webhook"


class StillDue(IntakeError):
    """What waits to be sent is not sent again on top."""

    code: ClassVar[str] = "still-due"


class Forgotten(IntakeError):
    """What a call said was given up, so that it cannot be said again."""

    code: ClassVar[str] = "forgotten"


def promise_call(
    session: Session,
    endpoint: UUID | str,
    kind: str,
    data: Mapping[str, Any],
    *,
    effect_key: str,
    at: datetime,
    case: Case | None = None,
) -> Delivery | None:
    """Promise one call: to an endpoint by its id, or to a URL, then without a signature.

    `kind` and `data` are what it says, and `case` what it is about. A second promise of the same
    effect key breaks the transaction, so who may ask twice looks before. None, and nothing is
    promised, to an endpoint that is paused or gone. That a URL may be called
    (`endpoints.callable_url`) was asked when it was set.
    """
    if isinstance(endpoint, UUID):
        found = session.get(Endpoint, endpoint)
        if found is None or not found.active:
            return None
    return _promise(session, str(endpoint), "call", effect_key, at, kind, data, case)


def send_test(session: Session, by: Principal, endpoint_id: UUID, *, at: datetime) -> Delivery:
    """Promise a call that says only that it is a test, even to an endpoint that is paused."""
    endpoint = endpoint_of(session, by, endpoint_id)
    key, data = f"test:{new_id()}", {"asked_by": by.name}
    return _promise(session, str(endpoint.id), "test", key, at, "webhook.test", data, None)


def send_again(session: Session, by: Principal, delivery_id: UUID, *, at: datetime) -> Delivery:
    """Send what was sent or given up once more, with the same id. Raises StillDue, Forgotten."""
    by.must(Act.ADMINISTER)
    delivery = session.scalar(
        select(Delivery)
        .where(Delivery.id == delivery_id, Delivery.channel == CHANNEL)
        .with_for_update()
    )
    if delivery is None:
        raise NotFound("there is no such delivery")
    if delivery.state is DeliveryState.DUE:
        raise StillDue("it waits to be sent, and is tried by itself")
    if delivery.forgotten_at is not None and delivery.event_sequence is None:
        raise Forgotten("what it said was given up: the desk keeps it for so many days only")
    delivery.forgotten_at = None
    delivery.state, delivery.due_at, delivery.promised_at = DeliveryState.DUE, at, at
    delivery.attempts, delivery.error, delivery.claim = 0, "", None
    return delivery


def body_of(delivery: Delivery, base_url: str) -> dict[str, Any]:
    """What a delivery says: the same at each try, for an event never changes."""
    body = dict(delivery.payload["body"]) if delivery.event is None else _of_event(delivery.event)
    if (record := body["record"]) and record["type"] == "case":
        body["record"] = {**record, "url": f"{base_url}/cases/{record['number']}"}
    return {"id": str(delivery.id), **body}


def _of_event(event: Event) -> dict[str, Any]:
    return {
        "kind": event.kind,
        "at": event.at.isoformat(),
        "sequence": event.sequence,
        "actor": {
            "kind": event.actor_kind,
            "id": str(event.actor_id) if event.actor_id else None,
            "name": event.actor_name,
            "via": event.via,
        },
        "data": event.data,
        "record": _record_of(event),
    }


def _record_of(event: Event) -> dict[str, Any] | None:
    """What it happened to, in a few words; who wants to know more asks GraphQL."""
    if event.case_id is not None and "number" in event.data:
        return {"type": "case", "id": str(event.case_id), "number": event.data["number"]}
    kind = event.kind.partition(".")[0]
    id = event.data.get(kind.replace("-", "_"))
    return {"type": kind, "id": id} if isinstance(id, str) and id else None


def _promise(
    session: Session,
    target: str,
    kind: str,
    effect_key: str,
    at: datetime,
    said: str,
    data: Mapping[str, Any],
    case: Case | None,
) -> Delivery:
    about = {"type": "case", "id": str(case.id), "number": case.number} if case else None
    body = {
        "kind": said,
        "at": at.isoformat(),
        "sequence": None,
        "actor": None,
        "data": dict(data),
        "record": about,
    }
    payload: dict[str, Any] = {"body": body}
    if "://" in target:
        payload, target = {"body": body, "url": target}, urlsplit(target).hostname or ""
    return events.promise(
        session, CHANNEL, kind, effect_key=effect_key, at=at, target=target, payload=payload
    )
