"""The contracts sheet: one row for each line; the rows of one contract follow one another."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from itertools import groupby
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from graph.exchange import references
from graph.exchange.bringing import Fate, Into, Outcome, Row
from graph.exchange.columns import Column, Problem, day, decimal, of_error, one_of, whole
from graph.exchange.holders import COLUMNS, Holders, names
from graph.exchange.references import References
from intake import agree, contracts
from intake.agents import OPERATOR
from intake.contracts import (
    Allotment,
    Contract,
    ContractTemplate,
    Discount,
    Frequency,
    LineTerms,
    Overage,
    Terms,
)
from intake.errors import IntakeError
from intake.money import currency
from intake.products import Product


class Stands(StrEnum):
    """Where a contract that is brought in may stand; its dates say whether it is active."""

    DRAFT = "draft"
    INVOICED = "invoiced"
    ACTIVE = "active"
    EXPIRED = "expired"


# What all rows of one contract say alike.
HEADER = (
    Column("contract", required=True),
    Column("number", shown_only=True),
    *COLUMNS,
    Column("state", one_of(Stands), default=Stands.DRAFT),
    Column("name", required=True),
    Column("template"),
    Column("starts_on", day, required=True),
    Column("ends_on", day, required=True),
    Column("bill_to"),
    Column("currency", currency, required=True),
    Column("billing_frequency", one_of(Frequency), default=Frequency.ANNUALLY),
    Column("allotment", one_of(Allotment), default=Allotment.CASES),
    Column("discount_mode", one_of(Discount), default=Discount.PERCENTAGE),
    Column("overage", one_of(Overage), default=Overage.ASK),
    *references.COLUMNS,
    Column("draft_renewal_days", whole, default=None),
)
LINE = (
    Column("line", required=True),
    Column("product"),
    Column("line_starts_on", day, default=None),
    Column("line_ends_on", day, default=None),
    Column("quantity", whole, default=1),
    Column("total", whole, default=0),
    Column("price", decimal, default=0),
    Column("discount", decimal, default=0),
    Column("overage_rate", decimal, default=None),
)


class Contracts:
    """Contracts with their lines. One that is here already is left as it is."""

    name = "contracts"
    columns: tuple[Column, ...] = (*HEADER, *LINE)

    def together(self, row: Row) -> object:
        """The rows of one contract."""
        return row.values.get("contract", row.number)

    def bring(self, rows: list[Row], into: Into) -> list[Outcome]:
        """Draft each contract with its lines, and invoice it where the file says so."""
        session = into.session
        books = _Books(session, rows)
        outcomes: list[Outcome] = []
        for key, group in groupby(rows, key=lambda row: row["contract"]):
            own = list(group)
            outcomes += _bring(key, own, books, into)
        return outcomes

    def export(self, session: Session, *, region: str) -> Iterator[dict[str, str]]:
        """All contracts, by number; those on hold or cancelled are left out, as only their own
        desk knows why."""
        accounts, contacts = names(session)
        products = dict(session.execute(select(Product.id, Product.number)).all())
        known = References(session)
        templates = {t.id: t.abbreviation for t in session.scalars(select(ContractTemplate))}
        whole = (
            select(Contract)
            .where(Contract.state.in_([contracts.State(word.value) for word in Stands]))
            .order_by(Contract.number, Contract.term)
            .options(selectinload(Contract.lines))
        )
        for contract in session.scalars(whole.execution_options(yield_per=200)):
            for line in contract.lines:
                yield {
                    "contract": contract.external_id or f"{contract.number}/{contract.term}",
                    "number": contract.number,
                    "account": accounts[contract.account_id] if contract.account_id else "",
                    "contact": contacts[contract.contact_id] if contract.contact_id else "",
                    "state": contract.state,
                    "name": contract.name,
                    "template": templates[contract.template_id] if contract.template_id else "",
                    "starts_on": str(contract.starts_on),
                    "ends_on": str(contract.ends_on),
                    "bill_to": contract.bill_to,
                    "currency": contract.currency,
                    "billing_frequency": contract.billing_frequency,
                    "allotment": contract.allotment,
                    "discount_mode": contract.discount_mode,
                    "overage": contract.overage,
                    **known.cells(contract),
                    "draft_renewal_days": str(contract.draft_renewal_days)
                    if contract.draft_renewal_days is not None
                    else "",
                    "line": line.title,
                    "product": products[line.product_id] if line.product_id else "",
                    "line_starts_on": str(line.starts_on),
                    "line_ends_on": str(line.ends_on),
                    "quantity": str(line.quantity),
                    "total": str(line.total),
                    "price": f"{line.price.normalize():f}",
                    "discount": f"{line.discount.normalize():f}",
                    "overage_rate": f"{line.overage_rate.normalize():f}"
                    if line.overage_rate is not None
                    else "",
                }


class _Books:
    """What a batch of rows names, looked up together."""

    def __init__(self, session: Session, rows: list[Row]) -> None:
        self.holders = Holders(session, rows)
        self.references = References(session)
        numbers = {row["product"] for row in rows} - {""}
        found = select(Product.number, Product.id).where(Product.number.in_(numbers))
        self.products: dict[str, UUID] = dict(session.execute(found).all())
        templates = select(ContractTemplate.abbreviation, ContractTemplate.id)
        self.templates: dict[str, UUID] = dict(session.execute(templates).all())
        keys = {row["contract"] for row in rows}
        taken = select(Contract.external_id).where(Contract.external_id.in_(keys))
        self.here = set(session.scalars(taken))
        own = select(Contract.number, Contract.term).where(
            Contract.number.in_({key.rpartition("/")[0] for key in keys})
        )
        self.here |= {f"{number}/{term}" for number, term in session.execute(own)}


def _bring(key: str, rows: list[Row], books: _Books, into: Into) -> list[Outcome]:
    first = rows[0]
    if problem := into.repeated(first, key, "contract"):
        return [problem] * len(rows)
    if key in books.here:
        return [Fate.SAME] * len(rows)
    for row in rows[1:]:
        for column in HEADER:
            if not column.shown_only and row[column.name] != first[column.name]:
                words = f"differs from row {first.number}, which is of the same contract"
                return _all_wrong(rows, Problem(row.number, column.name, words))
    try:
        # A contract is written wholly or not at all.
        with into.session.begin_nested():
            problem = _write(key, rows, books, into)
            if problem is not None:
                raise _Undone
    except _Undone:
        assert problem is not None, "that is why it was undone"
        return _all_wrong(rows, problem)
    return [Fate.MADE] * len(rows)


class _Undone(Exception):
    """What was written of a contract is taken back."""


def _write(key: str, rows: list[Row], books: _Books, into: Into) -> Problem | None:
    row = rows[0]
    terms = _terms(key, row, books)
    if isinstance(terms, Problem):
        return terms
    desk, at = into.desk, into.at
    try:
        contract = agree.draft(into.session, OPERATOR, terms, desk=desk, at=at)
        for row in rows:
            line = _line(row, books)
            if isinstance(line, Problem):
                return line
            contracts.add_line(into.session, contract, line)
        row = rows[0]
        into.session.flush()
        if row["state"] is not Stands.DRAFT:
            agree.invoice(into.session, OPERATOR, contract.id, desk=desk, at=at)
    except IntakeError as error:
        return of_error(row.number, error)
    return None


def _terms(key: str, row: Row, books: _Books) -> Terms | Problem:
    holder = books.holders.of(row)
    if isinstance(holder, Problem):
        return holder
    if row["template"] and row["template"] not in books.templates:
        return Problem(
            row.number, "template", f"no template has the abbreviation {row['template']!r}"
        )
    referred = books.references.of(row)
    if isinstance(referred, Problem):
        return referred
    same: dict[str, Any] = {
        name: row[name]
        for name in (
            *("name", "starts_on", "ends_on", "currency", "bill_to", "overage"),
            *("billing_frequency", "allotment", "discount_mode", "draft_renewal_days"),
        )
    }
    return Terms(
        **same,
        **holder,
        **referred,
        template_id=books.templates.get(row["template"]),
        external_id=key,
    )


def _line(row: Row, books: _Books) -> LineTerms | Problem:
    if row["product"] and row["product"] not in books.products:
        return Problem(row.number, "product", f"there is no product {row['product']!r}")
    return LineTerms(
        title=row["line"],
        product_id=books.products.get(row["product"]),
        starts_on=row["line_starts_on"],
        ends_on=row["line_ends_on"],
        quantity=row["quantity"],
        total=row["total"],
        price=row["price"],
        discount=row["discount"],
        overage_rate=row["overage_rate"],
    )


def _all_wrong(rows: list[Row], problem: Problem) -> list[Outcome]:
    """The problem at its row, and a word at the others of the same contract."""
    words = f"row {problem.row}, of the same contract, is wrong"
    return [
        problem if row.number == problem.row else Problem(row.number, "contract", words)
        for row in rows
    ]
