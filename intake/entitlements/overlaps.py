"""Two entitlements of one customer that cover the same thing at once: allowed, and told of."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from intake.entitlements.bought import Entitlement, State
from intake.entitlements.validity import Problem, check


def doubts(session: Session, entitlement: Entitlement) -> list[Problem]:
    """Everything wrong or doubtful, by field, with what others of the customer cover already."""
    return [*check(entitlement), *overlapping(session, entitlement)]


def overlapping(session: Session, entitlement: Entitlement) -> list[Problem]:
    """A warning for each other entitlement in force on some of the same days."""
    others = select(Entitlement).where(
        Entitlement.id != entitlement.id,
        Entitlement.account_id.is_not_distinct_from(entitlement.account_id),
        Entitlement.contact_id.is_not_distinct_from(entitlement.contact_id),
        Entitlement.state.in_((State.WAITING, State.ACTIVE)),
        Entitlement.starts_on <= entitlement.ends_on,
        Entitlement.ends_on >= entitlement.starts_on,
    )
    return [
        Problem(
            "starts_on",
            f"{other.name} covers the same customer from {other.starts_on} to {other.ends_on}; "
            "each case says which of them it draws on, and why",
            refuses=False,
        )
        for other in session.scalars(others.order_by(Entitlement.starts_on, Entitlement.id))
        if _same_things(entitlement, other)
    ]


def _same_things(one: Entitlement, other: Entitlement) -> bool:
    """Whether a case could be covered by both; an empty list stands for everything."""
    products = {row.product_id for row in one.products}, {row.product_id for row in other.products}
    contacts = {row.contact_id for row in one.contacts}, {row.contact_id for row in other.contacts}
    return all(not a or not b or a & b for a, b in (products, contacts))
