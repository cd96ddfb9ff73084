"""Which queue a case goes to, on both databases."""

from __future__ import annotations

import pytest

from intake.cases import Case
from intake.conditions import BadCondition
from intake.db import new_id
from intake.facts import read_condition
from intake.queues import Queue, WhenNotCovered
from intake.routing import RoutingRule
from tests.desk import DeskUnderTest, email


def has_rule(desk: DeskUnderTest, position: int, queue: Queue, **condition: object) -> None:
    with desk.transaction() as session:
        session.add(
            RoutingRule(
                id=new_id(),
                position=position,
                name=f"rule {position}",
                condition=condition,
                queue_id=queue.id,
            )
        )


def queue_of(desk: DeskUnderTest, *, subject: str = "Hello", **fields: object) -> tuple[str, str]:
    """The queue a new case went to, and why."""
    [receipt] = desk.accepts(email(subject=subject, **fields))  # type: ignore[arg-type]
    assert receipt.case is not None
    names = {queue.id: queue.name for queue in desk.all(Queue)}
    return names[receipt.case.queue_id], receipt.case.routed_by


def test_the_first_rule_that_holds_decides(desk: DeskUnderTest) -> None:
    billing, sales = desk.has_queue("Billing"), desk.has_queue("Sales")
    has_rule(desk, 1, billing, field="subject", op="contains any of", value=["invoice", "refund"])
    has_rule(desk, 2, sales, field="subject", op="contains", value="invoice")

    assert queue_of(desk, subject="Wrong INVOICE") == ("Billing", "rule “rule 1”")
    assert queue_of(desk, subject="Hello")[0] == "Support"


def test_a_rule_may_ask_for_the_channel_and_the_customer(desk: DeskUnderTest) -> None:
    vip = desk.has_queue("VIP")
    ada = desk.has_customer("ada@example.com")
    has_rule(
        desk,
        1,
        vip,
        all=[
            {"field": "channel", "op": "is", "value": "phone"},
            {"field": "account", "op": "is", "value": str(ada.account_id)},
        ],
    )

    assert queue_of(desk, sender="ada@example.com", channel="phone")[0] == "VIP"
    assert queue_of(desk, sender="ada@example.com", channel="email")[0] == "Support"
    assert queue_of(desk, sender="bob@other.example", channel="phone")[0] == "Support"


def test_without_a_rule_the_mailbox_decides_and_then_the_default(desk: DeskUnderTest) -> None:
    desk.has_queue("Billing", address="billing@desk.example")

    assert queue_of(desk, mailbox="billing@desk.example") == (
        "Billing",
        "mailbox billing@desk.example",
    )
    assert queue_of(desk, mailbox="gone@desk.example") == ("Support", "default queue")


def test_an_uncovered_case_waits_for_review_where_its_queue_wants_that(
    desk: DeskUnderTest,
) -> None:
    desk.has_queue("Review", is_review=True)
    desk.has_queue("Strict", address="strict@desk.example", when_not_covered=WhenNotCovered.REVIEW)
    desk.has_customer("ada@example.com", allotment=5)

    stranger = queue_of(desk, sender="who@nowhere.example", mailbox="strict@desk.example")
    covered = queue_of(desk, sender="ada@example.com", mailbox="strict@desk.example")

    assert stranger == ("Review", "Strict holds uncovered cases for review")
    assert covered[0] == "Strict"
    assert desk.count(Case) == 2


def test_a_condition_on_an_unknown_field_says_which_was_meant() -> None:
    with pytest.raises(BadCondition, match="channel"):
        read_condition({"field": "chanel", "op": "is", "value": "email"})
