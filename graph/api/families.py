"""Parent and child cases: seen on a case, opened, linked, and closed by a policy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import strawberry

from graph.api.asking import Asking, Info
from graph.api.describing import described
from graph.api.loading import Shown, grouped
from intake import cases as rows
from intake import work
from intake.visibility import visible_to

if TYPE_CHECKING:
    from graph.api.cases import Case

ChildrenClose = rows.ChildrenClose
strawberry.enum(
    ChildrenClose, name="ChildrenClose", description="How the children of a case are closed."
)


@strawberry.type
class Family(Shown):
    """The fields of a case that tell of its family."""

    parent_id: strawberry.Private[UUID | None]

    @described("The case that this one does a part of the work of, if you may see it.")
    def parent(self, info: Info) -> Annotated[Case, strawberry.lazy("graph.api.cases")] | None:
        return self.loaded(info, parents).get(self.parent_id)

    @described("The cases that do a part of its work and that you may see, by number.")
    def children(self, info: Info) -> list[Annotated[Case, strawberry.lazy("graph.api.cases")]]:
        return self.loaded(info, children).get(self.id, [])

    @described("How its children are closed.")
    def children_close(self, info: Info) -> ChildrenClose:
        return work.policy_of(self.row, info.context.house.desk)


def parents(asking: Asking, cases: Sequence[Family]) -> Mapping[UUID | None, Case]:
    from graph.api.cases import visible_by_id

    return visible_by_id(asking, {case.parent_id for case in cases})


def children(asking: Asking, cases: Sequence[Shown]) -> Mapping[UUID, list[Case]]:
    from graph.api.cases import Case

    ids = [case.id for case in cases]
    theirs = visible_to(asking.principal).where(rows.Case.parent_id.in_(ids))
    found = asking.session.scalars(theirs.order_by(rows.Case.number))
    return grouped(Case, found, lambda row: row.parent_id)
