"""Drafting a contract: the form for a new one, and for a draft that is written anew."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from graph.console import contract_form, rendering
from graph.console.contract_form import LABELS
from graph.console.contract_page import customer_of
from graph.console.customer_page import href_of
from graph.console.filling import Filled, Reader, again, choices
from graph.console.navigation import beside
from graph.console.visit import Visit, act, read
from graph.house import House
from intake import agree, contracts, sla
from intake.agents import Act, at_work
from intake.contracts import Contract, ContractTemplate
from intake.errors import IntakeError

YEAR = timedelta(days=365)


def routes(house: House) -> list[Route]:
    """Both forms; for managers."""
    edit = "/contracts/{id:uuid}/edit"
    return [
        Route("/contracts/new", read(house, _new), name="new-contract"),
        Route(
            "/contracts/new", act(house, _draft, _draft_again, names_others=True), methods=["POST"]
        ),
        Route(edit, read(house, _edit), name="edit-contract"),
        Route(edit, act(house, _redraft, _redraft_again), methods=["POST"]),
    ]


def _new(visit: Visit) -> Response:
    today = visit.house.desk.day(visit.at)
    values = {
        "starts_on": today.isoformat(), "ends_on": (today + YEAR).isoformat(), "currency": "EUR",
        "account": visit.asked("account"), "contact": visit.asked("contact"),
    }  # fmt: skip
    return _form(visit, Filled(values))


def _draft(visit: Visit) -> Response:
    visit.by.must(Act.MANAGE)
    terms = contract_form.read(visit.form)
    made = agree.draft(visit.session, visit.by, terms, desk=visit.house.desk, at=visit.at)
    return RedirectResponse(f"/contracts/{made.id}", 303)


def _draft_again(visit: Visit, error: IntakeError) -> Response:
    return _form(visit, again(visit.form, error, LABELS))


def _edit(visit: Visit) -> Response:
    contract = contracts.by_id(visit.session, visit.request.path_params["id"])
    return _form(visit, Filled(contract_form.of(contract)), contract)


def _redraft(visit: Visit) -> Response:
    visit.by.must(Act.MANAGE)
    contract_id = visit.request.path_params["id"]
    agree.redraft(
        visit.session, visit.by, contract_id, contract_form.read(visit.form),
        desk=visit.house.desk, at=visit.at,
        version=Reader(visit.form).whole_or_none("version"),
    )  # fmt: skip
    return RedirectResponse(f"/contracts/{contract_id}", 303)


def _redraft_again(visit: Visit, error: IntakeError) -> Response:
    contract = contracts.by_id(visit.session, visit.request.path_params["id"])
    return _form(visit, again(visit.form, error, LABELS), contract)


def _form(visit: Visit, filled: Filled, contract: Contract | None = None) -> Response:
    visit.by.must(Act.MANAGE)
    reader = Reader(filled.values)
    account_id, contact_id = reader.id("account"), reader.id("contact")
    session = visit.session
    kept = select(ContractTemplate).order_by(ContractTemplate.name)
    return rendering.page(
        visit,
        "contract_form.html",
        422 if filled.wrong or filled.reason else 200,
        nav=beside(visit),
        contract=contract,
        filled=filled,
        labels=LABELS,
        customer=customer_of(visit, account_id, contact_id),
        customer_href=href_of(account_id, contact_id) if account_id or contact_id else "/customers",
        templates=choices(session.scalars(kept), "none, by hand"),
        slas=choices(sla.active(session), "the default"),
        calendars=choices(sla.calendars(session), "around the clock"),
        agents=choices(at_work(session), "nobody"),
    )
