"""What is to be done: planned, given to somebody, completed, called off; and lists of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Concatenate, ParamSpec
from uuid import UUID

import strawberry
from sqlalchemy import Select
from sqlalchemy.orm import Session

from graph.api.activities import Activity, ActivityKind, ActivityState, Direction
from graph.api.asking import Asking, Info
from graph.api.describing import described
from graph.api.limits import FIRST_DEFAULT
from graph.api.pages import After, Connection, First, Order, page
from graph.api.problems import AnyProblem, problem
from graph.api.work import Version
from intake import cases as rows
from intake import work
from intake.agents import Principal
from intake.errors import IntakeError
from intake.visibility import activities_visible_to, by_number

P = ParamSpec("P")
ActivityId = Annotated[UUID, strawberry.argument(description="The activity's id.")]


@strawberry.input(description="What an activity is about: name one of these.")
class Regarding:
    case_number: int | None = strawberry.field(default=None, description="A case, by its number.")
    account: UUID | None = strawberry.field(default=None, description="An account.")
    contact: UUID | None = strawberry.field(default=None, description="A contact.")
    contract: UUID | None = strawberry.field(default=None, description="A contract.")

    def of(self, session: Session, by: Principal) -> work.Regarding:
        """The records as rules know them. Raises NotFound for a case that is not for them."""
        case_id = by_number(session, by, self.case_number).id if self.case_number else None
        return work.Regarding(case_id, self.account, self.contact, self.contract)


@strawberry.input(description="What is to be done, or was.")
class Plan:
    kind: ActivityKind = strawberry.field(
        default=ActivityKind.TASK,
        description="TASK, PHONE_CALL, EMAIL, APPOINTMENT, LETTER, CHAT or NOTE.",
    )
    subject: str = strawberry.field(description="What is to be done, in a line.")
    text: str = strawberry.field(default="", description="All that is to be known about it.")
    due_at: datetime | None = strawberry.field(default=None, description="When it is to be done.")
    minutes: int = strawberry.field(
        default=0, description="How long it is planned to take; or took, when it is completed."
    )

    def meant(self) -> work.Plan:
        """The plan as rules know it."""
        return work.Plan(self.kind, self.subject, self.text, self.due_at, self.minutes)


@strawberry.type(description="It was done.")
class ActivityChanged:
    activity_id: strawberry.Private[UUID]

    @described("The activity now; null when it went where you may not see it.")
    def activity(self, info: Info) -> Activity | None:
        asking = info.context
        visible = activities_visible_to(asking.principal)
        row = asking.session.scalar(visible.where(rows.Activity.id == self.activity_id))
        return Activity.of(row) if row else None


ActivityResult = Annotated[
    ActivityChanged | AnyProblem,
    strawberry.union("ActivityResult", description="It was done, or why it was not."),
]


@strawberry.input(description="Which activities; what is left out does not matter.")
class ActivityFilter:
    states: list[ActivityState] | None = strawberry.field(
        default_factory=lambda: [ActivityState.OPEN], description="Any of these; OPEN if left out."
    )
    owner: UUID | None = strawberry.field(default=None, description="Of this agent.")
    mine: bool = strawberry.field(default=False, description="Your own.")
    due_before: datetime | None = strawberry.field(
        default=None, description="Due before then: with now, what is overdue."
    )
    case_number: int | None = strawberry.field(default=None, description="Of this case.")

    def of(self, asking: Asking) -> Select[rows.Activity]:
        """Those planned activities that pass, of those that who asks may see."""
        activity = rows.Activity
        statement = activities_visible_to(asking.principal).where(activity.owner_id.is_not(None))
        if self.states is not None:
            statement = statement.where(activity.state.in_(self.states))
        if self.owner is not None:
            statement = statement.where(activity.owner_id == self.owner)
        if self.mine:
            statement = statement.where(activity.owner_id == asking.principal.id)
        if self.due_before is not None:
            statement = statement.where(activity.order_at < self.due_before)
        if self.case_number is not None:
            case = by_number(asking.session, asking.principal, self.case_number)
            statement = statement.where(activity.case_id == case.id)
        return statement


DUE = Order("activities due", rows.Activity.order_at, rows.Activity.id)


@strawberry.type
class ActivityQueries:
    @described("What is planned, what is due first before the others; by itself what is open.")
    def activities(
        self,
        info: Info,
        where: ActivityFilter | None = None,
        first: First = FIRST_DEFAULT,
        after: After = None,
    ) -> Connection[Activity]:
        statement = (where or ActivityFilter()).of(info.context)
        return page(info.context, statement, DUE, Activity, first=first, after=after)

    @described("The activity of that id; null when there is none for you.")
    def activity(self, info: Info, id: UUID) -> Activity | None:
        return ActivityChanged(activity_id=id).activity(info)


@strawberry.type
class ActivityMutations:
    @described("Plan something, for yourself unless you name an owner; or log what is done.")
    def add_activity(
        self,
        info: Info,
        about: Regarding,
        plan: Plan,
        owner: Annotated[
            UUID | None, strawberry.argument(description="The agent who is to do it.")
        ] = None,
        completed: Annotated[
            bool, strawberry.argument(description="It is done already, and took `minutes`.")
        ] = False,
        billable: Annotated[
            bool, strawberry.argument(description="Whether time that it took is to be billed.")
        ] = True,
        direction: Annotated[
            Direction | None, strawberry.argument(description="Of a call or letter: whose it was.")
        ] = None,
    ) -> ActivityResult:
        asking = info.context
        try:
            with asking.acting() as session:
                by = asking.principal
                added = work.add_activity(
                    session, by, about.of(session, by), plan.meant(),
                    at=asking.at, owner_id=owner, completed=completed,
                    billable=billable, direction=direction,
                )  # fmt: skip
        except IntakeError as error:
            return problem(error)
        return ActivityChanged(activity_id=added.id)

    @described("Plan it otherwise; the whole plan is given anew.")
    def edit_activity(
        self, info: Info, id: ActivityId, plan: Plan, expected_version: Version = None
    ) -> ActivityResult:
        return _change(
            info, work.edit_activity, id, plan.meant(), at=info.context.at, version=expected_version
        )

    @described("Let somebody else do it.")
    def assign_activity(
        self, info: Info, id: ActivityId, agent: UUID, expected_version: Version = None
    ) -> ActivityResult:
        return _change(
            info, work.assign_activity, id, agent, at=info.context.at, version=expected_version
        )

    @described("It is done. Its time is as planned unless you say how long it took.")
    def complete_activity(
        self,
        info: Info,
        id: ActivityId,
        minutes: int | None = None,
        billable: bool = True,
        text: Annotated[str, strawberry.argument(description="What came of it.")] = "",
        expected_version: Version = None,
    ) -> ActivityResult:
        return _change(
            info, work.complete_activity, id,
            at=info.context.at, minutes=minutes, billable=billable, text=text,
            version=expected_version,
        )  # fmt: skip

    @described("It need not be done any more.")
    def cancel_activity(
        self, info: Info, id: ActivityId, expected_version: Version = None
    ) -> ActivityResult:
        return _change(info, work.cancel_activity, id, at=info.context.at, version=expected_version)

    @described("It is to be done after all.")
    def reopen_activity(
        self, info: Info, id: ActivityId, expected_version: Version = None
    ) -> ActivityResult:
        return _change(info, work.reopen_activity, id, at=info.context.at, version=expected_version)


def _change(
    info: Info,
    act: Callable[Concatenate[Session, Principal, UUID, P], rows.Activity],
    id: UUID,
    *args: P.args,
    **kwargs: P.kwargs,
) -> ActivityChanged | AnyProblem:
    asking = info.context
    try:
        with asking.acting() as session:
            act(session, asking.principal, id, *args, **kwargs)
    except IntakeError as error:
        return problem(error)
    return ActivityChanged(activity_id=id)
