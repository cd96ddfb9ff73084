"""The customers sheet: accounts and their contacts, one row each, accounts before their people."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import select, tuple_
from sqlalchemy.orm import Session, selectinload

from graph.exchange.bringing import Fate, Into, Outcome, Row
from graph.exchange.columns import Column, Problem, joined, of_error, one_of, several
from intake.customers import Account, AccountDomain, Contact, ContactPoint, domains, points
from intake.customers.preferences import language, zone
from intake.db import new_id
from intake.errors import IntakeError
from intake.messages import ContactKind

TOGETHER = 500


class Kind(StrEnum):
    """What a row is."""

    ACCOUNT = "account"
    CONTACT = "contact"


KINDS = {"emails": ContactKind.EMAIL, "phones": ContactKind.PHONE}
Key = tuple[ContactKind, str]


class Customers:
    """Accounts and contacts. An external id finds a row again; without one, an account is found
    by its name and a contact by any of its addresses."""

    name = "customers"
    columns: tuple[Column, ...] = (
        Column("kind", one_of(Kind), required=True),
        Column("external_id", default=None),
        Column("name", required=True),
        Column("account"),
        Column("emails", several, default=()),
        Column("phones", several, default=()),
        Column("language", language),
        Column("time_zone", zone),
        Column("domains", several, default=()),
    )

    def together(self, row: Row) -> object:
        """Each row stands for itself."""
        return row.number

    def bring(self, rows: list[Row], into: Into) -> list[Outcome]:
        """Write accounts and contacts in the order of their rows."""
        known = _Known(rows, into)
        return [known.bring(row) for row in rows]

    def export(self, session: Session, *, region: str) -> Iterator[dict[str, str]]:
        """All accounts, then all contacts that were not merged away."""
        by_account = defaultdict(list)
        for held in session.scalars(select(AccountDomain).order_by(AccountDomain.domain)):
            by_account[held.account_id].append(held.domain)
        called: dict[UUID, str] = {}
        accounts = select(Account).order_by(Account.name, Account.id)
        for account in session.scalars(accounts.execution_options(yield_per=TOGETHER)):
            called[account.id] = account.external_id or account.name
            yield {
                "kind": Kind.ACCOUNT,
                "external_id": account.external_id or "",
                "name": account.name,
                "domains": joined(by_account[account.id]),
            }
        contacts = select(Contact).where(Contact.merged_into_id.is_(None)).order_by(Contact.id)
        whole = contacts.options(selectinload(Contact.points))
        for contact in session.scalars(whole.execution_options(yield_per=TOGETHER)):
            yield {
                "kind": Kind.CONTACT,
                "external_id": contact.external_id or "",
                "name": contact.name,
                "account": called[contact.account_id] if contact.account_id else "",
                "language": contact.language,
                "time_zone": contact.time_zone,
                **{
                    column: joined(p.value for p in contact.points if p.kind is kind)
                    for column, kind in KINDS.items()
                },
            }


class _Known:
    """What the desk knows of a batch of rows, kept up to date as they are written."""

    def __init__(self, rows: list[Row], into: Into) -> None:
        self.into, self.session = into, into.session
        accounts = {row["account"] for row in rows} | {
            text for row in rows if row["kind"] is Kind.ACCOUNT for text in (row["name"],)
        }
        ids = {row["external_id"] for row in rows} | accounts
        self.accounts: dict[str, Account] = {}
        self.accounts_called: dict[str, list[Account]] = defaultdict(list)
        for account in self._all(Account, Account.external_id, ids):
            self.accounts[account.external_id] = account
        for account in self._all(Account, Account.name, accounts):
            self.accounts_called[account.name].append(account)
        self.contacts = {c.external_id: c for c in self._all(Contact, Contact.external_id, ids)}
        self.domains = {
            held.domain: held.account_id
            for held in self._all(
                AccountDomain, AccountDomain.domain, {d for row in rows for d in row["domains"]}
            )
        }
        self.keys = {row.number: self._keys(row) for row in rows}
        self.points: dict[Key, UUID] = {}
        self._find_points()

    def bring(self, row: Row) -> Outcome:
        """Write one row, or say what is wrong with it."""
        try:
            keys = self.keys[row.number]
            if isinstance(keys, Problem):
                return keys
            return self._account(row) if row["kind"] is Kind.ACCOUNT else self._contact(row, keys)
        except IntakeError as error:
            return of_error(row.number, error)

    def _account(self, row: Row) -> Outcome:
        for name in ("account", "emails", "phones"):
            if row[name]:
                return Problem(row.number, name, "only a contact has this; leave it empty")
        key = row["external_id"] or row["name"]
        if problem := self.into.repeated(row, (Kind.ACCOUNT, key), "external_id"):
            return problem
        called = self.accounts_called[row["name"]]
        account = self.accounts.get(row["external_id"])
        if account is None and row["external_id"] is None:
            if len(called) > 1:
                return Problem(row.number, "name", f"{len(called)} accounts have it; use their ids")
            account = called[0] if called else None
        wanted = {domains.normal(domain) for domain in row["domains"]}
        for domain in sorted(wanted):
            owner = self.domains.get(domain)
            if owner is not None and (account is None or owner != account.id):
                return Problem(row.number, "domains", f"{domain} belongs to another account")
        if account is None:
            account = Account(
                id=new_id(),
                name=row["name"],
                external_id=row["external_id"],
                created_at=self.into.at,
            )
            self.session.add(account)
            called.append(account)
            if account.external_id:
                self.accounts[account.external_id] = account
            fate = Fate.MADE
        else:
            fate = _changed(account, {"name": row["name"]})
        for domain in sorted(wanted - set(self.domains)):
            self.session.add(AccountDomain(domain=domain, account_id=account.id))
            self.domains[domain] = account.id
            fate = Fate.CHANGED if fate is Fate.SAME else fate
        return fate

    def _contact(self, row: Row, keys: list[Key]) -> Outcome:
        if row["domains"]:
            return Problem(row.number, "domains", "only an account has this; leave it empty")
        if row["external_id"] is None and not keys:
            return Problem(row.number, "emails", "a contact needs an external id or an address")
        account = self._employer(row)
        if isinstance(account, Problem):
            return account
        for key in [(Kind.CONTACT, row["external_id"])] if row["external_id"] else keys:
            if problem := self.into.repeated(row, key, "external_id"):
                return problem
        found = self._found(row, keys)
        if isinstance(found, Problem):
            return found
        fields = {
            "name": row["name"],
            "account_id": account.id if account else None,
            "language": row["language"],
            "time_zone": row["time_zone"],
        }
        if found is None:
            found = Contact(
                id=new_id(), external_id=row["external_id"], created_at=self.into.at, **fields
            )
            self.session.add(found)
            fate = Fate.MADE
        else:
            fate = _changed(found, fields)
        for kind, value in keys:
            if (kind, value) not in self.points:
                self.session.add(ContactPoint(contact_id=found.id, kind=kind, value=value))
                self.points[kind, value] = found.id
                fate = Fate.CHANGED if fate is Fate.SAME else fate
        return fate

    def _employer(self, row: Row) -> Account | Problem | None:
        text = row["account"]
        if not text or text in self.accounts:
            return self.accounts.get(text)
        called = self.accounts_called[text]
        if len(called) == 1:
            return called[0]
        words = f"{len(called)} accounts are called that" if called else "there is none, nor above"
        return Problem(row.number, "account", f"{text!r}: {words}; use its external id")

    def _found(self, row: Row, keys: list[Key]) -> Contact | Problem | None:
        contact = self.contacts.get(row["external_id"])
        owners = {self.points[key] for key in keys if key in self.points}
        if contact is None and row["external_id"] is None and owners:
            contact = self.session.get(Contact, next(iter(owners)))
        others = owners - ({contact.id} if contact else set())
        if others:
            other = self.session.get_one(Contact, others.pop())
            taken = next(
                value for kind, value in keys if self.points.get((kind, value)) == other.id
            )
            return Problem(row.number, "emails", f"{taken} reaches {other.name} already")
        return contact

    def _keys(self, row: Row) -> list[Key] | Problem:
        keys = []
        for column, kind in KINDS.items():
            for value in row[column]:
                try:
                    keys.append((kind, points.normal(kind, value, region=self.into.region)))
                except IntakeError as error:
                    return Problem(row.number, column, str(error).partition(": ")[2])
        return list(dict.fromkeys(keys))

    def _find_points(self) -> None:
        wanted = [key for keys in self.keys.values() if isinstance(keys, list) for key in keys]
        if wanted:
            found = select(ContactPoint).where(
                tuple_(ContactPoint.kind, ContactPoint.value).in_(wanted)
            )
            self.points = {(p.kind, p.value): p.contact_id for p in self.session.scalars(found)}
        # Those that are found by an address are loaded in one go; `get` finds them then.
        self._held = self._all(Contact, Contact.id, set(self.points.values()))

    def _all(self, table: Any, column: Any, values: Iterable[Any]) -> list[Any]:
        wanted = {value for value in values if value}
        if not wanted:
            return []
        return list(self.session.scalars(select(table).where(column.in_(wanted))))


def _changed(record: Any, fields: dict[str, Any]) -> Fate:
    """Write what the row says; an empty cell leaves a field as it is."""
    changes = {n: v for n, v in fields.items() if v and getattr(record, n) != v}
    for name, value in changes.items():
        setattr(record, name, value)
    return Fate.CHANGED if changes else Fate.SAME
