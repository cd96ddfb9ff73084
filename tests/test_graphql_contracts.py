"""Contracts by GraphQL: written, invoiced, held, ended and renewed, and listed at a flat cost."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from intake import agree
from intake.agents import Agent, Role
from intake.contracts import Contract, LineTerms, Terms
from intake.db import new_id
from tests.desk import NOON, DeskUnderTest, email
from tests.office import Office

TODAY = datetime.now(UTC).date()
CHANGED = """{ __typename ... on Problem { code message } ... on WrongInput { field }
    ... on ContractChanged { contract { id number term state version total cancelsOn
        lines { id title state net rate used remaining overage entitlement { name } }
        renews { term } renewal { term } template { name } customer { name } } } }"""
UNKNOWN = "00000000-0000-7000-8000-000000000000"


@pytest.fixture
def office(desk: DeskUnderTest) -> Office:
    return Office(desk)


@pytest.fixture
def mara(desk: DeskUnderTest) -> Agent:
    return desk.has_agent("Mara", Role.MANAGER)


def terms(account_id: UUID | None, **more: Any) -> dict[str, Any]:
    year = {
        "startsOn": str(TODAY - timedelta(days=10)),
        "endsOn": str(TODAY + timedelta(days=354)),
    }
    with_whom = {"account": str(account_id)} if account_id else {}
    return {"name": "Gold", "currency": "EUR", "billTo": "Paris", **year, **with_whom, **more}


def drafts(office: Office, by: Agent, account_id: UUID | None, **more: Any) -> Any:
    """A draft of ten cases for 900 euros, less a tenth."""
    lines = [{"title": "Cases", "total": 10, "price": "900", "discount": "10"}]
    mutation = f"""mutation ($terms: ContractTerms!, $lines: [ContractLineTerms!]) {{
        draftContract(terms: $terms, lines: $lines) {CHANGED} }}"""
    answer = office.asks(mutation, by=by, terms=terms(account_id, **more), lines=lines)
    return answer["draftContract"]


def acts(office: Office, by: Agent, name: str, id: str, more: str = "") -> Any:
    """What the mutation of that name says of the contract."""
    mutation = f'mutation {{ {name}(id: "{id}"{more}) {CHANGED} }}'
    return office.asks(mutation, by=by)[name]


def test_a_contract_goes_from_draft_to_its_next_term(
    desk: DeskUnderTest, office: Office, mara: Agent
) -> None:
    ada = desk.has_customer("ada@contoso.example")

    drafted = drafts(office, mara, ada.account_id)["contract"]
    invoiced = acts(office, mara, "invoiceContract", drafted["id"])["contract"]
    held = acts(office, mara, "holdContract", drafted["id"])["contract"]
    released = acts(office, mara, "releaseContract", drafted["id"])["contract"]
    renewed = acts(office, mara, "renewContract", drafted["id"])["contract"]

    assert drafted["customer"] == {"name": "contoso.example"}
    assert (drafted["state"], drafted["total"]) == ("DRAFT", "810")
    assert (drafted["lines"][0]["net"], drafted["lines"][0]["rate"]) == ("810", "81")
    assert drafted["lines"][0]["remaining"] is None
    assert invoiced["state"] == "ACTIVE"
    assert invoiced["lines"][0]["remaining"] == 10
    assert [held["state"], released["state"]] == ["ON_HOLD", "ACTIVE"]
    assert (renewed["state"], renewed["term"], renewed["renews"]) == ("DRAFT", 2, {"term": 1})
    assert renewed["number"] == drafted["number"]


def test_a_case_logged_against_a_line_is_counted_by_it(
    desk: DeskUnderTest, office: Office, mara: Agent
) -> None:
    ada = desk.has_customer("ada@contoso.example")
    contract = drafts(office, mara, ada.account_id)["contract"]
    acts(office, mara, "invoiceContract", contract["id"])
    desk.accepts(email("ada@contoso.example", at=datetime.now(UTC)))
    line = contract["lines"][0]["id"]
    ties = f"""mutation {{ logAgainstContract(caseNumber: 1001, contract: "{contract["id"]}",
        line: "{line}") {{ __typename ... on Problem {{ code message }} }} }}"""

    tied = office.asks(ties, by=mara)["logAgainstContract"]
    office.asks('mutation { resolve(caseNumber: 1001, text: "Done") { __typename } }', by=mara)
    shown = office.asks(
        """query ($number: String!) { contract(number: $number) {
            cases { nodes { number contract { number } contractLine { title used remaining }
                ledger { kind amount reason } decision { words chosenBy } } } } }""",
        by=mara,
        number=contract["number"],
    )["contract"]

    [case] = shown["cases"]["nodes"]
    assert tied == {"__typename": "CaseChanged"}
    assert case["contract"] == {"number": contract["number"]}
    assert case["contractLine"] == {"title": "Cases", "used": 1, "remaining": 9}
    assert [entry["amount"] for entry in case["ledger"]] == [-1]


@pytest.mark.parametrize(
    ("wrong", "code", "field"),
    [
        ({"currency": "EUX"}, "no-such-currency", "currency"),
        ({"name": " "}, "wrong-term", "name"),
        ({"endsOn": "2020-01-01"}, "wrong-term", "endsOn"),
        ({"billingEndsOn": "2020-01-01"}, "wrong-term", "billingEndsOn"),
        ({"sla": UNKNOWN}, "wrong-term", "sla"),
        ({"contact": UNKNOWN}, "wrong-term", "customer"),
    ],
    ids=lambda value: str(value)[:24],
)
def test_a_term_that_cannot_be_meant_is_named(
    desk: DeskUnderTest,
    office: Office,
    mara: Agent,
    wrong: dict[str, str],
    code: str,
    field: str,
) -> None:
    ada = desk.has_customer()

    refused = drafts(office, mara, ada.account_id, **wrong)

    assert (refused["__typename"], refused["code"], refused["field"]) == ("WrongInput", code, field)
    assert desk.count(Contract) == 0


def test_an_id_of_another_system_names_one_contract(
    desk: DeskUnderTest, office: Office, mara: Agent
) -> None:
    ada = desk.has_customer()

    first = drafts(office, mara, ada.account_id, externalId="CRM-1")
    second = drafts(office, mara, ada.account_id, externalId="CRM-1")
    endless = drafts(office, mara, ada.account_id, externalId="x" * 200)

    assert first["__typename"] == "ContractChanged"
    assert second["field"] == endless["field"] == "externalId"
    assert desk.count(Contract) == 1


def test_an_act_that_the_state_forbids_says_so_and_changes_nothing(
    desk: DeskUnderTest, office: Office, mara: Agent
) -> None:
    ada = desk.has_customer()
    id = drafts(office, mara, ada.account_id)["contract"]["id"]
    desk.accepts(email(at=datetime.now(UTC)))

    held = acts(office, mara, "holdContract", id)
    tied = office.asks(
        f'mutation {{ logAgainstContract(caseNumber: 1001, contract: "{id}") '
        "{ __typename ... on Problem { message } } }",
        by=mara,
    )["logAgainstContract"]
    missing = acts(office, mara, "holdContract", str(new_id()))

    assert held["__typename"] == "ContractInWrongState"
    assert tied["__typename"] == "ContractNotActive"
    assert "invoice it first" in tied["message"]
    assert missing["__typename"] == "NotFound"
    assert [row.state.value for row in desk.all(Contract)] == ["draft"]


def test_of_two_who_change_a_contract_the_second_must_look_again(
    desk: DeskUnderTest, office: Office, mara: Agent
) -> None:
    contract = drafts(office, mara, desk.has_customer().account_id)["contract"]
    read = f", expectedVersion: {contract['version']}"

    first = acts(office, mara, "invoiceContract", contract["id"], read)
    second = acts(office, mara, "invoiceContract", contract["id"], read)

    assert first["contract"]["version"] > contract["version"]
    assert second["__typename"] == "StaleVersion"


def test_a_contract_is_renewed_once(desk: DeskUnderTest, office: Office, mara: Agent) -> None:
    id = drafts(office, mara, desk.has_customer().account_id)["contract"]["id"]
    acts(office, mara, "invoiceContract", id)

    first = acts(office, mara, "renewContract", id)
    second = acts(office, mara, "renewContract", id)

    assert first["__typename"] == "ContractChanged"
    assert second["__typename"] == "AlreadyRenewed"
    assert desk.count(Contract) == 2


def test_a_template_is_frozen_by_its_first_contract(
    desk: DeskUnderTest, office: Office, mara: Agent
) -> None:
    added = office.asks(
        """mutation { addContractTemplate(terms: {name: "Hours", abbreviation: "H",
            allotment: TIME}) { ... on ContractTemplateKept { template { id } } } }""",
        by=mara,
    )["addContractTemplate"]
    id = added["template"]["id"]
    change = f"""mutation {{ changeContractTemplate(id: "{id}", terms: {{name: "Minutes",
        abbreviation: "M", allotment: TIME}}) {{ __typename }} }}"""

    before = office.asks(change, by=mara)["changeContractTemplate"]
    made = drafts(office, mara, desk.has_customer().account_id, template=id)
    after = office.asks(change, by=mara)["changeContractTemplate"]
    listed = office.asks("{ contractTemplates { name allotment } }", by=mara)

    assert before == {"__typename": "ContractTemplateKept"}
    assert made["contract"]["template"] == {"name": "Minutes"}
    assert after == {"__typename": "TemplateFrozen"}
    assert listed["contractTemplates"] == [{"name": "Minutes", "allotment": "TIME"}]


def test_what_ran_out_and_nobody_renewed_is_listed(
    desk: DeskUnderTest, office: Office, mara: Agent
) -> None:
    ada = desk.has_customer()
    past = {"startsOn": "2024-01-01", "endsOn": "2024-12-31"}
    ids = [drafts(office, mara, ada.account_id, **past)["contract"]["id"] for _ in range(2)]
    for id in ids:
        acts(office, mara, "invoiceContract", id)
    acts(office, mara, "renewContract", ids[0])
    drafts(office, mara, ada.account_id)

    listed = office.asks(
        "{ contracts(where: {expiredNotRenewed: true}) { totalCount nodes { id state } } }", by=mara
    )["contracts"]

    assert listed == {"totalCount": 1, "nodes": [{"id": ids[1], "state": "EXPIRED"}]}


def test_a_list_of_contracts_costs_the_same_for_two_and_for_thirty(
    desk: DeskUnderTest, office: Office, mara: Agent
) -> None:
    now, by = datetime.now(UTC), mara.principal("test")
    customers = [desk.has_customer(f"ada@company{n}.example") for n in range(30)]
    with desk.transaction() as session:
        for n, ada in enumerate(customers):
            written = Terms(
                f"Gold {n}", TODAY, TODAY + timedelta(days=n), "EUR",
                account_id=ada.account_id, bill_to="Rome",
            )  # fmt: skip
            lines = [LineTerms(f"Line {m}", total=5) for m in range(2)]
            made = agree.draft(session, by, written, *lines, desk=desk.settings, at=now)
            agree.invoice(session, by, made.id, desk=desk.settings, at=now)
    query = """query ($first: Int!) { contracts(first: $first) { nodes {
        number total customer { name } template { name } sla { name } calendar { name }
        renews { term } renewal { term } cases(first: 1) { nodes { number } }
        lines { title net used remaining overage product { name }
            entitlement { left ledger(first: 1) { nodes { kind } } } } } } }"""
    office.asks(query, by=mara, first=1)

    with office.counts_statements() as for_two:
        office.asks(query, by=mara, first=2)
    with office.counts_statements() as for_all:
        found = office.asks(query, by=mara, first=30)["contracts"]["nodes"]

    assert len(found) == 30
    assert all(len(contract["lines"]) == 2 for contract in found)
    assert len(for_all) == len(for_two) <= 14, for_all


def test_pages_of_contracts_follow_each_other(
    desk: DeskUnderTest, office: Office, mara: Agent
) -> None:
    ada = desk.has_customer()
    days = [3, 1, 2]
    for n in days:
        ends_on = str(TODAY + timedelta(days=n))
        drafts(office, mara, ada.account_id, name=f"Gold {n}", endsOn=ends_on)
    query = """query ($after: String) { contracts(first: 2, after: $after) {
        nodes { name } pageInfo { hasNextPage endCursor } } }"""

    first = office.asks(query, by=mara)["contracts"]
    rest = office.asks(query, by=mara, after=first["pageInfo"]["endCursor"])["contracts"]

    names = [node["name"] for node in first["nodes"] + rest["nodes"]]
    assert names == ["Gold 1", "Gold 2", "Gold 3"]
    assert not rest["pageInfo"]["hasNextPage"]


def test_the_cases_of_a_contract_are_those_one_may_see(
    desk: DeskUnderTest, office: Office, mara: Agent
) -> None:
    linus, grace = desk.has_agent("Linus"), desk.has_agent("Grace")
    desk.has_queue("Secret", members=(linus,), address="secret@desk.example")
    ada = desk.has_customer()
    contract = drafts(office, mara, ada.account_id)["contract"]["id"]
    acts(office, mara, "invoiceContract", contract)
    desk.accepts(email(at=NOON), email(mailbox="secret@desk.example", at=NOON))
    for number in (1001, 1002):
        tie = f'logAgainstContract(caseNumber: {number}, contract: "{contract}")'
        office.asks(f"mutation {{ {tie} {{ __typename }} }}", by=mara)
    query = f'{{ contract(id: "{contract}") {{ cases {{ nodes {{ number }} }} }} }}'

    by_grace = office.asks(query, by=grace)["contract"]["cases"]["nodes"]
    by_linus = office.asks(query, by=linus)["contract"]["cases"]["nodes"]

    assert by_grace == [{"number": 1001}]
    assert sorted(case["number"] for case in by_linus) == [1001, 1002]
