"""A rule set tried on cases of the past: who would have got them. Changes nothing.

A case is put to the rules with what was known when it was opened, as far as that was kept; what
a rule asks beyond it is answered as things stand now, and is named.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload

from intake import queues
from intake.agents import Act, Agent, Principal
from intake.around import Opening
from intake.cases import Activity, Case, Direction, Priority, Reason, State
from intake.conditions import Condition
from intake.events import Event
from intake.facts import CASE_FIELDS, CaseFacts, facts_of
from intake.queues import Queue, QueueItem, Queues
from intake.routing.deciding import route
from intake.routing.rulesets import RoutingRule, by_id
from intake.teams import Team
from intake.visibility import visible_to

AT_A_TIME = 500
MOST_CASES = 20_000
KEPT = frozenset(
    {
        *("channel", "mailbox", "subject", "priority", "state", "reason", "own_reason", "queue"),
        *("owner", "escalated", "answered", "said", "sender", "sender_certain"),
    }
)
"""Fields of which it is known what they were when the case was opened."""


@dataclass(frozen=True, slots=True)
class Step:
    """So many cases that went to one place would go to another."""

    was: str
    becomes: str
    count: int


@dataclass(frozen=True, slots=True)
class Differs:
    """One case that would have gone somewhere else."""

    case_id: UUID
    number: int
    subject: str
    opened_at: datetime
    was: str
    becomes: str
    why: str


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What a rule set would have done with the cases of some time."""

    cases: int
    """How many were tried, the newest first."""
    more: bool
    """Whether more were opened in that time than were tried."""
    steps: tuple[Step, ...]
    """Where those would go that would go somewhere else, the most frequent first."""
    differ: tuple[Differs, ...]
    by_rule: tuple[tuple[str, int], ...]
    """How many cases each rule decides, in their order; '' for those that none does."""
    approximated: tuple[str, ...]
    """What the rules ask for of which only the present value is known."""

    @property
    def moved(self) -> int:
        """How many cases would have gone somewhere else."""
        return sum(step.count for step in self.steps)


@dataclass(slots=True)
class _Tally:
    cases: int = 0
    steps: Counter[tuple[str, str]] = field(default_factory=Counter)
    differ: list[Differs] = field(default_factory=list)
    by_rule: Counter[UUID | None] = field(default_factory=Counter)


def rehearse(
    session: Session,
    by: Principal,
    rule_set_id: UUID,
    *,
    since: datetime,
    until: datetime,
    list_at_most: int = 100,
) -> Rehearsal:
    """Put the cases that were opened in that time to the rules of a set, draft or not.

    For managers, who see every case. Nothing is written, so it may be asked of a reading session.
    """
    by.must(Act.MANAGE)
    rules = by_id(session, rule_set_id).rules
    every = queues.every(session)
    opened = visible_to(by).where(Case.opened_at >= since, Case.opened_at < until)
    tally = _Tally()
    for cases in _parts(session, opened):
        _try(session, cases, rules, every, tally, list_at_most)
    names = {rule.id: rule.name for rule in rules}
    decided = [(names.get(id, "") if id else "", tally.by_rule[id]) for id in (*names, None)]
    return Rehearsal(
        cases=tally.cases,
        more=tally.cases >= MOST_CASES,
        steps=tuple(Step(*way, count) for way, count in tally.steps.most_common()),
        differ=tuple(tally.differ),
        by_rule=tuple(decided),
        approximated=approximated(rule.when for rule in rules),
    )


def approximated(conditions: Iterable[Condition]) -> tuple[str, ...]:
    """The fields, in words, of which a past case only tells what they are now."""
    asked = {name for condition in conditions for name in condition.field_names()}
    return tuple(sorted(str(CASE_FIELDS[name]) for name in asked - KEPT))


def _parts(session: Session, opened: Any) -> Iterator[Sequence[Case]]:
    """These cases, the newest first, some at a time."""
    ordered = opened.order_by(Case.opened_at.desc(), Case.id.desc()).options(
        joinedload(Case.account), joinedload(Case.contact), joinedload(Case.entitlement)
    )
    for begin in range(0, MOST_CASES, AT_A_TIME):
        found = session.scalars(ordered.offset(begin).limit(AT_A_TIME)).unique().all()
        if found:
            yield found
        if len(found) < AT_A_TIME:
            return


def _try(
    session: Session,
    cases: Sequence[Case],
    rules: Sequence[RoutingRule],
    every: Queues,
    tally: _Tally,
    list_at_most: int,
) -> None:
    ids = [case.id for case in cases]
    openings, began, first = _openings(session, ids), _began(session, ids), _first(session, ids)
    for case in cases:
        then = began.get(case.id, {})
        facts = _facts_then(case, openings.get(case.id, Opening()), then)
        refused = bool(then.get("refusal"))
        routed = route(rules, every, case.mailbox, facts, refused=refused)
        was = first.get(case.id, "")
        becomes = routed.place
        tally.cases += 1
        tally.by_rule[routed.rule.id if routed.rule else None] += 1
        if was != becomes:
            tally.steps[was, becomes] += 1
            if len(tally.differ) < list_at_most:
                tally.differ.append(
                    Differs(
                        case.id, case.number, case.subject, case.opened_at, was, becomes, routed.why
                    )
                )


def _facts_then(case: Case, opening: Opening, then: Mapping[str, Any]) -> CaseFacts:
    covered = case.entitlement_id is not None and not then.get("refusal")
    return facts_of(case, at=case.opened_at, opening=opening).but(
        priority=then.get("priority", case.priority.value),
        state=State.ACTIVE.value,
        reason=Reason.IN_PROGRESS.value,
        own_reason=None,
        queue=None,
        owner=None,
        escalated=False,
        answered=False,
        covered=covered,
    )


def _openings(session: Session, ids: Sequence[UUID]) -> dict[UUID, Opening]:
    """The first message of each of these cases."""
    rows = session.execute(
        select(Activity.case_id, Activity.new_text, Activity.author_address, Activity.sender_doubt)
        .where(Activity.case_id.in_(ids), Activity.direction == Direction.INCOMING)
        .order_by(Activity.case_id, Activity.at.desc(), Activity.id.desc())
    )
    # The last that is written down is the first that came.
    return {id: Opening(text, who, not doubt) for id, text, who, doubt in rows if id is not None}


def _began(session: Session, ids: Sequence[UUID]) -> dict[UUID, dict[str, Any]]:
    """What the history says of how each of these cases began."""
    rows = session.execute(
        select(Event.case_id, Event.kind, Event.data)
        .where(Event.case_id.in_(ids), Event.kind.in_(("case.opened", "case.prioritised")))
        .order_by(Event.sequence)
    )
    began: dict[UUID, dict[str, Any]] = {}
    for case_id, kind, data in rows:
        then = began.setdefault(case_id, {})
        if kind == "case.opened":
            then.setdefault("refusal", data.get("refusal"))
        elif data.get("was") in tuple(Priority):
            then.setdefault("priority", data["was"])
    return began


def _first(session: Session, ids: Sequence[UUID]) -> dict[UUID, str]:
    """The queue in which each of these cases waited first, and who had it from the beginning."""
    rows = session.execute(
        select(QueueItem, Queue.name, func.coalesce(Agent.name, Team.name))
        .join(Queue, Queue.id == QueueItem.queue_id)
        .outerjoin(Agent, Agent.id == QueueItem.worked_by_id)
        .outerjoin(Team, Team.id == QueueItem.worked_by_team_id)
        .where(QueueItem.case_id.in_(ids))
        .order_by(QueueItem.entered_at.desc(), QueueItem.id.desc())
    )
    # The last that is written down is the first in which it waited.
    return {
        item.case_id: f"{queue}, {who}" if item.worked_since_at == item.entered_at else queue
        for item, queue, who in rows
    }
