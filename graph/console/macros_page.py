"""Macros: what agents do often, in one act; the list and the form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from uuid import UUID

from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from graph.console import conditions_form, rendering, rule_actions_form
from graph.console.conditions_form import MOST_FIELDS
from graph.console.navigation import beside
from graph.console.rule_actions_form import ActionRow
from graph.console.visit import Visit, act, read
from graph.house import House
from intake.agents import Act
from intake.automation import checking, macros
from intake.errors import IntakeError


@dataclass(frozen=True, slots=True)
class MacroForm:
    """Everything in the form, and what is wrong with it."""

    title: str = ""
    actions: tuple[ActionRow, ...] = ()
    version: str = ""
    reason: str = ""


def routes(house: House) -> list[Route]:
    """The list, the form of a new one and of one that is there, and its end."""
    form = partial(act, house, _save, _again, most_fields=MOST_FIELDS)
    return [
        Route("/macros", read(house, _list), name="macros"),
        Route("/macros/new", read(house, _new), name="new-macro"),
        Route("/macros/new", form(), methods=["POST"]),
        Route("/macros/{id:uuid}", read(house, _edit), name="macro"),
        Route("/macros/{id:uuid}", form(), methods=["POST"]),
        Route("/macros/{id:uuid}/archive", act(house, _archive), methods=["POST"]),
    ]


def _list(visit: Visit) -> Response:
    visit.by.must(Act.MANAGE)
    found = macros.every(visit.session)
    names = checking.names_in(visit.session, (one for macro in found for one in macro.does))
    return rendering.page(
        visit,
        "macros.html",
        nav=beside(visit),
        found=[(each, [action.in_words(names) for action in each.does]) for each in found],
    )


def _new(visit: Visit) -> Response:
    return _form(visit, MacroForm())


def _edit(visit: Visit) -> Response:
    found = macros.by_id(visit.session, visit.request.path_params["id"])
    return _form(visit, MacroForm(found.name, rule_actions_form.of(found.does), str(found.version)))


def _form(visit: Visit, form: MacroForm, status: int = 200) -> Response:
    visit.by.must(Act.MANAGE)
    return rendering.page(
        visit,
        "macro_form.html",
        status,
        nav=beside(visit),
        form=form,
        macro_id=visit.request.path_params.get("id"),
        kinds=rule_actions_form.KINDS,
        targets=rule_actions_form.choices(visit.session, by_hand=True),
        long=rule_actions_form.LONG,
    )


def _save(visit: Visit) -> Response:
    visit.by.must(Act.MANAGE)
    form = _typed(visit.form)
    if conditions_form.pressed(visit.form):
        return _form(visit, form)
    does, at = rule_actions_form.actions_in(form.actions), visit.at
    id: UUID | None = visit.request.path_params.get("id")
    if id is None:
        macros.write(visit.session, visit.by, form.title, does, at=at)
    else:
        macros.rewrite(visit.session, visit.by, id, form.title, does, at=at, version=visit.version)
    return RedirectResponse("/macros", 303)


def _again(visit: Visit, error: IntakeError) -> Response:
    form = _typed(visit.form)
    rows = rule_actions_form.with_wrong(form.actions, str(error)) or form.actions
    return _form(visit, MacroForm(form.title, rows, form.version, str(error)), 422)


def _archive(visit: Visit) -> Response:
    macros.archive(visit.session, visit.by, visit.request.path_params["id"], at=visit.at)
    return RedirectResponse("/macros", 303)


def _typed(form: Mapping[str, str]) -> MacroForm:
    return MacroForm(form.get("title", ""), rule_actions_form.typed(form), form.get("version", ""))
