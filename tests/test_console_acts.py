"""What an agent does on the page of a case, by its forms alone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from channels.sandbox import Sandbox
from intake import outcomes, work
from intake.agents import Agent
from intake.cases import Activity, Case, Direction, Reason, Resolution
from intake.cases import State as CaseState
from intake.db import Database
from intake.events import Delivery, DeliveryState
from intake.messages import ContactKind
from tests.console import Console, filled_in, tree, words
from tests.desk import DESK, DeskUnderTest, email

NOW = datetime.now(UTC).replace(microsecond=0)


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
    [receipt] = console.desk.accepts(email("ada@example.com", at=NOW - timedelta(hours=1)))
    assert receipt.case is not None
    return receipt.case


def does(
    console: Console, who: Agent, case: Case, act: str, **fields: str
) -> tuple[int, str, Case]:
    """Fill in the form of that act on the case's page and send it; the answer and the case then."""
    browser = console.browser(who)
    page = f"/cases/{case.number}"
    form = {**filled_in(browser.get(page), act), **fields}
    answer = browser.post(f"{page}/{act}", data=form)
    return answer.status_code, words(answer) if answer.text else "", console.changed(case)


def test_take_and_release(console: Console, grace: Agent, case: Case) -> None:
    status, _, taken = does(console, grace, case, "take")
    assert (status, taken.owner_id) == (303, grace.id)

    status, _, released = does(console, grace, case, "release")
    assert (status, released.owner_id) == (303, None)


def test_assign_to_a_colleague(console: Console, grace: Agent, case: Case) -> None:
    luis = console.desk.has_agent("Luis")

    _, _, assigned = does(
        console, grace, case, "assign", agent=str(luis.id), note="Ask for the serial number."
    )

    assert assigned.owner_id == luis.id
    assert "Ask for the serial number." in [a.text for a in console.desk.activities(case)]


def test_move_to_a_queue_one_may_not_see_leads_back_to_the_list(
    console: Console, grace: Agent, case: Case
) -> None:
    vault = console.desk.has_queue("Vault", members=(console.desk.has_agent("Luis"),))
    browser = console.browser(grace)

    answer = browser.post(f"/cases/{case.number}/move", data={"queue": str(vault.id)})

    assert answer.headers["location"] == "/"
    assert console.changed(case).queue_id == vault.id


def test_hold_and_resume(console: Console, grace: Agent, case: Case) -> None:
    _, _, held = does(console, grace, case, "hold", reason="waiting for details")
    assert held.reason is Reason.WAITING_FOR_DETAILS

    _, _, resumed = does(console, grace, case, "resume")
    assert resumed.reason is Reason.IN_PROGRESS


def test_resolve_and_reopen(console: Console, grace: Agent, case: Case) -> None:
    _, _, resolved = does(
        console, grace, case, "resolve", text="A new cable.", minutes="15",
        kind="information provided",
    )  # fmt: skip
    [resolution] = console.desk.all(Resolution)
    assert resolved.state is CaseState.RESOLVED
    assert (resolution.text, resolution.billable_minutes) == ("A new cable.", 15)
    assert resolution.kind is Reason.INFORMATION_PROVIDED

    _, _, reopened = does(console, grace, case, "reopen")
    assert reopened.state is CaseState.ACTIVE


def test_cancel(console: Console, grace: Agent, case: Case) -> None:
    _, _, cancelled = does(console, grace, case, "cancel", text="A test mail.")

    assert cancelled.state is CaseState.CANCELLED

    does(console, grace, case, "cover/reactivate")
    assert console.changed(case).open


def test_escalate_to_another_queue(console: Console, grace: Agent, case: Case) -> None:
    experts = console.desk.has_queue("Experts")

    _, _, escalated = does(
        console, grace, case, "escalate", text="It smokes.", queue=str(experts.id)
    )

    assert escalated.escalated_at is not None
    assert escalated.queue_id == experts.id
    assert "Escalated" in words(console.browser(grace).get(f"/cases/{case.number}"))


def test_put_another_sla_on_it_and_give_it_back_to_the_rules(
    console: Console, grace: Agent
) -> None:
    standard = console.desk.has_sla()
    gold = console.desk.has_sla(name="Gold", is_default=False)
    [receipt] = console.desk.accepts(email("bob@example.com", at=NOW - timedelta(hours=1)))
    assert receipt.case is not None

    _, _, by_hand = does(console, grace, receipt.case, "sla", sla=str(gold.id))
    assert (by_hand.sla_id, by_hand.sla_by_hand) == (gold.id, True)
    page = words(console.browser(grace).get(f"/cases/{receipt.case.number}"))
    assert "chosen by hand" in page, page

    _, _, by_rule = does(console, grace, receipt.case, "sla", sla="")
    assert (by_rule.sla_id, by_rule.sla_by_hand) == (standard.id, False)


def test_an_answer_is_promised_to_the_customer(console: Console, grace: Agent, case: Case) -> None:
    text = "Try the other socket.\r\n\r\nGrace"

    status, _, _ = does(console, grace, case, "write", kind="reply", send="reply", reply=text)

    [promise] = [d for d in console.desk.all(Delivery) if d.kind == "reply"]
    assert status == 303
    assert promise.target == "ada@example.com"
    assert promise.payload["text"] == "Try the other socket.\n\nGrace"


def test_a_note_reaches_nobody_outside(console: Console, grace: Agent, case: Case) -> None:
    does(
        console, grace, case, "write", kind="note", send="note", note="She is cross.",
        reply="Dear Ada",
    )  # fmt: skip

    said = console.desk.activities(case)[-1]
    assert (said.direction, said.text) == (Direction.INTERNAL, "She is cross.")
    assert [d for d in console.desk.all(Delivery) if d.kind == "reply"] == []


@pytest.mark.parametrize(
    ("kind", "send"), [("reply", "note"), ("note", "reply"), ("", ""), ("shout", "shout")]
)
def test_what_is_neither_clearly_an_answer_nor_a_note_is_neither(
    console: Console, grace: Agent, case: Case, kind: str, send: str
) -> None:
    status, text, _ = does(console, grace, case, "write", kind=kind, send=send, reply="a", note="b")

    assert status == 409
    assert "choose one again" in text
    assert len(console.desk.activities(case)) == 1


def test_who_acts_on_an_old_page_is_told_what_happened_and_loses_no_word(
    console: Console, grace: Agent, case: Case
) -> None:
    browser = console.browser(grace)
    page = f"/cases/{case.number}"
    old = filled_in(browser.get(page), "write")
    luis = console.desk.principal("Luis")
    with console.desk.transaction() as session:
        work.pick(session, luis, case.id, at=NOW)
        work.note(session, luis, case.id, "I know this one.", at=NOW)

    typed = {**old, "kind": "reply", "send": "reply", "reply": "Dear Ada,\n<b>hello</b>"}
    refused = browser.post(f"{page}/write", data=typed)
    again = {**filled_in(refused, "write"), "kind": "reply", "send": "reply"}
    sent = browser.post(f"{page}/write", data=again)

    assert refused.status_code == 409
    assert re.search("Luis took the case .{8,20} Luis wrote a note ", words(refused))
    assert again["reply"] == "Dear Ada,\n<b>hello</b>"
    assert sent.status_code == 303
    assert console.desk.activities(case)[-1].text == "Dear Ada,\n<b>hello</b>"


@pytest.mark.parametrize(
    ("act", "fields", "reason", "kept"),
    [
        ("write", {"kind": "reply", "send": "reply", "reply": "  \n "}, "there is no text", ""),
        ("resolve", {"minutes": "-5", "text": "Cable."}, "a whole number, such as 15", "Cable."),
        ("resolve", {"minutes": "1e9", "text": "Cable."}, "a whole number, such as 15", "Cable."),
        ("resolve", {"kind": "cancelled", "text": "Cable."}, "does not resolve a case", "Cable."),
        ("hold", {"reason": "lunch"}, "choose a status reason first", ""),
        ("hold", {"reason": "researching"}, "does not put a case on hold", ""),
        ("assign", {"agent": "nobody"}, "choose an agent or a team first", ""),
        ("move", {"queue": "../.."}, "choose a queue first", ""),
        ("cancel", {"version": "one", "text": "Spam."}, "version is a whole number", "Spam."),
    ],
)
def test_a_refused_act_says_why_and_keeps_what_was_typed(
    console: Console,
    grace: Agent,
    case: Case,
    act: str,
    fields: dict[str, str],
    reason: str,
    kept: str,
) -> None:
    browser = console.browser(grace)
    page = f"/cases/{case.number}"

    answer = browser.post(f"{page}/{act}", data={**filled_in(browser.get(page), act), **fields})

    [told] = tree(answer).xpath("//*[@role='alert']")
    assert answer.status_code == 409
    assert reason in told.text_content()
    if kept:
        assert told.xpath(".//textarea")[0].value == kept
    assert console.changed(case).version == case.version


def test_somebody_who_came_second_is_told_who_was_first(
    console: Console, grace: Agent, case: Case
) -> None:
    browser = console.browser(grace)
    luis = console.desk.principal("Luis")
    with console.desk.transaction() as session:
        work.pick(session, luis, case.id, at=NOW)

    answer = browser.post(f"/cases/{case.number}/take", data={})

    assert "Luis already works on case" in words(answer)


def test_a_case_without_an_address_offers_a_note_and_says_why(
    console: Console, grace: Agent
) -> None:
    [receipt] = console.desk.accepts(
        email("+34911234567", kind=ContactKind.PHONE, channel="phone", at=NOW)
    )
    assert receipt.case is not None

    page = console.browser(grace).get(f"/cases/{receipt.case.number}")
    status, text, _ = does(
        console, grace, receipt.case, "write", kind="reply", send="reply", reply="Hello?"
    )

    assert "There is no address an answer could go to." in words(page)
    assert tree(page).xpath("//input[@value='note']/@checked")
    assert status == 409
    assert "phone them" in text


def test_an_answer_that_did_not_arrive_says_why_and_is_tried_again(
    console: Console, grace: Agent, case: Case
) -> None:
    does(console, grace, case, "write", kind="reply", send="reply", reply="Hello.")
    browser = console.browser(grace)
    waiting = words(browser.get(f"/cases/{case.number}"))
    with console.desk.transaction() as session:
        promise = session.scalars(select(Delivery).where(Delivery.kind == "reply")).one()
        outcomes.given_up(session, promise, "550 <b>no such mailbox</b>", desk=DESK, at=NOW)

    failed = browser.get(f"/cases/{case.number}")
    in_list = browser.get("/")
    answer = browser.post(f"/deliveries/{promise.id}/retry")

    assert "Waiting to be sent" in waiting
    assert "Not delivered. 550 <b>no such mailbox</b>" in words(failed)
    assert "not delivered" in words(in_list)
    assert answer.headers["location"] == f"/cases/{case.number}"
    [again] = [d for d in console.desk.all(Delivery) if d.id == promise.id]
    assert (again.state, again.attempts) == (DeliveryState.DUE, 0)


def test_a_closed_case_takes_notes_and_is_reopened_for_more(
    console: Console, grace: Agent, case: Case
) -> None:
    does(console, grace, case, "resolve", text="Done.")
    browser = console.browser(grace)

    page = browser.get(f"/cases/{case.number}")
    answer = browser.post(
        f"/cases/{case.number}/write", data={"kind": "reply", "send": "reply", "reply": "Hm."}
    )

    acts = {form.action.rpartition("/")[2] for form in tree(page).forms}
    assert acts == {"", "sign-out", "presence", "reopen", "follow", "write"}
    assert answer.status_code == 409
    assert "reopen it first" in words(answer)
    does(console, grace, case, "write", note="They wrote to thank us.", send="note")
    assert "They wrote to thank us." in words(browser.get(f"/cases/{case.number}"))


def test_a_form_larger_than_we_read_is_refused(console: Console, grace: Agent, case: Case) -> None:
    browser = console.browser(grace)
    fits = {"kind": "note", "send": "note", "note": "a" * 900_000}
    too_large = {**fits, "note": "a" * 1_100_000}

    answers = [browser.post(f"/cases/{case.number}/write", data=form) for form in (fits, too_large)]

    assert [answer.status_code for answer in answers] == [303, 413]
    assert len(console.desk.all(Activity)) == 2


def test_odd_characters_are_kept_or_replaced_but_never_break_a_page(
    console: Console, grace: Agent, case: Case
) -> None:
    odd = "nul \0, lone \ufffd, emoji 🖨, zalgo " + "z\u0335" * 500 + "\r\nnext\rlast"

    does(console, grace, case, "write", kind="note", send="note", note=odd)
    page = console.browser(grace).get(f"/cases/{case.number}")

    kept = console.desk.activities(case)[-1].text
    assert kept == odd.replace("\0", "").replace("\r\n", "\n").replace("\r", "\n")
    assert "🖨" in page.text
