"""Who we serve: accounts and contacts, with what they asked and what they bought."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import strawberry
from sqlalchemy import Select, exists, or_, select

from graph.api import people
from graph.api.activities import Activity, about_accounts, about_contacts
from graph.api.asking import Asking, Info
from graph.api.describing import described
from graph.api.limits import FIRST_DEFAULT
from graph.api.loading import Shown, by_id, grouped
from graph.api.pages import After, Connection, First, Order, page
from graph.api.people import AccountNote, ContactMerge, Preferences
from graph.api.products import OwnedProduct, owned_by
from intake import customers as rows
from intake.messages import ContactKind as ContactKindWord

if TYPE_CHECKING:
    from graph.api.cases import Case
    from graph.api.contracts import Contract
    from graph.api.entitlements import Entitlement

ContactKind = ContactKindWord
strawberry.enum(ContactKind, name="ContactKind", description="How a person or thing is reached.")


@strawberry.interface(description="Whoever we serve: a company or a person.")
class Customer(Shown):
    id: UUID = strawberry.field(description="The customer's id.")
    name: str = strawberry.field(description="What they are called.")

    @described("Their cases that you may see, the newest first.")
    def cases(
        self, info: Info, first: First = FIRST_DEFAULT, after: After = None
    ) -> Connection[Annotated[Case, strawberry.lazy("graph.api.cases")]]:
        from graph.api.caselists import of_accounts, of_contacts

        theirs = of_accounts if isinstance(self, Account) else of_contacts
        return self.loaded(info, theirs, first, after)[self.id]

    @described("What they bought, the one that ends soonest first.")
    def entitlements(
        self, info: Info
    ) -> list[Annotated[Entitlement, strawberry.lazy("graph.api.entitlements")]]:
        from graph.api.entitlementlists import bought_by

        return self.loaded(info, bought_by).get(self.id, [])

    @described("Those of what they bought that run low: at one of their thresholds now.")
    def running_low(
        self, info: Info
    ) -> list[Annotated[Entitlement, strawberry.lazy("graph.api.entitlements")]]:
        from graph.api.entitlementlists import at_a_threshold

        return self.loaded(info, at_a_threshold).get(self.id, [])

    @described("What was agreed with them, the contract that ends soonest first.")
    def contracts(
        self, info: Info
    ) -> list[Annotated[Contract, strawberry.lazy("graph.api.contracts")]]:
        from graph.api.contracts import agreed_with

        return self.loaded(info, agreed_with).get(self.id, [])

    @described("What was planned and done for them without a case, the newest first.")
    def activities(
        self, info: Info, first: First = FIRST_DEFAULT, after: After = None
    ) -> Connection[Activity]:
        about = about_accounts if isinstance(self, Account) else about_contacts
        return self.loaded(info, about, first, after)[self.id]

    @described("The products that they have, the newest first.")
    def products(self, info: Info) -> list[OwnedProduct]:
        return self.loaded(info, owned_by).get(self.id, [])


@strawberry.type(description="A company, organisation or group.")
class Account(Customer):
    external_id: str | None = strawberry.field(description="Its id in another system.")
    shares_cases: bool = strawberry.field(
        description="Whether its people may see each other's cases."
    )

    @described("The mail domains whose senders belong to it.")
    def domains(self, info: Info) -> list[str]:
        return self.loaded(info, domains).get(self.id, [])

    @described("What was written down about it, the newest first.")
    def notes(
        self, info: Info, first: First = FIRST_DEFAULT, after: After = None
    ) -> Connection[AccountNote]:
        return self.loaded(info, people.noted, first, after)[self.id]


@strawberry.type(description="One way to reach a contact.")
class ContactPoint(Shown):
    id: UUID = strawberry.field(description="The id of this way.")
    kind: ContactKind = strawberry.field(description="What kind of address it is.")
    value: str = strawberry.field(description="The address, number or name.")
    verified: bool = strawberry.field(description="Whether they answered from it.")


@strawberry.type(description="A person, or a device that speaks.")
class Contact(Customer):
    language: str = strawberry.field(description="Their language, or empty.")
    time_zone: str = strawberry.field(description="Their time zone, or empty.")
    external_id: str | None = strawberry.field(description="Their id in another system.")
    merged_into_id: strawberry.Private[UUID | None]
    account_id: strawberry.Private[UUID | None]

    @described("The account they belong to.")
    def account(self, info: Info) -> Account | None:
        return self.named(info, "account_id", Account, rows.Account)

    @described("How they are reached.")
    def points(self, info: Info) -> list[ContactPoint]:
        return self.loaded(info, points).get(self.id, [])

    @described("How they like to be served; null when nobody asked.")
    def preferences(self, info: Info) -> Preferences | None:
        return self.loaded(info, people.wishes).get(self.id)

    @described("When they were made one with others, the newest first.")
    def merges(self, info: Info) -> list[ContactMerge]:
        return self.loaded(info, people.merges).get(self.id, [])

    @described("The contact that this one turned out to be, who has everything of theirs.")
    def merged_into(self, info: Info) -> Contact | None:
        return self.named(info, "merged_into_id", Contact, rows.Contact)


BY_ACCOUNT = Order("accounts", rows.Account.name, rows.Account.id)
BY_CONTACT = Order("contacts", rows.Contact.name, rows.Contact.id)


@strawberry.type
class CustomerQueries:
    @described(
        "Accounts and contacts, by name, in which `search` is found: in a name, a mail "
        "domain, an address or a number."
    )
    def customers(self, info: Info, search: str, first: First = FIRST_DEFAULT) -> list[Customer]:
        asking = info.context
        accounts = page(asking, accounts_with(search), BY_ACCOUNT, Account, first=first).nodes
        contacts = page(asking, contacts_with(search), BY_CONTACT, Contact, first=first).nodes
        found: list[Customer] = [*accounts, *contacts]
        return sorted(found, key=lambda customer: (customer.name.casefold(), customer.id))[:first]

    @described("Accounts by name; `search` finds in names and mail domains.")
    def accounts(
        self, info: Info, search: str = "", first: First = FIRST_DEFAULT, after: After = None
    ) -> Connection[Account]:
        statement = accounts_with(search)
        return page(info.context, statement, BY_ACCOUNT, Account, first=first, after=after)

    @described("Contacts by name; `search` finds in names and addresses.")
    def contacts(
        self, info: Info, search: str = "", first: First = FIRST_DEFAULT, after: After = None
    ) -> Connection[Contact]:
        statement = contacts_with(search)
        return page(info.context, statement, BY_CONTACT, Contact, first=first, after=after)

    @described("The account of that id, or null.")
    def account(self, info: Info, id: UUID) -> Account | None:
        return by_id(info.context, Account, rows.Account, [id]).get(id)

    @described("The contact of that id, or null.")
    def contact(self, info: Info, id: UUID) -> Contact | None:
        return by_id(info.context, Contact, rows.Contact, [id]).get(id)


def accounts_with(search: str) -> Select[rows.Account]:
    """The accounts in whose name or mail domains the words are found."""
    statement = select(rows.Account)
    if not search:
        return statement
    domain = exists().where(
        rows.AccountDomain.account_id == rows.Account.id,
        rows.AccountDomain.domain.icontains(search, autoescape=True),
    )
    return statement.where(or_(rows.Account.name.icontains(search, autoescape=True), domain))


def contacts_with(search: str) -> Select[rows.Contact]:
    """The contacts in whose name, addresses or numbers the words are found, none merged away."""
    statement = select(rows.Contact).where(rows.Contact.merged_into_id.is_(None))
    if not search:
        return statement
    point = exists().where(
        rows.ContactPoint.contact_id == rows.Contact.id,
        rows.ContactPoint.value.icontains(search, autoescape=True),
    )
    return statement.where(or_(rows.Contact.name.icontains(search, autoescape=True), point))


def domains(asking: Asking, accounts: Sequence[Account]) -> Mapping[UUID, list[str]]:
    """The mail domains of these accounts."""
    found: dict[UUID, list[str]] = {}
    statement = (
        select(rows.AccountDomain)
        .where(rows.AccountDomain.account_id.in_([account.id for account in accounts]))
        .order_by(rows.AccountDomain.domain)
    )
    for row in asking.session.scalars(statement):
        found.setdefault(row.account_id, []).append(row.domain)
    return found


def points(asking: Asking, contacts: Sequence[Contact]) -> Mapping[UUID, list[ContactPoint]]:
    """How these contacts are reached."""
    found = asking.session.scalars(
        select(rows.ContactPoint)
        .where(rows.ContactPoint.contact_id.in_([contact.id for contact in contacts]))
        .order_by(rows.ContactPoint.contact_id, rows.ContactPoint.id)
    )
    return grouped(ContactPoint, found, lambda row: row.contact_id)
