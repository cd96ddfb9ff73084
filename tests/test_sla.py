"""Promises about time: started, paused, resumed, kept or broken, on both databases."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from intake import clock, covering, sla, work
from intake.agents import Principal
from intake.cases import Case
from intake.db import new_id
from intake.events import Event
from intake.messages import Automatic
from intake.sla import Kpi, KpiInstance, KpiState, Sla, SlaItem, SlaState
from tests.desk import DESK, NOON, DeskUnderTest, email

# Monday to Friday, nine to five; 2 March 2026 is a Monday.
OFFICE = {
    "zone": "UTC",
    "weekly": {d: [["09:00", "17:00"]] for d in ("mon", "tue", "wed", "thu", "fri")},
}


def march(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 3, day, hour, minute, tzinfo=UTC)


def open_case(desk: DeskUnderTest, at: datetime = NOON, **fields: object) -> UUID:
    [receipt] = desk.accepts(email(at=at, **fields))  # type: ignore[arg-type]
    assert receipt.case is not None
    return receipt.case.id


def tick(desk: DeskUnderTest, at: datetime) -> clock.Tick:
    with desk.transaction() as session:
        return clock.tick(session, desk.settings, at=at)


def kinds(desk: DeskUnderTest) -> list[str]:
    return [event.kind for event in desk.all(Event) if event.kind.startswith("sla.")]


@pytest.fixture
def grace(desk: DeskUnderTest) -> Principal:
    return desk.principal("Grace")


def test_a_deadline_counts_open_hours_only(desk: DeskUnderTest) -> None:
    desk.has_sla(first_response=timedelta(hours=1), hours=OFFICE)

    open_case(desk, at=march(6, 16, 30))

    assert desk.case(1001).deadline_at == march(9, 9, 30)


def test_the_entitlements_sla_comes_before_the_default(desk: DeskUnderTest) -> None:
    desk.has_sla(first_response=timedelta(hours=8))
    premium = desk.has_sla(first_response=timedelta(hours=1), name="Premium", is_default=False)
    desk.has_customer("ada@example.com", allotment=5, sla_id=premium.id)

    open_case(desk)

    assert desk.case(1001).deadline_at == NOON + timedelta(hours=1)


def test_the_first_item_that_applies_makes_the_promise(desk: DeskUnderTest) -> None:
    sla = Sla(id=new_id(), name="By channel", state=SlaState.ACTIVE, is_default=True)
    condition = {"field": "channel", "op": "is", "value": "chat"}
    with desk.transaction() as session:
        session.add(sla)
        for position, (when, minutes) in enumerate(((condition, 5), (None, 240)), start=1):
            session.add(
                SlaItem(
                    sla_id=sla.id,
                    position=position,
                    kpi=Kpi.FIRST_RESPONSE,
                    applicable_when=when,
                    fail_after_minutes=minutes,
                )
            )

    open_case(desk, channel="chat")
    open_case(desk)

    assert desk.case(1001).deadline_at == NOON + timedelta(minutes=5)
    assert desk.case(1002).deadline_at == NOON + timedelta(minutes=240)


def test_a_machine_is_promised_nothing(desk: DeskUnderTest) -> None:
    desk.has_sla()

    open_case(desk, automatic=Automatic.BULK)

    assert desk.all(KpiInstance) == []
    assert desk.case(1001).deadline_at is None


def test_time_warns_once_and_then_breaks_the_promise_once(desk: DeskUnderTest) -> None:
    desk.has_sla(first_response=timedelta(hours=4))
    open_case(desk)

    for hours in (2, 3, 3.5, 4, 4.5, 30):
        tick(desk, NOON + timedelta(hours=hours))

    assert kinds(desk) == ["sla.nearing", "sla.noncompliant"]
    [kpi] = desk.all(KpiInstance)
    assert (kpi.state, kpi.failed_at) == (KpiState.NONCOMPLIANT, NOON + timedelta(hours=4))
    assert kpi.next_at is None
    assert desk.case(1001).deadline_at is None


def test_after_a_week_of_downtime_each_thing_is_told_once_with_its_true_time(
    desk: DeskUnderTest,
) -> None:
    desk.has_sla(first_response=timedelta(hours=4))
    open_case(desk)

    tick(desk, NOON + timedelta(days=7))

    events = [event for event in desk.all(Event) if event.kind.startswith("sla.")]
    assert [event.kind for event in events] == ["sla.nearing", "sla.noncompliant"]
    assert events[1].data["due_at"] == (NOON + timedelta(hours=4)).isoformat()


def test_a_clock_that_jumps_back_tells_nothing_again(desk: DeskUnderTest) -> None:
    desk.has_sla(first_response=timedelta(hours=4))
    open_case(desk)

    for hours in (5, 4, 3, 5):
        tick(desk, NOON + timedelta(hours=hours))

    assert kinds(desk) == ["sla.nearing", "sla.noncompliant"]


def test_a_late_answer_stays_late(desk: DeskUnderTest, grace: Principal) -> None:
    desk.has_sla(first_response=timedelta(hours=1))
    case_id = open_case(desk)

    with desk.transaction() as session:
        work.reply(
            session, grace, case_id, "sorry", desk=desk.settings, at=NOON + timedelta(hours=2)
        )

    [kpi] = desk.all(KpiInstance)
    assert kpi.state is KpiState.NONCOMPLIANT
    assert kpi.failed_at == NOON + timedelta(hours=1)
    assert kpi.succeeded_at == NOON + timedelta(hours=2)


@pytest.mark.parametrize(
    ("opened", "held", "resumed", "deadline"),
    [
        # Four documented examples of the product everybody knows; hold = open time on hold.
        (march(2, 10), march(2, 18), march(2, 20), march(3, 10)),
        (march(2, 7), march(2, 10), march(2, 12), march(3, 11)),
        (march(2, 10), march(2, 16), march(2, 18), march(3, 11)),
        (march(2, 10), march(2, 18), march(3, 10), march(3, 11)),
    ],
    ids=[
        "held and resumed outside hours: nothing was held",
        "opened outside, held and resumed inside: two hours",
        "held inside, resumed outside: one open hour (they count none)",
        "held outside, resumed inside: one hour",
    ],
)
def test_a_hold_moves_the_deadline_by_its_open_time(
    desk: DeskUnderTest,
    grace: Principal,
    opened: datetime,
    held: datetime,
    resumed: datetime,
    deadline: datetime,
) -> None:
    desk.has_sla(first_response=timedelta(hours=8), hours=OFFICE)
    case_id = open_case(desk, at=opened)

    with desk.transaction() as session:
        work.hold(session, grace, case_id, at=held)
    with desk.transaction() as session:
        work.resume(session, grace, case_id, at=resumed)

    assert desk.case(1001).deadline_at == deadline


def test_holds_add_up(desk: DeskUnderTest, grace: Principal) -> None:
    desk.has_sla(first_response=timedelta(hours=4))
    case_id = open_case(desk)

    for minutes in range(0, 60, 10):
        with desk.transaction() as session:
            work.hold(session, grace, case_id, at=NOON + timedelta(minutes=minutes))
        with desk.transaction() as session:
            work.resume(session, grace, case_id, at=NOON + timedelta(minutes=minutes + 5))

    assert desk.case(1001).deadline_at == NOON + timedelta(hours=4, minutes=30)


def test_what_waits_for_its_customer_is_never_late(desk: DeskUnderTest, grace: Principal) -> None:
    desk.has_sla(first_response=timedelta(hours=1))
    case_id = open_case(desk)
    with desk.transaction() as session:
        work.hold(session, grace, case_id, at=NOON + timedelta(minutes=10))

    moved = tick(desk, NOON + timedelta(days=30))

    assert (moved.moved["clocks"], kinds(desk)) == (0, [])


def test_a_cancelled_case_is_promised_nothing_more(desk: DeskUnderTest, grace: Principal) -> None:
    desk.has_sla()
    case_id = open_case(desk)

    with desk.transaction() as session:
        work.cancel(session, grace, case_id, "a test", desk=DESK, at=NOON)
    tick(desk, NOON + timedelta(days=1))

    assert [kpi.state for kpi in desk.all(KpiInstance)] == [KpiState.CANCELLED]
    assert kinds(desk) == []


def test_a_case_that_was_cancelled_on_hold_is_not_held_when_it_is_taken_up_again(
    desk: DeskUnderTest, grace: Principal
) -> None:
    desk.has_sla(first_response=timedelta(hours=4), resolve_by=timedelta(days=1))
    case_id = open_case(desk)
    with desk.transaction() as session:
        work.hold(session, grace, case_id, at=NOON + timedelta(hours=1))
        work.cancel(session, grace, case_id, "a test", desk=DESK, at=NOON + timedelta(hours=2))

    with desk.transaction() as session:
        covering.reactivate(session, grace, case_id, desk=DESK, at=NOON + timedelta(hours=3))

    live = [clock for clock in desk.all(KpiInstance) if clock.state is not KpiState.CANCELLED]
    assert {clock.state for clock in live} == {KpiState.IN_PROGRESS}
    assert desk.case(1001).deadline_at == NOON + timedelta(hours=7), "from when it was taken up"


def test_clocks_that_are_put_back_take_the_place_of_those_that_began_since(
    desk: DeskUnderTest, grace: Principal
) -> None:
    desk.has_sla(first_response=timedelta(hours=4))
    other = desk.has_sla(first_response=timedelta(hours=1), name="Other", is_default=False)
    case_id = open_case(desk)
    with desk.transaction() as session:
        case = session.get_one(Case, case_id)
        before, first = sla.kept(session, case), sla.of_case(session, case)[0].id
        work.choose_sla(session, grace, case_id, other.id, at=NOON)
        work.hold(session, grace, case_id, at=NOON)

        sla.restore(session, case, before)

    live = [clock for clock in desk.all(KpiInstance) if clock.state is KpiState.IN_PROGRESS]
    assert [clock.id for clock in live] == [first]
    assert desk.count(KpiInstance) == 2
    assert desk.count(sla.Hold) == 0
    assert desk.case(1001).deadline_at == NOON + timedelta(hours=4)


def test_an_entitlement_begins_and_ends_by_its_dates(desk: DeskUnderTest) -> None:
    from datetime import date

    from intake.entitlements import Entitlement, State

    account = desk.has_customer().account_id
    desk.has_entitlement(account, total=1, starts_on=date(2026, 3, 10), ends_on=date(2026, 3, 20))

    states = []
    for day in (9, 10, 20, 21):
        tick(desk, march(day, 12))
        states += [plan.state for plan in desk.all(Entitlement)]

    assert states == [State.WAITING, State.ACTIVE, State.ACTIVE, State.EXPIRED]


def test_a_desk_with_nothing_due_is_left_alone(desk: DeskUnderTest) -> None:
    desk.has_sla(first_response=timedelta(hours=4))
    open_case(desk)

    with desk.db.reading() as session:
        assert not clock.any_due(session, desk.settings, at=NOON + timedelta(hours=1))
        assert clock.any_due(session, desk.settings, at=NOON + timedelta(hours=3))
