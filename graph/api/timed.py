"""Acts that say how long they took: the time is written down with them, or neither is done."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Concatenate, ParamSpec
from uuid import UUID

import strawberry
from sqlalchemy.orm import Session

from intake import attention, charge
from intake.agents import Principal
from intake.cases import Activity

P = ParamSpec("P")
Act = Callable[Concatenate[Session, Principal, UUID, P], Activity]

Minutes = Annotated[
    int | None, strawberry.argument(description="How long it took; written down with it.")
]
Billable = Annotated[
    bool, strawberry.argument(description="Whether those minutes are to be billed.")
]


def timed(act: Act[P], minutes: int | None, billable: bool, at: datetime) -> Act[P]:
    """That act, and the minutes that what it wrote took, if any are given."""

    def both(
        session: Session, by: Principal, case_id: UUID, /, *args: P.args, **kwargs: P.kwargs
    ) -> Activity:
        activity = act(session, by, case_id, *args, **kwargs)
        if minutes is not None:
            took(session, by, case_id, minutes, billable, at, activity_id=activity.id)
        return activity

    return both


def took(
    session: Session,
    by: Principal,
    case_id: UUID,
    minutes: int,
    billable: bool,
    at: datetime,
    *,
    activity_id: UUID | None = None,
    version: int | None = None,
) -> None:
    """Write time down, as in the console; what was offered for it is settled."""
    charge.log_time(
        session, by, case_id, minutes,
        at=at, billable=billable, activity_id=activity_id, version=version,
    )  # fmt: skip
    attention.settle(session, by, case_id)
