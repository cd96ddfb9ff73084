"""Whom a row of a contract or entitlement is with: an account or a contact, named in one cell."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from graph.exchange.columns import Column, Problem
from intake.customers import Account, Contact, ContactPoint
from intake.messages import ContactKind

COLUMNS = (Column("account"), Column("contact"))
"""An account's external id or name; or a contact's external id or mail address."""


class Holders:
    """The customers that some rows name, looked up together."""

    def __init__(self, session: Session, rows: Iterable[Any]) -> None:
        rows = list(rows)
        accounts = {row["account"] for row in rows} - {""}
        people = {row["contact"] for row in rows} - {""}
        self._accounts: dict[str, set[UUID]] = {}
        self._contacts: dict[str, set[UUID]] = {}
        found = select(Account.id, Account.external_id, Account.name).where(
            or_(Account.external_id.in_(accounts), Account.name.in_(accounts))
        )
        for id, external_id, name in session.execute(found) if accounts else ():
            for text in (external_id, name):
                if text is not None and text in accounts:
                    self._accounts.setdefault(text, set()).add(id)
        by_id = select(Contact.external_id, Contact.id).where(Contact.external_id.in_(people))
        by_mail = select(ContactPoint.value, ContactPoint.contact_id).where(
            ContactPoint.kind == ContactKind.EMAIL,
            ContactPoint.value.in_({text.lower() for text in people}),
        )
        for statement in (by_id, by_mail) if people else ():
            for text, id in session.execute(statement):
                assert text is not None, "it was asked for by this text"
                self._contacts.setdefault(text, set()).add(id)

    def of(self, row: Any) -> dict[str, Any] | Problem:
        """`account_id` or `contact_id` of a row, or what is wrong."""
        account, contact = row["account"], row["contact"]
        if bool(account) == bool(contact):
            return Problem(row.number, "account", "name an account or a contact, and one of them")
        name = "account" if account else "contact"
        ids = self._accounts.get(account, set()) if account else self.contact(contact)
        if len(ids) != 1:
            words = f"{len(ids)} are called that" if ids else "there is none"
            return Problem(row.number, name, f"{account or contact!r}: {words}")
        return {f"{name}_id": next(iter(ids))}

    def contact(self, text: str) -> set[UUID]:
        """The contacts of an external id or mail address."""
        return self._contacts.get(text, set()) | self._contacts.get(text.lower(), set())


def names(session: Session) -> tuple[dict[UUID, str], dict[UUID, str]]:
    """What `Holders` finds each account and each contact by, for an export."""
    accounts = {
        id: external_id or name
        for id, external_id, name in session.execute(
            select(Account.id, Account.external_id, Account.name)
        )
    }
    contacts = dict[UUID, str]()
    mails = select(ContactPoint.contact_id, ContactPoint.value).where(
        ContactPoint.kind == ContactKind.EMAIL
    )
    for id, value in session.execute(mails.order_by(ContactPoint.id.desc())):
        contacts[id] = value
    named = select(Contact.id, Contact.external_id).where(Contact.external_id.is_not(None))
    for id, external_id in session.execute(named):
        assert external_id is not None, "asked for those that have one"
        contacts[id] = external_id
    return accounts, contacts
