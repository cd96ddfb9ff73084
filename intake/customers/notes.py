"""Notes on an account: what an agent writes down when they call, whether or not there is a case."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from intake import events
from intake.agents import Act, Principal
from intake.customers.people import Account
from intake.db import Base, new_id, refers_to
from intake.errors import IntakeError, NotFound


class EmptyNote(IntakeError):
    """A note needs words."""

    code = "empty-text"


class AccountNote(Base):
    """One note. Notes are added and never changed; the customer does not see them."""

    __tablename__ = "account_notes"
    __table_args__ = (Index("ix_account_notes_by_account", "account_id", "at"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    account_id: Mapped[UUID] = mapped_column(refers_to("accounts.id"))
    agent_id: Mapped[UUID | None] = mapped_column(refers_to("agents.id"))
    author_name: Mapped[str]
    text: Mapped[str]
    at: Mapped[datetime]


def note(
    session: Session, by: Principal, account_id: UUID, text: str, *, at: datetime
) -> AccountNote:
    """Attach a note to an account."""
    by.must(Act.WORK)
    if session.get(Account, account_id) is None:
        raise NotFound("there is no such account")
    if not text.strip():
        raise EmptyNote("text: there are no words; write something first")
    written = AccountNote(
        id=new_id(),
        account_id=account_id,
        agent_id=by.id,
        author_name=by.name,
        text=text.strip(),
        at=at,
    )
    session.add(written)
    session.flush()
    events.record(
        session, "account.noted", at=at, actor=by, account=str(account_id), note=str(written.id)
    )
    return written


def of_account(session: Session, account_id: UUID, *, limit: int = 100) -> list[AccountNote]:
    """The newest notes on an account, the newest first."""
    statement = select(AccountNote).where(AccountNote.account_id == account_id)
    newest = statement.order_by(AccountNote.at.desc(), AccountNote.id.desc()).limit(limit)
    return list(session.scalars(newest))
