"""Who gets what waits: the choice, the clock that makes it, and presence that it follows."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Select
from sqlalchemy.orm.exc import StaleDataError

from intake import availability, clock, skills, staffing, work
from intake.agents import Agent, NotAllowed, Principal, Role
from intake.assigning import RETRY, Candidate, Wanted, choose, offering
from intake.availability import Availability, Presence
from intake.cases import Case
from intake.events import Event
from intake.queues import Assignment, Queue, QueueItem
from intake.sla import ServiceCalendar
from intake.staffing import WorkTerms
from tests.desk import NOON, DeskUnderTest, email
from tests.plans import plan
from tests.test_queues import now, opened, team

HOUR = timedelta(hours=1)
SPANISH, PRINTERS = uuid4(), uuid4()
NAMES = {SPANISH: "Spanish", PRINTERS: "Printers"}


def candidate(name: str, capacity: int = 5, **fields: Any) -> Candidate:
    return Candidate(uuid4(), name, capacity, **fields)


MAIL = Wanted("email")
SPANISH_3 = Wanted("email", skills={SPANISH: 3, PRINTERS: 2})


@pytest.mark.parametrize(
    ("method", "people", "wanted", "chosen", "why"),
    [
        (Assignment.NONE, [candidate("Ana")], MAIL, None, ""),
        (Assignment.ROUND_ROBIN, [], MAIL, None, ""),
        (
            Assignment.ROUND_ROBIN,
            [candidate("Ana", turn_at=NOON), candidate("Bo", 9), candidate("Cy", turn_at=NOON)],
            MAIL, "Bo", "next in turn, 9 of 9 units free",
        ),
        (
            Assignment.ROUND_ROBIN,
            [candidate("Ana", turn_at=NOON), candidate("Bo", turn_at=NOON - HOUR)],
            MAIL, "Bo", "next in turn, 5 of 5 units free",
        ),
        (
            Assignment.HIGHEST_CAPACITY,
            [candidate("Ana", used={"email": 2}), candidate("Bo", used={"chat": 4})],
            MAIL, "Ana", "3 of 5 units free",
        ),
        (
            Assignment.HIGHEST_CAPACITY,
            [candidate("Ana", last_at=NOON), candidate("Bo", last_at=NOON - HOUR)],
            MAIL, "Bo", "5 of 5 units free, longest since last",
        ),
        (
            Assignment.HIGHEST_CAPACITY,
            [candidate("Ana", used={"email": 5}), candidate("Bo", limits={"email": 0})],
            MAIL, None, "",
        ),
        (Assignment.HIGHEST_CAPACITY, [candidate("Ana", 2)], Wanted("chat", 3), None, ""),
        (
            Assignment.SKILLS_EXACT,
            [
                candidate("Ana", skills={SPANISH: 5}),
                candidate("Bo", 1, skills={SPANISH: 3, PRINTERS: 2}),
            ],
            SPANISH_3, "Bo", "Spanish 3 of 3, Printers 2 of 2, 1 of 1 units free",
        ),
        (Assignment.SKILLS_EXACT, [candidate("Ana", skills={SPANISH: 5})], SPANISH_3, None, ""),
        (Assignment.SKILLS_EXACT, [candidate("Ana")], MAIL, "Ana", "5 of 5 units free"),
        (
            Assignment.SKILLS_CLOSEST,
            [candidate("Ana", skills={SPANISH: 5}), candidate("Bo", 9, skills={PRINTERS: 2})],
            SPANISH_3, "Ana", "Spanish 5 of 3, Printers 0 of 2, 5 of 5 units free",
        ),
        (
            Assignment.SKILLS_CLOSEST,
            [candidate("Ana", skills={SPANISH: 3}), candidate("Bo", 9, skills={SPANISH: 5})],
            SPANISH_3, "Bo", "Spanish 5 of 3, Printers 0 of 2, 9 of 9 units free",
        ),
    ],
)  # fmt: skip
def test_the_choice_and_why(
    method: Assignment,
    people: list[Candidate],
    wanted: Wanted,
    chosen: str | None,
    why: str,
) -> None:
    for order in (people, people[::-1]):
        choice = choose(method, order, wanted, NAMES)

        assert (choice.candidate.name if choice else None) == chosen
        assert (choice.why if choice else "") == why


@pytest.fixture
def ana(desk: DeskUnderTest) -> Agent:
    return desk.has_agent("Ana")


@pytest.fixture
def bo(desk: DeskUnderTest) -> Agent:
    return desk.has_agent("Bo")


@pytest.fixture
def admin(desk: DeskUnderTest) -> Principal:
    return desk.principal("Admin", Role.ADMINISTRATOR)


def assigns(
    desk: DeskUnderTest,
    *members: Agent,
    method: Assignment = Assignment.HIGHEST_CAPACITY,
    **fields: Any,
) -> Queue:
    """A queue that gives what waits in it to these, fed by its own mailbox."""
    return desk.has_queue(
        "Assigning", members=members, address="auto@desk.example", assignment=method, **fields
    )


def arrives(desk: DeskUnderTest, **fields: Any) -> UUID:
    return opened(desk, **{"mailbox": "auto@desk.example", **fields})


def present(
    desk: DeskUnderTest, agent: Agent, presence: Presence = Presence.AVAILABLE, *, at: Any = NOON
) -> None:
    with desk.transaction() as session:
        work.set_presence(session, agent.principal("test"), presence, at=at)


def tick(desk: DeskUnderTest, *, at: Any = NOON) -> dict[str, int]:
    with desk.transaction() as session:
        moved = clock.tick(session, desk.settings, at=at).moved
    return {name: count for name, count in moved.items() if count}


def whose(desk: DeskUnderTest, case_id: UUID) -> str | None:
    case, _item = now(desk, case_id)
    with desk.db.reading() as session:
        return session.get_one(Agent, case.owner_id).name if case.owner_id else None


def test_a_case_is_given_to_who_is_here_and_says_why(
    desk: DeskUnderTest, ana: Agent, bo: Agent
) -> None:
    assigns(desk, ana, bo)
    present(desk, ana)
    case_id = arrives(desk)

    tick(desk)

    case, item = now(desk, case_id)
    assert item is not None
    assert (case.owner_id, item.worked_by_id, item.offer_at) == (ana.id, ana.id, None)
    [event] = [e for e in desk.all(Event) if e.kind == "case.assigned"]
    assert event.actor_name == "Deskbell"
    assert (event.data["name"], event.data["why"]) == ("Ana", "5 of 5 units free")


def test_a_queue_that_is_picked_from_is_left_alone(desk: DeskUnderTest, ana: Agent) -> None:
    assigns(desk, ana, method=Assignment.NONE)
    present(desk, ana)
    case_id = arrives(desk)

    tick(desk)

    assert whose(desk, case_id) is None


def test_what_nobody_could_take_is_offered_oldest_first_when_somebody_comes(
    desk: DeskUnderTest, ana: Agent
) -> None:
    assigns(desk, ana)
    with desk.transaction() as session:
        availability.held(session, ana.id, at=NOON).capacity = 2
    cases = [
        arrives(desk, sender=f"a{n}@example.com", at=NOON + n * timedelta(minutes=1))
        for n in (2, 0, 1)
    ]
    tick(desk, at=NOON + HOUR)
    before = [whose(desk, case_id) for case_id in cases]
    idle = tick(desk, at=NOON + HOUR)

    present(desk, ana, at=NOON + HOUR)
    tick(desk, at=NOON + HOUR)

    assert before == [None, None, None]
    assert idle == {}, "what was put off is not due"
    assert [whose(desk, case_id) for case_id in cases] == [None, "Ana", "Ana"]


@pytest.mark.parametrize("end", ["resolve", "cancel", "release", "assign", "route_to"])
def test_who_gets_room_is_offered_what_waits(
    desk: DeskUnderTest, ana: Agent, bo: Agent, end: str
) -> None:
    assigns(desk, ana)
    with desk.transaction() as session:
        availability.held(session, ana.id, at=NOON).capacity = 1
    present(desk, ana)
    mine = opened(desk)
    with desk.transaction() as session:
        work.pick(session, ana.principal("test"), mine, at=NOON)
    case_id = arrives(desk, sender="eve@example.com")
    tick(desk)
    assert whose(desk, case_id) is None

    with desk.transaction() as session:
        more = {
            "resolve": (("Done.",), {"desk": desk.settings}),
            "cancel": (("No need.",), {"desk": desk.settings}),
            "assign": ((bo.id,), {}), "route_to": ((desk.queue.id,), {}),
        }.get(end, ((), {}))  # fmt: skip
        getattr(work, end)(session, ana.principal("test"), mine, *more[0], at=NOON, **more[1])
    tick(desk)

    assert whose(desk, case_id) == "Ana"


def test_every_five_minutes_what_waits_is_looked_at_again(desk: DeskUnderTest, ana: Agent) -> None:
    assigns(desk, ana)
    hours = ServiceCalendar(
        name="Afternoons", hours={"zone": "UTC", "weekly": {"mon": [["13:00", "17:00"]]}}
    )
    with desk.transaction() as session:
        session.add(hours)
        session.flush()
        availability.held(session, ana.id, at=NOON).calendar_id = hours.id
    present(desk, ana)
    case_id = arrives(desk)
    tick(desk)
    tick(desk, at=NOON + HOUR - RETRY)
    assert whose(desk, case_id) is None, "she does not work yet"

    tick(desk, at=NOON + HOUR)

    assert whose(desk, case_id) == "Ana"


def test_round_robin_goes_around_each_queue(desk: DeskUnderTest, ana: Agent, bo: Agent) -> None:
    assigns(desk, ana, bo, method=Assignment.ROUND_ROBIN)
    present(desk, ana)
    present(desk, bo)

    given = []
    for n in range(4):
        case_id = arrives(desk, sender=f"a{n}@example.com")
        tick(desk, at=NOON + n * timedelta(minutes=1))
        given.append(whose(desk, case_id))

    assert given == ["Ana", "Bo", "Ana", "Bo"]


def test_only_who_can_is_given_what_asks_for_skills_but_anybody_may_pick_it(
    desk: DeskUnderTest, ana: Agent, bo: Agent, admin: Principal
) -> None:
    assigns(desk, ana, bo, method=Assignment.SKILLS_EXACT)
    with desk.transaction() as session:
        spanish = staffing.add_skill(session, admin, "Spanish", at=NOON)
        terms = WorkTerms(skills={spanish.id: 3})
        staffing.change_work(session, admin, ana.id, terms, at=NOON)
        assert staffing.terms_of_work(session, ana.id) == terms
    present(desk, bo)
    easy, hard = arrives(desk), arrives(desk, sender="eve@example.com")
    with desk.transaction() as session:
        work.require_skills(session, admin, easy, {spanish.id: 3}, at=NOON)
        work.require_skills(session, admin, hard, {spanish.id: 4}, at=NOON)

    tick(desk)
    assert [whose(desk, easy), whose(desk, hard)] == [None, None]
    present(desk, ana)
    tick(desk)
    with desk.transaction() as session:
        work.pick(session, bo.principal("test"), hard, at=NOON)

    assert [whose(desk, easy), whose(desk, hard)] == ["Ana", "Bo"]


def test_what_waits_for_a_team_is_given_to_one_of_it(
    desk: DeskUnderTest, ana: Agent, bo: Agent, admin: Principal
) -> None:
    crew = team(desk, "Crew", bo)
    assigns(desk, ana)
    present(desk, ana)
    present(desk, bo)
    case_id = arrives(desk)
    with desk.transaction() as session:
        work.assign_team(session, admin, case_id, crew.id, at=NOON)

    tick(desk)

    assert whose(desk, case_id) == "Bo"
    assert now(desk, case_id)[0].team_id == crew.id


def test_the_cases_of_who_is_away_go_back_unless_they_return(
    desk: DeskUnderTest, ana: Agent, bo: Agent
) -> None:
    assigns(desk, ana, bo, absent_minutes=30)
    present(desk, ana)
    case_id, kept = arrives(desk), opened(desk, sender="eve@example.com")
    tick(desk)
    with desk.transaction() as session:
        work.pick(session, ana.principal("test"), kept, at=NOON)
    present(desk, ana, Presence.AWAY, at=NOON)
    present(desk, ana, at=NOON + timedelta(minutes=29))
    tick(desk, at=NOON + HOUR)
    assert whose(desk, case_id) == "Ana", "she was back in time"

    present(desk, ana, Presence.AWAY, at=NOON + HOUR)
    present(desk, bo, at=NOON + HOUR)
    tick(desk, at=NOON + HOUR + timedelta(minutes=29))
    assert whose(desk, case_id) == "Ana"
    tick(desk, at=NOON + HOUR + timedelta(minutes=30))

    assert whose(desk, case_id) == "Bo", "it went back and was given on at once"
    assert whose(desk, kept) == "Ana", "her other queue keeps cases"
    assert "case.given_back" in [e.kind for e in desk.all(Event)]


def presence_of(desk: DeskUnderTest, agent: Agent) -> Presence:
    with desk.db.reading() as session:
        return session.get_one(Availability, agent.id).presence


def test_who_gives_no_sign_is_offline_after_two_hours(
    desk: DeskUnderTest, ana: Agent, bo: Agent
) -> None:
    present(desk, ana)
    present(desk, bo)
    case_id = opened(desk)
    at = NOON
    while at < NOON + 3 * HOUR:
        at += timedelta(minutes=10)
        if at == NOON + HOUR:
            with desk.transaction() as session:
                work.note(session, bo.principal("test"), case_id, "Still here.", at=at)
        tick(desk, at=at)
        if at == NOON + 2 * HOUR - timedelta(minutes=10):
            assert presence_of(desk, ana) is Presence.AVAILABLE
        if at == NOON + 2 * HOUR:
            assert (presence_of(desk, ana), presence_of(desk, bo)) == (
                Presence.OFFLINE, Presence.AVAILABLE,
            )  # fmt: skip

    assert presence_of(desk, bo) is Presence.OFFLINE
    assert tick(desk, at=at) == {}, "who is offline is not looked at"


def test_presence_ends_with_working_hours(desk: DeskUnderTest, ana: Agent) -> None:
    hours = ServiceCalendar(
        name="Mornings", hours={"zone": "UTC", "weekly": {"mon": [["08:00", "12:30"]]}}
    )
    with desk.transaction() as session:
        session.add(hours)
        session.flush()
        availability.held(session, ana.id, at=NOON).calendar_id = hours.id
    present(desk, ana)

    tick(desk, at=NOON + timedelta(minutes=20))
    still = presence_of(desk, ana)
    tick(desk, at=NOON + timedelta(minutes=31))
    ended = presence_of(desk, ana)
    present(desk, ana, at=NOON + HOUR)
    tick(desk, at=NOON + HOUR + timedelta(minutes=30))

    assert (still, ended) == (Presence.AVAILABLE, Presence.OFFLINE)
    assert presence_of(desk, ana) is Presence.AVAILABLE, "whoever comes later does so on purpose"


def test_only_managers_say_who_else_is_here(desk: DeskUnderTest, ana: Agent, bo: Agent) -> None:
    with pytest.raises(NotAllowed), desk.transaction() as session:
        work.set_presence(
            session, bo.principal("test"), Presence.AVAILABLE, at=NOON, agent_id=ana.id
        )
    manager = desk.principal("Boss", Role.MANAGER)
    with desk.transaction() as session:
        work.set_presence(session, manager, Presence.BUSY, at=NOON, agent_id=ana.id)

    assert presence_of(desk, ana) is Presence.BUSY


@pytest.mark.parametrize("name", ["presence", "absence", "freed", "assignment"])
def test_what_is_due_is_found_by_an_index(desk: DeskUnderTest, name: str) -> None:
    [due] = [work.due for work in clock.WORK if work.name == name]

    found = plan(desk, due(desk.settings, NOON))

    index = {
        "presence": "ix_availability_offline", "absence": "ix_queue_items_to_give_back",
        "freed": "ix_availability_freed", "assignment": "ix_queue_items_to_offer",
    }[name]  # fmt: skip
    assert index in found


CASES, CAPACITY, WORKERS = 12, 4, 4


def assigned_at_once(desk: DeskUnderTest, *people: Agent) -> list[BaseException]:
    """Let four workers assign at the same moment; what went wrong for them."""
    start, faults = threading.Barrier(WORKERS), []

    def worker() -> None:
        try:
            start.wait(10)
            for _ in range(3):
                with desk.transaction() as session:
                    clock.tick(session, desk.settings, at=NOON)
        except Exception as error:  # noqa: BLE001  told to the test's own thread
            faults.append(error)

    threads = [threading.Thread(target=worker) for _ in range(WORKERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return faults


@pytest.fixture
def crowded(desk: DeskUnderTest, ana: Agent, bo: Agent) -> DeskUnderTest:
    """More cases wait than the two who are here can have."""
    assigns(desk, ana, bo)
    for agent in (ana, bo):
        with desk.transaction() as session:
            known = availability.held(session, agent.id, at=NOON)
            known.capacity, known.presence = CAPACITY, Presence.AVAILABLE
    desk.accepts(*(email(f"a{n}@example.com", mailbox="auto@desk.example") for n in range(CASES)))
    return desk


def test_workers_that_assign_at_once_give_each_case_once_and_nobody_too_much(
    crowded: DeskUnderTest,
) -> None:
    faults = assigned_at_once(crowded)

    given = [e.case_id for e in crowded.all(Event) if e.kind == "case.assigned"]
    owners = [case.owner_id for case in crowded.all(Case) if case.owner_id]
    assert not faults
    assert len(given) == len(set(given)) == 2 * CAPACITY
    assert {owners.count(owner) for owner in owners} == {CAPACITY}
    assert sum(item.offer_at is not None for item in crowded.all(QueueItem)) == CASES - 2 * CAPACITY


def test_without_their_locks_workers_would_choose_for_the_same_case(
    crowded: DeskUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    if crowded.db.dialect == "sqlite":
        pytest.skip("SQLite has one writer at a time, with or without locks of ours")
    chosen: list[object] = []
    together = threading.Barrier(WORKERS)

    def choosing(*args: Any) -> Any:
        if len(chosen) < WORKERS:
            chosen.append(args)
            together.wait(10)
        return choose(*args)

    monkeypatch.setattr(offering, "choose", choosing)
    monkeypatch.setattr(offering, "alone", lambda *_: True)
    monkeypatch.setattr(Select, "with_for_update", lambda self, **_: self)

    faults = assigned_at_once(crowded)

    assert any(isinstance(fault, StaleDataError) for fault in faults), faults


def test_names_of_skills_are_unique_and_levels_bounded(
    desk: DeskUnderTest, ana: Agent, admin: Principal
) -> None:
    with desk.transaction() as session:
        spanish = staffing.add_skill(session, admin, "Spanish", at=NOON)
        for wrong in (0, 6):
            with pytest.raises(skills.WrongSkill, match="level"):
                staffing.change_work(
                    session, admin, ana.id, WorkTerms(skills={spanish.id: wrong}), at=NOON
                )
        with pytest.raises(skills.WrongSkill, match="already"):
            staffing.add_skill(session, admin, " Spanish ", at=NOON)
