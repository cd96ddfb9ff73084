"""The story of a case: what was said and done, its files, how it ended, and what is still to do."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from intake.cases.case import NEVER
from intake.cases.standing import Reason
from intake.cases.status import LONGEST
from intake.db import Base, Json, new_id, one_of, partial_index, refers_to
from intake.inbound import Inbound


class ActivityKind(StrEnum):
    """What sort of entry in a story, or of work that is planned."""

    TASK = "task"
    APPOINTMENT = "appointment"
    LETTER = "letter"
    EMAIL = "email"
    PHONE_CALL = "phone call"
    WEB_FORM = "web form"
    CHAT = "chat"
    SLACK = "slack"
    SOCIAL = "social"
    NOTE = "note"
    RESOLUTION = "resolution"


class ActivityState(StrEnum):
    """Whether an activity is still to be done."""

    OPEN = "open"
    COMPLETED = "completed"
    CANCELLED = "cancelled"


class Direction(StrEnum):
    """From the customer, to the customer, or among ourselves."""

    INCOMING = "incoming"
    OUTGOING = "outgoing"
    INTERNAL = "internal"


class Activity(Base):
    """One entry in a story: a mail, a call, a chat line, a note; or one that is still to be done.

    It regards a case, or without one an account, a contact or a contract.
    """

    __tablename__ = "activities"
    __table_args__ = (
        CheckConstraint(
            "coalesce(case_id, account_id, contact_id, contract_id) IS NOT NULL",
            name="regards_something",
        ),
        Index("ix_activities_by_case", "case_id", "at", "id"),
        partial_index(
            "ix_activities_by_account", "account_id", "at", where="account_id IS NOT NULL"
        ),
        partial_index(
            "ix_activities_by_contract", "contract_id", "at", where="contract_id IS NOT NULL"
        ),
        partial_index(
            "ix_activities_by_owner",
            "owner_id",
            "state",
            "order_at",
            "id",
            where="owner_id IS NOT NULL",
        ),
        partial_index(
            "ix_activities_planned", "state", "order_at", "id", where="owner_id IS NOT NULL"
        ),
        partial_index("ix_activities_to_remind", "remind_at", "id", where="remind_at IS NOT NULL"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    case_id: Mapped[UUID | None] = mapped_column(refers_to("cases.id"))
    account_id: Mapped[UUID | None] = mapped_column(refers_to("accounts.id"))
    contract_id: Mapped[UUID | None] = mapped_column(refers_to("contracts.id"))
    kind: Mapped[ActivityKind] = mapped_column(one_of(ActivityKind))
    direction: Mapped[Direction] = mapped_column(one_of(Direction))
    state: Mapped[ActivityState] = mapped_column(
        one_of(ActivityState), default=ActivityState.COMPLETED
    )
    at: Mapped[datetime]
    """When it was said or done; while it is open, when it was planned."""
    due_at: Mapped[datetime | None]
    order_at: Mapped[datetime] = mapped_column(default=NEVER)
    """`due_at`, or NEVER: where it stands among what is to be done."""
    remind_at: Mapped[datetime | None]
    """When its owner is reminded of it; None once they were."""
    ended_at: Mapped[datetime | None]
    """When what was planned was completed or cancelled; None for what only came to pass."""
    owner_id: Mapped[UUID | None] = mapped_column(refers_to("agents.id"))
    """Who does what is planned."""
    version: Mapped[int] = mapped_column(default=1)
    """Goes up with each change of what is planned."""
    author_name: Mapped[str] = mapped_column(default="")
    author_address: Mapped[str] = mapped_column(String(320), default="")
    contact_id: Mapped[UUID | None] = mapped_column(refers_to("contacts.id"), index=True)
    """Who said it; without a case, whom it is about."""
    agent_id: Mapped[UUID | None] = mapped_column(refers_to("agents.id"))
    subject: Mapped[str] = mapped_column(default="")
    text: Mapped[str] = mapped_column(default="")
    """Everything that was said, quoted history included."""
    new_text: Mapped[str] = mapped_column(default="")
    """What was said this time; shown first, the rest is folded."""
    html: Mapped[str] = mapped_column(default="")
    """As it came; made safe each time it is shown, never before."""
    inbound_id: Mapped[UUID | None] = mapped_column(refers_to("inbound.id"))
    message_id: Mapped[str] = mapped_column(String(998), default="")
    recipients: Mapped[list[str]] = mapped_column(Json, default=list)
    matched_by: Mapped[str] = mapped_column(String(60), default="")
    """The rule that filed it here."""
    sender_doubt: Mapped[str] = mapped_column(default="")
    automatic: Mapped[str] = mapped_column(String(20), default="")
    duration_minutes: Mapped[int] = mapped_column(default=0)
    """How long it took; while it is open, how long it is planned to take."""
    notes: Mapped[list[str]] = mapped_column(Json, default=list)
    inbound: Mapped[Inbound | None] = relationship(lazy="raise")
    attachments: Mapped[list[Attachment]] = relationship(order_by="Attachment.part")


class Attachment(Base):
    """A file of an activity. Its content is a part of the raw message, read when asked for."""

    __tablename__ = "attachments"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    activity_id: Mapped[UUID] = mapped_column(refers_to("activities.id"), index=True)
    part: Mapped[int]
    name: Mapped[str] = mapped_column(String(255))
    content_type: Mapped[str] = mapped_column(String(120))
    size_bytes: Mapped[int]
    sha256: Mapped[str] = mapped_column(String(64))
    content_id: Mapped[str] = mapped_column(String(255), default="")
    inline: Mapped[bool] = mapped_column(default=False)


class Resolution(Base):
    """How a case was resolved. Each is kept; the latest is the valid one."""

    __tablename__ = "resolutions"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    case_id: Mapped[UUID] = mapped_column(refers_to("cases.id"), index=True)
    agent_id: Mapped[UUID | None] = mapped_column(refers_to("agents.id"))
    kind: Mapped[Reason] = mapped_column(one_of(Reason))
    called: Mapped[str] = mapped_column(String(LONGEST))
    """The kind as people called it that day."""
    text: Mapped[str]
    total_minutes: Mapped[int]
    billable_minutes: Mapped[int]
    at: Mapped[datetime]
