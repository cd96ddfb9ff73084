"""Who we serve: one person reached in many ways, made one and parted again, with their wishes."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from intake import customers, products, work
from intake.agents import Kind, NotAllowed, Principal, Role
from intake.cases import Activity, Case
from intake.customers import Account, Contact, ContactPoint, domains, merging, points, preferences
from intake.customers.domains import AccountDomain, WrongDomain
from intake.customers.merging import CannotMerge, ContactMerge
from intake.customers.points import PointTaken, WrongPoint
from intake.customers.preferences import Preferences, WrongPreference
from intake.db import Base
from intake.entitlements import EntitledContact, Entitlement
from intake.errors import NotFound
from intake.events import Event
from intake.messages import Address, ContactKind
from intake.products import OwnedProduct, Product
from intake.visibility import visible_to
from tests.desk import NOON, DeskUnderTest, email

PHONE = "+34600123456"


@pytest.fixture
def grace(desk: DeskUnderTest) -> Principal:
    return desk.principal("Grace")


def attach(
    desk: DeskUnderTest, by: Principal, contact: Contact, kind: ContactKind, value: str, **more: Any
) -> ContactPoint:
    with desk.transaction() as session:
        return points.attach(session, by, contact.id, kind, value, region="ES", at=NOON, **more)


def dump(desk: DeskUnderTest, *but: type[Base]) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table, those aside that only ever grow."""
    left_out = {table.__tablename__ for table in (*but, Event, ContactMerge)}
    with desk.db.reading() as session:
        return {
            table.name: sorted(map(repr, session.execute(select(table))))
            for table in Base.metadata.sorted_tables
            if table.name not in left_out
        }


def test_a_person_is_recognised_by_every_way_they_are_reached(
    desk: DeskUnderTest, grace: Principal
) -> None:
    ada = desk.has_customer("ada@example.com")
    attach(desk, grace, ada, ContactKind.PHONE, "600 123 456")
    attach(desk, grace, ada, ContactKind.TWITTER, "@Ada")

    # In one batch: each of her ways must find her, not only one of them.
    receipts = desk.accepts(
        email("ada@example.com"),
        email(PHONE, kind=ContactKind.PHONE, channel="phone"),
        email("ada", kind=ContactKind.TWITTER, channel="twitter"),
    )

    assert [r.case and r.case.contact_id for r in receipts] == [ada.id] * 3
    assert desk.count(Contact) == 1


def test_what_reaches_somebody_else_is_not_taken_from_them(
    desk: DeskUnderTest, grace: Principal
) -> None:
    ada, bob = desk.has_customer("ada@example.com"), desk.has_customer("bob@example.com")
    attach(desk, grace, ada, ContactKind.PHONE, PHONE)

    with pytest.raises(PointTaken, match=r"phone: \+34600123456 reaches Ada; .* merge"):
        attach(desk, grace, bob, ContactKind.PHONE, "0034 600 12 34 56")


def test_attaching_again_only_adds_that_it_is_verified(
    desk: DeskUnderTest, grace: Principal
) -> None:
    ada = desk.has_customer("ada@example.com")

    attach(desk, grace, ada, ContactKind.EMAIL, " Ada@Example.com ", verified=True)
    attach(desk, grace, ada, ContactKind.EMAIL, "ada@example.com")

    [point] = desk.all(ContactPoint)
    assert (point.value, point.verified) == ("ada@example.com", True)


def test_who_writes_from_a_detached_address_is_somebody_new(
    desk: DeskUnderTest, grace: Principal
) -> None:
    ada = desk.has_customer("ada@example.com")
    point = attach(desk, grace, ada, ContactKind.EMAIL, "old@example.com")

    with desk.transaction() as session:
        points.detach(session, grace, point.id, at=NOON)

    [receipt] = desk.accepts(email("old@example.com"))
    assert receipt.case is not None
    assert receipt.case.contact_id != ada.id


@pytest.mark.parametrize(
    ("kind", "value", "kept", "shown"),
    [
        (ContactKind.PHONE, "600 123 456", PHONE, "600 12 34 56"),
        (ContactKind.PHONE, "+49 30 901820", "+4930901820", "+49 30 901820"),
        (ContactKind.EMAIL, "Ada@Example.COM", "ada@example.com", "ada@example.com"),
        (ContactKind.TWITTER, "@Ada", "ada", "@ada"),
        (ContactKind.SLACK, "T0123/U0456", "T0123/U0456", "T0123/U0456"),
    ],
)
def test_a_value_is_kept_in_one_form_and_shown_as_people_read_it(
    kind: ContactKind, value: str, kept: str, shown: str
) -> None:
    assert points.normal(kind, value, region="ES") == kept
    assert points.shown(kind, kept, region="ES") == shown


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (ContactKind.PHONE, "call me"),
        (ContactKind.PHONE, "12"),
        (ContactKind.EMAIL, "ada at example"),
        (ContactKind.EMAIL, "a@b.c, d@e.f"),
        (ContactKind.SLACK, "@ada"),
        (ContactKind.TWITTER, "@"),
        (ContactKind.DEVICE, "a\x00b"),
    ],
)
def test_a_value_that_reaches_nobody_is_refused_by_its_kind(kind: ContactKind, value: str) -> None:
    with pytest.raises(WrongPoint, match=f"^{kind}: "):
        points.normal(kind, value, region="ES")


def rich_pair(desk: DeskUnderTest, grace: Principal) -> tuple[Contact, Contact]:
    """Two contacts who each have something in every table that can name one."""
    ada, phoned = desk.has_customer("ada@example.com"), desk.has_customer("a.byron@other.example")
    attach(desk, grace, phoned, ContactKind.PHONE, PHONE)
    printer = Product(number="P-1", name="Printer")
    with desk.transaction() as session:
        session.add(printer)
    both = [EntitledContact(contact_id=ada.id), EntitledContact(contact_id=phoned.id)]
    desk.has_entitlement(ada.account_id, total=9, contacts=both)
    desk.has_entitlement(ada.account_id, total=8, contacts=[EntitledContact(contact_id=phoned.id)])
    for contact in (ada, phoned):
        desk.has_entitlement(None, contact_id=contact.id, total=5, is_default=True)
        with desk.transaction() as session:
            preferences.prefer(session, grace, contact.id, days=["monday"], at=NOON)
            products.own(
                session, grace, printer.id, contact.name, contact_id=contact.id, at=NOON,
                bought_on=date(2026, 1, 1),
            )  # fmt: skip
    with desk.transaction() as session:
        preferences.prefer(session, grace, phoned.id, language="en", at=NOON)
    desk.accepts(
        email("ada@example.com"),
        email("a.byron@other.example"),
        email(PHONE, kind=ContactKind.PHONE, channel="phone"),
    )
    return ada, phoned


def merge(desk: DeskUnderTest, by: Principal, survivor: Contact, other: Contact) -> ContactMerge:
    with desk.transaction() as session:
        return merging.merge(session, by, survivor.id, other.id, at=NOON)


def undo(desk: DeskUnderTest, by: Principal, merged: ContactMerge) -> None:
    with desk.transaction() as session:
        merging.undo(session, by, merged.id, at=NOON)


def test_the_survivor_has_everything_of_the_other(desk: DeskUnderTest, grace: Principal) -> None:
    ada, phoned = rich_pair(desk, grace)

    merge(desk, grace, ada, phoned)

    for table in (Case, Activity, ContactPoint, OwnedProduct, Preferences, EntitledContact):
        assert {row.contact_id for row in desk.all(table)} == {ada.id}, table
    personal = [e for e in desk.all(Entitlement) if e.contact_id]
    assert {e.contact_id for e in personal} == {ada.id}
    assert sorted(e.is_default for e in personal) == [False, True]
    [kept, gone] = sorted(desk.all(Contact), key=lambda c: c.merged_into_id is not None)
    assert (kept.id, kept.language) == (ada.id, "en")
    assert (gone.id, gone.merged_into_id, gone.name) == (phoned.id, ada.id, "A.Byron")
    [receipt] = desk.accepts(email("a.byron@other.example"))
    assert receipt.case is not None
    assert receipt.case.contact_id == ada.id


def test_undoing_a_merge_leaves_every_table_as_it_was(
    desk: DeskUnderTest, grace: Principal
) -> None:
    ada, phoned = rich_pair(desk, grace)
    before = dump(desk)

    merged = merge(desk, grace, ada, phoned)
    assert dump(desk) != before
    undo(desk, grace, merged)

    assert dump(desk) == before


def test_what_came_since_the_merge_stays_with_the_survivor(
    desk: DeskUnderTest, grace: Principal
) -> None:
    ada, phoned = rich_pair(desk, grace)
    merged = merge(desk, grace, ada, phoned)
    [receipt] = desk.accepts(email(PHONE, kind=ContactKind.PHONE, channel="phone"))
    assert receipt.case is not None

    undo(desk, grace, merged)

    assert desk.case(receipt.case.number).contact_id == ada.id
    [again] = desk.accepts(email(PHONE, kind=ContactKind.PHONE, channel="phone"))
    assert again.case is not None
    assert again.case.contact_id == phoned.id


def test_every_table_that_names_a_contact_takes_part(desk: DeskUnderTest) -> None:
    named = {f"{table.name}.{column.name}" for table, column in merging._references()}

    assert {
        "cases.contact_id",
        "activities.contact_id",
        "contact_points.contact_id",
        "contracts.contact_id",
        "entitlements.contact_id",
        "entitled_contacts.contact_id",
        "owned_products.contact_id",
        "contact_preferences.contact_id",
    } <= named
    assert not {name for name in named if name.startswith("contact_merges")}


def test_merges_that_make_no_sense_are_refused(desk: DeskUnderTest, grace: Principal) -> None:
    ada, bob = desk.has_customer("ada@example.com"), desk.has_customer("bob@example.com")
    eve = desk.has_customer("eve@example.com")
    merged = merge(desk, grace, ada, bob)

    with pytest.raises(CannotMerge, match="with itself"):
        merge(desk, grace, ada, ada)
    with pytest.raises(CannotMerge, match="Bob was merged into another contact already"):
        merge(desk, grace, eve, bob)
    later = merge(desk, grace, eve, ada)
    with pytest.raises(CannotMerge, match="undo that first"):
        undo(desk, grace, merged)
    undo(desk, grace, later)
    undo(desk, grace, merged)
    with pytest.raises(CannotMerge, match="undone already"):
        undo(desk, grace, merged)


def test_a_reader_may_not_merge(desk: DeskUnderTest) -> None:
    reader = desk.principal("Rita", Role.READ_ONLY)
    ada, bob = desk.has_customer("ada@example.com"), desk.has_customer("bob@example.com")

    with pytest.raises(NotAllowed):
        merge(desk, reader, ada, bob)
    assert desk.count(ContactMerge) == 0


@pytest.mark.parametrize(
    "domain",
    ["gmail.com", "GMail.com.", "@yahoo.co.uk", "hotmail.fr", "outlook.com.br", "web.de"],
)
def test_a_public_provider_makes_nobody_a_member(
    desk: DeskUnderTest, grace: Principal, domain: str
) -> None:
    account = desk.has_customer().account_id
    assert account is not None

    with pytest.raises(WrongDomain, match="anybody can have an address at"):
        add_domain(desk, grace, account, domain)


@pytest.mark.parametrize("domain", ["", "contoso", "con toso.com", "ada@contoso.com", "-a.com"])
def test_what_is_no_domain_is_refused(desk: DeskUnderTest, grace: Principal, domain: str) -> None:
    account = desk.has_customer().account_id
    assert account is not None

    with pytest.raises(WrongDomain, match="is not a mail domain"):
        add_domain(desk, grace, account, domain)


def add_domain(desk: DeskUnderTest, by: Principal, account: UUID, domain: str) -> None:
    with desk.transaction() as session:
        domains.add_domain(session, by, account, domain, at=NOON)


def test_who_writes_from_an_accounts_domain_belongs_to_it(
    desk: DeskUnderTest, grace: Principal
) -> None:
    account = desk.has_customer().account_id
    assert account is not None
    add_domain(desk, grace, account, "Gmail-Partners.example")
    add_domain(desk, grace, account, "bücher.example")

    receipts = desk.accepts(
        email("new@gmail-partners.example"),
        email("neu@xn--bcher-kva.example"),
        email("who@gmail.com"),
    )

    assert [r.case and r.case.account_id for r in receipts] == [account, account, None]


def test_a_domain_belongs_to_one_account(desk: DeskUnderTest, grace: Principal) -> None:
    first, second = desk.has_customer("a@one.example"), desk.has_customer("b@two.example")
    assert first.account_id is not None
    assert second.account_id is not None

    with pytest.raises(WrongDomain, match=r"one\.example belongs to another account"):
        add_domain(desk, grace, second.account_id, "one.example")
    with desk.transaction() as session:
        domains.remove_domain(session, grace, "one.example", at=NOON)
    add_domain(desk, grace, second.account_id, "one.example")

    owners = {row.domain: row.account_id for row in desk.all(AccountDomain)}
    assert owners["one.example"] == second.account_id


def test_preferences_are_kept_and_checked_by_name(desk: DeskUnderTest, grace: Principal) -> None:
    ada = desk.has_customer()

    with desk.transaction() as session:
        preferences.prefer(
            session, grace, ada.id, at=NOON, language="pt-BR", time_zone="Europe/Madrid",
            days=["friday", "monday"], time_of_day="morning", agent_id=grace.id,
            equipment="phone with a screen reader",
        )  # fmt: skip

    [kept] = desk.all(Preferences)
    assert (kept.days, kept.time_of_day) == (["monday", "friday"], "morning")
    assert (kept.agent_id, kept.equipment) == (grace.id, "phone with a screen reader")
    [contact] = desk.all(Contact)
    assert (contact.language, contact.time_zone) == ("pt-BR", "Europe/Madrid")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("language", "Spanish"),
        ("time_zone", "Mars/Base"),
        ("time_zone", "../etc/passwd"),
        ("days", ["someday"]),
        ("time_of_day", "night"),
        ("agent_id", UUID(int=1)),
        ("equipment", "x" * 201),
    ],
)
def test_a_wish_that_cannot_be_meant_is_refused_by_its_name(
    desk: DeskUnderTest, grace: Principal, name: str, value: Any
) -> None:
    ada = desk.has_customer()

    with pytest.raises(WrongPreference, match=f"^{name}: "), desk.transaction() as session:
        preferences.prefer(session, grace, ada.id, at=NOON, **{name: value})
    assert desk.count(Preferences) == 0


def test_notes_are_attached_to_an_account(desk: DeskUnderTest, grace: Principal) -> None:
    account = desk.has_customer().account_id
    assert account is not None

    with desk.transaction() as session:
        customers.notes.note(session, grace, account, " Called about the lift. ", at=NOON)

    with desk.db.reading() as session:
        [note] = customers.notes.of_account(session, account)
    assert (note.text, note.author_name) == ("Called about the lift.", "Grace")
    with pytest.raises(customers.notes.EmptyNote), desk.transaction() as session:
        customers.notes.note(session, grace, account, " ", at=NOON)
    with pytest.raises(NotFound), desk.transaction() as session:
        customers.notes.note(session, grace, UUID(int=1), "x", at=NOON)


@pytest.mark.parametrize("shared", [False, True])
def test_colleagues_see_each_others_cases_only_when_their_account_allows_it(
    desk: DeskUnderTest, shared: bool
) -> None:
    ada, bob = desk.has_customer("ada@example.com"), desk.has_customer("bob@example.com")
    desk.accepts(email("ada@example.com"), email("who@else.example"))
    with desk.transaction() as session:
        session.get_one(Account, ada.account_id).shares_cases = shared

    with desk.db.reading() as session:
        seen = session.scalars(visible_to(Principal(Kind.CUSTOMER, bob.id))).all()

    assert [case.contact_id for case in seen] == ([ada.id] if shared else [])


def test_a_merged_persons_reply_still_joins_its_case(desk: DeskUnderTest, grace: Principal) -> None:
    ada, phoned = desk.has_customer("ada@example.com"), desk.has_customer("ab@other.example")
    [receipt] = desk.accepts(email("ab@other.example", message_id="q@other.example"))
    assert receipt.case is not None
    merge(desk, grace, ada, phoned)
    with desk.transaction() as session:
        work.note(session, grace, receipt.case.id, "They are one.", at=NOON)

    [answer] = desk.accepts(email("ab@other.example", in_reply_to="q@other.example"))

    assert not answer.opened
    assert answer.case is not None
    assert answer.case.contact_id == ada.id


def test_an_address_is_identified_once_per_batch(desk: DeskUnderTest) -> None:
    with desk.transaction() as session:
        twice = [Address("new@example.com"), Address("new@example.com", "New")]
        found = customers.identify(session, twice, at=NOON)

    assert len(found) == 1
    assert desk.count(Contact) == 1
