"""Contracts, their templates and what is invoiced, as a manager meets them in the console."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from starlette.testclient import TestClient

from channels.sandbox import Sandbox
from intake import agree, charge, work
from intake.agents import Principal, Role
from intake.billing import InvoiceRequest
from intake.contracts import Contract, ContractLine, ContractTemplate, LineTerms, Terms
from tests.console import Console, filled_in, words
from tests.desk import DeskUnderTest, email

NOW = datetime.now(UTC)
GOLD = LineTerms("Gold", total=20, price=Decimal(1200))


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def console(desk: DeskUnderTest, sandbox: Sandbox) -> Console:
    return Console(desk, sandbox)


@pytest.fixture
def mina(console: Console) -> Principal:
    return console.desk.principal("Mina", Role.MANAGER)


@pytest.fixture
def browser(console: Console) -> TestClient:
    return console.browser(console.desk.has_agent("Mona", Role.MANAGER))


def draft(desk: DeskUnderTest, by: Principal, *lines: LineTerms, ends: int = 300) -> Contract:
    """A contract that began 100 days ago."""
    today, customer = NOW.date(), desk.has_customer(f"{desk.count(Contract)}@example.com")
    terms = Terms(
        name="Support", starts_on=today - timedelta(days=100), currency="EUR",
        ends_on=today + timedelta(days=ends), account_id=customer.account_id,
        bill_to="1 High Street",
    )  # fmt: skip
    with desk.transaction() as session:
        return agree.draft(session, by, terms, *(lines or (GOLD,)), desk=desk.settings, at=NOW)


def resolved(desk: DeskUnderTest, by: Principal, minutes: int = 30) -> InvoiceRequest:
    """The request of a case that nothing covers."""
    at = datetime.now(UTC)
    with desk.transaction() as session:
        charge.set_rate(session, by, Decimal(60), "EUR", at=at)
    [receipt] = desk.accepts(email(f"{minutes}@else.example"))
    assert receipt.case is not None
    with desk.transaction() as session:
        charge.log_time(session, by, receipt.case.id, minutes, at=at)
        work.resolve(session, by, receipt.case.id, "Done.", desk=desk.settings, at=at)
    return next(r for r in desk.all(InvoiceRequest) if r.case_id == receipt.case.id)


def state_of(desk: DeskUnderTest, request_id: UUID) -> str:
    return next(r.state.value for r in desk.all(InvoiceRequest) if r.id == request_id)


def test_contracts_are_found_by_where_they_stand(
    console: Console, browser: TestClient, mina: Principal
) -> None:
    desk = console.desk
    running, over = draft(desk, mina), draft(desk, mina, ends=-1)
    with desk.transaction() as session:
        for each in (running, over):
            agree.invoice(session, mina, each.id, desk=desk.settings, at=NOW)

    active = browser.get("/contracts").text
    lapsed = browser.get("/contracts?state=not+renewed").text
    none = words(browser.get("/contracts?q=nothing+like+it"))
    renewed = browser.post(f"/contracts/{over.id}/renew", data={})
    after = browser.get("/contracts?state=not+renewed").text

    assert (running.number in active, over.number in active) == (True, False)
    assert (running.number in lapsed, over.number in lapsed) == (False, True)
    assert "None is found" in none
    assert renewed.status_code == 303
    assert over.number not in after


def test_a_list_of_contracts_takes_few_statements(
    console: Console, browser: TestClient, mina: Principal
) -> None:
    for _ in range(2):
        draft(console.desk, mina)
    with console.counts_statements() as few:
        browser.get("/contracts?state=draft")
    for _ in range(20):
        draft(console.desk, mina)
    with console.counts_statements() as many:
        browser.get("/contracts?state=draft")

    assert len(many) == len(few) <= 16


def test_a_template_is_written_and_changed_until_a_contract_uses_it(
    console: Console, browser: TestClient, mina: Principal
) -> None:
    given = {
        "name": "Gold support", "abbreviation": "GOLD", "allotment": "time",
        "billing_frequency": "monthly",
    }  # fmt: skip
    wrong = browser.post("/contracts/templates/new", data={**given, "name": ""})
    browser.post("/contracts/templates/new", data=given)
    [template] = console.desk.all(ContractTemplate)
    browser.post(f"/contracts/templates/{template.id}", data={**given, "name": "Silver"})
    [changed] = console.desk.all(ContractTemplate)
    terms = Terms(
        name="Support", starts_on=date(2026, 1, 1), ends_on=date(2026, 12, 31), currency="EUR",
        account_id=console.desk.has_customer().account_id, template_id=template.id,
    )  # fmt: skip
    with console.desk.transaction() as session:
        agree.draft(session, mina, terms, desk=console.desk.settings, at=NOW)
    frozen = browser.post(f"/contracts/templates/{template.id}", data=given)
    page = browser.get(f"/contracts/templates/{template.id}")

    assert wrong.status_code == 422
    assert (changed.name, changed.allotment.value) == ("Silver", "time")
    assert frozen.status_code == 422
    assert "cannot change" in words(frozen)
    assert "1 contract uses it" in words(page)
    assert "Save the template" not in page.text


def test_a_draft_keeps_what_it_says_when_it_is_written_anew(
    console: Console, browser: TestClient, mina: Principal
) -> None:
    contract = draft(console.desk, mina)
    said = {
        "owner_id": str(mina.id), "email": "ada@example.com", "renewal_days": "30, 7",
        "draft_renewal_days": "40", "external_id": "ERP-7",
    }  # fmt: skip
    edit = f"/contracts/{contract.id}/edit"

    first = browser.post(edit, data={**filled_in(browser.get(edit), "edit"), **said})
    again = browser.post(edit, data=filled_in(browser.get(edit), "edit"))

    [kept] = console.desk.all(Contract)
    assert (first.status_code, again.status_code) == (303, 303)
    assert (kept.owner_id, kept.email, kept.external_id) == (mina.id, "ada@example.com", "ERP-7")
    assert (kept.renewal_days, kept.draft_renewal_days) == ([30, 7], 40)
    page = words(browser.get(f"/contracts/{contract.id}"))
    assert "Mina" in page
    assert "drafted 40 days before the end" in page


def test_a_line_of_a_draft_is_changed_and_struck(
    console: Console, browser: TestClient, mina: Principal
) -> None:
    contract = draft(console.desk, mina, GOLD, LineTerms("Silver", total=3))
    gold, silver = contract.lines
    given = {"title": "Platinum", "total": "30", "price": "1500", "version": str(contract.version)}

    wrong = browser.post(f"/contracts/{contract.id}/lines/{gold.id}", data={**given, "total": "x"})
    browser.post(f"/contracts/{contract.id}/lines/{gold.id}", data=given)
    stale = browser.post(f"/contracts/{contract.id}/lines/{gold.id}", data=given)
    browser.post(f"/contracts/{contract.id}/lines/{silver.id}/remove", data={})

    [line] = console.desk.all(ContractLine)
    assert wrong.status_code == 422
    assert stale.status_code == 422
    assert (line.title, line.total, line.price) == ("Platinum", 30, 1500)
    assert "When it is invoiced" in words(browser.get(f"/contracts/{contract.id}"))


def test_a_manager_holds_releases_cancels_and_hands_over(
    console: Console, browser: TestClient, mina: Principal
) -> None:
    desk = console.desk
    first, second = resolved(desk, mina, 30), resolved(desk, mina, 60)

    unsaid = browser.post(f"/billing/{first.id}/hold", data={"reason": " "})
    browser.post(f"/billing/{first.id}/hold", data={"reason": "they <dispute> it"})
    held = browser.get("/billing?state=held")
    given = browser.post("/billing/hand-over", data={})
    browser.post(f"/billing/{second.id}/cancel", data={"reason": "wrong customer"})
    browser.post(f"/billing/{first.id}/release", data={})
    open_ones = browser.get("/billing")
    table = browser.get(given.headers["location"].replace("/billing", "/billing.csv"))

    assert unsaid.status_code == 422
    assert "they &lt;dispute&gt; it" in held.text
    assert given.headers["location"] == "/billing?batch=1"
    assert state_of(desk, second.id) == "cancelled"
    assert f"Credit of {second.number}" in words(open_ones)
    assert "-60.00 EUR" in words(open_ones)
    assert "attachment" in table.headers["content-disposition"]
    assert "wrong customer" in table.text


def test_only_managers_see_what_is_invoiced(console: Console, mina: Principal) -> None:
    request = resolved(console.desk, mina)
    contract = draft(console.desk, mina)
    browser = console.browser(console.desk.has_agent("Luis"))

    answers = [
        browser.get("/billing"),
        browser.get("/billing.csv"),
        browser.post("/billing/hand-over", data={}),
        browser.post(f"/billing/{request.id}/cancel", data={"reason": "mine"}),
        browser.get("/contracts/templates/new"),
        browser.post("/contracts/templates/new", data={"name": "x", "abbreviation": "x"}),
        browser.post(f"/contracts/{contract.id}/lines/{contract.lines[0].id}/remove", data={}),
    ]

    assert [answer.status_code for answer in answers] == [403] * len(answers)
    assert state_of(console.desk, request.id) == "open"
    assert browser.get("/contracts").status_code == 200


def test_a_rate_that_was_missing_is_set_and_its_case_billed_again(
    console: Console, browser: TestClient, mina: Principal
) -> None:
    desk = console.desk
    account = desk.has_customer("ada@example.com").account_id
    terms = {"account": str(account), "currency": "USD", "rounding_minutes": "15"}

    wrong = browser.post("/billing/terms", data={**terms, "rounding_minutes": "0"})
    browser.post("/billing/terms", data=terms)
    [receipt] = desk.accepts(email("ada@example.com"))
    assert receipt.case is not None
    with desk.transaction() as session:
        charge.log_time(session, mina, receipt.case.id, 20, at=datetime.now(UTC))
        work.resolve(
            session, mina, receipt.case.id, "Done.", desk=desk.settings, at=datetime.now(UTC)
        )
    waiting = browser.get("/billing")
    browser.post("/billing/rates", data={"per_hour": "80", "currency": "usd"})
    [request] = desk.all(InvoiceRequest)
    browser.post(f"/billing/{request.id}/again", data={})

    assert wrong.status_code == 422
    assert "Bill again" in words(waiting)
    assert "there is no rate in USD" in words(waiting)
    assert "80.00 USD" in words(browser.get("/billing/rates"))
    assert "40.00 USD" in words(browser.get("/billing"))  # half an hour
    assert sorted(r.state.value for r in desk.all(InvoiceRequest)) == ["open", "withdrawn"]
