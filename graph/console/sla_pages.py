"""SLAs: the list, one SLA as sentences, and what an administrator does with its versions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from uuid import UUID

from sqlalchemy import func, select, text
from sqlalchemy.orm import selectinload
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from graph.console import promise_words, rendering
from graph.console.filling import Filled, again
from graph.console.navigation import beside
from graph.console.visit import Visit, act, read
from graph.house import House
from intake.agents import Act
from intake.errors import IntakeError, NotFound
from intake.sla import KpiInstance, Sla, SlaItem, SlaState, activation, with_items
from intake.sla.checking import NotAnSla, check
from intake.sla.clocks import LIVE_ROWS

LABELS = {"name": "Name"}
Done = Callable[[Visit, UUID], object]


@dataclass(frozen=True, slots=True)
class Row:
    """One SLA in the list: the version in force, or the latest, and its draft."""

    shown: Sla
    draft: Sla | None
    promises: tuple[str, ...]
    running: int


def routes(house: House) -> list[Route]:
    """The list, each SLA, and one address for each act."""
    one = "/slas/{id:uuid}"
    return [
        Route("/slas", read(house, _list), name="slas"),
        Route("/slas/new", act(house, _draft, _draft_again, names_others=True), methods=["POST"]),
        Route(one, read(house, _page), name="sla"),
        *(
            Route(f"{one}/{name}", act(house, partial(_do, done), refused), methods=["POST"])
            for name, done in ACTS.items()
        ),
    ]


def _list(visit: Visit) -> Response:
    return _listed(visit, Filled({}))


def _listed(visit: Visit, filled: Filled) -> Response:
    visit.by.must(Act.READ)
    return rendering.page(
        visit,
        "slas.html",
        422 if filled.wrong or filled.reason else 200,
        nav=beside(visit),
        rows=_rows(visit),
        filled=filled,
        labels=LABELS,
        writing=visit.by.may(Act.ADMINISTER),
    )


def _rows(visit: Visit) -> list[Row]:
    """Each SLA once, those in force first."""
    families: dict[UUID, list[Sla]] = {}
    every = select(Sla).order_by(Sla.name, Sla.version.desc()).options(selectinload(Sla.items))
    for each in visit.session.scalars(every):
        families.setdefault(each.family, []).append(each)
    running = _running(visit)
    rows = []
    for versions in families.values():
        by_state = {each.state: each for each in reversed(versions)}
        shown = by_state.get(SlaState.ACTIVE) or versions[0]
        draft = by_state.get(SlaState.DRAFT)
        clocks = sum(running.get(each.id, 0) for each in versions)
        words = tuple(promise_words.in_short(item) for item in shown.items)
        rows.append(Row(shown, draft if draft is not shown else None, words, clocks))
    order = (SlaState.ACTIVE, SlaState.DRAFT, SlaState.RETIRED)
    return sorted(rows, key=lambda row: order.index(row.shown.state))


def _running(visit: Visit) -> Mapping[UUID, int]:
    """How many clocks run, or are on hold, by each version."""
    statement = (
        select(SlaItem.sla_id, func.count())
        .join(KpiInstance, KpiInstance.item_id == SlaItem.id)
        .where(text(f"kpi_instances.{LIVE_ROWS}"))
        .group_by(SlaItem.sla_id)
    )
    return dict(visit.session.execute(statement).all())


def _page(visit: Visit) -> Response:
    return show(visit)


def show(visit: Visit, reason: str = "") -> Response:
    """The page of the SLA of the address; with why what was asked of it was not done."""
    visit.by.must(Act.READ)
    shown = found(visit)
    family = (Sla.id == shown.family) | (Sla.family_id == shown.family)
    versions = visit.session.scalars(select(Sla).where(family).order_by(Sla.version.desc())).all()
    draft = shown.state is SlaState.DRAFT
    return rendering.page(
        visit,
        "sla.html",
        422 if reason else 200,
        nav=beside(visit),
        sla=shown,
        clauses=promise_words.clauses(visit.session, shown.items),
        chosen_when=promise_words.condition_in_words(
            shown.chosen_when, promise_words.names_of(visit.session, [shown.chosen_when])
        ),
        versions=versions,
        running=_running(visit),
        missing=missing(visit, shown) if draft else "",
        reason=reason,
        trying=visit.by.may(Act.MANAGE),
        writing=visit.by.may(Act.ADMINISTER),
    )


def found(visit: Visit) -> Sla:
    """The SLA of the address, with its items."""
    id = visit.request.path_params["id"]
    if visit.session.get(Sla, id) is None:
        raise NotFound("there is no such SLA")
    return with_items(visit.session, id)


def missing(visit: Visit, draft: Sla) -> str:
    """Why the draft cannot be put in force yet, or ''."""
    try:
        check(visit.session, draft, slack=visit.house.desk.slack, at=visit.at)
    except NotAnSla as error:
        return str(error)
    return ""


def _draft(visit: Visit) -> Response:
    made = activation.draft(visit.session, visit.by, visit.said("name"), [], at=visit.at)
    return RedirectResponse(f"/slas/{made.id}", 303)


def _draft_again(visit: Visit, error: IntakeError) -> Response:
    return _listed(visit, again(visit.form, error, LABELS))


def _do(done: Done, visit: Visit) -> Response:
    shown = done(visit, visit.request.path_params["id"])
    return RedirectResponse(f"/slas/{shown.id}" if isinstance(shown, Sla) else "/slas", 303)


def refused(visit: Visit, error: IntakeError) -> Response:
    """The page again, with the reason."""
    return show(visit, str(error))


ACTS: dict[str, Done] = {
    "revise": lambda visit, id: activation.revise(visit.session, visit.by, id, at=visit.at),
    "retire": lambda visit, id: activation.retire(visit.session, visit.by, id, at=visit.at),
    "default": lambda visit, id: activation.make_default(visit.session, visit.by, id, at=visit.at),
    "discard": lambda visit, id: activation.discard(visit.session, visit.by, id, at=visit.at),
}
