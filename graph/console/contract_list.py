"""Contracts, the one that ends soonest first: by where they stand, and those nobody renewed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from urllib.parse import urlencode
from uuid import UUID

from sqlalchemy import Select, and_, func, or_, select
from sqlalchemy.orm import selectinload
from starlette.responses import Response
from starlette.routing import Route

from graph.console import rendering
from graph.console.customer_page import href_of
from graph.console.navigation import Place, beside
from graph.console.visit import Visit, read
from graph.house import House
from intake import contracts
from intake.agents import Act
from intake.contracts import Contract, State
from intake.customers import Account, Contact

AT_ONCE = 50
LONGEST_QUESTION = 100
LAPSED = "not renewed"
NAMES = {
    State.ACTIVE.value: "Active",
    State.DRAFT.value: "Drafts",
    State.INVOICED.value: "Accepted",
    State.ON_HOLD.value: "On hold",
    LAPSED: "Expired, not renewed",
    State.EXPIRED.value: "Expired",
    State.CANCELLED.value: "Cancelled",
}


def routes(house: House) -> list[Route]:
    """The list, for everybody who works here."""
    return [Route("/contracts", read(house, _contracts), name="contracts")]


def _contracts(visit: Visit) -> Response:
    visit.by.must(Act.READ)
    question = visit.asked("q").strip()[:LONGEST_QUESTION]
    state = visit.asked("state") if visit.asked("state") in NAMES else State.ACTIVE.value
    found = _found(visit, state, question)
    rows = found[:AT_ONCE]
    asked = {"state": state, **({"q": question} if question else {})}
    further = ""
    if len(found) > AT_ONCE:
        after = f"{rows[-1].ends_on}_{rows[-1].id}"
        further = "/contracts?" + urlencode({**asked, "after": after})
    return rendering.page(
        visit,
        "contracts.html",
        nav=beside(visit),
        tabs=_tabs(visit, state, question),
        asked=question,
        state=state,
        rows=rows,
        customers=_customers(visit, rows),
        href_of=href_of,
        further=further,
        managing=visit.by.may(Act.MANAGE),
        today=visit.house.desk.day(visit.at),
    )


def _found(visit: Visit, state: str, question: str) -> Sequence[Contract]:
    statement: Select[Contract] = (
        contracts.expired_not_renewed().order_by(None)
        if state == LAPSED
        else select(Contract).where(Contract.state == State(state))
    )
    if question:
        number = Contract.number.icontains(question, autoescape=True)
        name = Contract.name.icontains(question, autoescape=True)
        statement = statement.where(or_(number, name))
    if after := _cursor(visit.asked("after")):
        day, id = after
        later = and_(Contract.ends_on == day, Contract.id > id)
        statement = statement.where(or_(Contract.ends_on > day, later))
    whole = statement.options(selectinload(Contract.lines))
    ordered = whole.order_by(Contract.ends_on, Contract.id).limit(AT_ONCE + 1)
    return visit.session.scalars(ordered).all()


def _tabs(visit: Visit, state: str, question: str) -> list[Place]:
    counted = select(Contract.state, func.count()).group_by(Contract.state)
    counts = {each.value: n for each, n in visit.session.execute(counted)}
    lapsed = contracts.expired_not_renewed().order_by(None).with_only_columns(func.count())
    counts[LAPSED] = visit.session.scalar(lapsed) or 0
    kept = {"q": question} if question else {}
    return [
        Place("/contracts?" + urlencode({"state": each, **kept}), name, counts.get(each, 0),
              each == state)
        for each, name in NAMES.items()
    ]  # fmt: skip


def _customers(visit: Visit, rows: Sequence[Contract]) -> dict[UUID, str]:
    """The names of those they are with, by their ids."""
    names: dict[UUID, str] = {}
    for table, key in ((Account, "account_id"), (Contact, "contact_id")):
        ids = {getattr(row, key) for row in rows} - {None}
        if ids:
            found = select(table.id, table.name).where(table.id.in_(ids))
            names.update(dict(visit.session.execute(found).all()))
    return names


def _cursor(text: str) -> tuple[date, UUID] | None:
    day, _, id = text.partition("_")
    try:
        return date.fromisoformat(day), UUID(id)
    except ValueError:
        return None
