"""The form of something that is to be done: what it asks, and what typing means."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from graph.console.filling import Reader
from graph.console.visit import Visit
from intake.cases import Activity, ActivityKind
from intake.work import PLANNED, Plan, Regarding

LABELS = {
    "kind": "Kind",
    "subject": "What is to be done",
    "text": "Details",
    "due_at": "Due",
    "minutes": "Minutes",
    "owner": "Who does it",
}
KINDS = [(kind.value, kind.value.capitalize()) for kind in PLANNED]


def plan_in(visit: Visit) -> Plan:
    """The plan in the form, its times on the desk's wall clock. Raises Misfilled."""
    reader = Reader(visit.form)
    plan = Plan(
        kind=reader.one_of("kind", ActivityKind, ActivityKind.TASK),
        subject=reader.text("subject", longest=500, needed=True),
        text=reader.text("text", longest=20_000),
        due_at=_instant(visit, reader),
        minutes=reader.whole("minutes", 0),
    )
    reader.finish()
    return plan


def owner_in(visit: Visit) -> UUID | None:
    """Who is to do it. Raises Misfilled."""
    reader = Reader(visit.form)
    owner = reader.id("owner")
    reader.finish()
    return owner


def about_of(form: Mapping[str, str]) -> Regarding:
    """The account, contact or contract that a form is about. Raises Misfilled."""
    reader = Reader(form)
    about = Regarding(
        account_id=reader.id("account"),
        contact_id=reader.id("contact"),
        contract_id=reader.id("contract"),
    )
    reader.finish()
    return about


def typed(activity: Activity, zone: ZoneInfo) -> dict[str, str]:
    """An activity as its form shows it."""
    due = f"{activity.due_at.astimezone(zone):%Y-%m-%dT%H:%M}" if activity.due_at else ""
    return {
        "kind": activity.kind.value,
        "subject": activity.subject,
        "text": activity.text,
        "due_at": due,
        "minutes": str(activity.duration_minutes or ""),
        "owner": str(activity.owner_id or ""),
    }


def _instant(visit: Visit, reader: Reader) -> datetime | None:
    return reader.instant_or_none("due_at", ZoneInfo(visit.house.settings.time_zone))
