"""What is to be done, and the time it took, on the pages of the console."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from channels.sandbox import Sandbox
from intake import attention, work
from intake.agents import Agent, Role
from intake.cases import Activity, ActivityKind, ActivityState, Case, Resolution
from intake.cases import State as CaseState
from intake.db import Database
from intake.work import Plan, Regarding
from tests.console import Console, filled_in, words
from tests.desk import DeskUnderTest, email

NOW = datetime.now(UTC).replace(microsecond=0)
HOUR = timedelta(hours=1)


@pytest.fixture
def console(sqlite_url: str) -> Iterator[Console]:
    with Sandbox() as sandbox:
        db = Database(sqlite_url)
        yield Console(DeskUnderTest(db), sandbox)
        db.close()


@pytest.fixture
def grace(console: Console) -> Agent:
    return console.desk.has_agent("Grace")


@pytest.fixture
def case(console: Console) -> Case:
    console.desk.has_customer("ada@example.com")
    [receipt] = console.desk.accepts(email("ada@example.com", at=NOW - 3 * HOUR))
    assert receipt.case is not None
    return receipt.case


def plans(
    console: Console, who: Agent, about: Regarding, subject: str, *, due: float | None = None
) -> Activity:
    due_at = NOW + due * HOUR if due is not None else None
    with console.desk.transaction() as session:
        plan = Plan(ActivityKind.TASK, subject, due_at=due_at)
        by = who.principal("test")
        return work.add_activity(session, by, about, plan, at=NOW - 2 * HOUR)


def planned(console: Console) -> dict[str, ActivityState]:
    return {row.subject: row.state for row in console.desk.all(Activity) if row.owner_id}


def test_what_is_planned_on_a_case_is_listed_there_and_among_mine(
    console: Console, grace: Agent, case: Case
) -> None:
    browser, page = console.browser(grace), f"/cases/{case.number}"
    form = filled_in(browser.get(page), "plan")

    answer = browser.post(
        f"{page}/plan", data={**form, "subject": "Call Ada", "kind": "phone call",
                              "due_at": "2020-01-02T14:00"},
    )  # fmt: skip

    assert answer.status_code == 303
    assert planned(console) == {"Call Ada": ActivityState.OPEN}
    assert "To do 1" in words(browser.get(page))
    mine = words(browser.get("/activities"))
    assert "Overdue 1" in mine
    assert f"Call Ada {case.number} Printer offline" in mine


def test_a_plan_without_words_says_so_and_keeps_what_was_typed(
    console: Console, grace: Agent, case: Case
) -> None:
    browser, page = console.browser(grace), f"/cases/{case.number}"
    form = filled_in(browser.get(page), "plan")

    answer = browser.post(f"{page}/plan", data={**form, "subject": "", "text": "All of it"})

    assert answer.status_code == 409
    assert "subject: fill this in" in words(answer)
    assert filled_in(answer, "plan")["text"] in ("All of it", "")
    assert "All of it" in answer.text
    assert planned(console) == {}


def test_my_list_is_in_the_order_in_which_things_are_due(
    console: Console, grace: Agent, case: Case
) -> None:
    luis, about = console.desk.has_agent("Luis"), Regarding(case_id=case.id)
    for subject, due in (("Whenever", None), ("Next week", 200), ("Late", -1), ("Soon", 30)):
        plans(console, grace, about, subject, due=due)
    plans(console, luis, about, "His own", due=1)
    browser = console.browser(grace)

    mine, everybodys = (words(browser.get(f"/activities{q}")) for q in ("", "?view=all"))

    places = [mine.index(subject) for subject in ("Late", "Soon", "Next week", "Whenever")]
    assert places == sorted(places)
    assert "His own" not in mine
    assert "His own" in everybodys


def test_an_activity_is_completed_with_its_minutes_from_the_case(
    console: Console, grace: Agent, case: Case
) -> None:
    activity = plans(console, grace, Regarding(case_id=case.id), "Order a part")
    browser, page = console.browser(grace), f"/cases/{case.number}"
    form = filled_in(browser.get(page), f"{activity.id}/complete")

    answer = browser.post(f"/activities/{activity.id}/complete", data={**form, "took": "12"})

    assert answer.headers["location"] == page
    told = words(browser.get(page))
    assert "Task done" in told
    assert "Worked 12 min" in told
    stale = browser.post(f"/activities/{activity.id}/complete", data={**form, "took": "12"})
    assert stale.status_code == 422


def test_an_activity_has_a_page_to_change_it_and_take_it_up_again(
    console: Console, grace: Agent, case: Case
) -> None:
    luis = console.desk.has_agent("Luis")
    activity = plans(console, grace, Regarding(case_id=case.id), "Order a part")
    browser, page = console.browser(grace), f"/activities/{activity.id}"
    form = filled_in(browser.get(page), "edit")

    browser.post(f"{page}/edit", data={**form, "subject": "Order two", "owner": str(luis.id)})
    wrong = browser.post(f"{page}/edit", data={**filled_in(browser.get(page), "edit"),
                                               "due_at": "whenever"})  # fmt: skip
    browser.post(f"{page}/cancel", data=filled_in(browser.get(page), "cancel"))

    assert wrong.status_code == 422
    assert "write a time as" in words(wrong)
    assert planned(console) == {"Order two": ActivityState.CANCELLED}
    [row] = [row for row in console.desk.all(Activity) if row.owner_id]
    assert row.owner_id == luis.id
    browser.post(f"{page}/reopen", data=filled_in(browser.get(page), "reopen"))
    assert planned(console) == {"Order two": ActivityState.OPEN}


def test_an_account_has_activities_of_its_own(console: Console, grace: Agent, case: Case) -> None:
    browser = console.browser(grace)
    account = f"/customers/accounts/{case.account_id}"
    form = filled_in(browser.get(f"/activities/new?account={case.account_id}"), "activities")

    refused = browser.post("/activities", data={**form, "subject": ""})
    answer = browser.post("/activities", data={**form, "subject": "Visit them"})

    assert refused.status_code == 422
    assert filled_in(refused, "activities")["account"] == str(case.account_id)
    assert answer.headers["location"] == f"{account}#activities"
    assert "Visit them" in words(browser.get(account))


def test_resolving_names_what_is_open_and_cancels_it_when_confirmed(
    console: Console, grace: Agent, case: Case
) -> None:
    plans(console, grace, Regarding(case_id=case.id), "Order a part")
    plans(console, grace, Regarding(case_id=case.id), "Call Ada")
    browser, page = console.browser(grace), f"/cases/{case.number}"
    shown = browser.get(page)
    assert "2 open activities: Order a part , Call Ada" in words(shown)
    form = {**filled_in(shown, "resolve"), "text": "Mended."}

    refused = browser.post(f"{page}/resolve", data=form)
    again = filled_in(refused, "resolve")
    done = browser.post(f"{page}/resolve", data={**again, "text": "Mended.", "cancel_open": "yes"})

    assert refused.status_code == 409
    assert "That was not done: 2 open activities" in words(refused)
    assert (done.status_code, console.changed(case).state) == (303, CaseState.RESOLVED)
    assert set(planned(console).values()) == {ActivityState.CANCELLED}
    assert "Problem solved : Mended." in words(browser.get(page))


def looks(console: Console, who: Agent, case: Case, minutes: float) -> None:
    with console.desk.transaction() as session:
        span = timedelta(minutes=minutes)
        attention.looked(session, who.principal("test"), case.id, span, at=datetime.now(UTC))


def test_the_time_one_had_a_case_open_is_offered_and_never_imposed(
    console: Console, grace: Agent, case: Case
) -> None:
    looks(console, grace, case, 7.4)
    browser, page = console.browser(grace), f"/cases/{case.number}"
    shown = browser.get(page)
    assert "You had this open 7 min: add" in words(shown)
    form = {**filled_in(shown, "write"), "kind": "note", "send": "note", "note": "Looked."}

    browser.post(f"{page}/write", data=form)
    assert "Worked 0 min" in words(browser.get(page))
    assert "You had this open 7 min" in words(browser.get(page))

    form = {**form, **filled_in(browser.get(page), "write"), "kind": "note", "took": "5"}
    browser.post(f"{page}/write", data={**form, "note": "Mended.", "send": "note"})
    told = words(browser.get(page))
    assert "Worked 5 min" in told
    assert "You had this open" not in told


def test_time_typed_on_the_resolve_sheet_is_worked_and_billed(
    console: Console, grace: Agent, case: Case
) -> None:
    looks(console, grace, case, 9)
    browser, page = console.browser(grace), f"/cases/{case.number}"
    form = filled_in(browser.get(page), "resolve")

    browser.post(f"{page}/resolve", data={**form, "text": "Done", "took": "9"})

    [resolution] = console.desk.all(Resolution)
    assert (resolution.total_minutes, resolution.billable_minutes) == (9, 9)


def test_two_pages_of_one_agent_count_the_same_minutes_once(
    console: Console, grace: Agent, case: Case
) -> None:
    by, minute = grace.principal("test"), timedelta(minutes=1)
    with console.desk.transaction() as session:
        for step in range(4):  # two pages that both say so each minute
            for _page in range(2):
                attention.looked(session, by, case.id, minute, at=NOW + step * minute)
    with console.desk.db.reading() as session:
        offered = attention.offered(session, by, case.id, at=NOW + 4 * minute)
        tomorrow = attention.offered(session, by, case.id, at=NOW + 24 * HOUR)

    assert (offered, tomorrow) == (4, 0)


def test_a_page_says_how_long_it_was_looked_at(console: Console, grace: Agent, case: Case) -> None:
    browser = console.browser(grace)

    browser.post(f"/cases/{case.number}/beat", data={"seconds": "15"})
    browser.post(f"/cases/{case.number}/beat", data={"seconds": "999999"})

    with console.desk.db.reading() as session:
        [row] = session.scalars(select(attention.Attention)).all()
    assert 15 <= row.seconds <= 20


def test_a_reader_plans_nothing_here(console: Console, grace: Agent, case: Case) -> None:
    rita = console.desk.has_agent("Rita", role=Role.READ_ONLY)
    activity = plans(console, grace, Regarding(case_id=case.id), "Order a part")
    browser = console.browser(rita)

    assert "complete" not in browser.get(f"/cases/{case.number}").text.replace("autocomplete", "")
    assert browser.post(f"/activities/{activity.id}/complete").status_code == 403
    assert browser.post("/activities", data={"subject": "x"}).status_code == 403


def test_children_are_opened_listed_linked_and_closed_as_the_page_says(
    console: Console, grace: Agent, case: Case
) -> None:
    [receipt] = console.desk.accepts(email("bob@example.com", "Paper jam"))
    assert receipt.case is not None
    browser, page = console.browser(grace), f"/cases/{case.number}"

    def does(act: str, **fields: str) -> int:
        form = filled_in(browser.get(page), act)
        return browser.post(f"{page}/{act}", data={**form, **fields}).status_code

    assert does("child", subject="Order a fuser", text="By Friday") == 303
    assert does("link", number=str(receipt.case.number)) == 303
    told = words(browser.get(page))
    assert "Children 2 open of 2" in told
    assert "Order a fuser open" in told
    child = f"/cases/{receipt.case.number}"
    assert f"Part of {case.number} Printer offline active" in words(browser.get(child))
    assert does("link", number=str(case.number)) == 409

    assert does("children-close", policy="before parent") == 303
    refused = browser.post(f"{page}/resolve", data=filled_in(browser.get(page), "resolve"))
    assert "closed only after its children" in words(refused)

    form = filled_in(browser.get(child), "unlink")
    assert browser.post(f"{child}/unlink", data=form).status_code == 303
    assert "Children 1 open of 1" in words(browser.get(page))


def test_a_letter_is_opened_as_a_case_from_the_page_of_its_customer(
    console: Console, grace: Agent, case: Case
) -> None:
    browser, address = console.browser(grace), f"/cases/new?contact={case.contact_id}"
    assert address in browser.get(f"/customers/contacts/{case.contact_id}").text
    form = {**filled_in(browser.get(address), "new"), "channel": "letter", "text": "It broke."}

    refused = browser.post("/cases/new", data=form)
    opened = browser.post("/cases/new", data={**form, "subject": "A broken lamp"})

    assert refused.status_code == 422
    assert "It broke." in refused.text
    told = words(browser.get(opened.headers["location"]))
    assert "A broken lamp" in told
    assert "Came by letter" in told
    assert browser.get("/cases/new").status_code == 404
