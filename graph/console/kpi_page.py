"""What each promise means unless its item says otherwise: from when it counts, what stops it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from graph.console import promise_words, rendering, start_form
from graph.console.filling import Filled, Reader, again
from graph.console.navigation import beside
from graph.console.visit import Visit, act, read
from graph.house import House
from intake.agents import Act
from intake.errors import IntakeError
from intake.sla import From, Kpi, KpiDefinition, defining
from intake.sla.checking import PAUSING, starts_of

LABELS = {
    "kpi": "Promise",
    "applicable_from": "Counted since",
    "from_field": "Counted since",
    "pauses": "What stops its clock",
}


@dataclass(frozen=True, slots=True)
class Shown:
    """One promise, as it is defined, and the instants it may count from."""

    definition: KpiDefinition
    name: str
    starts: Sequence[tuple[str, str]]
    start: str


def routes(house: House) -> list[Route]:
    """The page, and the one act."""
    return [
        Route("/slas/kpis", read(house, _page), name="kpis"),
        Route(
            "/slas/kpis/define", act(house, _define, _again, names_others=True), methods=["POST"]
        ),
    ]


def _page(visit: Visit) -> Response:
    return _show(visit, Filled({}))


def _show(visit: Visit, filled: Filled) -> Response:
    visit.by.must(Act.READ)
    return rendering.page(
        visit,
        "kpis.html",
        422 if filled.wrong or filled.reason else 200,
        nav=beside(visit),
        kpis=[
            Shown(
                each,
                promise_words.KPIS[each.kpi],
                start_form.starts(visit.session, starts_of(each.kpi), start),
                start,
            )
            for each in defining.definitions(visit.session)
            for start in [start_form.value_of(each.applicable_from, each.from_field)]
        ],
        filled=filled,
        labels=LABELS,
        statuses=PAUSING,
        writing=visit.by.may(Act.ADMINISTER),
    )


def _define(visit: Visit) -> Response:
    visit.by.must(Act.ADMINISTER)
    reader = Reader(visit.form)
    kpi = reader.one_of("kpi", Kpi, Kpi.FIRST_RESPONSE)
    start, field = start_form.chosen(reader, visit.said("applicable_from"))
    reader.finish()
    chosen = [status for status in PAUSING if visit.said(f"pauses.{status}")]
    pauses = chosen if visit.said("pauses") == "these" else None
    defining.define(
        visit.session, visit.by, kpi,
        applicable_from=start or From.CREATED, from_field=field, pauses=pauses, at=visit.at,
    )  # fmt: skip
    return RedirectResponse("/slas/kpis", 303)


def _again(visit: Visit, error: IntakeError) -> Response:
    return _show(visit, again(visit.form, error, LABELS))
