"""Restricting, overdrawing and holding back: what is taken when little is left."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from intake import covering, work
from intake.agents import NotAllowed, Principal, Role
from intake.cases import Case
from intake.covering import NoReason, NotCovered
from intake.entitlements import (
    Allocation,
    DecreaseOn,
    Entitlement,
    EntryKind,
    LedgerEntry,
    Overdraw,
    Refusal,
    WouldOverdraw,
)
from intake.events import Delivery, Event
from intake.messages import Outgoing
from intake.queues import WhenNotCovered
from tests.desk import DESK, NOON, SUPPORT, DeskUnderTest, email
from tests.test_entitlement_events import must_balance

HOURS: dict[str, Any] = {
    "allocation": Allocation.HOURS,
    "decrease_on": DecreaseOn.RESOLUTION,
    "reserve": 0,
}


@pytest.fixture
def boss(desk: DeskUnderTest) -> Principal:
    return desk.principal("Marta", Role.MANAGER)


def open_case(desk: DeskUnderTest, **fields: Any) -> UUID:
    [receipt] = desk.accepts(email(**fields))
    assert receipt.case is not None
    return receipt.case.id


def resolve(desk: DeskUnderTest, by: Principal, case_id: UUID, minutes: int, **more: Any) -> Case:
    with desk.transaction() as session:
        return work.resolve(
            session, by, case_id, "done", desk=desk.settings, at=NOON,
            billable_minutes=minutes, **more,
        )  # fmt: skip


def test_the_debit_may_leave_exactly_nothing(desk: DeskUnderTest) -> None:
    plan = desk.has_entitlement(
        desk.has_customer().account_id, total=2, channels={"email": 1, "phone": 2}
    )

    decisions = [
        desk.accepts(email(channel=channel))[0].case.decision["refusal"]  # type: ignore[union-attr]
        for channel in ("email", "email", "phone", "phone")
    ]

    assert decisions == [None, Refusal.CHANNEL_USED_UP, None, Refusal.USED_UP]
    assert desk.remaining(plan) == 0
    must_balance(desk)


@pytest.mark.parametrize(
    ("overdraw", "left", "overage"),
    [(Overdraw.ALLOW, -30, 0), (Overdraw.SPLIT, 0, 30)],
    ids=["allow", "split"],
)
def test_the_last_case_by_the_hour_overdraws_or_is_split(
    desk: DeskUnderTest, boss: Principal, overdraw: Overdraw, left: int, overage: int
) -> None:
    plan = desk.has_entitlement(
        desk.has_customer().account_id, total=60, overdraw=overdraw, **HOURS
    )

    case = resolve(desk, boss, open_case(desk), 90)

    assert desk.remaining(plan) == left
    [entry] = [e for e in desk.all(LedgerEntry) if e.kind is EntryKind.DEBIT]
    assert (-entry.amount, entry.overage) == (60 - left, overage)
    assert case.billable == (overage > 0)
    must_balance(desk)


def test_only_the_last_case_may_overdraw_and_those_after_it_are_billed(
    desk: DeskUnderTest, boss: Principal
) -> None:
    plan = desk.has_entitlement(
        desk.has_customer().account_id, total=60, overdraw=Overdraw.ALLOW, **HOURS
    )
    first, second = open_case(desk), open_case(desk)

    resolve(desk, boss, first, 90)
    resolve(desk, boss, second, 45)

    assert desk.remaining(plan) == -30
    assert [e.overage for e in desk.all(LedgerEntry) if e.case_id == second] == [45]
    refused = desk.accepts(email())[0].case
    assert refused is not None
    assert refused.decision["words"] == "Support plan: -0.5 of 1 hour left"
    must_balance(desk)


def test_an_overdraft_that_must_be_asked_for_changes_nothing_until_it_is_answered(
    desk: DeskUnderTest, boss: Principal
) -> None:
    plan = desk.has_entitlement(
        desk.has_customer().account_id, total=60, overdraw=Overdraw.ASK, **HOURS
    )
    case_id = open_case(desk)

    with pytest.raises(WouldOverdraw, match=r"has 1 hour left and this took 1\.5 hours"):
        resolve(desk, boss, case_id, 90)
    unchanged = desk.remaining(plan)
    resolve(desk, boss, case_id, 90, overdraw=Overdraw.SPLIT)

    assert (unchanged, desk.remaining(plan)) == (60, 0)
    must_balance(desk)


def test_a_reopened_case_gives_back_exactly_what_it_took_also_after_an_overdraft(
    desk: DeskUnderTest, boss: Principal
) -> None:
    plan = desk.has_entitlement(
        desk.has_customer().account_id, total=60, overdraw=Overdraw.ALLOW, **HOURS
    )
    case_id = open_case(desk)

    resolve(desk, boss, case_id, 90)
    with desk.transaction() as session:
        work.reopen(session, boss, case_id, desk=DESK, at=NOON)
    reopened = desk.remaining(plan)
    resolve(desk, boss, case_id, 20)

    assert (reopened, desk.remaining(plan)) == (60, 40)
    [kept] = desk.all(Entitlement)
    assert kept.overdrawn == 0
    must_balance(desk)


def test_open_cases_hold_back_what_they_will_take(desk: DeskUnderTest, boss: Principal) -> None:
    plan = desk.has_entitlement(
        desk.has_customer().account_id, total=2, decrease_on=DecreaseOn.RESOLUTION
    )
    first, _second = open_case(desk), open_case(desk)

    [third] = desk.accepts(email())
    with desk.transaction() as session:
        work.cancel(session, boss, first, "a test", desk=DESK, at=NOON)
    [fourth] = desk.accepts(email())

    assert third.case is not None
    assert fourth.case is not None
    assert third.case.decision["refusal"] == Refusal.USED_UP
    assert fourth.case.decision["refusal"] is None
    assert desk.remaining(plan) == 2
    must_balance(desk)


def test_an_unrestricted_one_says_that_it_goes_below_zero(desk: DeskUnderTest) -> None:
    desk.has_entitlement(desk.has_customer().account_id, total=0, restricted=False)

    [receipt] = desk.accepts(email())

    assert receipt.case is not None
    [candidate] = receipt.case.decision["candidates"]
    assert candidate["tests"][-1] == {
        "name": "terms",
        "passed": True,
        "words": "0 of 0 cases left, goes below zero",
    }


def held_for_review(desk: DeskUnderTest) -> UUID:
    desk.has_queue("Review", is_review=True)
    desk.has_queue(
        "Premium", address="premium@desk.example", when_not_covered=WhenNotCovered.REVIEW
    )
    return open_case(desk, mailbox="premium@desk.example")


def test_a_manager_lets_in_a_case_that_nothing_covers_with_a_reason(
    desk: DeskUnderTest, boss: Principal
) -> None:
    plan = desk.has_entitlement(desk.has_customer().account_id, total=0)
    case_id = held_for_review(desk)

    with desk.transaction() as session:
        case = covering.override(
            session, boss, case_id, "loyal for years", desk=desk.settings, at=NOON,
            entitlement_id=plan.id,
        )  # fmt: skip
        queue = case.queue_id

    [entry] = [e for e in desk.all(LedgerEntry) if e.case_id == case_id]
    assert (entry.kind, entry.amount) == (EntryKind.OVERRIDE, -1)
    assert entry.reason == "Support plan, by Marta: loyal for years"
    assert desk.remaining(plan) == -1
    assert next(q.name for q in desk.all(type(desk.queue)) if q.id == queue) == "Premium"
    [event] = [e for e in desk.all(Event) if e.kind == "case.override"]
    assert event.data["reason"] == "loyal for years"
    assert event.data["refused"] == Refusal.USED_UP
    case = desk.all(Case)[0]
    assert (case.decision["chosen_by"], case.billable) == ("override", False)
    assert case.decision["candidates"][0]["name"] == "Support plan"
    must_balance(desk)


def test_a_manager_lets_in_a_case_as_work_to_bill(desk: DeskUnderTest, boss: Principal) -> None:
    desk.has_customer()
    case_id = held_for_review(desk)

    with desk.transaction() as session:
        covering.override(session, boss, case_id, "they pay", desk=desk.settings, at=NOON)

    [case] = desk.all(Case)
    assert (case.billable, case.entitlement_id) == (True, None)


def test_letting_in_takes_a_manager_and_a_reason(desk: DeskUnderTest, boss: Principal) -> None:
    desk.has_customer()
    case_id = held_for_review(desk)
    grace = desk.principal("Grace")

    for by, reason, refused in ((grace, "please", NotAllowed), (boss, "  ", NoReason)):
        with pytest.raises(refused), desk.transaction() as session:
            covering.override(session, by, case_id, reason, desk=desk.settings, at=NOON)

    [case] = desk.all(Case)
    assert case.covered_by == "rule"


def test_an_override_stands_when_the_case_is_asked_again(
    desk: DeskUnderTest, boss: Principal
) -> None:
    plan = desk.has_entitlement(desk.has_customer().account_id, total=0)
    case_id = open_case(desk)
    with desk.transaction() as session:
        covering.override(
            session, boss, case_id, "loyal", desk=desk.settings, at=NOON, entitlement_id=plan.id
        )

    with desk.transaction() as session:
        covering.change_channel(session, boss, case_id, "phone", desk=desk.settings, at=NOON)
        work.cancel(session, boss, case_id, "a test", desk=DESK, at=NOON)
    cancelled = desk.remaining(plan)
    with desk.transaction() as session:
        covering.reactivate(session, boss, case_id, desk=desk.settings, at=NOON)

    assert (cancelled, desk.remaining(plan)) == (0, -1)
    must_balance(desk)


def test_after_a_correction_the_case_is_covered_when_it_is_asked_again(
    desk: DeskUnderTest, boss: Principal
) -> None:
    account = desk.has_customer().account_id
    case_id = open_case(desk)
    plan = desk.has_entitlement(account, total=5)

    with desk.transaction() as session:
        covering.choose_again(session, boss, case_id, desk=desk.settings, at=NOON)

    [case] = desk.all(Case)
    assert (case.entitlement_id, case.billable) == (plan.id, False)
    assert desk.remaining(plan) == 4


@pytest.mark.parametrize(
    ("on_creation", "on_change", "covered"),
    [(True, True, True), (False, True, True), (False, False, False), (True, False, True)],
    ids=["both", "on change", "neither", "on creation"],
)
def test_two_switches_say_when_an_entitlement_is_put_on_by_itself(
    desk: DeskUnderTest, boss: Principal, on_creation: bool, on_change: bool, covered: bool
) -> None:
    from dataclasses import replace

    desk.settings = replace(
        desk.settings,
        apply_entitlement_on_creation=on_creation,
        apply_entitlement_on_change=on_change,
    )
    plan = desk.has_entitlement(desk.has_customer().account_id, total=5)
    case_id = open_case(desk)
    opened = desk.all(Case)[0]

    with desk.transaction() as session:
        covering.change_channel(session, boss, case_id, "phone", desk=desk.settings, at=NOON)

    assert (opened.entitlement_id is not None) == on_creation
    if not on_creation:
        assert opened.decision["words"] == "To be chosen by hand: Support plan."
    [case] = desk.all(Case)
    assert (case.entitlement_id is not None) == covered
    assert desk.remaining(plan) == (4 if covered else 5)
    must_balance(desk)


def test_somebody_elses_entitlement_is_refused_in_words(
    desk: DeskUnderTest, boss: Principal
) -> None:
    case_id = open_case(desk)
    theirs = desk.has_entitlement(desk.has_customer("bob@b.example").account_id, total=3)

    with (
        pytest.raises(NotCovered, match="belongs to another customer"),
        desk.transaction() as session,
    ):
        covering.set_entitlement(session, boss, case_id, theirs.id, desk=desk.settings, at=NOON)


def offers(desk: DeskUnderTest) -> list[Outgoing]:
    return [
        Outgoing.from_json(d.payload)
        for d in desk.all(Delivery)
        if "renew" in d.payload.get("text", "")
    ]


def test_a_queue_may_answer_what_is_not_covered_with_an_offer_to_renew(
    desk: DeskUnderTest,
) -> None:
    desk.has_queue("Offers", address="offers@desk.example", when_not_covered=WhenNotCovered.OFFER)
    desk.has_entitlement(desk.has_customer("rich@rich.example").account_id, total=5)

    for sender in ("poor@poor.example", "rich@rich.example"):
        open_case(desk, sender=sender, mailbox="offers@desk.example")

    [offer] = offers(desk)
    assert (offer.to, offer.automatic) == (("poor@poor.example",), True)
    assert "1001" in offer.subject
    assert [case.billable for case in desk.all(Case)] == [True, False]


@pytest.mark.parametrize(
    "fields",
    [{"automatic": "auto-reply"}, {"sender_doubt": "DMARC fails"}],
    ids=["a machine", "a doubtful sender"],
)
def test_nobody_is_offered_anything_whom_silence_protects(
    desk: DeskUnderTest, fields: dict[str, Any]
) -> None:
    from intake.messages import Automatic

    desk.has_queue("Offers", address="offers@desk.example", when_not_covered=WhenNotCovered.OFFER)
    if "automatic" in fields:
        fields = {"automatic": next(iter(Automatic))}

    open_case(desk, mailbox="offers@desk.example", **fields)

    assert offers(desk) == []


def test_an_accepting_queue_offers_nothing(desk: DeskUnderTest) -> None:
    open_case(desk, mailbox=SUPPORT)

    assert offers(desk) == []
