"""Saying that one is at a case, as a page does that is looked at."""

from __future__ import annotations

import strawberry

from graph.api.asking import Info
from graph.api.describing import described
from graph.api.work import CaseNumber, CaseResult, change
from intake import viewers


@strawberry.type
class ViewerMutations:
    @described(
        "Say that you look at a case, and whether you write; it holds for 40 seconds, so say it "
        "again every 15. Your colleagues see it; the case does not change."
    )
    def beat(self, info: Info, case_number: CaseNumber, writing: bool = False) -> CaseResult:
        return change(info, case_number, viewers.beat, at=info.context.at, writing=writing)
