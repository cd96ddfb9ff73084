"""Rules are written, put in force and paused; what is in force is not edited."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from intake import events
from intake.agents import Act, Principal
from intake.automation import actions, checking, feed, timers
from intake.automation.rules import AutomationRule, AutomationRun, RuleState, by_id
from intake.automation.triggers import Trigger, WrongRule
from intake.cases import StaleVersion
from intake.conditions import BadCondition
from intake.db import new_id
from intake.errors import IntakeError
from intake.facts import check_condition
from intake.sla import ServiceCalendar

LONGEST_NAME = 120
BEFORE_ALL = UUID(int=0)


class RuleInForce(IntakeError):
    """What is in force is not edited, and what is in the log is not deleted."""

    code = "rule-in-force"


@dataclass(frozen=True, slots=True)
class RuleTerms:
    """A rule as somebody writes it; an empty condition always holds."""

    name: str
    trigger: Mapping[str, Any]
    actions: Sequence[Mapping[str, Any]]
    condition: Mapping[str, Any] = field(default_factory=dict)
    position: int = 0


def draft(session: Session, by: Principal, terms: RuleTerms, *, at: datetime) -> AutomationRule:
    """A new rule that does nothing yet. Raises WrongRule, naming the field."""
    by.must(Act.ADMINISTER)
    found = AutomationRule(id=new_id(), created_at=at)
    _write(session, found, terms)
    session.add(found)
    session.flush()
    return _recorded(session, "automation.drafted", found, by, at)


def rewrite(
    session: Session,
    by: Principal,
    rule_id: UUID,
    terms: RuleTerms,
    *,
    at: datetime,
    version: int | None = None,
) -> AutomationRule:
    """Replace what a rule says that is not in force. Raises RuleInForce."""
    by.must(Act.ADMINISTER)
    found = by_id(session, rule_id, lock=True)
    if version is not None and version != found.version:
        raise StaleVersion(f"“{found.name}” changed since you read it; look again")
    if found.state is RuleState.ACTIVE:
        raise RuleInForce(f"“{found.name}” is in force: pause it, and edit it then")
    _write(session, found, terms)
    session.flush()
    return _recorded(session, "automation.rewritten", found, by, at)


def activate(session: Session, by: Principal, rule_id: UUID, *, at: datetime) -> AutomationRule:
    """Let a rule act on what happens from now on. Raises WrongRule if it could not."""
    by.must(Act.ADMINISTER)
    found = by_id(session, rule_id, lock=True)
    if found.state is RuleState.ACTIVE:
        return found
    checking.check(session, found.does, by_itself=True)
    found.state, found.activated_at, found.since = RuleState.ACTIVE, at, feed.begin(session)
    found.filled_to = BEFORE_ALL if found.when.after is not None else None
    session.flush()
    return _recorded(session, "automation.activated", found, by, at)


def pause(session: Session, by: Principal, rule_id: UUID, *, at: datetime) -> AutomationRule:
    """Let a rule act no more until it is activated again; what happens meanwhile is past then."""
    by.must(Act.ADMINISTER)
    found = by_id(session, rule_id, lock=True)
    if found.state is not RuleState.ACTIVE:
        return found
    found.state, found.filled_to = RuleState.PAUSED, None
    timers.forget(session, found.id)
    session.flush()
    return _recorded(session, "automation.paused", found, by, at)


def discard(session: Session, by: Principal, rule_id: UUID, *, at: datetime) -> None:
    """Delete a rule that never was asked. Raises RuleInForce for one the log tells of."""
    by.must(Act.ADMINISTER)
    found = by_id(session, rule_id, lock=True)
    ran = select(AutomationRun.id).where(AutomationRun.rule_id == found.id)
    if found.state is RuleState.ACTIVE or session.scalar(ran.limit(1)) is not None:
        raise RuleInForce(f"“{found.name}” is in the log; pause it instead")
    _recorded(session, "automation.discarded", found, by, at)
    session.delete(found)
    session.flush()


def _write(session: Session, rule: AutomationRule, terms: RuleTerms) -> None:
    trigger, does = Trigger.from_json(terms.trigger), actions.read(terms.actions)
    if trigger.calendar_id and session.get(ServiceCalendar, trigger.calendar_id) is None:
        raise WrongRule("when.calendar: there is no such calendar")
    condition: dict[str, Any] = {}
    if terms.condition:
        try:
            condition = check_condition(session, terms.condition).as_json()
        except BadCondition as error:
            raise WrongRule(f"condition: {error}") from None
    rule.name = _name(session, terms.name, rule.id)
    rule.trigger, rule.condition = trigger.as_json(), condition
    rule.actions, rule.position = [each.as_json() for each in does], terms.position


def _name(session: Session, name: str, rule_id: UUID) -> str:
    name = " ".join(name.split())
    if not 0 < len(name) <= LONGEST_NAME:
        raise WrongRule(f"name: a name of 1 to {LONGEST_NAME} characters")
    same = select(AutomationRule.id).where(func.lower(AutomationRule.name) == name.lower())
    with session.no_autoflush:
        taken = session.scalar(same)
    if taken is not None and taken != rule_id:
        raise WrongRule(f"name: there is a rule “{name}” already")
    return name


def _recorded(
    session: Session, kind: str, rule: AutomationRule, by: Principal, at: datetime
) -> AutomationRule:
    events.record(session, kind, at=at, actor=by, automation=str(rule.id), name=rule.name)
    return rule
