"""Saved views: the cases each asks for in the columns it says, and the form that makes one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import literal, select, tuple_
from sqlalchemy.orm import joinedload, selectinload
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from graph.console import case_list, conditions_form, rendering
from graph.console.conditions_form import MOST_FIELDS, Group
from graph.console.filling import Filled, Misfilled, again
from graph.console.navigation import beside
from graph.console.visit import Visit, act, read
from graph.house import House
from intake import saved_views, teams
from intake.agents import Act
from intake.cases import Case
from intake.errors import IntakeError
from intake.facts import CASE_COLUMNS, CASE_FIELDS, offered, read_condition
from intake.fields import CaseType
from intake.queues import Queue
from intake.saved_views import EVERY_CASE, ME, Column, SavedView, Sharing, ViewOrder, ViewTerms
from intake.teams import Team

AT_ONCE = 50
LABELS = {
    "name": "Name",
    "columns": "Columns",
    "order": "What comes first",
    "sharing": "Who has it in their lists",
    "team": "Team",
    "condition": "Which {nouns}",
}
ORDERS = [
    (ViewOrder.DEADLINE.value, "the nearest deadline"),
    (ViewOrder.OPENED.value, "the newest"),
    (ViewOrder.UPDATED.value, "what changed last"),
]
BY = {
    ViewOrder.DEADLINE: (Case.order_at, False),
    ViewOrder.OPENED: (Case.opened_at, True),
    ViewOrder.UPDATED: (Case.updated_at, True),
}


@dataclass(frozen=True, slots=True)
class ViewForm:
    """The form of a view: plain fields, and the condition that is built in it."""

    filled: Filled
    when: Group


def routes(house: House) -> list[Route]:
    """The cases of a view, its form, and its end."""
    save = act(house, _save, _again, most_fields=MOST_FIELDS)
    return [
        Route("/views/new", read(house, _new), name="new-view"),
        Route("/views/new", save, methods=["POST"]),
        Route("/views/{id:uuid}", read(house, _cases), name="view"),
        Route("/views/{id:uuid}/edit", read(house, _edit), name="edit-view"),
        Route("/views/{id:uuid}/edit", save, methods=["POST"]),
        Route("/views/{id:uuid}/remove", act(house, _remove), methods=["POST"]),
    ]


def _cases(visit: Visit) -> Response:
    view = _one(visit)
    key, descending = BY[view.order]
    statement = saved_views.cases(visit.by, view, at=visit.at)
    after = case_list.cursor(visit.asked("after"))
    if after is not None:
        here = tuple_(literal(after[0], key.type), literal(after[1], Case.id.type))
        place = tuple_(key, Case.id)
        statement = statement.where(place < here if descending else place > here)
    order = (key.desc(), Case.id.desc()) if descending else (key, Case.id)
    people = (Case.contact, Case.account, Case.owner, Case.team, Case.own_reason)
    shown = [*map(joinedload, (*people, Case.topic, Case.product)), selectinload(Case.tags)]
    found = visit.session.scalars(
        statement.options(*shown).order_by(*order).limit(AT_ONCE + 1)
    ).all()
    last = found[AT_ONCE - 1] if len(found) > AT_ONCE else None
    return rendering.page(
        visit,
        "view.html",
        nav=beside(visit),
        view=view,
        words=read_condition(view.condition).in_words(_names(visit)),
        columns=[Column(name) for name in view.columns],
        cases=found[:AT_ONCE],
        queues=dict(visit.session.execute(select(Queue.id, Queue.name)).all()),
        types=dict(visit.session.execute(select(CaseType.id, CaseType.name)).all()),
        changes=view.agent_id == visit.by.id or visit.by.may(Act.MANAGE),
        total=len(found) if last is None and after is None else 0,
        following=f"?after={getattr(last, key.key).isoformat()}_{last.id}".replace("+", "%2B")
        if last
        else "",
        continued=after is not None,
    )


def _names(visit: Visit) -> dict[str, str]:
    return {ME: "me", **conditions_form.names_in(_choices(visit))}


def _choices(visit: Visit) -> dict[str, list[tuple[str, str]]]:
    found = dict(conditions_form.case_choices(visit.session))
    found["owner"] = [(ME, "Whoever looks"), *found.get("owner", ())]
    found["team"] = [(str(row.id), row.name) for row in teams.every(visit.session)]
    return found


def _new(visit: Visit) -> Response:
    visit.by.must(Act.WORK)
    return _form(visit, _of(ViewTerms("")))


def _edit(visit: Visit) -> Response:
    visit.by.must(Act.WORK)
    return _form(visit, _of(saved_views.terms_of(_one(visit))))


def _of(terms: ViewTerms) -> ViewForm:
    values = {
        "name": terms.name,
        "order": terms.order.value,
        "sharing": f"team {terms.team_id}" if terms.team_id else terms.sharing.value,
        **{f"column.{column.value}": "on" for column in terms.columns},
    }
    asked = None if terms.condition == EVERY_CASE else terms.condition
    return ViewForm(Filled(values), conditions_form.of("when", asked, CASE_FIELDS))


def _form(visit: Visit, form: ViewForm, status: int = 200) -> Response:
    id = visit.request.path_params.get("id")
    everyone = [(Sharing.EVERYONE.value, "everybody")] if visit.by.may(Act.MANAGE) else []
    mine = teams.of_agent(visit.by.id)
    shared = select(Team).where(Team.archived_at.is_(None)).order_by(Team.name)
    if not visit.by.may(Act.MANAGE):
        shared = shared.where(Team.id.in_(mine))
    return rendering.page(
        visit,
        "view_form.html",
        status,
        nav=beside(visit),
        view=_one(visit) if id else None,
        filled=form.filled,
        when=form.when,
        labels=LABELS,
        columns=tuple(Column),
        orders=ORDERS,
        sharings=[
            (Sharing.PRIVATE.value, "only me"),
            *((f"team {row.id}", row.name) for row in visit.session.scalars(shared)),
            *everyone,
        ],
        fields={n: f for n, f in offered(visit.session).items() if n in CASE_COLUMNS},
        choices=_choices(visit),
    )


def _save(visit: Visit) -> Response:
    visit.by.must(Act.WORK)
    form = _typed(visit.form)
    if conditions_form.pressed(visit.form):
        return _form(visit, form)
    condition = conditions_form.condition_in(form.when, CASE_FIELDS)
    sharing, _, team = visit.said("sharing").partition(" ")
    terms = ViewTerms(
        name=visit.said("name"),
        condition=condition or dict(EVERY_CASE),
        columns=tuple(column for column in Column if f"column.{column.value}" in visit.form),
        order=_word(ViewOrder, visit.said("order"), "order"),
        sharing=_word(Sharing, sharing, "sharing"),
        team_id=_uuid(team),
    )
    view = saved_views.save(
        visit.session, visit.by, terms, at=visit.at,
        view_id=visit.request.path_params.get("id"),
        version=visit.version,
    )  # fmt: skip
    return RedirectResponse(f"/views/{view.id}", 303)


def _again(visit: Visit, error: IntakeError) -> Response:
    form = _typed(visit.form)
    filled = again(visit.form, error, LABELS)
    when = conditions_form.with_wrong(form.when, filled.wrong)
    return _form(visit, ViewForm(filled, when), 422)


def _remove(visit: Visit) -> Response:
    saved_views.remove(visit.session, visit.by, visit.request.path_params["id"])
    return RedirectResponse("/", 303)


def _typed(form: Mapping[str, str]) -> ViewForm:
    return ViewForm(Filled(form), conditions_form.typed("when", form, CASE_FIELDS))


def _word(words: Any, said: str, name: str) -> Any:
    if said not in tuple(words):
        raise Misfilled({name: "choose one of these"})
    return words(said)


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text) if text else None
    except ValueError:
        return None


def _one(visit: Visit) -> SavedView:
    return saved_views.one(visit.session, visit.by, visit.request.path_params["id"])
