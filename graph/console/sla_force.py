"""Putting a draft in force: first which open deadlines would move, then for which cases."""

from __future__ import annotations

from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from graph.console import rendering
from graph.console.filling import Filled, Misfilled, again
from graph.console.navigation import beside
from graph.console.sla_pages import found, missing
from graph.console.visit import Visit, act, read
from graph.house import House
from intake.agents import Act
from intake.errors import IntakeError
from intake.nouns import noun
from intake.sla import SlaState, changing, rehearsing
from intake.sla.changing import Scope
from intake.sla.rehearsing import Move

MOVES_SHOWN = 200


def routes(house: House) -> list[Route]:
    """The rehearsal, and the act."""
    path = "/slas/{id:uuid}/activate"
    return [
        Route(path, read(house, _page), name="activate-sla"),
        Route(path, act(house, _activate, _again), methods=["POST"]),
    ]


def _page(visit: Visit) -> Response:
    return _rehearsed(visit, Filled({}))


def _rehearsed(visit: Visit, filled: Filled) -> Response:
    visit.by.must(Act.ADMINISTER)
    draft = found(visit)
    if draft.state is not SlaState.DRAFT:
        return RedirectResponse(f"/slas/{draft.id}", 303)
    lacks = missing(visit, draft)
    moves = [] if lacks or draft.version == 1 else _moves(visit)
    return rendering.page(
        visit,
        "sla_activate.html",
        422 if filled.wrong or filled.reason else 200,
        nav=beside(visit),
        sla=draft,
        missing=lacks,
        moves=moves[:MOVES_SHOWN],
        in_all=len(moves),
        filled=filled,
    )


def _moves(visit: Visit) -> list[Move]:
    # It is tried out and undone, which takes a transaction that may write.
    with visit.house.db.transaction() as session:
        id = visit.request.path_params["id"]
        return rehearsing.moved_by_version(session, id, at=visit.at)


def _activate(visit: Visit) -> Response:
    visit.by.must(Act.ADMINISTER)
    if visit.said("scope") not in tuple(Scope):
        raise Misfilled({"scope": f"choose for which {noun.many}"})
    id = visit.request.path_params["id"]
    changing.put_in_force(
        visit.session, visit.by, id, Scope(visit.said("scope")),
        slack=visit.house.desk.slack, at=visit.at,
    )  # fmt: skip
    return RedirectResponse(f"/slas/{id}", 303)


def _again(visit: Visit, error: IntakeError) -> Response:
    return _rehearsed(visit, again(visit.form, error, ["scope"]))
