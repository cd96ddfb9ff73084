"""Macros: what agents do often, in one act."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, cast
from uuid import UUID

import strawberry
from sqlalchemy.orm import Session
from strawberry.scalars import JSON

from graph.api.asking import Asking, Info
from graph.api.describing import described
from graph.api.doing import done
from graph.api.loading import Shown, together
from graph.api.problems import AnyProblem
from graph.api.work import CaseNumber, CaseResult, Version
from graph.api.work import change as change_case
from intake.agents import Act, Principal
from intake.automation import checking, macros


@strawberry.type(description="A list of actions with a name, applied to a case by hand.")
class Macro(Shown):
    id: UUID = strawberry.field(description="The macro's id.")
    name: str = strawberry.field(description="What it is called.")
    actions: JSON = strawberry.field(description="What it does, as written.")
    version: int = strawberry.field(description="Goes up with each change: `expectedVersion`.")
    archived_at: datetime | None = strawberry.field(description="Since when it is not offered.")

    @described("What it does, in words.")
    def does(self, info: Info) -> list[str]:
        names = self.loaded(info, named)
        return [action.in_words(names) for action in self.row.does]


@strawberry.type
class MacroQueries:
    @described("The macros that are offered, by name.")
    def macros(self, info: Info) -> list[Macro]:
        info.context.principal.must(Act.READ)
        return together(Macro, macros.every(info.context.session))


@strawberry.type(description="It was done.")
class MacroChanged:
    macro_id: strawberry.Private[UUID]

    @described("The macro now.")
    def macro(self, info: Info) -> Macro:
        return Macro.of(macros.by_id(info.context.session, self.macro_id))


MacroResult = Annotated[
    MacroChanged | AnyProblem,
    strawberry.union("MacroResult", description="It was done, or why it was not."),
]


@strawberry.type
class MacroMutations:
    @described("Write a macro. For managers.")
    def write_macro(self, info: Info, name: str, actions: JSON) -> MacroResult:
        at = info.context.at
        return _change(
            info, lambda session, by: macros.write(session, by, name, _forms(actions), at=at)
        )

    @described("Replace what a macro does. For managers.")
    def rewrite_macro(
        self, info: Info, id: UUID, name: str, actions: JSON, expected_version: int | None = None
    ) -> MacroResult:
        at = info.context.at
        return _change(
            info,
            lambda session, by: macros.rewrite(
                session, by, id, name, _forms(actions), at=at, version=expected_version
            ),
        )

    @described("Offer a macro no more. For managers.")
    def archive_macro(self, info: Info, id: UUID) -> MacroResult:
        at = info.context.at
        return _change(info, lambda session, by: macros.archive(session, by, id, at=at))

    @described("Do all that a macro says to a case, or nothing.")
    def apply_macro(
        self, info: Info, case_number: CaseNumber, macro: UUID, expected_version: Version = None
    ) -> CaseResult:
        return change_case(
            info,
            case_number,
            macros.apply,
            macro,
            desk=info.context.house.desk,
            at=info.context.at,
            version=expected_version,
        )


def named(asking: Asking, shown: Sequence[Macro]) -> Mapping[UUID, str]:
    """What the records that these macros act with are called."""
    return checking.names_in(asking.session, (one for macro in shown for one in macro.row.does))


def _change(
    info: Info, act: Callable[[Session, Principal], macros.Macro]
) -> MacroChanged | AnyProblem:
    return done(info, lambda session, by: MacroChanged(macro_id=act(session, by).id))


def _forms(forms: JSON) -> Sequence[Mapping[str, Any]]:
    # Whatever they are: reading them says what is wrong with them.
    return cast(Sequence[Mapping[str, Any]], forms)
