"""Past cases like a case, beside its page when the page has loaded, or on a page of their own."""

from __future__ import annotations

from starlette.responses import Response
from starlette.routing import Route

from graph.console import rendering
from graph.console.case_page import case_of
from graph.console.navigation import beside
from graph.console.visit import Visit, read
from graph.house import House
from kb import similar


def routes(house: House) -> list[Route]:
    """The list, for one case."""
    return [Route("/cases/{number:int}/similar", read(house, _similar), methods=["GET"])]


def _similar(visit: Visit) -> Response:
    case = case_of(visit)
    found = similar.similar(visit.session, visit.by, case)
    if "hx-request" in visit.request.headers:
        return rendering.page(visit, "similar_part.html", case=case, found=found)
    nav = beside(visit, queue=str(case.queue_id))
    return rendering.page(visit, "similar.html", nav=nav, case=case, found=found)
