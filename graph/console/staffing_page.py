"""Who works where: queues, teams and people for managers to see, and what is done there at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from uuid import UUID

from sqlalchemy import func, select
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from graph.console import rendering, staffing_form
from graph.console.navigation import beside
from graph.console.visit import Visit, act, read
from graph.house import House
from intake import assigning, queues, skills, staffing, teams, work
from intake.agents import Act, Agent, at_work
from intake.availability import CAPACITY, Availability, Presence
from intake.errors import IntakeError, NotFound
from intake.queues import Queue, QueueMember
from intake.teams import TeamMember


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who works here, and how they stand."""

    agent: Agent
    presence: Presence
    used: int
    capacity: int
    skills: str


def routes(house: House) -> list[Route]:
    """The overview, and what is done at once."""
    return [
        Route("/staffing", read(house, _overview), name="staffing"),
        Route("/staffing/skills", act(house, _skill, _refused), methods=["POST"]),
        Route("/presence", act(house, _present), methods=["POST"]),
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


def _back(where: str = "") -> Response:
    return RedirectResponse(f"/staffing{where}", 303)
