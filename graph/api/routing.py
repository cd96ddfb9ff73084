"""Routing rules: their sets, what each rule answered for a case, and a set tried on the past."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any, cast
from uuid import UUID

import strawberry
from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload
from strawberry.scalars import JSON

from graph.api.agents import Agent
from graph.api.asking import Asking, Info
from graph.api.describing import described
from graph.api.doing import done
from graph.api.limits import FIRST_DEFAULT
from graph.api.loading import Shown, together
from graph.api.pages import First
from graph.api.problems import AnyProblem, problem
from graph.api.queues import Queue
from graph.api.teams import Team, teams_by_id
from intake import agents, queues, routing, work
from intake.agents import Act, Principal
from intake.cases import Case
from intake.errors import IntakeError
from intake.naming import names_in
from intake.routing import activation
from intake.visibility import visible_to

LAST_MONTH = timedelta(days=30)

RuleSetState = routing.RuleSetState
strawberry.enum(
    RuleSetState, name="RuleSetState", description="Only the active set decides; one is at a time."
)


@strawberry.type(description="If a case meets the condition, it goes there.")
class RoutingRule(Shown):
    id: UUID = strawberry.field(description="The rule's id.")
    position: int = strawberry.field(description="Its place: the first rule that holds decides.")
    name: str = strawberry.field(description="What it is called.")
    condition: JSON = strawberry.field(description="What a case must meet, as written.")
    queue_id: strawberry.Private[UUID | None]
    agent_id: strawberry.Private[UUID | None]
    team_id: strawberry.Private[UUID | None]

    @described("What a case must meet, in words.")
    def applies_to(self, info: Info) -> str:
        words: str = self.row.when.in_words(self.loaded(info, called))
        return words

    @described("Where the case waits; null: in the default queue of the agent or team.")
    def queue(self, info: Info) -> Queue | None:
        return self.named(info, "queue_id", Queue, queues.Queue)

    @described("The agent to whom it is given.")
    def agent(self, info: Info) -> Agent | None:
        return self.named(info, "agent_id", Agent, agents.Agent)

    @described("The team to which it is given.")
    def team(self, info: Info) -> Team | None:
        return self.loaded(info, crews).get(self.team_id)


@strawberry.type(description="An ordered list of routing rules.")
class RoutingRuleSet(Shown):
    id: UUID = strawberry.field(description="The set's id.")
    name: str = strawberry.field(description="What it is called.")
    state: RuleSetState = strawberry.field(description="Where it stands.")
    version: int = strawberry.field(description="Goes up with each change: `expectedVersion`.")
    created_at: datetime = strawberry.field(description="When it was drafted.")
    activated_at: datetime | None = strawberry.field(description="Since when it decides, or did.")
    retired_at: datetime | None = strawberry.field(description="Since when it decides no more.")

    @described("Its rules, in their order.")
    def rules(self) -> list[RoutingRule]:
        return together(RoutingRule, self.row.rules)


@strawberry.type(description="One comparison of a rule, and whether it held.")
class ComparisonAnswer:
    words: str = strawberry.field(description="What was compared, in words.")
    held: bool = strawberry.field(description="Whether it was so; a “not” around it is left out.")


@strawberry.type(description="What one rule answered when the case was routed last.")
class RuleAnswer:
    rule: str = strawberry.field(description="What the rule is called.")
    held: bool = strawberry.field(description="Whether it held, and so decided.")
    said: list[ComparisonAnswer] = strawberry.field(description="Each of its comparisons.")


@strawberry.type(description="So many cases that went to one place would go to another.")
class RoutingMove:
    was: str = strawberry.field(description="The queue, and who had them there, if anybody did.")
    becomes: str = strawberry.field(description="Where they would go.")
    cases: int = strawberry.field(description="How many.")


@strawberry.type(description="A case that would have gone somewhere else.")
class RoutingDifference:
    case_number: int = strawberry.field(description="Its number.")
    subject: str = strawberry.field(description="What it is about.")
    opened_at: datetime = strawberry.field(description="When it was opened.")
    was: str = strawberry.field(description="Where it went.")
    becomes: str = strawberry.field(description="Where it would go.")
    why: str = strawberry.field(description="What would decide.")


@strawberry.type(description="How many cases a rule decides.")
class RuleShare:
    rule: str = strawberry.field(description="The rule; empty: none held.")
    cases: int = strawberry.field(description="How many.")


@strawberry.type(description="What a rule set would have done with the cases of some time.")
class RoutingRehearsal:
    cases: int = strawberry.field(description="How many cases were put to the rules.")
    more: bool = strawberry.field(description="Whether there were more, older ones, left out.")
    moved: int = strawberry.field(description="How many would have gone somewhere else.")
    moves: list[RoutingMove] = strawberry.field(description="From where to where.")
    rules: list[RuleShare] = strawberry.field(description="How many cases each rule decides.")
    differ: list[RoutingDifference] = strawberry.field(
        description="Cases that would have gone somewhere else, the newest first."
    )
    approximated: list[str] = strawberry.field(
        description="What the rules ask for of which only the present value is known."
    )


@strawberry.type
class RoutingQueries:
    @described("The routing rule sets, the newest first; drafts and the active one if not told.")
    def routing_rule_sets(
        self, info: Info, states: list[RuleSetState] | None = None
    ) -> list[RoutingRuleSet]:
        info.context.principal.must(Act.MANAGE)
        wanted = states if states is not None else [RuleSetState.DRAFT, RuleSetState.ACTIVE]
        found = _sets().where(routing.RuleSet.state.in_(wanted))
        ordered = found.order_by(routing.RuleSet.created_at.desc(), routing.RuleSet.id.desc())
        return together(RoutingRuleSet, info.context.session.scalars(ordered))

    @described("The routing rule set of that id; or null.")
    def routing_rule_set(self, info: Info, id: UUID) -> RoutingRuleSet | None:
        info.context.principal.must(Act.MANAGE)
        return rule_set(info.context, id)

    @described(
        "Where the cases that were opened in that time, the last thirty days if not told, would "
        "have gone by that set. Changes nothing; for managers."
    )
    def rehearse_routing(
        self,
        info: Info,
        id: UUID,
        since: datetime | None = None,
        until: datetime | None = None,
        first: First = FIRST_DEFAULT,
    ) -> RoutingRehearsal:
        asking = info.context
        end = until or asking.at
        begin = since or end - LAST_MONTH
        found = routing.rehearse(
            asking.session, asking.principal, id, since=begin, until=end, list_at_most=first
        )
        return RoutingRehearsal(
            cases=found.cases,
            more=found.more,
            moved=found.moved,
            moves=[RoutingMove(was=s.was, becomes=s.becomes, cases=s.count) for s in found.steps],
            rules=[RuleShare(rule=name, cases=count) for name, count in found.by_rule],
            differ=[
                RoutingDifference(
                    case_number=d.number, subject=d.subject, opened_at=d.opened_at, was=d.was,
                    becomes=d.becomes, why=d.why,
                )
                for d in found.differ
            ],
            approximated=list(found.approximated),
        )  # fmt: skip


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


def rule_set(asking: Asking, id: UUID) -> RoutingRuleSet | None:
    """The rule set of that id with its rules, or None."""
    found = asking.session.scalar(_sets().where(routing.RuleSet.id == id))
    return RoutingRuleSet.of(found) if found is not None else None


def answers(asking: Asking, cases: Sequence[Any]) -> Mapping[UUID, list[RuleAnswer]]:
    """What each rule answered for these cases."""
    found = routing.answers_of(asking.session, [case.id for case in cases])
    return {
        case_id: [
            RuleAnswer(
                rule=each.rule.name,
                held=each.held,
                said=[ComparisonAnswer(words=words, held=held) for words, held in each.said],
            )
            for each in told
        ]
        for case_id, told in found.items()
    }


def called(asking: Asking, rules: Sequence[RoutingRule]) -> dict[str, str]:
    """What the ids in these rules are called."""
    return names_in(asking.session, (rule.row.when for rule in rules))


def crews(asking: Asking, rules: Sequence[RoutingRule]) -> Mapping[UUID | None, Team]:
    """The teams of these rules."""
    return teams_by_id(asking, (rule.team_id for rule in rules))


def _sets() -> Any:
    return select(routing.RuleSet).options(selectinload(routing.RuleSet.rules))


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
