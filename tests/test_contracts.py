"""Contracts: what is allowed in which state, what time does, and what a contract makes covered."""

from __future__ import annotations

import threading
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from intake import agree, clock, contracts, usage, work
from intake import entitlements as bought
from intake.agents import NotAllowed, Role
from intake.cases import Case
from intake.contracts import (
    Act,
    Allotment,
    AlreadyRenewed,
    Contract,
    ContractChanged,
    ContractNotActive,
    Discount,
    LineState,
    LineTerms,
    NothingToInvoice,
    NotInThisState,
    Overage,
    State,
    TemplateFrozen,
    Terms,
    WrongTerm,
    transitions,
)
from intake.contracts.renewal import following
from intake.entitlements import Allocation, Entitlement
from intake.events import Event
from intake.money import NoSuchCurrency, WrongAmount
from intake.products import Product
from tests.desk import DESK, NOON, DeskUnderTest, email

YEAR = (date(2026, 1, 1), date(2026, 12, 31))
TODAY = NOON.date()
GOLD = LineTerms("Gold support", total=10, price=Decimal(1200))


def noon_of(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 12, tzinfo=UTC)


class Sold:
    """A customer's contract on a desk, and the manager who looks after it."""

    def __init__(self, desk: DeskUnderTest) -> None:
        self.desk = desk
        self.manager = desk.principal("Mina", Role.MANAGER)
        self.account_id = desk.has_customer().account_id
        self.at = NOON

    def terms(self, **fields: Any) -> Terms:
        fields.setdefault("account_id", None if "contact_id" in fields else self.account_id)
        given = {"name": "Support", "currency": "EUR", "bill_to": "1 High Street", **fields}
        starts_on, ends_on = given.pop("days", YEAR)
        return Terms(starts_on=starts_on, ends_on=ends_on, **given)

    def draft(self, *lines: LineTerms, **fields: Any) -> Contract:
        return self.does(agree.draft, self.terms(**fields), *(lines or (GOLD,)))

    def active(self, *lines: LineTerms, **fields: Any) -> Contract:
        return self.does(agree.invoice, self.draft(*lines, **fields).id)

    def does(self, act: Any, *given: Any, **more: Any) -> Any:
        with self.desk.transaction() as session:
            return act(session, self.manager, *given, desk=self.desk.settings, at=self.at, **more)

    def on(self, day: date) -> None:
        """It is noon of that day, and the clock has ticked."""
        self.at = noon_of(day)
        with self.desk.transaction() as session:
            clock.tick(session, self.desk.settings, at=self.at)

    def contract(self, contract_id: UUID) -> Contract:
        with self.desk.db.reading() as session:
            return contracts.by_id(session, contract_id)

    def entitlements(self) -> list[Entitlement]:
        return sorted(self.desk.all(Entitlement), key=lambda e: e.name)


@pytest.fixture
def sold(desk: DeskUnderTest) -> Sold:
    return Sold(desk)


def in_state(sold: Sold, state: State) -> Contract:
    """A contract that came to that state by the acts that lead there."""
    if state is State.DRAFT:
        return sold.draft()
    if state is State.INVOICED:
        later = (TODAY + timedelta(days=30), TODAY + timedelta(days=394))
        return sold.active(days=later)
    contract = sold.active()
    if state is State.ON_HOLD:
        return sold.does(agree.hold, contract.id)
    if state is State.CANCELLED:
        return sold.does(agree.cancel, contract.id)
    if state is State.EXPIRED:
        sold.on(date(2027, 1, 1))
    return sold.contract(contract.id)


ACTS: dict[Act, Any] = {
    Act.EDIT: lambda s, c: s.does(agree.redraft, c.id, s.terms(name="Other")),
    Act.DELETE: lambda s, c: s.does(agree.delete, c.id),
    Act.INVOICE: lambda s, c: s.does(agree.invoice, c.id),
    Act.ADD_LINE: lambda s, c: s.does(
        agree.add_line, c.id, LineTerms("More", total=1, starts_on=c.ends_on)
    ),
    Act.CANCEL_LINE: lambda s, c: s.does(agree.cancel_line, c.id, c.lines[0].id),
    Act.HOLD: lambda s, c: s.does(agree.hold, c.id),
    Act.RELEASE: lambda s, c: s.does(agree.release, c.id),
    Act.CANCEL: lambda s, c: s.does(agree.cancel, c.id),
    Act.CANCEL_LATER: lambda s, c: s.does(agree.cancel, c.id, on=s.at.date() + timedelta(days=1)),
    Act.RENEW: lambda s, c: s.does(agree.renew, c.id),
    Act.COPY: lambda s, c: s.does(agree.copy, c.id),
}
# Written out again, so that a slip in the code's own table does not go unseen.
TABLE = """
    act                         draft  invoiced  active  on-hold  cancelled  expired
    edit                        yes    no        no      no       no         no
    delete                      yes    no        no      no       no         no
    invoice                     yes    no        no      no       no         no
    add-a-line-to               yes    yes       yes     no       no         no
    cancel-a-line-of            no     yes       yes     no       no         no
    log-a-case-against          no     no        yes     no       no         no
    hold                        no     yes       yes     no       no         no
    release                     no     no        no      yes      no         no
    cancel                      no     yes       yes     no       no         no
    cancel-on-a-later-day       no     no        yes     no       no         no
    renew                       no     no        yes     no       yes        yes
    copy                        yes    yes       yes     yes      yes        yes
"""
HEAD, *ROWS = [line.split() for line in TABLE.strip().splitlines()]
CELLS = [
    (Act(act.replace("-", " ")), State(state.replace("-", " ")), answer == "yes")
    for act, *answers in ROWS
    for state, answer in zip(HEAD[1:], answers, strict=True)
]
LEADS_TO = {
    Act.INVOICE: State.ACTIVE,
    Act.HOLD: State.ON_HOLD,
    Act.RELEASE: State.ACTIVE,
    Act.CANCEL: State.CANCELLED,
}


@pytest.mark.parametrize(
    ("act", "state", "allowed"), CELLS, ids=[f"{a} it: {s}" for a, s, _ in CELLS]
)
def test_every_act_is_allowed_in_exactly_the_states_of_the_table(
    sold: Sold, act: Act, state: State, allowed: bool
) -> None:
    contract = in_state(sold, state)
    assert contract.state is state

    if act is Act.LOG_CASE:
        answer = log_a_case(sold, contract)
    else:
        answer = attempt(lambda: ACTS[act](sold, contract))

    assert (answer == "") is allowed, answer
    if not allowed:
        assert f"contract {contract.number} is {state}, you cannot {act} it" in answer
        assert sold.contract(contract.id).state is state
    elif act in LEADS_TO:
        assert sold.contract(contract.id).state is LEADS_TO[act]


def attempt(act: Any) -> str:
    try:
        act()
    except NotInThisState as error:
        return str(error)
    return ""


def log_a_case(sold: Sold, contract: Contract) -> str:
    [receipt] = sold.desk.accepts(email(at=sold.at))
    assert receipt.case is not None
    case_id = receipt.case.id
    return attempt(lambda: sold.does(agree.tie, case_id, contract.id))


def test_a_table_of_states_and_acts_has_every_cell() -> None:
    assert len(CELLS) == len(State) * len(Act)
    assert set(transitions.ALLOWED) == set(State)


def test_time_starts_and_ends_a_contract_on_its_days(sold: Sold) -> None:
    contract = sold.active(days=(date(2026, 3, 3), date(2026, 3, 5)))
    states = [contract.state]
    for day in (2, 3, 5, 6):
        sold.on(date(2026, 3, day))
        states.append(sold.contract(contract.id).state)

    assert states == [
        State.INVOICED,
        State.INVOICED,
        State.ACTIVE,
        State.ACTIVE,
        State.EXPIRED,
    ]
    kinds = [e.kind for e in sold.desk.all(Event) if e.kind.startswith("contract.")]
    assert kinds == [
        "contract.drafted",
        "contract.invoiced",
        "contract.active",
        "contract.expired",
    ]


@pytest.mark.parametrize("held", [State.INVOICED, State.ACTIVE, State.ON_HOLD])
def test_a_contract_expires_whatever_it_waits_for(sold: Sold, held: State) -> None:
    contract = in_state(sold, held)

    sold.on(date(2027, 12, 31))

    assert sold.contract(contract.id).state is State.EXPIRED


def test_a_draft_never_starts_by_itself(sold: Sold) -> None:
    contract = sold.draft()

    sold.on(date(2026, 6, 1))

    assert sold.contract(contract.id).state is State.DRAFT


def test_a_tick_with_nothing_due_moves_nothing(sold: Sold) -> None:
    sold.active()
    sold.on(TODAY)

    with sold.desk.db.reading() as session:
        assert not clock.any_due(session, sold.desk.settings, at=NOON)


def test_cancelling_on_a_later_day_covers_until_the_day_before(sold: Sold) -> None:
    contract = sold.active()
    sold.does(agree.cancel, contract.id, on=date(2026, 3, 10))
    states = []
    for day in (9, 10):
        sold.on(date(2026, 3, day))
        states.append((sold.contract(contract.id).state, sold.entitlements()[0].state))

    assert states == [
        (State.ACTIVE, bought.State.ACTIVE),
        (State.CANCELLED, bought.State.CANCELLED),
    ]


def test_a_planned_cancellation_comes_true_on_hold_too(sold: Sold) -> None:
    contract = sold.active()
    sold.does(agree.cancel, contract.id, on=date(2026, 3, 10))
    sold.does(agree.hold, contract.id)

    sold.on(date(2026, 3, 10))

    assert sold.contract(contract.id).state is State.CANCELLED


@pytest.mark.parametrize(
    ("on", "words"),
    [
        (date(2026, 3, 1), "on: 2026-03-01 is past"),
        (date(2027, 1, 1), "on: the contract ends on 2026-12-31 by itself"),
    ],
)
def test_a_contract_cannot_be_cancelled_on_a_day_that_makes_no_sense(
    sold: Sold, on: date, words: str
) -> None:
    contract = sold.active()

    with pytest.raises(WrongTerm, match=words):
        sold.does(agree.cancel, contract.id, on=on)


@pytest.mark.parametrize(
    ("day", "state"),
    [(date(2026, 6, 1), State.ACTIVE), (date(2027, 1, 1), State.EXPIRED)],
    ids=["before the end", "after the end"],
)
def test_a_released_contract_is_where_its_dates_put_it(sold: Sold, day: date, state: State) -> None:
    contract = in_state(sold, State.ON_HOLD)
    sold.at = noon_of(day)  # and the clock has not ticked

    released = sold.does(agree.release, contract.id)

    assert released.state is state


def test_a_contract_held_before_its_start_waits_for_it_again(sold: Sold) -> None:
    contract = in_state(sold, State.INVOICED)
    sold.does(agree.hold, contract.id)

    assert sold.does(agree.release, contract.id).state is State.INVOICED


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


def usage_of(sold: Sold, contract: Contract) -> list[tuple[int, int, int]]:
    """Used, remaining and overage of each line."""
    with sold.desk.db.reading() as session:
        found = usage.used_of(session, [line.id for line in contract.lines])
    return [(u.used, u.remaining, u.overage) for u in (found[x.id] for x in contract.lines)]


def test_used_and_remaining_count_resolved_cases(sold: Sold) -> None:
    contract = sold.active(GOLD, LineTerms("Silver", total=1))
    silver = contract.lines[1].id
    cases = []
    for _ in range(3):
        [receipt] = sold.desk.accepts(email())
        assert receipt.case is not None
        cases.append(receipt.case.id)
    sold.does(agree.tie, cases[0], contract.id, silver)
    assert usage_of(sold, contract) == [(0, 10, 0), (0, 1, 0)]

    for case_id in cases[:2]:
        sold.does(work.resolve, case_id, "done")

    resolved = usage_of(sold, contract)
    with sold.desk.transaction() as session:
        work.reopen(session, sold.manager, cases[0], desk=DESK, at=sold.at)
    # The other two went to whichever of the two ends soonest and has the least left.
    assert sorted(used for used, _left, _over in resolved) == [1, 1]
    assert sum(used for used, _left, _over in usage_of(sold, contract)) == 1


def test_overage_of_time_is_what_was_used_beyond_the_allotment(sold: Sold) -> None:
    contract = sold.active(
        LineTerms("Hour", total=60), allotment=Allotment.TIME, overage=Overage.BILL
    )
    [receipt] = sold.desk.accepts(email())
    assert receipt.case is not None

    sold.does(work.resolve, receipt.case.id, "done", billable_minutes=90)
    first = usage_of(sold, contract)
    with sold.desk.transaction() as session:
        work.reopen(session, sold.manager, receipt.case.id, desk=DESK, at=sold.at)
    sold.at += timedelta(minutes=1)
    sold.does(work.resolve, receipt.case.id, "done again", billable_minutes=45)

    assert first == [(90, 0, 30)]
    assert usage_of(sold, contract) == [(45, 15, 0)]


def test_coverage_dates_are_used_and_never_run_out(sold: Sold) -> None:
    contract = sold.active(LineTerms("Dates"), allotment=Allotment.COVERAGE_DATES)
    [receipt] = sold.desk.accepts(email())
    assert receipt.case is not None

    sold.does(work.resolve, receipt.case.id, "done")

    assert usage_of(sold, contract) == [(1, 0, 0)]


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
