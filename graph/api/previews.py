"""What would cover a case that nobody opened: the choice alone, which takes and keeps nothing."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

import strawberry

from graph.api.asking import Info
from graph.api.decisions import EntitlementDecision, decision_of
from graph.api.describing import described
from intake import rehearsal
from intake.agents import Act


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
            decided = rehearsal.preview(
                session, channel=channel, desk=asking.house.desk, at=when,
                contact_id=contact, account_id=account, product_id=product,
            )  # fmt: skip
        return decision_of(decided.as_json())
