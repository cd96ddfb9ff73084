"""One rule asked about one case: the guard, the condition, the actions, and a line in the log.

Whatever a rule does is recorded as caused by it (`agents.Cause`), so that what follows knows the
chain it belongs to. A rule acts once in a chain on a case, a chain is at most MOST_DEPTH rules
long, and a rule acts on a case at most MOST_A_DAY times a day; what the guard stops is logged.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from intake.agents import Act, Cause, Kind, Principal
from intake.automation.doing import Doing, NotDone, do_all
from intake.automation.rules import AutomationRule, AutomationRun, Outcome
from intake.automation.triggers import WrongRule
from intake.cases import Case
from intake.conditions import BadCondition
from intake.db import new_id
from intake.desk import Desk
from intake.facts import facts_of
from intake.naming import names_in
from intake.nouns import noun

MOST_DEPTH = 5
MOST_A_DAY = 20
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Asked:
    """Why a rule is asked: an event, or the time that came; and the chain it belongs to."""

    event: int | None = None
    due_at: datetime | None = None
    chain: int | None = None
    depth: int = 0


def run(
    session: Session, rule: AutomationRule, case: Case, asked: Asked, desk: Desk, *, at: datetime
) -> AutomationRun:
    """Ask the rule about the case, which the caller holds; the line that was logged.

    Nobody asks twice for the same event or due time; the database would refuse the second line.
    """
    line = AutomationRun(
        id=new_id(), rule_id=rule.id, case_id=case.id, event_sequence=asked.event,
        due_at=asked.due_at, chain=asked.chain, depth=asked.depth, at=at,
        outcome=Outcome.NOT_MET, did=[], said=[],
    )  # fmt: skip
    try:
        held, line.said = answer(session, rule, case, at=at)
        if held:
            stopped = _stopped(session, rule, case, asked, at)
            line.outcome = Outcome.STOPPED if stopped else Outcome.DONE
            line.did = [stopped] if stopped else _act(session, rule, case, asked, desk, at)
    except (BadCondition, WrongRule, NotDone) as error:
        line.outcome, line.did = Outcome.FAILED, [str(error)]
    session.add(line)
    session.flush()
    return line


def answer(
    session: Session, rule: AutomationRule, case: Case, *, at: datetime
) -> tuple[bool, list[dict[str, object]]]:
    """Whether the condition holds of the case now, and each comparison of it in words."""
    condition, facts = rule.holds_if, facts_of(case, at=at)
    names = names_in(session, [condition])
    said = [{"words": words, "held": held} for words, held in condition.explain(facts, names)]
    return condition.holds(facts), said


def principal_of(rule: AutomationRule, asked: Asked) -> Principal:
    """The desk itself, acting because of that rule."""
    cause = Cause(chain=asked.chain or 0, depth=asked.depth + 1, rule=str(rule.id))
    return Principal(
        Kind.SYSTEM, name=f"Rule “{rule.name}”", acts=frozenset(Act), via="automation", cause=cause
    )


def _act(
    session: Session, rule: AutomationRule, case: Case, asked: Asked, desk: Desk, at: datetime
) -> list[str]:
    due = int(asked.due_at.timestamp()) if asked.due_at else 0
    key = f"{rule.id}:{case.id}:{asked.event or 0}:{due}"
    doing = Doing(session, principal_of(rule, asked), desk, at, key)
    attempt = session.begin_nested()
    try:
        did = do_all(doing, case, rule.does)
    except NotDone:
        attempt.rollback()
        session.refresh(case)
        raise
    attempt.commit()
    return did


def _stopped(session: Session, rule: AutomationRule, case: Case, asked: Asked, at: datetime) -> str:
    """Why the guard lets it not act, or ''."""
    if asked.depth >= MOST_DEPTH:
        return f"stopped: {MOST_DEPTH} rules set each other off before it"
    done = (
        select(func.count())
        .select_from(AutomationRun)
        .where(AutomationRun.rule_id == rule.id, AutomationRun.case_id == case.id)
        .where(AutomationRun.outcome == Outcome.DONE)
    )
    if asked.chain is not None and session.scalar(done.where(AutomationRun.chain == asked.chain)):
        return "stopped: it acted in this chain of events already"
    if (session.scalar(done.where(AutomationRun.at > at - DAY)) or 0) >= MOST_A_DAY:
        return f"stopped: it acted {MOST_A_DAY} times on this {noun} within a day"
    return ""


def asked_before(session: Session, rule_id: UUID, case_id: UUID, due_at: datetime) -> bool:
    """Whether the rule was asked already for that time of the case."""
    ran = select(AutomationRun.id).where(
        AutomationRun.rule_id == rule_id,
        AutomationRun.case_id == case_id,
        AutomationRun.due_at == due_at,
    )
    return session.scalar(ran) is not None
