"""Why an act was not done, as types a program can tell apart: the one place that maps codes."""

from __future__ import annotations

import strawberry

from intake.errors import IntakeError


@strawberry.interface(description="Why an act was not done; nothing was changed.")
class Problem:
    code: str = strawberry.field(description="The reason in a word that programs may compare.")
    message: str = strawberry.field(description="The reason in words, and what to do.")


@strawberry.type(description="There is no such record, or not for you: the two look the same.")
class NotFound(Problem):
    pass


@strawberry.type(description="You may not do that.")
class NotAllowed(Problem):
    pass


@strawberry.type(description="The case changed since you read it: look again.")
class StaleVersion(Problem):
    pass


@strawberry.type(description="The case is resolved or cancelled: reopen it first.")
class NotOpen(Problem):
    pass


@strawberry.type(description="Somebody else works on it.")
class AlreadyTaken(Problem):
    pass


@strawberry.type(description="Another rule of the desk stands against it.")
class Refused(Problem):
    pass


TYPES: dict[str, type[Problem]] = {
    "not-found": NotFound,
    "not-allowed": NotAllowed,
    "stale-version": StaleVersion,
    "case-not-open": NotOpen,
    "already-taken": AlreadyTaken,
}
AnyProblem = NotFound | NotAllowed | StaleVersion | NotOpen | AlreadyTaken | Refused


def problem(error: IntakeError) -> AnyProblem:
    """The broken rule as GraphQL tells it."""
    return TYPES.get(error.code, Refused)(code=error.code, message=str(error))  # type: ignore[return-value]
