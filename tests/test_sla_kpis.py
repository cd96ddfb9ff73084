"""What is promised and from when: each KPI's beginning and end, on both databases."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

import pytest

from intake import outcomes, sla, work
from intake.agents import Principal
from intake.cases import Priority
from intake.events import Delivery, Event
from intake.messages import Automatic
from intake.sla import From, Kpi, KpiState
from tests.desk import DESK, NOON, DeskUnderTest, email
from tests.promised import clocks, has_sla, item, open_case, the_clock, tick, told

HOUR = timedelta(hours=1)
ESCALATED = {"field": "escalated", "op": "is", "value": True}


@pytest.fixture
def grace(desk: DeskUnderTest) -> Principal:
    return desk.principal("Grace")


def reply(desk: DeskUnderTest, by: Principal, case_id: UUID, at: object) -> None:
    with desk.transaction() as session:
        work.reply(session, by, case_id, "Hello", desk=desk.settings, at=at)  # type: ignore[arg-type]


def writes(desk: DeskUnderTest, at: object, **more: object) -> None:
    desk.accepts(email(in_reply_to="first@ada", at=at, **more))  # type: ignore[arg-type]


def asked(desk: DeskUnderTest) -> UUID:
    return open_case(desk, message_id="first@ada")


def test_the_next_response_is_promised_by_each_message_after_our_first_answer(
    desk: DeskUnderTest, grace: Principal
) -> None:
    has_sla(desk, item(Kpi.NEXT_RESPONSE, fail=60))
    case_id = asked(desk)
    writes(desk, NOON + HOUR)
    assert clocks(desk) == []

    reply(desk, grace, case_id, NOON + 2 * HOUR)
    writes(desk, NOON + 3 * HOUR)
    writes(desk, NOON + 3.5 * HOUR)

    assert the_clock(desk).started_at == NOON + 3.5 * HOUR
    assert desk.case(1001).deadline_at == NOON + 4.5 * HOUR


def test_each_answer_ends_one_cycle_and_each_later_message_begins_another(
    desk: DeskUnderTest, grace: Principal
) -> None:
    has_sla(desk, item(Kpi.NEXT_RESPONSE, fail=60))
    case_id = asked(desk)
    reply(desk, grace, case_id, NOON)

    writes(desk, NOON + HOUR)
    reply(desk, grace, case_id, NOON + 1.5 * HOUR)
    writes(desk, NOON + 2 * HOUR)
    reply(desk, grace, case_id, NOON + 5 * HOUR)
    writes(desk, NOON + 6 * HOUR)

    assert [c.state for c in clocks(desk)] == [
        KpiState.SUCCEEDED,
        KpiState.NONCOMPLIANT,
        KpiState.IN_PROGRESS,
    ]
    assert clocks(desk)[1].overrun_seconds == 2 * 3600


def test_the_oldest_unanswered_message_can_be_what_counts(
    desk: DeskUnderTest, grace: Principal
) -> None:
    has_sla(desk, item(Kpi.NEXT_RESPONSE, fail=60, applicable_from=From.UNANSWERED))
    case_id = asked(desk)
    reply(desk, grace, case_id, NOON)

    writes(desk, NOON + HOUR)
    writes(desk, NOON + 1.5 * HOUR)

    assert the_clock(desk).started_at == NOON + HOUR


def test_a_missed_answer_stays_missed_however_often_the_customer_asks(
    desk: DeskUnderTest, grace: Principal
) -> None:
    has_sla(desk, item(Kpi.NEXT_RESPONSE, fail=60))
    case_id = asked(desk)
    reply(desk, grace, case_id, NOON)
    writes(desk, NOON + HOUR)
    tick(desk, NOON + 3 * HOUR)

    writes(desk, NOON + 4 * HOUR)

    assert [c.state for c in clocks(desk)] == [KpiState.NONCOMPLIANT]
    assert desk.case(1001).order_at == NOON + 2 * HOUR


def test_a_machine_asks_for_no_answer(desk: DeskUnderTest, grace: Principal) -> None:
    has_sla(desk, item(Kpi.NEXT_RESPONSE, fail=60))
    case_id = asked(desk)
    reply(desk, grace, case_id, NOON)

    writes(desk, NOON + HOUR, automatic=Automatic.AUTO_REPLY)

    assert clocks(desk) == []


def test_an_answer_that_did_not_arrive_ends_no_cycle(desk: DeskUnderTest, grace: Principal) -> None:
    has_sla(desk, item(Kpi.NEXT_RESPONSE, fail=60))
    case_id = asked(desk)
    reply(desk, grace, case_id, NOON)
    writes(desk, NOON + HOUR)
    reply(desk, grace, case_id, NOON + 1.5 * HOUR)
    last = max(desk.all(Delivery), key=lambda d: d.promised_at)

    with desk.transaction() as session:
        lost = session.get_one(Delivery, last.id)
        outcomes.given_up(session, lost, "550 no such user", desk=DESK, at=NOON + 1.6 * HOUR)

    assert the_clock(desk).state is KpiState.IN_PROGRESS
    assert desk.case(1001).deadline_at == NOON + 2 * HOUR


def test_an_answer_that_arrives_when_tried_again_counts_from_then(
    desk: DeskUnderTest, grace: Principal
) -> None:
    has_sla(desk, item(Kpi.FIRST_RESPONSE, fail=120))
    case_id = asked(desk)
    reply(desk, grace, case_id, NOON + HOUR)
    [lost] = [d for d in desk.all(Delivery) if d.kind == "reply"]
    with desk.transaction() as session:
        row = session.get_one(Delivery, lost.id)
        outcomes.given_up(session, row, "550 no such user", desk=DESK, at=NOON + 1.1 * HOUR)
        work.retry_delivery(session, grace, lost.id, at=NOON + 2.5 * HOUR)

    with desk.transaction() as session:
        outcomes.arrived(session, session.get_one(Delivery, lost.id), at=NOON + 3 * HOUR)

    assert the_clock(desk).succeeded_at == NOON + 3 * HOUR
    assert the_clock(desk).overrun_seconds == 3600
    assert desk.case(1001).first_response_at == NOON + 3 * HOUR


def test_a_follow_up_counts_from_our_first_answer_to_our_next(
    desk: DeskUnderTest, grace: Principal
) -> None:
    has_sla(desk, item(Kpi.FOLLOW_UP, fail=24 * 60))
    case_id = asked(desk)

    reply(desk, grace, case_id, NOON)
    assert the_clock(desk).state is KpiState.IN_PROGRESS
    reply(desk, grace, case_id, NOON + 20 * HOUR)

    assert the_clock(desk).state is KpiState.SUCCEEDED


def test_a_follow_up_can_count_from_the_day_that_was_agreed(
    desk: DeskUnderTest, grace: Principal
) -> None:
    has_sla(desk, item(Kpi.FOLLOW_UP, fail=60, applicable_from=From.FOLLOW_UP))
    case_id = asked(desk)

    deadlines = []
    for day in (3, 5, None):
        agreed = NOON + timedelta(days=day) if day else None
        with desk.transaction() as session:
            work.agree_follow_up(session, grace, case_id, agreed, at=NOON)
        deadlines.append(desk.case(1001).deadline_at)

    assert deadlines == [NOON + timedelta(days=3) + HOUR, NOON + timedelta(days=5) + HOUR, None]


def test_a_clock_from_the_last_change_begins_anew_with_each(
    desk: DeskUnderTest, grace: Principal
) -> None:
    has_sla(desk, item(Kpi.RESOLVE_BY, fail=120, warn=60, applicable_from=From.CHANGED))
    case_id = asked(desk)

    tick(desk, NOON + 1.5 * HOUR)
    with desk.transaction() as session:
        work.note(session, grace, case_id, "looking", at=NOON + 1.6 * HOUR)
    writes(desk, NOON + 2 * HOUR)
    tick(desk, NOON + 3 * HOUR)

    assert the_clock(desk).fail_at == NOON + 4 * HOUR
    assert told(desk) == ["sla.nearing", "sla.nearing"]


def test_a_promise_from_resolving_runs_on_a_closed_case_and_ends_when_it_is_reopened(
    desk: DeskUnderTest, grace: Principal
) -> None:
    has_sla(desk, item(Kpi.FOLLOW_UP, fail=60, applicable_from=From.RESOLVED))
    case_id = asked(desk)

    with desk.transaction() as session:
        work.resolve(session, grace, case_id, "Done.", desk=desk.settings, at=NOON + HOUR)
    assert desk.case(1001).deadline_at == NOON + 2 * HOUR
    with desk.transaction() as session:
        work.reopen(session, grace, case_id, desk=DESK, at=NOON + 1.5 * HOUR)

    assert [c.state for c in clocks(desk)] == [KpiState.CANCELLED]


def test_nobody_is_promised_an_answer_on_a_closed_case(
    desk: DeskUnderTest, grace: Principal
) -> None:
    has_sla(desk, item(Kpi.FIRST_RESPONSE, fail=60), item(Kpi.RESOLVE_BY, fail=120))
    case_id = asked(desk)

    with desk.transaction() as session:
        work.resolve(session, grace, case_id, "Phoned them.", desk=desk.settings, at=NOON)
    tick(desk, NOON + 9 * HOUR)

    states = {c.kpi: c.state for c in clocks(desk)}
    assert states == {
        Kpi.FIRST_RESPONSE: KpiState.CANCELLED,
        Kpi.RESOLVE_BY: KpiState.SUCCEEDED,
    }
    assert told(desk) == []


def test_an_escalation_is_an_act_with_a_promise_of_its_own(
    desk: DeskUnderTest, grace: Principal
) -> None:
    has_sla(
        desk,
        item(Kpi.RESOLVE_BY, fail=120, applicable_when=ESCALATED, applicable_from=From.ESCALATED),
        item(Kpi.RESOLVE_BY, fail=16 * 60),
    )
    second = desk.has_queue("Second line")
    case_id = asked(desk)

    with desk.transaction() as session:
        work.escalate(
            session, grace, case_id, "Their till stands still.", at=NOON + HOUR, queue_id=second.id
        )

    assert [c.state for c in clocks(desk)] == [KpiState.CANCELLED, KpiState.IN_PROGRESS]
    case = desk.case(1001)
    assert (case.queue_id, case.deadline_at) == (second.id, NOON + 3 * HOUR)
    assert [a.text for a in desk.activities(case)][-1] == "Their till stands still."


def test_a_success_condition_replaces_the_usual_act(desk: DeskUnderTest, grace: Principal) -> None:
    taken = {"field": "owner", "op": "is set"}
    has_sla(desk, item(Kpi.FIRST_RESPONSE, fail=60, success_when=taken))
    case_id = asked(desk)

    reply(desk, grace, case_id, NOON + 0.1 * HOUR)
    assert the_clock(desk).state is KpiState.IN_PROGRESS
    with desk.transaction() as session:
        work.pick(session, grace, case_id, at=NOON + 0.5 * HOUR)

    assert the_clock(desk).state is KpiState.SUCCEEDED


def test_a_condition_on_priority_holds_from_the_moment_it_is_set(
    desk: DeskUnderTest, grace: Principal
) -> None:
    pressing = {"field": "priority", "op": "is", "value": "high"}
    has_sla(desk, item(Kpi.RESOLVE_BY, fail=60, applicable_when=pressing))
    case_id = asked(desk)

    deadlines = [desk.case(1001).deadline_at]
    for priority in (Priority.HIGH, Priority.LOW):
        with desk.transaction() as session:
            work.prioritise(session, grace, case_id, priority, at=NOON + 0.5 * HOUR)
        deadlines.append(desk.case(1001).deadline_at)

    assert deadlines == [None, NOON + HOUR, None]


def test_an_archive_brought_in_asks_for_no_answer(desk: DeskUnderTest, grace: Principal) -> None:
    has_sla(desk, item(Kpi.NEXT_RESPONSE, fail=60))
    case_id = asked(desk)
    reply(desk, grace, case_id, NOON)
    old = email(in_reply_to="first@ada", at=NOON + HOUR)

    desk.accepts(replace(old, historic=True))

    assert clocks(desk) == []


def test_what_a_message_changes_can_keep_a_promise(desk: DeskUnderTest, grace: Principal) -> None:
    working = {"field": "reason", "op": "is", "value": "in progress"}
    answered = {"field": "answered", "op": "is", "value": True}
    has_sla(
        desk,
        item(Kpi.FOLLOW_UP, success_when={"all": [working, answered]}, pauses=[]),
    )
    case_id = asked(desk)
    with desk.transaction() as session:
        work.hold(session, grace, case_id, at=NOON)
        work.reply(session, grace, case_id, "Which one?", desk=desk.settings, at=NOON)
    assert the_clock(desk).state is KpiState.IN_PROGRESS

    writes(desk, NOON + HOUR)

    assert the_clock(desk).state is KpiState.SUCCEEDED


def test_messages_that_move_no_clock_ask_the_database_nothing(
    desk: DeskUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    has_sla(desk, item(Kpi.RESOLVE_BY))
    asked(desk)
    asked_for = []
    with desk.db.reading() as session:
        slas = sla.in_force(session)
        case = desk.case(1001)
        monkeypatch.setattr(session, "scalars", lambda *a: asked_for.append(a))
        monkeypatch.setattr(session, "execute", lambda *a: asked_for.append(a))

        sla.heard(session, [(case, NOON, True)] * 50, slas)

    assert asked_for == []


def written(desk: DeskUnderTest) -> list[Delivery]:
    """Our replies, oldest first."""
    return sorted((d for d in desk.all(Delivery) if d.kind == "reply"), key=lambda d: d.promised_at)


def lose(desk: DeskUnderTest, reply: Delivery, at: datetime) -> None:
    with desk.transaction() as session:
        row = session.get_one(Delivery, reply.id)
        outcomes.given_up(session, row, "550 no such user", desk=DESK, at=at)


def test_answers_that_were_all_lost_keep_nothing(desk: DeskUnderTest, grace: Principal) -> None:
    has_sla(desk, item(Kpi.FIRST_RESPONSE, fail=240))
    case_id = asked(desk)
    reply(desk, grace, case_id, NOON + 0.5 * HOUR)
    reply(desk, grace, case_id, NOON + HOUR)

    first, second = written(desk)
    lose(desk, first, NOON + 1.1 * HOUR)
    assert desk.case(1001).first_response_at == NOON + HOUR
    assert the_clock(desk).succeeded_at == NOON + HOUR
    lose(desk, second, NOON + 1.2 * HOUR)

    assert desk.case(1001).first_response_at is None
    assert the_clock(desk).state is KpiState.IN_PROGRESS


def test_an_answer_in_time_that_was_lost_does_not_hide_that_the_next_came_late(
    desk: DeskUnderTest, grace: Principal
) -> None:
    has_sla(desk, item(Kpi.FIRST_RESPONSE, fail=60))
    case_id = asked(desk)
    reply(desk, grace, case_id, NOON + 0.5 * HOUR)
    reply(desk, grace, case_id, NOON + 3 * HOUR)

    lose(desk, written(desk)[0], NOON + 3.1 * HOUR)

    assert the_clock(desk).state is KpiState.NONCOMPLIANT
    assert the_clock(desk).overrun_seconds == 2 * 3600
    assert desk.case(1001).first_response_at == NOON + 3 * HOUR


def test_the_next_response_is_kept_by_the_answer_that_arrived(
    desk: DeskUnderTest, grace: Principal
) -> None:
    has_sla(desk, item(Kpi.NEXT_RESPONSE, fail=60))
    case_id = asked(desk)
    reply(desk, grace, case_id, NOON)
    writes(desk, NOON + HOUR)
    reply(desk, grace, case_id, NOON + 1.2 * HOUR)
    reply(desk, grace, case_id, NOON + 1.4 * HOUR)

    lose(desk, written(desk)[1], NOON + 1.5 * HOUR)
    tick(desk, NOON + 5 * HOUR)

    assert the_clock(desk).state is KpiState.SUCCEEDED
    assert the_clock(desk).succeeded_at == NOON + 1.4 * HOUR


@pytest.mark.parametrize(("start", "since"), [(From.UNANSWERED, 1), (From.LAST_MESSAGE, 3)])
def test_a_wait_that_begins_again_and_one_begun_since_are_one_wait(
    desk: DeskUnderTest, grace: Principal, start: From, since: int
) -> None:
    has_sla(desk, item(Kpi.NEXT_RESPONSE, fail=600, applicable_from=start))
    case_id = asked(desk)
    reply(desk, grace, case_id, NOON)
    writes(desk, NOON + HOUR)
    reply(desk, grace, case_id, NOON + 2 * HOUR)
    writes(desk, NOON + 3 * HOUR)

    lose(desk, written(desk)[1], NOON + 4 * HOUR)

    [waiting] = [c for c in clocks(desk) if c.state is KpiState.IN_PROGRESS]
    assert waiting.started_at == NOON + since * HOUR
    reply(desk, grace, case_id, NOON + 5 * HOUR)
    assert {c.state for c in clocks(desk)} == {KpiState.SUCCEEDED, KpiState.CANCELLED}


def test_a_lost_answer_reopens_its_case_on_the_record_and_its_author_is_told(
    desk: DeskUnderTest, grace: Principal
) -> None:
    case_id = asked(desk)
    reply(desk, grace, case_id, NOON)
    with desk.transaction() as session:
        work.resolve(session, grace, case_id, "Told them.", desk=desk.settings, at=NOON + HOUR)

    lose(desk, written(desk)[0], NOON + 2 * HOUR)

    [reopened] = [e for e in desk.all(Event) if e.kind == "case.reopened"]
    assert reopened.data["changes"]["state"] == ["resolved", "active"]
    [told] = [d for d in desk.all(Delivery) if d.kind == "notice"]
    assert told.target == "grace@desk.example"
    assert "did not arrive" in told.payload["subject"]
    assert "550 no such user" in told.payload["text"]
