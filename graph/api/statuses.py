"""Status reasons as they are shown and chosen: those given, and those that the desk added."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

import strawberry
from sqlalchemy import select

from graph.api.asking import Asking, Info
from graph.api.describing import described
from graph.api.loading import Shown, together
from intake import cases as rows
from intake import reasons

CaseReason = rows.Reason
strawberry.enum(CaseReason, name="CaseReason", description="Why a case stands where it stands.")
CaseState = rows.State
strawberry.enum(CaseState, name="CaseState", description="Where a case stands.")


@strawberry.type(description="A status reason of cases: a given one, or the desk's own.")
class StatusReason(Shown):
    kind_of: CaseReason = strawberry.field(
        description="The given reason that it is, or is a kind of and means the same as."
    )

    @described("What people call it.")
    def name(self) -> str:
        return str(self.row)

    @described("The id of one that the desk added; null: it is given, and stays as it is.")
    def own_id(self) -> UUID | None:
        return self.row.id if isinstance(self.row, rows.OwnReason) else None

    @described("The state of the cases that have it.")
    def state(self) -> CaseState:
        return next(state for state, known in rows.REASONS.items() if self.kind_of in known)

    @described("Whether no case is put in it any more.")
    def retired(self) -> bool:
        return isinstance(self.row, rows.OwnReason) and self.row.retired_at is not None

    @described("Of one that the desk added: goes up with each change, `expectedVersion`.")
    def version(self) -> int | None:
        return self.row.version if isinstance(self.row, rows.OwnReason) else None

    @described("What may follow it on this desk, by somebody's hand.")
    def may_follow(self, info: Info) -> list[StatusReason]:
        return self.loaded(info, following)[self.row.key]


@strawberry.type
class Standing(Shown):
    """The fields of a case that tell where it stands."""

    state: CaseState = strawberry.field(description="Where it stands.")
    reason: CaseReason = strawberry.field(
        description="Why it stands there; of one that the desk added, the kind."
    )

    @described("The same as people call it: perhaps by a reason that the desk added.")
    def status_reason(self, info: Info) -> StatusReason:
        return self.loaded(info, statuses_of)[str(self.row.own_reason_id or self.reason.value)]


@strawberry.input(one_of=True, description="A status reason, by exactly one of these.")
class StatusReasonChoice:
    given: CaseReason | None = strawberry.field(
        default=strawberry.UNSET, description="A given one."
    )
    own: UUID | None = strawberry.field(
        default=strawberry.UNSET, description="The id of one that the desk added."
    )

    def chosen(self) -> rows.Chosen:
        """As the domain takes it."""
        return rows.Reason(self.given) if self.given else self.own  # type: ignore[return-value]


def statuses_of(asking: Asking, cases: Sequence[Shown]) -> Mapping[str, StatusReason]:
    """The status reasons that these cases stand in, by their keys."""
    ids = {case.row.own_reason_id for case in cases} - {None}
    own = select(rows.OwnReason).where(rows.OwnReason.id.in_(ids))
    found = [*{case.row.reason for case in cases}, *(asking.session.scalars(own) if ids else ())]
    return {each.row.key: each for each in together(StatusReason, found)}


def following(asking: Asking, _shown: Sequence[Shown]) -> Mapping[str, list[StatusReason]]:
    """What may follow each status reason of the desk, by its key."""
    table = reasons.table(asking.session)
    every = {each.row: each for each in together(StatusReason, table)}
    return {was.key: [every[each] for each in follows] for was, follows in table.items()}
