"""Writing customers down by hand: who never wrote to us, or is called otherwise than we thought."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from intake import events
from intake.agents import Act, Principal
from intake.customers.people import Account, Contact
from intake.db import HELD, new_id
from intake.errors import IntakeError, NotFound

NAME_LENGTH, EXTERNAL_ID_LENGTH = 200, 120
OF_ACCOUNT = ("name", "external_id", "shares_cases")
OF_CONTACT = ("name", "external_id", "account_id")


class WrongCustomer(IntakeError):
    """A field of an account or contact that cannot be meant; the text names it."""

    code = "wrong-customer"


def add_account(
    session: Session, by: Principal, name: str, *, at: datetime, **more: Any
) -> Account:
    """A new company. Raises WrongCustomer, naming the field."""
    by.must(Act.WORK)
    account = Account(id=new_id(), shares_cases=False, created_at=at)
    _write(session, account, OF_ACCOUNT, {"name": name, **more})
    session.add(account)
    session.flush()
    _record(session, "account.added", account, by, at)
    return account


def change_account(
    session: Session, by: Principal, account_id: UUID, *, at: datetime, **fields: Any
) -> Account:
    """Write other fields into an account. Raises WrongCustomer, naming the field."""
    by.must(Act.WORK)
    account = session.get(Account, account_id, with_for_update=HELD, populate_existing=True)
    if account is None:
        raise NotFound("there is no such account")
    _write(session, account, OF_ACCOUNT, fields)
    _record(session, "account.changed", account, by, at, fields=sorted(fields))
    return account


def add_contact(
    session: Session, by: Principal, name: str, *, at: datetime, **more: Any
) -> Contact:
    """A new person, of an account or of none. Raises WrongCustomer, naming the field."""
    by.must(Act.WORK)
    contact = Contact(id=new_id(), created_at=at)
    _write(session, contact, OF_CONTACT, {"name": name, **more})
    session.add(contact)
    session.flush()
    _record(session, "contact.added", contact, by, at)
    return contact


def change_contact(
    session: Session, by: Principal, contact_id: UUID, *, at: datetime, **fields: Any
) -> Contact:
    """Write other fields into a contact. Their cases stay with the account they were opened for.

    Raises WrongCustomer, naming the field.
    """
    by.must(Act.WORK)
    contact = session.get(Contact, contact_id, with_for_update=HELD, populate_existing=True)
    if contact is None:
        raise NotFound("there is no such contact")
    if contact.merged_into_id is not None:
        raise WrongCustomer(f"{contact.name} was merged into another contact; change that one")
    _write(session, contact, OF_CONTACT, fields)
    _record(session, "contact.changed", contact, by, at, fields=sorted(fields))
    return contact


def _write(
    session: Session, row: Account | Contact, known: tuple[str, ...], fields: dict[str, Any]
) -> None:
    for field, value in fields.items():
        if field not in known:
            raise WrongCustomer(f"{field}: there is no such field to write")
        setattr(row, field, value.strip() if isinstance(value, str) else value)
    with session.no_autoflush:
        _check(session, row)
    session.flush()


def _check(session: Session, row: Account | Contact) -> None:
    if not 1 <= len(row.name) <= NAME_LENGTH:
        raise WrongCustomer(f"name: between 1 and {NAME_LENGTH} characters")
    row.external_id = row.external_id or None
    if row.external_id is not None:
        if len(row.external_id) > EXTERNAL_ID_LENGTH:
            raise WrongCustomer(f"external_id: at most {EXTERNAL_ID_LENGTH} characters")
        table = type(row)
        same = exists().where(table.external_id == row.external_id, table.id != row.id)
        if session.scalar(select(same)):
            raise WrongCustomer(f"external_id: {row.external_id!r} is somebody else's")
    account_id = row.account_id if isinstance(row, Contact) else None
    if account_id is not None and session.get(Account, account_id) is None:
        raise WrongCustomer("account_id: there is no such account")


def _record(
    session: Session, kind: str, row: Account | Contact, by: Principal, at: datetime, **data: Any
) -> None:
    noun = "account" if isinstance(row, Account) else "contact"
    data |= {noun: str(row.id), "name": row.name}
    events.record(session, kind, at=at, actor=by, **data)
