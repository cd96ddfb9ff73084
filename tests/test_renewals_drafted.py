"""Renewals that the clock drafts: when, once, with both links, and what they do not stop."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from intake import agree, clock, contracts, entitlements
from intake.agents import Principal, Role
from intake.contracts import Contract, ContractLine, LineTerms, Terms
from intake.entitlements import Entitlement, EntryKind, LedgerEntry, State
from intake.events import Delivery, Event
from intake.messages import Outgoing
from tests.desk import NOON, DeskUnderTest, email


@pytest.fixture
def boss(desk: DeskUnderTest) -> Principal:
    return desk.principal("Marta", Role.MANAGER)


def tick(desk: DeskUnderTest, day: str) -> None:
    at = datetime.fromisoformat(day).replace(hour=8, tzinfo=UTC)
    with desk.transaction() as session:
        clock.tick(session, desk.settings, at=at)


def letters(desk: DeskUnderTest) -> list[str]:
    found = sorted((d for d in desk.all(Delivery) if d.kind == "notice"), key=lambda d: d.id)
    return [Outgoing.from_json(d.payload).subject for d in found]


def plans(desk: DeskUnderTest) -> list[Entitlement]:
    return sorted(desk.all(Entitlement), key=lambda plan: plan.created_at)


ENDING: dict[str, Any] = {
    "total": 5,
    "email": "buyer@example.com",
    "renewal_days": [30, 7],
    "ends_on": date(2026, 6, 30),
}


def test_a_first_reminder_drafts_the_renewal_once_and_the_customer_is_reminded_on(
    desk: DeskUnderTest,
) -> None:
    desk.has_entitlement(desk.has_customer().account_id, draft_renewal=True, **ENDING)

    for day in ("2026-05-31", "2026-06-01", "2026-06-23", "2026-07-01"):
        tick(desk, day)

    old, new = plans(desk)
    assert (old.renewed_by_id, new.renews_id, new.state) == (new.id, old.id, State.DRAFT)
    assert (new.starts_on, new.total) == (date(2026, 7, 1), 5)
    assert letters(desk) == ["Support plan ends on 2026-06-30"] * 2
    drafted = [e for e in desk.all(Event) if e.kind == "entitlement.renewal-drafted"]
    assert [e.data["renewal"] for e in drafted] == [str(new.id)]


def test_running_low_drafts_it_and_tells_who_answers_for_it(desk: DeskUnderTest) -> None:
    grace = desk.has_agent()
    account = desk.has_customer().account_id
    desk.has_entitlement(account, total=2, thresholds=[50], draft_renewal=True, owner_id=grace.id)

    desk.accepts(email())
    tick(desk, "2026-03-03")
    tick(desk, "2026-03-04")

    assert len(plans(desk)) == 2
    assert letters(desk) == [
        "Support plan: 1 of 2 cases left",
        "The renewal of Support plan is drafted: look at it and activate it",
    ]


def test_without_being_asked_nothing_is_drafted(desk: DeskUnderTest) -> None:
    desk.has_entitlement(desk.has_customer().account_id, **ENDING)

    for day in ("2026-05-31", "2026-07-01"):
        tick(desk, day)

    assert len(plans(desk)) == 1


def test_an_activated_renewal_ends_the_reminders_and_brings_the_rest_along_when_it_begins(
    desk: DeskUnderTest, boss: Principal
) -> None:
    account = desk.has_customer().account_id
    desk.has_entitlement(account, draft_renewal=True, carry_over=9, **ENDING)
    tick(desk, "2026-05-31")
    with desk.transaction() as session:
        fresh = session.get_one(Entitlement, plans(desk)[1].id)
        entitlements.activate(session, fresh, on=date(2026, 6, 1), at=NOON, by=boss)

    desk.accepts(email())  # one more of the old is used meanwhile
    tick(desk, "2026-06-23")
    tick(desk, "2026-07-01")

    assert letters(desk) == ["Support plan ends on 2026-06-30"]
    old, new = plans(desk)
    assert (old.state, old.remaining) == (State.EXPIRED, 4)
    assert (new.state, new.remaining) == (State.ACTIVE, 9)
    carried = [e for e in desk.all(LedgerEntry) if e.kind is EntryKind.CARRY_OVER]
    assert [entry.amount for entry in carried] == [4]


def contract(desk: DeskUnderTest, boss: Principal, **more: Any) -> Contract:
    terms = Terms(
        name="Care", starts_on=date(2026, 1, 1), ends_on=date(2026, 12, 31), currency="EUR",
        account_id=desk.has_customer().account_id, bill_to="Main St 1", **more,
    )  # fmt: skip
    with desk.transaction() as session:
        line = LineTerms("Cases", total=2, price=Decimal(100))
        made = agree.draft(session, boss, terms, line, desk=desk.settings, at=NOON)
        agree.invoice(session, boss, made.id, desk=desk.settings, at=NOON)
    return made


def terms_of(desk: DeskUnderTest) -> list[tuple[int, contracts.State, date]]:
    found = sorted(desk.all(Contract), key=lambda c: c.term)
    return [(c.term, c.state, c.starts_on) for c in found]


def test_the_next_term_of_a_contract_is_drafted_on_its_day(
    desk: DeskUnderTest, boss: Principal
) -> None:
    contract(desk, boss, draft_renewal_days=30)

    tick(desk, "2026-11-30")
    before = terms_of(desk)
    tick(desk, "2026-12-01")
    tick(desk, "2026-12-02")

    assert len(before) == 1
    assert terms_of(desk) == [
        (1, contracts.State.ACTIVE, date(2026, 1, 1)),
        (2, contracts.State.DRAFT, date(2027, 1, 1)),
    ]


def test_a_line_that_runs_low_drafts_the_next_term_of_its_contract(
    desk: DeskUnderTest, boss: Principal
) -> None:
    contract(desk, boss, draft_renewal_days=30)
    [plan] = desk.all(Entitlement)
    with desk.transaction() as session:
        held = session.get_one(Entitlement, plan.id)
        entitlements.correct(session, held, -2, "used elsewhere", at=NOON, by=boss)

    tick(desk, "2026-03-03")

    assert [term for term, _state, _start in terms_of(desk)] == [1, 2]
    assert len(desk.all(Entitlement)) == 1  # the next term makes its own when it begins


@pytest.mark.parametrize("ended", ["cancelled later", "renewed by hand"])
def test_what_was_ended_or_renewed_by_hand_is_not_drafted(
    desk: DeskUnderTest, boss: Principal, ended: str
) -> None:
    made = contract(desk, boss, draft_renewal_days=30)
    with desk.transaction() as session:
        if ended == "renewed by hand":
            agree.renew(session, boss, made.id, desk=desk.settings, at=NOON)
        else:
            agree.cancel(session, boss, made.id, on=date(2026, 12, 20), desk=desk.settings, at=NOON)

    tick(desk, "2026-12-02")
    tick(desk, "2027-01-02")

    assert len(terms_of(desk)) == (2 if ended == "renewed by hand" else 1)


def test_a_contracts_notices_stop_when_its_next_term_is_invoiced(
    desk: DeskUnderTest, boss: Principal
) -> None:
    contract(desk, boss, draft_renewal_days=60, email="buyer@example.com", renewal_days=(30, 7))
    tick(desk, "2026-12-01")
    [fresh] = [c for c in desk.all(Contract) if c.state is contracts.State.DRAFT]
    with desk.transaction() as session:
        agree.invoice(session, boss, fresh.id, desk=desk.settings, at=NOON + timedelta(days=280))

    tick(desk, "2026-12-24")

    assert [subject.split(" ends")[1] for subject in letters(desk)] == [" on 2026-12-31"]
    assert {line.contract_id for line in desk.all(ContractLine)} == {
        c.id for c in desk.all(Contract)
    }
