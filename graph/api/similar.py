"""Past cases like a case."""

from __future__ import annotations

import strawberry

from graph.api.asking import Info
from graph.api.cases import Case
from graph.api.describing import described
from graph.api.work import CaseNumber
from intake.visibility import by_number
from kb import similar


@strawberry.type(description="A resolved case that is like another.")
class SimilarCase:
    case: Case = strawberry.field(description="The past case.")
    score: float = strawberry.field(
        description="Which share of what the other case says it says too, rare words counting more."
    )
    reason: str = strawberry.field(description="Why it is shown, in words.")
    resolution: str = strawberry.field(description="How it was solved, or empty.")


@strawberry.type
class SimilarQueries:
    @described("The resolved cases most like that case, best first; at most 10.")
    def similar_cases(
        self, info: Info, case_number: CaseNumber, first: int = 5
    ) -> list[SimilarCase]:
        session, by = info.context.session, info.context.principal
        case = by_number(session, by, case_number)
        return [
            SimilarCase(
                case=Case.of(one.case),
                score=one.score,
                reason=one.reason,
                resolution=one.resolution,
            )
            for one in similar.similar(session, by, case, first=first)
        ]
