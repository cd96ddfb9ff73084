"""The case itself: one request of a customer, and what changes with every act on it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, Index, String
from sqlalchemy.orm import (
    Mapped,
    Session,
    attribute_keyed_dict,
    foreign,
    mapped_column,
    relationship,
    validates,
)
from sqlalchemy.orm.attributes import flag_modified

from intake.agents import Agent
from intake.cases.standing import ChildrenClose, Priority, Reason, Severity, State
from intake.cases.status import OwnReason, Status
from intake.conditions import folded
from intake.contracts import Contract
from intake.counters import next_of
from intake.customers import Account, Contact
from intake.db import Base, Json, new_id, one_of, partial_index, refers_to
from intake.entitlements import ChosenBy, Entitlement
from intake.errors import IntakeError
from intake.fields import CaseType, FieldValue, Tag, Topic
from intake.products import Product
from intake.teams import Team

# Where a case without a live deadline stands in an order by deadline: after all that have one.
NEVER = datetime(9999, 12, 31, tzinfo=UTC)


class StaleVersion(IntakeError):
    """The case changed since it was read; `differs` says in what (history.Change)."""

    code = "stale-version"

    def __init__(self, text: str, differs: tuple[Any, ...] = ()) -> None:
        super().__init__(text)
        self.differs = differs


class Case(Base):
    """One request. `number` is the customer's word for it, `id` is ours."""

    __tablename__ = "cases"
    __table_args__ = (
        Index("ix_cases_by_queue", "queue_id", "state", "order_at", "id"),
        Index("ix_cases_by_deadline", "state", "order_at", "id"),
        Index("ix_cases_by_opening", "opened_at", "id"),
        Index("ix_cases_by_contact", "contact_id", "opened_at"),
        Index("ix_cases_by_account", "account_id", "opened_at"),
        Index("ix_cases_by_owner", "owner_id", "state", "order_at", "id"),
        partial_index("ix_cases_waiting", "order_at", "id", where="waiting_since_at IS NOT NULL"),
        partial_index(
            "ix_cases_waiting_by_queue",
            *("queue_id", "order_at", "id"),
            where="waiting_since_at IS NOT NULL",
        ),
        # Few cases have one, whatever the history.
        partial_index("ix_cases_by_team", "team_id", "state", where="team_id IS NOT NULL"),
        partial_index(
            "ix_cases_by_own_reason", "own_reason_id", "state", where="own_reason_id IS NOT NULL"
        ),
        partial_index(
            "ix_cases_by_type", "type_id", "state", "order_at", "id", where="type_id IS NOT NULL"
        ),
        partial_index(
            "ix_cases_snoozed", "state", "order_at", "id", where="snoozed_at IS NOT NULL"
        ),
        partial_index("ix_cases_closed", "updated_at", "id", where="state != 'active'"),
        partial_index(
            # All that is counted beside each page of the console; no row is read for it.
            "ix_cases_open",
            # The id is second so that no list takes it for an index of its own.
            *("state", "id", "queue_id", "owner_id", "team_id", "waiting_since_at", "snoozed_at"),
            where="state = 'active'",
        ),
        Index("ix_cases_by_contract", "contract_id", "contract_line_id"),
        ForeignKeyConstraint(
            ("own_reason_id", "reason"),
            ("own_reasons.id", "own_reasons.kind_of"),
            deferrable=True,
            initially="DEFERRED",
        ),
        # Few wait for a time at any moment, whatever the history.
        partial_index("ix_cases_by_wakes_at", "wakes_at", where="wakes_at IS NOT NULL"),
        partial_index("ix_cases_by_remind_at", "remind_at", where="remind_at IS NOT NULL"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    number: Mapped[int] = mapped_column(unique=True)
    subject: Mapped[str]
    subject_folded: Mapped[str] = mapped_column(default="")
    """The subject as conditions compare it in SQL; written with it."""
    state: Mapped[State] = mapped_column(one_of(State), default=State.ACTIVE)
    reason: Mapped[Reason] = mapped_column(one_of(Reason), default=Reason.IN_PROGRESS)
    own_reason_id: Mapped[UUID | None]
    """The desk's own reason of that kind, if it stands in one."""
    priority: Mapped[Priority] = mapped_column(one_of(Priority), default=Priority.NORMAL)
    severity: Mapped[Severity] = mapped_column(one_of(Severity), default=Severity.NORMAL)
    type_id: Mapped[UUID | None] = mapped_column(refers_to("case_types.id"), index=True)
    topic_id: Mapped[UUID | None] = mapped_column(refers_to("topics.id"), index=True)
    channel: Mapped[str] = mapped_column(String(32))
    """Where it came from: its origin, and the allotment it draws on."""
    mailbox: Mapped[str] = mapped_column(String(320), default="")
    contact_id: Mapped[UUID | None] = mapped_column(refers_to("contacts.id"))
    account_id: Mapped[UUID | None] = mapped_column(refers_to("accounts.id"))
    product_id: Mapped[UUID | None] = mapped_column(refers_to("products.id"))
    queue_id: Mapped[UUID] = mapped_column(refers_to("queues.id"))
    """Its queue, or its last one when resolved."""
    owner_id: Mapped[UUID | None] = mapped_column(refers_to("agents.id"))
    team_id: Mapped[UUID | None] = mapped_column(refers_to("teams.id"))
    """The team it was given to: its members see it, and one of them takes it."""
    waiting_since_at: Mapped[datetime | None]
    """Since when it waits in its queue with no agent at work on it; None while it does not."""
    entitlement_id: Mapped[UUID | None] = mapped_column(refers_to("entitlements.id"), index=True)
    contract_id: Mapped[UUID | None] = mapped_column(refers_to("contracts.id"))
    contract_line_id: Mapped[UUID | None] = mapped_column(refers_to("contract_lines.id"))
    """The contract, or the very line, an agent logged it against."""
    decision: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    """How the entitlement was chosen or refused, with every answer (entitlements.Decision)."""
    covered_by: Mapped[ChosenBy] = mapped_column(one_of(ChosenBy), default=ChosenBy.RULE)
    """Who put its entitlement on it."""
    no_decrement: Mapped[bool] = mapped_column(default=False)
    """Its entitlement covers it without giving a term for it."""
    billable: Mapped[bool] = mapped_column(default=False)
    """No entitlement covers it, or not all of it: it is accepted as work to bill."""
    sla_id: Mapped[UUID | None] = mapped_column(refers_to("slas.id"))
    """The version of the SLA whose clocks run on it; None where none were ever started."""
    sla_by_hand: Mapped[bool] = mapped_column(default=False)
    """Somebody chose the SLA, so no rule chooses another."""
    related_case_id: Mapped[UUID | None] = mapped_column(refers_to("cases.id"), index=True)
    """Another case this one seems to speak of, without being part of it."""
    continues_id: Mapped[UUID | None] = mapped_column(refers_to("cases.id"), index=True)
    """A young case of the same customer that it seems to go on with, until somebody decides."""
    merged_into_id: Mapped[UUID | None] = mapped_column(refers_to("cases.id"), index=True)
    """The case that work on this one goes on in."""
    parent_id: Mapped[UUID | None] = mapped_column(refers_to("cases.id"), index=True)
    """The case that this one does a part of the work of."""
    children_close: Mapped[ChildrenClose | None] = mapped_column(one_of(ChildrenClose))
    """How its children are closed; None: as the desk has it."""
    conversation: Mapped[str] = mapped_column(String(120), default="", index=True)
    opened_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    first_response_at: Mapped[datetime | None]
    resolved_at: Mapped[datetime | None]
    reopened_at: Mapped[datetime | None]
    """When it was opened again, for the last time: no promise counts from before."""
    escalated_at: Mapped[datetime | None]
    follow_up_at: Mapped[datetime | None]
    """When we agreed to come back to the customer."""
    remind_at: Mapped[datetime | None]
    """When its owner is to be reminded of that; None when nothing is agreed, or they were."""
    snoozed_at: Mapped[datetime | None]
    """Since when it is put off, out of the way of those who look for work."""
    wakes_at: Mapped[datetime | None]
    """When it comes back by itself; a snoozed case without it waits for its customer alone."""
    deadline_at: Mapped[datetime | None]
    """The earliest deadline that is still running."""
    order_at: Mapped[datetime] = mapped_column(default=NEVER)
    version: Mapped[int] = mapped_column(default=1)
    routed_by: Mapped[str] = mapped_column(default="")
    routing: Mapped[dict[str, Any]] = mapped_column(Json, default=dict, deferred=True)
    """What the rules answered when it was routed last (routing.answers_of)."""

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012

    own_reason: Mapped[OwnReason | None] = relationship(
        primaryjoin=lambda: foreign(Case.own_reason_id) == OwnReason.id
    )
    contact: Mapped[Contact | None] = relationship()
    account: Mapped[Account | None] = relationship()
    contract: Mapped[Contract | None] = relationship()
    product: Mapped[Product | None] = relationship()
    owner: Mapped[Agent | None] = relationship()
    team: Mapped[Team | None] = relationship()
    entitlement: Mapped[Entitlement | None] = relationship()
    type: Mapped[CaseType | None] = relationship()
    topic: Mapped[Topic | None] = relationship()
    tags: Mapped[list[Tag]] = relationship(secondary="case_tags", order_by=Tag.folded)
    custom: Mapped[dict[str, FieldValue]] = relationship(
        collection_class=attribute_keyed_dict("key"), cascade="all, delete-orphan"
    )
    """What it says in custom fields, by their keys."""

    @validates("subject")
    def _fold(self, _name: str, subject: str) -> str:
        self.subject_folded = folded(subject)
        return subject

    @validates("reason")
    def _leave_own_reason(self, _name: str, reason: Reason) -> Reason:
        # Whoever puts it in a given reason need not know that it stood in one of the desk's own.
        self.own_reason_id = self.own_reason = None
        return reason

    @property
    def status(self) -> Status:
        """Why it stands there, as people call it."""
        return self.own_reason or self.reason

    def stand(self, status: Status) -> None:
        """Put it in that status; its state is left to the caller."""
        if not isinstance(status, OwnReason):
            self.reason = status
            return
        self.reason = status.kind_of
        self.own_reason_id, self.own_reason = status.id, status

    @property
    def open(self) -> bool:
        """Whether work may go on."""
        return self.state is State.ACTIVE


def next_numbers(session: Session, count: int) -> range:
    """The next `count` case numbers, for this transaction alone."""
    return next_of(session, "case", count)


def touch(case: Case, at: datetime) -> None:
    """Note that the case changed, which makes a new version; times never run backwards."""
    case.updated_at = max(case.updated_at, at)
    flag_modified(case, "updated_at")


PLANS = ("follow_up_at", "remind_at", "snoozed_at", "wakes_at")


def forget_plans(case: Case) -> None:
    """Put it off no longer and agree to no follow-up, as when it is closed."""
    for name in PLANS:
        setattr(case, name, None)


def set_deadline(
    case: Case, deadline_at: datetime | None, *, missed_at: datetime | None = None
) -> None:
    """Note the earliest running deadline, and where that puts the case in an order.

    A deadline that was missed and is still not met keeps the case ahead of those that have time.
    """
    case.deadline_at = deadline_at
    case.order_at = min(missed_at or NEVER, deadline_at or NEVER)
