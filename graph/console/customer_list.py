"""The customers: accounts and people by name, found by name, address or mail domain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlencode
from uuid import UUID

from sqlalchemy import Select, and_, func, or_, select
from sqlalchemy.orm import joinedload, selectinload
from starlette.responses import Response
from starlette.routing import Route

from graph.console import balances, rendering
from graph.console.balances import Balance
from graph.console.navigation import Place, beside
from graph.console.visit import Visit, read
from graph.house import House
from intake.agents import Act
from intake.cases import Case, State
from intake.customers import Account, AccountDomain, Contact, ContactPoint
from intake.entitlements import Entitlement
from intake.entitlements import State as EntitlementState
from intake.visibility import visible_to

AT_ONCE = 50
LONGEST_QUESTION = 200


@dataclass(frozen=True, slots=True)
class Row:
    """One customer in the list."""

    href: str
    name: str
    under: str
    """The domains of an account, the first address of a person."""
    account: str
    people: int
    open_cases: int
    left: Balance | None
    """What is left of the entitlement of which least is left."""


def routes(house: House) -> list[Route]:
    """The list, for everybody who works here."""
    return [Route("/customers", read(house, _customers), name="customers")]


def _customers(visit: Visit) -> Response:
    visit.by.must(Act.READ)
    question = visit.asked("q").strip()[:LONGEST_QUESTION]
    people = visit.asked("kind") == "people"
    found: Sequence[Account] | Sequence[Contact]
    if people:
        found = _contacts(visit, question)
        rows = _contact_rows(visit, found[:AT_ONCE])
    else:
        found = _accounts(visit, question)
        rows = _account_rows(visit, found[:AT_ONCE])
    asked = {"q": question} if question else {}
    tabs = [
        Place("/customers?" + urlencode(asked), "Accounts", 0, not people),
        Place("/customers?" + urlencode({"kind": "people", **asked}), "People", 0, people),
    ]
    following = ""
    if len(found) > AT_ONCE:
        last = found[AT_ONCE - 1]
        kept = {"kind": "people", **asked} if people else asked
        following = "/customers?" + urlencode({**kept, "after": f"{last.id}_{last.name}"})
    return rendering.page(
        visit,
        "customers.html",
        nav=beside(visit),
        rows=rows,
        tabs=tabs,
        people=people,
        working=visit.by.may(Act.WORK),
        asked=question,
        following=following,
        continued=bool(visit.asked("after")),
    )


def _accounts(visit: Visit, question: str) -> Sequence[Account]:
    statement = select(Account)
    if question:
        domains = select(AccountDomain.account_id).where(
            AccountDomain.domain.icontains(question, autoescape=True)
        )
        statement = statement.where(
            or_(Account.name.icontains(question, autoescape=True), Account.id.in_(domains))
        )
    if after := _cursor(visit.asked("after")):
        id, name = after
        statement = statement.where(
            or_(Account.name > name, and_(Account.name == name, Account.id > id))
        )
    statement = statement.order_by(Account.name, Account.id).limit(AT_ONCE + 1)
    return visit.session.scalars(statement).all()


def _contacts(visit: Visit, question: str) -> Sequence[Contact]:
    statement: Select[Contact] = select(Contact).where(Contact.merged_into_id.is_(None))
    if question:
        reached = select(ContactPoint.contact_id).where(
            ContactPoint.value.icontains(question, autoescape=True)
        )
        statement = statement.where(
            or_(Contact.name.icontains(question, autoescape=True), Contact.id.in_(reached))
        )
    if after := _cursor(visit.asked("after")):
        id, name = after
        statement = statement.where(
            or_(Contact.name > name, and_(Contact.name == name, Contact.id > id))
        )
    statement = statement.order_by(Contact.name, Contact.id).limit(AT_ONCE + 1)
    both = (joinedload(Contact.account), selectinload(Contact.points))
    return visit.session.scalars(statement.options(*both)).all()


def _account_rows(visit: Visit, found: Sequence[Account]) -> list[Row]:
    session, ids = visit.session, [account.id for account in found]
    domains: dict[UUID, list[str]] = {}
    for row in session.scalars(
        select(AccountDomain)
        .where(AccountDomain.account_id.in_(ids))
        .order_by(AccountDomain.domain)
    ):
        domains.setdefault(row.account_id, []).append(row.domain)
    people = dict(
        session.execute(
            select(Contact.account_id, func.count())
            .where(Contact.account_id.in_(ids), Contact.merged_into_id.is_(None))
            .group_by(Contact.account_id)
        ).all()
    )
    cases = dict(
        session.execute(
            visible_to(visit.by)
            .with_only_columns(Case.account_id, func.count())
            .where(Case.account_id.in_(ids), Case.state == State.ACTIVE)
            .group_by(Case.account_id)
        ).all()
    )
    left = _least(visit, ids)
    return [
        Row(
            f"/customers/accounts/{account.id}",
            account.name,
            ", ".join(domains.get(account.id, [])[:3]),
            "",
            people.get(account.id, 0),
            cases.get(account.id, 0),
            left.get(account.id),
        )
        for account in found
    ]


def _contact_rows(visit: Visit, found: Sequence[Contact]) -> list[Row]:
    cases = dict(
        visit.session.execute(
            visible_to(visit.by)
            .with_only_columns(Case.contact_id, func.count())
            .where(Case.contact_id.in_([contact.id for contact in found]))
            .where(Case.state == State.ACTIVE)
            .group_by(Case.contact_id)
        ).all()
    )
    return [
        Row(
            f"/customers/contacts/{contact.id}",
            contact.name,
            contact.points[0].value if contact.points else "",
            contact.account.name if contact.account else "",
            0,
            cases.get(contact.id, 0),
            None,
        )
        for contact in found
    ]


def _least(visit: Visit, account_ids: Sequence[UUID]) -> dict[UUID, Balance]:
    """The balance of each account that is nearest to its end."""
    rows = visit.session.scalars(
        select(Entitlement)
        .where(Entitlement.account_id.in_(account_ids))
        .where(Entitlement.state == EntitlementState.ACTIVE)
        .order_by(Entitlement.ends_on, Entitlement.id)
    )
    found: dict[UUID, Balance] = {}
    for entitlement in rows:
        balance = balances.of_entitlement(entitlement)
        assert entitlement.account_id is not None, "asked for by account"
        before = found.get(entitlement.account_id)
        if before is None or _share(balance) < _share(before):
            found[entitlement.account_id] = balance
    return found


def _share(balance: Balance) -> float:
    return 101.0 if balance.percent is None else balance.percent


def _cursor(text: str) -> tuple[UUID, str] | None:
    """Where the page before ended; what is no cursor of ours begins at the beginning."""
    id, _, name = text.partition("_")
    try:
        return (UUID(id), name) if name else None
    except ValueError:
        return None
