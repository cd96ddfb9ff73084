"""What an agent decides of what covers a case, and of what is promised for it."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import strawberry

from graph.api.asking import Info
from graph.api.cases import Priority
from graph.api.describing import described
from graph.api.work import CaseNumber, CaseResult, Version, change
from intake import covering, work


@strawberry.type
class CoveringMutations:
    @described("Put an entitlement on a case by hand, or take off the one it has: null.")
    def set_entitlement(
        self,
        info: Info,
        case_number: CaseNumber,
        entitlement: UUID | None,
        expected_version: Version = None,
    ) -> CaseResult:
        asking = info.context
        return change(
            info, case_number, covering.set_entitlement, entitlement,
            desk=asking.house.desk, at=asking.at, version=expected_version,
        )  # fmt: skip

    @described("Ask anew which entitlement covers a case, as after a correction.")
    def choose_entitlement_again(
        self, info: Info, case_number: CaseNumber, expected_version: Version = None
    ) -> CaseResult:
        asking = info.context
        return change(
            info, case_number, covering.choose_again,
            desk=asking.house.desk, at=asking.at, version=expected_version,
        )  # fmt: skip

    @described("Cover a case without a term, giving back the one it took; or take one again.")
    def set_no_decrement(
        self, info: Info, case_number: CaseNumber, on: bool, expected_version: Version = None
    ) -> CaseResult:
        asking = info.context
        return change(
            info, case_number, covering.set_no_decrement, on,
            desk=asking.house.desk, at=asking.at, version=expected_version,
        )  # fmt: skip

    @described("Say whose case it is: a contact's, with their account, or an account's alone.")
    def set_customer(
        self,
        info: Info,
        case_number: CaseNumber,
        contact: UUID | None = None,
        account: UUID | None = None,
        expected_version: Version = None,
    ) -> CaseResult:
        asking = info.context
        return change(
            info, case_number, covering.change_customer,
            contact_id=contact, account_id=account,
            desk=asking.house.desk, at=asking.at, version=expected_version,
        )  # fmt: skip

    @described("Say which product a case is about, or that it is about none: null.")
    def set_product(
        self,
        info: Info,
        case_number: CaseNumber,
        product: UUID | None,
        expected_version: Version = None,
    ) -> CaseResult:
        asking = info.context
        return change(
            info, case_number, covering.change_product, product,
            desk=asking.house.desk, at=asking.at, version=expected_version,
        )  # fmt: skip

    @described("Say by which channel a case really came; its term moves with it.")
    def set_channel(
        self, info: Info, case_number: CaseNumber, channel: str, expected_version: Version = None
    ) -> CaseResult:
        asking = info.context
        return change(
            info, case_number, covering.change_channel, channel,
            desk=asking.house.desk, at=asking.at, version=expected_version,
        )  # fmt: skip

    @described("Work on a cancelled case goes on; it takes its term again.")
    def reactivate(
        self, info: Info, case_number: CaseNumber, expected_version: Version = None
    ) -> CaseResult:
        asking = info.context
        return change(
            info, case_number, covering.reactivate,
            desk=asking.house.desk, at=asking.at, version=expected_version,
        )  # fmt: skip

    @described(
        "Let in a case that nothing covers: on an entitlement against its rules, or as work to "
        "bill. For managers, with a reason."
    )
    def override_review(
        self,
        info: Info,
        case_number: CaseNumber,
        reason: str,
        entitlement: UUID | None = None,
        expected_version: Version = None,
    ) -> CaseResult:
        asking = info.context
        return change(
            info, case_number, covering.override, reason,
            entitlement_id=entitlement,
            desk=asking.house.desk, at=asking.at, version=expected_version,
        )  # fmt: skip

    @described("Say that a case needs more than its agent, and why; with a queue, it waits there.")
    def escalate(
        self,
        info: Info,
        case_number: CaseNumber,
        text: str,
        queue: UUID | None = None,
        expected_version: Version = None,
    ) -> CaseResult:
        return change(
            info, case_number, work.escalate, text,
            queue_id=queue, at=info.context.at, version=expected_version,
        )  # fmt: skip

    @described("Say how pressing a case is; what is promised for that counts from now on.")
    def prioritise(
        self,
        info: Info,
        case_number: CaseNumber,
        priority: Priority,
        expected_version: Version = None,
    ) -> CaseResult:
        return change(
            info, case_number, work.prioritise, priority,
            at=info.context.at, version=expected_version,
        )  # fmt: skip

    @described("Note when we agreed to come back to the customer; null: nothing is agreed.")
    def agree_follow_up(
        self,
        info: Info,
        case_number: CaseNumber,
        follow_up_at: datetime | None,
        expected_version: Version = None,
    ) -> CaseResult:
        return change(
            info, case_number, work.agree_follow_up, follow_up_at,
            at=info.context.at, version=expected_version,
        )  # fmt: skip

    @described("Put another SLA on a case by hand; null gives it back to the rules.")
    def set_sla(
        self,
        info: Info,
        case_number: CaseNumber,
        sla: UUID | None,
        expected_version: Version = None,
    ) -> CaseResult:
        return change(
            info, case_number, work.choose_sla, sla,
            at=info.context.at, version=expected_version,
        )  # fmt: skip
