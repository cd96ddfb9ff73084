"""A contract of a customer, for tests: sold, brought to a state, and carried to a day."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from intake import agree, clock, contracts
from intake.agents import Role
from intake.contracts import Contract, LineTerms, State, Terms
from intake.entitlements import Entitlement
from tests.desk import NOON, DeskUnderTest

YEAR = (date(2026, 1, 1), date(2026, 12, 31))
TODAY = NOON.date()
GOLD = LineTerms("Gold support", total=10, price=Decimal(1200))


def noon_of(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 12, tzinfo=UTC)


class Sold:
    """A customer's contract on a desk, and the manager who looks after it."""

    def __init__(self, desk: DeskUnderTest) -> None:
        self.desk = desk
        self.manager = desk.principal("Mina", Role.MANAGER)
        self.account_id = desk.has_customer().account_id
        self.at = NOON

    def terms(self, **fields: Any) -> Terms:
        fields.setdefault("account_id", None if "contact_id" in fields else self.account_id)
        given = {"name": "Support", "currency": "EUR", "bill_to": "1 High Street", **fields}
        starts_on, ends_on = given.pop("days", YEAR)
        return Terms(starts_on=starts_on, ends_on=ends_on, **given)

    def draft(self, *lines: LineTerms, **fields: Any) -> Contract:
        return self.does(agree.draft, self.terms(**fields), *(lines or (GOLD,)))

    def active(self, *lines: LineTerms, **fields: Any) -> Contract:
        return self.does(agree.invoice, self.draft(*lines, **fields).id)

    def does(self, act: Any, *given: Any, **more: Any) -> Any:
        with self.desk.transaction() as session:
            return act(session, self.manager, *given, desk=self.desk.settings, at=self.at, **more)

    def on(self, day: date) -> None:
        """It is noon of that day, and the clock has ticked."""
        self.at = noon_of(day)
        with self.desk.transaction() as session:
            clock.tick(session, self.desk.settings, at=self.at)

    def contract(self, contract_id: UUID) -> Contract:
        with self.desk.db.reading() as session:
            return contracts.by_id(session, contract_id)

    def entitlements(self) -> list[Entitlement]:
        return sorted(self.desk.all(Entitlement), key=lambda e: e.name)


def in_state(sold: Sold, state: State) -> Contract:
    """A contract that came to that state by the acts that lead there."""
    if state is State.DRAFT:
        return sold.draft()
    if state is State.INVOICED:
        later = (TODAY + timedelta(days=30), TODAY + timedelta(days=394))
        return sold.active(days=later)
    contract = sold.active()
    if state is State.ON_HOLD:
        return sold.does(agree.hold, contract.id)
    if state is State.CANCELLED:
        return sold.does(agree.cancel, contract.id)
    if state is State.EXPIRED:
        sold.on(date(2027, 1, 1))
    return sold.contract(contract.id)
