"""Status reasons: which may follow which, and putting an open case in another."""

from __future__ import annotations

from typing import Annotated

import strawberry

from graph.api.asking import Info
from graph.api.describing import described
from graph.api.problems import AnyProblem, problem
from graph.api.work import CaseNumber, CaseResult, Version, change
from graph.api.workdone import CaseReason
from intake import reasons, work
from intake.cases import Reason
from intake.errors import IntakeError


@strawberry.type(description="What may follow a status reason on this desk, by somebody's hand.")
class Transitions:
    reason: CaseReason = strawberry.field(description="The status reason that a case has.")
    allowed: list[CaseReason] = strawberry.field(description="Those that may follow it.")


TransitionResult = Annotated[
    Transitions | AnyProblem,
    strawberry.union("TransitionResult", description="What may follow now, or why not."),
]


@strawberry.type
class ReasonQueries:
    @described("Which status reason may follow which.")
    def transitions(self, info: Info) -> list[Transitions]:
        found = reasons.table(info.context.session)
        return [Transitions(reason=was, allowed=allowed) for was, allowed in found.items()]


@strawberry.type
class ReasonMutations:
    @described("Say why an open case stands where it stands; clocks that this stops pause.")
    def set_reason(
        self,
        info: Info,
        case_number: CaseNumber,
        reason: CaseReason,
        expected_version: Version = None,
    ) -> CaseResult:
        return change(
            info, case_number, work.set_reason, Reason(reason),
            at=info.context.at, version=expected_version,
        )  # fmt: skip

    @described("Let these status reasons, and no other, follow one. For administrators.")
    def allow_transitions(
        self, info: Info, reason: CaseReason, allowed: list[CaseReason]
    ) -> TransitionResult:
        asking = info.context
        try:
            with asking.acting() as session:
                now = reasons.allow(session, asking.principal, reason, allowed, at=asking.at)
        except IntakeError as error:
            return problem(error)
        return Transitions(reason=reason, allowed=now)
