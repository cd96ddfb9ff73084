"""Who works where: queues, teams and people for managers to see and administrators to set up."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from graph.console import rendering, staffing_form
from graph.console.filling import Filled, again, choices
from graph.console.navigation import beside
from graph.console.visit import Visit, act, read
from graph.console.words import CHANNELS
from graph.house import House
from intake import assigning, queues, skills, sla, staffing, teams, work
from intake.agents import Act, Agent, at_work
from intake.availability import CAPACITY, Availability, Presence
from intake.errors import IntakeError, NotFound
from intake.queues import Queue, QueueMember
from intake.teams import Team, TeamMember

MOST_FIELDS = 1_000
NOBODY = ("", "nobody")


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who works here, and how they stand."""

    agent: Agent
    presence: Presence
    used: int
    capacity: int
    skills: str


def routes(house: House) -> list[Route]:
    """The overview, a form for each kind, and what is done at once."""
    forms = {
        "queues": (_queue, _save_queue, _queue_again),
        "teams": (_team, _save_team, _team_again),
        "people": (_person, _save_person, _person_again),
    }
    return [
        Route("/staffing", read(house, _overview), name="staffing"),
        Route("/staffing/skills", act(house, _skill, _refused), methods=["POST"]),
        Route("/presence", act(house, _present), methods=["POST"]),
        *(
            Route(f"/staffing/{kind}/{which}", endpoint, methods=[method])
            for kind, (show, save, mend) in forms.items()
            for which in (["{id:uuid}"] if kind == "people" else ["new", "{id:uuid}"])
            for method, endpoint in (
                ("GET", read(house, show)),
                ("POST", act(house, save, mend, most_fields=MOST_FIELDS)),
            )
        ),
        *(
            Route(
                f"/staffing/{kind}/{{id:uuid}}/{name}",
                act(house, partial(_at_once, done), _refused),
                methods=["POST"],
            )
            for kind, name, done in (
                ("queues", "archive", _archive_queue),
                ("queues", "restore", _restore_queue),
                ("teams", "archive", _archive_team),
            )
        ),
    ]


def _overview(visit: Visit) -> Response:
    return _show(visit)


def _show(visit: Visit, reason: str = "") -> Response:
    visit.by.must(Act.MANAGE)
    session = visit.session
    found = session.scalars(select(Queue).order_by(Queue.name)).all()
    counts = queues.counts(session)
    return rendering.page(
        visit,
        "staffing.html",
        422 if reason else 200,
        nav=beside(visit),
        queues=[row for row in found if row.archived_at is None],
        archived=[row for row in found if row.archived_at is not None],
        counts={row.id: counts.get(row.id, (0, 0)) for row in found},
        members=_members(visit),
        teams=teams.every(session, archived=True),
        crews=_crews(visit),
        people=_people(visit),
        skills=skills.every(session),
        methods=dict(staffing_form.METHODS),
        administering=visit.by.may(Act.ADMINISTER),
        reason=reason,
    )


def _members(visit: Visit) -> Mapping[UUID, int]:
    rows = select(QueueMember.queue_id, func.count()).group_by(QueueMember.queue_id)
    return dict(visit.session.execute(rows).all())


def _crews(visit: Visit) -> Mapping[UUID, str]:
    rows = visit.session.execute(
        select(TeamMember.team_id, Agent.name)
        .join(Agent, Agent.id == TeamMember.agent_id)
        .order_by(Agent.name)
    )
    crews: dict[UUID, list[str]] = {}
    for team_id, name in rows:
        crews.setdefault(team_id, []).append(name)
    return {team_id: ", ".join(names) for team_id, names in crews.items()}


def _people(visit: Visit) -> list[Person]:
    session = visit.session
    active = at_work(session)
    ids = [agent.id for agent in active]
    known = {row.agent_id: row for row in session.scalars(select(Availability))}
    used = assigning.used_units(session, ids, assigning.weights(session))
    can = skills.of_agents(session, ids)
    names = {skill.id: skill.name for skill in skills.every(session)}
    return [
        Person(
            agent,
            known[agent.id].presence if agent.id in known else Presence.OFFLINE,
            sum(used.get(agent.id, {}).values()),
            known[agent.id].capacity if agent.id in known else CAPACITY,
            ", ".join(sorted(f"{names[s]} {level}" for s, level in can.get(agent.id, {}).items())),
        )
        for agent in active
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
    return _back()


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
    return _back()


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
    return _back()


def _person_again(visit: Visit, error: IntakeError) -> Response:
    return _person_form(visit, again(visit.form, error, staffing_form.WORK_LABELS), 422)


def _skill(visit: Visit) -> Response:
    staffing.add_skill(visit.session, visit.by, visit.said("name"), at=visit.at)
    return _back("#skills")


def _at_once(done: Callable[[Visit, UUID], object], visit: Visit) -> Response:
    done(visit, visit.request.path_params["id"])
    return _back()


def _archive_queue(visit: Visit, id: UUID) -> None:
    target = staffing_form.ticked({f"to.{visit.said('move_to')}": ""}, "to")
    staffing.archive_queue(
        visit.session, visit.by, id, at=visit.at, version=visit.version,
        move_to_id=target[0] if target else None,
    )  # fmt: skip


def _restore_queue(visit: Visit, id: UUID) -> None:
    staffing.restore_queue(visit.session, visit.by, id, at=visit.at, version=visit.version)


def _archive_team(visit: Visit, id: UUID) -> None:
    staffing.archive_team(visit.session, visit.by, id, at=visit.at, version=visit.version)


def _refused(visit: Visit, error: IntakeError) -> Response:
    return _show(visit, str(error).partition(": ")[2] or str(error))


def _present(visit: Visit) -> Response:
    visit.by.must(Act.WORK)
    said = visit.said("presence")
    if said not in tuple(Presence):
        raise NotFound("there is no such presence")
    work.set_presence(visit.session, visit.by, Presence(said), at=visit.at)
    back = visit.said("back")
    # Only a path of ours: two slashes would name another host.
    ours = back.startswith("/") and not back.startswith(("//", "/\\"))
    return RedirectResponse(back if ours else "/", 303)


def _form(visit: Visit, template: str, filled: Filled, status: int, **values: Any) -> Response:
    visit.by.must(Act.ADMINISTER)
    return rendering.page(visit, template, status, nav=beside(visit), filled=filled, **values)


def _one(visit: Visit, kind: type[Any], id: UUID) -> Any:
    row = visit.session.get(kind, id)
    if row is None:
        raise NotFound("there is nothing here")
    return row


def _back(where: str = "") -> Response:
    return RedirectResponse(f"/staffing{where}", 303)
