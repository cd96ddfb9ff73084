"""Routing rules: the set that decides, drafts, those of before; written, tried on the past, put
in force."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import selectinload
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from graph.console import charts, conditions_form, rendering, routing_form
from graph.console.charts import Block, Series
from graph.console.conditions_form import MOST_FIELDS
from graph.console.navigation import beside
from graph.console.routing_form import RuleSetForm
from graph.console.visit import Visit, act, read
from graph.house import House
from intake import queues, routing, teams
from intake.agents import Act, who_work
from intake.errors import IntakeError
from intake.facts import offered
from intake.naming import names_in
from intake.routing import RoutingRule, RuleSet, RuleSetState, activation

RETIRED_SHOWN = 20
SPANS = {"7": "the last 7 days", "30": "the last 30 days", "90": "the last 90 days"}
LISTED = 100
MOVED = Series("near", "Would move")
STAYED = Series("met", "Would stay")


@dataclass(frozen=True, slots=True)
class ShownRule:
    """A rule for people to read."""

    rule: RoutingRule
    when: str
    to: str


def routes(house: House) -> list[Route]:
    """The list, one set, its form, its rehearsal, and one address for each act."""
    one = "/routing/{id:uuid}"
    return [
        Route("/routing", read(house, _list), name="routing"),
        Route("/routing/new", read(house, _new), name="new-routing"),
        Route("/routing/new", act(house, _save, _again, most_fields=MOST_FIELDS), methods=["POST"]),
        Route(one, read(house, _page), name="routing-set"),
        Route(f"{one}/edit", read(house, _edit), name="edit-routing"),
        Route(
            f"{one}/edit", act(house, _save, _again, most_fields=MOST_FIELDS), methods=["POST"]
        ),
        Route(f"{one}/past", read(house, _past), name="routing-past"),
        *(
            Route(f"{one}/{name}", act(house, partial(_do, done), _refused), methods=["POST"])
            for name, done in ACTS.items()
        ),
    ]  # fmt: skip


def _list(visit: Visit) -> Response:
    visit.by.must(Act.MANAGE)
    found = visit.session.scalars(
        select(RuleSet)
        .options(selectinload(RuleSet.rules))
        .order_by(RuleSet.created_at.desc(), RuleSet.id.desc())
    ).all()
    active = next((each for each in found if each.state is RuleSetState.ACTIVE), None)
    retired = [each for each in found if each.state is RuleSetState.RETIRED]
    return rendering.page(
        visit,
        "routing.html",
        nav=beside(visit),
        active=active,
        rules=_shown(visit, active) if active else (),
        drafts=[each for each in found if each.state is RuleSetState.DRAFT],
        retired=sorted(retired, key=lambda each: each.retired_at or each.created_at)[::-1][
            :RETIRED_SHOWN
        ],
        administering=visit.by.may(Act.ADMINISTER),
    )


def _page(visit: Visit) -> Response:
    return _show(visit, _one(visit))


def _show(visit: Visit, found: RuleSet, reason: str = "") -> Response:
    visit.by.must(Act.MANAGE)
    return rendering.page(
        visit,
        "routing_set.html",
        422 if reason else 200,
        nav=beside(visit),
        found=found,
        rules=_shown(visit, found),
        spans=SPANS,
        reason=reason,
        administering=visit.by.may(Act.ADMINISTER),
    )


def _past(visit: Visit) -> Response:
    found = _one(visit)
    span = visit.asked("days") if visit.asked("days") in SPANS else "30"
    since = visit.at - timedelta(days=int(span))
    rehearsal = routing.rehearse(
        visit.session, visit.by, found.id, since=since, until=visit.at, list_at_most=LISTED
    )
    most = max((step.count for step in rehearsal.steps), default=1)
    return rendering.page(
        visit,
        "routing_past.html",
        nav=beside(visit),
        found=found,
        rehearsal=rehearsal,
        steps=[(step, _bar(MOVED, step.count, most)) for step in rehearsal.steps],
        whole=charts.bar(
            (STAYED, MOVED),
            {STAYED.kind: rehearsal.cases - rehearsal.moved, MOVED.kind: rehearsal.moved},
            of=rehearsal.cases,
        ),
        legend=(STAYED, MOVED),
        share=[
            (name, count, _bar(STAYED, count, max(rehearsal.cases, 1)))
            for name, count in rehearsal.by_rule
        ],
        span=span,
        spans=SPANS,
    )


def _new(visit: Visit) -> Response:
    visit.by.must(Act.ADMINISTER)
    return _form(visit, routing_form.empty())


def _edit(visit: Visit) -> Response:
    visit.by.must(Act.ADMINISTER)
    found = _one(visit)
    if found.state is not RuleSetState.DRAFT:
        return RedirectResponse(f"/routing/{found.id}", 303)
    return _form(visit, routing_form.of(found))


def _form(visit: Visit, form: RuleSetForm, status: int = 200) -> Response:
    choices = conditions_form.case_choices(visit.session)
    people = [(f"agent {each.id}", each.name) for each in who_work(visit.session)]
    together = [(f"team {each.id}", each.name) for each in teams.every(visit.session)]
    return rendering.page(
        visit,
        "routing_form.html",
        status,
        nav=beside(visit),
        form=form,
        draft=visit.request.path_params.get("id"),
        fields=offered(visit.session),
        choices=choices,
        queues=[(str(each.id), each.name) for each in queues.every(visit.session).every],
        people=people,
        teams=together,
    )


def _save(visit: Visit) -> Response:
    visit.by.must(Act.ADMINISTER)
    form = routing_form.typed(visit.form)
    if conditions_form.pressed(visit.form):
        return _form(visit, form)
    rules, at = routing_form.rules_in(form), visit.at
    draft: UUID | None = visit.request.path_params.get("id")
    if draft is None:
        found = activation.draft(visit.session, visit.by, form.title, rules, at=at)
    else:
        found = activation.rewrite(
            visit.session, visit.by, draft, form.title, rules, at=at, version=visit.version
        )
    return RedirectResponse(f"/routing/{found.id}", 303)


def _again(visit: Visit, error: IntakeError) -> Response:
    return _form(visit, routing_form.with_problem(routing_form.typed(visit.form), error), 422)


def _do(done: Callable[..., RuleSet | None], visit: Visit) -> Response:
    visit.by.must(Act.ADMINISTER)
    found = done(visit.session, visit.by, visit.request.path_params["id"], at=visit.at)
    return RedirectResponse(f"/routing/{found.id}" if found is not None else "/routing", 303)


def _refused(visit: Visit, error: IntakeError) -> Response:
    return _show(visit, _one(visit), str(error))


ACTS: dict[str, Callable[..., RuleSet | None]] = {
    "copy": activation.copy,
    "activate": activation.activate,
    "retire": activation.retire,
    "discard": activation.discard,
}


def _one(visit: Visit) -> RuleSet:
    visit.by.must(Act.MANAGE)
    return routing.by_id(visit.session, visit.request.path_params["id"])


def _shown(visit: Visit, rule_set: RuleSet) -> list[ShownRule]:
    names = names_in(visit.session, (rule.when for rule in rule_set.rules))
    return [ShownRule(rule, rule.when.in_words(names), rule.place) for rule in rule_set.rules]


def _bar(series: Series, count: int, of: int) -> tuple[Block, ...]:
    counts: dict[str, Any] = {series.kind: count}
    return charts.bar((series,), counts, of=of)
