"""From draft to what decides: a rule set is written, checked as a whole, put in force, retired."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import flag_modified

from intake import events
from intake.agents import Act, Agent, Principal
from intake.cases import StaleVersion
from intake.conditions import All, BadCondition
from intake.db import new_id
from intake.facts import check_condition
from intake.naming import NAMED, names_in
from intake.nouns import noun
from intake.queues import Queue
from intake.routing.rulesets import (
    NotRoutable,
    RoutingRule,
    RuleForm,
    RuleSet,
    RuleSetInForce,
    RuleSetState,
    by_id,
)
from intake.teams import Team

MOST_RULES = 200
LONGEST_NAME = 120


def draft(
    session: Session, by: Principal, name: str, rules: Sequence[RuleForm], *, at: datetime
) -> RuleSet:
    """A new rule set that decides nothing yet. Raises NotRoutable, naming the field."""
    by.must(Act.ADMINISTER)
    found = RuleSet(id=new_id(), name=_name(name), state=RuleSetState.DRAFT, created_at=at)
    session.add(found)
    found.rules = _read(session, rules)
    session.flush()
    return _recorded(session, "routing.drafted", found, by, at)


def rewrite(
    session: Session,
    by: Principal,
    rule_set_id: UUID,
    name: str,
    rules: Sequence[RuleForm],
    *,
    at: datetime,
    version: int | None = None,
) -> RuleSet:
    """Replace what a draft says. Raises RuleSetInForce on any other: copy it instead."""
    by.must(Act.ADMINISTER)
    found = _draft_of(session, rule_set_id, "copy it, and edit the copy")
    if version is not None and version != found.version:
        raise StaleVersion(f"“{found.name}” changed since you read it; look again")
    found.name = _name(name)
    written = _read(session, rules)
    found.rules = []
    session.flush()  # positions are unique: the old rules go first
    found.rules = written
    flag_modified(found, "name")  # a set whose rules alone changed is a new version too
    session.flush()
    return _recorded(session, "routing.rewritten", found, by, at)


def copy(session: Session, by: Principal, rule_set_id: UUID, *, at: datetime) -> RuleSet:
    """A draft that says the same as that set, to be edited."""
    by.must(Act.ADMINISTER)
    old = by_id(session, rule_set_id)
    return draft(session, by, old.name, [_form_of(rule) for rule in old.rules], at=at)


def activate(session: Session, by: Principal, rule_set_id: UUID, *, at: datetime) -> RuleSet:
    """Put a draft in force instead of the set before it. Raises NotRoutable or BadCondition.

    It decides what is opened from now on; cases that wait stay where they are.
    """
    by.must(Act.ADMINISTER)
    found = _draft_of(session, rule_set_id, "it cannot be activated again; copy it")
    check(session, found)
    before = select(RuleSet).where(RuleSet.state == RuleSetState.ACTIVE).with_for_update()
    for old in session.scalars(before):
        old.state, old.retired_at = RuleSetState.RETIRED, at
    session.flush()  # one active set at a time: the old one goes first
    found.state, found.activated_at = RuleSetState.ACTIVE, at
    session.flush()
    return _recorded(session, "routing.activated", found, by, at)


def retire(session: Session, by: Principal, rule_set_id: UUID, *, at: datetime) -> RuleSet:
    """Take the active set out of force: mailboxes and the default queue decide then."""
    by.must(Act.ADMINISTER)
    found = by_id(session, rule_set_id, lock=True)
    if found.state is not RuleSetState.ACTIVE:
        raise RuleSetInForce(f"“{found.name}” is {found.state}; only the active set is retired")
    found.state, found.retired_at = RuleSetState.RETIRED, at
    return _recorded(session, "routing.retired", found, by, at)


def discard(session: Session, by: Principal, rule_set_id: UUID, *, at: datetime) -> None:
    """Delete a draft. Raises RuleSetInForce on any other: cases were decided by it."""
    by.must(Act.ADMINISTER)
    found = _draft_of(session, rule_set_id, f"it is kept, for {noun.many} were decided by it")
    _recorded(session, "routing.discarded", found, by, at)
    session.delete(found)
    session.flush()


def check(session: Session, rule_set: RuleSet) -> None:
    """Whether every rule can decide. Raises NotRoutable, naming the rule and the field."""
    if not rule_set.rules:
        raise NotRoutable("rules: a set needs at least one rule before it is activated")
    for index, rule in enumerate(rule_set.rules):
        place = f"rules[{index}]"
        if not (rule.queue_id or rule.agent_id or rule.team_id):
            raise NotRoutable(f"{place}.queue: “{rule.name}” leads nowhere; choose a queue")
        _check_target(session, place, _form_of(rule))
        if rule.when == All() and index + 1 < len(rule_set.rules):
            after = rule_set.rules[index + 1].name
            raise NotRoutable(f"{place}.condition: it always holds, so “{after}” is never reached")
        _check_names(session, rule, place)


def _check_target(session: Session, place: str, form: RuleForm) -> None:
    queue = session.get(Queue, form.queue_id) if form.queue_id else None
    if form.queue_id is not None and (queue is None or queue.archived_at is not None):
        raise NotRoutable(f"{place}.queue: there is no such queue in use")
    agent = session.get(Agent, form.agent_id) if form.agent_id else None
    if form.agent_id is not None and (agent is None or not agent.works):
        raise NotRoutable(f"{place}.agent: there is no such active agent")
    team = session.get(Team, form.team_id) if form.team_id else None
    if form.team_id is not None and (team is None or team.archived_at is not None):
        raise NotRoutable(f"{place}.team: there is no such team")
    if form.agent_id is not None and form.team_id is not None:
        raise NotRoutable(f"{place}.team: to an agent or to a team, not both")


def _check_names(session: Session, rule: RoutingRule, place: str) -> None:
    known = names_in(session, [rule.when])
    for each in rule.when.comparisons():
        values = each.value if isinstance(each.value, tuple) else (each.value,)
        for value in values if each.field.name in NAMED else ():
            if value is not None and value not in known:
                raise NotRoutable(f"{place}.condition: there is no {each.field} {value:.40}")


def _read(session: Session, rules: Sequence[RuleForm]) -> list[RoutingRule]:
    if len(rules) > MOST_RULES:
        raise NotRoutable(f"rules: {MOST_RULES} at most; let conditions say more each")
    written = []
    for index, form in enumerate(rules):
        try:
            condition = check_condition(session, form.condition)
        except BadCondition as error:
            raise NotRoutable(f"rules[{index}].condition: {error}") from None
        _check_target(session, f"rules[{index}]", form)
        written.append(
            RoutingRule(
                id=new_id(),
                position=index + 1,
                name=_name(form.name, f"rules[{index}].name"),
                condition=condition.as_json(),
                queue_id=form.queue_id,
                agent_id=form.agent_id,
                team_id=form.team_id,
            )
        )
    return written


def _form_of(rule: RoutingRule) -> RuleForm:
    return RuleForm(rule.name, rule.condition, rule.queue_id, rule.agent_id, rule.team_id)


def _name(name: str, place: str = "name") -> str:
    name = name.strip()
    if not 0 < len(name) <= LONGEST_NAME:
        raise NotRoutable(f"{place}: a name of 1 to {LONGEST_NAME} characters")
    return name


def _draft_of(session: Session, rule_set_id: UUID, otherwise: str) -> RuleSet:
    found = by_id(session, rule_set_id, lock=True)
    if found.state is not RuleSetState.DRAFT:
        raise RuleSetInForce(f"“{found.name}” is {found.state}: {otherwise}")
    return found


def _recorded(
    session: Session, kind: str, rule_set: RuleSet, by: Principal, at: datetime
) -> RuleSet:
    events.record(
        session, kind, at=at, actor=by, rule_set=str(rule_set.id), name=rule_set.name,
        rules=len(rule_set.rules),
    )  # fmt: skip
    return rule_set
