"""What was bought, counted to the last term, on both databases."""

from __future__ import annotations

import threading
from datetime import date, timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from intake import entitlements, terms, work
from intake.agents import Role
from intake.cases import Case
from intake.db import new_id
from intake.entitlements import (
    Allocation,
    Asked,
    DecreaseOn,
    EntryKind,
    LedgerEntry,
    NotEditable,
    Refusal,
    State,
    Unlisted,
)
from tests.desk import DESK, NOON, DeskUnderTest, email

PREMIUM = {"phone": 200, "email": 200, "facebook": 200, "twitter": 200}
STANDARD = {"phone": 50, "email": 50}


def ask(desk: DeskUnderTest, address: str, channel: str) -> dict[str, object]:
    """The decision on a new case by that channel."""
    [receipt] = desk.accepts(email(address, channel=channel))
    assert receipt.case is not None
    return receipt.case.decision


def balance(desk: DeskUnderTest, entitlement_id: object) -> int:
    with desk.db.reading() as session:
        total = select(func.coalesce(func.sum(LedgerEntry.amount), 0))
        return session.scalar(total.where(LedgerEntry.entitlement_id == entitlement_id)) or 0


def test_premium_is_covered_by_four_channels_and_standard_by_two(desk: DeskUnderTest) -> None:
    """The worked example: premium 200 over four channels; standard 50 by phone, 50 by mail."""
    desk.has_customer("ada@premium.example", allotment=200, channels=PREMIUM, name="premium")
    desk.has_customer("bob@standard.example", allotment=100, channels=STANDARD, name="standard")

    by_twitter = ask(desk, "ada@premium.example", "twitter")
    by_mail = ask(desk, "bob@standard.example", "email")
    by_facebook = ask(desk, "bob@standard.example", "facebook")

    assert by_twitter["words"] == "premium: 199 of 200 cases left, 199 of 200 by twitter."
    assert by_mail["words"] == "standard: 99 of 100 cases left, 49 of 50 by email."
    assert by_facebook["refusal"] == Refusal.CHANNEL_NOT_COVERED
    assert by_facebook["words"] == "standard: facebook is not listed"


def test_the_fifty_first_case_by_mail_is_refused_with_terms_left_by_phone(
    desk: DeskUnderTest,
) -> None:
    desk.has_customer("bob@standard.example", allotment=100, channels={"phone": 50, "email": 2})

    decisions = [ask(desk, "bob@standard.example", "email") for _ in range(3)]
    by_phone = ask(desk, "bob@standard.example", "phone")

    assert [d["refusal"] for d in decisions] == [None, None, Refusal.CHANNEL_USED_UP]
    assert by_phone["words"] == "Support plan: 97 of 100 cases left, 49 of 50 by phone."


def test_64_messages_at_once_take_exactly_the_five_terms_left(desk: DeskUnderTest) -> None:
    customer = desk.has_customer("ada@example.com", allotment=5)
    starting = threading.Barrier(8)
    failures: list[Exception] = []

    def send_eight(number: int) -> None:
        try:
            starting.wait()
            for turn in range(8):
                desk.accepts(email("ada@example.com", message_id=f"{number}.{turn}@example.com"))
        except Exception as error:  # noqa: BLE001  told to the main thread
            failures.append(error)

    threads = [threading.Thread(target=send_eight, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []
    cases = desk.all(Case)
    assert len(cases) == 64
    assert sum(case.entitlement_id is not None for case in cases) == 5
    assert sum(case.decision["refusal"] == Refusal.USED_UP for case in cases) == 59
    [plan] = desk.all(entitlements.Entitlement)
    assert plan.account_id == customer.account_id
    assert plan.remaining == 0
    assert balance(desk, plan.id) == 0


def test_the_database_refuses_to_go_below_zero(desk: DeskUnderTest) -> None:
    plan = desk.has_entitlement(desk.has_customer().account_id, total=1)

    def overdraw() -> None:
        with desk.transaction() as session:
            session.get_one(entitlements.Entitlement, plan.id).remaining = -1

    with pytest.raises(IntegrityError):
        overdraw()


def test_an_unrestricted_entitlement_goes_below_zero(desk: DeskUnderTest) -> None:
    plan = desk.has_entitlement(desk.has_customer().account_id, total=1, restricted=False)

    decisions = [ask(desk, "ada@example.com", "email") for _ in range(3)]

    assert [d["refusal"] for d in decisions] == [None, None, None]
    assert desk.remaining(plan) == -2


@pytest.mark.parametrize(
    ("fields", "refusal"),
    [
        ({"starts_on": date(2026, 3, 3)}, Refusal.NOT_STARTED),
        ({"ends_on": date(2026, 3, 1)}, Refusal.EXPIRED),
        ({"total": 0}, Refusal.USED_UP),
        ({"channels": {"phone": 5}}, Refusal.CHANNEL_NOT_COVERED),
        ({"channels": {"email": 0}}, Refusal.CHANNEL_NOT_COVERED),
        ({"channels": {"phone": 5}, "unlisted": Unlisted.ALLOW}, None),
        ({"ends_on": date(2026, 3, 2)}, None),
    ],
    ids=[
        "not started",
        "expired",
        "used up",
        "unlisted channel",
        "closed channel",
        "unlisted channel allowed",
        "last day",
    ],
)
def test_an_entitlement_covers_a_case_only_when_every_test_passes(
    desk: DeskUnderTest, fields: dict[str, object], refusal: Refusal | None
) -> None:
    desk.has_entitlement(desk.has_customer().account_id, **{"total": 5, **fields})  # type: ignore[arg-type]

    decision = ask(desk, "ada@example.com", "email")

    assert decision["refusal"] == refusal


def test_a_draft_covers_nothing(desk: DeskUnderTest) -> None:
    desk.has_entitlement(desk.has_customer().account_id, total=5, activated=False)

    assert ask(desk, "ada@example.com", "email")["refusal"] == Refusal.NONE_BOUGHT


def test_of_two_the_default_is_taken_and_then_the_one_that_ends_soonest(
    desk: DeskUnderTest,
) -> None:
    account = desk.has_customer().account_id
    desk.has_entitlement(account, total=5, name="late")
    desk.has_entitlement(account, total=5, name="soon", ends_on=date(2026, 6, 30))

    first = ask(desk, "ada@example.com", "email")
    desk.has_entitlement(account, total=1, name="default", is_default=True)
    second = ask(desk, "ada@example.com", "email")
    third = ask(desk, "ada@example.com", "email")

    assert [first["name"], second["name"], third["name"]] == ["soon", "default", "soon"]


def test_a_cancelled_case_gives_its_term_back_once(desk: DeskUnderTest) -> None:
    agent = desk.principal()
    plan = desk.has_entitlement(desk.has_customer().account_id, total=5)
    [receipt] = desk.accepts(email())
    assert receipt.case is not None

    with desk.transaction() as session:
        work.cancel(session, agent, receipt.case.id, "a test", desk=DESK, at=NOON)

    assert desk.remaining(plan) == 5
    with desk.transaction() as session:
        case = session.get_one(Case, receipt.case.id)
        again = terms.settle(session, case, on=NOON.date(), at=NOON, event="again", reason="again")
    assert again.entries == []
    assert balance(desk, plan.id) == 5


def test_hours_are_taken_on_resolution_and_given_back_on_reopening(desk: DeskUnderTest) -> None:
    agent = desk.principal(role=Role.AGENT)
    plan = desk.has_entitlement(
        desk.has_customer().account_id,
        total=600,
        allocation=Allocation.HOURS,
        decrease_on=DecreaseOn.RESOLUTION,
    )
    [receipt] = desk.accepts(email())
    assert receipt.case is not None
    case_id = receipt.case.id
    remaining = [desk.remaining(plan)]

    with desk.transaction() as session:
        work.resolve(
            session, agent, case_id, "done", desk=desk.settings, at=NOON, billable_minutes=90
        )
    remaining.append(desk.remaining(plan))
    with desk.transaction() as session:
        work.reopen(session, agent, case_id, desk=DESK, at=NOON + timedelta(hours=1))
    remaining.append(desk.remaining(plan))
    with desk.transaction() as session:
        work.resolve(
            session,
            agent,
            case_id,
            "done again",
            desk=desk.settings,
            at=NOON + timedelta(hours=2),
            billable_minutes=120,
        )
    remaining.append(desk.remaining(plan))

    assert remaining == [600, 510, 600, 480]
    assert balance(desk, plan.id) == 480


def test_the_same_event_cannot_be_charged_twice(desk: DeskUnderTest) -> None:
    plan = desk.has_entitlement(desk.has_customer().account_id, total=5)
    [receipt] = desk.accepts(email())
    assert receipt.case is not None
    asked = Asked(receipt.case.id, "email", None, plan.account_id, None, NOON.date(), NOON)

    def charge_again() -> None:
        with desk.transaction() as session:
            held = entitlements.held_by(session, [(None, plan.account_id)], lock=True)
            entitlements.claim(session, entitlements.decide(held, asked), asked)

    with pytest.raises(IntegrityError):
        charge_again()
    assert desk.remaining(plan) == 4


def test_every_balance_is_the_sum_of_its_entries(desk: DeskUnderTest) -> None:
    plan = desk.has_entitlement(
        desk.has_customer().account_id, total=9, channels={"email": 4, "phone": 9}
    )
    for channel in ("email", "phone", "email", "twitter"):
        ask(desk, "ada@example.com", channel)

    assert desk.remaining(plan) == 6
    assert balance(desk, plan.id) == 6
    entries = [e for e in desk.all(LedgerEntry) if e.kind is EntryKind.DEBIT]
    assert sorted(e.channel for e in entries) == ["email", "email", "phone"]


def test_activating_twice_is_refused_with_a_word_to_the_person(desk: DeskUnderTest) -> None:
    plan = desk.has_entitlement(desk.has_customer().account_id, total=9)

    def activate() -> None:
        with desk.transaction() as session:
            again = session.get_one(entitlements.Entitlement, plan.id)
            entitlements.activate(session, again, on=NOON.date(), at=NOON)

    with pytest.raises(NotEditable, match="Support plan is active; only a draft"):
        activate()
    assert desk.remaining(plan) == 9


def test_choosing_does_not_look_at_other_peoples_entitlements(desk: DeskUnderTest) -> None:
    desk.has_entitlement(desk.has_customer("rich@rich.example").account_id, total=9)
    desk.has_customer("poor@poor.example")

    decision = ask(desk, "poor@poor.example", "email")

    assert decision["refusal"] == Refusal.NONE_BOUGHT
    assert decision["candidates"] == []


def test_a_stranger_has_bought_nothing_and_is_let_in_all_the_same(desk: DeskUnderTest) -> None:
    [receipt] = desk.accepts(email("who@nowhere.example"))

    assert receipt.case is not None
    assert receipt.case.billable
    assert receipt.case.decision["words"] == "This customer has bought no entitlement."


def test_states_follow_the_dates() -> None:
    plan = entitlements.Entitlement(
        id=new_id(), name="x", starts_on=date(2026, 1, 1), ends_on=date(2026, 1, 31)
    )

    days = [date(2025, 12, 31), date(2026, 1, 1), date(2026, 1, 31), date(2026, 2, 1)]

    assert [entitlements.state_on(plan, day) for day in days] == [
        State.WAITING,
        State.ACTIVE,
        State.ACTIVE,
        State.EXPIRED,
    ]
