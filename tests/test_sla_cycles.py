"""One promise on one case, from one clock to the next: at most one is live, what was kept is kept,
what was broken is broken, and what is promised anew counts from when it was."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from sqlalchemy.exc import IntegrityError

from intake import merging, work
from intake.agents import Principal, Role
from intake.cases import Priority
from intake.db import new_id
from intake.events import Delivery
from intake.sla import From, Kpi, KpiInstance, KpiState, OnReopening, activation, changing
from tests.desk import NOON, DeskUnderTest, email
from tests.promised import PRESSING, clocks, has_sla, item, open_case, the_clock, tick, told

HOUR = timedelta(hours=1)
ESCALATED = {"field": "escalated", "op": "is", "value": True}
ANSWERED = {"field": "answered", "op": "is", "value": True}
LIVE, KEPT, MISSED, OFF = (
    KpiState.IN_PROGRESS,
    KpiState.SUCCEEDED,
    KpiState.NONCOMPLIANT,
    KpiState.CANCELLED,
)


class Working:
    """An agent at work on the one case of a desk; hours count from noon."""

    def __init__(self, desk: DeskUnderTest, by: Principal) -> None:
        self.desk, self.by = desk, by
        self.case_id = open_case(desk, message_id="first@ada")

    def act(self, what: Callable[..., object], *said: object, hour: float, **more: object) -> None:
        with self.desk.transaction() as session:
            what(session, self.by, self.case_id, *said, at=NOON + hour * HOUR, **more)

    def replies(self, hour: float) -> None:
        self.act(work.reply, "Hello", hour=hour, desk=self.desk.settings)

    def resolves(self, hour: float) -> None:
        self.act(work.resolve, "Done.", hour=hour, desk=self.desk.settings)

    def reopens(self, hour: float) -> None:
        self.act(work.reopen, hour=hour, desk=self.desk.settings)

    def high(self, hour: float) -> None:
        self.act(work.prioritise, Priority.HIGH, hour=hour)

    def low(self, hour: float) -> None:
        self.act(work.prioritise, Priority.LOW, hour=hour)

    def notes(self, hour: float) -> None:
        self.act(work.note, "Looking.", hour=hour)

    def customer_writes(self, hour: float) -> None:
        self.desk.accepts(email(in_reply_to="first@ada", at=NOON + hour * HOUR))

    def ticks(self, hour: float) -> None:
        tick(self.desk, NOON + hour * HOUR)


Case = Callable[[], Working]


@pytest.fixture
def case(desk: DeskUnderTest) -> Case:
    """A case of that desk, opened when the test has made its promises."""
    return lambda: Working(desk, desk.principal("Grace"))


def states(desk: DeskUnderTest, kpi: Kpi | None = None) -> list[KpiState]:
    return [clock.state for clock in clocks(desk, kpi)]


def hours(moment: datetime | None) -> float | None:
    return None if moment is None else (moment - NOON) / HOUR


def test_items_that_count_from_different_instants_leave_one_clock_live(
    desk: DeskUnderTest, case: Case
) -> None:
    has_sla(
        desk,
        item(fail=60, applicable_from=From.ESCALATED, applicable_when=PRESSING),
        item(fail=24 * 60),
    )
    grace = case()
    grace.high(0)
    grace.act(work.escalate, "Now", hour=1)
    grace.low(1.5)

    for hour in (2, 3, 4):
        grace.notes(hour)

    assert states(desk) == [OFF, OFF, LIVE]
    grace.ticks(25)
    assert told(desk) == ["sla.noncompliant"]


def test_the_database_refuses_a_second_live_clock(desk: DeskUnderTest, case: Case) -> None:
    has_sla(desk, item())
    case()
    [live] = clocks(desk)

    twin = {"case_id": live.case_id, "item_id": live.item_id, "kpi": live.kpi}
    with pytest.raises(IntegrityError), desk.transaction() as session:
        session.add(KpiInstance(id=new_id(), started_at=NOON, **twin))


@pytest.mark.parametrize("success", [None, ANSWERED], ids=["by its act", "by a condition"])
def test_what_was_answered_before_it_was_promised_is_kept(
    desk: DeskUnderTest, case: Case, success: dict[str, object] | None
) -> None:
    has_sla(
        desk,
        item(Kpi.FIRST_RESPONSE, fail=60, applicable_when=PRESSING, success_when=success),
    )
    grace = case()
    grace.replies(0.2)

    grace.high(2)
    grace.ticks(3)

    assert states(desk) == [KEPT]
    assert told(desk) == []


def test_what_was_answered_late_before_it_was_promised_is_late(
    desk: DeskUnderTest, case: Case
) -> None:
    has_sla(desk, item(Kpi.FIRST_RESPONSE, fail=60, applicable_when=PRESSING))
    grace = case()
    grace.replies(1.5)

    grace.high(2)

    assert (the_clock(desk).state, the_clock(desk).overrun_seconds) == (MISSED, 1800)


def test_a_message_answered_while_nothing_was_promised_waits_no_more(
    desk: DeskUnderTest, case: Case
) -> None:
    has_sla(desk, item(Kpi.NEXT_RESPONSE, fail=60, applicable_when=PRESSING))
    grace = case()
    grace.replies(0.1)
    grace.high(0.2)
    grace.customer_writes(0.5)
    grace.low(0.6)
    grace.replies(0.7)

    grace.high(0.8)

    assert states(desk) == [OFF]


def test_a_message_that_still_waits_is_promised_an_answer_again(
    desk: DeskUnderTest, case: Case
) -> None:
    has_sla(desk, item(Kpi.NEXT_RESPONSE, fail=60, applicable_when=PRESSING))
    grace = case()
    grace.replies(0.1)
    grace.high(0.2)
    grace.customer_writes(0.5)
    grace.low(0.6)

    grace.high(0.8)

    assert states(desk) == [OFF, LIVE]
    assert hours(desk.case(1001).deadline_at) == 1.5


@pytest.mark.parametrize("kpi", [Kpi.FIRST_RESPONSE, Kpi.NEXT_RESPONSE, Kpi.FOLLOW_UP])
def test_nothing_counts_while_the_case_is_closed(desk: DeskUnderTest, case: Case, kpi: Kpi) -> None:
    has_sla(desk, item(kpi, fail=240))
    grace = case()
    if kpi is not Kpi.FIRST_RESPONSE:
        grace.replies(0.1)
        grace.customer_writes(0.2)
    grace.resolves(1)

    grace.reopens(700)
    grace.notes(701)
    grace.ticks(703.9)

    assert (states(desk), told(desk)) == ([OFF, LIVE], [])
    assert hours(desk.case(1001).deadline_at) == 704


@pytest.mark.parametrize("setting", OnReopening)
def test_the_item_says_whether_what_was_kept_is_promised_again(
    desk: DeskUnderTest, case: Case, setting: OnReopening
) -> None:
    has_sla(
        desk,
        item(Kpi.FOLLOW_UP, fail=240, on_reopening=setting),
        item(Kpi.FIRST_RESPONSE, fail=240, on_reopening=setting),
        item(applicable_from=From.ESCALATED, applicable_when=ESCALATED, on_reopening=setting),
    )
    grace = case()
    grace.replies(0.1)
    grace.replies(0.2)
    grace.act(work.escalate, "Now", hour=0.5)
    grace.resolves(1)

    grace.reopens(10)
    grace.notes(11)

    again = [LIVE] if setting is OnReopening.NEW_CYCLE else []
    assert states(desk, Kpi.FOLLOW_UP) == [KEPT, *again]
    assert states(desk, Kpi.RESOLVE_BY) == [KEPT, *again]
    assert states(desk, Kpi.FIRST_RESPONSE) == [KEPT]  # the first answer is given once


def test_another_sla_after_reopening_judges_what_is_promised_since(
    desk: DeskUnderTest, case: Case
) -> None:
    has_sla(desk, item(Kpi.FIRST_RESPONSE, fail=240), item(fail=240))
    gold = has_sla(
        desk, item(Kpi.FIRST_RESPONSE, fail=1), item(fail=60), name="Gold", is_default=False
    )
    grace = case()
    grace.replies(0.5)
    grace.resolves(1)
    grace.reopens(10)

    grace.act(work.choose_sla, gold.id, hour=10.5)

    assert states(desk, Kpi.FIRST_RESPONSE) == [KEPT]
    assert states(desk, Kpi.RESOLVE_BY) == [KEPT, OFF, LIVE]
    assert hours(desk.case(1001).deadline_at) == 11


@pytest.mark.parametrize("answered", [True, False], ids=["kept", "broken"])
def test_each_day_that_is_agreed_is_promised(
    desk: DeskUnderTest, case: Case, answered: bool
) -> None:
    has_sla(desk, item(Kpi.FOLLOW_UP, fail=60, applicable_from=From.FOLLOW_UP))
    grace = case()
    grace.act(work.agree_follow_up, NOON + 24 * HOUR, hour=0)
    if answered:
        grace.replies(24.5)
    grace.ticks(26)

    grace.act(work.agree_follow_up, NOON + 72 * HOUR, hour=26)
    grace.notes(27)

    assert states(desk) == [KEPT if answered else MISSED, LIVE]
    assert hours(desk.case(1001).deadline_at) == 73


def test_each_escalation_and_each_change_after_a_miss_is_promised(
    desk: DeskUnderTest, case: Case
) -> None:
    has_sla(
        desk,
        item(fail=60, applicable_from=From.ESCALATED),
        item(Kpi.FOLLOW_UP, fail=120, applicable_from=From.CHANGED),
    )
    grace = case()
    grace.act(work.escalate, "Now", hour=0)
    grace.ticks(3)

    grace.act(work.escalate, "Still", hour=5)

    assert states(desk, Kpi.RESOLVE_BY) == [MISSED, LIVE]
    assert states(desk, Kpi.FOLLOW_UP) == [MISSED, LIVE]
    assert hours(desk.case(1001).deadline_at) == 6


def test_our_answer_keeps_what_it_would_begin_anew(desk: DeskUnderTest, case: Case) -> None:
    has_sla(desk, item(Kpi.FOLLOW_UP, fail=120, applicable_from=From.CHANGED))
    grace = case()

    grace.replies(1)

    assert states(desk) == [KEPT]


@pytest.mark.parametrize("act", ["notes", "low"])
def test_what_was_due_is_broken_whoever_looks_first(
    desk: DeskUnderTest, case: Case, act: str
) -> None:
    has_sla(desk, item(fail=60, applicable_when=PRESSING), item(fail=600))
    grace = case()
    grace.high(0.5)

    getattr(grace, act)(2)  # before the clock has looked

    assert [s for s in states(desk) if s is not OFF] == [MISSED]


@pytest.mark.parametrize(
    ("kpi", "start", "sets_off"),
    [
        (Kpi.FOLLOW_UP, From.CHANGED, {"severity": "major"}),
        (Kpi.FOLLOW_UP, From.ESCALATED, {"escalated": True}),
    ],
)
def test_what_a_clock_sets_off_does_not_put_it_off(
    desk: DeskUnderTest, case: Case, kpi: Kpi, start: From, sets_off: dict[str, object]
) -> None:
    action = {"on": "warning", "do": "change", **sets_off}
    has_sla(desk, item(kpi, fail=120, warn=60, applicable_from=start, actions=[action]))
    grace = case()
    grace.act(work.escalate, "Now", hour=0)

    for half in range(9):
        grace.ticks(half / 2)

    assert states(desk) == [MISSED]
    assert told(desk) == ["sla.nearing", "sla.noncompliant"]


def test_a_failure_may_escalate_to_a_promise_that_counts_from_then(
    desk: DeskUnderTest, case: Case
) -> None:
    escalate = {"on": "failure", "do": "change", "escalated": True}
    has_sla(
        desk,
        item(fail=120, applicable_from=From.ESCALATED, actions=[escalate]),
        item(fail=60, actions=[escalate]),
    )
    grace = case()

    for hour in range(1, 9):
        grace.ticks(hour)

    assert states(desk) == [MISSED, MISSED]
    assert [hours(clock.failed_at) for clock in clocks(desk)] == [1, 3]


WARN = {"on": "warning", "do": "mail", "to": ["x@desk.example"], "subject": "{kpi}", "text": "."}


def test_to_and_fro_nothing_is_told_twice(desk: DeskUnderTest, case: Case) -> None:
    has_sla(
        desk,
        item(fail=700, warn=650, applicable_when=PRESSING),
        item(fail=600, warn=60, actions=[WARN]),
    )
    grace = case()

    for hour in (2, 3, 4):
        grace.ticks(hour)
        grace.high(hour)
        grace.low(hour)
    grace.ticks(5)

    assert told(desk) == ["sla.nearing"]
    assert [d.kind for d in desk.all(Delivery)].count("warning") == 1


def test_a_version_in_the_same_words_tells_nothing_again(desk: DeskUnderTest, case: Case) -> None:
    ada = desk.principal("Ada", role=Role.ADMINISTRATOR)
    agreed = has_sla(desk, item(fail=600, warn=60, actions=[WARN]))
    grace = case()
    grace.ticks(2)

    with desk.transaction() as session:
        at = NOON + 3 * HOUR
        draft = activation.revise(session, ada, agreed.id, at=at)
        changing.put_in_force(session, ada, draft.id, changing.Scope.ALL, at=at)
    grace.ticks(3)

    assert states(desk) == [OFF, KpiState.NEARING]
    assert told(desk).count("sla.nearing") == 1
    assert [d.kind for d in desk.all(Delivery)].count("warning") == 1


@pytest.mark.parametrize("since", ["merged", "parted"])
def test_answers_move_with_a_merge_and_back(desk: DeskUnderTest, case: Case, since: str) -> None:
    has_sla(desk, item(Kpi.FIRST_RESPONSE, fail=480, warn=60))
    grace = case()
    other = open_case(desk, at=NOON + 0.1 * HOUR, message_id="second@ada")
    with desk.transaction() as session:
        work.reply(session, grace.by, other, "Hi", desk=desk.settings, at=NOON + 0.25 * HOUR)

    grace.act(merging.merge, [other], hour=2, desk=desk.settings)
    if since == "parted":
        with desk.transaction() as session:
            merging.unmerge(session, grace.by, other, desk=desk.settings, at=NOON + 3 * HOUR)
    grace.ticks(9)

    answered = desk.case(1001).first_response_at
    if since == "merged":
        assert (states(desk), hours(answered)) == ([KEPT], 0.25)
        assert told(desk) == []
    else:
        assert (states(desk), answered) == ([MISSED], None)
        assert desk.case(1002).first_response_at == NOON + 0.25 * HOUR


def test_whoever_waited_for_an_answer_waits_after_a_merge(desk: DeskUnderTest, case: Case) -> None:
    has_sla(desk, item(Kpi.FIRST_RESPONSE, fail=480), item(Kpi.NEXT_RESPONSE, fail=60))
    grace = case()
    grace.replies(0.1)
    other = open_case(desk, at=NOON + 0.5 * HOUR, message_id="second@ada")

    grace.act(merging.merge, [other], hour=1, desk=desk.settings)

    assert states(desk, Kpi.NEXT_RESPONSE) == [LIVE]
    assert hours(desk.case(1001).deadline_at) == 1.5
