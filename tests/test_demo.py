"""Contoso: what a newcomer sees first is true to the last number, on both databases."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import delete, func, select

from graph import demo
from graph.demo import history
from intake.billing import InvoiceRequest
from intake.cases import Case, State
from intake.contracts import Contract
from intake.entitlements import Entitlement, LedgerEntry
from intake.events import Delivery, DeliveryState
from intake.fields import CaseType
from intake.queues import Queue
from tests.desk import NOON, DeskUnderTest

FORTNIGHT = timedelta(weeks=2)


def test_a_fortnight_of_contoso_is_true_to_the_last_number(desk: DeskUnderTest) -> None:
    with desk.transaction() as session:
        session.execute(delete(Queue))
    with desk.transaction() as session:
        assert demo.plant(session, at=NOON - FORTNIGHT)
        session.flush()
        history.live(session, desk.settings, since=NOON - FORTNIGHT, until=NOON)

    cases = desk.all(Case)
    states = [case.state for case in cases]
    assert states.count(State.RESOLVED) > 5
    assert states.count(State.ACTIVE) > 3
    assert {None, "none-bought"} <= {case.decision["refusal"] for case in cases}
    assert {"Incident", "Problem"} <= {kind.name for kind in desk.all(CaseType)}
    assert sum(1 for case in cases if case.topic_id is not None) > 5
    assert desk.count(InvoiceRequest) > 1
    assert {"active", "draft"} <= {contract.state.value for contract in desk.all(Contract)}
    # Nothing of the past is sent to anybody.
    assert {delivery.state for delivery in desk.all(Delivery)} == {DeliveryState.SENT}
    assert sum(1 for case in cases if case.product_id is not None) > 5
    # The clock drafted the next term of the contract that ends soon.
    assert [c.state for c in desk.all(Contract) if c.renews_id is not None] == ["draft"]
    for plan in desk.all(Entitlement):
        assert plan.remaining == plan.total + spent(desk, plan)


def spent(desk: DeskUnderTest, plan: Entitlement) -> int:
    """The sum of what cases took from an entitlement and gave back."""
    by_cases = LedgerEntry.entitlement_id == plan.id, LedgerEntry.case_id.is_not(None)
    with desk.db.reading() as session:
        return session.scalar(select(func.sum(LedgerEntry.amount)).where(*by_cases)) or 0


def test_a_desk_that_is_in_use_is_left_alone(desk: DeskUnderTest) -> None:
    with desk.transaction() as session:
        assert not demo.plant(session, at=NOON)

    assert desk.count(Queue) == 1


def test_the_mails_to_send_are_four_and_name_the_desk() -> None:
    mails = demo.mails()

    assert len(mails) == 4
    assert all(b"@contoso.example\r\n" in mail for mail in mails)
