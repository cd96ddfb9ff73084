"""What each event on a case takes from its entitlement or gives back, on both databases."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest

from intake import covering, entitlements, outcomes, work
from intake.agents import Role
from intake.cases import Case, NotOpen, Reason, State
from intake.covering import NotCovered
from intake.customers import Contact
from intake.db import new_id
from intake.entitlements import (
    Allocation,
    ChosenBy,
    DecreaseOn,
    EntitledProduct,
    Entitlement,
    EntryKind,
    Exhausted,
    LedgerEntry,
    Reservation,
)
from intake.errors import NotFound
from intake.events import Delivery, Event
from intake.products import Product
from tests.desk import DESK, NOON, DeskUnderTest, email
from tests.statements import statements_of

Step = Callable[["Story"], None]


class Story:
    """One case with two entitlements of its customer, and an agent who does things to it."""

    def __init__(self, desk: DeskUnderTest, mode: DecreaseOn, **fields: Any) -> None:
        self.desk = desk
        self.by = desk.principal(role=Role.MANAGER)
        self.ada = desk.has_customer()
        account = self.ada.account_id
        self.plan = desk.has_entitlement(
            account, total=10, name="first", decrease_on=mode, ends_on=date(2026, 6, 30), **fields
        )
        self.other = desk.has_entitlement(
            account, total=10, name="other", decrease_on=mode, **fields
        )
        [receipt] = desk.accepts(email())
        assert receipt.case is not None
        self.case_id = receipt.case.id
        self.at = NOON

    def act(self, act: Callable[..., object], *arguments: object, **more: object) -> None:
        self.at += timedelta(minutes=1)
        with self.desk.transaction() as session:
            act(session, self.by, self.case_id, *arguments, at=self.at, **more)

    def cover(self, act: Callable[..., object], *arguments: object, **more: object) -> None:
        self.act(act, *arguments, desk=self.desk.settings, **more)

    @property
    def case(self) -> Case:
        with self.desk.db.reading() as session:
            return session.get_one(Case, self.case_id)

    def left(self) -> tuple[int, int]:
        return self.desk.remaining(self.plan), self.desk.remaining(self.other)


def resolve(minutes: int = 90) -> Step:
    return lambda s: s.cover(work.resolve, "done", billable_minutes=minutes)


def reopen(s: Story) -> None:
    s.cover(work.reopen)


def cancel(s: Story) -> None:
    s.cover(work.cancel, "not needed")


def reactivate(s: Story) -> None:
    s.cover(covering.reactivate)


def put_other(s: Story) -> None:
    s.cover(covering.set_entitlement, s.other.id)


def take_off(s: Story) -> None:
    s.cover(covering.set_entitlement, None)


def spare(s: Story) -> None:
    s.cover(covering.set_no_decrement, True)


def charge(s: Story) -> None:
    s.cover(covering.set_no_decrement, False)


def merge(s: Story) -> None:
    cancel(s)
    [survivor] = s.desk.accepts(email("eve@elsewhere.example"))
    assert survivor.case is not None
    with s.desk.transaction() as session:
        case = session.get_one(Case, s.case_id)
        case.reason, case.merged_into_id = Reason.MERGED, survivor.case.id


CREATION, RESOLUTION = DecreaseOn.CREATION, DecreaseOn.RESOLUTION


@pytest.mark.parametrize(
    ("mode", "steps", "left"),
    [
        (CREATION, [], (9, 10)),
        (CREATION, [put_other], (10, 9)),
        (CREATION, [take_off], (10, 10)),
        (CREATION, [take_off, put_other], (10, 9)),
        (CREATION, [cancel], (10, 10)),
        (CREATION, [cancel, reactivate], (9, 10)),
        (CREATION, [cancel, reactivate, cancel], (10, 10)),
        (CREATION, [resolve()], (9, 10)),
        (CREATION, [resolve(), reopen], (9, 10)),
        (CREATION, [resolve(), put_other], (10, 9)),
        (CREATION, [spare], (10, 10)),
        (CREATION, [spare, charge], (9, 10)),
        (CREATION, [spare, cancel, reactivate], (10, 10)),
        (CREATION, [merge], (10, 10)),
        (RESOLUTION, [], (10, 10)),
        (RESOLUTION, [put_other], (10, 10)),
        (RESOLUTION, [put_other, resolve()], (10, 9)),
        (RESOLUTION, [resolve()], (9, 10)),
        (RESOLUTION, [resolve(), put_other], (10, 9)),
        (RESOLUTION, [resolve(), take_off], (10, 10)),
        (RESOLUTION, [resolve(), reopen], (10, 10)),
        (RESOLUTION, [resolve(), reopen, resolve()], (9, 10)),
        (RESOLUTION, [cancel], (10, 10)),
        (RESOLUTION, [cancel, reactivate], (10, 10)),
        (RESOLUTION, [spare, resolve()], (10, 10)),
        (RESOLUTION, [resolve(), spare], (10, 10)),
        (RESOLUTION, [spare, resolve(), charge], (9, 10)),
        (RESOLUTION, [resolve(), reopen, merge], (10, 10)),
    ],
    ids=lambda value: (
        " then ".join(
            getattr(s, "__name__", "resolve").replace("<lambda>", "resolve") for s in value
        )
        or "open"
        if isinstance(value, list)
        else None
    ),
)
def test_each_event_takes_and_gives_back_what_the_table_says(
    desk: DeskUnderTest, mode: DecreaseOn, steps: Sequence[Step], left: tuple[int, int]
) -> None:
    story = Story(desk, mode)

    for step in steps:
        step(story)

    assert story.left() == left
    must_balance(desk)


def must_balance(desk: DeskUnderTest) -> None:
    """Every balance is the sum of its entries, and no case has two open debits."""
    with desk.db.reading() as session:
        plans = desk.all(Entitlement)
        loaded = entitlements.held_by(
            session, {(plan.contact_id, plan.account_id) for plan in plans}
        )
        assert entitlements.unbalanced(session, loaded) == []
        held = {r.case_id: r for r in session.query(Reservation)}
        for plan in loaded:
            assert plan.reserved == sum(
                r.units for r in held.values() if r.entitlement_id == plan.id
            )
    entries = desk.all(LedgerEntry)
    reversed_ids = {entry.reverses_id for entry in entries}
    open_debits = [
        entry.case_id
        for entry in entries
        if entry.kind in (EntryKind.DEBIT, EntryKind.OVERRIDE) and entry.id not in reversed_ids
    ]
    assert len(open_debits) == len(set(open_debits))


HOURS: dict[str, Any] = {"allocation": Allocation.HOURS}


@pytest.mark.parametrize(
    ("steps", "left"),
    [
        ([resolve(4)], (6, 10)),
        ([resolve(4), put_other], (10, 6)),
        ([resolve(4), reopen, resolve(7)], (3, 10)),
        ([resolve(4), spare], (10, 10)),
        ([resolve(0)], (10, 10)),
    ],
    ids=["resolved", "moved", "resolved again", "spared", "nothing to bill"],
)
def test_hours_are_taken_by_the_billable_minute(
    desk: DeskUnderTest, steps: Sequence[Step], left: tuple[int, int]
) -> None:
    story = Story(desk, RESOLUTION, **HOURS)

    for step in steps:
        step(story)

    assert story.left() == left
    must_balance(desk)


def test_a_change_of_channel_moves_the_debit_to_that_channel(desk: DeskUnderTest) -> None:
    story = Story(desk, CREATION, channels={"email": 4, "phone": 3})

    story.cover(covering.change_channel, "phone")

    with desk.db.reading() as session:
        [plan, _other] = entitlements.held_by(session, {(None, story.ada.account_id)})
        assert {row.channel: row.remaining for row in plan.channels} == {"email": 4, "phone": 2}
    assert story.left() == (9, 10)
    must_balance(desk)


def test_a_change_to_a_channel_that_is_closed_leaves_the_case_uncovered(
    desk: DeskUnderTest,
) -> None:
    story = Story(desk, CREATION, channels={"email": 4, "phone": 0})

    story.cover(covering.change_channel, "phone")

    case = story.case
    assert (case.entitlement_id, case.billable) == (None, True)
    assert case.decision["words"] == "first: phone is closed"
    assert story.left() == (10, 10)
    must_balance(desk)


def test_the_last_term_is_still_the_cases_own_when_it_is_asked_again(desk: DeskUnderTest) -> None:
    desk.has_entitlement(desk.has_customer().account_id, total=1, name="last")
    [receipt] = desk.accepts(email())
    assert receipt.case is not None
    by = desk.principal()

    with desk.transaction() as session:
        covering.choose_again(session, by, receipt.case.id, desk=desk.settings, at=NOON)

    case = desk.case(receipt.case.number)
    assert case.entitlement_id is not None
    assert case.decision["words"] == "last: 0 of 1 case left."
    must_balance(desk)


def test_a_change_of_product_asks_again_and_moves_the_term(desk: DeskUnderTest) -> None:
    printer = Product(id=new_id(), number="P-1", name="Printer")
    with desk.transaction() as session:
        session.add(printer)
    story = Story(desk, CREATION)
    special = desk.has_entitlement(
        story.ada.account_id,
        total=5,
        name="printers",
        ends_on=date(2026, 3, 31),
        products=[EntitledProduct(product_id=printer.id)],
    )

    story.cover(covering.change_product, printer.id)

    assert story.case.decision["name"] == "printers"
    assert (desk.remaining(special), story.left()) == (4, (10, 10))
    must_balance(desk)


def test_a_change_of_customer_gives_back_to_the_one_and_takes_from_the_other(
    desk: DeskUnderTest,
) -> None:
    story = Story(desk, CREATION)
    bob: Contact = desk.has_customer("bob@other.example")
    theirs = desk.has_entitlement(bob.account_id, total=3, name="theirs")

    story.cover(covering.change_customer, contact_id=bob.id)

    assert story.case.account_id == bob.account_id
    assert (desk.remaining(theirs), story.left()) == (2, (10, 10))
    must_balance(desk)


def test_what_was_chosen_by_hand_is_kept_while_it_covers_the_case(desk: DeskUnderTest) -> None:
    story = Story(desk, CREATION, unlisted=entitlements.Unlisted.ALLOW)

    put_other(story)
    story.cover(covering.change_channel, "phone")

    assert (story.case.entitlement_id, story.case.covered_by) == (story.other.id, ChosenBy.HAND)
    story.cover(covering.choose_again)
    assert (story.case.entitlement_id, story.case.covered_by) == (story.plan.id, ChosenBy.RULE)
    must_balance(desk)


def test_what_was_taken_off_by_hand_stays_off(desk: DeskUnderTest) -> None:
    story = Story(desk, CREATION)

    take_off(story)
    story.cover(covering.change_product, None)

    assert (story.case.entitlement_id, story.left()) == (None, (10, 10))


@pytest.mark.parametrize("whose", ["nobody's", "another's", "used up"])
def test_an_entitlement_that_does_not_cover_the_case_is_not_put_on_it(
    desk: DeskUnderTest, whose: str
) -> None:
    story = Story(desk, CREATION)
    stranger = desk.has_customer("bob@other.example")
    wrong: UUID = {
        "nobody's": lambda: new_id(),
        "another's": lambda: desk.has_entitlement(stranger.account_id, total=3).id,
        "used up": lambda: desk.has_entitlement(story.ada.account_id, total=0).id,
    }[whose]()

    with pytest.raises((NotCovered, NotFound)):
        story.cover(covering.set_entitlement, wrong)

    assert story.left() == (9, 10)


def test_charging_again_is_refused_when_the_last_term_is_gone(desk: DeskUnderTest) -> None:
    story = Story(desk, CREATION)
    spare(story)
    with desk.transaction() as session:
        entitlements.correct(session, story.plan, -10, "counted wrongly", at=NOON, by=story.by)

    with pytest.raises(Exhausted, match="first has 0 cases left"):
        charge(story)

    assert story.case.no_decrement
    must_balance(desk)


def test_a_reply_that_never_arrived_reopens_the_case_and_gives_its_term_back(
    desk: DeskUnderTest,
) -> None:
    story = Story(desk, RESOLUTION)
    story.cover(work.reply, "Switch it on.")
    resolve()(story)
    assert story.left() == (9, 10)

    with desk.transaction() as session:
        [reply] = [d for d in session.query(Delivery) if d.kind == "reply"]
        outcomes.given_up(session, reply, "no such mailbox", desk=DESK, at=story.at)

    assert story.case.state is State.ACTIVE
    assert story.left() == (10, 10)
    must_balance(desk)


def test_a_reply_that_reopens_does_not_undo_what_its_batch_took(desk: DeskUnderTest) -> None:
    plan = desk.has_entitlement(desk.has_customer().account_id, total=10, decrease_on=RESOLUTION)
    [first] = desk.accepts(email(message_id="first@example.com"))
    assert first.case is not None
    by = desk.principal()
    with desk.transaction() as session:
        work.resolve(session, by, first.case.id, "done", desk=desk.settings, at=NOON)

    desk.accepts(
        email(message_id="new@example.com"),
        email(in_reply_to="first@example.com", text="It is broken again."),
    )

    assert [case.state for case in desk.all(Case)] == [State.ACTIVE, State.ACTIVE]
    [kept] = desk.all(Entitlement)
    assert (kept.id, kept.remaining, kept.reserved) == (plan.id, 10, 2)
    must_balance(desk)


def test_a_debit_is_given_back_as_it_was_also_when_the_terms_changed_since(
    desk: DeskUnderTest,
) -> None:
    story = Story(desk, CREATION)

    def alter(act: Callable[..., object], **more: object) -> None:
        with desk.transaction() as session:
            act(session, session.get_one(Entitlement, story.plan.id), at=NOON, by=story.by, **more)

    alter(entitlements.deactivate)
    alter(entitlements.edit, decrease_on=RESOLUTION, allocation=Allocation.HOURS)
    alter(entitlements.activate, on=NOON.date())
    taken = story.left()
    cancel(story)

    assert (taken, story.left()) == ((9, 10), (10, 10))
    must_balance(desk)


def test_messages_that_wait_together_are_counted_with_the_same_few_statements(
    desk: DeskUnderTest,
) -> None:
    desk.has_entitlement(desk.has_customer().account_id, total=99, thresholds=[95])
    desk.accepts(email())
    counts = []
    for size in (2, 20):
        with statements_of(desk.db) as seen:
            desk.accepts(*(email() for _ in range(size)))
        counts.append(len([s for s in seen if "entitlement" in s or "ledger" in s]))

    assert counts[0] == counts[1]


def test_every_entry_says_who_why_and_for_which_case(desk: DeskUnderTest) -> None:
    story = Story(desk, CREATION)
    cancel(story)

    entries = [e for e in desk.all(LedgerEntry) if e.case_id is not None]

    assert [(e.kind, e.amount, e.reason) for e in entries] == [
        (EntryKind.DEBIT, -1, "case opened by email"),
        (EntryKind.CREDIT, 1, "case cancelled"),
    ]
    assert [e.actor_id for e in entries] == [None, story.by.id]
    assert entries[1].reverses_id == entries[0].id


def test_a_merged_case_is_not_reactivated(desk: DeskUnderTest) -> None:
    story = Story(desk, CREATION)
    merge(story)

    with pytest.raises(NotOpen, match="merged into another"):
        reactivate(story)


def test_a_reactivated_case_waits_in_its_queue_again(desk: DeskUnderTest) -> None:
    story = Story(desk, CREATION)
    cancel(story)

    reactivate(story)

    assert (story.case.state, story.case.queue_id) == (State.ACTIVE, desk.queue.id)
    assert "case.reactivated" in [event.kind for event in desk.all(Event)]
