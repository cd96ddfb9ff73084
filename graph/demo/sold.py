"""What Contoso sells: hourly rates, templates, and a contract in each state one looks for."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.orm import Session

from intake import agree, charge
from intake.agents import Agent
from intake.contracts import Allotment, Frequency, LineTerms, Overage, Terms
from intake.customers import Account
from intake.desk import Desk

# Numbers and days of the past need no more of a desk than this.
DESK = Desk("Contoso Support", secret=b"")
EUR = "EUR"


def plant(session: Session, people: Mapping[str, Agent], *, at: datetime) -> None:
    """Set what an hour costs, and agree with three customers."""
    session.flush()
    manager = people["Marta"].principal("demo")
    charge.set_rate(session, manager, Decimal(75), EUR, at=at)
    charge.set_rate(session, manager, Decimal(110), EUR, service="on site", at=at)
    charge.set_terms(session, manager, currency=EUR, rounding_minutes=15, at=at)
    site = agree.template(
        session, manager, name="On-site hours", abbreviation="SITE", allotment=Allotment.TIME,
        billing_frequency=Frequency.QUARTERLY, description="Hours on site, invoiced ahead", at=at,
    )  # fmt: skip
    agree.template(
        session, manager, name="Gold support", abbreviation="GOLD",
        description="Cases by any channel, for a year", at=at,
    )  # fmt: skip
    customers = {account.name: account for account in session.scalars(select(Account))}
    today, year = at.date(), timedelta(days=364)
    hours = Terms(
        name="On-site hours", account_id=customers["Northwind Traders"].id, template_id=site.id,
        starts_on=today - timedelta(days=20), ends_on=today - timedelta(days=20) + year,
        currency=EUR, bill_to="Northwind Traders\nCalle Mayor 3\nMadrid", overage=Overage.BILL,
        owner_id=manager.id,
    )  # fmt: skip
    ten_hours = LineTerms("Ten hours on site", total=600, price=Decimal(950))
    running = agree.draft(session, manager, hours, ten_hours, desk=DESK, at=at)
    agree.invoice(session, manager, running.id, desk=DESK, at=at)
    # It runs out while time passes, and nobody renews it.
    care = Terms(
        name="Printer care", account_id=customers["Fabrikam"].id, currency=EUR,
        starts_on=today + timedelta(days=50) - year, ends_on=today + timedelta(days=50),
        allotment=Allotment.COVERAGE_DATES, bill_to="Fabrikam, Via Roma 8, Milano",
    )  # fmt: skip
    printers = LineTerms("Printers looked after", price=Decimal(1200))
    ending = agree.draft(session, manager, care, printers, desk=DESK, at=at)
    agree.invoice(session, manager, ending.id, desk=DESK, at=at)
    offer = Terms(
        name="Gold support", account_id=customers["Adventure Works"].id, currency=EUR,
        starts_on=today + timedelta(days=90), ends_on=today + timedelta(days=90) + year,
    )  # fmt: skip
    cases = LineTerms("Fifty cases", total=50, price=Decimal(2400), discount=Decimal(10))
    agree.draft(session, manager, offer, cases, desk=DESK, at=at)
