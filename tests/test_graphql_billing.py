"""Billing by GraphQL: time is written down, rates are set, accounting gets each request once."""

from __future__ import annotations

from typing import Any

import pytest

from intake import charge, work
from intake.agents import Agent, Role
from intake.billing import InvoiceRequest
from intake.cases import Direction
from tests.desk import NOON, DeskUnderTest, email
from tests.office import Office

REQUESTS = """query ($first: Int) { invoiceRequests(state: OPEN, first: $first) { nodes {
    number caseNumber state kind amount currency problem customer { name } case { number }
    lines { position text minutes rate amount } } } }"""


@pytest.fixture
def office(desk: DeskUnderTest) -> Office:
    return Office(desk)


@pytest.fixture
def mara(desk: DeskUnderTest) -> Agent:
    return desk.has_agent("Mara", Role.MANAGER)


def does(office: Office, by: Agent, act: str) -> Any:
    """What a mutation says."""
    shown = "... on Problem { code message } ... on WrongInput { field }"
    [result] = office.asks(f"mutation {{ {act} {{ __typename {shown} }} }}", by=by).values()
    return result


def test_work_that_nothing_covers_is_handed_to_accounting_once(
    desk: DeskUnderTest, office: Office, mara: Agent
) -> None:
    grace = desk.has_agent()
    desk.has_customer()
    desk.accepts(email())
    does(office, mara, 'setRate(perHour: "60", currency: "EUR")')
    does(office, grace, 'logTime(caseNumber: 1001, minutes: 30, service: "Repair")')

    locked_before = office.asks(
        "{ case(number: 1001) { timeEntries { minutes service locked agent { name } } } }", by=grace
    )["case"]["timeEntries"]
    does(office, grace, 'resolve(caseNumber: 1001, text: "Repaired.")')
    [request] = office.asks(REQUESTS, by=mara)["invoiceRequests"]["nodes"]
    hand_over = """mutation { handOverInvoices { ... on InvoicesHandedOver {
        requests { number state batch } } } }"""
    first = office.asks(hand_over, by=mara)["handOverInvoices"]["requests"]
    second = office.asks(hand_over, by=mara)["handOverInvoices"]["requests"]

    assert locked_before == [
        {"minutes": 30, "service": "Repair", "locked": False, "agent": {"name": "Grace"}}
    ]
    assert (request["caseNumber"], request["amount"], request["problem"]) == (1001, "30", "")
    assert request["customer"] == {"name": "example.com"}
    assert [line["minutes"] for line in request["lines"]] == [30]
    assert first == [{"number": request["number"], "state": "EXPORTED", "batch": 1}]
    assert second == []


def test_an_answer_a_note_and_a_resolution_say_how_long_they_took(
    desk: DeskUnderTest, office: Office
) -> None:
    grace = desk.has_agent()
    desk.accepts(email())

    does(office, grace, 'reply(caseNumber: 1001, text: "Try this.", minutes: 10)')
    does(office, grace, 'note(caseNumber: 1001, text: "Hm.", minutes: 5, billable: false)')
    stale = 'resolve(caseNumber: 1001, text: "Done.", minutes: 1, expectedVersion: 1)'
    refused = does(office, grace, stale)
    wrong = does(office, grace, 'reply(caseNumber: 1001, text: "Again.", minutes: 0)')
    does(office, grace, 'resolve(caseNumber: 1001, text: "Done.", minutes: 3)')

    told = office.asks(
        "{ case(number: 1001) { timeEntries { minutes billable }"
        " resolutions { totalMinutes billableMinutes } } }", by=grace,
    )["case"]  # fmt: skip
    assert [(one["minutes"], one["billable"]) for one in told["timeEntries"]] == [
        (10, True), (5, False), (3, True),
    ]  # fmt: skip
    assert told["resolutions"] == [{"totalMinutes": 18, "billableMinutes": 13}]
    assert refused["__typename"] == "StaleVersion"
    assert (wrong["__typename"], wrong["field"]) == ("WrongInput", "minutes")
    answers = [a for a in desk.activities(desk.case(1001)) if a.direction is Direction.OUTGOING]
    assert [activity.text for activity in answers] == ["Try this."], "nothing is half done"


def test_what_cannot_be_billed_says_why_and_is_billed_anew(
    desk: DeskUnderTest, office: Office, mara: Agent
) -> None:
    desk.accepts(email())
    does(office, mara, "logTime(caseNumber: 1001, minutes: 30)")
    does(office, mara, 'resolve(caseNumber: 1001, text: "Done.")')

    [without] = office.asks(REQUESTS, by=mara)["invoiceRequests"]["nodes"]
    does(office, mara, 'setRate(perHour: "90", currency: "EUR")')
    again = does(office, mara, "billAgain(caseNumber: 1001)")
    [billed] = office.asks(REQUESTS, by=mara)["invoiceRequests"]["nodes"]

    assert "no rate in EUR" in without["problem"]
    assert again == {"__typename": "CaseChanged"}
    assert (billed["amount"], billed["problem"]) == ("45", "")


@pytest.mark.parametrize(
    ("act", "field"),
    [
        ("logTime(caseNumber: 1001, minutes: 0)", "minutes"),
        ("logTime(caseNumber: 1001, minutes: 2147483647)", "minutes"),
        ('setRate(perHour: "-1", currency: "EUR")', "perHour"),
        ('setRate(perHour: "1", currency: "EUX")', "currency"),
        ('setBillingTerms(currency: "EUR", roundingMinutes: 0)', "roundingMinutes"),
    ],
)
def test_what_cannot_be_meant_is_named(
    desk: DeskUnderTest, office: Office, mara: Agent, act: str, field: str
) -> None:
    desk.accepts(email())

    refused = does(office, mara, act)

    assert (refused["__typename"], refused["field"]) == ("WrongInput", field)


def test_a_list_of_requests_costs_the_same_for_two_and_for_twenty(
    desk: DeskUnderTest, office: Office, mara: Agent
) -> None:
    by = mara.principal("test")
    receipts = desk.accepts(*[email(f"ada@company{n}.example") for n in range(20)])
    with desk.transaction() as session:
        for receipt in receipts:
            assert receipt.case is not None
            charge.log_time(session, by, receipt.case.id, 15, at=NOON)
            work.resolve(session, by, receipt.case.id, "x", desk=desk.settings, at=NOON)
    assert desk.count(InvoiceRequest) == 20
    cases = """query ($first: Int!) { cases(first: $first) { nodes {
        timeEntries { minutes agent { name } } invoiceRequests { lines { amount } } } } }"""

    def statements(query: str, first: int) -> int:
        office.asks(query, by=mara, first=first)
        with office.counts_statements() as seen:
            office.asks(query, by=mara, first=first)
        return len(seen)

    assert statements(REQUESTS, 20) == statements(REQUESTS, 2) <= 6
    assert statements(cases, 20) == statements(cases, 2) <= 7


def test_terms_are_shown_everybodys_first(office: Office, desk: DeskUnderTest) -> None:
    boss = desk.has_agent("Bea", Role.MANAGER)
    account = str(desk.has_customer("zoe@zed.example").account_id)
    for whose, minutes in ((account, 15), (None, 5)):
        office.asks(
            """mutation($account: UUID, $minutes: Int!) { setBillingTerms(
            currency: "EUR", account: $account, roundingMinutes: $minutes) { __typename } }""",
            by=boss, account=whose, minutes=minutes,
        )  # fmt: skip

    shown = office.asks("{ billingTerms { roundingMinutes account { name } } }", by=boss)

    assert shown["billingTerms"] == [
        {"roundingMinutes": 5, "account": None},
        {"roundingMinutes": 15, "account": {"name": "zed.example"}},
    ]
