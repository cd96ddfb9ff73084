"""Parent and child cases: opened, linked, merged within the family, and closed by a policy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial
from uuid import UUID

import pytest

from intake import covering, merging, work
from intake.agents import Principal
from intake.cases import ActivityKind, Case, ChildrenClose, NotOpen, Priority, Resolution, State
from intake.desk import Desk
from intake.errors import NotFound
from intake.events import Event
from intake.merging import CannotMerge, CannotUndo
from intake.queues import QueueItem
from intake.reopening import ClosedParent
from intake.sla import KpiInstance
from intake.work import OpenActivities, OpenChildren, Plan, Regarding, WrongFamily, WrongOpening
from tests.desk import NOON, DeskUnderTest, email

HOUR = timedelta(hours=1)


@pytest.fixture
def grace(desk: DeskUnderTest) -> Principal:
    return desk.principal("Grace")


@pytest.fixture
def parent(desk: DeskUnderTest) -> Case:
    desk.has_customer("ada@example.com", allotment=5)
    return opens(desk)


def opens(desk: DeskUnderTest, sender: str = "ada@example.com") -> Case:
    [receipt] = desk.accepts(email(sender))
    assert receipt.case is not None
    return receipt.case


def bears(
    desk: DeskUnderTest, by: Principal, parent: Case, subject: str = "Order a fuser", **more: object
) -> Case:
    settings = more.pop("settings", desk.settings)
    with desk.transaction() as session:
        return work.open_child(
            session, by, parent.id, subject, "By Friday.", desk=settings, at=NOON + HOUR, **more
        )  # type: ignore[arg-type]


def does(desk: DeskUnderTest, act: Callable[..., object], /, *args: object, **more: object) -> None:
    with desk.transaction() as session:
        act(session, *args, **{"at": NOON + 2 * HOUR, **more})


def policy(desk: DeskUnderTest, by: Principal, case: Case, said: ChildrenClose) -> None:
    does(desk, work.set_children_close, by, case.id, said)


def now(desk: DeskUnderTest, *cases: Case) -> list[State]:
    return [desk.case(case.number).state for case in cases]


def test_a_child_is_a_case_of_its_own_that_begins_as_its_parent(
    desk: DeskUnderTest, grace: Principal, parent: Case
) -> None:
    desk.has_sla(first_response=timedelta(hours=4))
    does(desk, work.prioritise, grace, parent.id, Priority.HIGH)

    child = bears(desk, grace, parent)

    born = desk.case(child.number)
    assert born.parent_id == parent.id
    assert (born.contact_id, born.account_id) == (parent.contact_id, parent.account_id)
    assert (born.priority, born.queue_id) == (Priority.HIGH, parent.queue_id)
    assert born.entitlement_id == parent.entitlement_id
    assert [item.case_id for item in desk.all(QueueItem) if item.case_id == child.id]
    assert child.id in [clock.case_id for clock in desk.all(KpiInstance)]
    assert [a.text for a in desk.activities(child)] == ["By Friday."]
    told = {event.kind: event.data for event in desk.all(Event)}
    assert told["case.child_opened"]["child"] == child.number
    assert "fuser" not in str(told["case.child_opened"]), "who sees it may not see the child"


def test_a_child_takes_a_term_of_its_own_unless_it_is_said_that_it_does_not(
    desk: DeskUnderTest, grace: Principal
) -> None:
    contact = desk.has_customer("ada@example.com")
    entitlement = desk.has_entitlement(contact.account_id, total=5)
    parent = opens(desk)

    bears(desk, grace, parent)
    assert desk.remaining(entitlement) == 3
    free = bears(desk, grace, parent, takes_term=False)
    assert desk.remaining(entitlement) == 3
    assert desk.case(free.number).entitlement_id == entitlement.id


def test_a_child_inherits_what_the_desk_says_and_no_more(
    desk: DeskUnderTest, grace: Principal, parent: Case
) -> None:
    other = desk.has_queue("Workshop")
    does(desk, work.prioritise, grace, parent.id, Priority.HIGH)
    settings = replace(desk.settings, child_inherits=("customer",))

    child = desk.case(bears(desk, grace, parent, settings=settings, queue_id=other.id).number)

    assert (child.contact_id, child.priority) == (parent.contact_id, Priority.NORMAL)
    assert child.queue_id == other.id


def test_a_child_that_cannot_be_is_refused_and_nothing_opens(
    desk: DeskUnderTest, grace: Principal, parent: Case
) -> None:
    child = bears(desk, grace, parent)
    one = replace(desk.settings, children_most=1)

    with pytest.raises(WrongFamily, match="a family has two levels"):
        bears(desk, grace, child)
    with pytest.raises(WrongFamily, match="has 1 children, and no more"):
        bears(desk, grace, parent, settings=one)
    with pytest.raises(WrongOpening, match="subject: there are no words"):
        bears(desk, grace, parent, subject=" ")

    assert desk.count(Case) == 2


def test_a_case_is_linked_and_unlinked_but_never_in_a_circle(
    desk: DeskUnderTest, grace: Principal, parent: Case
) -> None:
    other, third = opens(desk, "bob@example.com"), opens(desk, "eve@example.com")
    settings = desk.settings
    does(desk, work.link_child, grace, parent.id, other.id, desk=settings)
    assert desk.case(other.number).parent_id == parent.id

    for up, down in ((other, parent), (third, parent), (third, other), (parent, parent)):
        with pytest.raises(WrongFamily):
            does(desk, work.link_child, grace, up.id, down.id, desk=settings)

    does(desk, work.unlink_child, grace, other.id)
    assert desk.case(other.number).parent_id is None
    with pytest.raises(WrongFamily, match="no child"):
        does(desk, work.unlink_child, grace, other.id)


def test_a_case_that_the_agent_cannot_see_is_neither_linked_nor_told_of(
    desk: DeskUnderTest, grace: Principal, parent: Case
) -> None:
    inside = desk.has_agent("Ina")
    desk.has_queue("Secret", members=(inside,), address="secret@desk.example")
    [receipt] = desk.accepts(email(mailbox="secret@desk.example"))
    assert receipt.case is not None
    hidden: UUID = receipt.case.id

    with pytest.raises(NotFound):
        does(desk, work.link_child, grace, parent.id, hidden, desk=desk.settings)
    with pytest.raises(NotFound):
        does(desk, work.unlink_child, grace, hidden)


@pytest.mark.parametrize("act", ["resolve", "cancel"])
def test_children_are_closed_as_the_policy_says(
    desk: DeskUnderTest, grace: Principal, parent: Case, act: str
) -> None:
    child = bears(desk, grace, parent)

    def ends(case: Case, settings: Desk = desk.settings, **more: object) -> None:
        does(desk, getattr(work, act), grace, case.id, "Done", desk=settings, **more)

    policy(desk, grace, parent, ChildrenClose.BEFORE_PARENT)
    with pytest.raises(OpenChildren, match=f"after its children: {child.number}"):
        ends(parent)
    assert now(desk, parent, child) == [State.ACTIVE, State.ACTIVE]

    policy(desk, grace, parent, ChildrenClose.WITH_PARENT)
    with desk.transaction() as session:
        about, plan = Regarding(case_id=child.id), Plan(ActivityKind.TASK, "Call the shop")
        work.add_activity(session, grace, about, plan, at=NOON)
    with pytest.raises(OpenActivities, match="Call the shop"):
        ends(parent)
    ends(parent, cancel_open_activities=True)

    closed = State.RESOLVED if act == "resolve" else State.CANCELLED
    assert now(desk, parent, child) == [closed, closed]
    assert [item for item in desk.all(QueueItem) if item.ended_at is None] == []
    if act == "resolve":
        texts = {resolution.case_id: resolution.text for resolution in desk.all(Resolution)}
        assert texts == {
            parent.id: "Done", child.id: f"Resolved with case {parent.number}. Done",
        }  # fmt: skip


@pytest.mark.parametrize("act", ["resolve", "cancel"])
def test_a_child_goes_on_only_after_the_parent_that_was_closed_last(
    desk: DeskUnderTest, grace: Principal, parent: Case, act: str
) -> None:
    child = bears(desk, grace, parent)
    policy(desk, grace, parent, ChildrenClose.BEFORE_PARENT)
    again = work.reopen if act == "resolve" else covering.reactivate
    for case in (child, parent):
        does(desk, getattr(work, act), grace, case.id, "Done", desk=desk.settings)

    with pytest.raises(ClosedParent, match=f"{parent.number} was closed after its children"):
        does(desk, again, grace, child.id, desk=desk.settings)
    for case in (parent, child):
        does(desk, again, grace, case.id, desk=desk.settings)

    assert now(desk, parent, child) == [State.ACTIVE, State.ACTIVE]


def test_children_are_independent_unless_the_desk_says_otherwise(
    desk: DeskUnderTest, grace: Principal, parent: Case
) -> None:
    child = bears(desk, grace, parent)
    strict = replace(desk.settings, children_close="before parent")
    with pytest.raises(OpenChildren):
        does(desk, work.resolve, grace, parent.id, "Done", desk=strict)

    policy(desk, grace, parent, ChildrenClose.INDEPENDENT)
    does(desk, work.resolve, grace, parent.id, "Done", desk=strict)

    assert now(desk, parent, child) == [State.RESOLVED, State.ACTIVE]
    with pytest.raises(NotOpen):
        bears(desk, grace, parent)


def test_a_child_nobody_may_close_holds_its_parent(
    desk: DeskUnderTest, grace: Principal, parent: Case
) -> None:
    secret = desk.has_queue("Secret", members=(desk.has_agent("Ina"),))
    child = bears(desk, grace, parent, queue_id=secret.id)
    policy(desk, grace, parent, ChildrenClose.WITH_PARENT)

    with pytest.raises(OpenChildren, match="not for you to see"):
        does(desk, work.resolve, grace, parent.id, "Done", desk=desk.settings)

    assert now(desk, parent, child) == [State.ACTIVE, State.ACTIVE]


def merges(desk: DeskUnderTest, by: Principal, survivor: Case, *sources: Case) -> None:
    ids = [source.id for source in sources]
    does(desk, merging.merge, by, survivor.id, ids, desk=desk.settings)


def test_a_child_is_merged_into_a_sibling_alone(
    desk: DeskUnderTest, grace: Principal, parent: Case
) -> None:
    one, two = bears(desk, grace, parent), bears(desk, grace, parent)
    stranger = opens(desk, "bob@example.com")

    for survivor in (stranger, parent):
        with pytest.raises(CannotMerge, match="only into a child of the same parent"):
            merges(desk, grace, survivor, one)
    merges(desk, grace, two, one)

    assert now(desk, one, two) == [State.CANCELLED, State.ACTIVE]


def test_children_of_a_merged_case_are_the_survivors_until_it_is_undone(
    desk: DeskUnderTest, grace: Principal, parent: Case
) -> None:
    child, survivor = bears(desk, grace, parent), opens(desk, "bob@example.com")

    merges(desk, grace, survivor, parent)
    assert desk.case(child.number).parent_id == survivor.id

    does(desk, merging.unmerge, grace, parent.id, desk=desk.settings)
    assert desk.case(child.number).parent_id == parent.id


def test_a_merge_leaves_nobody_with_more_children_than_the_desk_lets_a_case_have(
    desk: DeskUnderTest, grace: Principal, parent: Case
) -> None:
    survivor, third = opens(desk, "bob@example.com"), opens(desk, "eve@example.com")
    for family in (parent, survivor, survivor):
        bears(desk, grace, family)
    two, three = (replace(desk.settings, children_most=most) for most in (2, 3))
    refusal = f"case {survivor.number} would have 3 children, and a case has 2 at most"

    for act in (merging.preview, partial(merging.merge, at=NOON)):
        with pytest.raises(CannotMerge, match=refusal), desk.transaction() as session:
            act(session, grace, survivor.id, [third.id, parent.id], desk=two)  # type: ignore[operator]
    assert desk.case(parent.number).open
    one = replace(desk.settings, children_most=1)
    does(desk, merging.merge, grace, survivor.id, [third.id], desk=one)  # who brings none may come

    does(desk, merging.merge, grace, survivor.id, [parent.id], desk=three)
    assert not desk.case(parent.number).open


def test_a_family_stays_one_of_two_levels_through_a_merge(
    desk: DeskUnderTest, grace: Principal, parent: Case
) -> None:
    child, sibling = bears(desk, grace, parent), bears(desk, grace, parent)
    other = opens(desk, "bob@example.com")
    bears(desk, grace, other)

    with pytest.raises(CannotMerge, match="two levels"):
        merges(desk, grace, child, other)
    merges(desk, grace, child, parent)  # the child takes its parent's place

    assert desk.case(child.number).parent_id is None
    assert desk.case(sibling.number).parent_id == child.id
    bears(desk, grace, child)
    with pytest.raises(CannotUndo, match="unlink those first"):
        does(desk, merging.unmerge, grace, parent.id, desk=desk.settings)
