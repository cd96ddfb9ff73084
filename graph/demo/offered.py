"""What Contoso sells: its catalogue and its offers; and what some customers have of it."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from intake import agree, entitlements, products
from intake.agents import Act, Agent, Kind, Principal
from intake.contracts import Allotment, LineTerms, Overage, Terms
from intake.customers import Account, Contact, notes, preferences
from intake.desk import Desk
from intake.entitlements import Allocation, DecreaseOn
from intake.sla import ServiceCalendar

ZONE = "Europe/Madrid"
CATALOGUE = (
    ("CX-100", "Contoso Router X", "Routers", "Wireless router for up to forty people."),
    ("CX-300", "Contoso Router X3", "Routers", "The same for a building, with three aerials."),
    ("CP-200", "Contoso Printer 200", "Printers", "Prints, scans and copies on two floors' paper."),
    ("CM-24", "Contoso Monitor 24", "", "A screen of 24 inches."),
)
PIECES = (
    ("Northwind Traders", "CP-200", "P200-0417", 500, 230),
    ("Northwind Traders", "CX-300", "X3-118-22", 200, 530),
    ("Fabrikam", "CX-100", "X1-900-07", 900, -170),
    ("Tailspin Toys", "CM-24", "M24-5521", 60, 670),
)
"""Whose, what, its serial number; bought so many days ago, under warranty for so many more."""


def plant(session: Session, *, at: datetime) -> None:
    """Lay out the catalogue and the offers, and what was bought beside support plans."""
    by = Principal(Kind.SYSTEM, name="demo", acts=frozenset(Act))
    _catalogue(session, by, at)
    _pieces(session, by, at)
    _offers(session, by, at)
    _contract(session, by, at)
    nora = session.scalars(select(Contact).where(Contact.name == "Nora Field")).one()
    preferences.prefer(
        session, by, nora.id, at=at, language="es", time_zone=ZONE,
        days=["tuesday", "thursday"], time_of_day="morning",
    )  # fmt: skip
    notes.note(session, by, _account(session, "Fabrikam"), "Ask for Fabio; he knows.", at=at)


def _catalogue(session: Session, by: Principal, at: datetime) -> None:
    machines = products.family(session, by, "Devices", at=at).id
    families = {
        name: products.family(session, by, name, parent_id=machines, at=at).id
        for name in ("Routers", "Printers")
    }
    for number, name, family, text in CATALOGUE:
        products.add(
            session, by, number=number, name=name, description=text,
            family_id=families.get(family, machines), at=at,
        )  # fmt: skip


def _pieces(session: Session, by: Principal, at: datetime) -> None:
    known = products.by_number(session, {number for _who, number, *_rest in PIECES})
    for name, number, serial, ago, left in PIECES:
        products.own(
            session, by, known[number], serial, account_id=_account(session, name),
            bought_on=at.date() - timedelta(days=ago),
            warranty_until=at.date() + timedelta(days=left), at=at,
        )  # fmt: skip


def _offers(session: Session, by: Principal, at: datetime) -> None:
    entitlements.add_template(
        session, by, name="Premium, 200 cases", total=200, at=at,
        channels=dict.fromkeys(("email", "facebook", "phone", "twitter", "web"), 200),
    )  # fmt: skip
    entitlements.add_template(
        session, by, name="Small, 4 cases a month", total=4, period_months=1, carry_over=2,
        carry_over_days=31, channels={"email": 4, "phone": 2, "web": 4}, at=at,
    )  # fmt: skip
    entitlements.add_template(
        session, by, name="Ten hours", total=600, allocation=Allocation.HOURS, reserve=30,
        decrease_on=DecreaseOn.RESOLUTION, unlisted=entitlements.Unlisted.ALLOW,
        draft_renewal=True, at=at,
    )  # fmt: skip


def _contract(session: Session, by: Principal, at: datetime) -> None:
    """A year of onsite care that ends soon: the clock drafts its next term meanwhile."""
    ends_on = at.date() + timedelta(days=110)
    desk = Desk("Contoso", b"", zone=ZONE)
    owner = session.scalars(select(Agent).where(Agent.name == "Marta Manager")).one()
    hours = session.scalars(select(ServiceCalendar).limit(1)).first()
    terms = Terms(
        name="Onsite care",
        account_id=_account(session, "Wingtip"),
        starts_on=ends_on - timedelta(days=364),
        ends_on=ends_on,
        currency="EUR",
        bill_to="Wingtip S.L.\nCalle Mayor 1\n28013 Madrid",
        allotment=Allotment.TIME,
        overage=Overage.BILL,
        calendar_id=hours.id if hours else None,
        owner_id=owner.id,
        draft_renewal_days=100,
    )
    line = LineTerms("Onsite hours", total=20 * 60, price=Decimal(1800), overage_rate=Decimal(95))
    made = agree.draft(session, by, terms, line, desk=desk, at=at)
    agree.invoice(session, by, made.id, desk=desk, at=at)


def _account(session: Session, name: str) -> UUID:
    return session.scalars(select(Account.id).where(Account.name == name)).one()
