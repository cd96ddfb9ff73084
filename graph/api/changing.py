"""What an agent says of a case, and who is told of it."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import strawberry
from strawberry.scalars import JSON

from graph.api.agents import Agent
from graph.api.asking import Info
from graph.api.cases import Priority
from graph.api.describing import described
from graph.api.fields import Severity
from graph.api.problems import AnyProblem, problem
from graph.api.work import CaseNumber, CaseResult, Version, change
from intake import work
from intake.agents import HearsBy
from intake.errors import IntakeError

strawberry.enum(HearsBy, name="HearsBy", description="How to be told of cases that one follows.")

Agents = Annotated[
    list[UUID] | None, strawberry.argument(description="Which agents; nobody named: you.")
]

HearByResult = Annotated[
    Agent | AnyProblem,
    strawberry.union("HearByResult", description="You, told so from now on; or why not."),
]


@strawberry.input(description="A value for a custom field.")
class CustomValue:
    field: str = strawberry.field(description="The field's `name`, as in number.seats.")
    value: JSON | None = strawberry.field(
        default=None, description="The value in JSON, a list for several choices; null empties it."
    )


@strawberry.input(description="Fields to change; what is left out stays.")
class FieldChanges:
    subject: str | None = strawberry.field(
        default=strawberry.UNSET, description="What it is about, in a line."
    )
    priority: Priority | None = strawberry.field(
        default=strawberry.UNSET, description="How pressing it is."
    )
    severity: Severity | None = strawberry.field(
        default=strawberry.UNSET, description="How bad it is for the customer."
    )
    type: UUID | None = strawberry.field(
        default=strawberry.UNSET, description="The type; null takes it back."
    )
    topic: UUID | None = strawberry.field(
        default=strawberry.UNSET, description="The topic; null takes it back."
    )
    product: UUID | None = strawberry.field(
        default=strawberry.UNSET, description="The product; null takes it back."
    )
    channel: str | None = strawberry.field(
        default=strawberry.UNSET, description="By which channel it really came."
    )
    tags: list[str] | None = strawberry.field(
        default=strawberry.UNSET, description="All its tags; a new word is made a tag."
    )
    custom: list[CustomValue] | None = strawberry.field(
        default=strawberry.UNSET, description="Values of custom fields."
    )

    def said(self) -> dict[str, object]:
        """What was given, as the domain takes it."""
        given = {n: v for n, v in vars(self).items() if v is not strawberry.UNSET}
        custom = given.pop("custom", None) or []
        if given.get("tags", ()) is None:
            given["tags"] = []
        return given | {each.field: each.value for each in custom}


@strawberry.type
class ChangingMutations:
    @described("Change any fields of a case in one act; a wrong one is named, and none is changed.")
    def change_fields(
        self,
        info: Info,
        case_number: CaseNumber,
        fields: FieldChanges,
        expected_version: Version = None,
    ) -> CaseResult:
        asking = info.context
        return change(
            info, case_number, work.change_fields, fields.said(),
            desk=asking.house.desk, at=asking.at, version=expected_version,
        )  # fmt: skip

    @described("Put tags on a case and take others off.")
    def tag_case(
        self,
        info: Info,
        case_number: CaseNumber,
        add: list[str] | None = None,
        remove: list[str] | None = None,
        expected_version: Version = None,
    ) -> CaseResult:
        asking = info.context
        return change(
            info, case_number, work.tag, add=add or (), remove=remove or (),
            desk=asking.house.desk, at=asking.at, version=expected_version,
        )  # fmt: skip

    @described("Let agents be told of a case that is not theirs.")
    def follow_case(self, info: Info, case_number: CaseNumber, agents: Agents = None) -> CaseResult:
        return change(info, case_number, work.follow, agents or (), at=info.context.at)

    @described("Let agents be told of a case no more.")
    def unfollow_case(
        self, info: Info, case_number: CaseNumber, agents: Agents = None
    ) -> CaseResult:
        return change(info, case_number, work.unfollow, agents or (), at=info.context.at)

    @described("Say how you want to be told of the cases that you follow.")
    def hear_by(self, info: Info, way: HearsBy) -> HearByResult:
        asking = info.context
        try:
            with asking.acting() as session:
                return Agent.of(work.hear_by(session, asking.principal, way))
        except IntakeError as error:
            return problem(error)
