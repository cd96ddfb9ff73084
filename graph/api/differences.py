"""Fields that changed: from what, to what, and by whom."""

from __future__ import annotations

from datetime import datetime

import strawberry
from strawberry.scalars import JSON

from intake import history


@strawberry.type(description="One field of a case that somebody changed.")
class FieldChange:
    field: str = strawberry.field(
        description="The field as conditions call it; a custom one with its kind: number.seats."
    )
    old: JSON | None = strawberry.field(description="What it was; records by their name then.")
    new: JSON | None = strawberry.field(description="What it became.")
    at: datetime = strawberry.field(description="When.")
    actor_name: str = strawberry.field(description="Who changed it.")
    via: str = strawberry.field(description="By which way: slack, graphql, console …")


def difference(change: history.Change) -> FieldChange:
    """The change as GraphQL tells it."""
    return FieldChange(
        field=change.field, old=change.old, new=change.new, at=change.at,
        actor_name=change.who, via=change.via,
    )  # fmt: skip
