"""Entitlements and contracts in the console: seen by all, written by managers, by forms alone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest
from httpx2 import Response
from starlette.testclient import TestClient

from channels.sandbox import Sandbox
from graph.console.filling import Misfilled, Reader
from intake.agents import Role
from intake.contracts import Contract
from intake.contracts import State as ContractState
from intake.entitlements import Entitlement, EntitlementTemplate, State
from tests.console import Console, tree, words
from tests.desk import DeskUnderTest, email

NOW = datetime.now(UTC).replace(microsecond=0)
FIRST, LAST = date(NOW.year, 1, 1), date(NOW.year + 1, 12, 31)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def console(desk: DeskUnderTest, sandbox: Sandbox) -> Console:
    return Console(desk, sandbox)


@pytest.fixture
def manager(console: Console) -> TestClient:
    return console.browser(console.desk.has_agent("Marta", Role.MANAGER))


@pytest.fixture
def account_id(console: Console) -> UUID:
    found = console.desk.has_customer("ada@bee.example").account_id
    assert found is not None
    return found


def fields(page: Response, act: str) -> dict[str, str]:
    """The fields of the form that leads there, as the page fills them in."""
    [form] = [f for f in tree(page).forms if f.action.endswith(act) and f.method == "POST"]
    return {name: str(value or "") for name, value in form.form_values()}


def entitlement(console: Console) -> Entitlement:
    [found] = console.desk.all(Entitlement)
    assert isinstance(found, Entitlement)
    return found


def contract(console: Console) -> Contract:
    [found] = console.desk.all(Contract)
    assert isinstance(found, Contract)
    return found


def drafted(manager: TestClient, account_id: UUID, **typed: str) -> Response:
    """The answer to a new entitlement of twenty cases, with those fields typed otherwise."""
    given = fields(manager.get(f"/entitlements/new?account={account_id}"), "/new")
    given |= {"name": "Gold", "total": "20", "starts_on": str(FIRST), "ends_on": str(LAST)}
    return manager.post("/entitlements/new", data=given | typed)


def agreed(manager: TestClient, account_id: UUID, **typed: str) -> Response:
    """The answer to a new contract, with those fields typed otherwise."""
    given = fields(manager.get(f"/contracts/new?account={account_id}"), "/new")
    given |= {"name": "Care", "starts_on": str(FIRST), "ends_on": str(LAST), "bill_to": "Bee"}
    return manager.post("/contracts/new", data=given | typed)


def test_a_manager_drafts_and_activates_and_the_next_case_is_covered(
    console: Console, manager: TestClient, account_id: UUID
) -> None:
    place = drafted(manager, account_id, **{"channels.email": "8"}).headers["location"]
    before = words(manager.get(place))

    activated = manager.post(f"{place}/activate")
    [receipt] = console.desk.accepts(email("ada@bee.example", at=NOW))

    assert "20 cases, not granted yet" in before
    assert activated.headers["location"] == place
    assert receipt.case is not None
    assert receipt.case.entitlement_id == entitlement(console).id
    after = words(manager.get(place))
    assert "19 of 20 cases left" in after
    assert "7 of 8 left" in after


def test_hours_are_typed_as_hours(console: Console, manager: TestClient, account_id: UUID) -> None:
    drafted(manager, account_id, allocation="hours", decrease_on="resolution", total="12,5")

    held = entitlement(console)
    again = fields(manager.get(f"/entitlements/{held.id}/edit"), "/edit")

    assert held.total == 750
    assert again["total"] == "12.5"


@pytest.mark.parametrize(
    ("typed", "field", "said"),
    [
        ({"total": "many"}, "total", "write a whole number of cases"),
        ({"total": "-3"}, "total", "-3 is below zero"),
        ({"total": "1.5"}, "total", "write a whole number of cases"),
        ({"starts_on": "soon"}, "starts_on", "write a day as 2026-12-31"),
        ({"ends_on": str(FIRST - timedelta(days=1))}, "ends_on", "is before its start"),
        ({"name": " "}, "name", "fill this in"),
        ({"thresholds": "150"}, "thresholds", "150 is no percentage"),
        ({"allocation": "hours"}, "decrease_on", "hours can only be taken on resolution"),
        ({"channels.phone": "-1"}, "channels.phone", "-1 is below zero"),
        ({"renewal_days": "30"}, "email", "reminders need an address"),
        ({"sla_id": "x"}, "sla_id", "choose one of these"),
        ({"unlisted": "maybe"}, "unlisted", "choose one of these"),
        ({"carry_over": "9" * 40}, "carry_over", "write a whole number"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_a_mistake_is_said_at_its_field_and_what_was_typed_stays(
    console: Console,
    manager: TestClient,
    account_id: UUID,
    typed: dict[str, str],
    field: str,
    said: str,
) -> None:
    answer = drafted(manager, account_id, description="Kept <b>words</b>", **typed)

    page = tree(answer)
    [input] = page.xpath(f"//*[@name='{field}']")
    [note] = page.xpath(f"//*[@id='{input.get('aria-describedby')}']")
    assert answer.status_code == 422
    assert input.get("aria-invalid") == "true"
    assert said in note.text_content()
    assert page.xpath(f"//div[@role='alert']//a[@href='#{input.get('id')}']")
    assert fields(answer, "/new")["description"] == "Kept <b>words</b>"
    for name, value in typed.items():
        if page.xpath(f"//input[@name='{name}']"):
            assert page.xpath(f"//input[@name='{name}']/@value") == [value]
    assert console.desk.count(Entitlement) == 0


def test_several_mistakes_are_told_at_once(manager: TestClient, account_id: UUID) -> None:
    answer = drafted(manager, account_id, name="", total="x", ends_on="y")

    assert len(tree(answer).xpath("//*[@aria-invalid='true']")) == 3


def test_channels_above_the_total_are_warned_of_and_not_refused(
    console: Console, manager: TestClient, account_id: UUID
) -> None:
    typed = {"channels.email": "15", "channels.phone": "9"}

    place = drafted(manager, account_id, **typed).headers["location"]
    warned = words(manager.get(place))
    manager.post(f"{place}/activate")

    assert "Channels: they add up to 24, the whole is 20." in warned
    assert entitlement(console).state is State.ACTIVE


def test_a_template_fills_the_form_in(
    console: Console, manager: TestClient, account_id: UUID
) -> None:
    template = EntitlementTemplate(
        name="Gold", total=200, channels={"phone": 50}, thresholds=[10], lasts_months=1,
    )  # fmt: skip
    with console.desk.transaction() as session:
        session.add(template)
        session.flush()
        template_id = template.id

    page = manager.get(f"/entitlements/new?account={account_id}&template={template_id}")
    manager.post("/entitlements/new", data=fields(page, "/new"))

    held = entitlement(console)
    assert (held.name, held.total, held.thresholds) == ("Gold", 200, [10])
    assert held.template_id == template_id
    assert 27 <= (held.ends_on - held.starts_on).days <= 30


def test_an_entitlement_is_deactivated_changed_and_put_in_force_again(
    console: Console, manager: TestClient, account_id: UUID
) -> None:
    place = drafted(manager, account_id, unlisted="allow").headers["location"]
    manager.post(f"{place}/activate")
    console.desk.accepts(email("ada@bee.example", at=NOW))

    refused = manager.post(f"{place}/edit", data=fields(manager.get(f"{place}/edit"), "/edit"))
    manager.post(f"{place}/deactivate")
    typed = fields(manager.get(f"{place}/edit"), "/edit") | {"total": "30"}
    manager.post(f"{place}/edit", data=typed)
    manager.post(f"{place}/activate")

    assert refused.status_code == 422
    assert "deactivate it before you change it" in words(refused)
    assert entitlement(console).remaining == 29
    assert "total changed" in words(manager.get(place))


def test_one_that_is_below_zero_is_restricted_once_its_balance_is_corrected(
    console: Console, manager: TestClient, account_id: UUID
) -> None:
    typed = {"restricted": "no", "unlisted": "allow", "total": "1"}
    place = drafted(manager, account_id, **typed).headers["location"]
    manager.post(f"{place}/activate")
    console.desk.accepts(*(email("ada@bee.example", at=NOW) for _ in range(3)))
    manager.post(f"{place}/deactivate")

    given = fields(manager.get(f"{place}/edit"), "/edit") | {"restricted": "yes"}
    refused = manager.post(f"{place}/edit", data=given)
    manager.post(f"{place}/correct", data={"amount": "2", "reason": "forgiven", "key": "k"})
    edited = manager.post(f"{place}/edit", data=given)

    assert refused.status_code == 422
    assert "-2 of 1 case are left, which is below zero; correct the balance to zero first" in words(
        refused
    )
    assert edited.status_code == 303
    assert entitlement(console).restricted


def test_who_activates_second_is_told(manager: TestClient, account_id: UUID) -> None:
    place = drafted(manager, account_id).headers["location"]
    manager.post(f"{place}/activate")

    second = manager.post(f"{place}/activate")

    assert second.status_code == 422
    assert "Gold is active; only a draft is activated" in words(second)


def test_a_cancelled_entitlement_is_renewed_and_the_two_lead_to_each_other(
    console: Console, manager: TestClient, account_id: UUID
) -> None:
    place = drafted(manager, account_id).headers["location"]
    manager.post(f"{place}/activate")

    manager.post(f"{place}/cancel", data={"reason": "moved"})
    onward = manager.post(f"{place}/renew").headers["location"]

    assert onward != place
    assert onward in manager.get(place).text
    assert place in manager.get(onward).text
    assert {held.state for held in console.desk.all(Entitlement)} == {State.CANCELLED, State.DRAFT}


def test_a_balance_is_corrected_once_with_a_reason(
    console: Console, manager: TestClient, account_id: UUID
) -> None:
    place = drafted(manager, account_id).headers["location"]
    manager.post(f"{place}/activate")
    form = fields(manager.get(place), "/correct")

    silent = manager.post(f"{place}/correct", data=form | {"amount": "2"})
    wrong = manager.post(f"{place}/correct", data=form | {"amount": "two", "reason": "gift"})
    manager.post(f"{place}/correct", data=form | {"amount": "2", "reason": "gift"})

    assert "say why the balance is corrected" in words(silent)
    assert "write a whole number of cases" in words(wrong)
    assert entitlement(console).remaining == 22
    assert "gift" in manager.get(place).text


def test_a_draft_is_deleted_and_leads_back_to_its_customer(
    console: Console, manager: TestClient, account_id: UUID
) -> None:
    place = drafted(manager, account_id).headers["location"]

    answer = manager.post(f"{place}/discard")

    assert answer.headers["location"] == f"/customers/accounts/{account_id}"
    assert console.desk.count(Entitlement) == 0


def test_a_contract_is_drafted_invoiced_held_released_and_cancelled(
    console: Console, manager: TestClient, account_id: UUID
) -> None:
    place = agreed(manager, account_id).headers["location"]
    line = fields(manager.get(place), "/add-line") | {
        "title": "Printers", "total": "10", "price": "1200", "discount": "10"
    }  # fmt: skip
    manager.post(f"{place}/add-line", data=line)
    states, totals = [], []

    for act in ("invoice", "hold", "release", "cancel"):
        page = manager.get(place)
        totals.append("1080.00 EUR" in words(page))
        manager.post(f"{place}/{act}", data=fields(page, f"/{act}"))
        states.append((contract(console).state, entitlement(console).state))

    assert states == [
        (ContractState.ACTIVE, State.ACTIVE),
        (ContractState.ON_HOLD, State.ON_HOLD),
        (ContractState.ACTIVE, State.ACTIVE),
        (ContractState.CANCELLED, State.CANCELLED),
    ]
    assert totals == [True] * 4


def test_a_draft_that_was_copied_can_be_deleted(
    console: Console, manager: TestClient, account_id: UUID
) -> None:
    place = agreed(manager, account_id).headers["location"]
    copied = manager.post(f"{place}/copy", data=fields(manager.get(place), "/copy"))

    answer = manager.post(f"{place}/delete", data=fields(manager.get(place), "/delete"))

    assert answer.headers["location"] == f"/customers/accounts/{account_id}"
    assert copied.headers["location"].endswith(str(contract(console).id))
    assert contract(console).copied_from_id is None


def test_a_contract_is_renewed_under_its_number_once(
    console: Console, manager: TestClient, account_id: UUID
) -> None:
    place = agreed(manager, account_id).headers["location"]
    line = fields(manager.get(place), "/add-line") | {"title": "Printers", "total": "10"}
    manager.post(f"{place}/add-line", data=line)
    manager.post(f"{place}/invoice", data=fields(manager.get(place), "/invoice"))
    form = fields(manager.get(place), "/renew")

    onward = manager.post(f"{place}/renew", data=form).headers["location"]
    second = manager.post(f"{place}/renew")

    old, new = sorted(console.desk.all(Contract), key=lambda each: each.term)
    assert onward.endswith(str(new.id))
    assert old.number == new.number
    assert onward in manager.get(place).text
    assert second.status_code == 422
    assert "is renewed from" in words(second)


@pytest.mark.parametrize(
    ("typed", "field", "said"),
    [
        ({"currency": "EUX"}, "currency", "is no currency of ISO 4217"),
        ({"ends_on": str(FIRST - timedelta(days=1))}, "ends_on", "is before starts_on"),
        ({"name": ""}, "name", "fill this in"),
        ({"billing_starts_on": "x"}, "billing_starts_on", "write a day"),
    ],
    ids=["currency", "inverted", "nameless", "no day"],
)
def test_a_mistake_in_a_contract_is_said_at_its_field(
    console: Console,
    manager: TestClient,
    account_id: UUID,
    typed: dict[str, str],
    field: str,
    said: str,
) -> None:
    answer = agreed(manager, account_id, **typed)

    [input] = tree(answer).xpath(f"//input[@name='{field}']")
    assert answer.status_code == 422
    assert input.get("aria-invalid") == "true"
    assert said in words(answer)
    assert fields(answer, "/new")["bill_to"] == "Bee"
    assert console.desk.count(Contract) == 0


def test_a_line_that_does_not_fit_is_refused_and_stays_typed(
    console: Console, manager: TestClient, account_id: UUID
) -> None:
    place = agreed(manager, account_id).headers["location"]
    line = fields(manager.get(place), "/add-line")

    answer = manager.post(
        f"{place}/add-line", data=line | {"title": "P", "total": "5", "discount": "101"}
    )

    assert answer.status_code == 422
    assert "101 is more than the whole" in words(answer)
    assert fields(answer, "/add-line")["title"] == "P"
    assert tree(answer).xpath("//details[@class='add-line']/@open")


def test_a_contract_that_changed_meanwhile_is_not_changed_again(
    console: Console, manager: TestClient, account_id: UUID
) -> None:
    place = agreed(manager, account_id).headers["location"]
    stale = fields(manager.get(f"{place}/edit"), "/edit")
    manager.post(f"{place}/edit", data=stale | {"name": "First"})

    second = manager.post(f"{place}/edit", data=stale | {"name": "Second"})

    assert second.status_code == 422
    assert "changed since you read it" in words(second)
    assert fields(second, "/edit")["name"] == "Second"
    assert contract(console).name == "First"


def test_an_agent_sees_what_was_bought_and_no_way_to_change_it(
    console: Console, manager: TestClient, account_id: UUID
) -> None:
    places = [
        drafted(manager, account_id).headers["location"],
        agreed(manager, account_id).headers["location"],
    ]
    agent = console.browser(console.desk.has_agent("Grace"))

    for place in places:
        page = agent.get(place)
        assert page.status_code == 200
        assert {form.action for form in tree(page).forms} == {"/", "/presence", "/sign-out"}
        assert agent.get(f"{place}/edit").status_code == 403
    assert agent.post(f"{places[0]}/activate").status_code == 403
    assert "/entitlements/new" not in agent.get(f"/customers/accounts/{account_id}").text
    assert entitlement(console).state is State.DRAFT


@pytest.mark.parametrize("query", ["", "account=x", "account=00000000-0000-0000-0000-000000000000"])
def test_what_is_for_nobody_is_not_drafted(
    console: Console, manager: TestClient, query: str
) -> None:
    for kind in ("entitlements", "contracts"):
        page = manager.get(f"/{kind}/new?{query}")
        given = fields(page, "/new") | {"name": "N", "total": "1"}
        answer = manager.post(f"/{kind}/new", data=given)

        assert page.status_code == 200 or query == "account=x"
        assert answer.status_code == 422
    assert console.desk.count(Entitlement) + console.desk.count(Contract) == 0


def test_pages_of_what_was_bought_ask_few_questions(
    console: Console, manager: TestClient, account_id: UUID
) -> None:
    place = drafted(manager, account_id, total="400").headers["location"]
    manager.post(f"{place}/activate")
    console.desk.accepts(*(email("ada@bee.example", at=NOW) for _ in range(30)))
    deal = agreed(manager, account_id).headers["location"]
    line = fields(manager.get(deal), "/add-line") | {"total": "1"}
    for i in range(6):
        assert (
            manager.post(
                f"{deal}/add-line",
                data=line | {"title": f"L{i}", "version": str(contract(console).version)},
            ).status_code
            == 303
        )
    manager.post(f"{deal}/invoice", data=fields(manager.get(deal), "/invoice"))
    asked = []

    for page in (place, deal, f"/entitlements/new?account={account_id}"):
        with console.counts_statements() as statements:
            assert manager.get(page).status_code == 200
        asked.append(len(statements))

    assert asked[0] <= 16
    assert asked[1] <= 18
    assert asked[2] <= 13


@pytest.mark.parametrize(
    ("typed", "minutes"),
    [("1.5", 90), ("0,25", 15), ("12", 720), ("-1", -60)],
)
def test_hours_become_minutes(typed: str, minutes: int) -> None:
    assert Reader({"h": typed}).units("h", hours=True) == minutes


@pytest.mark.parametrize("typed", ["1.33", "NaN", "1e9", "Infinity", "١", "1 2", "0x1"])
def test_what_are_no_hours_are_refused(typed: str) -> None:
    reader = Reader({"h": typed})
    reader.units("h", hours=True)

    with pytest.raises(Misfilled, match="h: write hours"):
        reader.finish()
