"""Why an entitlement covers a case or none does: every answer, as it was given."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import strawberry

from intake import entitlements as rows

Refusal = rows.Refusal
strawberry.enum(Refusal, name="Refusal", description="Why an entitlement does not cover a case.")
ChosenBy = rows.ChosenBy
strawberry.enum(
    ChosenBy, name="ChosenBy", description="Who put an entitlement on a case, or took it off."
)


@strawberry.type(description="One question put to one entitlement, and its answer.")
class EntitlementTest:
    name: str = strawberry.field(description="What was asked: in force, contact, channel …")
    passed: bool = strawberry.field(description="Whether the answer was yes.")
    words: str = strawberry.field(description="The answer in words.")


@strawberry.type(description="An entitlement that was looked at.")
class EntitlementCandidate:
    entitlement_id: UUID = strawberry.field(description="Which one.")
    name: str = strawberry.field(description="What it was called then.")
    tests: list[EntitlementTest] = strawberry.field(description="All that was asked of it.")


@strawberry.type(description="How the entitlement of a case was chosen or refused.")
class EntitlementDecision:
    words: str = strawberry.field(description="The decision in words.")
    covered: bool = strawberry.field(description="Whether an entitlement covers the case.")
    entitlement_id: UUID | None = strawberry.field(description="The one that was picked.")
    refusal: Refusal | None = strawberry.field(description="Why none was picked.")
    chosen_by: ChosenBy = strawberry.field(description="Who decided.")
    candidates: list[EntitlementCandidate] = strawberry.field(
        description="Every entitlement of the customer with every answer, best first."
    )


def decision_of(kept: dict[str, Any]) -> EntitlementDecision | None:
    """The decision that a case keeps as JSON (entitlements.Decision); None when it keeps none."""
    if not kept:
        return None
    return EntitlementDecision(
        words=kept["words"],
        covered=kept["entitlement"] is not None,
        entitlement_id=UUID(kept["entitlement"]) if kept["entitlement"] else None,
        refusal=rows.Refusal(kept["refusal"]) if kept["refusal"] else None,
        chosen_by=rows.ChosenBy(kept.get("chosen_by", rows.ChosenBy.RULE)),
        candidates=[
            EntitlementCandidate(
                entitlement_id=UUID(candidate["entitlement"]),
                name=candidate["name"],
                tests=[EntitlementTest(**test) for test in candidate["tests"]],
            )
            # One that was logged against a contract before anything was asked keeps no answers.
            for candidate in kept.get("candidates", ())
        ],
    )
