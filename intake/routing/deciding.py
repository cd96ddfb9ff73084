"""What the rules say of one case: its queue, whom it is given to, and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from intake import queues
from intake.agents import Agent
from intake.cases import Case
from intake.naming import names_in
from intake.nouns import noun
from intake.queues import Queue, Queues, WhenNotCovered
from intake.routing.rulesets import RoutingRule
from intake.teams import Team


@dataclass(frozen=True, slots=True)
class Routed:
    """Where a case goes and why; `trail` keeps what each rule that was tried answered."""

    queue: Queue
    why: str
    agent: Agent | None = None
    team: Team | None = None
    rule: RoutingRule | None = None
    trail: Mapping[str, Any] | None = None

    @property
    def place(self) -> str:
        """The queue, and who has the case there, in words."""
        who = self.agent or self.team
        return f"{self.queue.name}, {who.name}" if who is not None else self.queue.name


@dataclass(frozen=True, slots=True)
class Target:
    """To whom a rule gives a case, if it does and they are still there."""

    agent: Agent | None = None
    team: Team | None = None


@dataclass(frozen=True, slots=True)
class RuleAnswer:
    """What one rule answered: whether it held, and each of its comparisons in words."""

    rule: RoutingRule
    held: bool
    said: tuple[tuple[str, bool], ...]


def route(
    rules: Sequence[RoutingRule],
    queues: Queues,
    mailbox: str,
    facts: Mapping[str, Any],
    *,
    refused: bool,
) -> Routed:
    """Where a case goes: by the first rule that holds, its mailbox, or to the default queue.

    A queue that wants uncovered cases reviewed sends them to the review queue first.
    """
    rule, trail = _tried(rules, facts)
    queue, why = _by_mailbox(queues, mailbox)
    to = Target()
    if rule is not None:
        queue, to, why = _by_rule(rule, queue)
    if refused and queue.when_not_covered is WhenNotCovered.REVIEW and queues.review is not None:
        why = f"{queue.name} holds uncovered {noun.many} for review"
        return Routed(queues.review, why, rule=rule, trail=trail)
    return Routed(queue, why, to.agent, to.team, rule, trail)


def enter(session: Session, case: Case, routed: Routed, *, at: datetime) -> None:
    """Let a case that is in no queue, such as a new one, wait where it was routed."""
    case.owner_id = routed.agent.id if routed.agent is not None else None
    case.team_id = routed.team.id if routed.team is not None else None
    queues.enter(session, case, routed.queue, at=at)
    note(case, routed)


def move(session: Session, case: Case, routed: Routed, *, at: datetime) -> None:
    """Let a case wait where it was routed instead of where it is."""
    queues.add(session, case, routed.queue, at=at)
    session.flush()
    if routed.agent is not None:
        queues.give(session, case, routed.agent, at=at)
    elif routed.team is not None:
        queues.give_team(session, case, routed.team, at=at)
    note(case, routed)


def note(case: Case, routed: Routed) -> None:
    """Write on the case what decided, and what each rule answered."""
    case.routed_by = routed.why
    case.routing = dict(routed.trail or {})


def answers_of(session: Session, case_ids: Sequence[UUID]) -> dict[UUID, list[RuleAnswer]]:
    """What each rule answered when these cases were routed last, up to the one that decided.

    A set in force is never edited, so the rules still say what they said then. Three statements,
    and one for each kind of id that the rules name.
    """
    rows = session.execute(select(Case.id, Case.routing).where(Case.id.in_(case_ids)))
    kept: dict[UUID, dict[str, Any]] = dict(rows.all())
    sets = {UUID(each["rule_set"]) for each in kept.values() if each.get("answers")}
    if not sets:
        return {}
    by_set: dict[str, list[RoutingRule]] = {}
    found = select(RoutingRule).where(RoutingRule.rule_set_id.in_(sets))
    for rule in session.scalars(found.order_by(RoutingRule.position)):
        by_set.setdefault(str(rule.rule_set_id), []).append(rule)
    names = names_in(session, (rule.when for some in by_set.values() for rule in some))
    return {
        case_id: [
            RuleAnswer(rule, answer[:1] == "+", _in_words(rule, answer, names))
            for rule, answer in zip(by_set[each["rule_set"]], each["answers"], strict=False)
        ]
        for case_id, each in kept.items()
        if each.get("answers")
    }


def _tried(
    rules: Sequence[RoutingRule], facts: Mapping[str, Any]
) -> tuple[RoutingRule | None, Mapping[str, Any] | None]:
    """The first rule that holds, and what it and those before it answered."""
    if not rules:
        return None, None
    answers = []
    decided = None
    for rule in rules:
        condition = rule.when
        held = condition.holds(facts)
        digits = "".join("01"[each.holds(facts)] for each in condition.comparisons())
        answers.append(("+" if held else "-") + digits)
        if held:
            decided = rule
            break
    # A sign for the rule and a digit for each comparison: every case keeps them, so they are few.
    return decided, {"rule_set": str(rules[0].rule_set_id), "answers": answers}


def _by_rule(rule: RoutingRule, otherwise: Queue) -> tuple[Queue, Target, str]:
    """Where a rule leads as far as it is still there, and what of it is not."""
    why, agent, team = [f"rule “{rule.name}”"], rule.agent, rule.team
    queue = rule.queue or rule.their_queue or otherwise
    if queue.archived_at is not None:
        why.append(f"{queue.name} is not in use any more")
        queue = otherwise
    if agent is not None and not agent.works:
        why.append(f"{agent.name} does not work on {noun.many} any more")
        agent = None
    if team is not None and team.archived_at is not None:
        why.append(f"{team.name} is not there any more")
        team = None
    return queue, Target(agent, team), "; ".join(why)


def _by_mailbox(queues: Queues, mailbox: str) -> tuple[Queue, str]:
    if queue := queues.by_mailbox.get(mailbox):
        return queue, f"mailbox {mailbox}"
    return queues.default, "default queue"


def _in_words(
    rule: RoutingRule, answer: str, names: Mapping[str, str]
) -> tuple[tuple[str, bool], ...]:
    compared = rule.when.comparisons()
    return tuple(
        (each.in_words(names), digit == "1")
        for each, digit in zip(compared, answer[1:], strict=False)
    )
