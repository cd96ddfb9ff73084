"""Customers, products and offers, written and asked by GraphQL."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from intake import work
from intake.agents import Agent, Role
from intake.cases import Case
from intake.customers import Contact
from tests.desk import DeskUnderTest, email
from tests.office import Office

UNKNOWN = "019a0000-0000-7000-8000-000000000000"


@pytest.fixture
def office(desk: DeskUnderTest) -> Office:
    return Office(desk)


@pytest.fixture
def mara(desk: DeskUnderTest) -> Agent:
    return desk.has_agent("Mara", Role.MANAGER)


ANSWER = "{ __typename ... on Problem { code message } ... on WrongInput { field } %s }"


def does(office: Office, by: Agent, act: str, told: str, **variables: Any) -> Any:
    """One mutation, with its arguments as GraphQL writes them."""
    [answer] = office.asks(f"mutation {{ {act} {ANSWER % told} }}", by=by, **variables).values()
    return answer


OF_ACCOUNT = "... on CustomerChanged { customer { id name ... on Account { externalId domains } } }"
OF_CONTACT = """... on CustomerChanged { customer { id name ... on Contact {
    externalId account { name } points { value } } } }"""


def test_a_company_and_its_people_are_written_down(
    desk: DeskUnderTest, office: Office, mara: Agent
) -> None:
    company = does(
        office, mara, 'addAccount(name: "Contoso", externalId: "C-1", domains: ["contoso.com"])',
        OF_ACCOUNT,
    )["customer"]  # fmt: skip
    person = does(
        office, mara, f'addContact(name: "Cora", account: "{company["id"]}")', OF_CONTACT
    )["customer"]
    does(
        office,
        mara,
        f'attachPoint(contact: "{person["id"]}", kind: PHONE, value: "+34600123456")',
        "",
    )
    does(office, mara, f'addDomain(account: "{company["id"]}", domain: "contoso.es")', "")
    left = does(office, mara, 'removeDomain(domain: "CONTOSO.com")', OF_ACCOUNT)["customer"]
    renamed = does(
        office, mara,
        f'changeContact(contact: "{person["id"]}", fields: {{name: "Cora M", account: null}})',
        OF_CONTACT,
    )["customer"]  # fmt: skip

    assert (company["externalId"], company["domains"]) == ("C-1", ["contoso.com"])
    assert person["account"] == {"name": "Contoso"}
    assert left["domains"] == ["contoso.es"]
    assert renamed == {
        "id": person["id"], "name": "Cora M", "externalId": None, "account": None,
        "points": [{"value": "+34600123456"}],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("act", "field"),
    [
        ('addAccount(name: " ")', "name"),
        ('addAccount(name: "B", externalId: "C-1")', "externalId"),
        ('addAccount(name: "B", domains: ["gmail.com"])', "domain"),
        (f'addContact(name: "B", account: "{UNKNOWN}")', "account"),
        ('addProduct(number: "P-1", name: "Other")', "number"),
        ('addProduct(number: "", name: "Other")', "number"),
        (f'addProduct(number: "P-2", name: "Other", family: "{UNKNOWN}")', "family"),
        ('addProductFamily(name: "Printers")', "name"),
        ('addEntitlementTemplate(terms: {name: "Gold", total: -1})', "total"),
        ('addEntitlementTemplate(terms: {name: "Gold", total: null})', "total"),
        ('addEntitlementTemplate(terms: {name: "Plan", total: 1})', "name"),
        (f'addEntitlementTemplate(terms: {{name: "Gold", sla: "{UNKNOWN}"}})', "sla"),
        (
            'addEntitlementTemplate(terms: {name: "G", channels: '
            '[{channel: "email", total: 1}, {channel: "email", total: 2}]})',
            "channels",
        ),
    ],
)
def test_what_cannot_be_meant_is_named_and_nothing_is_written(
    desk: DeskUnderTest, office: Office, mara: Agent, act: str, field: str
) -> None:
    for kept in (
        'addAccount(name: "A", externalId: "C-1")',
        'addProduct(number: "P-1", name: "Printer")',
        'addProductFamily(name: "Printers")',
        'addEntitlementTemplate(terms: {name: "Plan", total: 1})',
    ):
        assert does(office, mara, kept, "")["__typename"] not in ("WrongInput", "Refused")

    refused = does(office, mara, act, "")

    assert (refused["__typename"], refused["field"]) == ("WrongInput", field)
    assert [one["name"] for one in office.asks("{ accounts { nodes { name } } }", by=mara)[
        "accounts"]["nodes"]] == ["A"]  # fmt: skip


def test_the_catalogue_and_what_customers_have_of_it(
    desk: DeskUnderTest, office: Office, mara: Agent
) -> None:
    ada = desk.has_customer()
    of = "... on CatalogueChanged { product { id name family { name } } family { id } }"
    machines = does(office, mara, 'addProductFamily(name: "Machines")', of)["family"]["id"]
    printers = does(office, mara, f'addProductFamily(name: "Printers", parent: "{machines}")', of)[
        "family"
    ]["id"]
    printer = does(
        office, mara, f'addProduct(number: "P-1", name: "Printer", family: "{printers}")', of
    )["product"]["id"]
    does(office, mara, f'changeProduct(product: "{printer}", fields: {{name: "Printer 2"}})', of)
    does(
        office,
        mara,
        f'ownProduct(product: "{printer}", serialNumber: "S1", contact: "{ada.id}")',
        "",
    )
    desk.accepts(email())
    [case] = desk.all(Case)
    does(office, mara, f'setProduct(caseNumber: {case.number}, product: "{printer}")', "")

    asked = """query ($family: UUID!, $serial: String!, $product: UUID!) {
        productFamilies { name }
        products(family: $family) { nodes { name family { name } cases { nodes { number } } } }
        ownedProducts(serialNumber: $serial) { id warrantyUntil product { name } customer { name } }
        cases(where: {product: $product}) { nodes { number } } }"""
    found = office.asks(asked, by=mara, family=machines, serial="S1", product=printer)

    assert [one["name"] for one in found["productFamilies"]] == ["Machines", "Printers"]
    assert found["products"]["nodes"] == [
        {"name": "Printer 2", "family": {"name": "Printers"},
         "cases": {"nodes": [{"number": case.number}]}}
    ]  # fmt: skip
    [piece] = found["ownedProducts"]
    assert (piece["product"]["name"], piece["customer"]["name"]) == ("Printer 2", "Ada")
    assert found["cases"]["nodes"] == [{"number": case.number}]

    inverted = '{boughtOn: "2026-02-01", warrantyUntil: "2026-01-01"}'
    wrong = does(
        office, mara, f'changeOwnedProduct(owned: "{piece["id"]}", fields: {inverted})', ""
    )
    circle = does(
        office, mara, f'placeProductFamily(family: "{machines}", parent: "{printers}")', ""
    )
    does(office, mara, f'disownProduct(owned: "{piece["id"]}")', "")
    assert (wrong["field"], circle["field"]) == ("warrantyUntil", "parent")
    assert (
        office.asks(asked, by=mara, family=machines, serial="S1", product=printer)["ownedProducts"]
        == []
    )


def test_an_agent_may_not_change_the_catalogue(desk: DeskUnderTest, office: Office) -> None:
    grace = desk.has_agent()

    refused = does(office, grace, 'addProduct(number: "P-1", name: "Printer")', "")

    assert refused["__typename"] == "NotAllowed"


def test_last_year_is_replayed_on_another_template(
    desk: DeskUnderTest, office: Office, mara: Agent
) -> None:
    ada = desk.has_customer()
    by = mara.principal("test")
    for month in range(1, 5):
        at = datetime(2025, month, 10, 12, tzinfo=UTC)
        [receipt] = desk.accepts(email(at=at, channel="phone" if month == 4 else "email"))
        assert receipt.case is not None
        with desk.transaction() as session:
            work.resolve(session, by, receipt.case.id, "ok", desk=desk.settings, at=at)
    template = does(
        office, mara,
        'addEntitlementTemplate(terms: {name: "Two", total: 2, '
        'channels: [{channel: "email", total: 5}]})',
        "... on EntitlementTemplateWritten { template { id channels { channel total } } }",
    )["template"]  # fmt: skip
    query = f"""query ($since: Date!, $until: Date!) {{ replay(template: "{template["id"]}",
        account: "{ada.account_id}", since: $since, until: $until) {{
        words cases covered taken left usedUpOn refused {{ refusal cases }}
        byChannel {{ channel taken }} months {{ month cases covered taken overage }} }} }}"""
    before = len(desk.all(Case))

    told = office.asks(query, by=mara, since="2025-01-01", until="2026-01-01")["replay"]

    assert told["words"] == "2 of 4 cases covered, 2 units taken"
    assert (told["cases"], told["covered"], told["taken"], told["left"]) == (4, 2, 2, 0)
    assert told["usedUpOn"] == "2025-03-10"
    assert told["refused"] == [
        {"refusal": "CHANNEL_NOT_COVERED", "cases": 1}, {"refusal": "USED_UP", "cases": 1},
    ]  # fmt: skip
    assert told["byChannel"] == [{"channel": "email", "taken": 2}]
    assert [(m["month"], m["cases"], m["covered"], m["taken"]) for m in told["months"]] == [
        ("2025-01-01", 1, 1, 1), ("2025-02-01", 1, 1, 1),
        ("2025-03-01", 1, 0, 0), ("2025-04-01", 1, 0, 0),
    ]  # fmt: skip
    assert len(desk.all(Case)) == before

    variables = {"since": "2026-01-01", "until": "2026-01-01"}
    answer = office.posts({"query": query, "variables": variables}, by=mara).json()
    assert answer["errors"][0]["extensions"]["code"] == "wrong-span"
    grace = desk.has_agent()
    variables["until"] = "2026-02-01"
    answer = office.posts({"query": query, "variables": variables}, by=grace).json()
    assert answer["errors"][0]["extensions"]["code"] == "not-allowed"


def test_what_runs_low_flags_its_customer_and_merged_people_are_not_listed(
    desk: DeskUnderTest, office: Office, mara: Agent
) -> None:
    ada, same = desk.has_customer(), desk.has_customer("ada.l@example.com")
    desk.has_entitlement(ada.account_id, total=2, thresholds=[50], name="Low")
    desk.has_entitlement(ada.account_id, total=9, name="Full")
    asked = "{ accounts { nodes { runningLow { name } } } contacts { nodes { id } } }"
    before = office.asks(asked, by=mara)
    does(office, mara, f'mergeContacts(survivor: "{ada.id}", other: "{same.id}")', "")
    desk.accepts(email())

    after = office.asks(asked, by=mara)

    assert before["accounts"]["nodes"] == [{"runningLow": []}]
    assert after["accounts"]["nodes"] == [{"runningLow": [{"name": "Low"}]}]
    assert len(before["contacts"]["nodes"]) == 2
    assert after["contacts"]["nodes"] == [{"id": str(ada.id)}]
    assert desk.count(Contact) == 2
