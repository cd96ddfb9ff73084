"""A routing rule set tried on the past: which cases would have gone elsewhere."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

import strawberry

from graph.api.asking import Info
from graph.api.describing import described
from graph.api.limits import FIRST_DEFAULT
from graph.api.pages import First
from intake import routing

LAST_MONTH = timedelta(days=30)


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
class RoutingRehearsalQueries:
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
