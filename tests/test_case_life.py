"""The life of a case, by whatever acts in whatever order: what always holds, on both databases.

Hypothesis plays agents who do anything to a few cases of one customer. A model says what each act
must do or refuse; after every act the books must agree with each other and with it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import inspect, select
from sqlalchemy.orm import Session

from intake import attendance, bulk, covering, merging, queues, sla, staffing, work
from intake.agents import Agent, Principal, Role
from intake.bulk import Bulk, What
from intake.cases import (
    PAUSES,
    Activity,
    ActivityKind,
    ActivityState,
    Case,
    NotOpen,
    Reason,
    Resolution,
    State,
)
from intake.db import Base
from intake.entitlements import Entitlement, unbalanced
from intake.errors import IntakeError, NotFound
from intake.events import Event
from intake.merging import CannotMerge, CannotUndo
from intake.queues import AlreadyTaken, HeldByNobody, QueueItem
from intake.sla import KpiState, holds_of
from intake.work import ActivityNotOpen, OpenActivities, Plan, Regarding
from tests.desk import NOON, DeskUnderTest, email

TERMS = 50
MOST = 4
EXAMPLES = {"sqlite": 15, "postgresql": 4}
STEPS = 25
numbers = count(1)


@dataclass
class Modelled:
    """A case as the model has it."""

    number: int
    queue: str = "Support"
    state: State = State.ACTIVE
    reason: Reason = Reason.IN_PROGRESS
    owner: str | None = None
    worked_by: str | None = None
    waits: bool = True
    """Whether it has a place in its queue."""
    survivor: UUID | None = None
    before: tuple[Reason, str | None, bool] = (Reason.IN_PROGRESS, None, True)
    moved: tuple[UUID, ...] = ()
    """The activities that a merge took to the survivor."""
    resolved: int = 0

    @property
    def open(self) -> bool:
        return self.state is State.ACTIVE

    def enters(self, in_use: bool) -> None:
        """It has a place in its queue, or in the default one where that is archived."""
        self.queue = self.queue if in_use else "Support"
        self.waits, self.worked_by = True, self.owner


@dataclass
class Planned:
    """An activity as the model has it."""

    case_id: UUID
    state: ActivityState = ActivityState.OPEN


@dataclass
class World:
    """Everything of one example."""

    cases: dict[UUID, Modelled] = field(default_factory=dict)
    planned: dict[UUID, Planned] = field(default_factory=dict)


HOLDS = (Reason.ON_HOLD, Reason.WAITING_FOR_DETAILS, Reason.RESEARCHING)
UNDONE = (What.ASSIGN, What.RELEASE, What.ROUTE, What.HOLD, What.SNOOZE, What.RESOLVE, What.CANCEL)
PICK_CASE = st.integers(0, 99)
PICK_AGENT = st.integers(0, 1)


class CaseLife(RuleBasedStateMachine):
    """Agents do anything to the cases of one customer."""

    def __init__(self, desk: DeskUnderTest, agents: list[Agent], other: UUID) -> None:
        super().__init__()
        self.desk, self.other = desk, other
        self.agents: list[Principal] = [agent.principal("test") for agent in agents]
        self.at, self.in_use = NOON, True
        self.domain = f"d{next(numbers)}.example"
        contact = desk.has_customer(f"ada@{self.domain}")
        self.entitlement = desk.has_entitlement(contact.account_id, total=TERMS)
        self.world = World()
        self.boss = desk.principal(f"Boss {self.domain}", Role.ADMINISTRATOR)

    def teardown(self) -> None:
        self.archive(in_use=True)

    def archive(self, *, in_use: bool) -> None:
        with self.desk.transaction() as session:
            self.in_use = in_use
            if in_use:
                staffing.restore_queue(session, self.boss, self.other, at=self.at)
                return
            support = self.desk.queue.id
            staffing.archive_queue(session, self.boss, self.other, at=self.at, move_to_id=support)

    def acts(self, act: Callable[..., Any], *args: Any, by: int = 0, **more: Any) -> Any:
        """Do it in a transaction of its own, a few minutes after what was done before."""
        self.at += timedelta(minutes=7)
        with self.desk.transaction() as session:
            return act(session, self.agents[by], *args, at=self.at, **more)

    def refuses(self, errors: Any, act: Callable[..., Any], *args: Any, **more: Any) -> None:
        with pytest.raises(errors):
            self.acts(act, *args, **more)

    def one(self, pick: int) -> tuple[UUID, Modelled]:
        every = list(self.world.cases.items())
        # Mostly an open one: acts that are refused are soon all known.
        found = [one for one in every if one[1].open] if pick % 4 else []
        return (found or every)[pick % len(found or every)]

    def to_do(self, case_id: UUID) -> list[Planned]:
        mine = [p for p in self.world.planned.values() if p.case_id == case_id]
        return [planned for planned in mine if planned.state is ActivityState.OPEN]

    # What agents do

    @precondition(lambda self: len(self.world.cases) < MOST)
    @rule()
    def somebody_writes(self) -> None:
        self.at += timedelta(minutes=7)
        [receipt] = self.desk.accepts(
            email(f"ada@{self.domain}", f"Matter {next(numbers)}", at=self.at)
        )
        assert receipt.case is not None
        assert receipt.opened
        self.world.cases[receipt.case.id] = Modelled(receipt.case.number)

    @precondition(lambda self: self.world.cases)
    @rule(pick=PICK_CASE, by=PICK_AGENT)
    def pick(self, pick: int, by: int) -> None:
        case_id, case = self.one(pick)
        name = self.agents[by].name
        if not case.open:
            self.refuses(NotOpen, work.pick, case_id, by=by)
            return
        if case.worked_by not in (None, name):
            self.refuses(AlreadyTaken, work.pick, case_id, by=by)
            return
        self.acts(work.pick, case_id, by=by)
        case.owner, case.worked_by = name, name if case.waits else None

    @precondition(lambda self: self.world.cases)
    @rule(pick=PICK_CASE)
    def release(self, pick: int) -> None:
        case_id, case = self.one(pick)
        if not case.open:
            self.refuses(NotOpen, work.release, case_id)
            return
        self.acts(work.release, case_id)
        case.owner = None
        case.enters(self.in_use)

    @precondition(lambda self: self.world.cases)
    @rule(pick=PICK_CASE, to=PICK_AGENT)
    def assign(self, pick: int, to: int) -> None:
        case_id, case = self.one(pick)
        agent = self.agents[to]
        if not case.open:
            self.refuses(NotOpen, work.assign, case_id, agent.id)
            return
        self.acts(work.assign, case_id, agent.id)
        case.owner, case.worked_by = agent.name, agent.name if case.waits else None

    @precondition(lambda self: self.world.cases)
    @rule(pick=PICK_CASE, away=st.booleans())
    def route(self, pick: int, away: bool) -> None:
        case_id, case = self.one(pick)
        queue_id, name = (self.other, "Other") if away else (self.desk.queue.id, "Support")
        if not case.open:
            self.refuses(NotOpen, work.route_to, case_id, queue_id)
            return
        if away and not self.in_use:
            self.refuses(NotFound, work.route_to, case_id, queue_id)
            return
        self.acts(work.route_to, case_id, queue_id)
        case.queue, case.owner, case.worked_by, case.waits = name, None, None, True

    @precondition(lambda self: self.world.cases)
    @rule(pick=PICK_CASE)
    def leave_queue(self, pick: int) -> None:
        case_id, case = self.one(pick)
        if not case.open or case.owner is None:
            self.refuses((NotOpen, HeldByNobody), work.remove_from_queue, case_id)
            return
        self.acts(work.remove_from_queue, case_id)
        case.waits, case.worked_by = False, None

    @rule()
    def archive_or_restore(self) -> None:
        self.archive(in_use=not self.in_use)
        for case in self.world.cases.values():
            if case.waits and case.queue == "Other":
                case.enters(self.in_use)

    @rule(who=PICK_AGENT)
    def somebody_leaves_and_returns(self, who: int) -> None:
        with self.desk.transaction() as session:
            agent = session.get_one(Agent, self.agents[who].id)
            agent.active = False
            attendance.hand_over(session, self.boss, agent, at=self.at)
            agent.active = True
        for case in self.world.cases.values():
            if case.open and case.owner == self.agents[who].name:
                case.owner = None
                case.enters(self.in_use)

    @precondition(lambda self: self.world.cases)
    @rule(pick=PICK_CASE, reason=st.sampled_from(HOLDS))
    def hold(self, pick: int, reason: Reason) -> None:
        case_id, case = self.one(pick)
        if not case.open:
            self.refuses(NotOpen, work.set_reason, case_id, reason)
            return
        self.acts(work.set_reason, case_id, reason)
        case.reason = reason

    @precondition(lambda self: self.world.cases)
    @rule(pick=PICK_CASE)
    def resume(self, pick: int) -> None:
        case_id, case = self.one(pick)
        if not case.open:
            self.refuses(NotOpen, work.resume, case_id)
            return
        self.acts(work.resume, case_id)
        case.reason = Reason.IN_PROGRESS

    @precondition(lambda self: self.world.cases)
    @rule(pick=PICK_CASE)
    def plan(self, pick: int) -> None:
        case_id, case = self.one(pick)
        about, task = Regarding(case_id=case_id), Plan(ActivityKind.TASK, "Look", minutes=5)
        if not case.open:
            self.refuses(NotOpen, work.add_activity, about, task)
            return
        activity = self.acts(work.add_activity, about, task)
        self.world.planned[activity.id] = Planned(case_id)

    @precondition(lambda self: self.world.planned)
    @rule(pick=PICK_CASE, how=st.sampled_from(["complete", "cancel", "reopen"]))
    def end_activity(self, pick: int, how: str) -> None:
        activity_id, planned = list(self.world.planned.items())[pick % len(self.world.planned)]
        act = getattr(work, f"{how}_activity")
        if not self.world.cases[planned.case_id].open:
            self.refuses(NotOpen, act, activity_id)
            return
        if (planned.state is ActivityState.OPEN) == (how == "reopen"):
            self.refuses(ActivityNotOpen, act, activity_id)
            return
        self.acts(act, activity_id)
        planned.state = {
            "complete": ActivityState.COMPLETED,
            "cancel": ActivityState.CANCELLED,
            "reopen": ActivityState.OPEN,
        }[how]

    @precondition(lambda self: self.world.cases)
    @rule(pick=PICK_CASE, act=st.sampled_from(["resolve", "cancel"]), confirmed=st.booleans())
    def close(self, pick: int, act: str, confirmed: bool) -> None:
        case_id, case = self.one(pick)
        closing = getattr(work, act)
        more = {"desk": self.desk.settings, "cancel_open_activities": confirmed}
        if not case.open:
            self.refuses(NotOpen, closing, case_id, "Done", **more)
            return
        left = self.to_do(case_id)
        if left and not confirmed:
            self.refuses(OpenActivities, closing, case_id, "Done", **more)
            return
        self.acts(closing, case_id, "Done", **more)
        for planned in left:
            planned.state = ActivityState.CANCELLED
        case.worked_by, case.waits = None, False
        if act == "resolve":
            case.state, case.reason = State.RESOLVED, Reason.PROBLEM_SOLVED
            case.resolved += 1
        else:
            case.state, case.reason = State.CANCELLED, Reason.CANCELLED

    @precondition(lambda self: self.world.cases)
    @rule(pick=PICK_CASE)
    def reopen(self, pick: int) -> None:
        case_id, case = self.one(pick)
        if case.state is State.CANCELLED:
            self.refuses(NotOpen, work.reopen, case_id, desk=self.desk.settings)
            return
        self.acts(work.reopen, case_id, desk=self.desk.settings)
        if case.state is State.RESOLVED:
            case.state, case.reason = State.ACTIVE, Reason.IN_PROGRESS
            case.enters(self.in_use)

    @precondition(lambda self: any(not case.open for case in self.world.cases.values()))
    @rule(pick=PICK_CASE)
    def reactivate(self, pick: int) -> None:
        closed = [(id, case) for id, case in self.world.cases.items() if not case.open]
        case_id, case = closed[pick % len(closed)]
        if case.reason is not Reason.CANCELLED:
            self.refuses(NotOpen, covering.reactivate, case_id, desk=self.desk.settings)
            return
        self.acts(covering.reactivate, case_id, desk=self.desk.settings)
        case.state, case.reason = State.ACTIVE, Reason.IN_PROGRESS
        case.enters(self.in_use)

    @precondition(lambda self: len(self.world.cases) > 1)
    @rule(pick=PICK_CASE, other=PICK_CASE)
    def merge(self, pick: int, other: int) -> None:
        (survivor_id, survivor), (source_id, source) = self.one(pick), self.one(other)
        ids = (survivor_id, [source_id])
        if survivor_id == source_id or not (survivor.open and source.open):
            # What was merged leads to its survivor, which may be open and another.
            if survivor.survivor is None:
                self.refuses((CannotMerge, NotOpen), merging.merge, *ids, desk=self.desk.settings)
            return
        self.acts(merging.merge, *ids, desk=self.desk.settings)
        source.before = (source.reason, source.worked_by, source.waits)
        source.moved = tuple(id for id, p in self.world.planned.items() if p.case_id == source_id)
        for activity_id in source.moved:
            self.world.planned[activity_id].case_id = survivor_id
        source.state, source.reason = State.CANCELLED, Reason.MERGED
        source.survivor, source.worked_by, source.waits = survivor_id, None, False

    @precondition(lambda self: any(c.survivor for c in self.world.cases.values()))
    @rule(pick=PICK_CASE)
    def unmerge(self, pick: int) -> None:
        merged = [(id, case) for id, case in self.world.cases.items() if case.survivor]
        source_id, source = merged[pick % len(merged)]
        assert source.survivor is not None
        survivor = self.world.cases[source.survivor]
        if not survivor.open:
            self.refuses(CannotUndo, merging.unmerge, source_id, desk=self.desk.settings)
            return
        self.acts(merging.unmerge, source_id, desk=self.desk.settings)
        for activity_id in source.moved:
            self.world.planned[activity_id].case_id = source_id
        source.state, source.survivor = State.ACTIVE, None
        source.reason, worked_by, waits = source.before
        if waits:
            source.enters(self.in_use)
            source.worked_by = worked_by

    @precondition(lambda self: any(case.open for case in self.world.cases.values()))
    @rule(pick=PICK_CASE, what=st.sampled_from(UNDONE))
    def change_many_and_undo(self, pick: int, what: What) -> None:
        every = [(id, case) for id, case in self.world.cases.items() if case.open]
        case_id, case = every[pick % len(every)]
        bulk_change = Bulk(
            what, agent_id=self.agents[pick % 2].id, queue_id=self.desk.queue.id, text="Many."
        )
        before = self.snapshot(case_id)
        wanted = bulk.chosen(self.agents[0], [case.number])
        operation = self.acts(bulk.start, bulk_change, wanted)
        self.works_it_off()
        case.resolved += what is What.RESOLVE and not self.to_do(case_id)
        self.acts(bulk.undo, operation.id)
        self.works_it_off()
        assert self.snapshot(case_id) == before

    def works_it_off(self) -> None:
        with self.desk.transaction() as session:
            assert bulk.move(session, self.desk.settings, at=self.at, limit=9) <= 1

    def snapshot(self, case_id: UUID) -> list[dict[str, Any]]:
        with self.desk.db.reading() as session:
            case = session.get_one(Case, case_id)
            item = queues.item_of(session, case)
            return [columns(row) for row in (case, item) if row is not None]

    # What always holds

    @invariant()
    def the_books_agree(self) -> None:
        with self.desk.db.reading() as session:
            for case_id, model in self.world.cases.items():
                case = session.get_one(Case, case_id)
                self._stands_where_the_model_has_it(session, case, model)
                self._is_somebodys_or_waits_in_a_queue_in_use(session, case, model)
                self._has_clocks_that_fit(session, case, model)
                assert replayed(session, case_id) == {
                    "state": case.state.value,
                    "reason": case.reason.value,
                    "owner": model.owner,
                    "queue": model.queue,
                }
            self._nothing_is_to_be_done_for_a_closed_case(session)
            self._the_ledger_has_one_term_for_each_case_that_counts(session)

    def _stands_where_the_model_has_it(self, session: Session, case: Case, model: Modelled) -> None:
        owner = case.owner.name if case.owner else None
        assert (case.state, case.reason, owner) == (model.state, model.reason, model.owner)
        assert case.merged_into_id == model.survivor
        kept = select(Resolution.id).where(Resolution.case_id == case.id)
        assert len(session.scalars(kept).all()) == model.resolved

    def _is_somebodys_or_waits_in_a_queue_in_use(
        self, session: Session, case: Case, model: Modelled
    ) -> None:
        active = select(QueueItem).where(QueueItem.case_id == case.id, QueueItem.ended_at.is_(None))
        waiting = session.scalars(active).all()
        assert len(waiting) == (model.open and model.waits)
        assert waiting or model.owner or not model.open
        for item in waiting:
            assert item.queue.archived_at is None
            worker = item.worked_by.name if item.worked_by else None
            assert (item.queue.name, worker) == (model.queue, model.worked_by)

    def _has_clocks_that_fit(self, session: Session, case: Case, model: Modelled) -> None:
        clocks = sla.of_case(session, case)
        for clock in clocks:
            assert (clock.paused_at is not None) == (clock.state is KpiState.PAUSED)
            if clock.state is KpiState.PAUSED:
                assert model.open
                assert model.reason in PAUSES
            if clock.state in (KpiState.IN_PROGRESS, KpiState.NEARING):
                assert not (model.open and model.reason in PAUSES)
                assert clock.next_at is not None
        # What was merged may be parted again, with the hold it had.
        held = model.survivor is not None or (model.open and sla.on_hold(model.reason))
        assert held or all(h.ended_at for h in holds_of(session, [case.id])[case.id])
        stored = (case.deadline_at, case.order_at)
        sla.note_deadline(case, clocks)
        assert (case.deadline_at, case.order_at) == stored

    def _nothing_is_to_be_done_for_a_closed_case(self, session: Session) -> None:
        for activity_id, model in self.world.planned.items():
            activity = session.get_one(Activity, activity_id)
            assert (activity.case_id, activity.state) == (model.case_id, model.state)
            if activity.state is ActivityState.OPEN:
                assert self.world.cases[model.case_id].open

    def _the_ledger_has_one_term_for_each_case_that_counts(self, session: Session) -> None:
        entitlement = session.get_one(Entitlement, self.entitlement.id)
        assert unbalanced(session, [entitlement]) == []
        counting = [c for c in self.world.cases.values() if c.state is not State.CANCELLED]
        assert entitlement.remaining == TERMS - len(counting)


def columns(row: Base) -> dict[str, Any]:
    """Every column but those that go up with any change."""
    names = inspect(type(row)).column_attrs.keys()
    return {name: getattr(row, name) for name in names if name not in ("version", "updated_at")}


def replayed(session: Session, case_id: UUID) -> dict[str, Any]:
    """A case as its events tell it, each beginning where the one before left it."""
    events = select(Event).where(Event.case_id == case_id).order_by(Event.sequence)
    first, *others = session.scalars(events)
    assert first.kind == "case.opened"
    told = {
        "state": "active", "reason": "in progress", "owner": None, "queue": first.data["queue"],
    }  # fmt: skip
    for event in others:
        for name, (old, new) in event.data.get("changes", {}).items():
            if name in told:
                assert told[name] == old, (event.kind, name, told[name], old)
                told[name] = new
    return told


def test_whatever_agents_do_the_books_agree(desk: DeskUnderTest) -> None:
    desk.has_sla(first_response=timedelta(hours=4), resolve_by=timedelta(days=1))
    agents = [desk.has_agent("Grace"), desk.has_agent("Luis")]
    other = desk.has_queue("Other")
    dialect = desk.db.engine.dialect.name

    run_state_machine_as_test(
        lambda: CaseLife(desk, agents, other.id),
        settings=settings(
            max_examples=EXAMPLES[dialect],
            stateful_step_count=STEPS,
            deadline=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
            # An example of two dozen acts is read as it is; making it smaller takes minutes.
            phases=[Phase.explicit, Phase.generate],
        ),
    )


# Two at once


def at_once(desk: DeskUnderTest, *acts: Callable[[Session], object]) -> list[IntakeError | None]:
    """Do these at the same instant; what each was refused with."""
    starting = threading.Barrier(len(acts))
    refused: list[IntakeError | None] = [None] * len(acts)

    def do(place: int) -> None:
        starting.wait()
        try:
            with desk.transaction() as session:
                acts[place](session)
        except IntakeError as error:
            refused[place] = error

    threads = [threading.Thread(target=do, args=(place,)) for place in range(len(acts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return refused


@pytest.fixture
def case(desk: DeskUnderTest) -> Case:
    [receipt] = desk.accepts(email())
    assert receipt.case is not None
    return receipt.case


def test_of_two_who_assign_at_once_the_case_and_its_item_name_the_same(
    desk: DeskUnderTest, case: Case
) -> None:
    people = [desk.principal(name) for name in ("Grace", "Luis", "Marta", "Omar")]

    refused = at_once(
        desk,
        *(
            lambda session, by=by: work.assign(session, people[0], case.id, by.id, at=NOON)
            for by in people
        ),
    )

    assert refused == [None] * 4
    [item] = desk.all(QueueItem)
    assert item.worked_by_id == desk.case(case.number).owner_id
    given = [e.data["name"] for e in desk.all(Event) if e.kind == "case.assigned"]
    assert sorted(given) == ["Grace", "Luis", "Marta", "Omar"]
    assert given[-1] == next(p.name for p in people if p.id == item.worked_by_id)


def test_of_two_who_resolve_at_once_one_is_told_that_it_is_done(
    desk: DeskUnderTest, case: Case
) -> None:
    grace, luis = desk.principal("Grace"), desk.principal("Luis")
    more = {"desk": desk.settings, "at": NOON + timedelta(hours=1)}

    refused = at_once(
        desk,
        *(
            lambda session, by=by: work.resolve(session, by, case.id, "Done", **more)
            for by in (grace, luis)
        ),
    )

    assert sorted(type(error).__name__ for error in refused) == ["NoneType", "NotOpen"]
    assert desk.count(Resolution) == 1


def test_what_is_planned_while_its_case_is_closed_is_refused_or_holds_it(
    desk: DeskUnderTest, case: Case
) -> None:
    grace, luis = desk.principal("Grace"), desk.principal("Luis")
    at: datetime = NOON + timedelta(hours=1)
    task = Plan(ActivityKind.TASK, "Look")

    planned, closed = at_once(
        desk,
        lambda s: work.add_activity(s, grace, Regarding(case_id=case.id), task, at=at),
        lambda s: work.resolve(s, luis, case.id, "Done", desk=desk.settings, at=at),
    )

    assert (planned is None) != (closed is None)
    assert isinstance(planned or closed, NotOpen if planned else OpenActivities)
    assert desk.case(case.number).open == (planned is None)


def test_an_activity_that_two_complete_at_once_is_done_once(
    desk: DeskUnderTest, case: Case
) -> None:
    grace, luis = desk.principal("Grace"), desk.principal("Luis")
    with desk.transaction() as session:
        about, task = Regarding(case_id=case.id), Plan(ActivityKind.TASK, "Look")
        activity = work.add_activity(session, grace, about, task, at=NOON)

    refused = at_once(
        desk,
        *(
            lambda session, by=by: work.complete_activity(
                session, by, activity.id, at=NOON, minutes=9
            )
            for by in (grace, luis)
        ),
    )

    assert sorted(type(error).__name__ for error in refused) == ["ActivityNotOpen", "NoneType"]
    assert [e.kind for e in desk.all(Event)].count("activity.completed") == 1


def test_two_families_that_would_close_a_circle_at_once_do_not(desk: DeskUnderTest) -> None:
    grace, luis = desk.principal("Grace"), desk.principal("Luis")
    one, two = (r.case for r in desk.accepts(email("a@x.example"), email("b@y.example")))
    assert one is not None
    assert two is not None

    refused = at_once(
        desk,
        lambda s: work.link_child(s, grace, one.id, two.id, desk=desk.settings, at=NOON),
        lambda s: work.link_child(s, luis, two.id, one.id, desk=desk.settings, at=NOON),
    )

    assert sorted(type(error).__name__ for error in refused) == ["NoneType", "WrongFamily"]
