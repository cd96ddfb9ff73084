"""Children are opened, linked and unlinked, and it is said how they are closed."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import strawberry

from graph.api.asking import Info
from graph.api.describing import described
from graph.api.families import ChildrenClose
from graph.api.opening import Says
from graph.api.problems import problem
from graph.api.work import CaseChanged, CaseNumber, CaseResult, Version, change
from intake import work
from intake.errors import IntakeError
from intake.visibility import by_number

Child = Annotated[int, strawberry.argument(description="The number of the child.")]


@strawberry.type
class FamilyMutations:
    @described("Open a case for a part of the work of another; it begins as the desk says.")
    def open_child(
        self,
        info: Info,
        case_number: CaseNumber,
        subject: str,
        text: str = "",
        queue: Annotated[
            UUID | None, strawberry.argument(description="Where it waits; as inherited or routed.")
        ] = None,
        takes_term: Annotated[
            bool, strawberry.argument(description="Whether it costs a term of what covers it.")
        ] = True,
        fields: Says = None,
        expected_version: Version = None,
    ) -> CaseResult:
        asking = info.context
        try:
            with asking.acting() as session:
                parent = by_number(session, asking.principal, case_number)
                child = work.open_child(
                    session, asking.principal, parent.id, subject, text,
                    desk=asking.house.desk, at=asking.at, queue_id=queue, takes_term=takes_term,
                    says=fields.said() if fields else {}, version=expected_version,
                )  # fmt: skip
        except IntakeError as error:
            return problem(error)
        return CaseChanged(case_id=child.id)

    @described("Make an open case the child of another. A child has no children.")
    def link_child(
        self, info: Info, case_number: CaseNumber, child: Child, expected_version: Version = None
    ) -> CaseResult:
        asking = info.context
        try:
            with asking.acting() as session:
                parent_id, child_id = (
                    by_number(session, asking.principal, number).id
                    for number in (case_number, child)
                )
                work.link_child(
                    session, asking.principal, parent_id, child_id,
                    desk=asking.house.desk, at=asking.at, version=expected_version,
                )  # fmt: skip
        except IntakeError as error:
            return problem(error)
        return CaseChanged(case_id=child_id)

    @described("Let a child be a case of its own again.")
    def unlink_child(
        self, info: Info, case_number: CaseNumber, expected_version: Version = None
    ) -> CaseResult:
        return change(
            info, case_number, work.unlink_child, at=info.context.at, version=expected_version
        )

    @described("Say how the children of a case are closed; null: as the desk has it.")
    def set_children_close(
        self,
        info: Info,
        case_number: CaseNumber,
        policy: ChildrenClose | None = None,
        expected_version: Version = None,
    ) -> CaseResult:
        return change(
            info,
            case_number,
            work.set_children_close,
            policy,
            at=info.context.at,
            version=expected_version,
        )
