"""How Contoso's people work: teams, skills, presence, a queue that assigns, a view they share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from intake import attendance, saved_views, staffing
from intake.agents import Agent
from intake.availability import Presence
from intake.queues import Assignment, Queue
from intake.saved_views import Column, Sharing, ViewTerms
from intake.staffing import TeamTerms, WorkTerms

SKILLS = {
    "Networking": {"Luis": 5, "Grace": 2},
    "Printers": {"Grace": 4},
    "Spanish": {"Luis": 5, "Marta": 4},
}
HERE = {
    "Grace": Presence.AVAILABLE,
    "Luis": Presence.BUSY,
    "Marta": Presence.AVAILABLE,
}


def plant(
    session: Session, people: Mapping[str, Agent], queues: Mapping[str, Queue], *, at: datetime
) -> None:
    """Put them to work."""
    session.flush()
    admin, manager = people["Ada"].principal("demo"), people["Marta"].principal("demo")
    levels: dict[str, dict[UUID, int]] = {}
    for name, who in SKILLS.items():
        skill = staffing.add_skill(session, admin, name, at=at)
        for agent, level in who.items():
            levels.setdefault(agent, {})[skill.id] = level
    for agent, skills in levels.items():
        capacity = 3 if agent == "Marta" else 8
        terms = WorkTerms(capacity, {"chat": 2}, skills=skills)
        staffing.change_work(session, admin, people[agent].id, terms, at=at)
    for name, lead, members, queue in (
        ("Front line", "Marta", ("Grace", "Luis"), "Support"),
        ("Accounts", "Marta", ("Marta", "Grace"), "Billing"),
    ):
        ids = frozenset(people[member].id for member in members)
        team = TeamTerms(name, people[lead].id, ids, queues[queue].id)
        staffing.add_team(session, admin, team, at=at)
    session.flush()
    billing = staffing.terms_of_queue(session, queues["Billing"])
    staffing.change_queue(session, admin, queues["Billing"].id, _worked_by(billing, people), at=at)
    for agent, presence in HERE.items():
        attendance.become(
            session, people[agent].principal("demo"), people[agent].id, presence, at=at
        )
    left = {
        "all": [
            {"field": "state", "op": "is", "value": "active"},
            {"field": "owner", "op": "is empty"},
        ]
    }
    lately = {"field": "opened", "op": "is in the last", "value": "7 days"}
    columns = (Column.NUMBER, Column.SUBJECT, Column.CUSTOMER, Column.OWNER, Column.DEADLINE)
    for name, condition in (("Without an owner", left), ("Opened in the last week", lately)):
        view = ViewTerms(name, condition, columns, sharing=Sharing.EVERYONE)
        saved_views.save(session, manager, view, at=at)


def _worked_by(terms: staffing.QueueTerms, people: Mapping[str, Agent]) -> staffing.QueueTerms:
    members = frozenset(people[name].id for name in ("Grace", "Marta"))
    return replace(
        terms, member_ids=members, assignment=Assignment.HIGHEST_CAPACITY, absent_minutes=120
    )
