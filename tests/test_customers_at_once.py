"""Messages, merges and agents that meet at one customer: nobody is made twice or left behind."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

import pytest

from intake import covering
from intake.agents import Principal
from intake.cases import Case
from intake.customers import Contact, ContactPoint, merging
from tests.desk import NOON, DeskUnderTest, email


@pytest.fixture
def grace(desk: DeskUnderTest) -> Principal:
    return desk.principal()


def at_once(steps: Sequence[Callable[[], object]]) -> list[Exception]:
    """Do these in threads that begin together; what they raised."""
    starting = threading.Barrier(len(steps))
    failures: list[Exception] = []

    def live(step: Callable[[], object]) -> None:
        starting.wait()
        try:
            step()
        except Exception as error:  # noqa: BLE001  told to the main thread
            failures.append(error)

    threads = [threading.Thread(target=live, args=(step,)) for step in steps]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return failures


def test_workers_who_meet_the_same_strangers_make_each_of_them_once(desk: DeskUnderTest) -> None:
    strangers = [f"s{n}@strangers.example" for n in range(6)]

    def arrive(order: list[str]) -> None:
        desk.accepts(*(email(address) for address in order))

    failures = at_once(
        [lambda turn=turn: arrive(strangers[turn:] + strangers[:turn]) for turn in range(6)]
    )

    assert failures == []
    assert sorted(point.value for point in desk.all(ContactPoint)) == strangers
    assert desk.count(Contact) == 6
    assert desk.count(Case) == 36


def test_a_message_that_arrives_during_a_merge_is_the_survivors(
    desk: DeskUnderTest, grace: Principal
) -> None:
    survivor = desk.has_customer("ada@example.com", allotment=50)
    other = desk.has_customer("ab@other.example", allotment=50)
    desk.accepts(email("ab@other.example", message_id="first@other.example"))

    def merge_and_part() -> None:
        for _ in range(6):
            with desk.transaction() as session:
                record = merging.merge(session, grace, survivor.id, other.id, at=NOON)
            with desk.transaction() as session:
                merging.undo(session, grace, record.id, at=NOON)
        with desk.transaction() as session:
            merging.merge(session, grace, survivor.id, other.id, at=NOON)

    def write() -> None:
        for _ in range(10):
            desk.accepts(
                email("ab@other.example", in_reply_to="first@other.example"),
                email("ab@other.example"),
                email("ada@example.com"),
            )

    failures = at_once([merge_and_part, write, write])

    assert failures == []
    assert {case.contact_id for case in desk.all(Case)} == {survivor.id}


def test_a_case_given_to_somebody_who_was_merged_is_the_survivors(
    desk: DeskUnderTest, grace: Principal
) -> None:
    survivor = desk.has_customer("ada@example.com")
    other = desk.has_customer("ab@other.example")
    [receipt] = desk.accepts(email("new@elsewhere.example"))
    assert receipt.case is not None
    with desk.transaction() as session:
        merging.merge(session, grace, survivor.id, other.id, at=NOON)

    with desk.transaction() as session:
        covering.change_customer(
            session, grace, receipt.case.id, contact_id=other.id, desk=desk.settings, at=NOON
        )

    case = desk.case(receipt.case.number)
    assert (case.contact_id, case.account_id) == (survivor.id, survivor.account_id)
