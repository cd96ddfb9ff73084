"""Terms that come again each month, carried over and expired, on both databases."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from intake import clock, work
from intake.db import new_id
from intake.entitlements import ChannelAllotment, Entitlement, EntryKind, LedgerEntry, State
from intake.entitlements.periods import add_months, next_boundary, period_at, turn
from tests.desk import DESK, NOON, DeskUnderTest, email
from tests.test_entitlement_events import must_balance

MONTHLY: dict[str, Any] = {"total": 200, "period_months": 1}


def on(day: str) -> datetime:
    return datetime.fromisoformat(day).replace(hour=9, tzinfo=UTC)


def use(desk: DeskUnderTest, cases: int, day: str, **fields: Any) -> None:
    desk.accepts(*(email(at=on(day), **fields) for _ in range(cases)))


def tick(desk: DeskUnderTest, day: str) -> None:
    with desk.transaction() as session:
        clock.tick(session, desk.settings, at=on(day))


def ledger(desk: DeskUnderTest, *kinds: EntryKind) -> list[tuple[str, int]]:
    entries = sorted(desk.all(LedgerEntry), key=lambda e: e.id)
    return [(e.kind.value, e.amount) for e in entries if e.kind in kinds and e.amount]


CHANGES = (EntryKind.GRANT, EntryKind.CARRY_OVER, EntryKind.EXPIRY)


def test_each_month_grants_its_own_terms_and_what_was_unused_expires(desk: DeskUnderTest) -> None:
    plan = desk.has_entitlement(desk.has_customer().account_id, **MONTHLY)
    use(desk, 3, "2026-03-05")

    tick(desk, "2026-03-31")
    before = desk.remaining(plan)
    tick(desk, "2026-04-01")

    assert (before, desk.remaining(plan)) == (197, 200)
    assert ledger(desk, *CHANGES) == [("grant", 200), ("expiry", -197), ("grant", 200)]
    must_balance(desk)


def test_unused_terms_are_carried_over_up_to_the_cap_and_gather(desk: DeskUnderTest) -> None:
    plan = desk.has_entitlement(desk.has_customer().account_id, carry_over=50, **MONTHLY)

    tick(desk, "2026-04-01")
    once = desk.remaining(plan)
    tick(desk, "2026-05-01")

    assert (once, desk.remaining(plan)) == (250, 250)
    assert ledger(desk, *CHANGES)[1:4] == [("expiry", -200), ("carry-over", 50), ("grant", 200)]
    must_balance(desk)


def test_carried_terms_are_used_first_and_the_rest_of_them_expires(desk: DeskUnderTest) -> None:
    plan = desk.has_entitlement(
        desk.has_customer().account_id, carry_over=50, carry_over_days=10, **MONTHLY
    )
    tick(desk, "2026-04-01")
    use(desk, 30, "2026-04-05")

    tick(desk, "2026-04-10")
    last_day = desk.remaining(plan)
    tick(desk, "2026-04-11")
    gone = desk.remaining(plan)
    use(desk, 20, "2026-04-12")
    tick(desk, "2026-05-01")

    assert (last_day, gone) == (220, 200)
    # 180 were left in April; none of what expires is carried twice.
    assert desk.remaining(plan) == 250
    assert ("expiry", -20) in ledger(desk, EntryKind.EXPIRY)
    must_balance(desk)


def test_each_channel_comes_again_with_its_own_terms(desk: DeskUnderTest) -> None:
    desk.has_entitlement(
        desk.has_customer().account_id, channels={"email": 5, "phone": 2}, carry_over=3, **MONTHLY
    )
    use(desk, 4, "2026-03-05")

    tick(desk, "2026-04-01")

    left = {row.channel: row.remaining for row in desk.all(ChannelAllotment)}
    assert left == {"email": 6, "phone": 4}
    must_balance(desk)


def test_months_of_standstill_are_caught_up_in_order_and_once(desk: DeskUnderTest) -> None:
    plan = desk.has_entitlement(desk.has_customer().account_id, carry_over=50, **MONTHLY)

    tick(desk, "2026-06-02")
    tick(desk, "2026-06-02")

    assert desk.remaining(plan) == 250
    assert [amount for _kind, amount in ledger(desk, EntryKind.GRANT)] == [200] * 4
    must_balance(desk)


def test_a_message_before_the_clock_woke_is_counted_in_its_own_month(desk: DeskUnderTest) -> None:
    plan = desk.has_entitlement(desk.has_customer().account_id, total=1, period_months=1)
    use(desk, 1, "2026-03-05")

    use(desk, 1, "2026-04-01")
    tick(desk, "2026-04-01")

    assert desk.remaining(plan) == 0
    debits = [e for e in desk.all(LedgerEntry) if e.kind is EntryKind.DEBIT]
    assert sorted(e.period_on for e in debits) == [date(2026, 3, 1), date(2026, 4, 1)]
    must_balance(desk)


def test_what_is_given_back_for_a_month_that_is_over_does_not_enlarge_the_next(
    desk: DeskUnderTest,
) -> None:
    by = desk.principal()
    plan = desk.has_entitlement(desk.has_customer().account_id, **MONTHLY)
    [receipt] = desk.accepts(email(at=on("2026-03-05")))
    assert receipt.case is not None
    tick(desk, "2026-04-01")

    with desk.transaction() as session:
        work.cancel(session, by, receipt.case.id, "a test", desk=DESK, at=on("2026-04-02"))

    assert desk.remaining(plan) == 200
    assert ledger(desk, EntryKind.CREDIT, EntryKind.EXPIRY)[-2:] == [("credit", 1), ("expiry", -1)]
    must_balance(desk)


def test_a_debt_is_paid_by_the_next_month(desk: DeskUnderTest) -> None:
    plan = desk.has_entitlement(
        desk.has_customer().account_id, total=2, period_months=1, restricted=False
    )
    use(desk, 5, "2026-03-05")

    tick(desk, "2026-04-01")

    assert desk.remaining(plan) == -1
    must_balance(desk)


def test_no_month_begins_after_the_end(desk: DeskUnderTest) -> None:
    plan = desk.has_entitlement(
        desk.has_customer().account_id, ends_on=date(2026, 4, 20), **MONTHLY
    )

    for day in ("2026-04-01", "2026-04-20", "2026-04-21", "2026-05-01"):
        tick(desk, day)

    [ended] = desk.all(Entitlement)
    assert (ended.state, ended.look_at) == (State.EXPIRED, None)
    assert desk.remaining(plan) == 200
    assert len(ledger(desk, EntryKind.GRANT)) == 2


def test_nothing_is_due_between_boundaries(desk: DeskUnderTest) -> None:
    desk.has_entitlement(desk.has_customer().account_id, **MONTHLY)
    tick(desk, "2026-03-03")

    with desk.db.reading() as session:
        assert not clock.any_due(session, desk.settings, at=on("2026-03-31"))
        assert clock.any_due(session, desk.settings, at=on("2026-04-01"))


@pytest.mark.parametrize(
    ("start", "months", "boundaries"),
    [
        (date(2026, 1, 31), 1, ["2026-02-28", "2026-03-31", "2026-04-30"]),
        (date(2024, 2, 29), 12, ["2025-02-28", "2026-02-28", "2027-02-28"]),
        (date(2026, 1, 15), 3, ["2026-04-15", "2026-07-15", "2026-10-15"]),
    ],
    ids=["last of the month", "leap day", "quarter"],
)
def test_periods_begin_on_the_day_of_the_start(
    start: date, months: int, boundaries: list[str]
) -> None:
    plan = Entitlement(
        starts_on=start, ends_on=start + timedelta(2000), period_months=months, period_on=start
    )

    found = []
    for _ in boundaries:
        plan.period_on = next_boundary(plan)
        found.append(str(plan.period_on))

    assert found == boundaries


@given(
    start=some.dates(date(2020, 1, 1), date(2028, 12, 31)),
    months=some.integers(1, 14),
    after=some.integers(0, 1500),
)
def test_every_day_lies_in_exactly_one_period(start: date, months: int, after: int) -> None:
    plan = Entitlement(starts_on=start, ends_on=date(2040, 1, 1), period_months=months)
    day = start + timedelta(after)

    first = plan.period_on = period_at(plan, day)

    assert first is not None
    following = next_boundary(plan)
    assert following is not None
    assert first <= day < following
    begun = [add_months(start, months * n) for n in range(1600 // 28 // months + 2)]
    assert first in begun
    assert all(a < b for a, b in pairwise(begun))


@given(
    total=some.integers(0, 50),
    cap=some.integers(0, 80),
    days=some.none() | some.integers(1, 70),
    used=some.lists(some.integers(0, 60), min_size=1, max_size=12),
)
def test_months_of_use_agree_with_a_count_of_lots(
    total: int, cap: int, days: int | None, used: list[int]
) -> None:
    """The model counts what is carried and what is of the month in two purses, day by day."""
    start = date(2026, 1, 1)
    plan = Entitlement(
        id=new_id(),
        name="x",
        state=State.ACTIVE,
        starts_on=start,
        ends_on=date(2030, 1, 1),
        total=total,
        remaining=total,
        overdrawn=0,
        granted=total,
        restricted=True,
        period_months=1,
        period_on=start,
        carry_over=cap,
        carry_over_days=days,
        carried=0,
        channels=[],
    )
    own, carried, until = total, 0, date.max

    for month, wanted in enumerate(used):
        first = add_months(start, month)
        middle = first + timedelta(days=9)
        turn(plan, on=middle, at=NOON)
        if month:
            unused = own if days is not None else own + carried
            carried = min(cap, unused)
            own = total
            until = first + timedelta(days - 1) if days is not None else date.max
        if middle > until:
            carried = 0
        assert plan.remaining == own + carried
        take = min(wanted, own + carried)
        plan.remaining -= take
        own, carried = own - max(0, take - carried), max(0, carried - take)
        last = add_months(first, 1) - timedelta(days=1)
        turn(plan, on=last, at=NOON)
        if last > until:
            carried = 0
        assert plan.remaining == own + carried
