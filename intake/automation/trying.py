"""A rule tried before it acts: on one case, or on what happened of late. Nothing comes of it.

On one case it is really done and undone, so that it tells exactly. On past events the condition is
asked of the case as it was then, as far as the history says; what is known only as it is now is
named.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import literal, or_, select
from sqlalchemy.orm import Session

from intake.agents import Act, Principal
from intake.automation import rules
from intake.automation.rules import AutomationRule, AutomationRun
from intake.automation.running import Asked, run
from intake.cases import Case
from intake.conditions import Condition
from intake.desk import Desk
from intake.events import Event
from intake.facts import CASE_FIELDS, CaseFacts, facts_of
from intake.naming import names_in
from intake.visibility import one_visible, visible_to

MOST_EVENTS = 5_000
ROLLED_BACK = ("subject", "priority", "severity", "state", "reason", "channel")
KEPT = frozenset({*ROLLED_BACK, "mailbox", "said", "sender", "sender_certain", "answered"})


@dataclass(frozen=True, slots=True)
class WouldRun:
    """One event at which the rule would have been asked."""

    sequence: int
    kind: str
    at: datetime
    case_number: int
    subject: str
    holds: bool
    said: tuple[tuple[str, bool], ...]


@dataclass(frozen=True, slots=True)
class Trial:
    """What a rule would have done with what happened in some time."""

    asked: int
    """At how many events it would have been asked, the newest first."""
    held: int
    more: bool
    shown: tuple[WouldRun, ...]
    approximated: tuple[str, ...]


def on_case(
    session: Session, by: Principal, rule_id: UUID, case_id: UUID, *, desk: Desk, at: datetime
) -> AutomationRun:
    """What the rule would do to the case now: the line of its log, which is not kept.

    The session must be one that may write; everything is undone before this returns.
    """
    by.must(Act.MANAGE)
    rule = rules.by_id(session, rule_id)
    session.flush()
    attempt = session.begin_nested()
    case = one_visible(session, by, case_id, lock=True)
    line = run(session, rule, case, Asked(due_at=at), desk, at=at)
    told = AutomationRun(
        id=line.id, rule_id=rule.id, case_id=case_id, at=at, outcome=line.outcome,
        did=list(line.did), said=list(line.said), depth=0,
    )  # fmt: skip
    attempt.rollback()
    session.expire_all()
    return told


def on_the_past(
    session: Session,
    by: Principal,
    rule_id: UUID,
    *,
    since: datetime,
    until: datetime,
    show_at_most: int = 100,
) -> Trial:
    """Ask an event rule about what happened in that time. Nothing is written; for managers.

    A time rule is asked by no event, so nothing is found for it.
    """
    by.must(Act.MANAGE)
    rule = rules.by_id(session, rule_id)
    happened = _happened(session, by, rule, since, until)
    condition = rule.holds_if
    names = names_in(session, [condition])
    later = _later(session, {event.case_id for event, _case in happened})
    shown: list[WouldRun] = []
    held = 0
    for event, case in happened:
        facts = _facts_then(case, event, later.get(case.id, ()))
        holds = condition.holds(facts)
        held += holds
        if len(shown) < show_at_most:
            said = tuple(condition.explain(facts, names))
            shown.append(
                WouldRun(
                    event.sequence, event.kind, event.at, case.number, case.subject, holds, said
                )
            )
    return Trial(
        len(happened), held, len(happened) >= MOST_EVENTS, tuple(shown), approximated([condition])
    )


def approximated(conditions: Iterable[Condition]) -> tuple[str, ...]:
    """The fields, in words, of which only the present value is known."""
    asked = {name for condition in conditions for name in condition.field_names()}
    return tuple(sorted(str(CASE_FIELDS[name]) for name in asked - KEPT))


def _happened(
    session: Session, by: Principal, rule: AutomationRule, since: datetime, until: datetime
) -> list[tuple[Event, Case]]:
    trigger = rule.when
    mine = visible_to(by).with_only_columns(Case.id)
    asked = or_(literal(trigger.of_any_act), Event.kind.in_(trigger.events))
    rows = session.execute(
        select(Event, Case)
        .join(Case, Case.id == Event.case_id)
        .where(asked, Event.at >= since, Event.at < until)
        .where(Case.id.in_(mine))
        .order_by(Event.sequence.desc())
        .limit(MOST_EVENTS)
    )
    return [(event, case) for event, case in rows if trigger.wants(event.kind, event.data)]


def _later(session: Session, ids: set[UUID | None]) -> dict[UUID, list[Event]]:
    """What changed fields of these cases, the newest first."""
    found: dict[UUID, list[Event]] = {}
    rows = session.scalars(
        select(Event).where(Event.case_id.in_(ids)).order_by(Event.sequence.desc())
    )
    for event in rows:
        if event.case_id is not None and "changes" in event.data:
            found.setdefault(event.case_id, []).append(event)
    return found


def _facts_then(case: Case, event: Event, later: Sequence[Event]) -> CaseFacts:
    """The facts with what changed after that event undone, as far as it is known."""
    then: dict[str, object] = {}
    for after in later:
        if after.sequence <= event.sequence:
            break
        for name, (was, _is) in after.data["changes"].items():
            if name in ROLLED_BACK:
                then[name] = was
    answered = case.first_response_at is not None and case.first_response_at <= event.at
    return facts_of(case, at=event.at).but(answered=answered, **then)
