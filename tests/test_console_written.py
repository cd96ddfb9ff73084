"""Customers, products and what covers a case, written and changed in the console."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from httpx2 import Response
from starlette.testclient import TestClient

from channels.sandbox import Sandbox
from intake import entitlements, products
from intake.agents import Role
from intake.cases import Case
from intake.customers import Account, AccountDomain, Contact, ContactPoint, preferences
from intake.db import new_id
from intake.entitlements import Entitlement, EntitlementTemplate
from intake.products import OwnedProduct, Product, ProductFamily
from intake.sla import ServiceCalendar
from tests.console import Console, tree, words
from tests.desk import DeskUnderTest, email

NOW = datetime.now(UTC)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def console(desk: DeskUnderTest, sandbox: Sandbox) -> Console:
    return Console(desk, sandbox)


@pytest.fixture
def manager(console: Console) -> TestClient:
    return console.browser(console.desk.has_agent("Mara", Role.MANAGER))


def fields(page: Response, act: str) -> dict[str, str]:
    """The fields of the first form that leads there, as the page fills them in."""
    form = next(f for f in tree(page).forms if f.action.endswith(act) and f.method == "POST")
    return {name: str(value or "") for name, value in form.form_values()}


def test_an_account_is_written_down_with_its_domains(console: Console, manager: TestClient) -> None:
    desk = console.desk
    form = fields(manager.get("/customers/accounts/new"), "/new")
    made = manager.post(
        "/customers/accounts/new", data=form | {"name": "Contoso", "domain": "contoso.com"}
    )
    page = made.headers["location"]

    manager.post(f"{page}/domains", data={"domain": "contoso.es"})
    public = manager.post(f"{page}/domains", data={"domain": "gmail.com"})
    manager.post(f"{page}/remove-domain", data={"domain": "contoso.com"})
    change = fields(manager.get(f"{page}/edit"), "/edit")
    manager.post(f"{page}/edit", data=change | {"external_id": "C-1", "shares_cases": "yes"})

    [account] = desk.all(Account)
    assert (account.name, account.external_id, account.shares_cases) == ("Contoso", "C-1", True)
    assert [held.domain for held in desk.all(AccountDomain)] == ["contoso.es"]
    assert public.status_code == 422
    assert "anybody can have an address at gmail.com" in words(public)
    assert 'value="gmail.com"' in public.text


def test_a_person_is_written_down_reached_and_served_as_they_like(
    console: Console, manager: TestClient
) -> None:
    desk = console.desk
    other = desk.has_customer("cora@other.example")
    form = fields(manager.get("/customers/contacts/new"), "/new")
    wrong = manager.post(
        "/customers/contacts/new",
        data=form | {"name": "Cora", "account": "Nobody", "time_zone": "Mars"},
    )
    wishes = {"name": "Cora", "account": "OTHER.example", "time_zone": "Europe/Madrid",
              "on.monday": "yes", "time_of_day": "morning"}  # fmt: skip
    page = manager.post("/customers/contacts/new", data=form | wishes).headers["location"]
    manager.post(f"{page}/points", data={"kind": "phone", "value": "+34 600 123 456"})
    taken = manager.post(f"{page}/points", data={"kind": "email", "value": "cora@other.example"})
    manager.post(f"{page}/points", data={"kind": "twitter", "value": "@Cora", "verified": "yes"})

    assert wrong.status_code == 422
    assert "no account is called that" in words(wrong)
    cora = next(c for c in desk.all(Contact) if c.name == "Cora" and c.id != other.id)
    assert (cora.account_id, cora.time_zone) == (other.account_id, "Europe/Madrid")
    [likes] = desk.all(preferences.Preferences)
    assert (likes.days, likes.time_of_day) == (["monday"], preferences.TimeOfDay.MORNING)
    points = {p.value: p for p in desk.all(ContactPoint) if p.contact_id == cora.id}
    assert {value: p.verified for value, p in points.items()} == {
        "+34600123456": False, "cora": True,
    }  # fmt: skip
    assert taken.status_code == 422
    assert "if they are one, merge the two" in words(taken)
    manager.post(f"{page}/remove-point", data={"point": str(points["cora"].id)})
    assert desk.count(ContactPoint) == 2


def test_two_people_are_made_one_with_the_survivor_chosen_and_two_again(
    console: Console, manager: TestClient
) -> None:
    desk = console.desk
    ada, same = desk.has_customer("ada@example.com"), desk.has_customer("ab@other.example")
    page = f"/customers/contacts/{ada.id}/merge"
    found = manager.get(f"{page}?q=ab@other")

    merged = manager.post(page, data={"other": str(same.id), "survivor": "other"})
    survivor = manager.get(merged.headers["location"])
    undo = next(f.action for f in tree(survivor).forms if f.action.endswith("/undo"))
    itself = manager.post(
        f"/customers/contacts/{same.id}/merge", data={"other": str(same.id), "survivor": "this"}
    )
    parted = manager.post(undo)

    assert "They are one; keep Ada" in words(found)
    assert merged.headers["location"] == f"/customers/contacts/{same.id}"
    assert "Ada turned out to be them" in words(survivor)
    assert itself.status_code == 422
    assert parted.headers["location"] == f"/customers/contacts/{ada.id}"
    assert [contact.merged_into_id for contact in desk.all(Contact)] == [None, None]


def test_the_catalogue_is_kept_and_pieces_are_noted(console: Console, manager: TestClient) -> None:
    desk = console.desk
    ada = desk.has_customer()
    manager.post("/products/families", data={"name": "Printers", "parent_id": ""})
    again = manager.post("/products/families", data={"name": "Printers", "parent_id": ""})
    [family] = desk.all(ProductFamily)
    form = fields(manager.get(f"/products/new?family={family.id}"), "/new")
    made = manager.post("/products/new", data=form | {"number": "P-1", "name": "Printer"})
    twice = manager.post("/products/new", data=form | {"number": "P-1", "name": "Other"})
    [product] = desk.all(Product)
    whose = f"/customers/contacts/{ada.id}"
    piece = {"product_id": str(product.id), "serial_number": "S1", "bought_on": "2026-02-01"}
    inverted = manager.post(f"{whose}/owned", data=piece | {"warranty_until": "2026-01-01"})
    manager.post(f"{whose}/owned", data=piece)
    desk.accepts(email())
    [case] = desk.all(Case)
    cover = f"/cases/{case.number}/cover"
    manager.post(f"{cover}/product", data=fields(manager.get(cover), "/product") | {
        "product": str(product.id)})  # fmt: skip

    page = words(manager.get(made.headers["location"]))
    assert (product.family_id, product.number) == (family.id, "P-1")
    assert "there is a family 'Printers' already" in words(again)
    assert "another product has 'P-1'" in words(twice)
    assert "is before bought_on" in words(inverted)
    assert "Printer offline" in page
    assert "Ada S1" in page
    assert "Printer" in words(manager.get(f"/products?family={family.id}&q=p-1"))
    [owned] = desk.all(OwnedProduct)
    manager.post(f"{whose}/disown", data={"owned": str(owned.id)})
    assert desk.count(OwnedProduct) == 0


def test_what_covers_a_case_is_changed_and_its_term_moves(
    console: Console, manager: TestClient
) -> None:
    desk = console.desk
    ada = desk.has_customer(allotment=5)
    second = desk.has_entitlement(ada.account_id, total=9, channels={"email": 2}, name="Second")
    bob = desk.has_customer("bob@else.example")
    desk.accepts(email(at=NOW))
    [case] = desk.all(Case)
    cover = f"/cases/{case.number}/cover"

    def does(act: str, **typed: str) -> Response:
        return manager.post(f"{cover}/{act}", data={"version": str(version())} | typed)

    def version() -> int:
        return console.changed(case).version

    page = words(manager.get(cover))
    stale = manager.post(f"{cover}/choose-again", data={"version": "0"})
    does("entitlement", entitlement=str(second.id))
    moved = desk.remaining(second)
    does("channel", channel="phone")
    does("decrement", spare="yes")
    found = words(manager.get(f"{cover}?q=bob"))
    does("customer", contact=str(bob.id))
    unexplained = does("override", reason=" ", entitlement=str(second.id))
    does("override", reason="a favour", entitlement=str(second.id))

    assert "Support plan" in page
    assert "email is covered" in page
    assert stale.status_code == 422
    assert moved == 8
    assert "Bob of else.example" in found
    assert "say why this case is let in" in words(unexplained)
    kept = console.changed(case)
    assert (kept.contact_id, kept.entitlement_id) == (bob.id, second.id)
    assert kept.decision["words"] == "Second, by Mara: a favour"
    with desk.db.reading() as session:
        held = entitlements.held_by(session, {(None, ada.account_id)})
        assert entitlements.unbalanced(session, held) == []


def test_an_agent_without_managing_sees_no_override(console: Console) -> None:
    desk = console.desk
    desk.has_customer(allotment=5)
    desk.accepts(email())
    [case] = desk.all(Case)
    grace = console.browser(desk.has_agent())

    page = grace.get(f"/cases/{case.number}/cover")
    refused = grace.post(f"/cases/{case.number}/cover/override", data={"reason": "please"})

    assert "Let it in against the rules" not in words(page)
    assert refused.status_code == 403


def test_a_draft_is_limited_to_people_and_products_and_served_in_hours(
    console: Console, manager: TestClient
) -> None:
    desk = console.desk
    ada = desk.has_customer()
    printer = Product(id=new_id(), number="P-1", name="Printer")
    hours = ServiceCalendar(
        id=new_id(), name="Madrid",
        hours={"zone": "Europe/Madrid", "weekly": {"mon": [["09:00", "17:00"]]}},
    )  # fmt: skip
    with desk.transaction() as session:
        session.add_all((printer, hours))
    form = fields(manager.get(f"/entitlements/new?account={ada.account_id}"), "/new")
    form |= {"name": "Gold", "total": "9", "products": "P-1", "contacts": "ada@example.com",
             "calendar_id": str(hours.id), "draft_renewal": "yes"}  # fmt: skip
    wrong = manager.post("/entitlements/new", data=form | {"products": "P-9"})
    page = manager.post("/entitlements/new", data=form).headers["location"]

    edit = fields(manager.get(f"{page}/edit"), "/edit")
    manager.post(f"{page}/edit", data=edit | {"contacts": ""})

    assert "there is no product P-9" in words(wrong)
    assert (edit["products"], edit["contacts"]) == ("P-1", "ada@example.com")
    shown = words(manager.get(page))
    assert "everybody, 1 product Printer" in shown
    assert "Madrid days of Europe/Madrid" in shown
    [plan] = desk.all(Entitlement)
    assert (plan.zone, plan.draft_renewal) == ("Europe/Madrid", True)
    assert "it covers nothing" in shown  # no channel is listed, and others may not come


def test_last_year_is_tried_on_another_template(console: Console, manager: TestClient) -> None:
    desk = console.desk
    ada = desk.has_customer()
    desk.accepts(*(email(at=NOW - timedelta(days=days)) for days in (1, 2, 40)))
    template = EntitlementTemplate(id=new_id(), name="Two", total=2, channels={"email": 9})
    with desk.transaction() as session:
        session.add(template)
    place = f"/entitlements/replay?account={ada.account_id}"

    asked = manager.get(place)
    told = manager.get(f"{place}&template={template.id}")
    inverted = manager.get(f"{place}&template={template.id}&since=2026-02-01&until=2026-01-01")

    assert "choose a template" in words(asked)
    assert "2 of 3 cases covered, 2 cases taken; 0 left at the end." in words(told)
    assert "1 case: used up" in words(told)
    assert inverted.status_code == 422
    assert "is not within ten years after" in words(inverted)
    assert console.browser(desk.has_agent()).get(place).status_code == 403


def test_the_terms_of_an_entitlement_are_kept_as_a_template(
    console: Console, manager: TestClient
) -> None:
    desk = console.desk
    plan = desk.has_entitlement(
        desk.has_customer().account_id, total=7, channels={"email": 3}, thresholds=[10]
    )
    page = f"/entitlements/{plan.id}"

    kept = manager.post(f"{page}/template", data={"name": "Seven"})
    twice = manager.post(f"{page}/template", data={"name": "Seven"})

    assert kept.headers["location"] == page
    assert "there is a template 'Seven' already" in words(twice)
    [template] = desk.all(EntitlementTemplate)
    assert (template.name, template.total, template.channels) == ("Seven", 7, {"email": 3})
    assert (template.lasts_months, template.thresholds) == (12, [10])


def test_what_runs_low_is_flagged_on_its_customer(console: Console, manager: TestClient) -> None:
    desk = console.desk
    ada = desk.has_customer()
    desk.has_entitlement(ada.account_id, total=2, thresholds=[50], name="Low")
    before = words(manager.get(f"/customers/accounts/{ada.account_id}"))

    desk.accepts(email())

    after = words(manager.get(f"/customers/accounts/{ada.account_id}"))
    assert "runs low" not in before
    assert "Low runs low: 1 of 2 cases left. Offer to renew it." in after


def test_everybody_who_works_here_finds_the_catalogue(console: Console) -> None:
    desk = console.desk
    by = desk.principal("Mara", Role.MANAGER)
    with desk.transaction() as session:
        products.add(session, by, number="P-1", name="<b>Printer</b>", at=NOW)
    reader = console.browser(desk.has_agent("Rita", Role.READ_ONLY))

    page = reader.get("/products")

    assert "<b>Printer</b>" in words(page)
    assert "New family" not in page.text
    assert reader.post("/products/families", data={"name": "X"}).status_code == 403
    assert reader.get("/products/new").status_code == 403
