"""Queues and their items: every act on where a case waits, on both databases."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from intake import queues, staffing, work
from intake.agents import Agent, NotAllowed, Principal, Role
from intake.cases import Case, StaleVersion
from intake.db import new_id
from intake.errors import IntakeError, NotFound
from intake.events import Event
from intake.queues import AlreadyTaken, Assignment, DefaultQueue, Queue, QueueItem
from intake.staffing import QueueTerms, TeamTerms, WrongQueue, WrongTeam
from intake.teams import Team, TeamMember
from intake.visibility import one_visible, queues_listed_for
from tests.desk import DESK, NOON, DeskUnderTest, email

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
        work.reopen(session, grace, case_id, desk=DESK, at=LATER)

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
        work.reopen(session, grace, case_id, desk=DESK, at=LATER)
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


@pytest.mark.parametrize("act", ["pick", "assign", "assign_team"])
def test_whoever_takes_a_case_may_take_it_out_of_its_queue(desk: DeskUnderTest, act: str) -> None:
    grace = desk.has_agent("Grace")
    crew = team(desk, "Crew", grace)
    whom = {"assign": (grace.id,), "assign_team": (crew.id,)}.get(act, ())
    case_id = opened(desk)

    with desk.transaction() as session:
        getattr(work, act)(
            session, grace.principal("test"), case_id, *whom, at=NOON, remove_from_queue=True
        )

    case, item = now(desk, case_id)
    assert item is None
    assert (case.owner_id, case.team_id) == (
        (None, crew.id) if act[-1] == "m" else (grace.id, None)
    )
    assert case.open


def test_an_assigned_case_may_go_on_waiting_for_whoever_works_on_it(desk: DeskUnderTest) -> None:
    grace, luis = desk.has_agent("Grace"), desk.has_agent("Luis")
    case_id = opened(desk)

    with desk.transaction() as session:
        work.assign(session, grace.principal("test"), case_id, luis.id, at=NOON, item_too=False)

    case, item = now(desk, case_id)
    assert item is not None
    assert (case.owner_id, item.worked_by_id, case.waiting_since_at) == (luis.id, None, NOON)


def test_a_case_taken_out_of_its_queue_stays_whose_it_is(desk: DeskUnderTest) -> None:
    grace = desk.principal("Grace")
    case_id = opened(desk)
    with desk.transaction() as session:
        work.pick(session, grace, case_id, at=NOON)
        work.remove_from_queue(session, grace, case_id, at=LATER)
        again = work.remove_from_queue(session, grace, case_id, at=LATER).version

    case, item = now(desk, case_id)
    assert item is None
    assert (case.owner_id, case.open, case.version) == (grace.id, True, again)
    assert [e.kind for e in desk.all(Event)].count("case.left_queue") == 1


@pytest.fixture
def admin(desk: DeskUnderTest) -> Principal:
    return desk.principal("Admin", Role.ADMINISTRATOR)


@pytest.mark.parametrize(
    ("terms", "field"),
    [
        ({"name": " "}, "name"),
        ({"name": "Support"}, "name"),
        ({"address": "nobody"}, "address"),
        ({"address": "SUPPORT@desk.example"}, "address"),
        ({"owner_id": new_id()}, "owner"),
        ({"owner_team_id": new_id()}, "owner_team"),
        ({"owner_id": new_id(), "owner_team_id": new_id()}, "owner"),
        ({"member_ids": frozenset({new_id()})}, "members"),
        ({"absent_minutes": -1}, "absent_minutes"),
    ],
)
def test_a_wrong_queue_is_refused_by_its_field(
    desk: DeskUnderTest, admin: Principal, terms: dict[str, Any], field: str
) -> None:
    with (
        pytest.raises(WrongQueue, match=f"^{field}: "),
        desk.transaction() as session,
    ):
        staffing.add_queue(session, admin, QueueTerms(**{"name": "New", **terms}), at=NOON)

    assert desk.count(Queue) == 1


def test_an_administrator_changes_a_queue_and_its_members(
    desk: DeskUnderTest, admin: Principal
) -> None:
    ana, luis = desk.has_agent("Ana"), desk.has_agent("Luis")
    terms = QueueTerms("Hardware", "hw@desk.example", member_ids=frozenset({ana.id}))
    with desk.transaction() as session:
        queue = staffing.add_queue(session, admin, terms, at=NOON)
    case_id = opened(desk, mailbox="hw@desk.example")
    later = QueueTerms(
        "Hardware", private=True, is_default=True, member_ids=frozenset({luis.id}),
        assignment=Assignment.ROUND_ROBIN,
    )  # fmt: skip

    with desk.transaction() as session:
        staffing.change_queue(session, admin, queue.id, later, at=LATER, version=queue.version)
    with pytest.raises(StaleVersion), desk.transaction() as session:
        staffing.change_queue(session, admin, queue.id, terms, at=LATER, version=queue.version)

    with desk.db.reading() as session:
        kept = session.get_one(Queue, queue.id)
        assert staffing.terms_of_queue(session, kept) == later
        assert not session.get_one(Queue, desk.queue.id).is_default
    item = now(desk, case_id)[1]
    assert item is not None
    assert item.offer_at == LATER, "what waits is offered now that the desk assigns"
    [event] = [e for e in desk.all(Event) if e.kind == "queue.changed"]
    assert set(event.data["changed"]) == {
        "address", "private", "is_default", "member_ids", "assignment",
    }  # fmt: skip


def test_the_default_queue_is_neither_archived_nor_made_another_by_itself(
    desk: DeskUnderTest, admin: Principal
) -> None:
    with pytest.raises(IntakeError, match="default"), desk.transaction() as session:
        staffing.archive_queue(session, admin, desk.queue.id, at=NOON)
    with pytest.raises(WrongQueue, match="is_default"), desk.transaction() as session:
        staffing.change_queue(session, admin, desk.queue.id, QueueTerms("Support"), at=NOON)


def test_what_waits_in_an_archived_queue_moves_with_who_works_on_it(
    desk: DeskUnderTest, admin: Principal
) -> None:
    grace = desk.principal("Grace")
    old = desk.has_queue("Old", address="old@desk.example")
    waiting = opened(desk, mailbox="old@desk.example")
    worked = opened(desk, sender="eve@example.com", mailbox="old@desk.example")
    with desk.transaction() as session:
        work.pick(session, grace, worked, at=NOON)

    with pytest.raises(WrongQueue, match=r"^move_to: 2 cases"), desk.transaction() as session:
        staffing.archive_queue(session, admin, old.id, at=LATER)
    with desk.transaction() as session:
        staffing.archive_queue(session, admin, old.id, at=LATER, move_to_id=desk.queue.id)

    owners = {case_id: now(desk, case_id)[0].owner_id for case_id in (waiting, worked)}
    assert owners == {waiting: None, worked: grace.id}
    assert {now(desk, case_id)[0].queue_id for case_id in owners} == {desk.queue.id}


def test_a_team_is_set_up_and_archived_when_it_has_nothing(
    desk: DeskUnderTest, admin: Principal
) -> None:
    ana = desk.has_agent("Ana")
    with desk.transaction() as session:
        terms = TeamTerms("Crew", ana.id, frozenset({ana.id}), desk.queue.id)
        crew = staffing.add_team(session, admin, terms, at=NOON)
        assert staffing.terms_of_team(session, crew) == terms
    case_id = opened(desk)
    with desk.transaction() as session:
        work.assign_team(session, admin, case_id, crew.id, at=NOON)

    with pytest.raises(IntakeError, match="1 open case"), desk.transaction() as session:
        staffing.archive_team(session, admin, crew.id, at=NOON)
    with desk.transaction() as session:
        work.cancel(session, admin, case_id, "Spam", desk=DESK, at=NOON)
        staffing.archive_team(session, admin, crew.id, at=NOON)
    fresh = opened(desk)
    with pytest.raises(NotFound), desk.transaction() as session:
        work.assign_team(session, admin, fresh, crew.id, at=NOON)
    with pytest.raises(WrongTeam, match=r"^name"), desk.transaction() as session:
        staffing.add_team(session, admin, TeamTerms("Crew"), at=NOON)


@pytest.mark.parametrize("role", [Role.MANAGER, Role.AGENT, Role.READ_ONLY])
def test_only_administrators_set_up_queues_and_teams(desk: DeskUnderTest, role: Role) -> None:
    by = desk.principal("Other", role)
    with desk.transaction() as session:
        with pytest.raises(NotAllowed):
            staffing.add_queue(session, by, QueueTerms("New"), at=NOON)
        with pytest.raises(NotAllowed):
            staffing.archive_queue(session, by, desk.queue.id, at=NOON)
        with pytest.raises(NotAllowed):
            staffing.add_team(session, by, TeamTerms("New"), at=NOON)
