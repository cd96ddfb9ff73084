"""What is planned: activities that are open until they are completed or cancelled."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import select

from intake import accounting, billing, charge, clock, merging, work
from intake.agents import Agent, NotAllowed, Principal, Role
from intake.billing import Spent, TimeEntry, TimeLocked
from intake.cases import (
    Activity,
    ActivityKind,
    ActivityState,
    Case,
    Direction,
    NotOpen,
    Resolution,
    StaleVersion,
    State,
)
from intake.errors import NotFound
from intake.events import Delivery, Event
from intake.sla import KpiInstance, KpiState
from intake.visibility import activities_visible_to
from intake.work import ActivityNotOpen, OpenActivities, Plan, Regarding, WrongActivity
from tests.desk import NOON, DeskUnderTest, email

HOUR = timedelta(hours=1)
CALL_BACK = Plan(ActivityKind.PHONE_CALL, "Call Ada back", due_at=NOON + 2 * HOUR)


@pytest.fixture
def grace(desk: DeskUnderTest) -> Principal:
    return desk.principal("Grace")


@pytest.fixture
def case(desk: DeskUnderTest) -> Case:
    [receipt] = desk.accepts(email())
    assert receipt.case is not None
    return receipt.case


def plans(
    desk: DeskUnderTest, by: Principal, case: Case, plan: Plan = CALL_BACK, **more: object
) -> Activity:
    with desk.transaction() as session:
        about = Regarding(case_id=case.id)
        return work.add_activity(session, by, about, plan, at=NOON, **more)  # type: ignore[arg-type]


def now(desk: DeskUnderTest, activity: Activity) -> Activity:
    with desk.db.reading() as session:
        return session.get_one(Activity, activity.id)


def does(desk: DeskUnderTest, act: Callable[..., object], /, *args: object, **more: object) -> None:
    with desk.transaction() as session:
        act(session, *args, **{"at": NOON + HOUR, **more})


def spent(desk: DeskUnderTest, case: Case) -> Spent:
    with desk.db.reading() as session:
        return billing.spent_on(session, [case.id])[case.id]


def kinds(desk: DeskUnderTest) -> list[str]:
    found = sorted(desk.all(Event), key=lambda event: event.sequence)
    return [event.kind for event in found if event.kind.startswith("activity.")]


def test_a_planned_call_is_completed_and_its_time_counts(
    desk: DeskUnderTest, grace: Principal, case: Case
) -> None:
    activity = plans(desk, grace, case)
    assert activity.state is ActivityState.OPEN
    assert activity.owner_id == grace.id

    does(desk, work.complete_activity, grace, activity.id, minutes=12, text="She is happy.")

    ended = now(desk, activity)
    assert (ended.state, ended.at, ended.text) == (
        ActivityState.COMPLETED,
        NOON + HOUR,
        "She is happy.",
    )
    [entry] = desk.all(TimeEntry)
    assert (entry.activity_id, entry.billable, entry.agent_id) == (activity.id, True, grace.id)
    assert spent(desk, case).worked == 12
    assert kinds(desk) == ["activity.added", "activity.completed"]


CALLED = {
    "a call of ours": (CALL_BACK, None, True),
    "a call of theirs": (CALL_BACK, Direction.INCOMING, False),
    "a letter": (Plan(ActivityKind.LETTER, "Write to Ada"), None, False),
    "a task": (Plan(ActivityKind.TASK, "Look it up"), None, False),
}


@pytest.mark.parametrize(("plan", "direction", "answers"), CALLED.values(), ids=CALLED)
def test_a_call_of_ours_that_was_made_meets_the_first_response(
    desk: DeskUnderTest, grace: Principal, plan: Plan, direction: Direction | None, answers: bool
) -> None:
    desk.has_sla()
    [receipt] = desk.accepts(email())
    assert receipt.case is not None
    with desk.transaction() as session:
        about, at = Regarding(case_id=receipt.case.id), NOON + HOUR
        work.add_activity(session, grace, about, plan, at=at, direction=direction, completed=True)

    [clock_] = desk.all(KpiInstance)
    assert (clock_.state is KpiState.SUCCEEDED) is answers
    assert desk.case(receipt.case.number).first_response_at == (at if answers else None)


def test_a_planned_call_answers_once_it_is_made_and_no_more_when_it_is_to_be_made_again(
    desk: DeskUnderTest, grace: Principal
) -> None:
    desk.has_sla()
    [receipt] = desk.accepts(email())
    assert receipt.case is not None
    call = plans(desk, grace, receipt.case)
    [waiting] = desk.all(KpiInstance)

    with desk.transaction() as session:
        work.complete_activity(session, grace, call.id, at=NOON + HOUR)
    [met] = desk.all(KpiInstance)
    with desk.transaction() as session:
        work.reopen_activity(session, grace, call.id, at=NOON + 2 * HOUR)
    [again] = desk.all(KpiInstance)

    states = [clock_.state for clock_ in (waiting, met, again)]
    assert states == [KpiState.IN_PROGRESS, KpiState.SUCCEEDED, KpiState.IN_PROGRESS]
    assert desk.case(receipt.case.number).first_response_at is None


def test_time_that_is_only_planned_does_not_count(
    desk: DeskUnderTest, grace: Principal, case: Case
) -> None:
    plans(desk, grace, case, Plan(ActivityKind.APPOINTMENT, "On site", minutes=120))
    cancelled = plans(desk, grace, case, Plan(ActivityKind.TASK, "Look", minutes=30))
    does(desk, work.cancel_activity, grace, cancelled.id)

    assert spent(desk, case) == Spent(0, 0)
    with desk.transaction() as session:
        assert charge.time_of(session, grace, case.id) == []


def test_time_that_is_not_to_be_billed_is_worked_all_the_same(
    desk: DeskUnderTest, grace: Principal, case: Case
) -> None:
    plans(desk, grace, case, Plan(ActivityKind.TASK, "Read up", minutes=20), completed=True,
          billable=False)  # fmt: skip

    does(desk, work.resolve, grace, case.id, "Done", desk=desk.settings)

    [resolution] = desk.all(Resolution)
    assert (resolution.total_minutes, resolution.billable_minutes) == (20, 0)


def test_an_account_a_contact_and_a_contract_have_activities_too(
    desk: DeskUnderTest, grace: Principal
) -> None:
    contact = desk.has_customer("ada@example.com")
    for about in (Regarding(account_id=contact.account_id), Regarding(contact_id=contact.id)):
        does(desk, work.add_activity, grace, about, CALL_BACK)

    reader = desk.principal("Rita", role=Role.READ_ONLY)
    with desk.db.reading() as session:
        seen = session.scalars(activities_visible_to(reader)).all()
    assert {(a.account_id, a.contact_id) for a in seen} == {
        (contact.account_id, None),
        (None, contact.id),
    }
    told = [e.data for e in desk.all(Event) if e.kind == "activity.added"]
    assert {"account", "contact"} == {name for data in told for name in data} & {
        "account", "contact", "contract", "number",
    }  # fmt: skip


def test_an_activity_of_a_case_is_seen_by_whoever_sees_the_case(desk: DeskUnderTest) -> None:
    inside, outside = desk.has_agent("Ina"), desk.has_agent("Otto")
    desk.has_queue("Secret", members=(inside,), address="secret@desk.example")
    [receipt] = desk.accepts(email(mailbox="secret@desk.example"))
    assert receipt.case is not None
    activity = plans(desk, inside.principal("test"), receipt.case)

    with desk.db.reading() as session:
        assert session.scalars(activities_visible_to(inside.principal("test"))).all()
        assert not session.scalars(activities_visible_to(outside.principal("test"))).all()
    with pytest.raises(NotFound):
        does(desk, work.complete_activity, outside.principal("test"), activity.id)
    with pytest.raises(WrongActivity, match="Otto may not see case"):
        does(desk, work.assign_activity, inside.principal("test"), activity.id, outside.id)


@pytest.mark.parametrize(
    ("about", "plan", "more", "words"),
    [
        pytest.param({}, CALL_BACK, {}, "regarding: name one of", id="about nothing"),
        pytest.param(
            {"case_id": UUID(int=1), "account_id": UUID(int=2)}, CALL_BACK, {},
            "regarding: name one of", id="about two things",
        ),
        pytest.param(None, Plan(ActivityKind.TASK, "  "), {}, "subject: ", id="no words"),
        pytest.param(
            None, Plan(ActivityKind.RESOLUTION, "x"), {}, "kind: a resolution", id="a resolution",
        ),
        pytest.param(None, Plan(ActivityKind.TASK, "x", minutes=-1), {}, "minutes: ", id="minus"),
        pytest.param(
            None, Plan(ActivityKind.LETTER, "x"), {"direction": Direction.INCOMING},
            "direction: what a customer will do", id="a letter to come",
        ),
        pytest.param(
            None, CALL_BACK, {"owner_id": UUID(int=7)}, "owner: there is no", id="a stranger",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_names_its_field_and_plans_nothing(
    desk: DeskUnderTest,
    grace: Principal,
    case: Case,
    about: dict[str, UUID] | None,
    plan: Plan,
    more: dict[str, object],
    words: str,
) -> None:
    regarding = Regarding(case_id=case.id) if about is None else Regarding(**about)

    with pytest.raises(WrongActivity, match=words):
        does(desk, work.add_activity, grace, regarding, plan, **more)

    assert kinds(desk) == []


def test_what_a_customer_sees_is_never_what_is_planned(
    desk: DeskUnderTest, grace: Principal, case: Case
) -> None:
    for kind in (ActivityKind.CHAT, ActivityKind.EMAIL):
        activity = plans(desk, grace, case, Plan(kind, "Tell them"), completed=True,
                         direction=Direction.OUTGOING)  # fmt: skip
        assert activity.direction is Direction.INTERNAL
    letter = plans(desk, grace, case, Plan(ActivityKind.LETTER, "Their letter"), completed=True,
                   direction=Direction.INCOMING)  # fmt: skip
    assert letter.direction is Direction.INCOMING


def test_what_changed_is_told_and_what_did_not_is_not(
    desk: DeskUnderTest, grace: Principal, case: Case
) -> None:
    activity = plans(desk, grace, case)

    does(desk, work.edit_activity, grace, activity.id, CALL_BACK)
    later = Plan(ActivityKind.PHONE_CALL, "Call Ada back", due_at=NOON + 5 * HOUR)
    does(desk, work.edit_activity, grace, activity.id, later, version=1)

    [changed] = [event for event in desk.all(Event) if event.kind == "activity.changed"]
    assert changed.data["was"] == {"due_at": (NOON + 2 * HOUR).isoformat()}
    assert changed.data["now"] == {"due_at": (NOON + 5 * HOUR).isoformat()}
    with pytest.raises(StaleVersion, match="version 2, you had 1"):
        does(desk, work.cancel_activity, grace, activity.id, version=1)


def test_what_came_about_by_itself_is_neither_changed_nor_reopened(
    desk: DeskUnderTest, grace: Principal, case: Case
) -> None:
    [mail] = desk.activities(case)

    for act in (work.reopen_activity, work.complete_activity, work.cancel_activity):
        with pytest.raises(ActivityNotOpen, match="write a note instead"):
            does(desk, act, grace, mail.id)


def test_what_is_done_is_done_once_and_can_be_to_do_again(
    desk: DeskUnderTest, grace: Principal, case: Case
) -> None:
    activity = plans(desk, grace, case)
    does(desk, work.complete_activity, grace, activity.id, minutes=5)

    with pytest.raises(ActivityNotOpen, match="completed; reopen it first"):
        does(desk, work.complete_activity, grace, activity.id, minutes=5)
    does(desk, work.reopen_activity, grace, activity.id)
    does(desk, work.complete_activity, grace, activity.id, minutes=8)

    assert len(desk.all(TimeEntry)) == 1
    assert spent(desk, case).worked == 8


def test_time_that_is_billed_holds_its_activity(
    desk: DeskUnderTest, grace: Principal, case: Case
) -> None:
    manager = desk.principal("Mona", role=Role.MANAGER)
    with desk.transaction() as session:
        charge.set_rate(session, manager, 60, "EUR", at=NOON)  # type: ignore[arg-type]
    activity = plans(desk, grace, case, Plan(ActivityKind.TASK, "Look", minutes=30), completed=True)
    does(desk, work.resolve, grace, case.id, "Done", desk=desk.settings)
    with desk.transaction() as session:
        assert accounting.hand_over(session, manager, at=NOON + HOUR)
    does(desk, work.reopen, grace, case.id, desk=desk.settings)

    with pytest.raises(TimeLocked):
        does(desk, work.reopen_activity, grace, activity.id)


def test_a_reader_plans_nothing(desk: DeskUnderTest, case: Case) -> None:
    reader = desk.principal("Rita", role=Role.READ_ONLY)

    with pytest.raises(NotAllowed):
        plans(desk, reader, case)


@pytest.mark.parametrize("act", ["cancel", "resolve"])
def test_a_case_ends_with_what_is_to_be_done_only_when_that_is_confirmed(
    desk: DeskUnderTest, grace: Principal, case: Case, act: str
) -> None:
    plans(desk, grace, case)
    plans(desk, grace, case, Plan(ActivityKind.TASK, "Order a part"))
    more = {"desk": desk.settings}

    with pytest.raises(OpenActivities) as refused:
        does(desk, getattr(work, act), grace, case.id, "Done", **more)
    assert str(refused.value).startswith("2 open activities: 'Call Ada back', 'Order a part'")
    assert desk.case(case.number).open
    assert "activity.cancelled" not in kinds(desk)

    confirmed = {**more, "cancel_open_activities": True}
    does(desk, getattr(work, act), grace, case.id, "Done", **confirmed)
    assert not desk.case(case.number).open
    assert kinds(desk).count("activity.cancelled") == 2
    with desk.db.reading() as session:
        assert work.open_of(session, [case.id]) == []


def test_a_closed_case_takes_a_note_and_nothing_that_is_to_be_done(
    desk: DeskUnderTest, grace: Principal, case: Case
) -> None:
    activity = plans(desk, grace, case)
    does(desk, work.complete_activity, grace, activity.id)
    does(desk, work.resolve, grace, case.id, "Done", desk=desk.settings)

    for act in (
        lambda session: work.add_activity(
            session, grace, Regarding(case_id=case.id), CALL_BACK, at=NOON
        ),
        lambda session: work.reopen_activity(session, grace, activity.id, at=NOON),
        lambda session: charge.log_time(session, grace, case.id, 5, at=NOON),
        lambda session: work.assign(session, grace, case.id, grace.id, at=NOON),
    ):
        with pytest.raises(NotOpen), desk.transaction() as session:
            act(session)
    does(desk, work.note, grace, case.id, "For the record")
    assert desk.case(case.number).state is State.RESOLVED


def test_what_is_open_goes_on_in_the_survivor_of_a_merge_and_comes_back(
    desk: DeskUnderTest, grace: Principal, case: Case
) -> None:
    [receipt] = desk.accepts(email("bob@example.com"))
    assert receipt.case is not None
    activity = plans(desk, grace, case)

    with desk.transaction() as session:
        merging.merge(session, grace, receipt.case.id, [case.id], desk=desk.settings, at=NOON)
    assert now(desk, activity).case_id == receipt.case.id
    assert now(desk, activity).state is ActivityState.OPEN

    with desk.transaction() as session:
        merging.unmerge(session, grace, case.id, desk=desk.settings, at=NOON)
    assert now(desk, activity).case_id == case.id


def ticks(desk: DeskUnderTest, hours: float) -> int:
    with desk.transaction() as session:
        at = NOON + hours * HOUR
        return clock.tick(session, desk.settings, at=at).moved["activities"]


def reminders(desk: DeskUnderTest) -> list[Delivery]:
    return [delivery for delivery in desk.all(Delivery) if delivery.kind == "notice"]


def test_an_owner_is_reminded_once_of_what_is_due(
    desk: DeskUnderTest, grace: Principal, case: Case
) -> None:
    plans(desk, grace, case)
    plans(desk, grace, case, Plan(ActivityKind.TASK, "Order a part", due_at=NOON + HOUR))
    plans(desk, grace, case, Plan(ActivityKind.TASK, "Some day"))

    assert [ticks(desk, hours) for hours in (0.9, 2, 3)] == [0, 2, 0]

    [mail] = reminders(desk)
    assert mail.target == "grace@desk.example"
    of = f"(case {case.number}, Printer offline)"
    assert mail.payload["subject"] == (
        f"Due: Order a part {of}, task, 02 Mar 13:00; Call Ada back {of}, phone call, 02 Mar 14:00"
    )
    assert kinds(desk).count("activity.due") == 2


def test_another_time_reminds_again_and_what_is_done_reminds_nobody(
    desk: DeskUnderTest, grace: Principal, case: Case
) -> None:
    moved = plans(desk, grace, case)
    finished = plans(desk, grace, case, Plan(ActivityKind.TASK, "Order", due_at=NOON + 2 * HOUR))
    does(desk, work.complete_activity, grace, finished.id)
    assert ticks(desk, 2) == 1
    later = Plan(ActivityKind.PHONE_CALL, "Call Ada back", due_at=NOON + 5 * HOUR)
    does(desk, work.edit_activity, grace, moved.id, later, at=NOON + 3 * HOUR)

    assert [ticks(desk, hours) for hours in (4, 5)] == [0, 1]

    assert len(reminders(desk)) == 2


def test_what_somebody_who_left_had_to_do_is_told_to_the_owner_of_the_case(
    desk: DeskUnderTest, grace: Principal, case: Case
) -> None:
    luis = desk.principal("Luis")
    plans(desk, luis, case)
    does(desk, work.assign, grace, case.id, grace.id)
    with desk.transaction() as session:
        session.get_one(Agent, luis.id).active = False

    ticks(desk, 2)

    assert [mail.target for mail in reminders(desk)] == ["grace@desk.example"]


@pytest.mark.parametrize("owned", [True, False], ids=["owned", "nobody's"])
def test_nobody_is_reminded_of_a_case_that_they_may_not_see_any_more(
    desk: DeskUnderTest, grace: Principal, case: Case, owned: bool
) -> None:
    mary = desk.has_agent("Mary")
    secret = desk.has_queue("Secret", members=(mary,))
    plans(desk, grace, case)
    manager = desk.principal("Boss", Role.MANAGER)
    does(desk, work.route_to, manager, case.id, secret.id)
    if owned:
        does(desk, work.assign, manager, case.id, mary.id)

    assert ticks(desk, 2) == 1

    assert [mail.target for mail in reminders(desk)] == ["mary@desk.example"] * owned
    assert kinds(desk).count("activity.due") == 1


def test_what_is_to_be_done_is_found_by_index(desk: DeskUnderTest, grace: Principal) -> None:
    mine = select(Activity.id).where(
        Activity.owner_id == grace.id, Activity.state == ActivityState.OPEN
    )
    statement = mine.order_by(Activity.order_at, Activity.id).limit(20)
    with desk.db.reading() as session:
        if session.get_bind().dialect.name == "sqlite":
            compiled = statement.compile(session.get_bind(), compile_kwargs={"literal_binds": True})
            plan = session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {compiled}").all()
            assert "ix_activities_by_owner" in str(plan)
            assert "TEMP B-TREE" not in str(plan)
