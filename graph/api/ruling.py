"""What administrators do to routing rules: draft, activate, retire; and asking the rules again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, cast
from uuid import UUID

import strawberry
from sqlalchemy.orm import Session
from strawberry.scalars import JSON

from graph.api.asking import Info
from graph.api.describing import described
from graph.api.doing import done
from graph.api.problems import AnyProblem, problem
from graph.api.routing import RoutingRuleSet, rule_set
from intake import routing, work
from intake.agents import Act, Principal
from intake.cases import Case
from intake.errors import IntakeError
from intake.routing import activation
from intake.visibility import visible_to


@strawberry.input(description="A routing rule as it is written; its place is that in the list.")
class RoutingRuleInput:
    name: str = strawberry.field(description="What it is called.")
    condition: JSON = strawberry.field(description="What a case must meet.")
    queue: UUID | None = strawberry.field(default=None, description="Where the case waits.")
    agent: UUID | None = strawberry.field(default=None, description="To whom it is given.")
    team: UUID | None = strawberry.field(default=None, description="To which team it is given.")


@strawberry.type(description="It was done.")
class RoutingChanged:
    rule_set_id: strawberry.Private[UUID | None] = None

    @described("The rule set now; null when it was deleted.")
    def rule_set(self, info: Info) -> RoutingRuleSet | None:
        return rule_set(info.context, self.rule_set_id) if self.rule_set_id else None


RoutingResult = Annotated[
    RoutingChanged | AnyProblem,
    strawberry.union("RoutingResult", description="It was done, or why it was not."),
]


@strawberry.type(description="What became of one case that was routed again.")
class RoutedAgain:
    case_number: int = strawberry.field(description="The case's number.")
    moved: bool = strawberry.field(description="Whether it went somewhere else.")
    problem: str = strawberry.field(description="Why nothing was done; empty when it was.")


@strawberry.type(description="The rules were asked again.")
class RoutedTogether:
    cases: list[RoutedAgain] = strawberry.field(description="What became of each.")


RoutedResult = Annotated[
    RoutedTogether | AnyProblem,
    strawberry.union("RoutedResult", description="It was done, or why it was not."),
]
SetId = Annotated[UUID, strawberry.argument(description="The id of the rule set.")]
Rules = Annotated[
    list[RoutingRuleInput], strawberry.argument(description="All its rules, in their order.")
]


@strawberry.type
class RoutingMutations:
    @described("Draft a routing rule set. For administrators.")
    def draft_routing(self, info: Info, name: str, rules: Rules) -> RoutingResult:
        at, forms = info.context.at, _forms(rules)
        return change(info, lambda session, by: activation.draft(session, by, name, forms, at=at))

    @described("Replace what a draft says. For administrators.")
    def rewrite_routing(
        self, info: Info, id: SetId, name: str, rules: Rules, expected_version: int | None = None
    ) -> RoutingResult:
        at, forms = info.context.at, _forms(rules)
        return change(
            info,
            lambda session, by: activation.rewrite(
                session, by, id, name, forms, at=at, version=expected_version
            ),
        )

    @described("Draft a set that says the same as this one. For administrators.")
    def copy_routing(self, info: Info, id: SetId) -> RoutingResult:
        at = info.context.at
        return change(info, lambda session, by: activation.copy(session, by, id, at=at))

    @described("Put a draft in force instead of the set before it. For administrators.")
    def activate_routing(self, info: Info, id: SetId) -> RoutingResult:
        at = info.context.at
        return change(info, lambda session, by: activation.activate(session, by, id, at=at))

    @described("Take the active set out of force. For administrators.")
    def retire_routing(self, info: Info, id: SetId) -> RoutingResult:
        at = info.context.at
        return change(info, lambda session, by: activation.retire(session, by, id, at=at))

    @described("Delete a draft. For administrators.")
    def discard_routing(self, info: Info, id: SetId) -> RoutingResult:
        at = info.context.at
        return change(info, lambda session, by: activation.discard(session, by, id, at=at))

    @described("Let the rules in force decide once more for these cases, 200 at a time.")
    def route_again(self, info: Info, case_numbers: list[int]) -> RoutedResult:
        asking = info.context
        try:
            with asking.acting() as session:
                asking.principal.must(Act.WORK)
                numbers = _numbers(session, asking.principal, case_numbers)
                done = work.route_together(session, asking.principal, list(numbers), at=asking.at)
        except IntakeError as error:
            return problem(error)
        return RoutedTogether(
            cases=[
                RoutedAgain(
                    case_number=numbers[each.case_id], moved=each.moved, problem=each.problem
                )
                for each in done
            ]
        )


def change(
    info: Info, act: Callable[[Session, Principal], routing.RuleSet | None]
) -> RoutingChanged | AnyProblem:
    """Do that in a transaction of its own, or say why not."""

    def acted(session: Session, by: Principal) -> RoutingChanged:
        kept = act(session, by)
        return RoutingChanged(rule_set_id=kept.id if kept is not None else None)

    return done(info, acted)


def _forms(rules: Sequence[RoutingRuleInput]) -> list[routing.RuleForm]:
    # Whatever the condition is: reading it says what is wrong with it.
    return [
        routing.RuleForm(
            rule.name, cast(Mapping[str, Any], rule.condition), rule.queue, rule.agent, rule.team
        )
        for rule in rules
    ]


def _numbers(session: Session, by: Principal, numbers: Sequence[int]) -> dict[UUID, int]:
    """The cases of these numbers that may be seen, each with its number and in their order."""
    rows = session.execute(
        visible_to(by).with_only_columns(Case.number, Case.id).where(Case.number.in_(numbers[:500]))
    )
    ids: dict[int, UUID] = dict(rows.all())
    return {ids[number]: number for number in numbers if number in ids}
