"""One act for many cases: looked at before, followed while it runs, taken back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated
from uuid import UUID

import strawberry
from sqlalchemy import Select
from sqlalchemy.orm import Session

from graph.api.agents import Agent
from graph.api.asking import Asking, Info
from graph.api.caselists import CaseFilter
from graph.api.cases import Case, Priority, visible_by_id
from graph.api.changing import FieldChanges
from graph.api.describing import described
from graph.api.doing import done
from graph.api.limits import FIRST_DEFAULT
from graph.api.loading import Shown
from graph.api.pages import After, Connection, First, Order, page
from graph.api.problems import AnyProblem, problem
from graph.api.statuses import StatusReasonChoice
from intake import bulk as rows
from intake import cases, saved_views
from intake.agents import Principal
from intake.errors import IntakeError, NotFound
from intake.visibility import visible_to

BulkWhat = rows.What
strawberry.enum(BulkWhat, name="BulkWhat", description="What is done to each of many cases.")
BulkState = rows.OperationState
strawberry.enum(BulkState, name="BulkState", description="Where a bulk change stands.")
BulkItemState = rows.ItemState
strawberry.enum(
    BulkItemState, name="BulkItemState", description="What became of one case of a bulk change."
)


@strawberry.input(description="What is done to each case, and how; the rest is not looked at.")
class BulkChange:
    what: BulkWhat = strawberry.field(description="What is done.")
    agent: UUID | None = strawberry.field(default=None, description="ASSIGN: to whom.")
    queue: UUID | None = strawberry.field(default=None, description="ROUTE: to where.")
    priority: Priority | None = strawberry.field(default=None, description="PRIORITISE: which.")
    fields: FieldChanges | None = strawberry.field(
        default=None, description="CHANGE: what each says from then on; not its subject or tags."
    )
    tags: list[str] = strawberry.field(
        default_factory=list, description="TAG: as what; UNTAG: which to take off."
    )
    reason: StatusReasonChoice | None = strawberry.field(
        default=None, description="HOLD or RESOLVE: why; the usual reason if left out."
    )
    until: datetime | None = strawberry.field(
        default=None, description="SNOOZE: until when; null: until the customer writes."
    )
    text: str = strawberry.field(
        default="", description="RESOLVE or CANCEL: in words; a CANCEL says why."
    )

    def meant(self) -> rows.Bulk:
        """As the domain takes it."""
        return rows.Bulk(
            self.what,
            agent_id=self.agent,
            queue_id=self.queue,
            priority=self.priority,
            fields=self.fields.said() if self.fields is not None else {},
            tags=tuple(self.tags),
            reason=self.reason.chosen() if self.reason else None,
            until=self.until,
            text=self.text,
        )


@strawberry.type(description="What a bulk change would do to one case.")
class BulkCaseChange:
    case: Case = strawberry.field(description="The case.")
    now: str = strawberry.field(description="What it is now, in words.")
    becomes: str = strawberry.field(
        description="What it becomes, where that is not the same for all of them; else empty."
    )


@strawberry.type(description="One case that a bulk change would leave as it is.")
class BulkRefusal:
    case: Case = strawberry.field(description="The case.")
    why: str = strawberry.field(description="Why, in words.")


@strawberry.type(description="What a bulk change would do; nothing of it is done.")
class BulkPreview:
    words: str = strawberry.field(description="What would be done, such as “assign to Grace”.")
    total: int = strawberry.field(description="How many cases were chosen.")
    ready: int = strawberry.field(description="How many of them it would change.")
    already: int = strawberry.field(description="How many are so already.")
    closed: int = strawberry.field(description="How many are closed: they are refused.")
    refused: int = strawberry.field(
        description="How many open ones a rule refuses it of, among the first `examined`."
    )
    examined: int = strawberry.field(
        description="Of how many open ones it was asked what stands in the way."
    )
    changes: list[BulkCaseChange] = strawberry.field(
        description="The first of those it would change, as they are now."
    )
    refusals: list[BulkRefusal] = strawberry.field(
        description="The first of those left as they are, closed ones too, and why."
    )
    cases: list[Case] = strawberry.field(description="The first of those it would change.")


@strawberry.type(description="One case of a bulk change.")
class BulkItem(Shown):
    position: int = strawberry.field(description="Its place.")
    state: BulkItemState = strawberry.field(description="What became of it.")
    why: str = strawberry.field(description="Why it was refused, skipped or kept, or empty.")
    case_id: strawberry.Private[UUID]

    @described("The case; null when you may not see it any more.")
    def case(self, info: Info) -> Case | None:
        return self.loaded(info, _cases).get(self.case_id)


@strawberry.type(description="How many cases of a bulk change came to what.")
class BulkCount:
    state: BulkItemState = strawberry.field(description="What became of them.")
    count: int = strawberry.field(description="How many.")


@strawberry.type(description="One act for many cases.")
class BulkOperation(Shown):
    id: UUID = strawberry.field(description="Its id.")
    what: BulkWhat = strawberry.field(description="What is done to each.")
    words: str = strawberry.field(description="The same in words, with how.")
    state: BulkState = strawberry.field(description="Where it stands.")
    total: int = strawberry.field(description="How many cases.")
    started_at: datetime = strawberry.field(description="When somebody asked for it.")
    finished_at: datetime | None = strawberry.field(description="When all were looked at.")

    @described("Who asked for it.")
    def agent(self) -> Agent:
        return Agent.of(self.row.agent)

    @described("How many of its cases came to what.")
    def counts(self, info: Info) -> list[BulkCount]:
        found = rows.counts(info.context.session, self.row)
        return [BulkCount(state=state, count=found[state]) for state in sorted(found)]

    @described("Its cases in their order; with `states`, those that came to one of these.")
    def items(
        self,
        info: Info,
        states: list[BulkItemState] | None = None,
        first: First = FIRST_DEFAULT,
        after: After = None,
    ) -> Connection[BulkItem]:
        statement = rows.items_of(self.row, *(states or ())).order_by(None)
        return page(info.context, statement, _ORDER, BulkItem, first=first, after=after)


@strawberry.type(description="It was taken on; a worker does it.")
class BulkStarted:
    operation_id: strawberry.Private[UUID]

    @described("The bulk change now.")
    def bulk(self, info: Info) -> BulkOperation:
        asking = info.context
        return BulkOperation.of(rows.operation(asking.session, asking.principal, self.operation_id))


BulkPreviewResult = Annotated[
    BulkPreview | AnyProblem,
    strawberry.union("BulkPreviewResult", description="What would happen, or why it cannot."),
]
BulkResult = Annotated[
    BulkStarted | AnyProblem,
    strawberry.union("BulkResult", description="It was taken on, or why it was not."),
]
Numbers = Annotated[
    list[int] | None, strawberry.argument(description="These cases, by number; or …")
]
Where = Annotated[CaseFilter | None, strawberry.argument(description="… all that pass; or …")]
InView = Annotated[
    UUID | None, strawberry.argument(description="… all of a saved view, by its id; or …")
]
Searched = Annotated[
    str | None, strawberry.argument(description="… what `searchCases` finds: at most 50.")
]
Expected = Annotated[
    int | None,
    strawberry.argument(description="How many there were; refused if there are more or fewer."),
]
BulkId = Annotated[UUID, strawberry.argument(description="The id of the bulk change.")]
_ORDER = Order("bulk items", rows.BulkItem.position, rows.BulkItem.case_id)


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which cases, said in one of four ways."""

    numbers: Sequence[int] | None
    where: CaseFilter | None
    saved_view: UUID | None
    search: str | None

    def cases(self, session: Session, by: Principal, *, at: datetime) -> Select[cases.Case]:
        """Those that `by` may see. Raises WrongBulk unless exactly one way is taken."""
        ways = (self.numbers, self.where, self.saved_view, self.search)
        if sum(way is not None for way in ways) != 1:
            raise rows.WrongBulk(
                "numbers: name cases by their numbers, or say which by `where`, by a `savedView` "
                "or by a `search`, in one way"
            )
        if self.where is not None:
            return self.where.of(visible_to(by), at=at)
        if self.saved_view is not None:
            return saved_views.cases(by, saved_views.one(session, by, self.saved_view), at=at)
        if self.search is not None:
            return rows.found(session, by, self.search)
        return rows.chosen(by, self.numbers or ())


@strawberry.type
class BulkQueries:
    @described("What `startBulk` would do, before it is done. At most 2,000 cases.")
    def preview_bulk(
        self,
        info: Info,
        change: BulkChange,
        numbers: Numbers = None,
        where: Where = None,
        saved_view: InView = None,
        search: Searched = None,
    ) -> BulkPreviewResult:
        asking = info.context
        chosen = Chosen(numbers, where, saved_view, search)
        try:
            wanted = chosen.cases(asking.session, asking.principal, at=asking.at)
            found = rows.preview(
                asking.session, asking.principal, change.meant(), wanted,
                desk=asking.house.desk, at=asking.at,
            )  # fmt: skip
        except IntakeError as error:
            return problem(error)
        return BulkPreview(
            words=found.words,
            total=found.total,
            ready=found.ready,
            already=found.already,
            closed=found.closed,
            refused=found.refused,
            examined=found.examined,
            changes=[
                BulkCaseChange(case=Case.of(one.case), now=one.now, becomes=one.becomes)
                for one in found.changes
            ],
            refusals=[BulkRefusal(case=Case.of(one.case), why=one.why) for one in found.refusals],
            cases=[Case.of(case) for case in found.cases],
        )

    @described("A bulk change of yours, or of anybody for managers; null when there is none.")
    def bulk(self, info: Info, id: BulkId) -> BulkOperation | None:
        asking = info.context
        try:
            return BulkOperation.of(rows.operation(asking.session, asking.principal, id))
        except NotFound:
            return None


@strawberry.type
class BulkMutations:
    @described("Do one act to many cases, at most 2,000. A worker does it; follow it by `bulk`.")
    def start_bulk(
        self,
        info: Info,
        change: BulkChange,
        numbers: Numbers = None,
        where: Where = None,
        saved_view: InView = None,
        search: Searched = None,
        expected_total: Expected = None,
    ) -> BulkResult:
        at, chosen = info.context.at, Chosen(numbers, where, saved_view, search)

        def act(session: Session, by: Principal) -> rows.BulkOperation:
            wanted = chosen.cases(session, by, at=at)
            return rows.start(session, by, change.meant(), wanted, at=at, expected=expected_total)

        return _done(info, act)

    @described("Do no more of it; what is done stays done and can be undone.")
    def stop_bulk(self, info: Info, id: BulkId) -> BulkResult:
        at = info.context.at
        return _done(info, lambda session, by: rows.stop(session, by, id, at=at))

    @described("Take it back for each case that did not change since; the others are kept.")
    def undo_bulk(self, info: Info, id: BulkId) -> BulkResult:
        at = info.context.at
        return _done(info, lambda session, by: rows.undo(session, by, id, at=at))


def _done(
    info: Info, act: Callable[[Session, Principal], rows.BulkOperation]
) -> BulkStarted | AnyProblem:
    return done(info, lambda session, by: BulkStarted(operation_id=act(session, by).id))


def _cases(asking: Asking, items: Sequence[BulkItem]) -> Mapping[UUID | None, Case]:
    return visible_by_id(asking, {item.case_id for item in items})
