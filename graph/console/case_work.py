"""What an agent plans on the page of a case, and the time they write down there."""

from __future__ import annotations

from starlette.routing import Route

from graph.console.case_acts import route
from graph.console.doing import log, minutes_in
from graph.console.planning_form import owner_in, plan_in
from graph.console.visit import Visit
from graph.house import House
from intake import attention, work
from intake.cases import Case


def routes(house: House) -> list[Route]:
    """An address for each act."""
    return [
        route(house, "plan", _plan),
        route(house, "time", _time),
        route(house, "forget-time", _forget),
    ]


def _plan(visit: Visit, case: Case, _version: int | None) -> None:
    work.add_activity(
        visit.session, visit.by, work.Regarding(case_id=case.id), plan_in(visit),
        at=visit.at, owner_id=owner_in(visit), completed=visit.said("completed") == "yes",
    )  # fmt: skip


def _time(visit: Visit, case: Case, _version: int | None) -> None:
    log(visit, case, minutes_in(visit, "minutes") or 0)


def _forget(visit: Visit, case: Case, _version: int | None) -> None:
    attention.settle(visit.session, visit.by, case.id)
