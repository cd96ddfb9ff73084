"""The catalogue: products by family, the page of one with its cases and pieces, and its form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import func, or_, select
from sqlalchemy.orm import joinedload
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from graph.console import clocks, rendering
from graph.console.clocks import NO_CLOCK
from graph.console.customer_page import CaseRow
from graph.console.filling import Filled, Reader, again
from graph.console.navigation import beside
from graph.console.visit import Visit, act, read
from graph.house import House
from intake import products
from intake.agents import Act
from intake.cases import Case, State
from intake.customers import Account, Contact
from intake.errors import IntakeError, NotFound
from intake.products import OwnedProduct, Product, ProductFamily
from intake.visibility import visible_to

AT_MOST, CASES_SHOWN, PIECES_SHOWN = 200, 25, 50
LABELS = {
    "number": "Number",
    "name": "Name",
    "family_id": "Family",
    "external_id": "Known elsewhere as",
    "description": "Description",
    "parent_id": "Inside",
}


@dataclass(frozen=True, slots=True)
class Piece:
    """One piece that somebody has."""

    owned: OwnedProduct
    href: str
    name: str


def routes(house: House) -> list[Route]:
    """The list, the page, the form, and families for managers."""
    one = "/products/{id:uuid}"
    return [
        Route("/products", read(house, _list), name="products"),
        Route("/products/new", read(house, _new), name="new-product"),
        Route("/products/new", act(house, _add, _again), methods=["POST"]),
        Route("/products/families", act(house, _add_family, _list_again), methods=["POST"]),
        Route(
            "/products/families/{family:uuid}", act(house, _place, _list_again), methods=["POST"]
        ),
        Route(one, read(house, _page), name="product"),
        Route(f"{one}/edit", read(house, _edit), name="edit-product"),
        Route(f"{one}/edit", act(house, _change, _again), methods=["POST"]),
    ]


def _list(visit: Visit, filled: Filled | None = None) -> Response:
    visit.by.must(Act.READ)
    session, question = visit.session, visit.asked("q").strip()[:200]
    family_id = Reader({"family": visit.asked("family")}).id("family")
    statement = select(Product).order_by(Product.name, Product.number)
    if family_id is not None:
        statement = products.products_in(family_id)
    if question:
        found_in = (Product.name, Product.number)
        statement = statement.where(
            or_(*(column.icontains(question, autoescape=True) for column in found_in))
        )
    found = session.scalars(statement.limit(AT_MOST + 1)).all()
    families = session.scalars(select(ProductFamily).order_by(ProductFamily.name)).all()
    return rendering.page(
        visit,
        "products.html",
        422 if filled else 200,
        nav=beside(visit),
        products=found[:AT_MOST],
        more=len(found) > AT_MOST,
        open_cases=_open(visit, [product.id for product in found]),
        families=families,
        named={family.id: family.name for family in families},
        family=family_id,
        asked=question,
        managing=visit.by.may(Act.MANAGE),
        filled=filled or Filled({}),
        labels=LABELS,
    )


def _open(visit: Visit, product_ids: Sequence[UUID]) -> Mapping[UUID | None, int]:
    counted = visible_to(visit.by).with_only_columns(Case.product_id, func.count())
    whose = Case.product_id.in_(product_ids), Case.state == State.ACTIVE
    return dict(visit.session.execute(counted.where(*whose).group_by(Case.product_id)).all())


def _list_again(visit: Visit, error: IntakeError) -> Response:
    return _list(visit, again(visit.form, error, LABELS))


def _add_family(visit: Visit) -> Response:
    parent_id = Reader(visit.form).id("parent_id")
    products.family(visit.session, visit.by, visit.said("name"), parent_id=parent_id, at=visit.at)
    return RedirectResponse("/products", 303)


def _place(visit: Visit) -> Response:
    parent_id = Reader(visit.form).id("parent_id")
    family_id = visit.request.path_params["family"]
    products.place(visit.session, visit.by, family_id, parent_id, at=visit.at)
    return RedirectResponse("/products", 303)


def _page(visit: Visit) -> Response:
    visit.by.must(Act.READ)
    session, product = visit.session, _found(visit)
    family = session.get(ProductFamily, product.family_id) if product.family_id else None
    active = _cases(visit, product, active=True)
    clock_of = clocks.of_cases(session, [case.id for case in active], at=visit.at)
    return rendering.page(
        visit,
        "product.html",
        nav=beside(visit),
        product=product,
        family=family,
        open_cases=[CaseRow(case, clock_of.get(case.id, NO_CLOCK)) for case in active],
        closed_cases=[CaseRow(case, NO_CLOCK) for case in _cases(visit, product, active=False)],
        pieces=_pieces(visit, product),
        today=visit.house.desk.day(visit.at),
        managing=visit.by.may(Act.MANAGE),
    )


def _cases(visit: Visit, product: Product, *, active: bool) -> Sequence[Case]:
    which = Case.state == State.ACTIVE if active else Case.state != State.ACTIVE
    order = (Case.order_at, Case.id) if active else (Case.opened_at.desc(), Case.id.desc())
    statement = visible_to(visit.by).where(Case.product_id == product.id, which)
    with_names = statement.options(joinedload(Case.contact)).order_by(*order)
    return visit.session.scalars(with_names.limit(CASES_SHOWN)).all()


def _pieces(visit: Visit, product: Product) -> list[Piece]:
    rows = visit.session.execute(
        select(OwnedProduct, Account.name, Contact.name)
        .outerjoin(Account, Account.id == OwnedProduct.account_id)
        .outerjoin(Contact, Contact.id == OwnedProduct.contact_id)
        .where(OwnedProduct.product_id == product.id)
        .order_by(OwnedProduct.serial_number)
        .limit(PIECES_SHOWN)
    )
    return [
        Piece(
            owned,
            f"/customers/accounts/{owned.account_id}"
            if owned.account_id
            else f"/customers/contacts/{owned.contact_id}",
            company or person or "",
        )
        for owned, company, person in rows
    ]


def _new(visit: Visit) -> Response:
    return _form(visit, Filled({"family_id": visit.asked("family")}), None)


def _add(visit: Visit) -> Response:
    made = products.add(visit.session, visit.by, at=visit.at, **_read(visit.form))
    return RedirectResponse(f"/products/{made.id}", 303)


def _edit(visit: Visit) -> Response:
    product = _found(visit)
    values = {
        "number": product.number,
        "name": product.name,
        "family_id": str(product.family_id or ""),
        "external_id": product.external_id or "",
        "description": product.description,
    }
    return _form(visit, Filled(values), product)


def _change(visit: Visit) -> Response:
    product_id = visit.request.path_params["id"]
    products.change(visit.session, visit.by, product_id, at=visit.at, **_read(visit.form))
    return RedirectResponse(f"/products/{product_id}", 303)


def _again(visit: Visit, error: IntakeError) -> Response:
    product = _found(visit) if "id" in visit.request.path_params else None
    return _form(visit, again(visit.form, error, LABELS), product)


def _read(form: Mapping[str, str]) -> dict[str, Any]:
    reader = Reader(form)
    fields = {
        "number": reader.text("number", needed=True),
        "name": reader.text("name", needed=True),
        "family_id": reader.id("family_id"),
        "external_id": reader.text("external_id") or None,
        "description": reader.text("description", longest=4000),
    }
    reader.finish()
    return fields


def _form(visit: Visit, filled: Filled, product: Product | None) -> Response:
    visit.by.must(Act.MANAGE)
    families = visit.session.scalars(select(ProductFamily).order_by(ProductFamily.name))
    return rendering.page(
        visit,
        "product_form.html",
        422 if filled.wrong or filled.reason else 200,
        nav=beside(visit),
        product=product,
        filled=filled,
        labels=LABELS,
        families=[("", "none"), *((family.id, family.name) for family in families)],
    )


def _found(visit: Visit) -> Product:
    product = visit.session.get(Product, visit.request.path_params["id"])
    if product is None:
        raise NotFound("there is no such product")
    return product
