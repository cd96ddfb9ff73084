"""What an agent does to a case: each mutation is one act, in one transaction of its own.

An act that cannot be done changes nothing and says why as a type. What is shown afterwards is
read when the act is durable.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Concatenate, ParamSpec
from uuid import UUID

import strawberry
from sqlalchemy.orm import Session

from graph.api.activities import Activity
from graph.api.asking import Info
from graph.api.cases import Case, visible_case
from graph.api.describing import described
from graph.api.entitlement_templates import Overdraw
from graph.api.problems import AnyProblem, problem
from graph.api.statuses import StatusReasonChoice
from graph.api.timed import Billable, Minutes, timed, took
from intake import cases as rows
from intake import work
from intake.agents import Principal
from intake.errors import IntakeError
from intake.visibility import by_number

P = ParamSpec("P")


@strawberry.type(description="It was done.")
class CaseChanged:
    case_id: strawberry.Private[UUID]
    activity_id: strawberry.Private[UUID | None] = None

    @described("The case now; null when it went where you may not see it.")
    def case(self, info: Info) -> Case | None:
        return visible_case(info.context, self.case_id)

    @described("What was added to its story by a reply or a note.")
    def activity(self, info: Info) -> Activity | None:
        if self.activity_id is None:
            return None
        return Activity.of(info.context.session.get_one(rows.Activity, self.activity_id))


CaseResult = Annotated[
    CaseChanged | AnyProblem,
    strawberry.union("CaseResult", description="It was done, or why it was not."),
]
CaseNumber = Annotated[int, strawberry.argument(description="The number of the case.")]
HandingOver = Annotated[
    str, strawberry.argument(description="An internal note for who works on it from now on.")
]
OutOfQueue = Annotated[
    bool, strawberry.argument(description="Whether it waits in no queue from now on.")
]
Version = Annotated[
    int | None,
    strawberry.argument(
        description="The `version` you read: if the case changed since, nothing is done."
    ),
]

WhyHeld = Annotated[
    StatusReasonChoice | None,
    strawberry.argument(description="What it waits for; if left out, details."),
]
WhyResolved = Annotated[
    StatusReasonChoice | None,
    strawberry.argument(description="How it ended; if left out, the problem is solved."),
]
CancelOpen = Annotated[
    bool,
    strawberry.argument(
        description="Confirms that what is still to be done for it is cancelled with it."
    ),
]


def change(
    info: Info,
    number: int,
    act: Callable[Concatenate[Session, Principal, UUID, P], object],
    *args: P.args,
    **kwargs: P.kwargs,
) -> CaseChanged | AnyProblem:
    """Do that act of an agent to the case of the number, or say why not."""
    asking = info.context
    try:
        with asking.acting() as session:
            case_id = by_number(session, asking.principal, number).id
            done = act(session, asking.principal, case_id, *args, **kwargs)
    except IntakeError as error:
        return problem(error)
    if isinstance(done, rows.Case):
        case_id = done.id  # of several that became one, the one that goes on
    activity_id = done.id if isinstance(done, rows.Activity) else None
    return CaseChanged(case_id=case_id, activity_id=activity_id)


@strawberry.type
class WorkMutations:
    @described("Answer the customer by the way they came.")
    def reply(
        self,
        info: Info,
        case_number: CaseNumber,
        text: str,
        minutes: Minutes = None,
        billable: Billable = True,
        expected_version: Version = None,
    ) -> CaseResult:
        return change(
            info,
            case_number,
            timed(work.reply, minutes, billable, info.context.at),
            text,
            desk=info.context.house.desk,
            at=info.context.at,
            version=expected_version,
        )

    @described("Write something down; the customer never sees it.")
    def note(
        self,
        info: Info,
        case_number: CaseNumber,
        text: str,
        minutes: Minutes = None,
        billable: Billable = True,
        expected_version: Version = None,
    ) -> CaseResult:
        at = info.context.at
        act = timed(work.note, minutes, billable, at)
        return change(info, case_number, act, text, at=at, version=expected_version)

    @described("Take a waiting case: you work on it now.")
    def pick(
        self,
        info: Info,
        case_number: CaseNumber,
        remove_from_queue: OutOfQueue = False,
        expected_version: Version = None,
    ) -> CaseResult:
        return change(
            info, case_number, work.pick, at=info.context.at,
            remove_from_queue=remove_from_queue, version=expected_version,
        )  # fmt: skip

    @described("Give a case back to its queue.")
    def release(
        self, info: Info, case_number: CaseNumber, expected_version: Version = None
    ) -> CaseResult:
        return change(info, case_number, work.release, at=info.context.at, version=expected_version)

    @described("Give a case to an agent, whoever had it.")
    def assign(
        self,
        info: Info,
        case_number: CaseNumber,
        agent: UUID,
        item_too: Annotated[
            bool,
            strawberry.argument(
                description="Whether they also work on it; else it goes on waiting in its queue."
            ),
        ] = True,
        remove_from_queue: OutOfQueue = False,
        note: HandingOver = "",
        expected_version: Version = None,
    ) -> CaseResult:
        return change(
            info, case_number, work.assign, agent, at=info.context.at, item_too=item_too,
            remove_from_queue=remove_from_queue, note=note, version=expected_version,
        )  # fmt: skip

    @described("Give a case to a team, whoever had it: it waits for one of its members.")
    def assign_team(
        self,
        info: Info,
        case_number: CaseNumber,
        team: UUID,
        remove_from_queue: OutOfQueue = False,
        note: HandingOver = "",
        expected_version: Version = None,
    ) -> CaseResult:
        return change(
            info, case_number, work.assign_team, team, at=info.context.at,
            remove_from_queue=remove_from_queue, note=note, version=expected_version,
        )  # fmt: skip

    @described("Let a case wait in no queue; it stays whose it is, and open.")
    def remove_from_queue(
        self, info: Info, case_number: CaseNumber, expected_version: Version = None
    ) -> CaseResult:
        return change(
            info, case_number, work.remove_from_queue, at=info.context.at, version=expected_version
        )

    @described("Move a case to another queue, where nobody works on it yet.")
    def route(
        self, info: Info, case_number: CaseNumber, queue: UUID, expected_version: Version = None
    ) -> CaseResult:
        return change(
            info, case_number, work.route_to, queue, at=info.context.at, version=expected_version
        )

    @described("Wait for the customer: the clocks pause until they write.")
    def hold(
        self,
        info: Info,
        case_number: CaseNumber,
        reason: WhyHeld = None,
        expected_version: Version = None,
    ) -> CaseResult:
        return change(
            info,
            case_number,
            work.hold,
            at=info.context.at,
            reason=reason.chosen() if reason else rows.Reason.WAITING_FOR_DETAILS,
            version=expected_version,
        )

    @described("Work goes on: the clocks run again.")
    def resume(
        self, info: Info, case_number: CaseNumber, expected_version: Version = None
    ) -> CaseResult:
        return change(info, case_number, work.resume, at=info.context.at, version=expected_version)

    @described("Close a case as solved; it leaves its queue.")
    def resolve(
        self,
        info: Info,
        case_number: CaseNumber,
        text: str,
        reason: WhyResolved = None,
        minutes: Minutes = None,
        billable: Billable = True,
        billable_minutes: Annotated[
            int | None,
            strawberry.argument(description="What is billed of all its time; else the sum."),
        ] = None,
        overdraw: Overdraw | None = None,
        cancel_open_activities: CancelOpen = False,
        expected_version: Version = None,
    ) -> CaseResult:
        at, desk = info.context.at, info.context.house.desk

        def act(session: Session, by: Principal, case_id: UUID) -> rows.Case:
            version = expected_version
            if minutes is not None:
                took(session, by, case_id, minutes, billable, at, version=version)
                version = None  # it was this one, and the time that was noted made another
            return work.resolve(
                session, by, case_id, text, desk=desk, at=at,
                kind=reason.chosen() if reason else rows.Reason.PROBLEM_SOLVED,
                billable_minutes=billable_minutes, overdraw=overdraw,
                cancel_open_activities=cancel_open_activities, version=version,
            )  # fmt: skip

        return change(info, case_number, act)

    @described("Work on a resolved case goes on.")
    def reopen(
        self, info: Info, case_number: CaseNumber, expected_version: Version = None
    ) -> CaseResult:
        return change(
            info,
            case_number,
            work.reopen,
            desk=info.context.house.desk,
            at=info.context.at,
            version=expected_version,
        )

    @described("Close a case that needs no work; its term is given back. `text` says why.")
    def cancel(
        self,
        info: Info,
        case_number: CaseNumber,
        text: str,
        cancel_open_activities: CancelOpen = False,
        expected_version: Version = None,
    ) -> CaseResult:
        return change(
            info,
            case_number,
            work.cancel,
            text,
            desk=info.context.house.desk,
            at=info.context.at,
            cancel_open_activities=cancel_open_activities,
            version=expected_version,
        )
