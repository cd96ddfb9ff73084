"""The family of a case on its page: its parent or its children, and what an agent does to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from graph.console import custom_inputs
from graph.console.filling import Filled
from graph.console.visit import Visit
from intake import work
from intake.cases import Case, ChildrenClose
from intake.fields import CustomField
from intake.visibility import visible_to

CLOSE = {
    ChildrenClose.INDEPENDENT: "on their own",
    ChildrenClose.WITH_PARENT: "with this case",
    ChildrenClose.BEFORE_PARENT: "before this case",
}


@dataclass(frozen=True, slots=True)
class Family:
    """The parent of a case, or its children, as far as whoever looks may see them."""

    parent: Case | None
    children: Sequence[Case]
    close: ChildrenClose
    choices: dict[ChildrenClose, str]
    needed: Sequence[CustomField] = ()
    """What must be filled in to open another child."""

    @property
    def open(self) -> int:
        """How many children are still worked on."""
        return sum(1 for child in self.children if child.open)

    def filled(self, typed: Mapping[str, str]) -> Filled:
        """The inputs of `needed`, as they were typed."""
        return Filled(typed)


def of_case(visit: Visit, case: Case) -> Family:
    """The family of a case; three statements at most."""
    seen = visible_to(visit.by)
    parent = None
    if case.parent_id is not None:
        parent = visit.session.scalar(seen.where(Case.id == case.parent_id))
    children = seen.where(Case.parent_id == case.id).order_by(Case.number)
    found = visit.session.scalars(children).all() if case.parent_id is None else ()
    needed = _needed(visit, case) if case.open and case.parent_id is None else ()
    return Family(parent, found, work.policy_of(case, visit.house.desk), CLOSE, needed)


def _needed(visit: Visit, case: Case) -> Sequence[CustomField]:
    """What must be filled in to open a child of it, which may be of its type."""
    type_id = case.type_id if "type" in visit.house.desk.child_inherits else None
    every = custom_inputs.needed_to_open(visit.session)
    return [field for field in every if field.asked_of(type_id)]
