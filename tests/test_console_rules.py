"""What decides by itself, as an administrator writes it in the console, by forms alone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from channels.sandbox import Sandbox
from intake import clock, work
from intake.agents import Agent, Role
from intake.automation import AutomationRule, RuleState, RuleTerms, writing
from intake.cases import Priority
from intake.db import Database
from intake.routing import RoutingRule, RuleForm, RuleSet, RuleSetState, activation
from tests.console import Console, filled_in, tree, words
from tests.desk import DeskUnderTest, email

NOW = datetime.now(UTC).replace(microsecond=0)


@pytest.fixture
def console(sqlite_url: str) -> Iterator[Console]:
    with Sandbox() as sandbox:
        db = Database(sqlite_url)
        yield Console(DeskUnderTest(db), sandbox)
        db.close()


@pytest.fixture
def root(console: Console) -> Agent:
    return console.desk.has_agent("Root", Role.ADMINISTRATOR)


def test_rules_are_built_tried_on_the_past_and_put_in_force(console: Console, root: Agent) -> None:
    desk = console.desk
    billing = desk.has_queue("Billing")
    desk.accepts(email(subject="Refund, please", at=NOW - timedelta(hours=1)))
    browser = console.browser(root)

    form = filled_in(browser.get("/routing/new"), "new") | {"r0.new": "subject"}
    built = browser.post("/routing/new", data={**form, "build": "r0:add"})
    form = filled_in(built, "new") | {
        "title": "Ours", "r0.title": "money", "r0.queue": str(billing.id),
        "r0.0.op": "contains", "r0.0.value": "refund",
    }  # fmt: skip
    more = browser.post("/routing/new", data={**form, "build": "rule:new"})
    form = filled_in(more, "new") | {"r1.title": "rest", "r1.queue": str(desk.queue.id)}
    turned = filled_in(browser.post("/routing/new", data={**form, "build": "rule:r1:up"}), "new")
    assert (turned["r0.title"], turned["r1.title"], desk.count(RuleSet)) == ("rest", "money", 0)
    page = browser.post("/routing/new", data=form).headers["location"]
    past = words(browser.get(f"{page}/past?days=7"))
    done = browser.post(f"{page}/activate", data={})

    assert "1 of 1 cases would have gone somewhere else" in past
    assert "Support Billing 1" in past
    assert done.status_code == 303
    [found] = desk.all(RuleSet)
    assert found.state is RuleSetState.ACTIVE
    rules = {rule.position: (rule.name, rule.queue_id) for rule in desk.all(RoutingRule)}
    assert rules == {1: ("money", billing.id), 2: ("rest", desk.queue.id)}
    assert 'subject contains "refund"' in words(browser.get("/routing"))
    assert browser.get(f"{page}/edit").headers["location"] == page


def test_the_rules_decide_again_from_the_page_of_a_case(console: Console, root: Agent) -> None:
    desk = console.desk
    [receipt] = desk.accepts(email(subject="Refund, please", at=NOW - timedelta(hours=1)))
    assert receipt.case is not None
    principal, billing = root.principal("test"), desk.has_queue("Billing")
    with desk.transaction() as session:
        form = RuleForm(
            "money", {"field": "subject", "op": "contains", "value": "refund"}, billing.id
        )
        draft = activation.draft(session, principal, "Ours", [form], at=NOW)
        activation.activate(session, principal, draft.id, at=NOW)
    browser, page = console.browser(root), f"/cases/{receipt.case.number}"

    answer = browser.post(f"{page}/reroute", data=filled_in(browser.get(page), "move"))

    assert answer.status_code == 303
    assert console.changed(receipt.case).queue_id == billing.id
    assert 'subject contains "refund" yes' in words(browser.get(page))


def test_what_is_wrong_with_a_rule_is_said_at_it_and_nothing_is_lost(
    console: Console, root: Agent
) -> None:
    browser = console.browser(root)
    form = filled_in(browser.get("/routing/new"), "new") | {
        "title": "Ours", "r0.title": " ", "r0.0.field": "remaining", "r0.0.op": "is at most",
        "r0.0.value": "few",
    }  # fmt: skip

    unfinished = browser.post("/routing/new", data=form)
    nameless = browser.post("/routing/new", data={**form, "r0.0.value": "2"})

    assert unfinished.status_code == 422
    assert "is not a number" in words(unfinished)
    assert filled_in(unfinished, "new")["r0.0.value"] == "few"
    assert "a name of 1 to 120 characters" in words(nameless)
    assert console.desk.count(RuleSet) == 0


def test_agents_see_no_rules_and_managers_change_none(console: Console) -> None:
    grace = console.desk.has_agent("Grace")
    marta = console.desk.has_agent("Marta", Role.MANAGER)

    assert console.browser(grace).get("/routing").status_code == 403
    assert "Rules" not in words(console.browser(grace).get("/reports"))
    seen = console.browser(marta).get("/routing")
    assert seen.status_code == 200
    assert not tree(seen).xpath("//a[@href='/routing/new']")
    assert console.browser(marta).get("/routing/new").status_code == 403


def test_a_rule_is_built_tried_activated_and_paused(console: Console, root: Agent) -> None:
    desk = console.desk
    [receipt] = desk.accepts(email(subject="Refund, please", at=NOW - timedelta(hours=1)))
    assert receipt.case is not None
    browser, new = console.browser(root), "/automation/new"

    form = filled_in(browser.get(new), "new") | {"new-action": "set priority"}
    form = filled_in(browser.post(new, data={**form, "build": "action:new"}), "new")
    form |= {"new-action": "note", "a0.value": "high"}
    form = filled_in(browser.post(new, data={**form, "build": "action:new"}), "new")
    form |= {"when.new": "subject"}
    form = filled_in(browser.post(new, data={**form, "build": "when:add"}), "new")
    form |= {
        "title": "Money", "when.0.op": "contains", "when.0.value": "refund", "a1.value": " ",
    }  # fmt: skip
    refused = browser.post(new, data=form)
    page = browser.post(new, data={**form, "a1.value": "Look."}).headers["location"]
    tried = browser.post(f"{page}/try", data={"case": str(receipt.case.number)})
    past = words(browser.get(f"{page}/past"))
    browser.post(f"{page}/activate", data={})
    [rule] = desk.all(AutomationRule)

    assert refused.status_code == 422
    assert "say what, in 1 to" in words(refused)
    assert "it would act priority set noted" in words(tried)
    assert "It would have acted 1 time last week" in past
    assert rule.state is RuleState.ACTIVE
    assert rule.actions == [
        {"do": "set", "field": "priority", "value": "high"}, {"do": "note", "text": "Look."},
    ]  # fmt: skip
    assert browser.get(f"{page}/edit").headers["location"] == page
    assert console.changed(receipt.case).priority is Priority.NORMAL
    browser.post(f"{page}/pause", data={})
    again = filled_in(browser.get(f"{page}/edit"), "edit")
    again |= {"kind": "time", "amount": "2", "unit": "days", "after": "opened"}
    browser.post(f"{page}/edit", data=again)
    assert "2 days" not in words(browser.get(page))
    assert "48 h after it was opened" in words(browser.get(page))


def test_what_rules_did_and_which_were_stopped_is_told(console: Console, root: Agent) -> None:
    desk, by = console.desk, root.principal("test")
    with desk.transaction() as session:
        for name, word, does in (("up", "low", "high"), ("down", "high", "low")):
            terms = RuleTerms(
                name, {"events": ["case.changed"], "changed": ["priority"]},
                [{"do": "set", "field": "priority", "value": does}],
                {"field": "priority", "op": "is", "value": word},
            )  # fmt: skip
            writing.activate(session, by, writing.draft(session, by, terms, at=NOW).id, at=NOW)
    [receipt] = desk.accepts(email(at=NOW))
    assert receipt.case is not None
    with desk.transaction() as session:
        low = {"priority": "low"}
        work.change_fields(session, by, receipt.case.id, low, desk=desk.settings, at=NOW)
    for _ in range(5):
        with desk.transaction() as session:
            clock.tick(session, desk.settings, at=NOW)
    browser = console.browser(root)

    told = words(browser.get("/automation"))

    assert "Rules were stopped because they set each other off this week:" in told
    assert "it acted in this chain of events already" in words(browser.get("/automation/log"))


def test_macros_and_templates_are_written_and_used_on_a_case(console: Console) -> None:
    desk = console.desk
    marta, grace = desk.has_agent("Marta", Role.MANAGER), desk.has_agent("Grace")
    [receipt] = desk.accepts(email("ada@example.com", at=NOW - timedelta(hours=1)))
    assert receipt.case is not None
    manager, agent = console.browser(marta), console.browser(grace)
    page = f"/cases/{receipt.case.number}"

    new = "/templates/new"
    text = filled_in(manager.get(new), "new") | {"title": "Hi", "t0.text": "Hello {contcat}"}
    refused = manager.post(new, data=text)
    manager.post(new, data={**text, "t0.text": "Hello {contact}, {agent} here."})
    macro = filled_in(manager.get("/macros/new"), "new") | {"new-action": "assign"}
    macro = filled_in(manager.post("/macros/new", data={**macro, "build": "action:new"}), "new")
    manager.post("/macros/new", data={**macro, "title": "Mine now", "a0.value": "me"})
    queue = f"/templates/signatures/{desk.queue.id}"
    manager.post(queue, data={"t0.language": "en", "t0.text": "Yours, {agent}"})
    seen = agent.get(page)
    [link] = tree(seen).xpath("//a[@data-article and contains(., 'Hi')]")
    filled = agent.get(link.get("data-article")).text
    done = agent.post(f"{page}/macro", data=filled_in(seen, "macro"))

    assert "{contcat} cannot be filled in" in words(refused)
    assert filled == "Hello Ada, Grace here.\n"
    assert "Hello Ada, Grace here." in agent.get(link.get("href")).text
    assert done.headers["location"] == page
    assert console.changed(receipt.case).owner_id == grace.id
    assert "Signature of Support" in words(manager.get(queue))
