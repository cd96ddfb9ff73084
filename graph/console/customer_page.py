"""The page of a customer, an account or a person: cases, people, what they bought, notes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import joinedload, selectinload
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from graph.console import bought, clocks, planning, rendering
from graph.console.bought import Held
from graph.console.clocks import NO_CLOCK, Clock
from graph.console.filling import Filled
from graph.console.navigation import beside
from graph.console.visit import Visit, read
from graph.house import House
from intake import products, renewals
from intake.agents import Act, Agent
from intake.cases import Activity, Case, State
from intake.contracts import Contract
from intake.customers import Account, AccountDomain, Contact, merging, notes, preferences
from intake.customers.merging import ContactMerge
from intake.customers.notes import AccountNote
from intake.customers.preferences import Preferences
from intake.entitlements import Entitlement
from intake.errors import NotFound
from intake.messages import ContactKind
from intake.products import OwnedProduct
from intake.visibility import visible_to

NOTHING = Filled({})
REACHED_BY = {
    ContactKind.EMAIL: "Email",
    ContactKind.PHONE: "Phone",
    ContactKind.SLACK: "Slack",
    ContactKind.FACEBOOK: "Facebook",
    ContactKind.TWITTER: "Twitter",
}
OPEN_SHOWN, CLOSED_SHOWN, PEOPLE_SHOWN, NOTES_SHOWN = 50, 15, 100, 30


@dataclass(frozen=True, slots=True)
class CaseRow:
    """One case of theirs, with its most pressing clock."""

    case: Case
    clock: Clock


@dataclass(frozen=True, slots=True)
class Told:
    """What a page of either kind shows."""

    open_cases: Sequence[CaseRow]
    closed_cases: Sequence[CaseRow]
    held: Sequence[Held]
    contracts: Sequence[Contract]
    owned: Sequence[OwnedProduct]


def routes(house: House) -> list[Route]:
    """The two pages."""
    return [
        Route("/customers/accounts/{id:uuid}", read(house, show_account), name="account"),
        Route("/customers/contacts/{id:uuid}", read(house, show_contact), name="contact"),
    ]


def show_account(visit: Visit, filled: Filled = NOTHING, pressed: str = "") -> Response:
    """The page of an account; with what was typed into the form that was `pressed` and refused."""
    visit.by.must(Act.READ)
    session = visit.session
    account = session.get(Account, visit.request.path_params["id"])
    if account is None:
        raise NotFound("there is no such account")
    domains = session.scalars(
        select(AccountDomain.domain)
        .where(AccountDomain.account_id == account.id)
        .order_by(AccountDomain.domain)
    ).all()
    people = session.scalars(
        select(Contact)
        .where(Contact.account_id == account.id, Contact.merged_into_id.is_(None))
        .order_by(Contact.name, Contact.id)
        .options(selectinload(Contact.points))
        .limit(PEOPLE_SHOWN + 1)
    ).all()
    written: Sequence[AccountNote] = notes.of_account(session, account.id, limit=NOTES_SHOWN)
    return rendering.page(
        visit,
        "account.html",
        422 if pressed else 200,
        nav=beside(visit),
        account=account,
        domains=domains,
        people=people[:PEOPLE_SHOWN],
        more_people=len(people) > PEOPLE_SHOWN,
        notes=written,
        filled=filled,
        pressed=pressed,
        low=_low(visit, None, account.id),
        catalogue=_catalogue(visit),
        planned=planning.about(visit, Activity.account_id, account.id),
        working=visit.by.may(Act.WORK),
        managing=visit.by.may(Act.MANAGE),
        links=True,
        region=visit.house.settings.phone_region,
        today=visit.house.desk.day(visit.at),
        told=_told(
            visit,
            Case.account_id == account.id,
            Entitlement.account_id == account.id,
            Contract.account_id == account.id,
            OwnedProduct.account_id == account.id,
        ),
    )


def show_contact(visit: Visit, filled: Filled = NOTHING, pressed: str = "") -> Response:
    """The page of a person; with what was typed into the form that was `pressed` and refused."""
    visit.by.must(Act.READ)
    contact = visit.session.scalar(
        select(Contact)
        .where(Contact.id == visit.request.path_params["id"])
        .options(joinedload(Contact.account), selectinload(Contact.points))
    )
    if contact is None:
        raise NotFound("there is no such person")
    if contact.merged_into_id is not None:
        return RedirectResponse(f"/customers/contacts/{contact.merged_into_id}", 303)
    # A person of an account is served by what the account bought as well.
    customers = [Entitlement.contact_id == contact.id]
    parties = [Contract.contact_id == contact.id]
    if contact.account_id is not None:
        customers.append(Entitlement.account_id == contact.account_id)
        parties.append(Contract.account_id == contact.account_id)
    likes = preferences.of_contact(visit.session, contact.id)
    return rendering.page(
        visit,
        "contact.html",
        422 if pressed else 200,
        nav=beside(visit),
        filled=filled,
        pressed=pressed,
        low=_low(visit, contact.id, None),
        catalogue=_catalogue(visit),
        merges=_merges(visit, contact),
        kinds=REACHED_BY,
        working=visit.by.may(Act.WORK),
        contact=contact,
        likes=likes,
        preferred=_preferred(visit, likes),
        planned=planning.about(visit, Activity.contact_id, contact.id),
        managing=visit.by.may(Act.MANAGE),
        links=True,
        region=visit.house.settings.phone_region,
        today=visit.house.desk.day(visit.at),
        told=_told(
            visit,
            Case.contact_id == contact.id,
            or_(*customers),
            or_(*parties),
            OwnedProduct.contact_id == contact.id,
        ),
    )


def _low(visit: Visit, contact_id: UUID | None, account_id: UUID | None) -> Sequence[Entitlement]:
    """What they hold themselves that runs low: the flag on a customer."""
    return renewals.running_low(visit.session, [(contact_id, account_id)])


def _catalogue(visit: Visit) -> list[tuple[object, str]]:
    if not visit.by.may(Act.WORK):
        return []
    return [("", "choose a product"), *((p.id, p.name) for p in products.catalogue(visit.session))]


def _merges(visit: Visit, contact: Contact) -> Sequence[tuple[ContactMerge, str]]:
    """The merges into this person that stand, with the name of whom each took in."""
    record = merging.ContactMerge
    rows = visit.session.execute(
        select(record, Contact.name)
        .join(Contact, Contact.id == record.merged_id)
        .where(record.survivor_id == contact.id, record.undone_at.is_(None))
        .order_by(record.at.desc())
    )
    return [(row[0], row[1]) for row in rows]


def _preferred(visit: Visit, likes: Preferences) -> str:
    if likes.agent_id is None:
        return ""
    agent = visit.session.get(Agent, likes.agent_id)
    return agent.name if agent else ""


def _told(
    visit: Visit,
    cases: ColumnElement[bool],
    entitlements: ColumnElement[bool],
    contracts: ColumnElement[bool],
    products: ColumnElement[bool],
) -> Told:
    active = _cases(visit, cases, active=True)
    closed = _cases(visit, cases, active=False)
    clock_of = clocks.of_cases(visit.session, [case.id for case in active], at=visit.at)
    return Told(
        [CaseRow(case, clock_of.get(case.id, NO_CLOCK)) for case in active],
        [CaseRow(case, NO_CLOCK) for case in closed],
        bought.of_customer(visit, entitlements),
        visit.session.scalars(
            select(Contract)
            .where(contracts)
            .order_by(Contract.ends_on.desc(), Contract.id)
            .options(selectinload(Contract.lines))
            .limit(20)
        ).all(),
        visit.session.scalars(
            select(OwnedProduct).where(products).order_by(OwnedProduct.id).limit(50)
        ).all(),
    )


def _cases(visit: Visit, whose: ColumnElement[bool], *, active: bool) -> Sequence[Case]:
    statement = visible_to(visit.by).where(whose).options(joinedload(Case.contact))
    if active:
        statement = statement.where(Case.state == State.ACTIVE)
        statement = statement.order_by(Case.order_at, Case.id).limit(OPEN_SHOWN)
    else:
        statement = statement.where(Case.state != State.ACTIVE)
        statement = statement.order_by(Case.opened_at.desc(), Case.id.desc()).limit(CLOSED_SHOWN)
    return visit.session.scalars(statement).all()


def href_of(account_id: UUID | None, contact_id: UUID | None) -> str:
    """Where the page of a customer is; that of the account where there is one."""
    if account_id is not None:
        return f"/customers/accounts/{account_id}"
    return f"/customers/contacts/{contact_id}"
