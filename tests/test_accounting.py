"""What accounting gets: each minute once, held, cancelled and credited as a manager says."""

from __future__ import annotations

import io
from contextlib import suppress
from datetime import date, timedelta
from decimal import Decimal
from random import Random
from typing import Any
from uuid import UUID

import pytest

from graph.exchange.invoice_table import write_requests
from intake import accounting, agree, contracts, covering, entitlements
from intake.agents import NotAllowed, Role
from intake.billing import InvoiceLine, InvoiceRequest, InvoiceState, Kind, State, TimeEntry
from intake.contracts import Frequency, LineTerms, Overage
from intake.db import Database
from intake.entitlements import Allocation, DecreaseOn, Entitlement
from intake.events import Event
from tests.agreements import Sold
from tests.desk import NOON, DeskUnderTest
from tests.office import Office
from tests.test_billing import Billed, over


@pytest.fixture
def billed(desk: DeskUnderTest) -> Billed:
    return Billed(desk)


def requests(billed: Billed) -> list[InvoiceRequest]:
    return sorted(billed.desk.all(InvoiceRequest), key=lambda request: request.number)


def states(billed: Billed) -> list[str]:
    return [request.state.value for request in requests(billed)]


def told(billed: Billed) -> list[str]:
    found = sorted(billed.desk.all(Event), key=lambda event: event.sequence)
    return [event.kind for event in found if event.kind.startswith("invoice.")]


def worked(billed: Billed, minutes: int = 30) -> tuple[UUID, InvoiceRequest]:
    """A case that took so long, and its request."""
    case_id = billed.case()
    billed.works(case_id, minutes)
    request = billed.resolves(case_id)
    assert request is not None
    return case_id, request


def test_what_accounting_has_is_not_taken_from_an_entitlement_as_well(desk: DeskUnderTest) -> None:
    billed, case_id = over(desk, Overage.BILL, Decimal(100))
    billed.resolves(case_id)
    billed.hands_over()  # 30 of 90 minutes
    billed.reopens(case_id)
    [plan] = desk.all(Entitlement)
    with desk.transaction() as session:
        entitlements.correct(
            session, session.get_one(Entitlement, plan.id), 100, "a gift",
            at=NOON, by=billed.manager,
        )  # fmt: skip
    billed.works(case_id, 12)

    assert billed.resolves(case_id) is None
    # 60 bought and 100 given; of 102 minutes 30 are paid for.
    assert desk.remaining(plan) == 160 - 72


def test_time_billed_before_anything_covered_the_case_stays_billed(billed: Billed) -> None:
    ada = billed.desk.has_customer("ada@example.com")
    case_id, _ = worked(billed, 30)
    billed.hands_over()
    plan = billed.desk.has_entitlement(
        ada.account_id, total=60, allocation=Allocation.HOURS, decrease_on=DecreaseOn.RESOLUTION
    )
    billed.reopens(case_id)
    billed.does(
        covering.set_entitlement, billed.manager, case_id, plan.id, desk=billed.desk.settings
    )
    billed.works(case_id, 15)

    assert billed.resolves(case_id) is None
    assert billed.desk.remaining(plan) == 45


def test_what_is_held_waits_until_it_is_released(billed: Billed) -> None:
    _, request = worked(billed)

    billed.does(accounting.hold, billed.manager, request.id, "they dispute it")
    kept = billed.hands_over()
    billed.does(accounting.release, billed.manager, request.id)
    given = billed.hands_over()

    assert kept == []
    assert [r.id for r in given] == [request.id]
    assert told(billed)[1:] == ["invoice.held", "invoice.released", "invoice.exported"]


def test_what_is_held_is_withdrawn_when_its_case_goes_on(billed: Billed) -> None:
    case_id, request = worked(billed)
    billed.does(accounting.hold, billed.manager, request.id, "they dispute it")

    billed.reopens(case_id)

    assert states(billed) == ["withdrawn"]


def test_a_request_that_is_cancelled_bills_nothing_and_frees_its_time(billed: Billed) -> None:
    case_id, request = worked(billed)

    billed.does(accounting.cancel, billed.manager, request.id, "goodwill")

    assert billed.hands_over() == []
    assert [entry.request_id for entry in billed.desk.all(TimeEntry)] == [None]
    again = billed.does(accounting.bill_again, billed.manager, case_id)
    assert billed.lines(again) == [(30, 30, 30)]


def test_what_accounting_has_is_credited_even_while_its_case_goes_on(billed: Billed) -> None:
    case_id, request = worked(billed)
    billed.hands_over()
    billed.reopens(case_id)

    billed.does(accounting.cancel, billed.manager, request.id, "wrong customer")
    [credit] = billed.hands_over()
    anew = billed.resolves(case_id)

    assert (credit.kind, credit.amount, credit.credits_id) == (Kind.CREDIT, -30, request.id)
    assert billed.lines(credit) == [(-30, -30, -30)]
    assert states(billed) == ["cancelled", "exported", "open"]
    assert billed.lines(anew) == [(30, 30, 30)]
    with pytest.raises(InvoiceState, match="is a credit"):
        billed.does(accounting.cancel, billed.manager, credit.id, "no")


def test_a_table_shows_what_was_held_cancelled_and_credited(billed: Billed) -> None:
    _, first = worked(billed)
    billed.hands_over()
    billed.does(accounting.cancel, billed.manager, first.id, "wrong customer")
    _, second = worked(billed, 15)
    billed.does(accounting.hold, billed.manager, requests(billed)[2].id, "they dispute it")
    file = io.StringIO()

    with billed.desk.db.reading() as session:
        everything = accounting.with_lines(accounting.requests(billed.manager))
        write_requests(file, session, session.scalars(everything).all())

    header, *rows = [line.split(",") for line in file.getvalue().splitlines()]
    shown = [dict(zip(header, row, strict=True)) for row in rows]
    assert [(row["state"], row["credits"], row["amount"]) for row in shown] == [
        ("cancelled", "", "30"),
        ("open", str(first.number), "-30"),
        ("held", "", "15"),
    ]
    assert [row["reason"] for row in shown] == ["wrong customer", "", "they dispute it"]
    assert second is not None


@pytest.mark.parametrize("seed", range(3))
def test_whatever_happens_each_minute_is_billed_once(sqlite_url: str, seed: int) -> None:
    dice = Random(seed)
    db = Database(sqlite_url)
    billed = Billed(DeskUnderTest(db))
    case_id, total, resolved = billed.case(), 0, False
    for _ in range(40):
        match dice.choice(("work", "close", "close", "export", "hold", "release", "cancel")):
            case "work" if not resolved:
                total += (minutes := dice.randint(1, 30))
                billed.works(case_id, minutes)
            case "close":
                billed.reopens(case_id) if resolved else billed.resolves(case_id)
                resolved = not resolved
            case "export":
                billed.hands_over()
            case "hold" | "release" | "cancel" as act:
                reason = () if act == "release" else ("so",)
                for request in dice.sample(requests(billed), min(1, len(requests(billed)))):
                    with suppress(InvoiceState):
                        billed.does(getattr(accounting, act), billed.manager, request.id, *reason)
    if resolved:
        billed.reopens(case_id)
    billed.resolves(case_id)

    alive = {r.id for r in requests(billed) if r.state in (State.OPEN, State.HELD, State.EXPORTED)}
    credited = {r.credits_id for r in requests(billed)} - {None}
    lines = [x for x in billed.desk.all(InvoiceLine) if x.request_id in alive | credited]
    assert sum(line.worked_units for line in lines) == total
    db.close()


@pytest.mark.parametrize(
    ("act", "reason", "match"),
    [
        ("hold", ("",), "^reason: "),
        ("release", (), "^state: request .* is open"),
        ("cancel", ("x" * 501,), "^reason: "),
    ],
)
def test_what_cannot_be_done_says_why(
    billed: Billed, act: str, reason: tuple[str, ...], match: str
) -> None:
    _, request = worked(billed)

    with pytest.raises(Exception, match=match):
        billed.does(getattr(accounting, act), billed.manager, request.id, *reason)
    with pytest.raises(NotAllowed):
        billed.does(getattr(accounting, act), billed.grace, request.id, *(reason or ()))
    assert states(billed) == ["open"]


def test_accounting_is_done_by_graphql(billed: Billed) -> None:
    office = Office(billed.desk)
    mina = billed.desk.has_agent("Mona", Role.MANAGER)
    _, request = worked(billed)
    billed.hands_over()

    refused = office.asks(
        """mutation($id: UUID!) { releaseInvoiceRequest(id: $id) {
        __typename ... on InvoiceInWrongState { code } } }""",
        by=mina, id=str(request.id),
    )  # fmt: skip
    done = office.asks(
        """mutation($id: UUID!) { cancelInvoiceRequest(id: $id, reason: "twice") {
        ... on InvoiceRequestChanged { request { state reason }
          credit { amount kind credits { number } lines { minutes } } } } }""",
        by=mina, id=str(request.id),
    )["cancelInvoiceRequest"]  # fmt: skip

    assert refused["releaseInvoiceRequest"]["code"] == "invoice-state"
    assert done["request"] == {"state": "CANCELLED", "reason": "twice"}
    assert done["credit"] == {
        "amount": "-30",
        "kind": "CREDIT",
        "credits": {"number": request.number},
        "lines": [{"minutes": -30}],
    }


@pytest.mark.parametrize(
    ("frequency", "days", "price", "expected"),
    [
        (Frequency.ANNUALLY, (date(2026, 1, 1), date(2026, 12, 31)), 1200, [(1, 1, 1200)]),
        (
            Frequency.QUARTERLY,
            (date(2026, 1, 1), date(2026, 12, 31)),
            1000,
            [(1, 1, 250), (4, 1, 250), (7, 1, 250), (10, 1, 250)],
        ),
        (
            Frequency.SEMIANNUALLY,
            (date(2026, 1, 31), date(2026, 10, 30)),  # one and a half
            900,
            [(1, 31, 600), (7, 31, 300)],
        ),
    ],
)
def test_the_periods_of_a_contract_make_its_total(
    sold: Sold, frequency: Frequency, days: Any, price: int, expected: list[tuple[int, int, Any]]
) -> None:
    line = LineTerms("Support", total=5, price=Decimal(price))
    contract = sold.draft(line, days=days, billing_frequency=frequency)

    periods = contracts.invoice_periods(contract)

    assert sum(period.amount for period in periods) == price
    assert [(p.starts_on.month, p.starts_on.day, p.amount) for p in periods] == expected
    assert periods[-1].ends_on == days[1]


def test_the_31st_of_each_month_is_not_lost_in_february(sold: Sold) -> None:
    contract = sold.draft(
        LineTerms("Support", total=5, price=Decimal(100)),
        days=(date(2026, 1, 31), date(2026, 5, 30)),
        billing_frequency=Frequency.MONTHLY,
    )

    starts = [period.starts_on for period in contracts.invoice_periods(contract)]

    assert starts == [date(2026, 1, 31), date(2026, 2, 28), date(2026, 3, 31), date(2026, 4, 30)]


def test_a_contract_that_ends_early_is_not_invoiced_beyond_its_end(sold: Sold) -> None:
    contract = sold.active(
        LineTerms("Support", total=5, price=Decimal(1200)), billing_frequency=Frequency.MONTHLY
    )
    cancelled = sold.does(agree.cancel, contract.id, on=sold.at.date() + timedelta(days=40))

    periods = contracts.invoice_periods(cancelled)

    assert len(periods) < 12
    assert all(p.starts_on < cancelled.cancels_on for p in periods)


@pytest.fixture
def sold(desk: DeskUnderTest) -> Sold:
    return Sold(desk)
