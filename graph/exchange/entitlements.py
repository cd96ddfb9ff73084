"""The entitlements sheet: what was bought apart from contracts, one row each.

Those that contracts make come back with their contracts. A row is known again by its name, its
customer and its first day.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from graph.exchange import references
from graph.exchange.bringing import Fate, Into, Outcome, Row
from graph.exchange.columns import (
    Column,
    Problem,
    WrongCell,
    counts,
    day,
    decimal,
    joined,
    of_error,
    one_of,
    several,
    yes_no,
)
from graph.exchange.holders import COLUMNS, Holders, names
from graph.exchange.references import References, numbers, whole_or_none
from intake import entitlements
from intake.agents import OPERATOR
from intake.contracts import ContractLine
from intake.db import new_id
from intake.entitlements import (
    Allocation,
    ChannelAllotment,
    DecreaseOn,
    EntitledContact,
    EntitledProduct,
    Entitlement,
    Overdraw,
    State,
    Unlisted,
)
from intake.entitlements.overlaps import overlapping
from intake.entitlements.validity import must_be_valid
from intake.errors import IntakeError
from intake.products import Product

HOUR = 60
A_ROUNDING = Decimal("0.001")


class Stands(StrEnum):
    """Where an entitlement that is brought in may stand; its dates say the rest."""

    DRAFT = "draft"
    WAITING = "waiting"
    ACTIVE = "active"
    EXPIRED = "expired"


class Entitlements:
    """Entitlements with their channels. One that is here already is left as it is."""

    name = "entitlements"
    columns: tuple[Column, ...] = (
        Column("name", required=True),
        *COLUMNS,
        Column("state", one_of(Stands), default=Stands.ACTIVE),
        Column("starts_on", day, required=True),
        Column("ends_on", day, required=True),
        Column("allocation", one_of(Allocation), default=Allocation.CASES),
        Column("total", decimal, required=True),
        Column("remaining", shown_only=True),
        Column("decrease_on", one_of(DecreaseOn), default=None),
        Column("restricted", yes_no, default=True),
        Column("unlisted", one_of(Unlisted), default=Unlisted.DENY),
        Column("channels", counts, default={}),
        Column("products", several, default=()),
        Column("contacts", several, default=()),
        *references.COLUMNS,
        Column("reserve", decimal, default=None),
        Column("overdraw", one_of(Overdraw), default=Overdraw.SPLIT),
        Column("period_months", whole_or_none, default=None),
        Column("carry_over", decimal, default=Decimal()),
        Column("carry_over_days", whole_or_none, default=None),
        Column("thresholds", numbers, default=(20, 0)),
        Column("draft_renewal", yes_no, default=False),
        Column("is_default", yes_no, default=False),
        Column("description"),
    )

    def together(self, row: Row) -> object:
        """Each row stands for itself."""
        return row.number

    def bring(self, rows: list[Row], into: Into) -> list[Outcome]:
        """Write drafts, and activate those that are in force."""
        session = into.session
        holders = Holders(session, [*rows, *_people(rows)])
        asked = {number for row in rows for number in row["products"]}
        found = select(Product.number, Product.id).where(Product.number.in_(asked))
        products: dict[str, UUID] = dict(session.execute(found).all())
        here, known = _here(session, rows), References(session)
        return [self._bring(row, holders, products, known, here, into) for row in rows]

    def export(self, session: Session, *, region: str) -> Iterator[dict[str, str]]:
        """All that no contract made, but those on hold or cancelled, by their first day."""
        accounts, contacts = names(session)
        products = dict(session.execute(select(Product.id, Product.number)).all())
        known = References(session)
        made = select(ContractLine.entitlement_id).where(ContractLine.entitlement_id.is_not(None))
        whole = (
            select(Entitlement)
            .where(Entitlement.id.not_in(made))
            .where(Entitlement.state.in_([State(word.value) for word in Stands]))
            .order_by(Entitlement.starts_on, Entitlement.name, Entitlement.id)
            .options(
                selectinload(Entitlement.channels),
                selectinload(Entitlement.contacts),
                selectinload(Entitlement.products),
            )
        )
        for row in session.scalars(whole.execution_options(yield_per=200)):
            yield {
                "name": row.name,
                "account": accounts[row.account_id] if row.account_id else "",
                "contact": contacts[row.contact_id] if row.contact_id else "",
                "state": row.state,
                "starts_on": str(row.starts_on),
                "ends_on": str(row.ends_on),
                "allocation": row.allocation,
                "total": _terms(row, row.total),
                "remaining": _terms(row, row.remaining),
                "decrease_on": row.decrease_on,
                "restricted": "yes" if row.restricted else "no",
                "unlisted": row.unlisted,
                "channels": joined(f"{c.channel}={_terms(row, c.total)}" for c in row.channels),
                "products": joined(sorted(products[p.product_id] for p in row.products)),
                "contacts": joined(sorted(contacts[c.contact_id] for c in row.contacts)),
                **known.cells(row),
                "reserve": _terms(row, row.reserve),
                "overdraw": row.overdraw,
                "period_months": str(row.period_months or ""),
                "carry_over": _terms(row, row.carry_over),
                "carry_over_days": str(row.carry_over_days or ""),
                "thresholds": joined(map(str, row.thresholds)),
                "draft_renewal": "yes" if row.draft_renewal else "no",
                "is_default": "yes" if row.is_default else "no",
                "description": row.description,
            }

    def _bring(
        self,
        row: Row,
        holders: Holders,
        products: dict[str, UUID],
        known: References,
        here: set[Any],
        into: Into,
    ) -> Outcome:
        holder = holders.of(row)
        if isinstance(holder, Problem):
            return holder
        key = (row["name"], *holder.values(), row["starts_on"])
        if problem := into.repeated(row, key, "name"):
            return problem
        if key in here:
            return Fate.SAME
        lists = _lists(row, holders, products)
        if isinstance(lists, Problem):
            return lists
        referred = known.of(row)
        if isinstance(referred, Problem):
            return referred
        try:
            with into.session.begin_nested():
                self._write(row, {**holder, **lists, **referred}, into)
        except WrongCell as error:
            return Problem(row.number, "total", str(error))
        except IntakeError as error:
            return of_error(row.number, error)
        return Fate.MADE

    def _write(self, row: Row, named: dict[str, Any], into: Into) -> None:
        allocation = row["allocation"]
        usual = DecreaseOn.RESOLUTION if allocation is Allocation.HOURS else DecreaseOn.CREATION
        entitlement = Entitlement(
            id=new_id(),
            name=row["name"],
            starts_on=row["starts_on"],
            ends_on=row["ends_on"],
            allocation=allocation,
            decrease_on=row["decrease_on"] or usual,
            restricted=row["restricted"],
            unlisted=row["unlisted"],
            total=_units(allocation, row["total"]),
            remaining=0,
            created_at=into.at,
            channels=[
                ChannelAllotment(channel=channel, total=_units(allocation, total), remaining=0)
                for channel, total in row["channels"].items()
            ],
            reserve=1 if row["reserve"] is None else _units(allocation, row["reserve"]),
            overdraw=row["overdraw"],
            period_months=row["period_months"],
            carry_over=_units(allocation, row["carry_over"]),
            carry_over_days=row["carry_over_days"],
            thresholds=list(row["thresholds"]),
            draft_renewal=row["draft_renewal"],
            description=row["description"],
            zone=entitlements.zone_of(into.session, named["calendar_id"]),
            **named,
        )
        into.session.add(entitlement)
        into.session.flush()
        doubts = must_be_valid(entitlement) + overlapping(into.session, entitlement)
        into.doubts += [Problem(row.number, doubt.field, doubt.words) for doubt in doubts]
        if row["state"] is not Stands.DRAFT:
            entitlements.activate(into.session, entitlement, on=into.desk.day(into.at), at=into.at)
        if row["is_default"]:
            entitlements.set_default(into.session, entitlement, at=into.at, by=OPERATOR)


def _units(allocation: Allocation, terms: Decimal) -> int:
    units = terms * HOUR if allocation is Allocation.HOURS else terms
    if abs(units - round(units)) < A_ROUNDING:
        return round(units)  # a third of an hour is no finite decimal
    unit = "minutes" if allocation is Allocation.HOURS else "cases"
    raise WrongCell(f"{terms} {allocation} is no whole number of {unit}")


def _terms(entitlement: Entitlement, units: int) -> str:
    if entitlement.allocation is Allocation.CASES:
        return str(units)
    return f"{round(Decimal(units) / HOUR, 6).normalize():f}"


def _lists(row: Row, holders: Holders, products: dict[str, UUID]) -> dict[str, Any] | Problem:
    listed = []
    for number in row["products"]:
        if number not in products:
            return Problem(row.number, "products", f"there is no product {number!r}")
        listed.append(EntitledProduct(product_id=products[number]))
    people = []
    for text in row["contacts"]:
        ids = holders.contact(text)
        if len(ids) != 1:
            return Problem(row.number, "contacts", f"{text!r} is no contact")
        people.append(EntitledContact(contact_id=next(iter(ids))))
    return {"products": listed, "contacts": people}


def _people(rows: list[Row]) -> Iterator[dict[str, str]]:
    """The contacts that rows are limited to, as `Holders` looks names up."""
    for row in rows:
        for text in row["contacts"]:
            yield {"account": "", "contact": text}


def _here(session: Session, rows: list[Row]) -> set[Any]:
    named = {row["name"] for row in rows}
    found = select(
        Entitlement.name, Entitlement.account_id, Entitlement.contact_id, Entitlement.starts_on
    ).where(Entitlement.name.in_(named))
    return {
        (name, account_id or contact_id, starts_on)
        for name, account_id, contact_id, starts_on in session.execute(found)
    }
