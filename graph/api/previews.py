"""What would cover a case that nobody opened: the choice alone, which takes and keeps nothing."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

import strawberry
from sqlalchemy.orm import Session

from graph.api.asking import Info
from graph.api.decisions import EntitlementDecision, decision_of
from graph.api.describing import described
from intake import customers, entitlements
from intake.agents import Act
from intake.db import new_id
from intake.desk import Desk
from intake.entitlements import Asked
from intake.errors import NotFound


@strawberry.type
class PreviewQueries:
    @described(
        "Which entitlement would cover a case of that contact, or of that account, as it would be "
        "decided at intake. Opens no case and takes no term."
    )
    def entitlement_preview(
        self,
        info: Info,
        channel: Annotated[str, strawberry.argument(description="By which way it would come.")],
        contact: UUID | None = None,
        account: UUID | None = None,
        product: UUID | None = None,
        at: Annotated[
            datetime | None,
            strawberry.argument(description="When, with its zone; now if left out."),
        ] = None,
    ) -> EntitlementDecision | None:
        asking = info.context
        asking.principal.must(Act.READ)
        when = at or asking.at
        asking.close()
        with asking.house.db.reading() as session:
            return _decided(session, asking.house.desk, channel, contact, account, product, when)


def _decided(
    session: Session,
    desk: Desk,
    channel: str,
    contact: UUID | None,
    account: UUID | None,
    product: UUID | None,
    at: datetime,
) -> EntitlementDecision | None:
    contact, account = _customer(session, contact, account)
    asked = Asked(new_id(), channel, contact, account, product, desk.day(at), at)
    held = entitlements.held_by(session, [(contact, account)])
    session.expunge_all()  # what time will have done by then is done to copies
    for entitlement in held:
        entitlements.turn(entitlement, on=asked.on, at=at)
    applies = desk.apply_entitlement_on_creation
    return decision_of(entitlements.decide(held, asked, apply=applies).as_json())


def _customer(
    session: Session, contact: UUID | None, account: UUID | None
) -> tuple[UUID | None, UUID | None]:
    """Whose case it would be: the contact with their account, unless another is given."""
    if contact is None and account is None:
        raise NotFound("name a contact or an account")
    if contact is None:
        return None, account
    row = session.get(customers.Contact, contact)
    if row is None:
        raise NotFound("there is no such contact")
    return contact, account or row.account_id
