"""The console shows what a case says of itself, changes it, and tells its history."""

from __future__ import annotations

import re

import pytest

from channels.sandbox import Sandbox
from intake import work
from intake.agents import SYSTEM, Agent, Role
from intake.cases import Case, Reason, Severity
from intake.fields import FieldKind, Required, Tag, case_types, custom, topics
from tests.console import Console, filled_in, words
from tests.desk import NOON, DeskUnderTest, email

CHOICES = ["Ground floor", "Roof"]


@pytest.fixture
def console(desk: DeskUnderTest) -> Console:
    with desk.transaction() as session:
        problem = case_types.add_type(session, SYSTEM, "Problem", at=NOON)
        topics.add_topic(session, SYSTEM, "Hardware", at=NOON)
        for kind in FieldKind:
            custom.add_field(
                session, SYSTEM, key=f"its_{kind}", label=f"Its {kind}", kind=kind, at=NOON,
                choices=CHOICES if kind in (FieldKind.CHOICE, FieldKind.CHOICES) else (),
            )  # fmt: skip
        custom.add_field(
            session, SYSTEM, key="cause", label="Cause", kind=FieldKind.TEXT, at=NOON,
            type_id=problem.id, required=Required.RESOLVING,
        )  # fmt: skip
    return Console(desk, Sandbox())


@pytest.fixture
def grace(desk: DeskUnderTest) -> Agent:
    return desk.has_agent("Grace", Role.ADMINISTRATOR)


@pytest.fixture
def case(desk: DeskUnderTest) -> Case:
    [receipt] = desk.accepts(email())
    assert receipt.case
    return receipt.case


FILLED = {
    "severity": "major",
    "tags": "VIP, toner",
    "text.its_text": "<b>K-7</b>",
    "number.its_number": "2,5",
    "choice.its_choice": "Roof",
    "choices.its_choices.1": "Roof",
    "day.its_day": "2026-03-01",
    "instant.its_instant": "2026-03-01T09:30",
    "yes_no.its_yes_no": "no",
}


def test_the_form_changes_fields_and_stands_again_as_it_was_saved(
    console: Console, grace: Agent, case: Case
) -> None:
    browser = console.browser(grace)
    form = filled_in(browser.get("/cases/1001/fields"), "fields")

    saved = browser.post("/cases/1001/fields", data={**form, **FILLED})

    assert (saved.status_code, saved.headers["location"]) == (303, "/cases/1001")
    again = filled_in(browser.get("/cases/1001/fields"), "fields")
    assert {name: again[name] for name in FILLED} == FILLED | {"number.its_number": "2.5"} | {
        "tags": "toner, VIP"
    }
    shown = words(browser.get("/cases/1001"))
    assert "<b>K-7</b>" in shown
    assert "Its instant 2026-03-01 09:30" in shown
    assert "Major" in shown
    assert console.changed(case).severity is Severity.MAJOR


def test_a_mistake_is_said_at_its_field_and_keeps_what_was_typed(
    console: Console, grace: Agent, case: Case
) -> None:
    browser = console.browser(grace)
    form = filled_in(browser.get("/cases/1001/fields"), "fields")
    wrong = {**form, **FILLED, "number.its_number": "many"}

    refused = browser.post("/cases/1001/fields", data=wrong)

    assert refused.status_code == 422
    assert "write a number, such as 12 or 0.5" in words(refused)
    assert filled_in(refused, "fields")["text.its_text"] == "<b>K-7</b>"
    assert console.changed(case).severity is Severity.NORMAL


def test_who_was_slower_is_shown_what_differs_and_may_save_again(
    console: Console, desk: DeskUnderTest, grace: Agent, case: Case
) -> None:
    browser = console.browser(grace)
    form = filled_in(browser.get("/cases/1001/fields"), "fields")
    luis = desk.principal("Luis")
    with desk.transaction() as session:
        work.change_fields(
            session, luis, case.id, {"severity": "minor"},
            desk=desk.settings, at=NOON,
        )  # fmt: skip

    stale = browser.post("/cases/1001/fields", data={**form, "severity": "critical"})
    saved = browser.post("/cases/1001/fields", data=filled_in(stale, "fields"))

    assert stale.status_code == 409
    assert "severity normal → minor by Luis" in words(stale)
    assert saved.status_code == 303
    assert console.changed(case).severity is Severity.CRITICAL


def test_the_history_of_a_field_is_read_by_itself(
    console: Console, grace: Agent, case: Case
) -> None:
    browser = console.browser(grace)
    form = filled_in(browser.get("/cases/1001/fields"), "fields")
    browser.post("/cases/1001/fields", data={**form, **FILLED})

    every = words(browser.get("/cases/1001/history"))
    one = words(browser.get("/cases/1001/history?field=number.its_number"))

    assert "Severity normal major Grace console" in every
    assert "Its number nothing 2.5 Grace console" in one
    assert "normal major" not in one


def test_following_is_one_press_and_is_taken_back(
    console: Console, grace: Agent, case: Case
) -> None:
    browser = console.browser(grace)

    assert browser.post("/cases/1001/follow").status_code == 303
    followed = words(browser.get("/cases/1001"))
    browser.post("/cases/1001/unfollow")

    assert "Followed by" in followed
    assert "Followed by" not in words(browser.get("/cases/1001"))


def test_who_only_reads_changes_nothing(console: Console, desk: DeskUnderTest, case: Case) -> None:
    browser = console.browser(desk.has_agent("Rita", Role.READ_ONLY))

    assert browser.get("/cases/1001/fields").status_code == 403
    assert browser.post("/cases/1001/fields", data={"severity": "minor"}).status_code == 403
    assert console.changed(case).severity is Severity.NORMAL


def test_an_administrator_lays_out_what_is_said_of_cases(
    console: Console, desk: DeskUnderTest, grace: Agent, case: Case
) -> None:
    browser = console.browser(grace)
    new = {
        "label": "Seats", "key": "seats", "kind": "number", "required": "never", "public": "yes",
    }  # fmt: skip

    browser.post("/fields/types", data={"name": "Incident"})
    taken = browser.post("/fields/types", data={"name": "incident"})
    wrong = browser.post("/fields/custom/new", data={**new, "choices": "one\ntwo"})
    browser.post("/fields/custom/new", data=new)
    shown = ",".join(Reason)
    browser.post("/fields/reasons/moves", data={"shown": shown, "in progress>on hold": "yes"})
    refused = browser.post("/cases/1001/resolve", data={"kind": "problem solved", "text": "ok"})

    assert "Nothing was saved: “Incident” is there already." in words(taken)
    assert "a field of kind number has none" in words(wrong)
    assert "number.seats" in words(browser.get("/fields/custom"))
    assert "what may is “on hold”" in words(refused)
    assert desk.case(case.number).open


def test_an_administrator_cleans_up_tags(
    console: Console, desk: DeskUnderTest, grace: Agent, case: Case
) -> None:
    browser = console.browser(grace)
    by = grace.principal("test")
    with desk.transaction() as session:
        said = {"tags": ["printer", "printers"]}
        work.change_fields(session, by, case.id, said, desk=desk.settings, at=NOON)
    one, other = sorted(desk.all(Tag), key=lambda tag: tag.name)

    merged = browser.post(f"/fields/tags/{other.id}", data={"do": "merge", "into": str(one.id)})
    painted = browser.post(
        f"/fields/tags/{one.id}", data={"do": "change", "name": "Printers", "colour": "blue"}
    )

    assert (merged.status_code, painted.status_code) == (303, 303)
    assert [(tag.name, tag.colour) for tag in desk.all(Tag)] == [("Printers", "blue")]
    assert "Printers" in words(browser.get("/cases/1001"))


def test_only_administrators_lay_out(console: Console, desk: DeskUnderTest) -> None:
    browser = console.browser(desk.has_agent("Marta", Role.MANAGER))
    pages = ("", "/tags", "/custom", "/custom/new", "/reasons")

    assert {browser.get(f"/fields{page}").status_code for page in pages} == {403}
    assert browser.post("/fields/types", data={"name": "Bug"}).status_code == 403


def test_a_condition_is_built_of_custom_fields_and_what_the_desk_laid_out(
    console: Console, grace: Agent
) -> None:
    browser = console.browser(grace)
    page = browser.get("/views/new")
    form = filled_in(page, "new")
    for name in ("choice.its_choice", "topic"):
        again = browser.post("/views/new", data={**form, "when.new": name, "build": "when:add"})
        form = filled_in(again, "new")

    within = {**form, "name": "Hardware", "when.1.op": "is within"}
    [topic] = re.findall(r'value="([0-9a-f-]{36})">Hardware', again.text)
    kept = browser.post("/views/new", data={**within, "when.1.value": topic, "build": ""})

    assert page.status_code == 200
    assert re.search(r"<option selected>is within</option>", kept.text)
    assert {"Its choice", "Topic"} <= set(re.findall(r"Its choice|Topic", words(again)))
    assert "Hardware" in again.text
    assert [value for name, value in form.items() if name.endswith(".field")] == [
        "choice.its_choice", "topic",
    ]  # fmt: skip
