"""One line of a draft contract: written anew, or struck."""

from __future__ import annotations

from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from graph.console import contract_form, rendering
from graph.console.contract_form import LINE_LABELS
from graph.console.filling import Filled, Reader, again
from graph.console.navigation import beside
from graph.console.visit import Visit, act, read
from graph.house import House
from intake import agree, contracts, products
from intake.agents import Act
from intake.contracts import Contract, ContractLine
from intake.errors import IntakeError, NotFound


def routes(house: House) -> list[Route]:
    """The form of a line, and striking it; for managers."""
    one = "/contracts/{id:uuid}/lines/{line:uuid}"
    return [
        Route(one, read(house, _page), name="contract-line"),
        Route(one, act(house, _change, _change_again), methods=["POST"]),
        Route(f"{one}/remove", act(house, _remove), methods=["POST"]),
    ]


def _page(visit: Visit) -> Response:
    visit.by.must(Act.MANAGE)
    contract, line = _line(visit)
    return _form(visit, Filled(contract_form.of_line(contract, line)), contract, line)


def _change(visit: Visit) -> Response:
    visit.by.must(Act.MANAGE)
    contract, line = _line(visit)
    agree.change_line(
        visit.session, visit.by, contract.id, line.id, contract_form.line(visit.form, contract),
        desk=visit.house.desk, at=visit.at, version=_version(visit),
    )  # fmt: skip
    return RedirectResponse(f"/contracts/{contract.id}", 303)


def _change_again(visit: Visit, error: IntakeError) -> Response:
    return _form(visit, again(visit.form, error, LINE_LABELS), *_line(visit))


def _remove(visit: Visit) -> Response:
    visit.by.must(Act.MANAGE)
    path = visit.request.path_params
    agree.remove_line(
        visit.session, visit.by, path["id"], path["line"],
        desk=visit.house.desk, at=visit.at, version=_version(visit),
    )  # fmt: skip
    return RedirectResponse(f"/contracts/{path['id']}", 303)


def _form(visit: Visit, filled: Filled, contract: Contract, line: ContractLine) -> Response:
    visit.by.must(Act.MANAGE)
    catalogue = [(each.id, each.name) for each in products.catalogue(visit.session)]
    return rendering.page(
        visit,
        "contract_line.html",
        422 if filled.wrong or filled.reason else 200,
        nav=beside(visit),
        contract=contract,
        line=line,
        products=[("", "every product"), *catalogue],
        filled=filled,
        labels=LINE_LABELS,
    )


def _line(visit: Visit) -> tuple[Contract, ContractLine]:
    contract = contracts.by_id(visit.session, visit.request.path_params["id"])
    wanted = visit.request.path_params["line"]
    line = next((each for each in contract.lines if each.id == wanted), None)
    if line is None:
        raise NotFound(f"contract {contract.number} has no such line")
    return contract, line


def _version(visit: Visit) -> int | None:
    return Reader(visit.form).whole_or_none("version")
