"""Trying a delivery again that was given up."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import strawberry

from graph.api.activities import Delivery
from graph.api.asking import Info
from graph.api.describing import described
from graph.api.problems import AnyProblem, problem
from intake import work
from intake.errors import IntakeError


@strawberry.type(description="The delivery is due again.")
class DeliveryRetried:
    delivery: Delivery = strawberry.field(description="The delivery now.")


RetryResult = Annotated[
    DeliveryRetried | AnyProblem,
    strawberry.union("RetryDeliveryResult", description="It was done, or why it was not."),
]


@strawberry.type
class DeliveryMutations:
    @described("Try a delivery again that was given up.")
    def retry_delivery(self, info: Info, id: UUID) -> RetryResult:
        asking = info.context
        try:
            with asking.acting() as session:
                row = work.retry_delivery(session, asking.principal, id, at=asking.at)
        except IntakeError as error:
            return problem(error)
        return DeliveryRetried(delivery=Delivery.of(row))
