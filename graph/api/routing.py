"""Routing rules: their sets, and what each rule answered for a case."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import strawberry
from sqlalchemy import select
from sqlalchemy.orm import selectinload
from strawberry.scalars import JSON

from graph.api.agents import Agent
from graph.api.asking import Asking, Info
from graph.api.describing import described
from graph.api.loading import Shown, together
from graph.api.queues import Queue
from graph.api.teams import Team, teams_by_id
from intake import agents, queues, routing
from intake.agents import Act
from intake.naming import names_in

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
