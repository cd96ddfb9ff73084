"""The pieces that a customer has: noted with their serial number, and taken off the list."""

from __future__ import annotations

from functools import partial

from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from graph.console import customer_page
from graph.console.filling import Filled, Misfilled, Reader
from graph.console.visit import Visit, act
from graph.house import House
from intake import products
from intake.agents import Act
from intake.errors import IntakeError, NotFound

KINDS = ("accounts", "contacts")


def routes(house: House) -> list[Route]:
    """For an account and for a person: note a piece, and take one off."""
    return [
        Route(
            f"/customers/{kind}/{{id:uuid}}/{name}",
            act(house, partial(done, kind), partial(_refused, kind)),
            methods=["POST"],
        )
        for kind in KINDS
        for name, done in (("owned", _own), ("disown", _disown))
    ]


def _own(kind: str, visit: Visit) -> Response:
    visit.by.must(Act.WORK)
    reader = Reader(visit.form)
    product_id = reader.id("product_id")
    bought_on = reader.day_or_none("bought_on")
    warranty_until = reader.day_or_none("warranty_until")
    reader.finish()
    if product_id is None:
        raise Misfilled({"product": "choose one first"})
    whose = visit.request.path_params["id"]
    products.own(
        visit.session, visit.by, product_id, visit.said("serial_number"), at=visit.at,
        account_id=whose if kind == "accounts" else None,
        contact_id=whose if kind == "contacts" else None,
        bought_on=bought_on, warranty_until=warranty_until,
    )  # fmt: skip
    return RedirectResponse(f"/customers/{kind}/{whose}#owned", 303)


def _disown(kind: str, visit: Visit) -> Response:
    visit.by.must(Act.WORK)
    owned_id = Reader(visit.form).id("owned")
    if owned_id is None:
        raise NotFound("nobody has such a product")
    products.disown(visit.session, visit.by, owned_id, at=visit.at)
    return RedirectResponse(f"/customers/{kind}/{visit.request.path_params['id']}#owned", 303)


def _refused(kind: str, visit: Visit, error: IntakeError) -> Response:
    visit.by.must(Act.WORK)
    filled = Filled(visit.form, reason=str(error))
    if kind == "accounts":
        return customer_page.show_account(visit, filled, "owned")
    return customer_page.show_contact(visit, filled, "owned")
