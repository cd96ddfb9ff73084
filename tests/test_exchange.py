"""Tables in and out: what was exported comes back the same, and a wrong row writes nothing."""

from __future__ import annotations

import csv
import io
import tracemalloc
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from graph.cli import app
from graph.exchange.bringing import Account as Told
from graph.exchange.bringing import Fate, Sheet, bring_in
from graph.exchange.contracts import Contracts
from graph.exchange.customers import Customers
from graph.exchange.entitlements import Entitlements
from graph.exchange.files import Unreadable, write
from graph.exchange.products import Products
from graph.exchange.shield import shielded, unshielded
from intake import agree, contracts
from intake import entitlements as bought
from intake.agents import Act, Kind, Principal, Role
from intake.contracts import Allotment, Contract, LineTerms, Terms
from intake.customers import Account, AccountDomain, Contact, ContactPoint
from intake.db import Database
from intake.entitlements import Allocation, Entitlement, LedgerEntry
from intake.events import Event
from intake.products import Product, ProductFamily
from intake.sla import ServiceCalendar
from tests.desk import NOON, DeskUnderTest

CUSTOMERS = """kind,external_id,name,account,emails,phones,language,time_zone,domains
account,A-1,Contoso,,,,,,contoso.example
contact,C-1,Ada,A-1,ada@contoso.example|ada@home.example,600 123 456,es,Europe/Madrid,
contact,,Bob,Contoso,bob@contoso.example,,,,
"""
CONTRACTS = """contract,account,state,name,starts_on,ends_on,bill_to,currency,line,total,price
K-1,Contoso,active,Support,2026-01-01,2026-12-31,High Street,EUR,Gold,10,1200.50
K-1,Contoso,active,Support,2026-01-01,2026-12-31,High Street,EUR,Silver,5,"600,25"
K-2,Contoso,draft,More,2026-01-01,2026-12-31,,JPY,Bronze,3,1000
"""
DIFFERS = "differs from row 2, which is of the same contract"
OFFICE = {"zone": "Europe/Madrid", "weekly": {"mon": [["09:00", "17:00"]]}}
ENTITLEMENTS = """name,account,starts_on,ends_on,allocation,total,channels,products,contacts
Premium,Contoso,2026-01-01,2026-12-31,cases,200,phone=200|email=200,,ada@contoso.example
Hours,A-1,2026-01-01,2026-12-31,hours,"1,5",,,
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def bring(
    desk: DeskUnderTest, sheet: Sheet, file: Path, text: str | bytes = "", **more: Any
) -> Told:
    if text:
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return bring_in(desk.db, desk.settings, sheet, file, region="ES", at=NOON, **more)


def exported(desk: DeskUnderTest, sheet: Sheet) -> str:
    text = io.StringIO()
    with desk.db.reading() as session:
        rows = sheet.export(session, region="ES")
        write(text, [column.name for column in sheet.columns], rows)
    return text.getvalue()


def contoso(desk: DeskUnderTest, folder: Path) -> None:
    told = bring(desk, Customers(), folder / "contoso.csv", CUSTOMERS)
    assert told.written, told.first


def problems(told: Told) -> list[str]:
    return [str(problem) for problem in told.first]


def test_accounts_and_their_people_come_in(desk: DeskUnderTest, folder: Path) -> None:
    told = bring(desk, Customers(), folder / "x.csv", CUSTOMERS)

    assert (told.fates[Fate.MADE], told.written) == (3, True)
    [account] = desk.all(Account)
    ada, bob = sorted(desk.all(Contact), key=lambda c: c.name)
    assert ada.account_id == bob.account_id == account.id
    assert (ada.external_id, ada.language, ada.time_zone) == ("C-1", "es", "Europe/Madrid")
    assert {p.value for p in desk.all(ContactPoint) if p.contact_id == ada.id} == {
        "ada@contoso.example",
        "ada@home.example",
        "+34600123456",
    }
    assert [d.domain for d in desk.all(AccountDomain)] == ["contoso.example"]
    [event] = [e for e in desk.all(Event) if e.kind == "imported.customers"]
    assert event.data == {"made": 3}


def test_the_same_file_again_changes_nothing(desk: DeskUnderTest, folder: Path) -> None:
    contoso(desk, folder)

    told = bring(desk, Customers(), folder / "x.csv", CUSTOMERS)

    assert told.fates == {Fate.SAME: 3}
    assert desk.count(Contact) == 2


def test_a_row_found_again_changes_what_it_says_and_nothing_else(
    desk: DeskUnderTest, folder: Path
) -> None:
    contoso(desk, folder)

    told = bring(
        desk, Customers(), folder / "x.csv",
        "kind,external_id,name,language\ncontact,C-1,Ada Byron,\n",
    )  # fmt: skip

    assert told.fates == {Fate.CHANGED: 1}
    ada = next(c for c in desk.all(Contact) if c.external_id == "C-1")
    assert (ada.name, ada.language) == ("Ada Byron", "es")
    assert ada.account_id is not None


def test_one_wrong_row_writes_nothing_and_is_named(desk: DeskUnderTest, folder: Path) -> None:
    rows = "\n".join(f"contact,C-{n},Person {n},p{n}@example.com,es" for n in range(2, 700))
    text = f"kind,external_id,name,emails,language\n{rows}\ncontact,C-X,Eve,eve@example.com,Klingon"

    told = bring(desk, Customers(), folder / "x.csv", text)

    assert problems(told) == ["row 700: language: 'Klingon' is no language tag; write es or pt-BR"]
    assert not told.written
    assert desk.count(Contact) == 0


def test_the_right_rows_are_written_when_asked_and_the_wrong_ones_come_back(
    desk: DeskUnderTest, folder: Path
) -> None:
    text = (
        "kind;external_id;name;emails;account\r\n"
        "contact;C-1;Ada;ada@example.com;\r\n"
        "contact;C-2;Bob;not an address;\r\n"
        "contact;C-3;Eve;eve@example.com;Nowhere\r\n"
        "contact;C-4;=HYPERLINK(1);eve@example.com;\r\n"
    )

    told = bring(
        desk, Customers(), folder / "x.csv", text, partial=True, errors=folder / "wrong.csv"
    )

    assert (told.fates[Fate.MADE], told.fates[Fate.WRONG], told.written) == (2, 2, True)
    assert {c.external_id for c in desk.all(Contact)} == {"C-1", "C-4"}
    with open(folder / "wrong.csv", encoding="utf-8-sig", newline="") as file:
        wrong = list(csv.DictReader(file))
    assert [(row["_row"], row["external_id"]) for row in wrong] == [("3", "C-2"), ("4", "C-3")]
    assert (
        wrong[1]["_problem"] == "account: 'Nowhere': there is none, nor above; use its external id"
    )
    # Mended, the file of wrong rows comes in as it is.
    mended = (folder / "wrong.csv").read_text("utf-8-sig")
    mended = mended.replace("not an address", "bob@example.com").replace("eve@", "e@")
    mended = mended.replace(",Nowhere", ",")
    assert bring(desk, Customers(), folder / "mended.csv", mended).fates == {Fate.MADE: 2}


def test_a_preview_tells_all_and_writes_nothing(desk: DeskUnderTest, folder: Path) -> None:
    told = bring(desk, Customers(), folder / "x.csv", CUSTOMERS, preview=True)

    assert (told.fates[Fate.MADE], told.written) == (3, False)
    assert desk.count(Contact) == desk.count(Account) == 0
    assert not [e for e in desk.all(Event) if e.kind.startswith("imported")]


@pytest.mark.parametrize(
    ("encoding", "separator"),
    [("utf-8", ","), ("utf-8-sig", ";"), ("utf-16", "\t"), ("cp1252", ";"), ("utf-8", "|")],
)
def test_encoding_and_separator_are_found(
    desk: DeskUnderTest, folder: Path, encoding: str, separator: str
) -> None:
    text = "kind,external_id,name\ncontact,C-1,Íñigo Muñoz\n".replace(",", separator)

    told = bring(desk, Customers(), folder / "x.csv", text.encode(encoding))

    assert told.written, told.first
    assert [c.name for c in desk.all(Contact)] == ["Íñigo Muñoz"]


def test_a_line_that_names_the_separator_is_understood(desk: DeskUnderTest, folder: Path) -> None:
    text = "sep=;\r\nkind;external_id;name\r\ncontact;C-1;Ada\r\n"

    assert bring(desk, Customers(), folder / "x.csv", text).written


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "has no header"),
        ("kind,nmae\n", "there is no column 'nmae'; there are: account, domains"),
        ("kind,name,name\n", "the column 'name' is there twice"),
    ],
)
def test_a_file_of_something_else_is_refused_whole(
    desk: DeskUnderTest, folder: Path, text: str, words: str
) -> None:
    (folder / "x.csv").write_text(text)

    with pytest.raises(Unreadable, match=words):
        bring(desk, Customers(), folder / "x.csv")


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("person,C-1,Ada,", "row 2: kind: 'person' is none of: account, contact"),
        ("contact,C-1,,", "row 2: name: is empty"),
        ("contact,C-1,Ada,,,,,", "row 2: 8 cells, but the header names 4 columns"),
        ('contact,C-1,"Ada,x', "row 2: a quotation mark is opened and never closed"),
        ("contact,,Ada,", "row 2: emails: a contact needs an external id or an address"),
        ("account,A-1,Ada,a@b.example", "row 2: emails: only a contact has this; leave it empty"),
        (f"contact,C-1,{'x' * 100_001},", "row 2: a cell has more than 100,000 characters"),
        ("contact,C-1,Ada,\ncontact,C-1,Bob,", "row 3: external_id: row 2 has it already"),
    ],
)
def test_a_broken_row_is_named_by_number_and_column(
    desk: DeskUnderTest, folder: Path, row: str, words: str
) -> None:
    row += "x" if row.endswith(",,,,,") else ""

    told = bring(desk, Customers(), folder / "x.csv", f"kind,external_id,name,emails\n{row}\n")

    assert problems(told) == [words]
    assert desk.count(Contact) == 0


def test_an_address_of_somebody_else_is_not_taken(desk: DeskUnderTest, folder: Path) -> None:
    contoso(desk, folder)

    told = bring(
        desk, Customers(), folder / "x.csv",
        "kind,external_id,name,emails\ncontact,C-9,Eve,ada@contoso.example\n",
    )  # fmt: skip

    assert problems(told) == ["row 2: emails: ada@contoso.example reaches Ada already"]


def test_a_public_providers_domain_is_refused_in_a_file_too(
    desk: DeskUnderTest, folder: Path
) -> None:
    told = bring(
        desk, Customers(), folder / "x.csv", "kind,name,domains\naccount,Contoso,gmail.com\n"
    )

    [problem] = told.first
    assert (problem.row, problem.field) == (2, "domain")
    assert "anybody can have an address at gmail.com" in problem.words


def test_customers_go_out_and_come_back_the_same(desk: DeskUnderTest, folder: Path) -> None:
    contoso(desk, folder)
    evil = "kind,external_id,name\ncontact,C-9,\"=cmd|' /C calc'!A0\"\ncontact,C-8,'quoted\n"
    bring(desk, Customers(), folder / "evil.csv", evil)
    first = exported(desk, Customers())

    told = bring(desk, Customers(), folder / "back.csv", first)

    assert told.fates == {Fate.SAME: 5}
    assert exported(desk, Customers()) == first
    names = {row["name"] for row in csv.DictReader(io.StringIO(first))}
    assert "'=cmd|' /C calc'!A0" in names
    assert {"=cmd|' /C calc'!A0", "'quoted"} <= {c.name for c in desk.all(Contact)}


@pytest.mark.parametrize(
    "cell",
    [
        "=1+1", "+1+1", "-1+1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "x\n=1", ";=1", '"=1', "＝1+1",
        "  =1", "=HYPERLINK(\"http://evil\")", "=cmd|' /C calc'!A0", "DDE;=x", "-", "'=1",
    ],
)  # fmt: skip
def test_no_exported_cell_is_run_as_a_formula(cell: str) -> None:
    assert shielded(cell).startswith("'")
    assert unshielded(shielded(cell)) == cell


@pytest.mark.parametrize(
    "cell", ["+4930901820", "-5", "-5.25", "12", "Ada", "a-b", "1=1", "", "O'Neil"]
)
def test_numbers_phones_and_words_stay_readable(cell: str) -> None:
    assert shielded(cell) == cell
    assert unshielded(cell) == cell


@given(st.text())
def test_every_text_comes_back_from_an_export(cell: str) -> None:
    assert unshielded(shielded(cell)) == cell


def test_products_and_their_families_go_out_and_come_back(
    desk: DeskUnderTest, folder: Path
) -> None:
    text = "number,name,family,description\nP-1,Printer,Office,\nP-2,Laser,Office,=fast\n"
    assert bring(desk, Products(), folder / "x.csv", text).fates == {Fate.MADE: 2}
    first = exported(desk, Products())

    assert bring(desk, Products(), folder / "back.csv", first).fates == {Fate.SAME: 2}
    assert {p.description for p in desk.all(Product)} == {"", "=fast"}
    assert [f.name for f in desk.all(ProductFamily)] == ["Office"]
    told = bring(desk, Products(), folder / "y.csv", "number,name\nP-1,Plotter\nP-1,x\n")
    assert problems(told) == ["row 3: number: row 2 has it already"]
    assert {p.name for p in desk.all(Product)} == {"Printer", "Laser"}


def test_contracts_come_in_with_their_lines_and_cover(desk: DeskUnderTest, folder: Path) -> None:
    contoso(desk, folder)

    told = bring(desk, Contracts(), folder / "x.csv", CONTRACTS)

    assert told.fates == {Fate.MADE: 3}, problems(told)
    with desk.db.reading() as session:
        kept = {c.external_id: contracts.by_id(session, c.id) for c in desk.all(Contract)}
    assert {k: c.state for k, c in kept.items()} == {
        "K-1": contracts.State.ACTIVE,
        "K-2": contracts.State.DRAFT,
    }
    assert kept["K-1"].total == Decimal("1800.75")
    assert sorted(e.total for e in desk.all(Entitlement)) == [5, 10]


def test_contracts_go_out_and_are_known_again(desk: DeskUnderTest, folder: Path) -> None:
    contoso(desk, folder)
    bring(desk, Contracts(), folder / "x.csv", CONTRACTS)
    by_hand = Terms(
        "By hand",
        date(2026, 1, 1),
        date(2026, 12, 31),
        "EUR",
        account_id=desk.all(Account)[0].id,
        allotment=Allotment.COVERAGE_DATES,
    )
    mina = desk.principal("Mina", Role.MANAGER)
    with desk.transaction() as session:
        agree.draft(session, mina, by_hand, LineTerms("Dates"), desk=desk.settings, at=NOON)
    first = exported(desk, Contracts())

    told = bring(desk, Contracts(), folder / "back.csv", first)

    assert told.fates == {Fate.SAME: 4}, problems(told)
    assert desk.count(Contract) == 3


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("Silver,5", "Silver,-5", "row 3: total: -5 cases is not between 1 and 10000000"),
        ("EUR,Silver", "USD,Silver", f"row 3: currency: {DIFFERS}"),
        ("JPY", "EUX", "row 4: currency: 'EUX' is no currency of ISO 4217; write EUR, USD …"),
        ("K-2,Contoso", "K-2,Nobody", "row 4: account: 'Nobody': there is none"),
        ("2026-01-01,2026-12-31,,", "2026-12-31,2026-01-01,,",
         "row 4: ends_on: 2026-01-01 is before starts_on, 2026-12-31"),
        ("High Street,EUR,Gold", ",EUR,Gold", f"row 3: bill_to: {DIFFERS}"),
        ("1200.50", '"1.200,50"', "row 2: price: '1.200,50' is no number; write 1200.50"),
        ("K-2,Contoso,draft", "K-2,Contoso,gone",
         "row 4: state: 'gone' is none of: draft, invoiced, active, expired"),
    ],
)  # fmt: skip
def test_one_wrong_row_of_a_contract_writes_no_contract(
    desk: DeskUnderTest, folder: Path, old: str, new: str, words: str
) -> None:
    contoso(desk, folder)
    assert old in CONTRACTS

    told = bring(desk, Contracts(), folder / "x.csv", CONTRACTS.replace(old, new))

    assert words in problems(told)
    assert desk.count(Contract) == desk.count(Entitlement) == 0


def test_in_part_a_contract_with_a_wrong_line_is_left_out_whole(
    desk: DeskUnderTest, folder: Path
) -> None:
    contoso(desk, folder)
    text = CONTRACTS.replace("Silver,5", "Silver,0")

    told = bring(desk, Contracts(), folder / "x.csv", text, partial=True)

    assert [c.external_id for c in desk.all(Contract)] == ["K-2"]
    assert (told.fates[Fate.MADE], told.fates[Fate.WRONG]) == (1, 2)
    assert problems(told) == [
        "row 2: contract: row 3, of the same contract, is wrong",
        "row 3: total: 0 cases is not between 1 and 10000000",
    ]


def test_entitlements_come_in_active_with_their_terms(desk: DeskUnderTest, folder: Path) -> None:
    contoso(desk, folder)

    told = bring(desk, Entitlements(), folder / "x.csv", ENTITLEMENTS)

    assert told.fates == {Fate.MADE: 2}, problems(told)
    hours, premium = sorted(desk.all(Entitlement), key=lambda e: e.name)
    assert (hours.allocation, hours.total, hours.remaining) == (Allocation.HOURS, 90, 90)
    assert (premium.state, premium.remaining) == (bought.State.ACTIVE, 200)


def test_entitlements_go_out_and_are_known_again(desk: DeskUnderTest, folder: Path) -> None:
    contoso(desk, folder)
    bring(desk, Contracts(), folder / "c.csv", CONTRACTS)  # what these make is not exported
    bring(desk, Entitlements(), folder / "x.csv", ENTITLEMENTS)
    first = exported(desk, Entitlements())
    rows = {row["name"]: row for row in csv.DictReader(io.StringIO(first))}

    told = bring(desk, Entitlements(), folder / "back.csv", first)

    assert told.fates == {Fate.SAME: 2}, problems(told)
    assert (rows["Hours"]["total"], rows["Hours"]["remaining"]) == ("1.5", "1.5")
    assert rows["Premium"]["channels"] == "email=200|phone=200"
    assert rows["Premium"]["contacts"] == "C-1"


def test_every_term_of_an_entitlement_goes_out_and_comes_back(
    desk: DeskUnderTest, folder: Path
) -> None:
    ada = desk.has_customer()
    grace, sla = desk.has_agent(), desk.has_sla(name="Gold", hours=OFFICE)
    [calendar] = desk.all(ServiceCalendar)
    plan = desk.has_entitlement(
        ada.account_id, total=100, name="All", sla_id=sla.id, calendar_id=calendar.id,
        zone="Europe/Madrid", owner_id=grace.id, email="buyer@example.com", renewal_days=[30, -5],
        allocation=Allocation.HOURS, decrease_on=bought.DecreaseOn.RESOLUTION, reserve=20,
        overdraw=bought.Overdraw.ASK, period_months=3, carry_over=50, carry_over_days=9,
        thresholds=[30, 5], draft_renewal=True, description="Two\nlines", channels={"email": 40},
    )  # fmt: skip
    with desk.transaction() as session:
        by = Principal(Kind.SYSTEM, acts=frozenset(Act))
        bought.set_default(session, session.get_one(Entitlement, plan.id), at=NOON, by=by)
    before = desk.all(Entitlement)[0]
    text = exported(desk, Entitlements()).replace("All", "All again")

    told = bring(desk, Entitlements(), folder / "back.csv", text)

    assert told.fates == {Fate.MADE: 1}, problems(told)
    again = next(e for e in desk.all(Entitlement) if e.name == "All again")
    own = {"id", "name", "look_at", "created_at", "is_default"}
    for column in set(Entitlement.__table__.columns.keys()) - own:
        assert getattr(again, column) == getattr(before, column), column
    assert again.is_default


def test_what_seems_doubtful_in_a_table_is_told_and_written(
    desk: DeskUnderTest, folder: Path
) -> None:
    contoso(desk, folder)
    more = ENTITLEMENTS.replace("cases,200,", "cases,100,")

    told = bring(desk, Entitlements(), folder / "x.csv", more)

    assert told.fates == {Fate.MADE: 2}
    assert [str(doubt) for doubt in told.first_doubts] == [
        "row 2: channels.phone: 200 can never be used up: the whole is 100",
        "row 2: channels.email: 200 can never be used up: the whole is 100",
        "row 2: channels: they add up to 400, the whole is 100",
        "row 3: channels: none is listed, and those that are not listed are not covered: it "
        "covers nothing",
        "row 3: starts_on: Premium covers the same customer from 2026-01-01 to 2026-12-31; each "
        "case says which of them it draws on, and why",
    ]


@pytest.mark.parametrize(
    ("columns", "cells", "words"),
    [
        ("sla", "Platinum", "sla: there is none called 'Platinum'"),
        ("hours", "Nights", "hours: there is none called 'Nights'"),
        ("owner", "nobody@desk.example", "owner: there is none called 'nobody@desk.example'"),
        ("renewal_days", "soon", "renewal_days: 'soon' is no whole number"),
        ("period_months", "0", "period_months: '0' is not above zero"),
        ("email,renewal_days", ",30", "email: reminders need an address to go to"),
    ],
)
def test_a_reference_to_nothing_is_named_and_nothing_is_written(
    desk: DeskUnderTest, folder: Path, columns: str, cells: str, words: str
) -> None:
    contoso(desk, folder)
    text = f"name,account,starts_on,ends_on,total,{columns}\n"
    text += f"Plan,Contoso,2026-01-01,2026-12-31,5,{cells}\n"

    told = bring(desk, Entitlements(), folder / "x.csv", text)

    assert problems(told)[0].startswith(f"row 2: {words}")
    assert desk.count(Entitlement) == 0


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("cases,200", "cases,-200", "row 2: total: -200 is "),
        ("cases,200", "cases,1.5", "row 2: total: 1.5 cases is no whole number of cases"),
        ("phone=200", "phone=many", "row 2: channels: 'many' is no number"),
        ("2026-01-01,2026-12-31,cases", "2026-12-31,2026-01-01,cases",
         "row 2: ends_on: 2026-01-01 is before its start, 2026-12-31"),
        (",,ada@contoso.example", ",P-9,", "row 2: products: there is no product 'P-9'"),
        ("ada@contoso.example", "who@else", "row 2: contacts: 'who@else' is no contact"),
    ],
)  # fmt: skip
def test_a_wrong_entitlement_is_named_and_nothing_is_granted(
    desk: DeskUnderTest, folder: Path, old: str, new: str, words: str
) -> None:
    contoso(desk, folder)
    assert old in ENTITLEMENTS

    told = bring(desk, Entitlements(), folder / "x.csv", ENTITLEMENTS.replace(old, new))

    [problem] = problems(told)
    assert problem.startswith(words)
    assert desk.count(LedgerEntry) == desk.count(Entitlement) == 0


def test_a_long_file_needs_the_memory_of_a_batch(sqlite_url: str, folder: Path) -> None:
    desk = DeskUnderTest(Database(sqlite_url))
    file = folder / "large.csv"
    count = 20_000
    with open(file, "w", encoding="utf-8") as large:
        large.write("kind,external_id,name\n")
        for number in range(count):
            large.write(f"contact,C-{number},Person number {number} of very many\n")
    heard: list[int] = []

    tracemalloc.start()
    told = bring(desk, Customers(), file, progress=lambda _what, rows: heard.append(rows))
    _now, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert told.fates == {Fate.MADE: count}
    assert desk.count(Contact) == count
    # As records they would be some 40 MB; a batch and the keys that must not repeat are less.
    assert peak < 15_000_000
    assert len(heard) > 40
    desk.db.close()


def test_the_command_line_brings_in_and_writes_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DESKBELL_DATA_DIR", str(tmp_path / "var"))
    (tmp_path / "x.csv").write_text(CUSTOMERS)
    (tmp_path / "bad.csv").write_text(CUSTOMERS.replace("es,Europe", "Spanish,Europe"))
    (tmp_path / "var").mkdir()
    run = CliRunner()

    preview = run.invoke(app, ["csv", "import", "customers", "x.csv", "--preview"])
    wrong = run.invoke(app, ["csv", "import", "customers", "bad.csv", "--errors", "e.csv"])
    before = run.invoke(app, ["csv", "export", "customers"])
    right = run.invoke(app, ["csv", "import", "customers", "x.csv"])
    written = run.invoke(app, ["csv", "export", "customers", "out.csv"])
    again = run.invoke(app, ["csv", "import", "customers", "out.csv"])

    assert "a preview: nothing was written" in preview.output
    assert (wrong.exit_code, "row 3: language" in wrong.output) == (1, True)
    assert "nothing was written" in wrong.output
    assert (tmp_path / "e.csv").read_text("utf-8-sig").count("\n") == 2
    assert before.output.splitlines()[1:] == []
    assert (right.exit_code, "made: 3" in right.output) == (0, True)
    assert "3 rows in out.csv" in written.output
    assert "same: 3" in again.output
