"""What an agent puts off on the page of a case: the case itself, or coming back to a customer."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from starlette.routing import Route

from graph.console import later
from graph.console.case_acts import route
from graph.console.visit import Visit
from graph.house import House
from intake import work
from intake.cases import Case


def routes(house: House) -> list[Route]:
    """An address for each act."""
    return [
        route(house, "snooze", _snooze),
        route(house, "wake", _wake),
        route(house, "follow-up", _follow_up),
    ]


def _snooze(visit: Visit, case: Case, version: int | None) -> None:
    answer_alone = visit.said("until") == "answer"
    until = (
        None if answer_alone else later.read(visit.said("until"), visit.said("at"), _zone(visit))
    )
    work.snooze(visit.session, visit.by, case.id, until, at=visit.at, version=version)


def _wake(visit: Visit, case: Case, version: int | None) -> None:
    work.wake(visit.session, visit.by, case.id, at=visit.at, version=version)


def _follow_up(visit: Visit, case: Case, version: int | None) -> None:
    nothing = visit.said("until") == "nothing"
    agreed = None if nothing else later.read(visit.said("until"), visit.said("at"), _zone(visit))
    work.agree_follow_up(visit.session, visit.by, case.id, agreed, at=visit.at, version=version)


def _zone(visit: Visit) -> ZoneInfo:
    return ZoneInfo(visit.house.settings.time_zone)
