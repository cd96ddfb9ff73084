"""Customers in the console: found by what is known of them, and everything about one on a page."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from httpx2 import Response

from channels.sandbox import Sandbox
from intake import agree, entitlements, work
from intake.agents import Role
from intake.contracts import LineTerms, Terms
from intake.customers import Account, Contact, ContactPoint, notes, preferences
from intake.customers.notes import AccountNote
from intake.db import Database, new_id
from intake.entitlements import Entitlement
from intake.messages import ContactKind
from intake.products import OwnedProduct, Product
from tests.conftest import fresh_sqlite
from tests.console import Console, tree, words
from tests.desk import DESK, DeskUnderTest, email
from tests.payloads import PAYLOADS

NOW = datetime.now(UTC).replace(microsecond=0)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def console(desk: DeskUnderTest, sandbox: Sandbox) -> Console:
    return Console(desk, sandbox)


def names(text: str) -> list[str]:
    """The customers a page lists, in its order."""
    return re.findall(r'class="cover" href="/customers/[^"]+"><bdi>([^<]+)</bdi>', text)


@pytest.mark.parametrize(
    ("question", "accounts", "people"),
    [
        ("", ["bee.example", "sea.example"], ["Ada", "Bob", "Cleo"]),
        ("BEE", ["bee.example"], ["Ada", "Bob"]),
        ("bob@", [], ["Bob"]),
        ("%", [], []),
        ("_", [], []),
        ("' OR 1=1 --", [], []),
    ],
)
def test_customers_are_found_by_name_address_and_domain(
    console: Console, question: str, accounts: list[str], people: list[str]
) -> None:
    for address in ("ada@bee.example", "bob@bee.example", "cleo@sea.example"):
        console.desk.has_customer(address)
    browser = console.browser(console.desk.has_agent())

    found = [
        names(browser.get("/customers", params={"q": question, "kind": kind}).text)
        for kind in ("", "people")
    ]

    assert found == [accounts, people]


@pytest.mark.parametrize("kind", ["", "people"])
def test_each_customer_is_on_exactly_one_page(console: Console, kind: str) -> None:
    with console.desk.transaction() as session:
        # Ten of a name, so that pages break between two who are called the same.
        for i in range(120):
            session.add(Account(name=f"Account {i // 10}", created_at=NOW))
            session.add(Contact(name=f"Person {i // 10}", created_at=NOW))
    browser = console.browser(console.desk.has_agent())

    seen: list[str] = []
    page = browser.get("/customers", params={"kind": kind})
    while True:
        seen += tree(page).xpath("//a[@class='cover']/@href")
        following = tree(page).xpath("//a[@rel='next']/@href")
        if not following:
            break
        page = browser.get(following[0])

    assert len(seen) == len(set(seen)) == 120


@pytest.mark.parametrize("after", ["x", "_", "00000000-0000-0000-0000-000000000000", "%00_a"])
def test_a_tampered_address_lists_customers_from_the_beginning(
    console: Console, after: str
) -> None:
    console.desk.has_customer("ada@bee.example")

    page = console.browser(console.desk.has_agent()).get(f"/customers?after={after}")

    assert names(page.text) == ["bee.example"]


def test_an_account_shows_its_cases_people_and_balances(console: Console) -> None:
    ada = console.desk.has_customer(
        "ada@bee.example", allotment=5, channels={"email": 3, "phone": 1}
    )
    first, second = (
        receipt.case
        for receipt in console.desk.accepts(
            email("ada@bee.example", "Printer", at=NOW), email("ada@bee.example", "Scanner", at=NOW)
        )
    )
    assert first is not None
    assert second is not None
    luis = console.desk.principal("Luis")
    with console.desk.transaction() as session:
        work.resolve(session, luis, second.id, "Done.", desk=console.desk.settings, at=NOW)
        session.add(
            ContactPoint(
                contact_id=ada.id, kind=ContactKind.PHONE, value="+34600123456", verified=True
            )
        )

    page = console.browser(console.desk.has_agent()).get(f"/customers/accounts/{ada.account_id}")

    text = words(page)
    assert re.search(r"Open cases 1 .*Printer.* What they bought .* Closed cases .*Scanner", text)
    assert "3 of 5 cases left" in text
    assert re.search(r"Email 1 of 3 left.* Phone 1 of 1 left", text)
    assert "ada@bee.example not verified" in text
    assert re.search(r"600 12 34 56|\+34 600 12 34 56", text)


def test_the_ledger_adds_up_line_by_line(console: Console) -> None:
    ada = console.desk.has_customer("ada@bee.example", allotment=5)
    receipts = console.desk.accepts(*(email("ada@bee.example", at=NOW) for _ in range(3)))
    assert receipts[0].case is not None
    luis = console.desk.principal("Luis")
    with console.desk.transaction() as session:
        work.cancel(
            session, luis, receipts[0].case.id, "twice", desk=DESK, at=NOW + timedelta(seconds=1)
        )

    page = console.browser(console.desk.has_agent()).get(f"/customers/contacts/{ada.id}")

    rows = tree(page).xpath("//table[@class='ledger']/tbody/tr")
    changes = [int(row[3].text_content().replace("−", "-") or 0) for row in rows]
    left = [int(row[5].text_content()) for row in rows]
    assert changes == [1, -1, -1, -1, 5]
    assert left == [sum(changes[i:]) for i in range(5)]
    assert f"/cases/{receipts[0].case.number}" in page.text


def test_what_somebody_may_not_see_is_not_on_a_customers_page(console: Console) -> None:
    luis, grace = console.desk.has_agent("Luis"), console.desk.has_agent("Grace")
    console.desk.has_queue("Vault", members=(luis,), address="vault@desk.example")
    ada = console.desk.has_customer("ada@bee.example", allotment=5)
    [receipt] = console.desk.accepts(
        email("ada@bee.example", "CANARY", mailbox="vault@desk.example", to=("vault@desk.example",))
    )
    assert receipt.case is not None
    places = [f"/customers/accounts/{ada.account_id}", f"/customers/contacts/{ada.id}"]

    for_grace = [console.browser(grace).get(place).text for place in [*places, "/customers"]]
    for_luis = [console.browser(luis).get(place).text for place in places]

    assert not any("CANARY" in page or "/cases/1001" in page for page in for_grace)
    assert "not yours to see" in for_grace[0]
    assert "none open" in for_grace[2]
    # A member sees it at the same places, so that the test could have failed.
    assert all("CANARY" in page and "/cases/1001" in page for page in for_luis)


def test_a_note_is_added_and_one_without_words_is_not(console: Console) -> None:
    ada = console.desk.has_customer("ada@bee.example")
    browser = console.browser(console.desk.has_agent("Grace"))
    reader = console.browser(console.desk.has_agent("Rita", Role.READ_ONLY))
    place = f"/customers/accounts/{ada.account_id}"

    empty = browser.post(f"{place}/note", data={"text": "  "})
    added = browser.post(f"{place}/note", data={"text": "Calls <b>late</b>."})
    refused = reader.post(f"{place}/note", data={"text": "mine"})

    assert empty.status_code == 422
    assert "there are no words" in words(empty)
    assert added.headers["location"].startswith(place)
    assert refused.status_code == 403
    assert [note.text for note in console.desk.all(AccountNote)] == ["Calls <b>late</b>."]
    assert "Calls &lt;b&gt;late&lt;/b&gt;." in browser.get(place).text
    assert "Add note" not in reader.get(place).text


def test_a_person_who_was_merged_leads_to_who_they_are(console: Console) -> None:
    ada, twin = (console.desk.has_customer(f"{name}@bee.example") for name in ("ada", "twin"))
    with console.desk.transaction() as session:
        session.get_one(Contact, twin.id).merged_into_id = ada.id
    browser = console.browser(console.desk.has_agent())

    answer = browser.get(f"/customers/contacts/{twin.id}")

    assert answer.headers["location"] == f"/customers/contacts/{ada.id}"
    assert names(browser.get("/customers?kind=people").text) == ["Ada"]


def test_a_case_leads_to_its_customer(console: Console) -> None:
    ada = console.desk.has_customer("ada@bee.example", allotment=3)
    [receipt] = console.desk.accepts(email("ada@bee.example"))
    assert receipt.case is not None
    browser = console.browser(console.desk.has_agent())

    links = tree(browser.get(f"/cases/{receipt.case.number}")).xpath(
        "//section[h2='Customer']//a/@href"
    )

    assert links[:2] == [f"/customers/contacts/{ada.id}", f"/customers/accounts/{ada.account_id}"]
    assert links[2].startswith("/entitlements/")
    assert [browser.get(link).status_code for link in links] == [200, 200, 200]


def test_products_show_whether_their_warranty_lasts(console: Console) -> None:
    ada = console.desk.has_customer("ada@bee.example")
    product = Product(id=new_id(), number="X200", name="Printer X200")
    with console.desk.transaction() as session:
        session.add(product)
        for serial, until in (("S1", date(2001, 1, 1)), ("S2", NOW.date())):
            session.add(
                OwnedProduct(
                    product_id=product.id, serial_number=serial, account_id=ada.account_id,
                    warranty_until=until,
                )
            )  # fmt: skip

    page = console.browser(console.desk.has_agent()).get(f"/customers/accounts/{ada.account_id}")

    assert re.search(r"S1 warranty ended 1 Jan 2001 .* S2 warranty until", words(page))


def written_everywhere(console: Console, payload: str) -> list[str]:
    """Pages of a customer with the payload wherever words can stand."""
    desk, text = console.desk, payload.replace("\0", "")
    ada = desk.has_customer("ada@bee.example", allotment=5, name=text)
    manager = desk.principal("Marta", Role.MANAGER)
    terms = Terms(
        text or "-", NOW.date(), NOW.date(), "EUR", account_id=ada.account_id, bill_to=text
    )
    [receipt] = desk.accepts(email("ada@bee.example", text, at=NOW))
    assert receipt.case is not None
    with desk.transaction() as session:
        session.get_one(Contact, ada.id).name = text
        session.get_one(Account, ada.account_id).name = text
        [held] = session.query(Entitlement)
        held.description = text
        entitlements.correct(session, held, 1, text or "-", at=NOW, by=manager)
        notes.note(session, manager, ada.account_id or ada.id, text or "-", at=NOW)
        line = LineTerms(text or "-", total=1)
        deal = agree.draft(session, manager, terms, line, desk=desk.settings, at=NOW)
        preferences.prefer(session, manager, ada.id, at=NOW, equipment=text[:200])
        return [
            "/customers", "/customers?kind=people", f"/customers/accounts/{ada.account_id}",
            f"/customers/contacts/{ada.id}", f"/entitlements/{held.id}", f"/contracts/{deal.id}",
            f"/contracts/{deal.id}/edit", f"/entitlements/new?account={ada.account_id}",
        ]  # fmt: skip


def shape(page: Response) -> list[tuple[str, tuple[str, ...]]]:
    """The page without its words: each element with the names of its attributes."""
    return [(str(element.tag), tuple(sorted(element.attrib))) for element in tree(page).iter()]


def test_no_words_about_a_customer_become_markup(sqlite_template: Path, tmp_path: Path) -> None:
    shapes = []
    with Sandbox() as sandbox:
        for number, payload in enumerate(["plain words", *PAYLOADS[::20]]):
            (tmp_path / str(number)).mkdir()
            db = Database(fresh_sqlite(sqlite_template, tmp_path / str(number)))
            console = Console(DeskUnderTest(db), sandbox)
            places = written_everywhere(console, payload)
            browser = console.browser(console.desk.has_agent("Boss", Role.MANAGER))
            shapes.append([shape(browser.get(place)) for place in places])
            db.close()

    assert len(shapes) > 10
    for payload, found in zip(PAYLOADS[::20], shapes[1:], strict=True):
        assert found == shapes[0], payload


@pytest.mark.parametrize("kind", ["accounts", "contacts"])
def test_there_is_no_page_of_nobody(console: Console, kind: str) -> None:
    answer = console.browser(console.desk.has_agent()).get(f"/customers/{kind}/{new_id()}")

    assert answer.status_code == 404


def test_pages_of_customers_ask_few_questions_however_much_there_is(console: Console) -> None:
    ada = console.desk.has_customer("ada@bee.example")
    for i in range(8):
        console.desk.has_customer(f"p{i}@bee.example", allotment=40, name=f"Plan {i}")
    console.desk.accepts(*(email(f"p{i % 8}@bee.example", at=NOW) for i in range(30)))
    browser = console.browser(console.desk.has_agent("Marta", Role.MANAGER))
    browser.get("/customers")
    asked = []

    for place in (f"/customers/accounts/{ada.account_id}", f"/customers/contacts/{ada.id}",
                  "/customers", "/customers?kind=people"):  # fmt: skip
        with console.counts_statements() as statements:
            assert browser.get(place).status_code == 200
        asked.append(len(statements))

    assert asked[0] <= 26
    assert asked[1] <= 26
    assert asked[2] <= 13
    assert asked[3] <= 12


def test_a_balance_says_when_cover_has_no_number(console: Console) -> None:
    ada = console.desk.has_customer("ada@bee.example", allotment=0, restricted=False)
    console.desk.accepts(email("ada@bee.example", at=NOW))
    [held] = console.desk.all(Entitlement)
    assert held.remaining == -1
    assert held.state is entitlements.State.ACTIVE

    page = console.browser(console.desk.has_agent()).get(f"/customers/contacts/{ada.id}")

    assert "1 case so far, as many as they need" in words(page)
