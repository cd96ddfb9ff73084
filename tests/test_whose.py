"""Who has a case, and where it waits: an open one is always somebody's who works on it, or waits
where somebody finds it. On both databases."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from intake import attendance, covering, merging, queues, staffing, work
from intake.agents import Agent, Principal, Role
from intake.availability import Presence
from intake.cases import Case, Reason
from intake.errors import NotFound
from intake.events import Event
from intake.queues import CannotWork, DefaultQueue, HeldByNobody, Queue, QueueItem
from intake.routing import RuleForm, activation
from intake.staffing import change_queue, terms_of_queue
from intake.views import View, cases
from intake.work import WrongOpening
from tests.desk import NOON, DeskUnderTest, email
from tests.promised import tick
from tests.test_queues import now, opened, team

HOUR = timedelta(hours=1)
Way = Callable[[DeskUnderTest, Principal, Principal, UUID], None]


@pytest.fixture
def grace(desk: DeskUnderTest) -> Principal:
    return desk.principal("Grace")


@pytest.fixture
def luis(desk: DeskUnderTest) -> Principal:
    return desk.principal("Luis")


def said(desk: DeskUnderTest, by: Principal, presence: Presence) -> None:
    with desk.transaction() as session:
        work.set_presence(session, by, presence, at=NOON)


def taken_back_after(desk: DeskUnderTest, minutes: int | None) -> None:
    with desk.transaction() as session:
        session.get_one(Queue, desk.queue.id).absent_minutes = minutes


def acts(
    under: DeskUnderTest, act: Callable[..., Any], by: Principal, *args: Any, **more: Any
) -> Any:
    with under.transaction() as session:
        return act(session, by, *args, at=NOON, **more)


def found(desk: DeskUnderTest, by: Principal) -> list[UUID]:
    """What somebody who looks for work is shown."""
    with desk.db.reading() as session:
        return [case.id for case in session.scalars(cases(by, View.AVAILABLE))]


# Those who are absent


def picks(desk: DeskUnderTest, grace: Principal, _luis: Principal, case_id: UUID) -> None:
    acts(desk, work.pick, grace, case_id)


def is_given(desk: DeskUnderTest, grace: Principal, luis: Principal, case_id: UUID) -> None:
    acts(desk, work.assign, luis, case_id, grace.id)


def resolved_it(desk: DeskUnderTest, grace: Principal, luis: Principal, case_id: UUID) -> None:
    acts(desk, work.pick, grace, case_id)
    acts(desk, work.resolve, grace, case_id, "Done.", desk=desk.settings)
    acts(desk, work.reopen, luis, case_id, desk=desk.settings)


def cancelled_it(desk: DeskUnderTest, grace: Principal, luis: Principal, case_id: UUID) -> None:
    acts(desk, work.pick, grace, case_id)
    acts(desk, work.cancel, grace, case_id, "Spam.", desk=desk.settings)
    acts(desk, covering.reactivate, luis, case_id, desk=desk.settings)


def was_merged(desk: DeskUnderTest, grace: Principal, luis: Principal, case_id: UUID) -> None:
    acts(desk, work.pick, grace, case_id)
    survivor = opened(desk, sender="eve@example.com")
    acts(desk, merging.merge, luis, survivor, [case_id], desk=desk.settings)
    acts(desk, merging.unmerge, luis, case_id, desk=desk.settings)


def is_routed(desk: DeskUnderTest, grace: Principal, luis: Principal, case_id: UUID) -> None:
    admin = desk.principal("Admin", Role.ADMINISTRATOR)
    hers = RuleForm("Hers", {"all": []}, agent_id=grace.id)
    with desk.transaction() as session:
        drafted = activation.draft(session, admin, "Rules", [hers], at=NOON)
        activation.activate(session, admin, drafted.id, at=NOON)
    acts(desk, work.route_again, luis, case_id)


WAYS = [picks, is_given, resolved_it, cancelled_it, was_merged, is_routed]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("ever_here", [True, False], ids=["went away", "never said anything"])
def test_what_an_absent_agent_comes_to_have_goes_back_too(
    desk: DeskUnderTest, grace: Principal, luis: Principal, way: Way, ever_here: bool
) -> None:
    taken_back_after(desk, 60)
    case_id = opened(desk)
    if ever_here:
        said(desk, grace, Presence.AVAILABLE)
        said(desk, grace, Presence.AWAY)

    way(desk, grace, luis, case_id)
    tick(desk, NOON + HOUR - timedelta(minutes=1))
    assert now(desk, case_id)[0].owner_id == grace.id
    tick(desk, NOON + HOUR)

    case, item = now(desk, case_id)
    assert item is not None
    assert (case.owner_id, item.worked_by_id) == (None, None)
    assert [e.kind for e in desk.all(Event)].count("case.given_back") == 1


@pytest.mark.parametrize(
    ("presence", "minutes"),
    [(Presence.AVAILABLE, 60), (Presence.BUSY, 60), (Presence.AWAY, None)],
    ids=["available", "busy", "the queue takes nothing back"],
)
def test_who_is_here_or_works_for_a_queue_that_takes_nothing_back_keeps_it(
    desk: DeskUnderTest, grace: Principal, luis: Principal, presence: Presence, minutes: int | None
) -> None:
    taken_back_after(desk, minutes)
    case_id = opened(desk)
    said(desk, grace, presence)

    is_given(desk, grace, luis, case_id)
    tick(desk, NOON + HOUR)

    assert now(desk, case_id)[0].owner_id == grace.id


def test_who_returns_in_time_keeps_what_came_while_they_were_away(
    desk: DeskUnderTest, grace: Principal
) -> None:
    taken_back_after(desk, 60)
    case_id = opened(desk)
    picks(desk, grace, grace, case_id)

    said(desk, grace, Presence.AVAILABLE)
    tick(desk, NOON + HOUR)

    assert now(desk, case_id)[0].owner_id == grace.id


def test_a_queue_that_begins_to_take_back_does_so_of_what_absent_agents_have(
    desk: DeskUnderTest, grace: Principal, luis: Principal
) -> None:
    hers, his = opened(desk), opened(desk, sender="eve@example.com")
    said(desk, luis, Presence.AVAILABLE)
    picks(desk, grace, luis, hers)
    picks(desk, luis, luis, his)
    admin = desk.principal("Admin", Role.ADMINISTRATOR)
    with desk.transaction() as session:
        terms = terms_of_queue(session, session.get_one(Queue, desk.queue.id))
        change_queue(session, admin, desk.queue.id, replace(terms, absent_minutes=30), at=NOON)

    tick(desk, NOON + HOUR)

    assert now(desk, hers)[0].owner_id is None
    assert now(desk, his)[0].owner_id == luis.id


# Those who left, or only read here


@pytest.mark.parametrize(
    "gone", [{"active": False}, {"role": Role.READ_ONLY}], ids=["left", "reads"]
)
@pytest.mark.parametrize("way", [resolved_it, cancelled_it, was_merged])
def test_a_case_goes_on_without_who_cannot_work_on_it_any_more(
    desk: DeskUnderTest,
    grace: Principal,
    luis: Principal,
    way: Way,
    gone: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lead = desk.has_agent("Lead")
    with desk.transaction() as session:
        session.get_one(Queue, desk.queue.id).owner_id = lead.id
    case_id = opened(desk)
    going = {"reopen": work, "reactivate": covering, "unmerge": merging}
    for name, module in going.items():
        monkeypatch.setattr(module, name, after_they_went(desk, grace, gone, getattr(module, name)))

    way(desk, grace, luis, case_id)

    case, item = now(desk, case_id)
    assert item is not None
    assert (case.owner_id, item.worked_by_id) == (lead.id, None)
    assert case_id in found(desk, luis)


def after_they_went(
    desk: DeskUnderTest, whom: Principal, gone: dict[str, Any], act: Callable[..., Any]
) -> Callable[..., Any]:
    def acted(session: Any, *args: Any, **more: Any) -> Any:
        agent = session.get_one(Agent, whom.id)
        for name, value in gone.items():
            setattr(agent, name, value)
        return act(session, *args, **more)

    return acted


def test_what_somebody_had_who_leaves_goes_to_others(desk: DeskUnderTest, grace: Principal) -> None:
    eve = desk.has_agent("Eve")
    crew = team(desk, "Crew", desk.has_agent("Ana"))
    alone, of_a_team, nowhere, kept = (opened(desk, sender=f"c{n}@example.com") for n in range(4))
    for case_id in (alone, of_a_team, nowhere):
        acts(desk, work.assign, grace, case_id, grace.id)
    acts(desk, work.remove_from_queue, grace, nowhere)
    acts(desk, work.assign, grace, kept, eve.id)
    with desk.transaction() as session:
        case, item = session.get_one(Case, of_a_team), queues.item_of(session, Case(id=of_a_team))
        assert item is not None
        case.team_id = item.worked_by_team_id = crew.id
        agent = session.get_one(Agent, grace.id)
        assert attendance.hand_over(session, grace, agent, at=NOON) == 0, "she still works"
        agent.active = False

    with desk.transaction() as session:
        agent = session.get_one(Agent, grace.id)
        assert attendance.hand_over(session, grace, agent, at=NOON) == 3

    had = (now(desk, case_id)[0] for case_id in (alone, of_a_team, nowhere, kept))
    assert [(case.owner_id, case.team_id) for case in had] == [
        (None, None), (None, crew.id), (None, None), (eve.id, None),
    ]  # fmt: skip
    assert {alone, nowhere} <= set(found(desk, eve.principal("test")))


def test_no_case_is_given_to_who_only_reads_or_left(desk: DeskUnderTest, grace: Principal) -> None:
    case_id = opened(desk)
    rita = desk.has_agent("Rita", Role.READ_ONLY)
    gone = desk.has_agent("Gone", active=False)

    for agent, words in ((rita, "only reads here"), (gone, "does not work here any more")):
        with pytest.raises(CannotWork, match=words):
            acts(desk, work.assign, grace, case_id, agent.id)

    assert now(desk, case_id)[0].owner_id is None


# A queue that is archived


@pytest.fixture
def old(desk: DeskUnderTest) -> Queue:
    return desk.has_queue("Old", owner_id=desk.has_agent("Olaf").id)


def archive(desk: DeskUnderTest, queue: Queue) -> None:
    admin = desk.principal("Admin", Role.ADMINISTRATOR)
    acts(desk, staffing.archive_queue, admin, queue.id, move_to_id=desk.queue.id)


def test_a_case_that_is_parted_does_not_wait_in_a_queue_that_was_archived_meanwhile(
    desk: DeskUnderTest, grace: Principal, old: Queue
) -> None:
    survivor, source = opened(desk), opened(desk, sender="eve@example.com")
    acts(desk, work.route_to, grace, source, old.id)
    turn = now(desk, source)[1]
    acts(desk, merging.merge, grace, survivor, [source], desk=desk.settings)
    archive(desk, old)

    acts(desk, merging.unmerge, grace, source, desk=desk.settings)

    case, item = now(desk, source)
    assert item is not None
    assert turn is not None
    assert (case.queue_id, item.queue_id) == (desk.queue.id, desk.queue.id)
    assert item.entered_at == turn.entered_at, "it keeps its turn"


def test_nothing_is_put_into_an_archived_queue_by_name(
    desk: DeskUnderTest, grace: Principal, old: Queue
) -> None:
    case_id = opened(desk)
    contact = desk.has_customer("zoe@example.org")
    asked = work.Asked("phone", "Help", "", contact_id=contact.id)
    archive(desk, old)

    with pytest.raises(NotFound, match="no such queue in use"):
        acts(desk, work.escalate, grace, case_id, "Help.", queue_id=old.id)
    with pytest.raises(NotFound, match="no such queue in use"):
        acts(desk, work.route_to, grace, case_id, old.id)
    with pytest.raises(WrongOpening, match=r"^queue: .* in use"):
        acts(desk, work.open_case, grace, asked, desk=desk.settings, queue_id=old.id)
    with pytest.raises(WrongOpening, match=r"^queue: .* in use"):
        acts(desk, work.open_child, grace, case_id, "Part", "", desk=desk.settings, queue_id=old.id)

    case, _item = now(desk, case_id)
    assert (case.queue_id, case.owner_id, case.escalated_at) == (desk.queue.id, None, None)
    assert desk.count(Case) == 1


# What is in no queue


def test_a_case_that_nobody_has_stays_in_its_queue(desk: DeskUnderTest, grace: Principal) -> None:
    case_id = opened(desk)

    with pytest.raises(HeldByNobody, match="assign it before"):
        acts(desk, work.remove_from_queue, grace, case_id)

    assert found(desk, grace) == [case_id]


def test_a_case_in_no_queue_that_is_released_waits_where_it_was(
    desk: DeskUnderTest, grace: Principal, old: Queue
) -> None:
    case_id, other = opened(desk), opened(desk, sender="eve@example.com")
    acts(desk, work.route_to, grace, other, old.id)
    for each in (case_id, other):
        acts(desk, work.pick, grace, each, remove_from_queue=True)
    archive(desk, old)

    for each in (case_id, other):
        acts(desk, work.release, grace, each)

    assert sorted(found(desk, grace)) == sorted([case_id, other])
    assert {now(desk, each)[0].queue_id for each in (case_id, other)} == {desk.queue.id}


def test_the_rules_put_a_case_that_left_its_queue_into_it_again(
    desk: DeskUnderTest, grace: Principal
) -> None:
    case_id = opened(desk)
    acts(desk, work.pick, grace, case_id, remove_from_queue=True)

    [told] = acts(desk, work.route_together, grace, [case_id])
    [again] = acts(desk, work.route_together, grace, [case_id])

    assert (told.moved, again.moved) == (True, False)
    assert now(desk, case_id)[1] is not None


def test_what_is_given_to_an_agent_and_waits_nowhere_is_in_their_default_queue(
    desk: DeskUnderTest, grace: Principal, luis: Principal
) -> None:
    hers = desk.has_queue("Hers")
    desk._add(DefaultQueue(agent_id=grace.id, queue_id=hers.id))
    nowhere, waiting, taken_out, of_luis = (
        opened(desk, sender=f"c{n}@example.com") for n in range(4)
    )
    for case_id in (nowhere, taken_out, of_luis):
        acts(desk, work.pick, luis, case_id, remove_from_queue=True)

    acts(desk, work.assign, luis, nowhere, grace.id)
    acts(desk, work.assign, luis, waiting, grace.id)
    acts(desk, work.assign, luis, taken_out, grace.id, remove_from_queue=True)
    acts(desk, work.assign, grace, of_luis, luis.id)

    def places(case_id: UUID) -> tuple[UUID | None, UUID | None]:
        case, item = now(desk, case_id)
        return case.owner_id, item.queue_id if item else None

    assert places(nowhere) == (grace.id, hers.id)
    assert places(waiting) == (grace.id, desk.queue.id)
    assert places(taken_out) == (grace.id, None)
    assert places(of_luis) == (luis.id, None), "he has no default queue"
    assert sum(item.ended_at is None for item in desk.all(QueueItem)) == 2


def _nothing(session: Session, by: Principal, case_id: UUID, *, at: datetime) -> None:
    """The case as it came in."""


HOLD = partial(work.hold, reason=Reason.WAITING_FOR_DETAILS)


@pytest.mark.parametrize(
    ("before", "again"),
    [
        (HOLD, HOLD),
        (_nothing, work.resume),
        (_nothing, work.release),
        (work.pick, work.pick),
        (partial(work.pick, remove_from_queue=True), work.pick),
    ],
    ids=["hold", "resume", "release", "pick", "pick out of no queue"],
)
def test_what_is_so_already_is_no_act(desk: DeskUnderTest, before: Any, again: Any) -> None:
    grace = desk.principal("Grace")
    [receipt] = desk.accepts(email())
    case_id = receipt.case.id
    with desk.transaction() as session:
        before(session, grace, case_id, at=NOON)
    version, told = desk.case(1001).version, len(desk.all(Event))

    with desk.transaction() as session:
        again(session, grace, case_id, at=NOON + HOUR)

    assert (desk.case(1001).version, len(desk.all(Event))) == (version, told)


def test_who_has_a_case_is_given_it_once_and_in_its_queue_it_keeps_its_turn(
    desk: DeskUnderTest,
) -> None:
    boss, ana = desk.principal("Boss", Role.MANAGER), desk.has_agent("Ana")
    [receipt] = desk.accepts(email())
    case_id, later = receipt.case.id, NOON + HOUR

    with desk.transaction() as session:
        for at in (NOON, later):
            work.assign(session, boss, case_id, ana.id, at=at)
        since = [item.worked_since_at for item in session.scalars(select(QueueItem))]
        for at in (later, later + HOUR):
            work.route_to(session, boss, case_id, desk.queue.id, at=at)

    [item] = desk.all(QueueItem)
    assert (since, item.entered_at, item.worked_by_id) == ([NOON], NOON, None)
    kinds = [event.kind for event in desk.all(Event)]
    assert (kinds.count("case.assigned"), kinds.count("case.routed")) == (1, 1)
    assert desk.case(1001).owner_id is None
