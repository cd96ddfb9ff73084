"""The history of a case's fields: who changed what, when, from what to what, by which way."""

from __future__ import annotations

from starlette.responses import Response
from starlette.routing import Route

from graph.console import rendering
from graph.console.case_page import case_of
from graph.console.navigation import beside
from graph.console.visit import Visit, read
from graph.house import House
from intake import history

LONGEST = 500


def routes(house: House) -> list[Route]:
    """The page; of one field where the address names it."""
    return [Route("/cases/{number:int}/history", read(house, _history), name="case-history")]


def _history(visit: Visit) -> Response:
    case, field = case_of(visit), visit.asked("field")
    every = history.of_case(visit.session, case.id, limit=LONGEST)
    return rendering.page(
        visit,
        "case_history.html",
        nav=beside(visit, queue=str(case.queue_id)),
        case=case,
        field=field,
        fields=sorted({change.field for change in every}),
        changes=[change for change in every if field in ("", change.field)],
        cut=len(every) >= LONGEST,
    )
