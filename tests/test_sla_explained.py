"""A clock taken apart: each second is counted, closed, on holiday or on hold, and none is lost."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from intake import sla, work
from intake.agents import Principal
from intake.cases import Reason
from intake.db import new_id
from intake.sla import Hold, KpiInstance, KpiState, ServiceCalendar
from intake.sla.actions import PLACEHOLDERS, Do, To
from intake.sla.clocks import due, look, place, succeed
from intake.sla.explaining import Explanation, Stretch, explain
from tests.desk import NOON, DeskUnderTest
from tests.promised import OFFICE, clocks, has_sla, item, march, open_case, tick

HOUR = timedelta(hours=1)
ZERO = timedelta()
HOLIDAYS = OFFICE | {"holidays": {"2026-03-09": "Founders' Day"}}


@pytest.fixture
def grace(desk: DeskUnderTest) -> Principal:
    return desk.principal("Grace")


def explained(desk: DeskUnderTest, at: datetime) -> Explanation:
    [instance] = clocks(desk)
    with desk.db.reading() as session:
        holds = sla.holds_of(session, [instance.case_id])[instance.case_id]
    return explain(instance, holds, at)


def test_a_deadline_is_taken_apart_to_the_second(desk: DeskUnderTest, grace: Principal) -> None:
    has_sla(desk, item(fail=240), hours=HOLIDAYS)
    case_id = open_case(desk, at=march(6, 14))
    with desk.transaction() as session:
        work.hold(session, grace, case_id, at=march(6, 15), reason=Reason.ON_HOLD)
    with desk.transaction() as session:
        work.resume(session, grace, case_id, at=march(6, 16))

    said = explained(desk, march(7, 12))

    assert [(each.start, each.kind, each.name) for each in said.intervals] == [
        (march(6, 14), Stretch.COUNTING, ""),
        (march(6, 15), Stretch.ON_HOLD, "on hold"),
        (march(6, 16), Stretch.COUNTING, ""),
        (march(6, 17), Stretch.CLOSED, ""),
        (march(9, 0), Stretch.HOLIDAY, "Founders' Day"),
        (march(10, 0), Stretch.CLOSED, ""),
        (march(10, 9), Stretch.COUNTING, ""),
    ]
    assert said.until == march(10, 11)
    assert said.total(Stretch.COUNTING) == said.allowed == 4 * HOUR
    assert said.counted == 2 * HOUR
    assert said.sentence == "2 h of 4 h counted; closed since Friday 17:00"


@pytest.mark.parametrize(
    ("hours", "sentence"),
    [
        (2.25, "2 h 15 min of 4 h counted"),
        (0.001, "3 s of 4 h counted"),
        (9, "9 h of 4 h counted; missed on Monday 16:00"),
        (300, "300 h of 4 h counted; missed on 2 Mar 2026 16:00"),
    ],
)
def test_a_sentence_says_where_a_clock_stands(
    desk: DeskUnderTest, hours: float, sentence: str
) -> None:
    has_sla(desk, item(fail=240))
    open_case(desk)
    at = NOON + hours * HOUR
    tick(desk, at)

    assert explained(desk, at).sentence == sentence


def test_a_desk_that_was_closed_before_the_clock_began_says_since_when(
    desk: DeskUnderTest,
) -> None:
    has_sla(desk, item(fail=240), hours=OFFICE)
    open_case(desk, at=march(7, 12))

    assert explained(desk, march(8, 12)).sentence == (
        "0 min of 4 h counted; closed since Friday 17:00"
    )


def test_a_sentence_says_how_a_clock_ended(desk: DeskUnderTest, grace: Principal) -> None:
    has_sla(desk, item(fail=60))
    case_id = open_case(desk)

    with desk.transaction() as session:
        work.hold(session, grace, case_id, at=NOON + 0.5 * HOUR)
    held = explained(desk, NOON + 5 * HOUR)
    with desk.transaction() as session:
        work.resume(session, grace, case_id, at=NOON + 5 * HOUR)
        work.resolve(session, grace, case_id, "Done.", desk=desk.settings, at=NOON + 5.75 * HOUR)

    assert held.sentence == "30 min of 1 h counted; on hold since Monday 12:30"
    assert held.total(Stretch.ON_HOLD) == 4.5 * HOUR
    late = "1 h 15 min of 1 h counted; kept 15 min late on Monday 17:45"
    assert explained(desk, NOON + 24 * HOUR).sentence == late


ZONES = ["UTC", "Europe/Madrid", "Australia/Lord_Howe", "America/St_Johns", "Africa/Casablanca"]
SLOTS = [["09:00", "13:00"], ["14:30", "18:00"]]
START = march(25, 0)  # the clocks of Europe change on the 29th, those of Lord Howe on 5 April


@st.composite
def stories(draw: st.DrawFn) -> tuple[KpiInstance, list[Hold], datetime]:
    """A clock through some holds, looked at as an agent's acts would."""
    hours: dict[str, Any] = {
        "zone": draw(st.sampled_from(ZONES)),
        "weekly": {
            day: SLOTS if day != "sun" else [["22:00", "06:00"]]
            for day in ("mon", "tue", "thu", "fri", "sun")
        },
        "holidays": {"2026-03-30": "Rest"} if draw(st.booleans()) else {},
    }
    clause = item(
        fail=draw(st.integers(2, 4_000)),
        warn=draw(st.sampled_from([None, 1])),
        pauses=["on hold"],
    )
    calendar = ServiceCalendar(name="hours", hours=hours) if draw(st.booleans()) else None
    seconds = st.integers(0, 200_000)
    now = START + timedelta(seconds=draw(seconds))
    instance = KpiInstance(
        id=new_id(), case_id=new_id(), kpi=clause.kpi, state=KpiState.IN_PROGRESS, started_at=now
    )
    instance.item, instance.calendar = clause, calendar
    holds: list[Hold] = []
    place(instance, holds)
    for _ in range(draw(st.integers(0, 6))):
        begin = now + timedelta(seconds=draw(seconds))
        end = begin + timedelta(seconds=draw(seconds))
        reason = draw(st.sampled_from(["on hold", "researching"]))
        hold = Hold(id=new_id(), case_id=instance.case_id, reason=reason, started_at=begin)
        holds.append(hold)
        _placed(instance, holds, begin)
        hold.ended_at = end
        _placed(instance, holds, end)
        now = end
    return instance, holds, now


def _placed(instance: KpiInstance, holds: list[Hold], at: datetime) -> None:
    look(instance, at=at)
    if instance.state in sla.LIVE:
        place(instance, holds)


@given(stories())
@settings(max_examples=300, deadline=None)
def test_the_totals_of_every_clock_add_up_to_its_deadline(
    story: tuple[KpiInstance, list[Hold], datetime],
) -> None:
    instance, holds, now = story

    said = explain(instance, holds, now)

    deadline = instance.failed_at or instance.fail_at
    assert deadline == said.until
    assert said.total(Stretch.COUNTING) == said.allowed
    assert sum((said.total(kind) for kind in Stretch), ZERO) == deadline - instance.started_at
    assert all(a.end == b.start for a, b in pairwise(said.intervals))
    assert all(each.length > ZERO for each in said.intervals)


@given(stories(), st.integers(1, 300_000), st.booleans())
@settings(max_examples=300, deadline=None)
def test_what_happens_after_a_promise_was_kept_changes_no_total(
    story: tuple[KpiInstance, list[Hold], datetime], wait: int, waiting: bool
) -> None:
    instance, holds, now = story
    done = now + timedelta(seconds=wait)
    if waiting:
        begun = Hold(reason="on hold", started_at=now)
        holds.append(begun)
        _placed(instance, holds, now)
    succeed(instance, holds, at=done)
    if waiting:
        begun.ended_at = done
    before = explain(instance, holds, done)

    holds.append(Hold(reason="on hold", started_at=done, ended_at=done + 9 * HOUR))
    after = explain(instance, holds, done + 99 * HOUR)

    assert (after.intervals, after.counted) == (before.intervals, before.counted)
    assert sum((after.total(kind) for kind in Stretch), ZERO) == after.until - after.since
    if instance.failed_at or instance.fail_at:
        assert after.total(Stretch.COUNTING) == after.allowed


@given(stories())
@settings(max_examples=300, deadline=None)
def test_step_by_step_and_all_at_once_a_clock_comes_to_the_same_deadline(
    story: tuple[KpiInstance, list[Hold], datetime],
) -> None:
    instance, holds, _now = story
    stops = [hold for hold in holds if hold.reason == "on hold"]

    at_once = due(sla.calendar_of(instance), instance.started_at, instance.item.fail_after, stops)

    assert at_once == (instance.failed_at or instance.fail_at)


@given(stories(), st.integers(1, 50_000), st.integers(1, 5_000))
@settings(max_examples=300, deadline=None)
def test_a_later_start_a_longer_promise_and_a_hold_never_bring_a_deadline_nearer(
    story: tuple[KpiInstance, list[Hold], datetime], later: int, longer: int
) -> None:
    instance, _holds, _now = story
    calendar, start = sla.calendar_of(instance), instance.started_at
    allowed = instance.item.fail_after
    plain = due(calendar, start, allowed, [])
    assert plain is not None

    shift, more = timedelta(seconds=later), timedelta(minutes=longer)
    begin = start + shift / 2
    hold = Hold(reason="on hold", started_at=begin, ended_at=begin + shift)
    held = due(calendar, start, allowed, [hold])
    assert held is not None

    assert (due(calendar, start + shift, allowed, []) or plain) >= plain
    assert (due(calendar, start, allowed + more, []) or plain) >= plain
    assert held >= plain
    moved = calendar.open_between(plain, held)
    counts = calendar.open_between(begin, begin + shift) if begin < plain else ZERO
    assert moved == counts


def test_the_page_about_promises_knows_every_word() -> None:
    page = (Path(__file__).parents[1] / "docs/reference/sla.md").read_text()

    words = [*sla.Kpi, *sla.From, *KpiState, *sla.SlaState, *sla.Milestone, *Do, *To]
    names = ["{" + name + "}" for name in PLACEHOLDERS]

    assert [word for word in (*words, *names) if f"`{word}`" not in page] == []
