"""Putting a case off until a time or an answer, and taking it up again."""

from __future__ import annotations

from datetime import datetime

import strawberry

from graph.api.asking import Info
from graph.api.describing import described
from graph.api.work import CaseNumber, CaseResult, Version, change
from intake import work


@strawberry.type
class PostponingMutations:
    @described(
        "Put a case off: it leaves the views of work until that time, or until its customer "
        "writes; null: until they write alone. Promises about time run on; `hold` stops them."
    )
    def snooze(
        self,
        info: Info,
        case_number: CaseNumber,
        until: datetime | None = None,
        expected_version: Version = None,
    ) -> CaseResult:
        return change(
            info, case_number, work.snooze, until, at=info.context.at, version=expected_version
        )

    @described("Put a case off no longer.")
    def wake(
        self, info: Info, case_number: CaseNumber, expected_version: Version = None
    ) -> CaseResult:
        return change(info, case_number, work.wake, at=info.context.at, version=expected_version)
