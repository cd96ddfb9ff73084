"""The catalogue, its families, and what each customer owns."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

import pytest

from intake import products
from intake.agents import NotAllowed, Principal, Role
from intake.db import new_id
from intake.errors import NotFound
from intake.products import OwnedProduct, Product, ProductFamily, WrongProduct
from tests.desk import NOON, DeskUnderTest, email


@pytest.fixture
def mina(desk: DeskUnderTest) -> Principal:
    return desk.principal("Mina", Role.MANAGER)


def family(
    desk: DeskUnderTest, by: Principal, name: str, parent: ProductFamily | None = None
) -> ProductFamily:
    with desk.transaction() as session:
        parent_id = parent.id if parent else None
        return products.family(session, by, name, parent_id=parent_id, at=NOON)


def product(desk: DeskUnderTest, number: str, family: ProductFamily | None = None) -> Product:
    made = Product(
        id=new_id(),
        number=number,
        name=f"Product {number}",
        family_id=family.id if family else None,
    )
    with desk.transaction() as session:
        session.add(made)
    return made


def own(
    desk: DeskUnderTest, by: Principal, thing: Product, serial: str = "S-1", **more: Any
) -> OwnedProduct:
    with desk.transaction() as session:
        return products.own(session, by, thing.id, serial, at=NOON, **more)


def test_a_family_holds_the_products_of_the_families_inside_it(
    desk: DeskUnderTest, mina: Principal
) -> None:
    office = family(desk, mina, "Office")
    printers = family(desk, mina, "Printers", office)
    lasers = family(desk, mina, "Lasers", printers)
    product(desk, "P-1", lasers)
    product(desk, "P-2", office)
    product(desk, "P-3")

    with desk.db.reading() as session:
        found = {
            f.name: [p.number for p in session.scalars(products.products_in(f.id))]
            for f in (office, printers)
        }

    assert found == {"Office": ["P-1", "P-2"], "Printers": ["P-1"]}


def test_a_family_is_never_inside_itself(desk: DeskUnderTest, mina: Principal) -> None:
    office = family(desk, mina, "Office")
    printers = family(desk, mina, "Printers", office)

    for family_id, parent_id in ((office.id, printers.id), (office.id, office.id)):
        with pytest.raises(WrongProduct, match="inside itself"), desk.transaction() as session:
            products.place(session, mina, family_id, parent_id, at=NOON)
    with desk.transaction() as session:
        products.place(session, mina, printers.id, None, at=NOON)

    assert {f.name: f.parent_id for f in desk.all(ProductFamily)}["Printers"] is None


def test_two_families_have_two_names(desk: DeskUnderTest, mina: Principal) -> None:
    family(desk, mina, "Office")

    with pytest.raises(WrongProduct, match="name: there is a family 'Office' already"):
        family(desk, mina, " Office ")
    with pytest.raises(NotAllowed):
        family(desk, desk.principal("Luis"), "Other")


def test_what_a_contact_and_their_account_own_is_listed_together(
    desk: DeskUnderTest, mina: Principal
) -> None:
    ada, other = desk.has_customer("ada@example.com"), desk.has_customer("bob@other.example")
    printer = product(desk, "P-1")
    own(desk, mina, printer, "old", account_id=ada.account_id, bought_on=date(2020, 1, 1))
    own(desk, mina, printer, "new", contact_id=ada.id, bought_on=date(2026, 1, 1))
    own(desk, mina, printer, "undated", account_id=ada.account_id)
    own(desk, mina, printer, "his", contact_id=other.id)

    with desk.db.reading() as session:
        listed = products.owned_by(session, ada.account_id, ada.id)
        nobody = products.owned_by(session, None, None)

    assert [owned.serial_number for owned in listed] == ["new", "old", "undated"]
    assert listed[0].product.name == "Product P-1"
    assert nobody == []


def test_a_warranty_covers_its_last_day(desk: DeskUnderTest, mina: Principal) -> None:
    ada = desk.has_customer()
    owned = own(
        desk, mina, product(desk, "P-1"), account_id=ada.account_id,
        warranty_until=date(2026, 3, 2),
    )  # fmt: skip

    assert owned.under_warranty(date(2026, 3, 2))
    assert not owned.under_warranty(date(2026, 3, 3))


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"serial": " "}, "serial_number: "),
        ({"serial": "S-1"}, "serial_number: .* is somebody's already"),
        ({"account_id": None}, "customer: "),
        ({"account_id": UUID(int=1)}, "account_id: "),
        (
            {"bought_on": date(2026, 1, 2), "warranty_until": date(2026, 1, 1)},
            "warranty_until: 2026-01-01 is before bought_on",
        ),
    ],
    ids=["no serial", "serial taken", "nobody", "no such account", "inverted dates"],
)
def test_what_nobody_can_own_is_refused_by_the_name_of_the_field(
    desk: DeskUnderTest, mina: Principal, fields: dict[str, Any], words: str
) -> None:
    account_id = desk.has_customer().account_id
    printer = product(desk, "P-1")
    own(desk, mina, printer, "S-1", account_id=account_id)

    with pytest.raises(WrongProduct, match=words):
        own(desk, mina, printer, **{"serial": "S-2", "account_id": account_id, **fields})
    assert desk.count(OwnedProduct) == 1


def test_naming_a_product_never_makes_a_case_billable(desk: DeskUnderTest) -> None:
    """The link is optional and touches neither price nor billing."""
    desk.has_customer("ada@example.com", allotment=2)
    product(desk, "P-1")

    receipts = desk.accepts(email(product="P-1"), email(), email(product="P-404"))

    assert [r.case and r.case.billable for r in receipts] == [False, False, True]
    assert [r.case and r.case.product_id is not None for r in receipts] == [True, False, False]


def test_a_family_of_nobody_is_no_parent(desk: DeskUnderTest, mina: Principal) -> None:
    with pytest.raises(NotFound), desk.transaction() as session:
        products.family(session, mina, "Lost", parent_id=UUID(int=1), at=NOON)
