"""What an agent does to the family of a case on its page: open, link and unlink children."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from starlette.routing import Route

from graph.console import custom_inputs, family
from graph.console.case_acts import Unclear, route
from graph.console.filling import Reader
from graph.console.visit import Visit
from graph.house import House
from intake import work
from intake.cases import Case, ChildrenClose
from intake.nouns import noun
from intake.visibility import by_number


def routes(house: House) -> list[Route]:
    """An address for each act."""
    return [
        route(house, "child", _child),
        route(house, "link", _link),
        route(house, "unlink", _unlink),
        route(house, "children-close", _close),
    ]


def _child(visit: Visit, case: Case, _version: int | None) -> None:
    reader = Reader(visit.form)
    queue_id = reader.id("queue")
    reader.finish()
    fields = family.of_case(visit, case).needed
    zone = ZoneInfo(visit.house.settings.time_zone)
    work.open_child(
        visit.session, visit.by, case.id, visit.said("subject"), visit.said("text").strip(),
        desk=visit.house.desk, at=visit.at, queue_id=queue_id,
        takes_term=visit.said("free") != "yes",
        says=custom_inputs.said(visit.form, fields, zone),
    )  # fmt: skip


def _link(visit: Visit, case: Case, _version: int | None) -> None:
    number = Reader(visit.form).whole_or_none("number")
    if number is None:
        raise Unclear(f"write the number of the {noun} that is a part of this one")
    child = by_number(visit.session, visit.by, number)
    work.link_child(visit.session, visit.by, case.id, child.id, desk=visit.house.desk, at=visit.at)


def _unlink(visit: Visit, case: Case, _version: int | None) -> None:
    number = Reader(visit.form).whole_or_none("number")
    child = by_number(visit.session, visit.by, number) if number else case
    work.unlink_child(visit.session, visit.by, child.id, at=visit.at)


def _close(visit: Visit, case: Case, _version: int | None) -> None:
    said = visit.said("policy")
    if said not in set(ChildrenClose):
        raise Unclear("choose how the children are closed")
    work.set_children_close(visit.session, visit.by, case.id, ChildrenClose(said), at=visit.at)
