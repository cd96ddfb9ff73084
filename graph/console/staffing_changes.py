"""The forms that set up a queue, a team, and how a person works; for administrators."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from graph.console import rendering, staffing_form
from graph.console.filling import Filled, again, choices
from graph.console.navigation import beside
from graph.console.visit import Visit, act, read
from graph.console.words import CHANNELS
from graph.house import House
from intake import queues, skills, sla, staffing, teams
from intake.agents import Act, Agent, at_work
from intake.errors import IntakeError, NotFound
from intake.queues import Queue
from intake.teams import Team

MOST_FIELDS = 1_000
NOBODY = ("", "nobody")


def routes(house: House) -> list[Route]:
    """A form for each kind; people are set up and not added here."""
    forms = {
        "queues": (_queue, _save_queue, _queue_again),
        "teams": (_team, _save_team, _team_again),
        "people": (_person, _save_person, _person_again),
    }
    return [
        Route(f"/staffing/{kind}/{which}", endpoint, methods=[method])
        for kind, (show, save, mend) in forms.items()
        for which in (["{id:uuid}"] if kind == "people" else ["new", "{id:uuid}"])
        for method, endpoint in (
            ("GET", read(house, show)),
            ("POST", act(house, save, mend, most_fields=MOST_FIELDS)),
        )
    ]


def _queue(visit: Visit) -> Response:
    id = visit.request.path_params.get("id")
    terms = staffing.QueueTerms("")
    if id is not None:
        terms = staffing.terms_of_queue(visit.session, _one(visit, Queue, id))
    return _queue_form(visit, Filled(staffing_form.of_queue(terms)))


def _queue_form(visit: Visit, filled: Filled, status: int = 200) -> Response:
    id = visit.request.path_params.get("id")
    people = choices(at_work(visit.session))
    named_teams = [(f"team {row.id}", row.name) for row in teams.every(visit.session)]
    return _form(
        visit,
        "queue_form.html",
        filled,
        status,
        queue=_one(visit, Queue, id) if id else None,
        labels=staffing_form.QUEUE_LABELS,
        methods=staffing_form.METHODS,
        uncovered=staffing_form.UNCOVERED,
        people=people,
        owners=[NOBODY, *named_teams, *((f"agent {id}", name) for id, name in people)],
        others=[(row.id, row.name) for row in queues.every(visit.session).every if row.id != id],
    )


def _save_queue(visit: Visit) -> Response:
    id = visit.request.path_params.get("id")
    terms = staffing_form.queue_in(visit.form)
    if id is None:
        staffing.add_queue(visit.session, visit.by, terms, at=visit.at)
    else:
        staffing.change_queue(
            visit.session, visit.by, id, terms, at=visit.at, version=visit.version
        )
    return RedirectResponse("/staffing", 303)


def _queue_again(visit: Visit, error: IntakeError) -> Response:
    return _queue_form(visit, again(visit.form, error, staffing_form.QUEUE_LABELS), 422)


def _team(visit: Visit) -> Response:
    id = visit.request.path_params.get("id")
    terms = staffing.TeamTerms("")
    if id is not None:
        terms = staffing.terms_of_team(visit.session, _one(visit, Team, id))
    return _team_form(visit, Filled(staffing_form.of_team(terms)))


def _team_form(visit: Visit, filled: Filled, status: int = 200) -> Response:
    id = visit.request.path_params.get("id")
    people = choices(at_work(visit.session))
    return _form(
        visit,
        "team_form.html",
        filled,
        status,
        team=_one(visit, Team, id) if id else None,
        labels=staffing_form.TEAM_LABELS,
        people=people,
        leads=[NOBODY, *people],
        queues=choices(queues.every(visit.session).every, "the desk's default queue"),
    )


def _save_team(visit: Visit) -> Response:
    id = visit.request.path_params.get("id")
    terms = staffing_form.team_in(visit.form)
    if id is None:
        staffing.add_team(visit.session, visit.by, terms, at=visit.at)
    else:
        staffing.change_team(visit.session, visit.by, id, terms, at=visit.at, version=visit.version)
    return RedirectResponse("/staffing", 303)


def _team_again(visit: Visit, error: IntakeError) -> Response:
    return _team_form(visit, again(visit.form, error, staffing_form.TEAM_LABELS), 422)


def _person(visit: Visit) -> Response:
    terms = staffing.terms_of_work(visit.session, visit.request.path_params["id"])
    return _person_form(visit, Filled(staffing_form.of_work(terms)))


def _person_form(visit: Visit, filled: Filled, status: int = 200) -> Response:
    return _form(
        visit,
        "person_form.html",
        filled,
        status,
        agent=_one(visit, Agent, visit.request.path_params["id"]),
        labels=staffing_form.WORK_LABELS,
        calendars=choices(sla.calendars(visit.session), "whenever they are available"),
        queues=choices(queues.every(visit.session).every, "the desk's default queue"),
        channels=CHANNELS,
        skills=skills.every(visit.session),
        levels=skills.LEVELS,
    )


def _save_person(visit: Visit) -> Response:
    terms = staffing_form.work_in(visit.form, CHANNELS)
    agent_id = visit.request.path_params["id"]
    staffing.change_work(visit.session, visit.by, agent_id, terms, at=visit.at)
    return RedirectResponse("/staffing", 303)


def _person_again(visit: Visit, error: IntakeError) -> Response:
    return _person_form(visit, again(visit.form, error, staffing_form.WORK_LABELS), 422)


def _form(visit: Visit, template: str, filled: Filled, status: int, **values: Any) -> Response:
    visit.by.must(Act.ADMINISTER)
    return rendering.page(visit, template, status, nav=beside(visit), filled=filled, **values)


def _one(visit: Visit, kind: type[Any], id: UUID) -> Any:
    row = visit.session.get(kind, id)
    if row is None:
        raise NotFound("there is nothing here")
    return row
