"""The time of a case: written down by whoever worked it, billed anew by a manager."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import strawberry

from graph.api.asking import Info
from graph.api.describing import described
from graph.api.work import CaseNumber, CaseResult, Version, change
from intake import accounting, charge


@strawberry.type
class TimeMutations:
    @described("Write down how long an activity took, or something that left no other trace.")
    def log_time(
        self,
        info: Info,
        case_number: CaseNumber,
        minutes: int,
        text: str = "",
        service: str = "",
        billable: bool = True,
        activity: Annotated[
            UUID | None, strawberry.argument(description="The activity that took so long.")
        ] = None,
        expected_version: Version = None,
    ) -> CaseResult:
        return change(
            info, case_number, charge.log_time, minutes,
            text=text, service=service, billable=billable, activity_id=activity,
            at=info.context.at, version=expected_version,
        )  # fmt: skip

    @described("Bill a resolved case anew, as after a rate was set. For managers.")
    def bill_again(self, info: Info, case_number: CaseNumber) -> CaseResult:
        return change(info, case_number, accounting.bill_again, at=info.context.at)
