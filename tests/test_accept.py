"""A message arrives: the first door, on both databases."""

from __future__ import annotations

from datetime import timedelta

from intake.cases import Case, State
from tests.desk import NOON, DeskUnderTest, email


def test_a_message_opens_a_case_with_its_entitlement_queue_and_deadline(
    desk: DeskUnderTest,
) -> None:
    desk.has_sla(first_response=timedelta(hours=4))
    desk.has_customer("ada@example.com", allotment=2)

    [receipt] = desk.accepts(email("ada@example.com", "Printer offline"))

    assert receipt.case is not None
    case = desk.case(receipt.case.number)
    assert (case.subject, case.state, case.queue_id) == (
        "Printer offline",
        State.ACTIVE,
        desk.queue.id,
    )
    assert case.decision["words"] == "Support plan: 1 of 2 cases left."
    assert case.deadline_at == NOON + timedelta(hours=4)


def test_a_reply_joins_its_case(desk: DeskUnderTest) -> None:
    [first] = desk.accepts(email("ada@example.com", message_id="one@example.com"))

    [second] = desk.accepts(email("ada@example.com", "Re: Printer", in_reply_to="one@example.com"))

    assert second.matched_by == "message id"
    assert second.case is not None
    assert first.case is not None
    assert second.case.id == first.case.id
    assert desk.count(Case) == 1


def test_a_stranger_who_quotes_a_case_does_not_join_it(desk: DeskUnderTest) -> None:
    [first] = desk.accepts(email("ada@example.com", message_id="one@example.com"))

    [second] = desk.accepts(email("eve@evil.example", in_reply_to="one@example.com"))

    assert second.opened
    assert second.case is not None
    assert first.case is not None
    assert second.case.related_case_id == first.case.id


def test_an_answer_in_the_same_batch_joins_the_case_it_answers(desk: DeskUnderTest) -> None:
    receipts = desk.accepts(
        email("ada@example.com", message_id="one@example.com"),
        email("ada@example.com", in_reply_to="one@example.com"),
    )

    assert [receipt.opened for receipt in receipts] == [True, False]
    assert desk.count(Case) == 1
