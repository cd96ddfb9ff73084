"""What is to be seen to on a case: by hand, from a list, and by itself for a type."""

from __future__ import annotations

import pytest

from channels.sandbox import Sandbox
from intake import checklists, work
from intake.agents import SYSTEM, NotAllowed, Principal, Role
from intake.cases import Case, NotOpen
from intake.checklists import Checklist, ChecklistItem
from intake.events import Event
from intake.fields import WrongField, case_types
from tests.console import Console, words
from tests.desk import NOON, DeskUnderTest, email
from tests.office import Office


@pytest.fixture
def grace(desk: DeskUnderTest) -> Principal:
    return desk.principal("Grace")


def opened(desk: DeskUnderTest) -> Case:
    [receipt] = desk.accepts(email())
    assert receipt.case
    return receipt.case


def has_list(desk: DeskUnderTest, name: str, *items: str, kind: str = "") -> Checklist:
    with desk.transaction() as session:
        of = case_types.add_type(session, SYSTEM, kind, at=NOON).id if kind else None
        return checklists.write_checklist(
            session, SYSTEM, name=name, items=items, type_id=of, at=NOON
        )


def texts(desk: DeskUnderTest, case: Case) -> list[tuple[str, bool]]:
    with desk.db.reading() as session:
        found = checklists.of_case(session, case.id)
        return [(item.text, item.done_at is not None) for item in found]


def test_a_case_gets_the_lists_of_its_type_once(desk: DeskUnderTest, grace: Principal) -> None:
    incident = has_list(desk, "Incident", "Tell the customer", "Find the cause", kind="Incident")
    has_list(desk, "By hand", "Call")
    case = opened(desk)
    for kind in (incident.type_id, None, incident.type_id):
        with desk.transaction() as session:
            said: dict[str, object] = {"type": kind}
            work.change_fields(session, grace, case.id, said, desk=desk.settings, at=NOON)

    assert texts(desk, case) == [("Tell the customer", False), ("Find the cause", False)]


def test_items_are_added_ticked_and_struck_with_who_and_when(
    desk: DeskUnderTest, grace: Principal
) -> None:
    case = opened(desk)
    by_hand = has_list(desk, "By hand", "Call", "Write")
    with desk.transaction() as session:
        work.add_items(session, grace, case.id, ["  Look\ninside ", ""], at=NOON)
        work.use_checklist(session, grace, case.id, by_hand.id, at=NOON)
    call = next(item for item in desk.all(ChecklistItem) if item.text == "Call")
    look = next(item for item in desk.all(ChecklistItem) if item.text == "Look inside")
    with desk.transaction() as session:
        work.tick_item(session, grace, case.id, call.id, at=NOON)
        work.tick_item(session, grace, case.id, call.id, at=NOON)
        work.strike_item(session, grace, case.id, look.id, at=NOON)

    assert texts(desk, case) == [("Call", True), ("Write", False)]
    [ticked] = [event for event in desk.all(Event) if event.kind == "case.item_ticked"]
    assert (ticked.actor_name, ticked.data["item"]) == ("Grace", "Call")


def test_what_cannot_be_is_refused(desk: DeskUnderTest, grace: Principal) -> None:
    case, other = opened(desk), opened(desk)
    incident = has_list(desk, "Incident", "Tell", kind="Incident")
    with desk.transaction() as session:
        work.add_items(session, grace, other.id, ["Look"], at=NOON)
    [item] = desk.all(ChecklistItem)
    with desk.transaction() as session:
        with pytest.raises(WrongField, match="items: write 1 to 100"):
            work.add_items(session, grace, case.id, [" "], at=NOON)
        with pytest.raises(WrongField, match="items: a case has 100 at most"):
            work.add_items(session, grace, other.id, ["x"] * 100, at=NOON)
        with pytest.raises(WrongField, match="checklist: there is no such list"):
            work.use_checklist(session, grace, case.id, incident.id, at=NOON)
        with pytest.raises(WrongField, match="item: there is no such item"):
            work.tick_item(session, grace, case.id, item.id, at=NOON)
        with pytest.raises(NotAllowed):
            checklists.write_checklist(session, grace, name="x", items=["y"], at=NOON)
        work.cancel(session, grace, other.id, "Spam", desk=desk.settings, at=NOON)
        with pytest.raises(NotOpen):
            work.tick_item(session, grace, other.id, item.id, at=NOON)


def test_graphql_writes_lists_and_ticks_items(desk: DeskUnderTest) -> None:
    office, ada = Office(desk), desk.has_agent("Ada", Role.ADMINISTRATOR)
    opened(desk)
    written = office.asks(
        """mutation { writeChecklist(name: "Return", items: ["Label", "Box"]) {
        ... on Checklist { id items } } }""", by=ada,
    )["writeChecklist"]  # fmt: skip
    shown = "... on CaseChanged { case { checklist { id text doneBy { name } } } }"
    use = f'useChecklist(caseNumber: 1001, checklist: "{written["id"]}")'
    used = office.asks(f"mutation {{ {use} {{ {shown} }} }}", by=ada)["useChecklist"]["case"][
        "checklist"
    ]
    ticked = office.asks(
        f'mutation {{ tickItem(caseNumber: 1001, item: "{used[0]["id"]}") {{ {shown} }} }}', by=ada
    )["tickItem"]["case"]["checklist"]

    assert written["items"] == ["Label", "Box"]
    assert [(item["text"], item["doneBy"]) for item in ticked] == [
        ("Label", {"name": "Ada"}), ("Box", None),
    ]  # fmt: skip


def test_the_console_ticks_items_and_writes_lists(desk: DeskUnderTest) -> None:
    console = Console(desk, Sandbox())
    case, browser = opened(desk), console.browser(desk.has_agent("Ada", Role.ADMINISTRATOR))

    written = browser.post("/fields/checklists", data={"name": "Return", "items": "Label\nBox"})
    empty = browser.post("/fields/checklists", data={"name": "None", "items": " \n"})
    [made] = desk.all(Checklist)
    browser.post("/cases/1001/checklist", data={"do": "use", "list": str(made.id)})
    first = next(item for item in desk.all(ChecklistItem) if item.text == "Label")
    ticked = browser.post("/cases/1001/checklist", data={"do": "tick", "item": str(first.id)})

    assert (written.status_code, empty.status_code, ticked.status_code) == (303, 422, 303)
    assert texts(desk, case) == [("Label", True), ("Box", False)]
    assert "Checklist 1 of 2" in words(browser.get("/cases/1001"))
    assert "Return 2 items" in words(browser.get("/fields/checklists"))
