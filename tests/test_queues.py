"""Queues and their items: every act on where a case waits, on both databases."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from intake import queues, work
from intake.agents import Agent, Principal, Role
from intake.cases import Case
from intake.db import new_id
from intake.errors import NotFound
from intake.queues import AlreadyTaken, DefaultQueue, Queue, QueueItem
from intake.teams import Team, TeamMember
from intake.visibility import one_visible, queues_listed_for
from tests.desk import NOON, DeskUnderTest, email

LATER = NOON + timedelta(hours=1)


def opened(desk: DeskUnderTest, **fields: Any) -> UUID:
    [receipt] = desk.accepts(email(**fields))
    assert receipt.case is not None
    return receipt.case.id


def team(desk: DeskUnderTest, name: str, *members: Agent) -> Team:
    found = Team(id=new_id(), name=name, created_at=NOON)
    desk._add(found, *(TeamMember(team_id=found.id, agent_id=agent.id) for agent in members))
    return found


def now(desk: DeskUnderTest, case_id: UUID) -> tuple[Case, QueueItem | None]:
    with desk.db.reading() as session:
        case = session.get_one(Case, case_id)
        return case, queues.item_of(session, case)


def test_a_released_case_is_whose_the_queue_is_and_keeps_its_turn(desk: DeskUnderTest) -> None:
    lead = desk.has_agent("Lead")
    owned = desk.has_queue("Hardware", owner_id=lead.id)
    grace = desk.principal("Grace")
    case_id = opened(desk)
    with desk.transaction() as session:
        work.route_to(session, grace, case_id, owned.id, at=NOON)
        work.pick(session, grace, case_id, at=LATER)

    with desk.transaction() as session:
        work.release(session, grace, case_id, at=LATER + timedelta(hours=1))

    case, item = now(desk, case_id)
    assert item is not None
    assert (case.owner_id, item.worked_by_id) == (lead.id, None)
    assert case.waiting_since_at == item.entered_at == NOON


def test_what_waits_for_a_team_is_taken_by_one_of_it(desk: DeskUnderTest) -> None:
    ana, eve = desk.has_agent("Ana"), desk.has_agent("Eve")
    crew = team(desk, "Crew", ana)
    manager = desk.principal("Boss", Role.MANAGER)
    case_id = opened(desk)
    with desk.transaction() as session:
        work.assign_team(session, manager, case_id, crew.id, at=NOON)

    with pytest.raises(AlreadyTaken, match="Crew"), desk.transaction() as session:
        work.pick(session, eve.principal("test"), case_id, at=LATER)
    with desk.transaction() as session:
        work.pick(session, ana.principal("test"), case_id, at=LATER)

    case, item = now(desk, case_id)
    assert item is not None
    assert (case.owner_id, case.team_id) == (ana.id, crew.id)
    assert (item.worked_by_id, item.worked_by_team_id) == (ana.id, crew.id)
    assert case.waiting_since_at is None


def test_a_team_sees_what_was_given_to_it(desk: DeskUnderTest) -> None:
    ana, eve = desk.has_agent("Ana"), desk.has_agent("Eve")
    crew = team(desk, "Crew", ana)
    secret = desk.has_queue("Secret", members=(desk.has_agent("Member"),))
    manager = desk.principal("Boss", Role.MANAGER)
    case_id = opened(desk)
    with desk.transaction() as session:
        work.route_to(session, manager, case_id, secret.id, at=NOON)
        work.assign_team(session, manager, case_id, crew.id, at=NOON)

    with desk.db.reading() as session:
        assert one_visible(session, ana.principal("test"), case_id).team_id == crew.id
        with pytest.raises(NotFound):
            one_visible(session, eve.principal("test"), case_id)


def test_a_case_given_past_the_team_is_not_the_teams_any_more(desk: DeskUnderTest) -> None:
    ana, eve = desk.has_agent("Ana"), desk.has_agent("Eve")
    crew = team(desk, "Crew", ana)
    manager = desk.principal("Boss", Role.MANAGER)
    case_id = opened(desk)
    with desk.transaction() as session:
        work.assign_team(session, manager, case_id, crew.id, at=NOON)
        work.assign(session, manager, case_id, ana.id, at=NOON)
        assert session.get_one(Case, case_id).team_id == crew.id
        work.assign(session, manager, case_id, eve.id, at=NOON)

    case, item = now(desk, case_id)
    assert item is not None
    assert (case.owner_id, case.team_id, item.worked_by_team_id) == (eve.id, None, None)


def test_a_reopened_case_goes_on_with_its_owner(desk: DeskUnderTest) -> None:
    grace = desk.principal("Grace")
    case_id = opened(desk)
    with desk.transaction() as session:
        work.pick(session, grace, case_id, at=NOON)
        work.resolve(session, grace, case_id, "Done.", desk=desk.settings, at=NOON)
    closed, none = now(desk, case_id)
    assert (closed.waiting_since_at, none) == (None, None)

    with desk.transaction() as session:
        work.reopen(session, grace, case_id, at=LATER)

    case, item = now(desk, case_id)
    assert item is not None
    assert item.worked_by_id == grace.id
    assert case.waiting_since_at is None


def test_a_case_never_enters_an_archived_queue(desk: DeskUnderTest) -> None:
    grace = desk.principal("Grace")
    old = desk.has_queue("Old", address="old@desk.example")
    case_id = opened(desk, mailbox="old@desk.example")
    with desk.transaction() as session:
        work.resolve(session, grace, case_id, "Done.", desk=desk.settings, at=NOON)
        session.get_one(Queue, old.id).archived_at = NOON

    with desk.transaction() as session:
        work.reopen(session, grace, case_id, at=LATER)
    fresh = opened(desk, mailbox="old@desk.example")

    assert now(desk, case_id)[0].queue_id == desk.queue.id
    assert now(desk, fresh)[0].queue_id == desk.queue.id


def test_a_default_queue_is_the_teams_own_or_the_desks(desk: DeskUnderTest) -> None:
    crew, other = team(desk, "Crew"), team(desk, "Other")
    hardware = desk.has_queue("Hardware")
    desk._add(DefaultQueue(team_id=crew.id, queue_id=hardware.id))

    with desk.db.reading() as session:
        assert queues.default_of(session, team_id=crew.id).id == hardware.id
        assert queues.default_of(session, team_id=other.id).id == desk.queue.id


def test_a_private_queue_is_listed_for_its_members_but_its_cases_are_open_to_all(
    desk: DeskUnderTest,
) -> None:
    member, other = desk.has_agent("Member"), desk.has_agent("Other")
    private = desk.has_queue("Private", members=(member,), private=True)
    with desk.transaction() as session:
        session.get_one(Queue, private.id).members_only = False
    case_id = opened(desk)
    with desk.transaction() as session:
        work.route_to(session, member.principal("test"), case_id, private.id, at=NOON)

    def listed(principal: Principal) -> list[str]:
        with desk.db.reading() as session:
            return [queue.name for queue in session.scalars(queues_listed_for(principal))]

    assert listed(member.principal("test")) == ["Private", "Support"]
    assert listed(other.principal("test")) == ["Support"]
    with desk.db.reading() as session:
        assert one_visible(session, other.principal("test"), case_id).queue_id == private.id
