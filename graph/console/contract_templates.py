"""Contract templates: written, changed until a contract uses them, and frozen from then on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from graph.console import rendering
from graph.console.filling import Filled, Reader, again, choices
from graph.console.navigation import beside
from graph.console.visit import Visit, act, read
from graph.house import House
from intake import agree, sla
from intake.agents import Act
from intake.contracts import Allotment, Contract, ContractTemplate, Discount, Frequency
from intake.errors import IntakeError, NotFound

LABELS = {
    "name": "Name",
    "abbreviation": "Short name",
    "description": "What it is for",
    "billing_frequency": "Billed",
    "allotment": "Lines count",
    "discount_mode": "Discounts are",
    "calendar_id": "Covered hours",
    "sla_id": "Service level",
}


def routes(house: House) -> list[Route]:
    """The list, the form for a new one, and a page for each."""
    one = "/contracts/templates/{id:uuid}"
    return [
        Route("/contracts/templates", read(house, _list), name="contract-templates"),
        Route("/contracts/templates/new", read(house, _new), name="new-contract-template"),
        Route(
            "/contracts/templates/new",
            act(house, _add, _add_again, names_others=True),
            methods=["POST"],
        ),
        Route(one, read(house, _page), name="contract-template"),
        Route(one, act(house, _change, _change_again), methods=["POST"]),
    ]


def _list(visit: Visit) -> Response:
    visit.by.must(Act.READ)
    found = visit.session.scalars(select(ContractTemplate).order_by(ContractTemplate.name)).all()
    return rendering.page(
        visit,
        "contract_templates.html",
        nav=beside(visit),
        found=found,
        uses=_uses(visit),
        managing=visit.by.may(Act.MANAGE),
    )


def _new(visit: Visit) -> Response:
    return _form(visit, Filled({}), None)


def _add(visit: Visit) -> Response:
    visit.by.must(Act.MANAGE)
    agree.template(visit.session, visit.by, at=visit.at, **_fields(visit.form))
    return RedirectResponse("/contracts/templates", 303)


def _add_again(visit: Visit, error: IntakeError) -> Response:
    return _form(visit, again(visit.form, error, LABELS), None)


def _page(visit: Visit) -> Response:
    template = _template(visit)
    return _form(visit, Filled(_values(template)), template)


def _change(visit: Visit) -> Response:
    visit.by.must(Act.MANAGE)
    template_id = visit.request.path_params["id"]
    agree.change_template(visit.session, visit.by, template_id, at=visit.at, **_fields(visit.form))
    return RedirectResponse("/contracts/templates", 303)


def _change_again(visit: Visit, error: IntakeError) -> Response:
    return _form(visit, again(visit.form, error, LABELS), _template(visit))


def _form(visit: Visit, filled: Filled, template: ContractTemplate | None) -> Response:
    visit.by.must(Act.MANAGE)
    uses = _uses(visit).get(template.id, 0) if template else 0
    return rendering.page(
        visit,
        "contract_template.html",
        422 if filled.wrong or filled.reason else 200,
        nav=beside(visit),
        kept=template,
        uses=uses,
        filled=filled,
        labels=LABELS,
        slas=choices(sla.active(visit.session), "the default"),
        calendars=choices(sla.calendars(visit.session), "around the clock"),
    )


def _uses(visit: Visit) -> Mapping[UUID, int]:
    """How many contracts use each of them."""
    counted = (
        select(Contract.template_id, func.count())
        .where(Contract.template_id.is_not(None))
        .group_by(Contract.template_id)
    )
    return {id: n for id, n in visit.session.execute(counted) if id is not None}


def _template(visit: Visit) -> ContractTemplate:
    found = visit.session.get(ContractTemplate, visit.request.path_params["id"])
    if found is None:
        raise NotFound("there is no such contract template")
    return found


def _fields(form: Mapping[str, str]) -> dict[str, Any]:
    """The terms in the form. Raises Misfilled."""
    reader = Reader(form)
    fields = {
        "name": reader.text("name", longest=120, needed=True),
        "abbreviation": reader.text("abbreviation", longest=20, needed=True),
        "description": reader.text("description", longest=1000),
        "billing_frequency": reader.one_of("billing_frequency", Frequency, Frequency.ANNUALLY),
        "allotment": reader.one_of("allotment", Allotment, Allotment.CASES),
        "discount_mode": reader.one_of("discount_mode", Discount, Discount.PERCENTAGE),
        "calendar_id": reader.id("calendar_id"),
        "sla_id": reader.id("sla_id"),
    }
    reader.finish()
    return fields


def _values(template: ContractTemplate) -> dict[str, str]:
    return {
        "name": template.name,
        "abbreviation": template.abbreviation,
        "description": template.description,
        "billing_frequency": template.billing_frequency.value,
        "allotment": template.allotment.value,
        "discount_mode": template.discount_mode.value,
        "calendar_id": str(template.calendar_id or ""),
        "sla_id": str(template.sla_id or ""),
    }
