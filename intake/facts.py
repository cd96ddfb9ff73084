"""What rules may ask about a case: the fields of its conditions and their values."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import orjson

from intake.cases import Case, Priority, Reason, State
from intake.conditions import Condition, Field, Fields, Kind

CASE_FIELDS = Fields(
    Field("channel", Kind.CHOICE, label="channel"),
    Field("mailbox", Kind.CHOICE, label="mailbox"),
    Field("subject", Kind.TEXT, label="subject"),
    Field("priority", Kind.CHOICE, choices=tuple(p.value for p in Priority), label="priority"),
    Field("account", Kind.ID, label="account"),
    Field("contact", Kind.ID, label="contact"),
    Field("product", Kind.ID, label="product"),
    Field("entitlement", Kind.ID, label="entitlement"),
    Field("covered", Kind.YES_NO, label="covered"),
    Field("sender_certain", Kind.YES_NO, label="sender certain"),
    Field("state", Kind.CHOICE, choices=tuple(s.value for s in State), label="state"),
    Field("reason", Kind.CHOICE, choices=tuple(r.value for r in Reason), label="status reason"),
    Field("queue", Kind.ID, label="queue"),
    Field("owner", Kind.ID, label="owner"),
    Field("escalated", Kind.YES_NO, label="escalated"),
    Field("answered", Kind.YES_NO, label="answered"),
)


def facts_of(case: Case, *, sender_certain: bool = True) -> Mapping[str, Any]:
    """What is known of a case as it opens or changes; absent things are None."""
    return {
        "channel": case.channel,
        "mailbox": case.mailbox,
        "subject": case.subject,
        "priority": case.priority.value,
        "account": _id(case.account_id),
        "contact": _id(case.contact_id),
        "product": _id(case.product_id),
        "entitlement": _id(case.entitlement_id),
        "covered": case.entitlement_id is not None,
        "sender_certain": sender_certain,
        "state": case.state.value,
        "reason": case.reason.value,
        "queue": _id(case.queue_id),
        "owner": _id(case.owner_id),
        "escalated": case.escalated_at is not None,
        "answered": case.first_response_at is not None,
    }


def read_condition(condition: Mapping[str, Any]) -> Condition:
    """The condition over a case stored as this JSON. Raises BadCondition."""
    return _read(orjson.dumps(condition))


@lru_cache(maxsize=1024)
def _read(condition: bytes) -> Condition:
    return Condition.from_json(orjson.loads(condition), CASE_FIELDS)


def _id(value: object) -> str | None:
    return str(value) if value is not None else None
