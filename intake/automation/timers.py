"""Time rules: when each is due on each case, found by index and moved with the case.

Whenever something happens to a case, the timers of the time rules are set anew from its dates. A
timer that comes due asks its rule once; the same date never makes it due again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Select, delete, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from intake.automation.rules import AutomationRule, RuleState, in_force
from intake.automation.running import Asked, asked_before, run
from intake.calendars import NeverOpen
from intake.cases import Case, State
from intake.db import Base, refers_to
from intake.desk import Desk
from intake.sla import ServiceCalendar

FILLED_AT_ONCE = 200


class AutomationTimer(Base):
    """When a time rule is to be asked about a case."""

    __tablename__ = "automation_timers"

    rule_id: Mapped[UUID] = mapped_column(refers_to("automation_rules.id"), primary_key=True)
    case_id: Mapped[UUID] = mapped_column(refers_to("cases.id"), primary_key=True, index=True)
    due_at: Mapped[datetime] = mapped_column(index=True)


def due(_desk: Desk, at: datetime) -> Select[Any]:
    """The timers that came due."""
    return select(AutomationTimer.rule_id).where(AutomationTimer.due_at <= at)


def move(session: Session, desk: Desk, *, at: datetime, limit: int) -> int:
    """Ask each rule whose time came on a case; how many timers came due."""
    ripe = select(AutomationTimer).where(AutomationTimer.due_at <= at)
    found = session.scalars(
        ripe.order_by(AutomationTimer.due_at).limit(limit).with_for_update(skip_locked=True)
    ).all()
    cases = _held(session, {timer.case_id for timer in found})
    rules = {rule.id: rule for rule in in_force(session)}
    moved = 0
    for timer in found:
        case, rule = cases.get(timer.case_id), rules.get(timer.rule_id)
        if case is None:
            continue  # somebody is at that case
        asked = Asked(due_at=timer.due_at)
        session.delete(timer)
        session.flush()
        moved += 1
        if rule is not None and not asked_before(session, rule.id, case.id, timer.due_at):
            run(session, rule, case, asked, desk, at=at)
    return moved


def filling_due(_desk: Desk, _at: datetime) -> Select[Any]:
    """The time rules that were activated and have no timers on all open cases yet."""
    return select(AutomationRule.id).where(
        AutomationRule.state == RuleState.ACTIVE, AutomationRule.filled_to.is_not(None)
    )


def fill(session: Session, desk: Desk, *, at: datetime, limit: int) -> int:
    """Set the timers of open cases for rules that were activated; how many rules were gone on
    with."""
    rules = session.scalars(
        select(AutomationRule)
        .where(AutomationRule.state == RuleState.ACTIVE, AutomationRule.filled_to.is_not(None))
        .with_for_update(skip_locked=True)
        .limit(limit)
    ).all()
    for rule in rules:
        following = select(Case).where(Case.state == State.ACTIVE, Case.id > rule.filled_to)
        cases = session.scalars(following.order_by(Case.id).limit(FILLED_AT_ONCE)).all()
        for case in cases:
            note(session, [rule], case, at=at)
        rule.filled_to = cases[-1].id if len(cases) == FILLED_AT_ONCE else None
    return len(rules)


def note(session: Session, rules: Iterable[AutomationRule], case: Case, *, at: datetime) -> None:
    """Set the timers of these rules on a case as its dates are now."""
    timed = [rule for rule in rules if rule.when.after is not None]
    if not timed:
        return
    known = {
        timer.rule_id: timer
        for timer in session.scalars(
            select(AutomationTimer).where(AutomationTimer.case_id == case.id)
        )
    }
    for rule in timed:
        due_at, timer = _due_at(session, rule, case), known.get(rule.id)
        if due_at is None or not _to_come(session, rule, case, due_at):
            if timer is not None:
                session.delete(timer)
        elif timer is None:
            session.add(AutomationTimer(rule_id=rule.id, case_id=case.id, due_at=due_at))
        else:
            timer.due_at = due_at
    session.flush()


def forget(session: Session, rule_id: UUID) -> None:
    """No timer of that rule runs any more."""
    session.execute(delete(AutomationTimer).where(AutomationTimer.rule_id == rule_id))


def _due_at(session: Session, rule: AutomationRule, case: Case) -> datetime | None:
    trigger = rule.when
    start = trigger.starts_at(case)
    if start is None:
        return None
    span = timedelta(minutes=trigger.minutes)
    if trigger.calendar_id is None:
        return start + span
    calendar = session.get(ServiceCalendar, trigger.calendar_id)
    try:
        return calendar.calendar.add(start, span) if calendar is not None else None
    except NeverOpen:
        return None


def _to_come(session: Session, rule: AutomationRule, case: Case, due_at: datetime) -> bool:
    """Whether the rule is still to be asked for that time: not of the past, and not yet."""
    if rule.activated_at is None or due_at < rule.activated_at:
        return False
    return not asked_before(session, rule.id, case.id, due_at)


def _held(session: Session, ids: set[UUID]) -> dict[UUID, Case]:
    found: Sequence[Case] = session.scalars(
        select(Case)
        .where(Case.id.in_(ids))
        .order_by(Case.id)
        .with_for_update(skip_locked=True, of=Case, key_share=True)
        .execution_options(populate_existing=True)
    ).all()
    return {case.id: case for case in found}
