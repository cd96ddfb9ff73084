"""The cases that a case is tied to: merged with, a continuation of, or spoken of in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import strawberry

from graph.api import filing
from graph.api.asking import Asking, Info
from graph.api.describing import described
from graph.api.filing import CaseMerge, MessageMove
from graph.api.loading import Shown

if TYPE_CHECKING:
    from graph.api.cases import Case


@strawberry.type
class Tied(Shown):
    """The fields of a case that name other cases."""

    related_case_id: strawberry.Private[UUID | None]
    merged_into_id: strawberry.Private[UUID | None]
    continues_id: strawberry.Private[UUID | None]

    @described("The case that work on this one goes on in, since the two were merged.")
    def merged_into(self, info: Info) -> Annotated[Case, strawberry.lazy("graph.api.cases")] | None:
        return self.loaded(info, survivors).get(self.merged_into_id)

    @described("A young case of the same customer that it seems to go on with: nobody decided yet.")
    def continues(self, info: Info) -> Annotated[Case, strawberry.lazy("graph.api.cases")] | None:
        return self.loaded(info, continued).get(self.continues_id)

    @described("The cases that were merged into this one, the oldest first.")
    def merges(self, info: Info) -> list[CaseMerge]:
        return self.loaded(info, filing.merges_of).get(self.id, [])

    @described("The messages that came here from another case or left for one, in their order.")
    def message_moves(self, info: Info) -> list[MessageMove]:
        return self.loaded(info, filing.moves_of).get(self.id, [])

    @described("Another case that it seems to speak of, if you may see it.")
    def related_case(
        self, info: Info
    ) -> Annotated[Case, strawberry.lazy("graph.api.cases")] | None:
        return self.loaded(info, related).get(self.related_case_id)


def survivors(asking: Asking, cases: Sequence[Tied]) -> Mapping[UUID | None, Case]:
    """The cases that these cases go on in, as far as who asks may see them."""
    return _visible(asking, {case.merged_into_id for case in cases})


def continued(asking: Asking, cases: Sequence[Tied]) -> Mapping[UUID | None, Case]:
    """The cases that these cases seem to go on with, likewise."""
    return _visible(asking, {case.continues_id for case in cases})


def related(asking: Asking, cases: Sequence[Tied]) -> Mapping[UUID | None, Case]:
    """The cases that these cases speak of, likewise."""
    return _visible(asking, {case.related_case_id for case in cases})


def _visible(asking: Asking, ids: set[UUID | None]) -> Mapping[UUID | None, Case]:
    from graph.api.cases import visible_by_id

    return visible_by_id(asking, ids)
