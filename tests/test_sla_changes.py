"""A clock through holds, corrections and another SLA: what it reached stays, nothing is lost."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

import pytest

from intake import sla, work
from intake.agents import Principal
from intake.cases import Priority, Reason
from intake.errors import IntakeError
from intake.sla import Hold, Kpi, KpiState, OnReopening
from tests.desk import DESK, NOON, DeskUnderTest, email
from tests.promised import (
    OFFICE,
    PRESSING,
    clocks,
    has_sla,
    item,
    march,
    open_case,
    the_clock,
    tick,
    told,
)

HOUR = timedelta(hours=1)


@pytest.fixture
def grace(desk: DeskUnderTest) -> Principal:
    return desk.principal("Grace")


def held(
    desk: DeskUnderTest,
    by: Principal,
    case_id: UUID,
    begin: datetime,
    end: datetime | None = None,
    reason: Reason = Reason.ON_HOLD,
) -> None:
    with desk.transaction() as session:
        work.hold(session, by, case_id, at=begin, reason=reason)
    if end is not None:
        with desk.transaction() as session:
            work.resume(session, by, case_id, at=end)


def prioritised(
    desk: DeskUnderTest, by: Principal, case_id: UUID, priority: Priority, at: datetime
) -> None:
    with desk.transaction() as session:
        work.prioritise(session, by, case_id, priority, at=at)


def by_priority(desk: DeskUnderTest) -> None:
    has_sla(desk, item(fail=120, warn=60, applicable_when=PRESSING), item(fail=480, warn=360))


def test_another_priority_cancels_the_clock_and_starts_one_from_the_same_instant(
    desk: DeskUnderTest, grace: Principal
) -> None:
    by_priority(desk)
    case_id = open_case(desk)

    prioritised(desk, grace, case_id, Priority.HIGH, NOON + HOUR)

    old, new = clocks(desk)
    assert (old.state, new.state) == (KpiState.CANCELLED, KpiState.IN_PROGRESS)
    assert (new.started_at, new.fail_at) == (NOON, NOON + 2 * HOUR)


def test_a_hold_survives_another_priority(desk: DeskUnderTest, grace: Principal) -> None:
    by_priority(desk)
    case_id = open_case(desk)
    held(desk, grace, case_id, NOON + 0.25 * HOUR, NOON + 0.75 * HOUR)

    prioritised(desk, grace, case_id, Priority.HIGH, NOON + HOUR)

    assert desk.case(1001).deadline_at == NOON + 2.5 * HOUR


def test_a_priority_changed_on_hold_starts_a_clock_that_waits_too(
    desk: DeskUnderTest, grace: Principal
) -> None:
    by_priority(desk)
    case_id = open_case(desk)
    held(desk, grace, case_id, NOON + 0.5 * HOUR)

    prioritised(desk, grace, case_id, Priority.HIGH, NOON + 5 * HOUR)
    assert (the_clock(desk).state, desk.case(1001).deadline_at) == (KpiState.PAUSED, None)
    with desk.transaction() as session:
        work.resume(session, grace, case_id, at=NOON + 6 * HOUR)

    assert desk.case(1001).deadline_at == NOON + 7.5 * HOUR


def test_a_shorter_promise_that_is_past_already_is_broken_when_it_was_due(
    desk: DeskUnderTest, grace: Principal
) -> None:
    by_priority(desk)
    case_id = open_case(desk)

    prioritised(desk, grace, case_id, Priority.HIGH, NOON + 3 * HOUR)
    tick(desk, NOON + 3 * HOUR)

    clock = the_clock(desk)
    assert (clock.state, clock.failed_at) == (KpiState.NONCOMPLIANT, NOON + 2 * HOUR)


def test_a_hold_after_the_deadline_does_not_mend_a_shorter_promise(
    desk: DeskUnderTest, grace: Principal
) -> None:
    by_priority(desk)
    case_id = open_case(desk)
    held(desk, grace, case_id, NOON + 3 * HOUR, NOON + 4 * HOUR)

    prioritised(desk, grace, case_id, Priority.HIGH, NOON + 5 * HOUR)
    tick(desk, NOON + 5 * HOUR)

    assert the_clock(desk).failed_at == NOON + 2 * HOUR


def test_what_was_broken_is_not_judged_again(desk: DeskUnderTest, grace: Principal) -> None:
    by_priority(desk)
    case_id = open_case(desk)
    tick(desk, NOON + 9 * HOUR)

    prioritised(desk, grace, case_id, Priority.HIGH, NOON + 9 * HOUR)

    assert [c.state for c in clocks(desk)] == [KpiState.NONCOMPLIANT]


def test_a_warning_before_a_hold_stays_where_it_was(desk: DeskUnderTest, grace: Principal) -> None:
    has_sla(desk, item(fail=240, warn=60))
    case_id = open_case(desk)

    held(desk, grace, case_id, NOON + 2 * HOUR, NOON + 3 * HOUR)
    tick(desk, NOON + 3 * HOUR)

    clock = the_clock(desk)
    assert (clock.state, clock.warned_at) == (KpiState.NEARING, NOON + HOUR)
    assert (clock.fail_at, told(desk)) == (NOON + 5 * HOUR, ["sla.nearing"])


def test_a_hold_after_the_breach_changes_nothing(desk: DeskUnderTest, grace: Principal) -> None:
    has_sla(desk, item(fail=60))
    case_id = open_case(desk)

    held(desk, grace, case_id, NOON + 2 * HOUR)  # nobody has looked since the deadline

    clock = the_clock(desk)
    assert (clock.state, clock.failed_at) == (KpiState.NONCOMPLIANT, NOON + HOUR)
    tick(desk, NOON + 2 * HOUR)
    assert told(desk) == ["sla.noncompliant"]


def test_each_item_says_which_statuses_stop_it(desk: DeskUnderTest, grace: Principal) -> None:
    has_sla(
        desk,
        item(Kpi.FIRST_RESPONSE, fail=60, pauses=[]),
        item(Kpi.RESOLVE_BY, fail=120, pauses=["waiting for details"]),
        item(Kpi.FOLLOW_UP, fail=180, applicable_from=sla.From.CREATED),
    )
    case_id = open_case(desk)

    held(desk, grace, case_id, NOON, None, Reason.ON_HOLD)
    states = {c.kpi: c.state for c in clocks(desk)}
    held(desk, grace, case_id, NOON + HOUR, NOON + 1.5 * HOUR, Reason.WAITING_FOR_DETAILS)

    assert states == {
        Kpi.FIRST_RESPONSE: KpiState.IN_PROGRESS,
        Kpi.RESOLVE_BY: KpiState.IN_PROGRESS,
        Kpi.FOLLOW_UP: KpiState.PAUSED,
    }
    assert {c.kpi: c.fail_at for c in clocks(desk)} == {
        Kpi.FIRST_RESPONSE: NOON + HOUR,
        Kpi.RESOLVE_BY: NOON + 2.5 * HOUR,
        Kpi.FOLLOW_UP: NOON + 4.5 * HOUR,
    }


def test_a_hundred_holds_of_a_second_are_counted_to_the_second(
    desk: DeskUnderTest, grace: Principal
) -> None:
    has_sla(desk, item(fail=240))
    case_id = open_case(desk)

    for second in range(0, 200, 2):
        begin = NOON + timedelta(seconds=second)
        held(desk, grace, case_id, begin, begin + timedelta(seconds=1))

    assert desk.case(1001).deadline_at == NOON + timedelta(hours=4, seconds=100)


def test_a_hold_and_an_answer_in_the_same_second_cost_nothing(
    desk: DeskUnderTest, grace: Principal
) -> None:
    has_sla(desk, item(fail=240))
    case_id = open_case(desk, message_id="first@ada")

    held(desk, grace, case_id, NOON + HOUR)
    desk.accepts(email(in_reply_to="first@ada", at=NOON + HOUR))

    assert desk.case(1001).deadline_at == NOON + 4 * HOUR


def test_a_hold_never_ends_before_it_began(desk: DeskUnderTest, grace: Principal) -> None:
    has_sla(desk, item(fail=240))
    case_id = open_case(desk)

    held(desk, grace, case_id, NOON + HOUR, NOON + 0.5 * HOUR)

    assert desk.case(1001).deadline_at == NOON + 4 * HOUR
    assert [h.ended_at for h in desk.all(Hold)] == [NOON + HOUR]


def test_an_sla_chosen_by_hand_stays_whatever_the_rules_say(
    desk: DeskUnderTest, grace: Principal
) -> None:
    has_sla(desk, item(fail=480))
    has_sla(desk, item(fail=60), name="Urgent", is_default=False, chosen_when=PRESSING)
    gold = has_sla(desk, item(fail=240), name="Gold", is_default=False)
    case_id = open_case(desk)

    deadlines = []
    for chosen in (gold.id, None):
        with desk.transaction() as session:
            work.choose_sla(session, grace, case_id, chosen, at=NOON)
        prioritised(desk, grace, case_id, Priority.HIGH, NOON)
        deadlines.append(desk.case(1001).deadline_at)

    assert deadlines == [NOON + 4 * HOUR, NOON + HOUR]


def test_only_an_sla_in_force_can_be_chosen(desk: DeskUnderTest, grace: Principal) -> None:
    has_sla(desk, item())
    retired = has_sla(desk, item(), name="Old", is_default=False, state=sla.SlaState.RETIRED)
    case_id = open_case(desk)

    with pytest.raises(IntakeError, match="no such active"), desk.transaction() as session:
        work.choose_sla(session, grace, case_id, retired.id, at=NOON)


def test_another_sla_judges_what_was_done_already(desk: DeskUnderTest, grace: Principal) -> None:
    has_sla(desk, item(Kpi.FIRST_RESPONSE, fail=480), item(Kpi.RESOLVE_BY, fail=960))
    gold = has_sla(
        desk,
        item(Kpi.FIRST_RESPONSE, fail=60),
        item(Kpi.RESOLVE_BY, fail=240),
        name="Gold",
        is_default=False,
    )
    case_id = open_case(desk)
    held(desk, grace, case_id, NOON + 0.25 * HOUR, NOON + 0.5 * HOUR)
    with desk.transaction() as session:
        work.reply(session, grace, case_id, "Hello", desk=desk.settings, at=NOON + 2 * HOUR)

    with desk.transaction() as session:
        work.choose_sla(session, grace, case_id, gold.id, at=NOON + 2.5 * HOUR)

    first = the_clock(desk, Kpi.FIRST_RESPONSE)
    assert (first.state, first.failed_at) == (KpiState.NONCOMPLIANT, NOON + 1.25 * HOUR)
    assert (first.succeeded_at, first.overrun_seconds) == (NOON + 2 * HOUR, 45 * 60)
    assert desk.case(1001).deadline_at == NOON + 4.25 * HOUR
    assert sum(c.state is KpiState.CANCELLED for c in clocks(desk)) == 2


def test_a_late_success_notes_by_how_much_open_time(desk: DeskUnderTest, grace: Principal) -> None:
    has_sla(desk, item(fail=60), hours=OFFICE)
    case_id = open_case(desk, at=march(6, 15, 30))

    with desk.transaction() as session:
        work.resolve(session, grace, case_id, "Done.", desk=desk.settings, at=march(9, 9, 45))

    clock = the_clock(desk)
    assert (clock.failed_at, clock.succeeded_at) == (march(6, 16, 30), march(9, 9, 45))
    assert clock.overrun_seconds == (30 + 45) * 60


@pytest.mark.parametrize(
    ("setting", "states"),
    [
        (OnReopening.NEW_CYCLE, [KpiState.SUCCEEDED, KpiState.IN_PROGRESS]),
        (OnReopening.KEEP, [KpiState.SUCCEEDED]),
    ],
)
def test_reopening_keeps_the_result_or_starts_a_new_cycle(
    desk: DeskUnderTest, grace: Principal, setting: OnReopening, states: list[KpiState]
) -> None:
    has_sla(desk, item(fail=240, on_reopening=setting))
    case_id = open_case(desk)
    with desk.transaction() as session:
        work.resolve(session, grace, case_id, "Done.", desk=desk.settings, at=NOON + HOUR)

    with desk.transaction() as session:
        work.reopen(session, grace, case_id, desk=DESK, at=NOON + 2 * HOUR)
    with desk.transaction() as session:
        work.note(session, grace, case_id, "again", at=NOON + 2 * HOUR)

    assert [c.state for c in clocks(desk)] == states
    again = NOON + 6 * HOUR if setting is OnReopening.NEW_CYCLE else None
    assert desk.case(1001).deadline_at == again


def test_who_was_never_answered_still_waits_after_reopening(
    desk: DeskUnderTest, grace: Principal
) -> None:
    has_sla(desk, item(Kpi.FIRST_RESPONSE, fail=240))
    case_id = open_case(desk, message_id="first@ada")
    with desk.transaction() as session:
        work.resolve(session, grace, case_id, "Nothing to do.", desk=desk.settings, at=NOON)

    desk.accepts(email(in_reply_to="first@ada", at=NOON + HOUR))

    assert desk.case(1001).deadline_at == NOON + 5 * HOUR  # from the reopening


def test_a_cancelled_case_gets_no_clock_by_being_touched(
    desk: DeskUnderTest, grace: Principal
) -> None:
    has_sla(desk, item())
    case_id = open_case(desk)
    with desk.transaction() as session:
        work.cancel(session, grace, case_id, "spam", desk=DESK, at=NOON)

    with desk.transaction() as session:
        work.note(session, grace, case_id, "indeed", at=NOON + HOUR)

    assert [c.state for c in clocks(desk)] == [KpiState.CANCELLED]


def test_hours_that_never_come_keep_no_message_out(desk: DeskUnderTest) -> None:
    closing = OFFICE | {"changes": [{"from": "2026-03-02", "weekly": {}}]}
    has_sla(desk, item(fail=60), hours=closing)

    open_case(desk)

    assert (the_clock(desk).fail_at, desk.case(1001).deadline_at) == (None, None)
