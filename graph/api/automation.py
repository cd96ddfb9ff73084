"""Automation: the rules, what each of them did, and a rule tried before it acts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any, cast
from uuid import UUID

import strawberry
from sqlalchemy.orm import Session
from strawberry.scalars import JSON

from graph.api.asking import Asking, Info
from graph.api.describing import described
from graph.api.doing import done
from graph.api.limits import FIRST_DEFAULT
from graph.api.loading import Shown, together
from graph.api.pages import After, Connection, First, Order, page
from graph.api.problems import AnyProblem
from graph.api.routing import ComparisonAnswer
from intake import automation
from intake.agents import Act, Principal
from intake.automation import checking, log, trying, writing
from intake.automation import rules as rows
from intake.naming import names_in
from intake.visibility import by_number

LAST_WEEK = timedelta(days=7)
NEWEST = Order("automation log", rows.AutomationRun.at, rows.AutomationRun.id, descending=True)

AutomationState = automation.RuleState
strawberry.enum(
    AutomationState, name="AutomationState", description="Only an active rule is asked."
)
AutomationOutcome = automation.Outcome
strawberry.enum(
    AutomationOutcome, name="AutomationOutcome", description="What came of asking a rule."
)


@strawberry.type(description="When this happens, and if a case meets the condition: do that.")
class AutomationRule(Shown):
    id: UUID = strawberry.field(description="The rule's id.")
    name: str = strawberry.field(description="What it is called.")
    state: AutomationState = strawberry.field(description="Where it stands.")
    position: int = strawberry.field(description="Rules of one event are asked in this order.")
    trigger: JSON = strawberry.field(description="When it is asked, as written.")
    condition: JSON = strawberry.field(description="What a case must meet, as written.")
    actions: JSON = strawberry.field(description="What it does, as written.")
    version: int = strawberry.field(description="Goes up with each change: `expectedVersion`.")
    activated_at: datetime | None = strawberry.field(description="Since when it acts, or did.")

    @described("When it is asked, in words.")
    def asked_when(self) -> str:
        words: str = self.row.when.in_words()
        return words

    @described("What a case must meet, in words.")
    def applies_to(self, info: Info) -> str:
        words: str = self.row.holds_if.in_words(self.loaded(info, called))
        return words

    @described("What it does, in words.")
    def does(self, info: Info) -> list[str]:
        names = self.loaded(info, named)
        return [action.in_words(names) for action in self.row.does]


@strawberry.type(description="One line of the log: a rule was asked about a case.")
class AutomationRun(Shown):
    id: UUID = strawberry.field(description="The line's id.")
    at: datetime = strawberry.field(description="When it was asked.")
    outcome: AutomationOutcome = strawberry.field(description="What came of it.")
    did: list[str] = strawberry.field(description="What each action did, or why nothing was done.")
    depth: int = strawberry.field(description="How many rules acted before it in the chain.")

    @described("What the rule is called.")
    def rule(self) -> str:
        name: str = self.row.rule.name
        return name

    @described("The number of the case.")
    def case_number(self) -> int:
        number: int = self.row.case.number
        return number

    @described("Each comparison of its condition, and whether it held.")
    def said(self) -> list[ComparisonAnswer]:
        return [ComparisonAnswer(words=each["words"], held=each["held"]) for each in self.row.said]


@strawberry.type(description="What a rule would do to a case now. Nothing is done.")
class AutomationTrial:
    outcome: AutomationOutcome = strawberry.field(description="What would come of it.")
    did: list[str] = strawberry.field(description="What each action would do, or why none would.")
    said: list[ComparisonAnswer] = strawberry.field(description="What the condition answers.")


@strawberry.type(description="One event at which a rule would have been asked.")
class WouldRun:
    case_number: int = strawberry.field(description="The number of the case.")
    kind: str = strawberry.field(description="What happened.")
    at: datetime = strawberry.field(description="When it happened.")
    holds: bool = strawberry.field(description="Whether the rule would have acted.")
    said: list[ComparisonAnswer] = strawberry.field(description="What the condition answered.")


@strawberry.type(description="What a rule would have done with what happened in some time.")
class AutomationRehearsal:
    asked: int = strawberry.field(description="At how many events it would have been asked.")
    held: int = strawberry.field(description="At how many of them it would have acted.")
    more: bool = strawberry.field(description="Whether older events were left out.")
    events: list[WouldRun] = strawberry.field(description="Those events, the newest first.")
    approximated: list[str] = strawberry.field(
        description="What it asks for of which only the present value is known."
    )


@strawberry.type
class AutomationQueries:
    @described("The automation rules, in their order. For managers.")
    def automation_rules(self, info: Info) -> list[AutomationRule]:
        info.context.principal.must(Act.MANAGE)
        return together(AutomationRule, automation.every(info.context.session))

    @described("The automation rule of that id; or null.")
    def automation_rule(self, info: Info, id: UUID) -> AutomationRule | None:
        info.context.principal.must(Act.MANAGE)
        found = info.context.session.get(rows.AutomationRule, id)
        return AutomationRule.of(found) if found is not None else None

    @described("The log of what rules did, the newest first. For managers.")
    def automation_log(
        self,
        info: Info,
        rule: UUID | None = None,
        case_number: int | None = None,
        outcomes: list[AutomationOutcome] | None = None,
        first: First = FIRST_DEFAULT,
        after: After = None,
    ) -> Connection[AutomationRun]:
        asking = info.context
        asking.principal.must(Act.MANAGE)
        case_id = (
            by_number(asking.session, asking.principal, case_number).id
            if case_number is not None
            else None
        )
        found = log.runs(rule_id=rule, case_id=case_id, outcomes=tuple(outcomes or ()))
        return page(asking, found.order_by(None), NEWEST, AutomationRun, first=first, after=after)

    @described("What a rule would do to a case now. Nothing is done; for managers.")
    def try_automation(self, info: Info, id: UUID, case_number: int) -> AutomationTrial:
        asking = info.context
        # It is really done and undone, which takes a transaction that may write.
        with asking.acting() as session:
            case = by_number(session, asking.principal, case_number)
            line = trying.on_case(
                session, asking.principal, id, case.id, desk=asking.house.desk, at=asking.at
            )
        said = [ComparisonAnswer(words=each["words"], held=each["held"]) for each in line.said]
        return AutomationTrial(outcome=line.outcome, did=list(line.did), said=said)

    @described(
        "At which events of that time, the last week if not told, a rule would have acted. "
        "Nothing is done; for managers."
    )
    def rehearse_automation(
        self,
        info: Info,
        id: UUID,
        since: datetime | None = None,
        until: datetime | None = None,
        first: First = FIRST_DEFAULT,
    ) -> AutomationRehearsal:
        asking = info.context
        end = until or asking.at
        found = trying.on_the_past(
            asking.session, asking.principal, id, since=since or end - LAST_WEEK, until=end,
            show_at_most=first,
        )  # fmt: skip
        shown = [
            WouldRun(
                case_number=each.case_number,
                kind=each.kind,
                at=each.at,
                holds=each.holds,
                said=[ComparisonAnswer(words=words, held=held) for words, held in each.said],
            )
            for each in found.shown
        ]
        return AutomationRehearsal(
            asked=found.asked, held=found.held, more=found.more, events=shown,
            approximated=list(found.approximated),
        )  # fmt: skip


@strawberry.input(description="An automation rule as it is written.")
class AutomationTerms:
    name: str = strawberry.field(description="What it is called.")
    trigger: JSON = strawberry.field(description="When it is asked.")
    actions: JSON = strawberry.field(description="What it does: a list of actions.")
    condition: JSON | None = strawberry.field(
        default=None, description="What a case must meet; null: every case."
    )
    position: int = strawberry.field(default=0, description="Its place among those of one event.")


@strawberry.type(description="It was done.")
class AutomationChanged:
    rule_id: strawberry.Private[UUID | None] = None

    @described("The rule now; null when it was deleted.")
    def rule(self, info: Info) -> AutomationRule | None:
        if self.rule_id is None:
            return None
        return AutomationRule.of(automation.by_id(info.context.session, self.rule_id))


AutomationResult = Annotated[
    AutomationChanged | AnyProblem,
    strawberry.union("AutomationResult", description="It was done, or why it was not."),
]
RuleId = Annotated[UUID, strawberry.argument(description="The id of the automation rule.")]


@strawberry.type
class AutomationMutations:
    @described("Draft an automation rule. For administrators.")
    def draft_automation(self, info: Info, terms: AutomationTerms) -> AutomationResult:
        at = info.context.at
        return change(info, lambda session, by: writing.draft(session, by, _terms(terms), at=at))

    @described("Replace what a rule says that is not in force. For administrators.")
    def rewrite_automation(
        self, info: Info, id: RuleId, terms: AutomationTerms, expected_version: int | None = None
    ) -> AutomationResult:
        at = info.context.at
        return change(
            info,
            lambda session, by: writing.rewrite(
                session, by, id, _terms(terms), at=at, version=expected_version
            ),
        )

    @described("Let a rule act on what happens from now on. For administrators.")
    def activate_automation(self, info: Info, id: RuleId) -> AutomationResult:
        at = info.context.at
        return change(info, lambda session, by: writing.activate(session, by, id, at=at))

    @described("Let a rule act no more until it is activated again. For administrators.")
    def pause_automation(self, info: Info, id: RuleId) -> AutomationResult:
        at = info.context.at
        return change(info, lambda session, by: writing.pause(session, by, id, at=at))

    @described("Delete a rule that never was asked. For administrators.")
    def discard_automation(self, info: Info, id: RuleId) -> AutomationResult:
        at = info.context.at
        return change(info, lambda session, by: writing.discard(session, by, id, at=at))


def change(
    info: Info, act: Callable[[Session, Principal], rows.AutomationRule | None]
) -> AutomationChanged | AnyProblem:
    """Do that in a transaction of its own, or say why not."""

    def acted(session: Session, by: Principal) -> AutomationChanged:
        rule = act(session, by)
        return AutomationChanged(rule_id=rule.id if rule is not None else None)

    return done(info, acted)


def called(asking: Asking, shown: Sequence[AutomationRule]) -> dict[str, str]:
    """What the ids in the conditions of these rules are called."""
    return names_in(asking.session, (rule.row.holds_if for rule in shown))


def named(asking: Asking, shown: Sequence[AutomationRule]) -> Mapping[UUID, str]:
    """What the records that these rules act with are called."""
    return checking.names_in(asking.session, (one for rule in shown for one in rule.row.does))


def _terms(terms: AutomationTerms) -> writing.RuleTerms:
    # Whatever they are: reading them says what is wrong with them.
    return writing.RuleTerms(
        terms.name,
        cast(Mapping[str, Any], terms.trigger),
        cast(Sequence[Mapping[str, Any]], terms.actions),
        cast(Mapping[str, Any], terms.condition or {}),
        terms.position,
    )
