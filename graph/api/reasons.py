"""Status reasons: which there are and may follow which, and putting an open case in another."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated
from uuid import UUID

import strawberry
from sqlalchemy.orm import Session

from graph.api.asking import Info
from graph.api.describing import described
from graph.api.doing import done
from graph.api.loading import together
from graph.api.problems import AnyProblem
from graph.api.statuses import CaseReason, StatusReason, StatusReasonChoice
from graph.api.work import CaseNumber, CaseResult, Version, change
from intake import reasons, work
from intake.agents import Principal
from intake.cases import Reason, Status


@strawberry.type(description="It is so on this desk.")
class StatusReasonChanged:
    reason: StatusReason = strawberry.field(description="The status reason now.")


StatusReasonResult = Annotated[
    StatusReasonChanged | AnyProblem,
    strawberry.union("StatusReasonResult", description="It is so, or why it is not."),
]
OwnId = Annotated[UUID, strawberry.argument(description="The `ownId` of one that the desk added.")]
OwnVersion = Annotated[
    int | None,
    strawberry.argument(
        description="The `version` you read: if it changed since, nothing is done."
    ),
]


@strawberry.type
class ReasonQueries:
    @described("The status reasons of this desk, each given one before its kinds of the desk's.")
    def status_reasons(
        self,
        info: Info,
        retired: Annotated[
            bool, strawberry.argument(description="Also those that no case is put in any more.")
        ] = False,
    ) -> list[StatusReason]:
        return together(StatusReason, reasons.every(info.context.session, retired=retired))


@strawberry.type
class ReasonMutations:
    @described("Say why an open case stands where it stands; clocks that this stops pause.")
    def set_reason(
        self,
        info: Info,
        case_number: CaseNumber,
        reason: StatusReasonChoice,
        expected_version: Version = None,
    ) -> CaseResult:
        return change(
            info, case_number, work.set_reason, reason.chosen(),
            at=info.context.at, version=expected_version,
        )  # fmt: skip

    @described("Let these status reasons, and no other, follow one. For administrators.")
    def allow_transitions(
        self, info: Info, reason: StatusReasonChoice, allowed: list[StatusReasonChoice]
    ) -> StatusReasonResult:
        at = info.context.at

        def act(session: Session, by: Principal) -> Status:
            was = reasons.one(session, reason.chosen())
            follows = [reasons.choose(session, each.chosen()) for each in allowed]
            reasons.allow(session, by, was, follows, at=at)
            return was

        return _lay_out(info, act)

    @described("Add a status reason that is a kind of a given one and is called otherwise.")
    def add_status_reason(self, info: Info, name: str, kind_of: CaseReason) -> StatusReasonResult:
        at = info.context.at
        return _lay_out(info, lambda s, by: reasons.add(s, by, name, Reason(kind_of), at=at))

    @described("Call a status reason that the desk added otherwise.")
    def rename_status_reason(
        self, info: Info, id: OwnId, name: str, expected_version: OwnVersion = None
    ) -> StatusReasonResult:
        at = info.context.at
        return _lay_out(
            info, lambda s, by: reasons.rename(s, by, id, name, at=at, version=expected_version)
        )

    @described("Put no more cases in a status reason that the desk added; those in it stay.")
    def retire_status_reason(
        self,
        info: Info,
        id: OwnId,
        retired: Annotated[bool, strawberry.argument(description="False takes it back.")] = True,
        expected_version: OwnVersion = None,
    ) -> StatusReasonResult:
        at, version = info.context.at, expected_version
        return _lay_out(
            info, lambda s, by: reasons.retire(s, by, id, retired, at=at, version=version)
        )


def _lay_out(
    info: Info, act: Callable[[Session, Principal], Status]
) -> StatusReasonChanged | AnyProblem:
    return done(
        info, lambda session, by: StatusReasonChanged(reason=StatusReason.of(act(session, by)))
    )
