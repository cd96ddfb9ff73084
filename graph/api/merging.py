"""Cases made one and parted again, messages split off, moved and put back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated
from uuid import UUID

import strawberry
from sqlalchemy.orm import Session

from graph.api.asking import Info
from graph.api.cases import Case
from graph.api.describing import described
from graph.api.doing import done
from graph.api.problems import AnyProblem, problem
from graph.api.work import CaseChanged, CaseNumber, CaseResult, Version, change
from intake import merging
from intake.agents import Principal
from intake.errors import IntakeError
from intake.visibility import by_number


@strawberry.type(description="What one case would give to the survivor.")
class MergeShare:
    case: Case = strawberry.field(description="The case that would end as merged.")
    activities: int = strawberry.field(description="How many entries of its story would move.")
    files: int = strawberry.field(description="With how many files.")
    deliveries: int = strawberry.field(description="And what was promised to be sent for it.")
    related_cases: int = strawberry.field(description="How many cases that name it would follow.")
    participants: list[str] = strawberry.field(
        description="The addresses that would take part in the survivor from then on."
    )
    gives_back: str = strawberry.field(
        description="The entitlement that would get its term back, or empty."
    )


@strawberry.type(description="What a merge would do; nothing of it is done.")
class MergePreview:
    survivor: Case = strawberry.field(description="Where work would go on.")
    shares: list[MergeShare] = strawberry.field(description="What would go there.")


MergePreviewResult = Annotated[
    MergePreview | AnyProblem,
    strawberry.union("MergePreviewResult", description="What would happen, or why it cannot."),
]
Survivor = Annotated[
    int, strawberry.argument(description="The number of the case that work goes on in.")
]
Sources = Annotated[
    list[int], strawberry.argument(description="The numbers of up to ten cases that end in it.")
]
ActivityId = Annotated[UUID, strawberry.argument(description="The id of the message.")]


@strawberry.type
class MergeQueries:
    @described("What `mergeCases` would do, before it is done.")
    def preview_merge(self, info: Info, survivor: Survivor, sources: Sources) -> MergePreviewResult:
        session, by = info.context.session, info.context.principal
        try:
            ids = [by_number(session, by, number).id for number in sources]
            kept, desk = by_number(session, by, survivor), info.context.house.desk
            found = merging.preview(session, by, kept.id, ids, desk=desk)
        except IntakeError as error:
            return problem(error)
        return MergePreview(
            survivor=Case.of(found.survivor), shares=[_shown(share) for share in found.shares]
        )


@strawberry.type
class MergeMutations:
    @described(
        "Let cases go on in another. They end as merged, their messages, files and open activities "
        "move, their terms are given back, and later mail for them lands in the survivor."
    )
    def merge_cases(
        self, info: Info, survivor: Survivor, sources: Sources, expected_version: Version = None
    ) -> CaseResult:
        def act(session: Session, by: Principal, survivor_id: UUID) -> object:
            ids = [by_number(session, by, number).id for number in sources]
            return merging.merge(
                session, by, survivor_id, ids,
                desk=info.context.house.desk, at=info.context.at, version=expected_version,
            )  # fmt: skip

        return change(info, survivor, act)

    @described("Part a merged case from its survivor: everything that was its own goes back.")
    def unmerge_case(
        self, info: Info, case_number: CaseNumber, expected_version: Version = None
    ) -> CaseResult:
        return change(
            info, case_number, merging.unmerge,
            desk=info.context.house.desk, at=info.context.at, version=expected_version,
        )  # fmt: skip

    @described(
        "Make a case of its own of a message, as if it had arrived alone: with an entitlement, "
        "queue and clocks. The case of the answer is the new one."
    )
    def split_case(
        self,
        info: Info,
        activity: ActivityId,
        subject: str = "",
        expected_version: Version = None,
    ) -> CaseResult:
        def act(session: Session, by: Principal) -> UUID:
            case = merging.split_off(
                session, by, activity,
                desk=info.context.house.desk, at=info.context.at, subject=subject,
                version=expected_version,
            )  # fmt: skip
            return case.id

        return _filed(info, act)

    @described("Let a message be part of another open case, which is the case of the answer.")
    def move_message(
        self,
        info: Info,
        activity: ActivityId,
        case_number: CaseNumber,
        expected_version: Version = None,
    ) -> CaseResult:
        def act(session: Session, by: Principal) -> UUID:
            target = by_number(session, by, case_number)
            merging.move_message(
                session, by, activity, target.id, at=info.context.at, version=expected_version
            )
            return target.id

        return _filed(info, act)

    @described("Let a case go on in the one that it seems to go on with (`Case.continues`).")
    def continue_case(
        self, info: Info, case_number: CaseNumber, expected_version: Version = None
    ) -> CaseResult:
        def act(session: Session, by: Principal) -> UUID:
            case_id = by_number(session, by, case_number).id
            return merging.go_on(
                session, by, case_id,
                desk=info.context.house.desk, at=info.context.at, version=expected_version,
            ).id  # fmt: skip

        return _filed(info, act)

    @described("Say that a case is another matter than the one that it seems to go on with.")
    def keep_apart(
        self, info: Info, case_number: CaseNumber, expected_version: Version = None
    ) -> CaseResult:
        return change(
            info, case_number, merging.keep_apart, at=info.context.at, version=expected_version
        )

    @described(
        "Put back a message that was moved or split off; the case it is in then is the answer."
    )
    def undo_move(
        self,
        info: Info,
        move: Annotated[UUID, strawberry.argument(description="The id of the `MessageMove`.")],
        expected_version: Version = None,
    ) -> CaseResult:
        def act(session: Session, by: Principal) -> UUID:
            return merging.put_back(
                session, by, move,
                desk=info.context.house.desk, at=info.context.at, version=expected_version,
            ).id  # fmt: skip

        return _filed(info, act)


def _filed(info: Info, act: Callable[[Session, Principal], UUID]) -> CaseChanged | AnyProblem:
    """Do that, and show the case where the message is now."""
    return done(info, lambda session, by: CaseChanged(case_id=act(session, by)))


def _shown(share: merging.Share) -> MergeShare:
    return MergeShare(
        case=Case.of(share.case),
        activities=share.activities,
        files=share.files,
        deliveries=share.deliveries,
        related_cases=share.related_cases,
        participants=list(share.participants),
        gives_back=share.gives_back,
    )
