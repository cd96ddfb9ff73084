"""Who else is at a case. A page that is looked at says so each quarter of a minute."""

from __future__ import annotations

from datetime import timedelta

from starlette.responses import Response
from starlette.routing import Route

from graph.console.case_page import case_of
from graph.console.visit import Visit, act
from graph.house import House
from intake import attention, viewers

# A page says how long it was looked at since it said so last; nobody looks longer between two.
LONGEST = timedelta(minutes=1)


def routes(house: House) -> list[Route]:
    """Where a page says that it is looked at."""
    return [Route("/cases/{number:int}/beat", act(house, _beat), methods=["POST"])]


def _beat(visit: Visit) -> Response:
    case = case_of(visit)
    viewers.beat(
        visit.session, visit.by, case.id, at=visit.at, writing=visit.said("writing") == "yes"
    )
    if looked := looked_at(visit):
        attention.looked(visit.session, visit.by, case.id, looked, at=visit.at)
    return Response(status_code=204)


def looked_at(visit: Visit) -> timedelta:
    """How long the page was in front of somebody since it said so last, as far as we believe it."""
    said = visit.said("seconds")
    seconds = int(said) if said.isascii() and said.isdigit() and len(said) <= 6 else 0
    return min(timedelta(seconds=seconds), LONGEST)
