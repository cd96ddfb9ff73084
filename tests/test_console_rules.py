"""What decides by itself, as an administrator writes it in the console, by forms alone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from channels.sandbox import Sandbox
from intake.agents import Agent, Role
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
