"""Ticking off what is to be seen to on a case."""

from __future__ import annotations

from uuid import UUID

import strawberry

from graph.api.asking import Info
from graph.api.describing import described
from graph.api.work import CaseNumber, CaseResult, Version, change
from intake import work


@strawberry.type
class TickingMutations:
    @described("Write down what else is to be seen to on a case.")
    def add_items(
        self,
        info: Info,
        case_number: CaseNumber,
        items: list[str],
        expected_version: Version = None,
    ) -> CaseResult:
        return change(
            info, case_number, work.add_items, items, at=info.context.at, version=expected_version
        )

    @described("Put a list that was written beforehand on a case.")
    def use_checklist(
        self, info: Info, case_number: CaseNumber, checklist: UUID, expected_version: Version = None
    ) -> CaseResult:
        return change(
            info,
            case_number,
            work.use_checklist,
            checklist,
            at=info.context.at,
            version=expected_version,
        )

    @described("Tick an item off, or take the tick back.")
    def tick_item(
        self,
        info: Info,
        case_number: CaseNumber,
        item: UUID,
        on: bool = True,
        expected_version: Version = None,
    ) -> CaseResult:
        return change(
            info,
            case_number,
            work.tick_item,
            item,
            on,
            at=info.context.at,
            version=expected_version,
        )

    @described("Take an item off the list: it need not be seen to.")
    def strike_item(
        self, info: Info, case_number: CaseNumber, item: UUID, expected_version: Version = None
    ) -> CaseResult:
        return change(
            info, case_number, work.strike_item, item, at=info.context.at, version=expected_version
        )
