"""Messages that did not become part of a case: what could not be read, what a rule set aside, and
what waits. Nothing is ever dropped, so here is where it is found."""

from __future__ import annotations

from sqlalchemy import select
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from graph.console import rendering
from graph.console.navigation import Place, beside
from graph.console.visit import Visit, act, read
from graph.house import House
from intake import inbound, work
from intake.agents import Act
from intake.inbound import Inbound, State

AT_ONCE = 100
NAMES = {
    State.QUARANTINED: "Could not be read",
    State.PENDING: "Waiting",
    State.FILTERED: "Set aside by a rule",
}


def routes(house: House) -> list[Route]:
    """The list, and trying again; for managers."""
    return [
        Route("/inbound", read(house, _list), name="inbound"),
        Route("/inbound/{id:uuid}/retry", act(house, _retry), methods=["POST"]),
    ]


def _list(visit: Visit) -> Response:
    visit.by.must(Act.MANAGE)
    state = _state(visit.asked("state"))
    counts = inbound.account_of(visit.session)
    rows = visit.session.scalars(
        select(Inbound)
        .where(Inbound.state == state)
        .order_by(Inbound.received_at.desc(), Inbound.id)
        .limit(AT_ONCE)
    ).all()
    tabs = [
        Place(f"/inbound?state={each.value}", name, counts[each], each is state)
        for each, name in NAMES.items()
    ]
    return rendering.page(
        visit,
        "inbound.html",
        nav=beside(visit),
        tabs=tabs,
        rows=rows,
        state=state,
        cut=counts[state] > AT_ONCE,
        filed=counts[State.FILED],
    )


def _retry(visit: Visit) -> Response:
    work.retry_inbound(visit.session, visit.by, visit.request.path_params["id"])
    return RedirectResponse("/inbound", 303)


def _state(text: str) -> State:
    try:
        state = State(text)
    except ValueError:
        return State.QUARANTINED
    return state if state in NAMES else State.QUARANTINED
