"""Customers written down by hand: accounts, contacts, and the mail domains of an account."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import strawberry
from sqlalchemy.orm import Session

from graph.api.asking import Info
from graph.api.describing import described
from graph.api.doing import done
from graph.api.knowing import CustomerChanged, CustomerResult
from intake import customers as rows
from intake.agents import Principal
from intake.customers import domains, registering

UNSET: Any = strawberry.UNSET


@strawberry.input(description="What is written of an account; what is left out stays.")
class AccountFields:
    name: str | None = strawberry.field(default=UNSET, description="What it is called.")
    external_id: str | None = strawberry.field(
        default=UNSET, description="Its id in another system; null: it has none."
    )
    shares_cases: bool | None = strawberry.field(
        default=UNSET, description="Whether its people may see each other's cases."
    )


@strawberry.input(description="What is written of a contact; what is left out stays.")
class ContactFields:
    name: str | None = strawberry.field(default=UNSET, description="What they are called.")
    external_id: str | None = strawberry.field(
        default=UNSET, description="Their id in another system; null: they have none."
    )
    account: UUID | None = strawberry.field(
        default=UNSET, description="The account they belong to; null: to none."
    )


def given(fields: Any) -> dict[str, Any]:
    """What was given of an input, as the domain calls it; null takes back what may be empty."""
    nothing = {"name": "", "shares_cases": False}
    named = {"account": "account_id", "family": "family_id"}
    return {
        named.get(name, name): nothing.get(name) if value is None else value
        for name, value in vars(fields).items()
        if value is not UNSET
    }


@strawberry.type
class RegisterMutations:
    @described("Write down a company that is new to us.")
    def add_account(
        self,
        info: Info,
        name: str,
        external_id: str | None = None,
        shares_cases: bool = False,
        domains: list[str] | None = None,
    ) -> CustomerResult:
        at, members = info.context.at, domains or []

        def act(session: Session, by: Principal) -> CustomerChanged:
            made = registering.add_account(
                session, by, name, external_id=external_id, shares_cases=shares_cases, at=at
            )
            for domain in members:
                rows.domains.add_domain(session, by, made.id, domain, at=at)
            return CustomerChanged(account_id=made.id)

        return done(info, act)

    @described("Write other things of an account.")
    def change_account(self, info: Info, account: UUID, fields: AccountFields) -> CustomerResult:
        at = info.context.at

        def act(session: Session, by: Principal) -> CustomerChanged:
            registering.change_account(session, by, account, at=at, **given(fields))
            return CustomerChanged(account_id=account)

        return done(info, act)

    @described("Write down a person who is new to us; `attachPoint` says how they are reached.")
    def add_contact(
        self,
        info: Info,
        name: str,
        account: UUID | None = None,
        external_id: str | None = None,
    ) -> CustomerResult:
        at = info.context.at

        def act(session: Session, by: Principal) -> CustomerChanged:
            made = registering.add_contact(
                session, by, name, account_id=account, external_id=external_id, at=at
            )
            return CustomerChanged(contact_id=made.id)

        return done(info, act)

    @described("Write other things of a contact; their cases stay with the account they are of.")
    def change_contact(self, info: Info, contact: UUID, fields: ContactFields) -> CustomerResult:
        at = info.context.at

        def act(session: Session, by: Principal) -> CustomerChanged:
            registering.change_contact(session, by, contact, at=at, **given(fields))
            return CustomerChanged(contact_id=contact)

        return done(info, act)

    @described("New people who write from that mail domain belong to the account from now on.")
    def add_domain(self, info: Info, account: UUID, domain: str) -> CustomerResult:
        at = info.context.at

        def act(session: Session, by: Principal) -> CustomerChanged:
            domains.add_domain(session, by, account, domain, at=at)
            return CustomerChanged(account_id=account)

        return done(info, act)

    @described("New people who write from that mail domain belong nowhere; who is known stays.")
    def remove_domain(self, info: Info, domain: str) -> CustomerResult:
        at = info.context.at

        def act(session: Session, by: Principal) -> CustomerChanged:
            held = domains.remove_domain(session, by, domain, at=at)
            return CustomerChanged(account_id=held.account_id)

        return done(info, act)
