"""What contracts cover: the entitlements of their lines, and the cases logged against them."""

from __future__ import annotations

from datetime import date

import pytest
from sqlalchemy import select

from intake import agree, work
from intake import entitlements as bought
from intake.cases import Case
from intake.contracts import (
    Allotment,
    ContractNotActive,
    LineState,
    LineTerms,
    State,
    WrongTerm,
)
from intake.entitlements import Allocation, Entitlement
from intake.products import Product
from tests.agreements import GOLD, Sold
from tests.desk import DeskUnderTest, email


@pytest.fixture
def sold(desk: DeskUnderTest) -> Sold:
    return Sold(desk)


def test_each_active_line_makes_one_entitlement_and_no_draft_does(sold: Sold) -> None:
    later = LineTerms("From June", total=5, starts_on=date(2026, 6, 1))
    contract = sold.draft(GOLD, later)
    assert sold.entitlements() == []

    sold.does(agree.invoice, contract.id)
    sold.on(date(2026, 3, 3))

    found = sold.entitlements()
    assert [(e.name.partition(": ")[2], e.state, e.total) for e in found] == [
        ("From June", bought.State.WAITING, 5),
        ("Gold support", bought.State.ACTIVE, 10),
    ]
    assert {e.account_id for e in found} == {sold.account_id}


def test_minutes_become_hours_and_coverage_dates_restrict_nothing(sold: Sold) -> None:
    sold.active(LineTerms("Time", total=600), name="time", allotment=Allotment.TIME)
    sold.active(LineTerms("Dates"), name="dates", allotment=Allotment.COVERAGE_DATES)

    by_title = {e.name.partition(": ")[2]: e for e in sold.entitlements()}

    assert by_title["Time"].allocation is Allocation.HOURS
    assert (by_title["Time"].remaining, by_title["Time"].restricted) == (600, True)
    assert not by_title["Dates"].restricted


def test_a_line_for_a_product_covers_that_product_only(sold: Sold) -> None:
    printer = Product(number="P-1", name="Printer")
    with sold.desk.transaction() as session:
        session.add(printer)
    sold.active(LineTerms("Printers", total=1, product_id=printer.id))

    [printing] = sold.desk.accepts(email(product="P-1"))
    [other] = sold.desk.accepts(email())

    assert printing.case is not None
    assert printing.case.decision["refusal"] is None
    assert other.case is not None
    assert other.case.decision["refusal"] == bought.Refusal.PRODUCT_NOT_COVERED


def test_on_hold_nothing_is_covered_and_after_release_all_is(sold: Sold) -> None:
    contract = sold.active()
    refusals = []
    for act in (None, agree.hold, agree.release):
        if act:
            sold.does(act, contract.id)
        [receipt] = sold.desk.accepts(email())
        assert receipt.case is not None
        refusals.append(receipt.case.decision["refusal"])

    assert refusals == [None, bought.Refusal.NOT_ACTIVE, None]
    [entitlement] = sold.entitlements()
    assert entitlement.remaining == 10


def test_a_cancelled_line_covers_nothing_and_the_other_goes_on(sold: Sold) -> None:
    contract = sold.active(GOLD, LineTerms("Silver", total=5))
    gold = contract.lines[0]

    sold.does(agree.cancel_line, contract.id, gold.id)

    states = {e.name.partition(": ")[2]: e.state for e in sold.entitlements()}
    assert states == {"Gold support": bought.State.CANCELLED, "Silver": bought.State.ACTIVE}
    assert sold.contract(contract.id).total == 0


def test_a_line_that_ends_before_its_contract_expires_alone(sold: Sold) -> None:
    contract = sold.active(GOLD, LineTerms("Summer", total=5, ends_on=date(2026, 8, 31)))

    sold.on(date(2026, 9, 1))

    kept = sold.contract(contract.id)
    assert kept.state is State.ACTIVE
    assert [line.state for line in kept.lines] == [LineState.EXISTING, LineState.EXPIRED]


def test_a_line_added_to_an_active_contract_covers_at_once(sold: Sold) -> None:
    contract = sold.active()

    sold.does(agree.add_line, contract.id, LineTerms("More", total=3))

    assert [e.state for e in sold.entitlements()] == [bought.State.ACTIVE] * 2


def test_what_a_person_cancelled_is_not_revived_by_a_release(sold: Sold) -> None:
    contract = sold.active()
    with sold.desk.transaction() as session:
        session.scalars(select(Entitlement)).one().state = bought.State.CANCELLED

    sold.does(agree.hold, contract.id)
    sold.does(agree.release, contract.id)

    assert [e.state for e in sold.entitlements()] == [bought.State.CANCELLED]


def test_a_case_is_logged_against_a_line_and_counted_by_it(sold: Sold) -> None:
    contract = sold.active(GOLD, LineTerms("Silver", total=5))
    silver = contract.lines[1]
    [receipt] = sold.desk.accepts(email())
    assert receipt.case is not None
    case_id = receipt.case.id

    sold.does(agree.tie, case_id, contract.id, silver.id)
    sold.does(work.resolve, case_id, "done")

    by_title = {e.name.partition(": ")[2]: e.remaining for e in sold.entitlements()}
    assert by_title == {"Gold support": 10, "Silver": 4}
    [case] = sold.desk.all(Case)
    assert (case.contract_id, case.contract_line_id) == (contract.id, silver.id)


def test_a_case_cannot_be_logged_against_somebody_elses_contract(sold: Sold) -> None:
    contract = sold.active()
    [receipt] = sold.desk.accepts(email("eve@evil.example"))
    assert receipt.case is not None

    with pytest.raises(WrongTerm, match=r"contract: .* is with another customer"):
        sold.does(agree.tie, receipt.case.id, contract.id)


def test_a_case_cannot_be_logged_against_a_line_that_ended(sold: Sold) -> None:
    contract = sold.active(GOLD, LineTerms("Old", total=5, ends_on=date(2026, 3, 1)))
    [receipt] = sold.desk.accepts(email())
    assert receipt.case is not None

    with pytest.raises(ContractNotActive, match="line: Old is expired"):
        sold.does(agree.tie, receipt.case.id, contract.id, contract.lines[1].id)


def test_a_case_of_an_expired_contract_can_still_be_closed(sold: Sold) -> None:
    contract = sold.active()
    [receipt] = sold.desk.accepts(email())
    assert receipt.case is not None
    sold.does(agree.tie, receipt.case.id, contract.id, contract.lines[0].id)
    sold.on(date(2027, 1, 1))

    sold.does(work.resolve, receipt.case.id, "done")

    [entitlement] = sold.entitlements()
    assert entitlement.state is bought.State.EXPIRED
    assert entitlement.remaining == 9
