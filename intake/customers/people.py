"""Accounts and contacts as they are kept, and who is behind an address."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    String,
    UniqueConstraint,
    cast,
    func,
    select,
    tuple_,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from intake.customers.domains import AccountDomain, domain_of, is_public
from intake.db import Base, new_id, one_of, refers_to
from intake.errors import NotFound
from intake.messages import Address, ContactKind


class Account(Base):
    """A company, organisation or group."""

    __tablename__ = "accounts"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    name: Mapped[str] = mapped_column(index=True)
    external_id: Mapped[str | None] = mapped_column(String(120), unique=True)
    shares_cases: Mapped[bool] = mapped_column(default=False)
    """Whether its people may see each other's cases."""
    created_at: Mapped[datetime]


class Contact(Base):
    """A person, or a device that speaks."""

    __tablename__ = "contacts"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    name: Mapped[str]
    account_id: Mapped[UUID | None] = mapped_column(refers_to("accounts.id"), index=True)
    language: Mapped[str] = mapped_column(String(16), default="")
    time_zone: Mapped[str] = mapped_column(String(64), default="")
    external_id: Mapped[str | None] = mapped_column(String(120), unique=True)
    merged_into_id: Mapped[UUID | None] = mapped_column(refers_to("contacts.id"), index=True)
    """The contact this one turned out to be; it has nothing of its own any more."""
    created_at: Mapped[datetime]
    account: Mapped[Account | None] = relationship()
    points: Mapped[list[ContactPoint]] = relationship(
        back_populates="contact", order_by="ContactPoint.id"
    )


class ContactPoint(Base):
    """One way to reach a contact. A value of a kind belongs to one contact only."""

    __tablename__ = "contact_points"
    __table_args__ = (UniqueConstraint("kind", "value"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    contact_id: Mapped[UUID] = mapped_column(refers_to("contacts.id"), index=True)
    kind: Mapped[ContactKind] = mapped_column(one_of(ContactKind))
    value: Mapped[str] = mapped_column(String(320))
    verified: Mapped[bool] = mapped_column(default=False)
    contact: Mapped[Contact] = relationship(back_populates="points")


def identify(session: Session, addresses: Iterable[Address], *, at: datetime) -> Identified:
    """The contact behind each address; unknown ones are made, with their account by mail domain.

    A few statements for any number of addresses, plus the new rows at the next flush. Until the
    transaction ends nobody merges those found, and nobody else makes the strangers.
    """
    wanted = {(a.kind, a.value): a for a in addresses}
    found = _known(session, wanted)
    if len(found) < len(wanted):
        hold(session, wanted.keys() - found.keys())
        if session.get_bind().dialect.name == "postgresql":
            found |= _known(session, wanted.keys() - found.keys())
    strangers = [address for key, address in wanted.items() if key not in found]
    accounts = _accounts_by_domain(session, (domain_of(a.value) for a in strangers))
    for address in strangers:
        contact = Contact(
            id=new_id(),
            name=address.name or address.value,
            account_id=accounts.get(domain_of(address.value)),
            created_at=at,
        )
        session.add(contact)
        session.add(ContactPoint(contact_id=contact.id, kind=address.kind, value=address.value))
        found[(address.kind, address.value)] = contact
    return found


def survivor_of(session: Session, contact_id: UUID) -> Contact:
    """That contact, or who they turned out to be; not merged until this transaction ends.

    Raises NotFound.
    """
    for contact in _held(session, {contact_id}):
        return survivor_of(session, contact.merged_into_id) if contact.merged_into_id else contact
    raise NotFound("there is no such contact")


def hold(session: Session, keys: Iterable[Key]) -> None:
    """Let nobody else make a contact of these addresses until this transaction ends.

    Two workers may hold the first messages of one stranger; each would make them. Whoever also
    holds contacts held those first. SQLite's writers take turns anyway.
    """
    if session.get_bind().dialect.name != "postgresql":
        return
    turns = sorted(_turn_of(key) for key in keys)
    each = func.unnest(cast(turns, ARRAY(BigInteger))).column_valued("turn")
    session.execute(select(func.pg_advisory_xact_lock(each)))


def _turn_of(key: Key) -> int:
    digest = hashlib.blake2b("\0".join(key).encode(), digest_size=8).digest()
    return int.from_bytes(digest, signed=True)


def _known(session: Session, keys: Collection[Key]) -> Identified:
    """Who is reached there, held so that they are not merged away while we use them."""
    if not keys:
        return {}
    points = session.execute(
        select(ContactPoint.kind, ContactPoint.value, ContactPoint.contact_id).where(
            tuple_(ContactPoint.kind, ContactPoint.value).in_(list(keys))
        )
    ).all()
    contacts = {c.id: c for c in _held(session, {point.contact_id for point in points})}
    for id, contact in contacts.items():
        if contact.merged_into_id is not None:  # while we waited for them
            contacts[id] = survivor_of(session, contact.merged_into_id)
    return {(point.kind, point.value): contacts[point.contact_id] for point in points}


def _held(session: Session, ids: Collection[UUID]) -> Sequence[Contact]:
    if not ids:
        return ()
    return session.scalars(
        select(Contact)
        .where(Contact.id.in_(ids))
        .order_by(Contact.id)
        .with_for_update(read=True)
        .execution_options(populate_existing=True)
    ).all()


def verify(session: Session, addresses: Iterable[str]) -> None:
    """Note that these mail addresses answered from a letter only their mailbox could hold."""
    wanted = {address for address in addresses if address}
    if wanted:
        session.execute(
            update(ContactPoint)
            .where(ContactPoint.kind == ContactKind.EMAIL, ContactPoint.value.in_(wanted))
            .where(ContactPoint.verified.is_(False))
            .values(verified=True)
            .execution_options(synchronize_session=False)
        )


def verified(session: Session, addresses: Iterable[str]) -> set[str]:
    """Which of these mail addresses are verified."""
    statement = select(ContactPoint.value).where(
        ContactPoint.kind == ContactKind.EMAIL,
        ContactPoint.verified,
        ContactPoint.value.in_(set(addresses)),
    )
    return set(session.scalars(statement))


Key = tuple[ContactKind, str]
Identified = dict[Key, Contact]


def _accounts_by_domain(session: Session, domains: Iterable[str]) -> dict[str, UUID]:
    wanted = {domain for domain in domains if domain and not is_public(domain)}
    if not wanted:
        return {}
    rows = session.execute(
        select(AccountDomain.domain, AccountDomain.account_id).where(
            AccountDomain.domain.in_(wanted)
        )
    )
    return dict(rows.all())
