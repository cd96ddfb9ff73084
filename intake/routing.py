"""Which queue a case goes to: one ordered list of rules, the first that holds decides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import String, select
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from intake.db import Base, Json, new_id, refers_to
from intake.facts import read_condition
from intake.queues import Queue, Queues, WhenNotCovered


class RoutingRule(Base):
    """If a case meets the condition, it goes to the queue."""

    __tablename__ = "routing_rules"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    position: Mapped[int] = mapped_column(unique=True)
    name: Mapped[str] = mapped_column(String(120))
    condition: Mapped[dict[str, Any]] = mapped_column(Json)
    queue_id: Mapped[UUID] = mapped_column(refers_to("queues.id"))
    active: Mapped[bool] = mapped_column(default=True)
    queue: Mapped[Queue] = relationship(lazy="joined")


def rules(session: Session) -> list[RoutingRule]:
    """The rules in force, in their order."""
    statement = select(RoutingRule).where(RoutingRule.active).order_by(RoutingRule.position)
    return list(session.scalars(statement))


def route(
    rules: Sequence[RoutingRule],
    queues: Queues,
    mailbox: str,
    facts: Mapping[str, Any],
    *,
    refused: bool,
) -> tuple[Queue, str]:
    """The queue of a case and why: a rule, its mailbox, or the default queue.

    A queue that wants uncovered cases reviewed sends them to the review queue first.
    """
    queue, why = _by_rule(rules, facts) or _by_mailbox(queues, mailbox)
    held = refused and queue.when_not_covered is WhenNotCovered.REVIEW
    if held and queues.review is not None:
        return queues.review, f"{queue.name} holds uncovered cases for review"
    return queue, why


def _by_rule(rules: Sequence[RoutingRule], facts: Mapping[str, Any]) -> tuple[Queue, str] | None:
    for rule in rules:
        if read_condition(rule.condition).holds(facts):
            return rule.queue, f"rule “{rule.name}”"
    return None


def _by_mailbox(queues: Queues, mailbox: str) -> tuple[Queue, str]:
    if queue := queues.by_mailbox.get(mailbox):
        return queue, f"mailbox {mailbox}"
    return queues.default, "default queue"
