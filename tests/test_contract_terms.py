"""What contracts say: templates, copies, numbers, renewals, prices, and what is refused."""

from __future__ import annotations

import threading
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from intake import agree, contracts
from intake.agents import NotAllowed
from intake.contracts import (
    Allotment,
    AlreadyRenewed,
    Contract,
    ContractChanged,
    Discount,
    LineState,
    LineTerms,
    NothingToInvoice,
    NotInThisState,
    State,
    TemplateFrozen,
    WrongTerm,
)
from intake.contracts.renewal import following
from intake.money import NoSuchCurrency, WrongAmount
from tests.agreements import GOLD, YEAR, Sold, in_state
from tests.desk import NOON, DeskUnderTest, email
from tests.test_contracts import ACTS, attempt


@pytest.fixture
def sold(desk: DeskUnderTest) -> Sold:
    return Sold(desk)


def test_a_template_writes_its_terms_and_is_frozen_once_used(sold: Sold) -> None:
    with sold.desk.transaction() as session:
        template = agree.template(
            session,
            sold.manager,
            name="Gold",
            abbreviation="G",
            allotment=Allotment.TIME,
            discount_mode=Discount.AMOUNT,
            at=NOON,
        )
    with sold.desk.transaction() as session:
        agree.change_template(session, sold.manager, template.id, name="Golden", at=NOON)

    contract = sold.draft(LineTerms("Hours", total=60), template_id=template.id)

    assert (contract.allotment, contract.discount_mode) == (Allotment.TIME, Discount.AMOUNT)
    with (
        pytest.raises(TemplateFrozen, match="Golden is used by a contract"),
        sold.desk.transaction() as session,
    ):
        agree.change_template(session, sold.manager, template.id, name="Gild", at=NOON)


def test_a_copy_is_a_draft_with_the_same_terms_and_another_number(sold: Sold) -> None:
    original = sold.active()

    copy = sold.does(agree.copy, original.id)

    assert copy.state is State.DRAFT
    assert copy.number != original.number
    assert copy.copied_from_id == original.id
    assert [(x.title, x.total, x.price) for x in copy.lines] == [("Gold support", 10, 1200)]
    assert copy.lines[0].entitlement_id is None


def test_numbers_are_counted_and_cannot_be_guessed(sold: Sold) -> None:
    numbers = [sold.draft().number for _ in range(3)]

    assert [n.rpartition("-")[0] for n in numbers] == ["CNR-1001", "CNR-1002", "CNR-1003"]
    assert all(len(n.rpartition("-")[2]) == 6 for n in numbers)


def test_a_renewal_follows_the_old_term_under_its_number(sold: Sold) -> None:
    old = sold.active(GOLD, LineTerms("Half", total=5, ends_on=date(2026, 6, 30)))

    fresh = sold.does(agree.renew, old.id)

    assert (fresh.number, fresh.term, fresh.state) == (old.number, 2, State.DRAFT)
    assert fresh.renews_id == old.id
    assert (fresh.starts_on, fresh.ends_on) == (date(2027, 1, 1), date(2027, 12, 31))
    assert [x.ends_on for x in fresh.lines] == [date(2027, 12, 31), date(2027, 6, 30)]
    kept = sold.contract(old.id)
    assert kept.state is State.ACTIVE
    assert [x.state for x in kept.lines] == [LineState.RENEWED] * 2
    # Renewed lines cover until their contract ends.
    [receipt] = sold.desk.accepts(email())
    assert receipt.case is not None
    assert receipt.case.entitlement_id is not None


@pytest.mark.parametrize("include", [False, True])
def test_cancelled_lines_are_renewed_only_if_asked(sold: Sold, include: bool) -> None:
    old = sold.active(GOLD, LineTerms("Silver", total=5))
    sold.does(agree.cancel_line, old.id, old.lines[0].id)

    fresh = sold.does(agree.renew, old.id, include_cancelled=include)

    titles = ["Gold support", "Silver"] if include else ["Silver"]
    assert [x.title for x in fresh.lines] == titles
    assert all(x.state is LineState.EXISTING for x in fresh.lines)
    states = [x.state for x in sold.contract(old.id).lines]
    assert states == [LineState.CANCELLED, LineState.RENEWED]


def test_nothing_is_renewed_twice_until_the_draft_is_thrown_away(sold: Sold) -> None:
    old = in_state(sold, State.EXPIRED)
    fresh = sold.does(agree.renew, old.id)

    with pytest.raises(AlreadyRenewed, match="is renewed from 2027-01-01 on already"):
        sold.does(agree.renew, old.id)
    sold.does(agree.delete, fresh.id)

    assert [x.state for x in sold.contract(old.id).lines] == [LineState.EXPIRED]
    assert sold.does(agree.renew, old.id).term == 2


def test_expired_contracts_that_nobody_renewed_are_listed(sold: Sold) -> None:
    forgotten, renewed, cancelled = sold.active(), sold.active(), sold.active()
    sold.does(agree.cancel, cancelled.id)
    sold.on(date(2027, 1, 1))
    sold.does(agree.renew, renewed.id)

    with sold.desk.db.reading() as session:
        listed = session.scalars(contracts.expired_not_renewed()).all()
        flagged = session.scalars(contracts.renewed()).all()

    assert [c.id for c in listed] == [forgotten.id]
    assert [c.id for c in flagged] == [renewed.id]


@pytest.mark.parametrize(
    ("span", "next_span"),
    [
        ((date(2027, 1, 1), date(2027, 12, 31)), (date(2028, 1, 1), date(2028, 12, 31))),
        ((date(2026, 2, 1), date(2026, 2, 28)), (date(2026, 3, 1), date(2026, 3, 31))),
        ((date(2026, 1, 10), date(2026, 1, 12)), (date(2026, 1, 13), date(2026, 1, 15))),
        ((date(2026, 1, 31), date(2026, 3, 30)), (date(2026, 3, 31), date(2026, 5, 30))),
        ((date(2025, 12, 31), date(2026, 1, 30)), (date(2026, 1, 31), date(2026, 3, 2))),
    ],
    ids=["leap year", "february", "days", "month ends", "no 31st to end before"],
)
def test_a_term_is_followed_by_one_as_long(
    span: tuple[date, date], next_span: tuple[date, date]
) -> None:
    assert following(*span) == next_span


@pytest.mark.parametrize(
    ("fields", "error", "words"),
    [
        ({"days": (YEAR[1], YEAR[0])}, WrongTerm, "ends_on: 2026-01-01 is before starts_on"),
        ({"name": " "}, WrongTerm, "name: "),
        ({"currency": "EUX"}, NoSuchCurrency, "currency: 'EUX' is no currency"),
        ({"account_id": None}, WrongTerm, "customer: "),
        ({"account_id": UUID(int=1)}, WrongTerm, "account_id: there is no such account"),
        ({"sla_id": UUID(int=1)}, WrongTerm, "sla_id: there is no such sla"),
        (
            {"billing_starts_on": YEAR[1], "billing_ends_on": YEAR[0]},
            WrongTerm,
            "billing_ends_on: ",
        ),
    ],
)
def test_a_wrong_contract_is_refused_by_the_name_of_the_field(
    sold: Sold, fields: dict[str, Any], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        sold.draft(**fields)
    assert sold.desk.count(Contract) == 0


@pytest.mark.parametrize(
    ("line", "error", "words"),
    [
        (LineTerms("", total=1), WrongTerm, "title: "),
        (LineTerms("x"), WrongTerm, "total: 0 cases is not"),
        (LineTerms("x", total=-5), WrongTerm, "total: -5 cases is not"),
        (LineTerms("x", total=1, quantity=0), WrongTerm, "quantity: 0"),
        (LineTerms("x", total=1, price=Decimal(-1)), WrongAmount, "price: -1 is below zero"),
        (LineTerms("x", total=1, price=Decimal("NaN")), WrongAmount, "price: NaN is not"),
        (LineTerms("x", total=1, price=Decimal("0.00001")), WrongAmount, "price: .* four"),
        (LineTerms("x", total=1, discount=Decimal(101)), WrongTerm, "discount: 101 is more"),
        (LineTerms("x", total=1, starts_on=date(2025, 12, 31)), WrongTerm, "starts_on: "),
        (LineTerms("x", total=1, ends_on=date(2027, 1, 1)), WrongTerm, "ends_on: "),
    ],
)
def test_a_wrong_line_is_refused_by_the_name_of_the_field(
    sold: Sold, line: LineTerms, error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        sold.draft(line)
    assert sold.desk.count(Contract) == 0


def test_a_contract_is_invoiced_with_a_line_and_an_address(sold: Sold) -> None:
    no_address = sold.draft(bill_to=" ")
    no_line = sold.does(agree.draft, sold.terms())

    with pytest.raises(NothingToInvoice, match="bill_to: "):
        sold.does(agree.invoice, no_address.id)
    with pytest.raises(NothingToInvoice, match="lines: "):
        sold.does(agree.invoice, no_line.id)


@pytest.mark.parametrize(
    ("mode", "discount", "currency", "net", "rate"),
    [
        (Discount.PERCENTAGE, "33.3333", "EUR", "66.67", "22.22"),
        (Discount.AMOUNT, "0.01", "EUR", "99.99", "33.33"),
        (Discount.PERCENTAGE, "0.5", "JPY", "100", "33"),
        (Discount.PERCENTAGE, "0.55", "KWD", "99.450", "33.150"),
    ],
)
def test_prices_are_rounded_to_the_coin_of_their_currency(
    sold: Sold, mode: Discount, discount: str, currency: str, net: str, rate: str
) -> None:
    line = LineTerms("x", total=3, price=Decimal(100), discount=Decimal(discount))
    drafted = sold.draft(line, discount_mode=mode, currency=currency.lower())

    kept = sold.contract(drafted.id)

    assert str(kept.net(kept.lines[0])) == net
    assert str(kept.rate(kept.lines[0])) == rate
    assert kept.currency == currency


def test_an_old_version_changes_nothing(sold: Sold) -> None:
    contract = sold.draft()
    sold.does(agree.add_line, contract.id, LineTerms("More", total=1), version=contract.version)

    with pytest.raises(ContractChanged, match="look again"):
        sold.does(agree.invoice, contract.id, version=contract.version)
    assert sold.contract(contract.id).state is State.DRAFT


def test_of_two_who_invoice_at_once_one_is_told(sold: Sold) -> None:
    contract = sold.draft()
    together = threading.Barrier(2)
    answers: list[str] = []

    def invoice() -> None:
        together.wait()
        answers.append(attempt(lambda: sold.does(agree.invoice, contract.id)))

    threads = [threading.Thread(target=invoice) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(bool(answer) for answer in answers) == [False, True]
    assert len(sold.entitlements()) == 1


def test_only_managers_agree_on_contracts(sold: Sold) -> None:
    contract = sold.draft()
    sold.manager = sold.desk.principal("Luis")

    for act in ACTS.values():
        with pytest.raises(NotAllowed):
            act(sold, contract)


def test_a_line_is_struck_from_a_draft_and_from_nothing_else(sold: Sold) -> None:
    other = LineTerms("Silver", total=3)
    contract = sold.draft(GOLD, other)
    gold, silver = contract.lines

    sold.does(agree.remove_line, contract.id, gold.id)
    sold.does(agree.add_line, contract.id, LineTerms("Bronze", total=1))
    sold.does(agree.invoice, contract.id)

    assert [line.title for line in sold.contract(contract.id).lines] == ["Silver", "Bronze"]
    with pytest.raises(NotInThisState):
        sold.does(agree.remove_line, contract.id, silver.id)
