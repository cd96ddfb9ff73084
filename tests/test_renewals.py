"""Running low and ending: who is told what, once, and when it stops."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from channels.slack import telling
from intake import clock, entitlements, events, renewals, work
from intake.agents import Agent, Principal, Role
from intake.entitlements import Entitlement
from intake.entitlements.forecast import foretell
from intake.events import Delivery, Event
from intake.messages import Outgoing
from intake.settings import Settings
from tests.desk import DESK, NOON, DeskUnderTest, email


@pytest.fixture
def owner(desk: DeskUnderTest) -> Agent:
    return desk.has_agent("Grace")


@pytest.fixture
def boss(desk: DeskUnderTest) -> Principal:
    return desk.principal("Marta", Role.MANAGER)


def tick(desk: DeskUnderTest, at: datetime = NOON) -> None:
    with desk.db.reading() as session:
        due = clock.any_due(session, desk.settings, at=at)
    if due:
        with desk.transaction() as session:
            clock.tick(session, desk.settings, at=at)


def day(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(hour=8, tzinfo=UTC)


def notices(desk: DeskUnderTest) -> list[tuple[str, str]]:
    found = [d for d in desk.all(Delivery) if d.kind == "notice"]
    return [
        (out.to[0], out.subject)
        for out in (Outgoing.from_json(d.payload) for d in sorted(found, key=lambda d: d.id))
    ]


def test_each_threshold_is_told_of_once_to_the_agent_who_answers_for_it(
    desk: DeskUnderTest, owner: Agent
) -> None:
    ada = desk.has_customer()
    desk.has_entitlement(ada.account_id, total=5, owner_id=owner.id, thresholds=[40, 20, 0])

    for _ in range(5):
        desk.accepts(email())
        tick(desk)
        tick(desk)

    assert notices(desk) == [
        ("grace@desk.example", "Support plan: 2 of 5 cases left"),
        ("grace@desk.example", "Support plan: 1 of 5 cases left"),
        ("grace@desk.example", "Support plan: 0 of 5 cases left"),
    ]
    low = [e.data["threshold"] for e in desk.all(Event) if e.kind == "entitlement.low"]
    assert low == [40, 20, 0]


def test_an_agent_who_is_in_slack_is_told_there(desk: DeskUnderTest) -> None:
    desk.settings = replace(desk.settings, slack=True)
    owner = desk.has_agent("Grace", slack_user="U1")
    desk.has_entitlement(
        desk.has_customer().account_id, total=1, owner_id=owner.id, name="R&D <plan>"
    )
    desk.accepts(email())

    tick(desk)

    with desk.transaction() as session:
        [promise] = [
            p
            for p in events.claim(session, ["email", "slack"], at=NOON, limit=9)
            if p.kind == "notice"
        ]
        prepared = telling.calls_for(session, promise, Settings(_env_file=None), at=NOON)
    [call] = prepared["calls"]
    assert (promise.channel, promise.target) == ("slack", "U1")
    assert (call["method"], call["arguments"]["channel"]) == ("chat.postMessage", "U1")
    assert call["arguments"]["text"] == "R&amp;D &lt;plan&gt;: 0 of 1 case left"
    said = call["arguments"]["blocks"][0]["text"]
    assert said["type"] == "plain_text"
    assert said["text"] == "R&D <plan>: 0 of 1 case left"


def test_a_balance_that_goes_up_and_down_is_told_of_once(
    desk: DeskUnderTest, owner: Agent, boss: Principal
) -> None:
    desk.has_entitlement(
        desk.has_customer().account_id, total=5, owner_id=owner.id, thresholds=[80]
    )

    for _ in range(3):
        [receipt] = desk.accepts(email())
        assert receipt.case is not None
        tick(desk)
        with desk.transaction() as session:
            work.cancel(session, boss, receipt.case.id, "a test", desk=DESK, at=NOON)

    assert len(notices(desk)) == 1


def test_what_was_filled_up_is_told_of_again(
    desk: DeskUnderTest, owner: Agent, boss: Principal
) -> None:
    plan = desk.has_entitlement(
        desk.has_customer().account_id, total=2, owner_id=owner.id, thresholds=[0]
    )
    desk.accepts(email(), email())
    tick(desk)

    with desk.transaction() as session:
        held = session.get_one(Entitlement, plan.id)
        entitlements.correct(session, held, 1, "one more", at=NOON, by=boss)
    desk.accepts(email())
    tick(desk)

    assert len(notices(desk)) == 2


def test_a_customer_who_runs_low_is_flagged_until_it_is_filled_up(
    desk: DeskUnderTest, boss: Principal
) -> None:
    ada = desk.has_customer()
    desk.has_customer("bob@other.example", allotment=5)
    plan = desk.has_entitlement(ada.account_id, total=5, thresholds=[20])

    def flagged() -> list[str]:
        with desk.db.reading() as session:
            pairs = [(ada.id, ada.account_id)]
            return [e.name for e in renewals.running_low(session, pairs)]

    before = flagged()
    desk.accepts(*(email() for _ in range(4)))
    during = flagged()
    with desk.transaction() as session:
        held = session.get_one(Entitlement, plan.id)
        entitlements.correct(session, held, 4, "a gift", at=NOON, by=boss)

    assert (before, during, flagged()) == ([], ["Support plan"], [])


ENDING: dict[str, Any] = {
    "total": 5,
    "email": "buyer@example.com",
    "renewal_days": [30, 7, -5],
    "ends_on": date(2026, 6, 30),
}


def test_the_customer_is_reminded_before_the_end_and_after_it(
    desk: DeskUnderTest, owner: Agent
) -> None:
    desk.has_entitlement(desk.has_customer().account_id, owner_id=owner.id, **ENDING)

    for text in ("2026-05-30", "2026-05-31", "2026-06-01", "2026-06-23", "2026-07-05"):
        tick(desk, day(text))

    told = [subject for to, subject in notices(desk) if to == "buyer@example.com"]
    assert told == [
        "Support plan ends on 2026-06-30",
        "Support plan ends on 2026-06-30",
        "Support plan ended on 2026-06-30",
    ]
    assert len([to for to, _subject in notices(desk) if to == owner.email]) == 3
    [plan] = desk.all(Entitlement)
    assert plan.look_at is None


@pytest.mark.parametrize("how", ["renewed", "another bought"])
def test_the_reminders_stop_when_the_customer_renews(
    desk: DeskUnderTest, boss: Principal, how: str
) -> None:
    account = desk.has_customer().account_id
    plan = desk.has_entitlement(account, **ENDING)
    tick(desk, day("2026-05-31"))

    if how == "renewed":
        tick(desk, day("2026-07-01"))
        with desk.transaction() as session:
            held = session.get_one(Entitlement, plan.id)
            fresh = entitlements.renew(session, held, on=date(2026, 7, 1), at=NOON, by=boss)
            entitlements.activate(session, fresh, on=date(2026, 7, 1), at=NOON, by=boss)
    else:
        desk.has_entitlement(account, total=9, name="next", ends_on=date(2027, 6, 30))
    sent = len(notices(desk))
    tick(desk, day("2026-06-23"))
    tick(desk, day("2026-07-05"))

    assert len(notices(desk)) == sent
    assert sent > 0


def test_a_standstill_of_weeks_brings_one_reminder_and_no_stale_one(desk: DeskUnderTest) -> None:
    desk.has_entitlement(desk.has_customer().account_id, **ENDING)

    tick(desk, day("2026-06-24"))
    tick(desk, day("2026-07-31"))

    assert [subject for _to, subject in notices(desk)] == ["Support plan ends on 2026-06-30"]


def test_nobody_is_written_to_without_an_address(desk: DeskUnderTest) -> None:
    desk.has_entitlement(desk.has_customer().account_id, total=1, thresholds=[50, 0])

    desk.accepts(email())
    tick(desk)

    assert notices(desk) == []
    assert [e.kind for e in desk.all(Event) if e.kind == "entitlement.low"] == ["entitlement.low"]


def test_a_message_says_a_threshold_is_due_and_writes_no_statement_for_it(
    desk: DeskUnderTest,
) -> None:
    plan = desk.has_entitlement(desk.has_customer().account_id, total=2, thresholds=[50])

    desk.accepts(email())

    [kept] = desk.all(Entitlement)
    assert (kept.id, kept.look_at, kept.told_low) == (plan.id, NOON, None)
    assert [e.kind for e in desk.all(Event) if e.kind.startswith("entitlement.l")] == []


TODAY = date(2026, 3, 2)


def plan_with(left: int, **fields: Any) -> Entitlement:
    return Entitlement(
        name="x", total=1000, remaining=left, starts_on=date(2026, 1, 1),
        ends_on=date(2026, 12, 31), period_months=None, **fields,
    )  # fmt: skip


def test_a_steady_use_is_used_up_on_the_day_one_counts_to() -> None:
    used = {TODAY - timedelta(days=n): 2 for n in range(1, 31)}

    told = foretell(plan_with(40), used, on=TODAY, days=30)

    assert told.used_up_on == told.earliest_on == told.latest_on == TODAY + timedelta(days=20)
    assert told.a_day == 2
    assert told.words.startswith("used up about 22 Mar 2026, most likely between")


def test_an_uneven_use_has_a_wider_band() -> None:
    uneven = {TODAY - timedelta(days=n): 20 for n in range(1, 31, 10)}

    told = foretell(plan_with(40), uneven, on=TODAY, days=30)

    assert told.earliest_on is not None
    assert told.latest_on is not None
    assert told.used_up_on == TODAY + timedelta(days=20)
    assert told.earliest_on < told.used_up_on < told.latest_on


@pytest.mark.parametrize(
    ("left", "used", "days", "words"),
    [
        (0, {}, 30, "used up"),
        (10, {TODAY - timedelta(days=1): 1}, 30, "too little was used so far to say"),
        (10, {TODAY - timedelta(days=n): 1 for n in range(1, 4)}, 4, "too little was used"),
        (900, {TODAY - timedelta(days=n): 1 for n in range(1, 31)}, 30, "lasts until 31 Dec"),
    ],
    ids=["used up", "one use", "four days", "lasts"],
)
def test_a_forecast_says_when_it_cannot_tell(
    left: int, used: dict[date, int], days: int, words: str
) -> None:
    assert foretell(plan_with(left), used, on=TODAY, days=days).words.startswith(words)


@given(
    left=some.integers(1, 400),
    used=some.lists(some.integers(0, 9), min_size=10, max_size=90),
)
def test_the_forecast_lies_in_its_band(left: int, used: list[int]) -> None:
    days = {TODAY - timedelta(days=n): units for n, units in enumerate(used, start=1)}

    told = foretell(plan_with(left), days, on=TODAY, days=len(used))

    if told.used_up_on is not None:
        assert told.earliest_on is not None
        assert TODAY < told.earliest_on <= told.used_up_on
        assert told.latest_on is None or told.used_up_on <= told.latest_on


def test_four_of_five_forecasts_hold_when_days_are_alike() -> None:
    """The claim of the band, tried on three hundred customers with cases at random."""
    import random

    dice = random.Random(7)
    held = tried = 0
    for _ in range(300):
        weights = [(0, 5), (1, 3), (2, 1), (5, 1)]
        days = [dice.choices([u for u, _ in weights], [w for _, w in weights])[0]
                for _ in range(400)]  # fmt: skip
        past = {TODAY - timedelta(days=n): units for n, units in enumerate(days[:90], start=1)}
        told = foretell(plan_with(60), past, on=TODAY, days=90)
        assert told.earliest_on is not None
        assert told.latest_on is not None
        left, spent = 60, 0
        while left > 0:
            left -= days[90 + spent]
            spent += 1
        tried += 1
        held += told.earliest_on <= TODAY + timedelta(days=spent) <= told.latest_on

    assert 0.6 < held / tried < 0.95


def test_the_forecast_reads_the_ledger_net_of_what_was_given_back(
    desk: DeskUnderTest, boss: Principal
) -> None:
    plan = desk.has_entitlement(desk.has_customer().account_id, total=100)
    for n in range(1, 21):
        receipts = desk.accepts(*(email(at=NOON - timedelta(days=n)) for _ in range(3)))
        assert receipts[0].case is not None
        with desk.transaction() as session:
            work.cancel(
                session, boss, receipts[0].case.id, "a test", desk=DESK, at=NOON - timedelta(days=n)
            )

    with desk.db.reading() as session:
        held = session.get_one(Entitlement, plan.id)
        told = entitlements.forecast(session, held, desk.settings, on=NOON.date())

    assert told.a_day == pytest.approx(40 / 60)
    assert told.used_up_on is not None
