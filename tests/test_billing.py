"""What is billed: each minute once, at the right rate, and never again after it was handed over."""

from __future__ import annotations

import csv
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from typer.testing import CliRunner

from graph.cli import app
from intake import accounting, agree, charge, covering, work
from intake.agents import NotAllowed, Principal, Role
from intake.billing import InvoiceLine, InvoiceRequest, Kind, State, TimeEntry, TimeLocked
from intake.billing.rates import WrongRate
from intake.cases import Activity
from intake.contracts import Allotment, LineTerms, Overage
from intake.db import Database
from intake.entitlements import Allocation, DecreaseOn, Entitlement, WouldOverdraw
from intake.events import Event
from intake.money import NoSuchCurrency
from intake.settings import Settings
from tests.agreements import Sold
from tests.desk import NOON, DeskUnderTest, email


class Billed:
    """A desk whose hours cost 60 euros, and Grace, who works them."""

    def __init__(self, desk: DeskUnderTest) -> None:
        self.desk = desk
        self.manager = desk.principal("Mina", Role.MANAGER)
        self.grace = desk.principal("Grace")
        self.at = NOON
        self.does(charge.set_rate, self.manager, Decimal(60), "EUR")

    def does(self, act: Any, *given: Any, **more: Any) -> Any:
        with self.desk.transaction() as session:
            return act(session, *given, at=self.at, **more)

    def case(self, sender: str = "ada@example.com") -> UUID:
        [receipt] = self.desk.accepts(email(sender))
        assert receipt.case is not None
        return receipt.case.id

    def works(self, case_id: UUID, minutes: int, **more: Any) -> TimeEntry:
        self.at += timedelta(minutes=1)
        return self.does(charge.log_time, more.pop("by", self.grace), case_id, minutes, **more)

    def resolves(self, case_id: UUID, text: str = "Done.", **more: Any) -> InvoiceRequest | None:
        self.at += timedelta(minutes=1)
        self.does(work.resolve, self.grace, case_id, text, desk=self.desk.settings, **more)
        found = [r for r in self.desk.all(InvoiceRequest) if r.state is State.OPEN]
        return found[0] if found else None

    def reopens(self, case_id: UUID) -> None:
        self.at += timedelta(minutes=1)
        self.does(work.reopen, self.grace, case_id, desk=self.desk.settings)

    def hands_over(self) -> list[InvoiceRequest]:
        return self.does(accounting.hand_over, self.manager)

    def lines(self, request: InvoiceRequest | None) -> list[tuple[int, int, Decimal]]:
        """Minutes worked, minutes billed and amount of each line."""
        assert request is not None
        own = [x for x in self.desk.all(InvoiceLine) if x.request_id == request.id]
        own.sort(key=lambda line: line.position)
        return [(line.worked_units, line.minutes, line.amount) for line in own]


@pytest.fixture
def billed(desk: DeskUnderTest) -> Billed:
    return Billed(desk)


def test_a_case_without_a_contract_requests_an_invoice_when_it_is_resolved(billed: Billed) -> None:
    """Billed per incident, or by time; lines, time, rate, text and currency."""
    case_id = billed.case()
    billed.works(case_id, 20, text="Looked into it")
    billed.works(case_id, 10, service="remote help")

    request = billed.resolves(case_id, "Replaced the drum.")

    assert request is not None
    assert (request.kind, request.currency, request.amount) == (Kind.NO_CONTRACT, "EUR", 30)
    assert request.text == "Case 1001: Printer offline. Replaced the drum."
    assert billed.lines(request) == [(20, 20, 20), (10, 10, 10)]
    [event] = [e for e in billed.desk.all(Event) if e.kind == "invoice.requested"]
    assert (event.case_id, event.data["amount"]) == (case_id, "30.00")


def test_a_covered_case_is_not_billed(billed: Billed) -> None:
    billed.desk.has_customer("ada@example.com", allotment=5)
    case_id = billed.case()
    billed.works(case_id, 20)

    assert billed.resolves(case_id) is None


def test_a_case_that_took_no_time_is_not_billed(billed: Billed) -> None:
    assert billed.resolves(billed.case()) is None


def test_time_is_rounded_up_and_a_case_has_a_least(billed: Billed) -> None:
    billed.does(
        charge.set_terms, billed.manager, currency="EUR", rounding_minutes=15, minimum_minutes=60
    )
    case_id = billed.case()
    billed.works(case_id, 1)
    billed.works(case_id, 16)

    request = billed.resolves(case_id)

    # 15 and 30, and 15 more to reach the hour.
    assert billed.lines(request) == [(1, 30, 30), (16, 30, 30)]


def test_the_rate_that_says_most_of_person_and_service_is_taken(billed: Billed) -> None:
    luis = billed.desk.principal("Luis")
    rate = charge.set_rate
    billed.does(rate, billed.manager, Decimal(90), "EUR", service="on site")
    billed.does(rate, billed.manager, Decimal(120), "EUR", agent_id=billed.grace.id)
    billed.does(
        rate, billed.manager, Decimal(240), "EUR", agent_id=billed.grace.id, service="on site"
    )
    billed.does(rate, billed.manager, Decimal(1), "USD", agent_id=billed.grace.id)
    case_id = billed.case()
    billed.works(case_id, 60, by=luis)
    billed.works(case_id, 60, by=luis, service="on site")
    billed.works(case_id, 60)
    billed.works(case_id, 60, service="on site")

    request = billed.resolves(case_id)

    assert [amount for _worked, _billed, amount in billed.lines(request)] == [60, 90, 120, 240]


def test_a_price_for_the_case_comes_before_its_time(billed: Billed) -> None:
    billed.does(charge.set_terms, billed.manager, currency="EUR", per_case=Decimal("49.90"))
    case_id = billed.case()
    billed.works(case_id, 30)

    request = billed.resolves(case_id)

    assert billed.lines(request) == [(0, 0, Decimal("49.90")), (30, 30, 30)]


def test_what_was_not_handed_over_is_withdrawn_and_billed_anew(billed: Billed) -> None:
    case_id = billed.case()
    billed.works(case_id, 30)
    first = billed.resolves(case_id)
    billed.reopens(case_id)
    billed.works(case_id, 15)

    second = billed.resolves(case_id)

    assert first is not None
    states = {r.number: r.state for r in billed.desk.all(InvoiceRequest)}
    assert states[first.number] is State.WITHDRAWN
    assert billed.lines(second) == [(30, 30, 30), (15, 15, 15)]


def test_minutes_handed_over_are_not_billed_again(billed: Billed) -> None:
    """Of 45 minutes worked in all, 30 are with accounting already."""
    case_id = billed.case()
    billed.works(case_id, 30)
    billed.resolves(case_id)
    [given] = billed.hands_over()
    billed.reopens(case_id)
    billed.works(case_id, 15)

    second = billed.resolves(case_id)

    assert billed.lines(given) == [(30, 30, 30)]
    assert billed.lines(second) == [(15, 15, 15)]
    assert sum(r.amount for r in billed.desk.all(InvoiceRequest)) == 45


def test_resolving_again_without_more_work_bills_nothing_more(billed: Billed) -> None:
    billed.does(
        charge.set_terms, billed.manager, currency="EUR", minimum_minutes=60, per_case=Decimal(10)
    )
    case_id = billed.case()
    billed.works(case_id, 30)
    billed.resolves(case_id)
    billed.hands_over()
    billed.reopens(case_id)

    assert billed.resolves(case_id) is None
    assert [r.amount for r in billed.desk.all(InvoiceRequest)] == [70]


def test_the_least_is_charged_once_for_a_case(billed: Billed) -> None:
    billed.does(charge.set_terms, billed.manager, currency="EUR", minimum_minutes=60)
    case_id = billed.case()
    billed.works(case_id, 10)
    billed.resolves(case_id)
    billed.hands_over()
    billed.reopens(case_id)
    billed.works(case_id, 5)

    assert billed.lines(billed.resolves(case_id)) == [(5, 5, 5)]


@pytest.mark.parametrize(
    ("billable", "lines"),
    [
        (0, None),
        (25, [(20, 20, 20), (5, 5, 5)]),
        (50, [(20, 20, 20), (10, 10, 10), (20, 20, 20)]),
    ],
)
def test_the_billable_time_said_on_resolving_is_what_is_billed(
    billed: Billed, billable: int, lines: list[tuple[int, int, int]] | None
) -> None:
    case_id = billed.case()
    billed.works(case_id, 20)
    billed.works(case_id, 10)

    request = billed.resolves(case_id, billable_minutes=billable)

    assert (billed.lines(request) if request else None) == lines


def test_time_that_is_not_billable_is_not_billed(billed: Billed) -> None:
    case_id = billed.case()
    billed.works(case_id, 20)
    billed.works(case_id, 40, billable=False)

    assert billed.lines(billed.resolves(case_id)) == [(20, 20, 20)]


def test_prepaid_hours_give_the_billable_minutes_only(billed: Billed) -> None:
    """Billable minutes are taken from the prepaid hours."""
    account = billed.desk.has_customer("ada@example.com").account_id
    plan = billed.desk.has_entitlement(
        account, total=120, allocation=Allocation.HOURS, decrease_on=DecreaseOn.RESOLUTION
    )
    case_id = billed.case()
    billed.works(case_id, 45)
    billed.works(case_id, 60, billable=False)

    assert billed.resolves(case_id) is None
    assert billed.desk.remaining(plan) == 75


def test_time_in_a_request_is_locked_until_the_case_is_reopened(billed: Billed) -> None:
    case_id = billed.case()
    entry = billed.works(case_id, 30)
    billed.resolves(case_id)
    [kept] = billed.desk.all(TimeEntry)
    assert kept.request_id is not None

    billed.reopens(case_id)
    billed.works(case_id, 25, activity_id=entry.activity_id)

    assert billed.lines(billed.resolves(case_id)) == [(25, 25, 25)]


def test_time_handed_over_is_locked_for_good(billed: Billed) -> None:
    case_id = billed.case()
    entry = billed.works(case_id, 30)
    billed.resolves(case_id)
    billed.hands_over()
    billed.reopens(case_id)

    with pytest.raises(TimeLocked, match="minutes: this time is billed"):
        billed.works(case_id, 1, activity_id=entry.activity_id)
    assert [a.duration_minutes for a in billed.desk.all(Activity) if a.duration_minutes] == [30]


def test_a_customers_reply_withdraws_what_was_not_handed_over(billed: Billed) -> None:
    [receipt] = billed.desk.accepts(email(message_id="q@example.com"))
    assert receipt.case is not None
    billed.works(receipt.case.id, 30)
    billed.resolves(receipt.case.id)

    later = billed.at + timedelta(hours=1)
    billed.desk.accepts(email(in_reply_to="q@example.com", at=later))

    assert [r.state for r in billed.desk.all(InvoiceRequest)] == [State.WITHDRAWN]
    assert billed.hands_over() == []


def test_what_covers_a_case_afterwards_withdraws_its_request(billed: Billed) -> None:
    account = billed.desk.has_customer("ada@example.com").account_id
    case_id = billed.case()
    billed.works(case_id, 30)
    assert billed.resolves(case_id) is not None
    plan = billed.desk.has_entitlement(account, total=5)

    billed.does(
        covering.set_entitlement, billed.manager, case_id, plan.id, desk=billed.desk.settings
    )

    assert [r.state for r in billed.desk.all(InvoiceRequest)] == [State.WITHDRAWN]
    assert billed.desk.remaining(plan) == 4


def over(desk: DeskUnderTest, overage: Overage, rate: Decimal | None) -> tuple[Billed, UUID]:
    """A case of 90 minutes on a contract that has 60."""
    sold, billed = Sold(desk), Billed.__new__(Billed)
    billed.desk, billed.manager, billed.at = desk, sold.manager, NOON
    billed.grace = desk.principal("Grace")
    billed.does(charge.set_rate, billed.manager, Decimal(60), "EUR")
    line = LineTerms("Hour", total=60, overage_rate=rate)
    contract = sold.draft(line, allotment=Allotment.TIME, overage=overage)
    sold.does(agree.invoice, contract.id)
    case_id = billed.case()
    billed.works(case_id, 90)
    return billed, case_id


@pytest.mark.parametrize(
    ("rate", "amount"), [(Decimal(100), 50), (None, 30)], ids=["as agreed", "as without contract"]
)
def test_overage_is_billed_beyond_what_the_line_had_left(
    desk: DeskUnderTest, rate: Decimal | None, amount: int
) -> None:
    billed, case_id = over(desk, Overage.BILL, rate)

    request = billed.resolves(case_id)

    assert request is not None
    assert (request.kind, billed.lines(request)) == (Kind.OVERAGE, [(30, 30, amount)])
    assert [e.remaining for e in desk.all(Entitlement)] == [0]


def test_overage_that_is_allowed_is_not_billed(desk: DeskUnderTest) -> None:
    billed, case_id = over(desk, Overage.ALLOW, None)

    assert billed.resolves(case_id) is None
    assert [e.remaining for e in desk.all(Entitlement)] == [-30]


def test_overage_that_is_asked_about_waits_for_an_answer(desk: DeskUnderTest) -> None:
    billed, case_id = over(desk, Overage.ASK, None)

    with pytest.raises(WouldOverdraw):
        billed.resolves(case_id)
    assert desk.count(InvoiceRequest) == 0


def test_overage_handed_over_is_not_billed_again(desk: DeskUnderTest) -> None:
    billed, case_id = over(desk, Overage.BILL, Decimal(100))
    billed.resolves(case_id)
    billed.hands_over()
    billed.reopens(case_id)
    billed.works(case_id, 12)

    second = billed.resolves(case_id)

    # 102 minutes in all, 60 prepaid, 30 billed before.
    assert billed.lines(second) == [(12, 12, 20)]
    assert [e.remaining for e in desk.all(Entitlement)] == [0]


def test_what_has_no_rate_is_kept_back_until_there_is_one(billed: Billed) -> None:
    billed.does(charge.set_terms, billed.manager, currency="JPY")
    case_id = billed.case()
    billed.works(case_id, 90)
    request = billed.resolves(case_id)
    assert request is not None
    assert request.problem == "Note: there is no rate in JPY for it"
    assert billed.hands_over() == []

    billed.does(charge.set_rate, billed.manager, Decimal(6001), "JPY")
    again = billed.does(accounting.bill_again, billed.manager, case_id)

    assert (again.problem, again.amount, again.currency) == ("", 9002, "JPY")
    assert [r.number for r in billed.hands_over()] == [again.number]


def test_a_request_is_handed_over_once_and_can_be_shown_again(billed: Billed) -> None:
    for sender in ("ada@example.com", "bob@example.com"):
        case_id = billed.case(sender)
        billed.works(case_id, 30)
        billed.resolves(case_id)

    first, second = billed.hands_over(), billed.hands_over()

    assert ([r.state for r in first], second) == ([State.EXPORTED] * 2, [])
    shown = billed.does(
        lambda session, by, at: accounting.handed_over(session, by, 1), billed.manager
    )
    assert [r.number for r in shown] == [r.number for r in first]
    kinds = [e.kind for e in billed.desk.all(Event) if e.kind.startswith("invoice.")]
    assert kinds.count("invoice.exported") == 2


@pytest.mark.parametrize("minutes", [0, -5, 1441])
def test_minutes_that_cannot_have_been_worked_are_refused(billed: Billed, minutes: int) -> None:
    case_id = billed.case()

    with pytest.raises(charge.WrongTime, match=f"minutes: {minutes}"):
        billed.works(case_id, minutes)
    assert billed.desk.count(TimeEntry) == 0


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"rounding_minutes": 0}, WrongRate),
        ({"minimum_minutes": -1}, WrongRate),
        ({"currency": "XXZ"}, NoSuchCurrency),
        ({"account_id": UUID(int=1)}, WrongRate),
    ],
)
def test_terms_that_cannot_be_meant_are_refused_by_their_name(
    billed: Billed, fields: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error, match=f"^{next(iter(fields))}: "):
        billed.does(charge.set_terms, billed.manager, **{"currency": "EUR", **fields})


def test_an_accounts_own_terms_win(billed: Billed) -> None:
    account = billed.desk.has_customer("ada@example.com").account_id
    billed.does(charge.set_terms, billed.manager, currency="EUR", rounding_minutes=60)
    billed.does(
        charge.set_terms, billed.manager, currency="EUR", rounding_minutes=10, account_id=account
    )
    own, other = billed.case(), billed.case("bob@other.example")
    minutes = {}
    for case_id in (own, other):
        billed.works(case_id, 5)
        billed.resolves(case_id)
        minutes[case_id] = billed.hands_over()[0].lines[0].minutes

    assert (minutes[own], minutes[other]) == (10, 60)


def test_only_managers_set_rates_and_hand_over(billed: Billed) -> None:
    for act in (
        lambda by: billed.does(charge.set_rate, by, Decimal(1), "EUR"),
        lambda by: billed.does(charge.set_terms, by, currency="EUR"),
        lambda by: billed.does(accounting.hand_over, by),
    ):
        with pytest.raises(NotAllowed):
            act(billed.grace)


def test_the_command_line_hands_over_a_file_for_accounting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DESKBELL_DATA_DIR", str(tmp_path / "var"))
    (tmp_path / "var").mkdir()
    run = CliRunner()
    assert run.invoke(app, ["billing", "rate", "60", "EUR"]).exit_code == 0
    assert run.invoke(app, ["billing", "terms", "EUR", "--rounding", "15"]).exit_code == 0
    db = Database(Settings().database)
    billed = Billed(DeskUnderTest(db))
    case_id = billed.case("=evil@example.com")
    billed.works(case_id, 20)
    billed.resolves(case_id)
    db.close()

    first = run.invoke(app, ["billing", "export", "a.csv"])
    none = run.invoke(app, ["billing", "export", "b.csv"])
    again = run.invoke(app, ["billing", "export", "c.csv", "--batch", "1"])

    assert "1 requests in a.csv, batch 1" in first.output
    assert "0 requests in b.csv" in none.output
    assert (tmp_path / "c.csv").read_bytes() == (tmp_path / "a.csv").read_bytes()
    assert again.exit_code == 0
    with open(tmp_path / "a.csv", encoding="utf-8-sig", newline="") as file:
        [row] = csv.DictReader(file)
    assert (row["amount"], row["billed_minutes"], row["currency"]) == ("30", "30", "EUR")
    assert row["customer"].startswith("'=")


def test_a_reader_logs_no_time(billed: Billed) -> None:
    reader: Principal = billed.desk.principal("Rita", Role.READ_ONLY)

    with pytest.raises(NotAllowed):
        billed.works(billed.case(), 5, by=reader)
