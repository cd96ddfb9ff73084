"""Rule sets and their rules as they are kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import String, UniqueConstraint, or_, select
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship, selectinload

from intake.agents import Agent
from intake.conditions import Condition
from intake.db import Base, Json, new_id, one_of, partial_index, refers_to
from intake.errors import IntakeError, NotFound
from intake.facts import read_condition
from intake.queues import DefaultQueue, Queue
from intake.teams import Team

ONLY_ACTIVE = "state = 'active'"


class RuleSetState(StrEnum):
    """Where a rule set stands."""

    DRAFT = "draft"
    ACTIVE = "active"
    RETIRED = "retired"


class NotRoutable(IntakeError):
    """A rule that cannot decide; the text begins with the field that is wrong."""

    code = "not-routable"


class RuleSetInForce(IntakeError):
    """A rule set that is or was in force is not edited: cases were decided by its words."""

    code = "rule-set-in-force"


class RuleSet(Base):
    """An ordered list of rules. At most one set is active."""

    __tablename__ = "routing_rule_sets"
    __table_args__ = (
        partial_index("uq_routing_rule_sets_active", "state", unique=True, where=ONLY_ACTIVE),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    name: Mapped[str] = mapped_column(String(120))
    state: Mapped[RuleSetState] = mapped_column(one_of(RuleSetState), default=RuleSetState.DRAFT)
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime]
    activated_at: Mapped[datetime | None]
    retired_at: Mapped[datetime | None]
    rules: Mapped[list[RoutingRule]] = relationship(
        order_by="RoutingRule.position", cascade="all, delete-orphan"
    )

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012


class RoutingRule(Base):
    """If a case meets the condition, it goes to the queue, and to the agent or team named.

    Without a queue, it waits in the default queue of that agent or team, or where it would have
    come to without any rule.
    """

    __tablename__ = "routing_rules"
    __table_args__ = (UniqueConstraint("rule_set_id", "position"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    rule_set_id: Mapped[UUID] = mapped_column(refers_to("routing_rule_sets.id"))
    position: Mapped[int]
    name: Mapped[str] = mapped_column(String(120))
    condition: Mapped[dict[str, Any]] = mapped_column(Json)
    queue_id: Mapped[UUID | None] = mapped_column(refers_to("queues.id"))
    agent_id: Mapped[UUID | None] = mapped_column(refers_to("agents.id"))
    team_id: Mapped[UUID | None] = mapped_column(refers_to("teams.id"))
    queue: Mapped[Queue | None] = relationship(lazy="joined")
    agent: Mapped[Agent | None] = relationship(lazy="joined")
    team: Mapped[Team | None] = relationship(lazy="joined")
    their_queue: Mapped[Queue | None] = relationship(
        secondary=lambda: DefaultQueue.__table__,
        primaryjoin=lambda: or_(
            RoutingRule.agent_id == DefaultQueue.agent_id,
            RoutingRule.team_id == DefaultQueue.team_id,
        ),
        secondaryjoin=lambda: Queue.id == DefaultQueue.queue_id,
        viewonly=True,
        uselist=False,
        lazy="joined",
    )

    @property
    def when(self) -> Condition:
        """Its condition, read. Raises BadCondition."""
        return read_condition(self.condition)

    @property
    def place(self) -> str:
        """Where it leads, in words; '' for a draft that leads nowhere yet."""
        who = self.agent or self.team
        return ", ".join(each.name for each in (self.queue, who) if each is not None)


@dataclass(frozen=True, slots=True)
class RuleForm:
    """A rule as somebody writes it."""

    name: str
    condition: Mapping[str, Any]
    queue_id: UUID | None = None
    agent_id: UUID | None = None
    team_id: UUID | None = None


def rules(session: Session) -> list[RoutingRule]:
    """The rules of the set in force, in their order."""
    statement = (
        select(RoutingRule)
        .join(RuleSet, RuleSet.id == RoutingRule.rule_set_id)
        .where(RuleSet.state == RuleSetState.ACTIVE)
        .order_by(RoutingRule.position)
    )
    return list(session.scalars(statement))


def by_id(session: Session, rule_set_id: UUID, *, lock: bool = False) -> RuleSet:
    """That rule set with its rules. Raises NotFound."""
    statement = (
        select(RuleSet).where(RuleSet.id == rule_set_id).options(selectinload(RuleSet.rules))
    )
    if lock:
        statement = statement.with_for_update(of=RuleSet).execution_options(populate_existing=True)
    found = session.scalar(statement)
    if found is None:
        raise NotFound("there is no such rule set")
    return found
