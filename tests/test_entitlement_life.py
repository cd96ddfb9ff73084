"""An entitlement's life and what is wrong with one, on both databases."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from intake import clock, entitlements
from intake.agents import NotAllowed, Principal, Role
from intake.db import new_id
from intake.entitlements import (
    Allocation,
    BadEntitlement,
    ChannelAllotment,
    DecreaseOn,
    EntitledContact,
    EntitledProduct,
    Entitlement,
    EntitlementTemplate,
    EntryKind,
    LedgerEntry,
    NotEditable,
    State,
    WrongState,
)
from intake.entitlements.bought import WHOLE
from intake.errors import NotFound
from intake.products import Product
from tests.desk import NOON, DeskUnderTest, email
from tests.test_entitlement_events import must_balance


@pytest.fixture
def boss(desk: DeskUnderTest) -> Principal:
    return desk.principal("Marta", Role.MANAGER)


def act(desk: DeskUnderTest, act: Callable[..., Any], id: UUID, *words: Any, **more: Any) -> Any:
    """One act on an entitlement, in a transaction of its own."""
    more.setdefault("at", NOON)
    with desk.transaction() as session:
        return act(session, session.get_one(Entitlement, id), *words, **more)


def plan(desk: DeskUnderTest, id: UUID) -> Entitlement:
    with desk.db.reading() as session:
        return session.scalars(
            select(Entitlement).where(Entitlement.id == id).options(*WHOLE)
        ).one()


def tick(desk: DeskUnderTest, on: date) -> None:
    at = datetime(on.year, on.month, on.day, 12, tzinfo=NOON.tzinfo)
    with desk.db.reading() as session:
        due = clock.any_due(session, desk.settings, at=at)
    if due:
        with desk.transaction() as session:
            clock.tick(session, desk.settings, at=at)


@pytest.mark.parametrize(
    ("from_state", "fields", "allowed"),
    [
        ("draft", {"activated": False}, {"activate", "edit", "discard"}),
        ("waiting", {"starts_on": date(2026, 4, 1)}, {"deactivate", "cancel"}),
        ("active", {}, {"deactivate", "cancel", "set_default"}),
        ("expired", {"ends_on": date(2026, 3, 1)}, {"renew"}),
        ("cancelled", {"then": "cancel"}, {"renew"}),
    ],
    ids=["draft", "waiting", "active", "expired", "cancelled"],
)
def test_each_state_allows_what_the_table_says_and_nothing_else(
    desk: DeskUnderTest, boss: Principal, from_state: str, fields: dict[str, Any], allowed: set[str]
) -> None:
    account = desk.has_customer().account_id
    acts: dict[str, dict[str, Any]] = {
        "activate": {"on": NOON.date()},
        "edit": {"total": 3},
        "discard": {},
        "deactivate": {},
        "cancel": {},
        "set_default": {},
        "renew": {"on": NOON.date()},
    }

    found = set()
    for name, more in acts.items():
        then = fields.get("then")
        given = {key: value for key, value in fields.items() if key != "then"}
        id = desk.has_entitlement(account, total=5, name=name, **given).id
        if then:
            act(desk, getattr(entitlements, then), id, by=boss)
        assert plan(desk, id).state == from_state
        try:
            act(desk, getattr(entitlements, name), id, by=boss, **more)
        except (WrongState, NotEditable):
            continue
        found.add(name)

    assert found == allowed


def test_only_a_manager_changes_what_was_bought(desk: DeskUnderTest) -> None:
    id = desk.has_entitlement(desk.has_customer().account_id, total=5).id

    with pytest.raises(NotAllowed):
        act(desk, entitlements.cancel, id, by=desk.principal(role=Role.AGENT))

    assert plan(desk, id).state is State.ACTIVE


def test_what_was_taken_stays_taken_while_an_entitlement_is_edited(
    desk: DeskUnderTest, boss: Principal
) -> None:
    id = desk.has_entitlement(
        desk.has_customer().account_id, total=5, channels={"email": 3, "phone": 2}
    ).id
    desk.accepts(email(), email())

    act(desk, entitlements.deactivate, id, by=boss)
    act(desk, entitlements.edit, id, by=boss, total=8, channels={"email": 4, "web": 1})
    act(desk, entitlements.activate, id, by=boss, on=NOON.date())

    edited = plan(desk, id)
    assert edited.remaining == 6
    assert {row.channel: row.remaining for row in edited.channels} == {"email": 2, "web": 1}
    corrections = [e for e in desk.all(LedgerEntry) if e.kind is EntryKind.CORRECTION]
    assert sum(e.amount for e in corrections) == 3
    must_balance(desk)


def test_an_active_entitlement_is_read_only(desk: DeskUnderTest, boss: Principal) -> None:
    id = desk.has_entitlement(desk.has_customer().account_id, total=5).id

    with pytest.raises(NotEditable, match="deactivate it before you change it"):
        act(desk, entitlements.edit, id, by=boss, total=99)

    assert plan(desk, id).total == 5


def test_two_who_activate_at_once_grant_the_terms_once(
    desk: DeskUnderTest, boss: Principal
) -> None:
    id = desk.has_entitlement(desk.has_customer().account_id, total=5, activated=False).id
    starting = threading.Barrier(4)
    answers: list[str] = []

    def activate() -> None:
        starting.wait()
        try:
            act(desk, entitlements.activate, id, by=boss, on=NOON.date())
            answers.append("activated")
        except NotEditable as error:
            answers.append(str(error))

    threads = [threading.Thread(target=activate) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    told = "Support plan is active; only a draft is activated"
    assert sorted(answers) == [told] * 3 + ["activated"]
    assert desk.remaining(plan(desk, id)) == 5
    must_balance(desk)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"ends_on": date(2025, 1, 1)}, "ends_on"),
        ({"total": -1}, "total"),
        ({"channels": {"fax": 1}}, "channels.fax"),
        ({"channels": {"email": -1}}, "channels.email"),
        ({"allocation": Allocation.HOURS}, "decrease_on"),
        ({"carry_over": -1}, "carry_over"),
        ({"carry_over_days": 0}, "carry_over_days"),
        ({"period_months": 0}, "period_months"),
        ({"thresholds": [120]}, "thresholds"),
        ({"renewal_days": [30]}, "email"),
        ({"name": "  "}, "name"),
        ({"reserve": -1}, "reserve"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_a_mistake_is_named_with_its_field_and_nothing_is_activated(
    desk: DeskUnderTest, boss: Principal, fields: dict[str, Any], field: str
) -> None:
    account = desk.has_customer().account_id
    id = desk.has_entitlement(account, **{"total": 5, "activated": False, **fields}).id

    with pytest.raises(BadEntitlement) as caught:
        act(desk, entitlements.activate, id, by=boss, on=NOON.date())

    assert (caught.value.field, plan(desk, id).state) == (field, State.DRAFT)
    assert desk.count(LedgerEntry) == 0


def test_channel_totals_above_the_whole_are_warned_of_and_allowed(
    desk: DeskUnderTest, boss: Principal
) -> None:
    account = desk.has_customer().account_id
    id = desk.has_entitlement(
        account, total=5, channels={"email": 4, "phone": 9}, activated=False
    ).id

    warnings = act(desk, entitlements.activate, id, by=boss, on=NOON.date())

    assert [(w.field, w.words) for w in warnings] == [
        ("channels.phone", "9 can never be used up: the whole is 5"),
        ("channels", "they add up to 13, the whole is 5"),
    ]
    assert plan(desk, id).state is State.ACTIVE


def test_a_renewal_copies_everything_with_its_dates_moved_and_both_are_linked(
    desk: DeskUnderTest, boss: Principal
) -> None:
    ada = desk.has_customer()
    old = desk.has_entitlement(
        ada.account_id,
        total=5,
        channels={"email": 5},
        starts_on=date(2025, 3, 1),
        ends_on=date(2026, 2, 28),
        contacts=[EntitledContact(contact_id=ada.id)],
        restricted=False,
    )

    new_id = act(desk, entitlements.renew, old.id, by=boss, on=NOON.date()).id

    new = plan(desk, new_id)
    assert (new.state, new.starts_on, new.ends_on) == (
        State.DRAFT,
        date(2026, 3, 2),
        date(2027, 3, 1),
    )
    assert (new.total, new.restricted, new.renews_id) == (5, False, old.id)
    assert [row.channel for row in new.channels] == ["email"]
    assert [row.contact_id for row in new.contacts] == [ada.id]
    assert plan(desk, old.id).renewed_by_id == new.id
    with pytest.raises(WrongState, match="was renewed already"):
        act(desk, entitlements.renew, old.id, by=boss, on=NOON.date())


def test_a_renewal_that_is_thrown_away_can_be_made_again(
    desk: DeskUnderTest, boss: Principal
) -> None:
    old = desk.has_entitlement(desk.has_customer().account_id, total=5, ends_on=date(2026, 2, 28))
    first = act(desk, entitlements.renew, old.id, by=boss, on=NOON.date())

    act(desk, entitlements.discard, first.id, by=boss)
    second = act(desk, entitlements.renew, old.id, by=boss, on=NOON.date())

    assert plan(desk, old.id).renewed_by_id == second.id


def test_unused_terms_move_into_the_renewal_up_to_the_cap(
    desk: DeskUnderTest, boss: Principal
) -> None:
    old = desk.has_entitlement(
        desk.has_customer().account_id,
        total=50,
        carry_over=20,
        starts_on=date(2025, 3, 1),
        ends_on=date(2026, 2, 28),
    )

    new = act(desk, entitlements.renew, old.id, by=boss, on=NOON.date())
    act(desk, entitlements.activate, new.id, by=boss, on=NOON.date())

    assert (desk.remaining(new), desk.remaining(old)) == (70, 50)
    [carried] = [e for e in desk.all(LedgerEntry) if e.kind is EntryKind.CARRY_OVER]
    assert carried.reason == "unused in Support plan until 2026-02-28"
    must_balance(desk)


def test_one_default_for_a_customer_and_it_must_be_active(
    desk: DeskUnderTest, boss: Principal
) -> None:
    account = desk.has_customer().account_id
    first = desk.has_entitlement(account, total=5, is_default=True)
    second = desk.has_entitlement(account, total=5)
    waiting = desk.has_entitlement(account, total=5, starts_on=date(2026, 5, 1))

    act(desk, entitlements.set_default, second.id, by=boss)

    assert [plan(desk, p.id).is_default for p in (first, second)] == [False, True]
    with pytest.raises(WrongState, match="only active ones can be the default"):
        act(desk, entitlements.set_default, waiting.id, by=boss)


def test_the_renewal_of_a_default_becomes_the_default_when_it_begins(
    desk: DeskUnderTest, boss: Principal
) -> None:
    old = desk.has_entitlement(
        desk.has_customer().account_id, total=5, is_default=True, ends_on=date(2026, 2, 28)
    )
    new = act(desk, entitlements.renew, old.id, by=boss, on=date(2026, 3, 10))
    act(desk, entitlements.activate, new.id, by=boss, on=NOON.date())
    assert plan(desk, old.id).is_default

    tick(desk, date(2026, 3, 10))

    assert [plan(desk, p.id).is_default for p in (old, new)] == [False, True]


@pytest.mark.parametrize(
    ("zone", "states"),
    [
        ("UTC", [State.WAITING, State.ACTIVE]),
        ("America/Los_Angeles", [State.WAITING, State.WAITING]),
        ("Asia/Tokyo", [State.ACTIVE, State.ACTIVE]),
    ],
)
def test_it_begins_on_its_day_in_the_organisations_zone(
    desk: DeskUnderTest, zone: str, states: list[State]
) -> None:
    from dataclasses import replace

    desk.settings = replace(desk.settings, zone=zone)
    id = desk.has_entitlement(
        desk.has_customer().account_id, total=5, starts_on=date(2026, 3, 10)
    ).id

    found = []
    for at in (datetime(2026, 3, 9, 23, 30, tzinfo=UTC), datetime(2026, 3, 10, 0, 30, tzinfo=UTC)):
        with desk.transaction() as session:
            clock.tick(session, desk.settings, at=at)
        found.append(plan(desk, id).state)

    assert found == states


def test_a_template_makes_drafts_that_keep_their_terms_when_it_changes(
    desk: DeskUnderTest, boss: Principal
) -> None:
    account = desk.has_customer().account_id
    with desk.transaction() as session:
        premium = EntitlementTemplate(
            name="Premium",
            total=200,
            period_months=1,
            channels={"email": 200, "phone": 50},
            thresholds=[10],
        )
        session.add(premium)
        session.flush()
        new = entitlements.draft(premium, starts_on=date(2026, 3, 1), at=NOON, account_id=account)
        session.add(new)
        session.flush()
        premium.total, premium.thresholds = 1, [50]
        entitlements.activate(session, new, on=NOON.date(), at=NOON, by=boss)

    made = plan(desk, new.id)
    assert (made.name, made.ends_on, made.total) == ("Premium", date(2027, 2, 28), 200)
    assert (made.thresholds, made.remaining) == ([10], 200)
    assert {row.channel: row.remaining for row in made.channels} == {"email": 200, "phone": 50}


def test_a_correction_says_who_and_why_and_happens_once(
    desk: DeskUnderTest, boss: Principal
) -> None:
    id = desk.has_entitlement(desk.has_customer().account_id, total=5).id

    act(desk, entitlements.correct, id, 2, "goodwill", by=boss, key="order 77")
    with pytest.raises(BadEntitlement, match="say why"):
        act(desk, entitlements.correct, id, 2, " ", by=boss)
    with pytest.raises(BadEntitlement, match="only 7 of 5 cases are left"):
        act(desk, entitlements.correct, id, -8, "too much", by=boss)
    with pytest.raises(Exception, match=r"UNIQUE|unique"):
        act(desk, entitlements.correct, id, 2, "goodwill", by=boss, key="order 77")

    assert desk.remaining(plan(desk, id)) == 7
    [entry] = [e for e in desk.all(LedgerEntry) if e.kind is EntryKind.CORRECTION]
    assert (entry.reason, entry.actor_id) == ("goodwill", boss.id)
    must_balance(desk)


def test_a_draft_that_was_never_in_force_can_be_deleted_and_no_other(
    desk: DeskUnderTest, boss: Principal
) -> None:
    account = desk.has_customer().account_id
    draft = desk.has_entitlement(account, total=5, channels={"email": 5}, activated=False)
    used = desk.has_entitlement(account, total=5)
    act(desk, entitlements.deactivate, used.id, by=boss)

    act(desk, entitlements.discard, draft.id, by=boss)

    assert [e.id for e in desk.all(Entitlement)] == [used.id]
    assert desk.count(ChannelAllotment) == 0
    with pytest.raises(WrongState, match="was in force"):
        act(desk, entitlements.discard, used.id, by=boss)


def test_changing_one_that_is_gone_says_so(desk: DeskUnderTest, boss: Principal) -> None:
    draft = desk.has_entitlement(desk.has_customer().account_id, total=5, activated=False)
    act(desk, entitlements.discard, draft.id, by=boss)

    with pytest.raises(NotFound), desk.transaction() as session:
        entitlements.cancel(session, draft, at=NOON, by=boss)


def test_hours_are_shown_as_decimal_hours() -> None:
    hours = Entitlement(
        name="h", allocation=Allocation.HOURS, decrease_on=DecreaseOn.RESOLUTION, total=600
    )

    words = [hours.terms(minutes) for minutes in (60, 30, 90, 20, 0, -45)]

    assert words == ["1 hour", "0.5 hours", "1.5 hours", "0.33 hours", "0 hours", "-0.75 hours"]
    assert hours.left(570) == "9.5 of 10 hours"


def test_a_balance_below_zero_is_restricted_once_it_is_corrected(
    desk: DeskUnderTest, boss: Principal
) -> None:
    account = desk.has_customer().account_id
    id = desk.has_entitlement(account, total=1, restricted=False).id
    desk.accepts(email(), email())
    act(desk, entitlements.deactivate, id, by=boss)

    with pytest.raises(BadEntitlement, match="restricted: -1 of 1 case are left"):
        act(desk, entitlements.edit, id, by=boss, restricted=True)
    refused = plan(desk, id).restricted
    act(desk, entitlements.correct, id, 1, "a gift", by=boss)
    act(desk, entitlements.edit, id, by=boss, restricted=True)
    act(desk, entitlements.activate, id, by=boss, on=NOON.date())

    assert not refused
    assert (plan(desk, id).restricted, plan(desk, id).remaining) == (True, 0)
    must_balance(desk)


@pytest.mark.parametrize(("unlisted", "warned"), [("deny", True), ("allow", False)])
def test_an_entitlement_that_no_channel_may_use_is_warned_of(
    desk: DeskUnderTest, boss: Principal, unlisted: str, warned: bool
) -> None:
    account = desk.has_customer().account_id
    id = desk.has_entitlement(
        account, total=1, unlisted=entitlements.Unlisted(unlisted), activated=False
    ).id

    warnings = act(desk, entitlements.activate, id, by=boss, on=NOON.date())

    assert [problem.field for problem in warnings] == (["channels"] if warned else [])


def test_two_plans_of_one_customer_on_the_same_days_are_told_of(desk: DeskUnderTest) -> None:
    account = desk.has_customer().account_id
    printers, routers = (Product(id=new_id(), number=name, name=name) for name in ("P-1", "P-2"))
    printer_id, router_id = printers.id, routers.id
    desk._add(printers, routers)
    mine = {"total": 1, "name": "First"}
    desk.has_entitlement(account, **mine, products=[EntitledProduct(product_id=printer_id)])
    year = {"starts_on": date(2026, 12, 31), "ends_on": date(2027, 12, 31)}
    after = {"starts_on": date(2027, 1, 1), "ends_on": date(2027, 12, 31)}

    told = {}
    for name, fields in {
        "a day too early": year,
        "the day after": after,
        "for something else": {**year, "products": [EntitledProduct(product_id=router_id)]},
    }.items():
        id = desk.has_entitlement(account, total=1, name=name, activated=False, **fields).id
        with desk.transaction() as session:
            found = entitlements.doubts(session, session.get_one(Entitlement, id))
            told[name] = [problem.field for problem in found]

    assert told == {"a day too early": ["starts_on"], "the day after": [], "for something else": []}
