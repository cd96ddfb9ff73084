"""Why an act was not done, as types a program can tell apart: the one place that maps codes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import strawberry
from strawberry.utils.str_converters import to_camel_case

from graph.api.asking import Info
from graph.api.describing import described
from graph.api.differences import FieldChange, difference
from intake import cases, work
from intake.errors import IntakeError
from intake.fields import FieldKind

if TYPE_CHECKING:
    from graph.api.activities import Activity


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


@strawberry.type(description="The record changed since you read it: look again.")
class StaleVersion(Problem):
    changed: list[FieldChange] = strawberry.field(
        description="What differs from what you read, of a case; empty for what has no history."
    )


@strawberry.type(description="The case is resolved or cancelled: reopen it first.")
class NotOpen(Problem):
    pass


@strawberry.type(description="That status reason may not follow the one that the case has.")
class TransitionNotAllowed(Problem):
    pass


@strawberry.type(description="Somebody else works on it.")
class AlreadyTaken(Problem):
    pass


@strawberry.type(description="What was given for a field cannot be meant.")
class WrongInput(Problem):
    field: str = strawberry.field(description="The field, as it is called here.")


@strawberry.type(description="No term is left of what was bought.")
class EntitlementExhausted(Problem):
    pass


@strawberry.type(description="More was used than is left: say what becomes of it (`overdraw`).")
class EntitlementWouldOverdraw(Problem):
    pass


@strawberry.type(description="That entitlement does not cover this case.")
class EntitlementDoesNotCover(Problem):
    pass


@strawberry.type(description="The entitlement does not stand where that may be done to it.")
class EntitlementInWrongState(Problem):
    pass


@strawberry.type(description="The contract covers nothing today.")
class ContractNotActive(Problem):
    pass


@strawberry.type(description="The contract does not stand where that may be done to it.")
class ContractInWrongState(Problem):
    pass


@strawberry.type(description="It was renewed already, and is renewed once.")
class AlreadyRenewed(Problem):
    pass


@strawberry.type(description="Contracts use the template, so it says for good what it says.")
class TemplateFrozen(Problem):
    pass


@strawberry.type(description="The time is billed: reopen the case to bill it anew.")
class TimeLocked(Problem):
    pass


@strawberry.type(description="The invoice request does not stand where that may be done to it.")
class InvoiceInWrongState(Problem):
    pass


@strawberry.type(description="These cases or contacts cannot be made one.")
class CannotMerge(Problem):
    pass


@strawberry.type(description="That message cannot be split off, or not go there.")
class CannotMove(Problem):
    pass


@strawberry.type(description="What was done cannot be put back exactly as it was.")
class CannotUndo(Problem):
    pass


@strawberry.type(
    description="Something is still to be done: do it first, or say `cancelOpenActivities`."
)
class OpenActivities(Problem):
    activity_ids: strawberry.Private[tuple[UUID, ...]] = ()

    @described("How many.")
    def count(self) -> int:
        return len(self.activity_ids)

    @described("What is still to be done, what is due first before the others.")
    def activities(
        self, info: Info
    ) -> list[Annotated[Activity, strawberry.lazy("graph.api.activities")]]:
        from graph.api.activities import still_open

        return still_open(info.context, self.activity_ids)


@strawberry.type(description="The case is closed only after its children.")
class OpenChildren(Problem):
    pass


@strawberry.type(description="The activity is completed or cancelled, or was never planned.")
class ActivityInWrongState(Problem):
    pass


@strawberry.type(description="Another rule of the desk stands against it.")
class Refused(Problem):
    pass


TYPES: dict[str, type[Problem]] = {
    "not-found": NotFound,
    "not-allowed": NotAllowed,
    "case-not-open": NotOpen,
    "already-taken": AlreadyTaken,
    "transition-not-allowed": TransitionNotAllowed,
    "entitlement-exhausted": EntitlementExhausted,
    "entitlement-would-overdraw": EntitlementWouldOverdraw,
    "entitlement-does-not-cover": EntitlementDoesNotCover,
    "entitlement-not-draft": EntitlementInWrongState,
    "entitlement-wrong-state": EntitlementInWrongState,
    "contract-not-active": ContractNotActive,
    "contract-state": ContractInWrongState,
    "contract-already-renewed": AlreadyRenewed,
    "template-frozen": TemplateFrozen,
    "cannot-merge": CannotMerge,
    "open-activities": OpenActivities,
    "open-children": OpenChildren,
    "activity-state": ActivityInWrongState,
    "cannot-move": CannotMove,
    "cannot-undo": CannotUndo,
    "time-locked": TimeLocked,
    "invoice-state": InvoiceInWrongState,
}
OF_A_FIELD = frozenset(
    {
        *("wrong-term", "wrong-amount", "no-such-currency", "contract-incomplete"),
        *("entitlement-invalid", "wrong-product", "wrong-preference", "wrong-contact-point"),
        *("wrong-domain", "bad-calendar", "never-open", "sla-incomplete", "sla-in-force"),
        *("wrong-rate", "wrong-time", "wrong-instant", "wrong-bulk", "wrong-endpoint"),
        *("wrong-activity", "wrong-family", "wrong-opening", "empty-text"),
        *("wrong-customer", "wrong-span"),
        *("not-routable", "wrong-template", "wrong-rule"),
        *("wrong-field", "not-filled-in", "wrong-feed"),
        *("wrong-queue", "wrong-team", "wrong-capacity", "wrong-skill", "wrong-view"),
    }
)
"""Codes whose text begins with the field that is wrong, as in "ends_on: 1 May is before …"."""
FIELD = re.compile(r"([a-z][\w.\[\]-]*): ")
AnyProblem = (
    NotFound
    | NotAllowed
    | StaleVersion
    | NotOpen
    | AlreadyTaken
    | TransitionNotAllowed
    | WrongInput
    | EntitlementExhausted
    | EntitlementWouldOverdraw
    | EntitlementDoesNotCover
    | EntitlementInWrongState
    | ContractNotActive
    | ContractInWrongState
    | AlreadyRenewed
    | TemplateFrozen
    | CannotMerge
    | CannotMove
    | CannotUndo
    | TimeLocked
    | InvoiceInWrongState
    | OpenActivities
    | OpenChildren
    | ActivityInWrongState
    | Refused
)


def problem(error: IntakeError) -> AnyProblem:
    """The broken rule as GraphQL tells it."""
    named = FIELD.match(str(error))
    if error.code in OF_A_FIELD and named:
        return WrongInput(code=error.code, message=str(error), field=_as_here(named[1]))
    if error.code == "stale-version":
        differs = error.differs if isinstance(error, cases.StaleVersion) else ()
        changed = [difference(change) for change in differs]
        return StaleVersion(code=error.code, message=str(error), changed=changed)
    if isinstance(error, work.OpenActivities):
        ids = error.activity_ids
        return OpenActivities(code=error.code, message=str(error), activity_ids=ids)
    return TYPES.get(error.code, Refused)(code=error.code, message=str(error))  # type: ignore[return-value]


def _as_here(field: str) -> str:
    if field.partition(".")[0] in tuple(FieldKind):
        return field  # a custom field, as the desk called it
    # References are called by what they refer to: `sla` and not `slaId`.
    called = field if field == "external_id" else field.removesuffix("_id")
    called = called.replace("applicable_from", "starts_from")
    name: str = to_camel_case(called)
    return name
