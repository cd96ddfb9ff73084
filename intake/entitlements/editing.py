"""What a draft says, while it may be changed."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from intake.agents import Principal
from intake.entitlements.acting import NotEditable, held, tell
from intake.entitlements.bought import ChannelAllotment, Entitlement, State
from intake.entitlements.validity import BadEntitlement

# What a renewal and a template hand on; dates, balances, links and the default are its own.
TERMS = (
    "allocation", "decrease_on", "restricted", "overdraw", "unlisted", "total", "reserve",
    "period_months", "carry_over", "carry_over_days", "thresholds", "renewal_days",
    "draft_renewal", "sla_id", "calendar_id",
)  # fmt: skip
OWN = ("name", "account_id", "contact_id", "owner_id", "description", "email", "template_id")
EDITABLE = (*TERMS, *OWN, "starts_on", "ends_on")


def edit(
    session: Session, entitlement: Entitlement, *, at: datetime, by: Principal, **changes: Any
) -> Entitlement:
    """Change fields of a draft; `channels` maps each channel to its total.

    Raises NotEditable unless it is a draft, BadEntitlement for a field that is none.
    """
    entitlement = held(session, entitlement, by)
    if entitlement.state is not State.DRAFT:
        raise NotEditable(
            f"{entitlement.name} is {entitlement.state}; deactivate it before you change it"
        )
    _must_allow(entitlement, changes)
    if "channels" in changes:
        _list_channels(entitlement, changes.pop("channels"))
    for field, value in changes.items():
        if field not in EDITABLE:
            raise BadEntitlement(field, "there is no such field to change")
        setattr(entitlement, field, value)
    tell(session, entitlement, "edited", at, by, fields=sorted(changes))
    return entitlement


def _must_allow(entitlement: Entitlement, changes: dict[str, Any]) -> None:
    """Raises BadEntitlement where the balance stands against the change."""
    if changes.get("restricted") and entitlement.remaining + entitlement.overdrawn < 0:
        left = entitlement.left(entitlement.remaining)
        words = f"{left} are left, which is below zero; correct the balance to zero first"
        raise BadEntitlement("restricted", words)


def _list_channels(entitlement: Entitlement, totals: dict[str, int]) -> None:
    for row in list(entitlement.channels):
        if row.channel not in totals:
            entitlement.channels.remove(row)
    for channel, total in totals.items():
        listed = entitlement.allotment(channel)
        if listed is not None:
            listed.total = total
        else:
            entitlement.channels.append(
                ChannelAllotment(channel=channel, total=total, remaining=0, granted=0, reserved=0)
            )
