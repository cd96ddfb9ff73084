"""Automation rules as they are kept, and the log of what each of them did."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Index, String, UniqueConstraint, select
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from intake.automation import actions
from intake.automation.actions import Action
from intake.automation.triggers import Trigger
from intake.cases import Case
from intake.conditions import All, Condition
from intake.db import Base, Json, RowNumber, new_id, one_of, partial_index, refers_to
from intake.errors import NotFound
from intake.facts import read_condition

DONE_ROWS = "outcome = 'done' AND chain IS NOT NULL"


class RuleState(StrEnum):
    """Where a rule stands. Only an active one is asked, and an active one is not edited."""

    DRAFT = "draft"
    ACTIVE = "active"
    PAUSED = "paused"


class Outcome(StrEnum):
    """What became of asking a rule about a case."""

    DONE = "done"
    NOT_MET = "not met"  # its condition did not hold
    STOPPED = "stopped"  # the guard against rules that set each other off
    FAILED = "failed"  # an action could not be done, so none was


class AutomationRule(Base):
    """When this happens, or so long after, and if a case meets the condition: do that."""

    __tablename__ = "automation_rules"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    name: Mapped[str] = mapped_column(String(120), unique=True)
    state: Mapped[RuleState] = mapped_column(one_of(RuleState), default=RuleState.DRAFT)
    position: Mapped[int] = mapped_column(default=0)
    """Rules that are asked at the same event are asked in this order."""
    trigger: Mapped[dict[str, Any]] = mapped_column(Json)
    condition: Mapped[dict[str, Any]] = mapped_column(Json)
    actions: Mapped[list[dict[str, Any]]] = mapped_column(Json)
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime]
    activated_at: Mapped[datetime | None]
    since: Mapped[int] = mapped_column(RowNumber, default=0)
    """The event after which it is asked: what happened before it was activated is past."""
    filled_to: Mapped[UUID | None]
    """How far the timers of open cases were set since a time rule was activated; None: all are."""

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012

    @property
    def when(self) -> Trigger:
        """What it is asked at, read. Raises WrongRule."""
        return Trigger.from_json(self.trigger)

    @property
    def holds_if(self) -> Condition:
        """Its condition, read; one that asks nothing always holds. Raises BadCondition."""
        return read_condition(self.condition) if self.condition else All()

    @property
    def does(self) -> tuple[Action, ...]:
        """Its actions, read. Raises WrongRule."""
        return actions.read(self.actions)


class AutomationRun(Base):
    """A rule was asked about a case: once for each event, or each time that was due."""

    __tablename__ = "automation_runs"
    __table_args__ = (
        UniqueConstraint("rule_id", "event_sequence"),
        UniqueConstraint("rule_id", "case_id", "due_at"),
        partial_index(
            "uq_automation_runs_chain",
            *("rule_id", "case_id", "chain"),
            unique=True,
            where=DONE_ROWS,
        ),
        Index("ix_automation_runs_case", "case_id", "id"),
        Index("ix_automation_runs_outcome", "outcome", "at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    rule_id: Mapped[UUID] = mapped_column(refers_to("automation_rules.id"))
    case_id: Mapped[UUID] = mapped_column(refers_to("cases.id"))
    event_sequence: Mapped[int | None] = mapped_column(RowNumber)
    due_at: Mapped[datetime | None]
    chain: Mapped[int | None] = mapped_column(RowNumber)
    """The event with which the chain began that led here."""
    depth: Mapped[int] = mapped_column(default=0)
    """How many rules acted before, one setting off the other."""
    at: Mapped[datetime]
    outcome: Mapped[Outcome] = mapped_column(one_of(Outcome))
    did: Mapped[list[str]] = mapped_column(Json, default=list)
    """What each action did, or why nothing was done."""
    said: Mapped[list[dict[str, Any]]] = mapped_column(Json, default=list)
    """Each comparison of the condition in words, and whether it held."""
    rule: Mapped[AutomationRule] = relationship(lazy="joined", innerjoin=True)
    case: Mapped[Case] = relationship(lazy="raise")


def every(session: Session) -> list[AutomationRule]:
    """All rules, in their order."""
    ordered = select(AutomationRule).order_by(AutomationRule.position, AutomationRule.name)
    return list(session.scalars(ordered))


def in_force(session: Session) -> list[AutomationRule]:
    """The active rules, in their order."""
    active = select(AutomationRule).where(AutomationRule.state == RuleState.ACTIVE)
    ordered = active.order_by(AutomationRule.position, AutomationRule.name)
    return list(session.scalars(ordered))


def by_id(session: Session, rule_id: UUID, *, lock: bool = False) -> AutomationRule:
    """That rule. Raises NotFound."""
    found = session.get(AutomationRule, rule_id, with_for_update=lock, populate_existing=lock)
    if found is None:
        raise NotFound("there is no such automation rule")
    return found
