"""Entitlements by GraphQL: written, activated, drawn on, previewed and renewed; and customers."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from intake import entitlements
from intake.agents import Agent, Role
from intake.cases import Case
from intake.customers import Contact
from intake.db import new_id
from intake.entitlements import Entitlement, EntitlementTemplate, LedgerEntry
from intake.products import OwnedProduct, Product
from tests.desk import DeskUnderTest, email
from tests.office import Office

NOW = datetime.now(UTC)
TODAY = NOW.date()
LATER = date(2099, 12, 31)
CHANGED = """{ __typename ... on Problem { code message } ... on WrongInput { field }
    ... on EntitlementChanged { warnings entitlement { id name state total remaining endsOn
        channels { channel total remaining } contacts { name } products { name }
        renews { name } renewedBy { id } ledger { nodes { kind amount channel reason } } } } }"""
PREVIEW = """query ($contact: UUID, $channel: String!, $at: DateTime, $product: UUID) {
    entitlementPreview(contact: $contact, channel: $channel, at: $at, product: $product) {
        words covered refusal candidates { name tests { name passed words } } } }"""
UNKNOWN = "00000000-0000-7000-8000-000000000000"


@pytest.fixture
def office(desk: DeskUnderTest) -> Office:
    return Office(desk)


@pytest.fixture
def mara(desk: DeskUnderTest) -> Agent:
    return desk.has_agent("Mara", Role.MANAGER)


def terms(account_id: UUID | None, **more: Any) -> dict[str, Any]:
    whose = {"account": str(account_id)} if account_id else {}
    year = {"startsOn": str(TODAY), "endsOn": str(TODAY + timedelta(days=364))}
    return {"name": "Gold", "total": 10, "unlisted": "ALLOW", **whose, **year, **more}


def drafts(office: Office, by: Agent, account_id: UUID | None, **more: Any) -> Any:
    mutation = (
        f"mutation ($terms: EntitlementTerms!) {{ draftEntitlement(terms: $terms) {CHANGED} }}"
    )
    return office.asks(mutation, by=by, terms=terms(account_id, **more))["draftEntitlement"]


def acts(office: Office, by: Agent, name: str, id: Any, more: str = "") -> Any:
    """What the mutation of that name says of the entitlement."""
    return office.asks(f'mutation {{ {name}(id: "{id}"{more}) {CHANGED} }}', by=by)[name]


def on_case(office: Office, by: Agent, act: str) -> Any:
    """What an act on the case 1001 says."""
    shown = """... on Problem { code message } ... on CaseChanged { case { billable noDecrement
        coveredBy entitlement { name remaining } decision { words chosenBy }
        ledger { kind amount agent { name } } } }"""
    name, _, arguments = act.partition("(")
    query = f"mutation {{ {name}(caseNumber: 1001, {arguments} {{ __typename {shown} }} }}"
    return office.asks(query, by=by)[name]


def test_an_entitlement_goes_from_draft_to_its_renewal(
    desk: DeskUnderTest, office: Office, mara: Agent
) -> None:
    ada = desk.has_customer("ada@contoso.example")
    with desk.transaction() as session:
        session.add(printer := Product(id=new_id(), number="P-1", name="Printer"))

    drafted = drafts(
        office, mara, ada.account_id,
        contacts=[str(ada.id)], products=[str(printer.id)],
        channels=[{"channel": "email", "total": 3}],
    )["entitlement"]  # fmt: skip
    active = acts(office, mara, "activateEntitlement", drafted["id"])["entitlement"]
    cancelled = acts(office, mara, "cancelEntitlement", drafted["id"], ', reason: "Moved"')
    renewed = acts(office, mara, "renewEntitlement", drafted["id"], ', on: "2027-01-01"')

    assert (drafted["state"], drafted["remaining"]) == ("DRAFT", 0)
    assert (drafted["contacts"], drafted["products"]) == ([{"name": "Ada"}], [{"name": "Printer"}])
    assert (active["state"], active["remaining"]) == ("ACTIVE", 10)
    assert active["channels"] == [{"channel": "email", "total": 3, "remaining": 3}]
    assert cancelled["entitlement"]["state"] == "CANCELLED"
    assert renewed["entitlement"]["state"] == "DRAFT"
    assert renewed["entitlement"]["endsOn"] == str(date(2027, 1, 1) + timedelta(days=364))
    assert renewed["entitlement"]["renews"] == {"name": "Gold"}
    assert renewed["entitlement"]["products"] == [{"name": "Printer"}]


def test_an_active_entitlement_is_taken_back_before_it_is_changed(
    desk: DeskUnderTest, office: Office, mara: Agent
) -> None:
    ada = desk.has_customer()
    id = drafts(office, mara, ada.account_id)["entitlement"]["id"]
    acts(office, mara, "activateEntitlement", id)
    change = f"""mutation ($terms: EntitlementTerms!) {{
        redraftEntitlement(id: "{id}", terms: $terms) {CHANGED} }}"""
    more = terms(ada.account_id, total=15, contacts=[str(ada.id)])

    refused = office.asks(change, by=mara, terms=more)["redraftEntitlement"]
    twice = acts(office, mara, "activateEntitlement", id)
    acts(office, mara, "deactivateEntitlement", id)
    changed = office.asks(change, by=mara, terms=more)["redraftEntitlement"]
    active = acts(office, mara, "activateEntitlement", id)["entitlement"]

    assert refused["__typename"] == twice["__typename"] == "EntitlementInWrongState"
    assert "deactivate it" in refused["message"]
    assert changed["entitlement"]["contacts"] == [{"name": "Ada"}]
    assert (active["total"], active["remaining"]) == (15, 15)
    assert sorted(entry["amount"] for entry in active["ledger"]["nodes"]) == [5, 10]


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"total": -1}, "total"),
        ({"endsOn": "2020-01-01"}, "endsOn"),
        ({"contact": UNKNOWN}, "contact"),
        ({"sla": UNKNOWN}, "sla"),
        ({"products": [UNKNOWN]}, "products"),
        ({"allocation": "HOURS"}, "decreaseOn"),
        ({"channels": [{"channel": "pigeon", "total": 1}]}, "channels.pigeon"),
        ({"channels": [{"channel": "email", "total": 1}] * 2}, "channels"),
        ({"renewalDays": [30]}, "email"),
        ({"thresholds": [120]}, "thresholds"),
        ({"periodMonths": 0}, "periodMonths"),
        ({"periodMonths": 2**31 - 1}, "periodMonths"),
        ({"carryOverDays": 2**31 - 1}, "carryOverDays"),
        ({"renewalDays": [2**31 - 1], "email": "ada@example.com"}, "renewalDays"),
        ({"total": 2**31 - 1}, "total"),
        ({"email": "a@" + "b" * 400}, "email"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_a_term_that_cannot_be_meant_is_named(
    desk: DeskUnderTest, office: Office, mara: Agent, wrong: dict[str, Any], field: str
) -> None:
    ada = desk.has_customer()

    refused = drafts(office, mara, ada.account_id, **wrong)
    nobody = drafts(office, mara, None)

    assert (refused["__typename"], refused["field"]) == ("WrongInput", field), refused
    assert nobody["field"] == "customer"
    assert desk.count(Entitlement) == 0


def test_a_redraft_that_is_refused_leaves_the_draft_as_it_was(
    desk: DeskUnderTest, office: Office, mara: Agent
) -> None:
    ada = desk.has_customer()
    id = drafts(office, mara, ada.account_id)["entitlement"]["id"]
    change = f"""mutation ($terms: EntitlementTerms!) {{
        redraftEntitlement(id: "{id}", terms: $terms) {CHANGED} }}"""

    for wrong in ({"account": None}, {"name": "Silver", "total": -1}):
        refused = office.asks(change, by=mara, terms=terms(ada.account_id) | wrong)
        assert refused["redraftEntitlement"]["__typename"] == "WrongInput"

    [kept] = desk.all(Entitlement)
    assert (kept.name, kept.total, kept.account_id) == ("Gold", 10, ada.account_id)


def test_what_is_doubtful_is_done_and_told(
    desk: DeskUnderTest, office: Office, mara: Agent
) -> None:
    ada = desk.has_customer()
    many = [{"channel": "email", "total": 8}, {"channel": "phone", "total": 8}]

    drafted = drafts(office, mara, ada.account_id, channels=many)

    assert drafted["warnings"] == ["channels: they add up to 16, the whole is 10"]


def test_a_draft_is_made_from_a_template(desk: DeskUnderTest, office: Office, mara: Agent) -> None:
    ada = desk.has_customer()
    with desk.transaction() as session:
        template = EntitlementTemplate(
            id=new_id(), name="Gold", total=200, lasts_months=12, channels={"email": 100}
        )
        session.add(template)
    query = f"""mutation {{ draftEntitlementFromTemplate(template: "{template.id}",
        account: "{ada.account_id}", startsOn: "2026-02-01") {CHANGED} }}"""

    drafted = office.asks(query, by=mara)["draftEntitlementFromTemplate"]["entitlement"]
    listed = office.asks("{ entitlementTemplates { name channels { total } } }", by=mara)

    assert (drafted["name"], drafted["total"], drafted["endsOn"]) == ("Gold", 200, "2027-01-31")
    assert listed["entitlementTemplates"] == [{"name": "Gold", "channels": [{"total": 100}]}]


def test_a_balance_is_put_right_with_a_reason(
    desk: DeskUnderTest, office: Office, mara: Agent
) -> None:
    id = desk.has_entitlement(desk.has_customer().account_id, total=5).id

    corrected = acts(office, mara, "correctEntitlement", id, ', amount: 2, reason: "A gift"')
    silent = acts(office, mara, "correctEntitlement", id, ', amount: 2, reason: " "')
    endless = acts(office, mara, "correctEntitlement", id, ', amount: 2147483647, reason: "x"')

    assert corrected["entitlement"]["remaining"] == 7
    assert corrected["entitlement"]["ledger"]["nodes"][0]["reason"] == "A gift"
    assert (silent["__typename"], silent["field"]) == ("WrongInput", "reason")
    assert (endless["__typename"], endless["field"]) == ("WrongInput", "amount")


def test_an_entitlement_is_put_on_a_case_and_taken_off_with_its_term(
    desk: DeskUnderTest, office: Office, mara: Agent
) -> None:
    ada = desk.has_customer(allotment=3, ends_on=LATER)
    gold = desk.has_entitlement(ada.account_id, total=5, name="Gold", ends_on=LATER)
    other = desk.has_entitlement(desk.has_customer("eve@other.example").account_id, total=5)
    desk.accepts(email(at=NOW))

    put = on_case(office, mara, f'setEntitlement(entitlement: "{gold.id}")')
    foreign = on_case(office, mara, f'setEntitlement(entitlement: "{other.id}")')
    free = on_case(office, mara, "setNoDecrement(on: true)")
    off = on_case(office, mara, "setEntitlement(entitlement: null)")
    again = on_case(office, mara, "chooseEntitlementAgain(expectedVersion: null)")

    assert put["case"]["entitlement"] == {"name": "Gold", "remaining": 4}
    assert put["case"]["coveredBy"] == put["case"]["decision"]["chosenBy"] == "HAND"
    assert [entry["amount"] for entry in put["case"]["ledger"]] == [-1, 1, -1]
    assert foreign["__typename"] == "EntitlementDoesNotCover"
    assert free["case"]["entitlement"] == {"name": "Gold", "remaining": 5}
    assert off["case"]["entitlement"] is None
    assert again["case"]["coveredBy"] == "RULE"
    assert again["case"]["entitlement"] is not None


def test_a_manager_overrides_and_an_agent_may_not(
    desk: DeskUnderTest, office: Office, mara: Agent
) -> None:
    ada = desk.has_customer()
    used_up = desk.has_entitlement(ada.account_id, total=0, ends_on=LATER)
    desk.accepts(email(at=NOW))
    act = f'overrideReview(reason: "Their first", entitlement: "{used_up.id}")'

    by_agent = on_case(office, desk.has_agent(), act)
    by_manager = on_case(office, mara, act)

    assert by_agent["__typename"] == "NotAllowed"
    assert by_manager["case"]["coveredBy"] == "OVERRIDE"
    assert [entry["kind"] for entry in by_manager["case"]["ledger"]] == ["OVERRIDE"]
    assert by_manager["case"]["ledger"][0]["agent"] == {"name": "Mara"}


def test_what_is_used_up_has_a_type_of_its_own(
    desk: DeskUnderTest, office: Office, mara: Agent
) -> None:
    desk.has_customer(allotment=1, ends_on=LATER)
    desk.accepts(email(at=NOW))
    on_case(office, mara, "setNoDecrement(on: true)")
    desk.accepts(email(subject="Another", at=NOW))

    refused = on_case(office, mara, "setNoDecrement(on: false)")

    assert (refused["__typename"], refused["code"]) == (
        "EntitlementExhausted", "entitlement-exhausted",
    )  # fmt: skip


def test_customer_product_and_channel_of_a_case_are_corrected(
    desk: DeskUnderTest, office: Office, mara: Agent
) -> None:
    desk.has_customer(allotment=3, ends_on=LATER)
    eve = desk.has_customer("eve@other.example", allotment=5, ends_on=LATER)
    desk.accepts(email(at=NOW))
    with desk.transaction() as session:
        session.add(printer := Product(id=new_id(), number="P-1", name="Printer"))

    moved = on_case(office, mara, f'setCustomer(contact: "{eve.id}")')
    named = on_case(office, mara, f'setProduct(product: "{printer.id}")')
    phoned = on_case(office, mara, 'setChannel(channel: "phone")')
    missing = on_case(office, mara, f'setProduct(product: "{new_id()}")')
    shown = office.asks(
        "{ case(number: 1001) { channel product { number } customer { name } } }", by=mara
    )["case"]

    assert moved["case"]["entitlement"]["remaining"] == 4
    assert named["__typename"] == phoned["__typename"] == "CaseChanged"
    assert missing["__typename"] == "NotFound"
    assert shown == {
        "channel": "phone", "product": {"number": "P-1"}, "customer": {"name": "other.example"},
    }  # fmt: skip


def test_a_preview_decides_as_intake_would_and_takes_nothing(
    desk: DeskUnderTest, office: Office, mara: Agent
) -> None:
    ada = desk.has_customer(allotment=2, channels={"email": 1}, ends_on=LATER)
    query = PREVIEW
    written = (desk.count(LedgerEntry), desk.count(Case))

    by_mail = office.asks(query, by=mara, contact=str(ada.id), channel="email")
    by_phone = office.asks(query, by=mara, contact=str(ada.id), channel="phone")
    after = (desk.count(LedgerEntry), desk.count(Case))
    desk.accepts(email(at=NOW))
    really = office.asks("{ case(number: 1001) { decision { words } } }", by=mara)
    used_up = office.asks(query, by=mara, contact=str(ada.id), channel="email")

    assert by_mail["entitlementPreview"]["covered"]
    assert by_mail["entitlementPreview"]["words"] == really["case"]["decision"]["words"]
    assert by_phone["entitlementPreview"]["refusal"] == "CHANNEL_NOT_COVERED"
    assert after == written
    assert used_up["entitlementPreview"]["refusal"] == "CHANNEL_USED_UP"


def test_a_preview_of_a_later_day_counts_what_time_will_have_done(
    desk: DeskUnderTest, office: Office, mara: Agent
) -> None:
    ada = desk.has_customer()
    plan = desk.has_entitlement(
        ada.account_id, total=1, starts_on=TODAY, ends_on=TODAY + timedelta(days=70),
        period_months=1,
    )  # fmt: skip
    desk.accepts(email(at=NOW))
    query = PREVIEW

    def asked(days: int) -> Any:
        at = (NOW + timedelta(days=days)).isoformat()
        found = office.asks(query, by=mara, contact=str(ada.id), channel="email", at=at)
        return found["entitlementPreview"]["refusal"]

    assert [asked(0), asked(40), asked(80)] == ["USED_UP", None, "EXPIRED"]
    assert desk.remaining(plan) == 0


def test_a_preview_wants_a_customer_and_a_moment(
    desk: DeskUnderTest, office: Office, mara: Agent
) -> None:
    ada = desk.has_customer()

    def refused(arguments: str) -> str:
        query = f'{{ entitlementPreview(channel: "email", {arguments}) {{ words }} }}'
        code: str = office.posts({"query": query}, by=mara).json()["errors"][0]["extensions"][
            "code"
        ]
        return code

    assert refused("account: null") == "not-found"
    assert refused(f'contact: "{new_id()}"') == "not-found"
    assert refused(f'contact: "{ada.id}", at: "2026-01-01T10:00:00"') == "bad-query"
    assert refused(f'contact: "{ada.id}", at: "0001-01-01T00:00:00+14:00"') == "bad-query"


def test_a_list_of_entitlements_costs_the_same_for_two_and_for_thirty(
    desk: DeskUnderTest, office: Office, mara: Agent
) -> None:
    with desk.transaction() as session:
        session.add(printer := Product(id=new_id(), number="P-1", name="Printer"))
    for n in range(30):
        ada = desk.has_customer(f"ada@company{n}.example")
        desk.has_entitlement(
            ada.account_id, total=9, channels={"email": 5}, name=f"Plan {n}", owner_id=mara.id,
            contacts=[entitlements.EntitledContact(contact_id=ada.id)],
            products=[entitlements.EntitledProduct(product_id=printer.id)],
        )  # fmt: skip
    query = """query ($first: Int!) { entitlements(first: $first) { nodes {
        left reserved customer { name } channels { remaining } contacts { name } owner { name }
        products { name family { name } } sla { name } template { name } renews { name }
        renewedBy { name } contractLine { title contract { number } } forecast { words aDay }
        ledger(first: 2) { nodes { kind agent { name } case { number } } } } } }"""
    office.asks(query, by=mara, first=1)

    with office.counts_statements() as for_two:
        office.asks(query, by=mara, first=2)
    with office.counts_statements() as for_all:
        found = office.asks(query, by=mara, first=30)["entitlements"]["nodes"]

    assert all(one["contacts"] and one["products"] and one["forecast"] for one in found)
    assert len(found) == 30
    assert len(for_all) == len(for_two) <= 14, for_all


def test_what_runs_out_soonest_is_reported_first(
    desk: DeskUnderTest, office: Office, mara: Agent
) -> None:
    for name, days in (("late", 200), ("soon", 5)):
        ada = desk.has_customer(f"ada@{name}.example")
        desk.has_entitlement(ada.account_id, total=9, ends_on=TODAY + timedelta(days=days))
    query = """{ reports { entitlementsExpiration(first: 5) {
        customer lastsUntil entitlement { left } forecast { words } } } }"""

    found = office.asks(query, by=mara)["reports"]["entitlementsExpiration"]

    assert [each["customer"] for each in found] == ["soon.example", "late.example"]
    assert found[0]["lastsUntil"] == str(TODAY + timedelta(days=5))
    assert found[0]["entitlement"] == {"left": "9 of 9 cases"}


def test_two_contacts_become_one_and_two_again(
    desk: DeskUnderTest, office: Office, mara: Agent
) -> None:
    ada, other = desk.has_customer(), desk.has_customer("ada.l@example.com")
    merge = f"""mutation {{ mergeContacts(survivor: "{ada.id}", other: "{other.id}") {{
        __typename ... on CustomerChanged {{ customer {{ ... on Contact {{
            points {{ value }}
            merges {{ id merged {{ name mergedInto {{ name }} }} }} }} }} }} }} }}"""

    merged = office.asks(merge, by=mara)["mergeContacts"]["customer"]
    again = office.asks(merge, by=mara)["mergeContacts"]
    [record] = merged["merges"]
    undo = f'mutation {{ undoMerge(merge: "{record["id"]}") {{ __typename }} }}'
    undone = office.asks(undo, by=mara)["undoMerge"]
    twice = office.asks(undo, by=mara)["undoMerge"]

    assert len(merged["points"]) == 2
    assert record["merged"] == {"name": "Ada.L", "mergedInto": {"name": "Ada"}}
    assert again["__typename"] == twice["__typename"] == "CannotMerge"
    assert undone["__typename"] == "CustomerChanged"
    assert [row.merged_into_id for row in desk.all(Contact)] == [None, None]


def test_what_is_known_of_a_customer_is_written_down_and_shown(
    desk: DeskUnderTest, office: Office, mara: Agent
) -> None:
    ada = desk.has_customer("ada@contoso.example")
    with desk.transaction() as session:
        session.add(printer := Product(id=new_id(), number="P-1", name="Printer"))
    acts_on = f"""mutation {{
        note: noteAccount(account: "{ada.account_id}", text: "Prefers calls") {{ __typename }}
        own: ownProduct(product: "{printer.id}", serialNumber: "77", account: "{ada.account_id}",
            warrantyUntil: "2027-01-01") {{ __typename }}
        like: setPreferences(contact: "{ada.id}", wishes: {{language: "es", days: [MONDAY],
            timeOfDay: MORNING, agent: "{mara.id}"}}) {{ __typename }}
        reach: attachPoint(contact: "{ada.id}", kind: PHONE, value: "+34600123456")
            {{ __typename }}
        odd: attachPoint(contact: "{ada.id}", kind: EMAIL, value: "nowhere")
            {{ ... on WrongInput {{ field code }} }} }}"""

    done = office.asks(acts_on, by=mara)
    shown = office.asks(
        f"""{{ contact(id: "{ada.id}") {{ language points {{ value }}
            preferences {{ days timeOfDay agent {{ name }} }}
            account {{ notes {{ nodes {{ text authorName }} }}
                products {{ serialNumber warrantyUntil product {{ name }} }} }} }} }}""",
        by=mara,
    )["contact"]

    assert done.pop("odd") == {"field": "email", "code": "wrong-contact-point"}
    assert all(result == {"__typename": "CustomerChanged"} for result in done.values())
    assert shown["language"] == "es"
    assert "+34600123456" in [point["value"] for point in shown["points"]]
    assert shown["preferences"] == {
        "days": ["MONDAY"], "timeOfDay": "MORNING", "agent": {"name": "Mara"},
    }  # fmt: skip
    assert shown["account"]["notes"]["nodes"] == [{"text": "Prefers calls", "authorName": "Mara"}]
    assert shown["account"]["products"] == [
        {"serialNumber": "77", "warrantyUntil": "2027-01-01", "product": {"name": "Printer"}}
    ]


def test_a_list_of_customers_costs_the_same_for_two_and_for_thirty(
    desk: DeskUnderTest, office: Office, mara: Agent
) -> None:
    with desk.transaction() as session:
        session.add(printer := Product(id=new_id(), number="P-1", name="Printer"))
    for n in range(30):
        ada = desk.has_customer(f"ada@company{n}.example", allotment=n, ends_on=LATER)
        with desk.transaction() as session:
            session.add(
                OwnedProduct(product_id=printer.id, serial_number=str(n), account_id=ada.account_id)
            )
    query = """query ($first: Int!) { accounts(first: $first) { nodes { name domains
        entitlements { left } contracts { number } products { serialNumber product { name } }
        notes(first: 1) { nodes { text } } } }
        contacts(first: $first) { nodes { points { value } preferences { days }
            merges { at } mergedInto { name } account { name } } } }"""
    office.asks(query, by=mara, first=1)

    with office.counts_statements() as for_two:
        office.asks(query, by=mara, first=2)
    with office.counts_statements() as for_all:
        found = office.asks(query, by=mara, first=30)

    assert len(found["accounts"]["nodes"]) == len(found["contacts"]["nodes"]) == 30
    assert all(account["products"] for account in found["accounts"]["nodes"])
    assert len(for_all) == len(for_two) <= 14, for_all
