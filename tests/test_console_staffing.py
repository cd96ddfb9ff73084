"""Queues, teams, people and views in the console: seen, set up and said no to."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from channels.sandbox import Sandbox
from intake import events, saved_views, skills, staffing, work
from intake.agents import SYSTEM, Role
from intake.availability import Availability, Presence
from intake.cases import Case, Priority
from intake.db import Database, new_id
from intake.fields import Topic
from intake.products import Product
from intake.queues import Assignment, Queue
from intake.saved_views import Column, SavedView, Sharing
from intake.teams import Team
from tests.console import Console, tree, words
from tests.desk import NOON, DeskUnderTest, email
from tests.statements import statements_of

NOW = datetime.now(UTC).replace(microsecond=0)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def console(sqlite_url: str, sandbox: Sandbox) -> Iterator[Console]:
    db = Database(sqlite_url)
    yield Console(DeskUnderTest(db), sandbox)
    db.close()


def wrong(page: Any) -> list[str]:
    """The fields of a form that a page says are wrong."""
    return [name.removeprefix("wrong-") for name in tree(page).xpath("//p[@class='wrong']/@id")]


def test_an_administrator_sets_up_a_queue_and_is_told_what_is_wrong(console: Console) -> None:
    desk = console.desk
    ana = desk.has_agent("Ana")
    browser = console.browser(desk.has_agent("Admin", Role.ADMINISTRATOR))
    typed = {
        "name": "Hardware", "address": "nobody", "private": "on", f"member.{ana.id}": "on",
        "owner": f"agent {ana.id}", "assignment": "round robin", "absent_minutes": "30",
        "when_not_covered": "review", "acknowledge": "on",
    }  # fmt: skip

    refused = browser.post("/staffing/queues/new", data=typed)
    saved = browser.post("/staffing/queues/new", data={**typed, "address": "HW@desk.example"})
    page = browser.get("/staffing")

    assert refused.status_code == 422
    assert wrong(refused) == ["address"]
    assert tree(refused).xpath("//input[@name='name']/@value") == ["Hardware"]
    assert saved.status_code == 303
    [queue] = [row for row in desk.all(Queue) if row.name == "Hardware"]
    with desk.db.reading() as session:
        terms = staffing.terms_of_queue(session, session.get_one(Queue, queue.id))
    assert (terms.address, terms.private, terms.members_only) == ("hw@desk.example", True, False)
    assert (terms.member_ids, terms.owner_id) == (frozenset({ana.id}), ana.id)
    assert (terms.assignment, terms.absent_minutes) == (Assignment.ROUND_ROBIN, 30)
    assert "Hardware Private hw@desk.example Members in turn 1 0 0" in words(page)

    edit = f"/staffing/queues/{queue.id}"
    form = dict(tree(browser.get(edit)).forms[-2].form_values())
    again = browser.post(edit, data={**form, "name": "Machines"})
    stale = browser.post(edit, data={**form, "name": "Late"})
    gone = browser.post(f"{edit}/archive", data={"move_to": str(desk.queue.id)})

    assert (again.status_code, gone.status_code) == (303, 303)
    assert stale.status_code == 422
    assert "changed since you read it" in words(stale)
    [queue] = [row for row in desk.all(Queue) if row.id == queue.id]
    assert (queue.name, queue.archived_at is not None) == ("Machines", True)


def test_teams_and_people_are_set_up_by_form(console: Console) -> None:
    desk = console.desk
    ana = desk.has_agent("Ana")
    admin = desk.has_agent("Admin", Role.ADMINISTRATOR)
    browser = console.browser(admin)

    browser.post("/staffing/skills", data={"name": "Spanish"})
    [spanish] = desk.all(skills.Skill)
    team = browser.post(
        "/staffing/teams/new", data={"name": "Crew", "lead": str(ana.id), f"member.{ana.id}": "on"}
    )
    person = browser.post(
        f"/staffing/people/{ana.id}",
        data={"capacity": "8", "channel.chat": "2", f"skill.{spanish.id}": "4"},
    )
    twice = browser.post("/staffing/skills", data={"name": "Spanish"})
    much = browser.post(f"/staffing/people/{ana.id}", data={"capacity": "99999"})

    assert (team.status_code, person.status_code) == (303, 303)
    assert "Crew Ana Ana" in words(browser.get("/staffing"))
    assert "Ana Offline 0 of 8 Spanish 4" in words(browser.get("/staffing"))
    with desk.db.reading() as session:
        terms = staffing.terms_of_work(session, ana.id)
    assert (terms.channels, terms.skills) == ({"chat": 2}, {spanish.id: 4})
    assert (twice.status_code, much.status_code) == (422, 422)
    assert wrong(much) == ["capacity"]
    [crew] = desk.all(Team)
    assert browser.post(f"/staffing/teams/{crew.id}/archive", data={}).status_code == 303


@pytest.mark.parametrize(
    ("role", "sees", "sets"),
    [(Role.MANAGER, 200, 403), (Role.AGENT, 403, 403), (Role.READ_ONLY, 403, 403)],
)
def test_others_see_or_set_up_what_they_may(
    console: Console, role: Role, sees: int, sets: int
) -> None:
    browser = console.browser(console.desk.has_agent("Other", role))

    assert browser.get("/staffing").status_code == sees
    assert browser.get("/staffing/queues/new").status_code == sets
    assert browser.post("/staffing/queues/new", data={"name": "x"}).status_code == sets
    assert console.desk.count(Queue) == 1


def test_an_agent_says_that_they_are_here_and_stays_on_the_page(console: Console) -> None:
    ana = console.desk.has_agent("Ana")
    browser = console.browser(ana)

    answer = browser.post("/presence", data={"presence": "available", "back": "/customers"})
    away = browser.post("/presence", data={"presence": "busy", "back": "//evil.example/"})

    [known] = console.desk.all(Availability)
    assert (answer.status_code, answer.headers["location"]) == (303, "/customers")
    assert away.headers["location"] == "/"
    assert known.presence is Presence.BUSY
    assert browser.post("/presence", data={"presence": "asleep"}).status_code == 404


def test_managers_review_complaints_and_what_was_closed(console: Console) -> None:
    desk = console.desk
    [first, second] = [r.case for r in desk.accepts(email(), email("eve@example.com"))]
    boss = desk.has_agent("Boss", Role.MANAGER)
    assert first is not None
    assert second is not None
    with desk.transaction() as session:
        work.resolve(
            session, boss.principal("test"), first.id, "Done.", desk=desk.settings, at=NOON
        )
    manager, agent = console.browser(boss), console.browser(desk.has_agent("Ana"))

    closed = manager.get("/?view=closed")

    assert f'href="/cases/{first.number}"' in closed.text
    assert f'href="/cases/{second.number}"' not in closed.text
    assert "No complaint is pending" in words(manager.get("/?view=complaints"))
    assert "Complaints" in words(manager.get("/"))
    assert "Complaints" not in words(agent.get("/"))


def test_a_view_is_built_saved_shown_changed_and_removed(console: Console) -> None:
    desk = console.desk
    ana = desk.has_agent("Ana")
    [pressing, _other] = [r.case for r in desk.accepts(email(), email("eve@example.com"))]
    assert pressing is not None
    with desk.transaction() as session:
        work.prioritise(session, ana.principal("test"), pressing.id, Priority.HIGH, at=NOON)
    browser = console.browser(ana)
    form = {"name": "Pressing", "order": "opened", "sharing": "private", "column.number": "on",
            "column.subject": "on", "column.priority": "on"}  # fmt: skip

    built = browser.post(
        "/views/new", data={**form, "when.join": "all", "when.new": "priority", "build": "when:add"}
    )
    asked = {
        "when.join": "all", "when.0.field": "priority", "when.0.op": "is at least",
        "when.0.value.0": "high",
    }  # fmt: skip
    saved = browser.post("/views/new", data={**form, **asked})
    page = browser.get(saved.headers["location"])

    assert tree(built).xpath("//input[@name='when.0.field']/@value") == ["priority"]
    assert desk.count(SavedView) == 1
    assert "Priority is at least high" in words(page)
    assert tree(page).xpath("//a[@class='cover']/@href") == [f"/cases/{pressing.number}"]
    assert tree(page).xpath("//thead//th/text()") == ["Number", "Subject", "Priority"]
    assert tree(page).xpath("//a[@class='place'][@aria-current]/span/text()")[0] == "Pressing"

    [view] = desk.all(SavedView)
    edit = f"/views/{view.id}/edit"
    nameless = browser.post(edit, data={**form, "name": ""})
    everybody = browser.post(edit, data={**form, "sharing": "everyone"})
    stranger = console.browser(desk.has_agent("Eve")).get(f"/views/{view.id}")
    removed = browser.post(f"/views/{view.id}/remove")

    assert wrong(nameless) == ["name"]
    assert "a manager shares views" in words(everybody)
    assert (stranger.status_code, removed.status_code) == (404, 303)
    assert desk.count(SavedView) == 0


def test_a_view_shows_topic_tags_and_product_at_the_cost_of_a_page(console: Console) -> None:
    desk = console.desk
    grace = desk.has_agent("Grace")
    by = grace.principal("test")
    with desk.transaction() as session:
        topic = Topic(id=new_id(), name="Printing")
        laser = Product(id=new_id(), number="L3", name="Laser 3000")
        session.add_all([topic, laser])
        columns = (Column.NUMBER, Column.TOPIC, Column.TAGS, Column.PRODUCT)
        terms = saved_views.ViewTerms("All", columns=columns)
        view = saved_views.save(session, by, terms, at=NOON)
    browser = console.browser(grace)

    def asked_with(more: int) -> int:
        for receipt in desk.accepts(*(email() for _ in range(more))):
            with desk.transaction() as session:
                case = session.get_one(Case, receipt.case.id)
                case.topic_id, case.product_id = topic.id, laser.id
                work.tag(session, by, case.id, add=("recall",), desk=desk.settings, at=NOON)
        with statements_of(desk.db) as ran:
            page = browser.get(f"/views/{view.id}")
        rows = [" ".join(row.text_content().split()) for row in tree(page).xpath("//tbody/tr")]
        assert [row.partition(" ")[2] for row in rows] == ["Printing recall Laser 3000"] * len(rows)
        assert len(rows) >= more
        return len(ran)

    assert asked_with(1) == asked_with(5)


def test_each_case_is_on_exactly_one_page_of_a_view(console: Console) -> None:
    desk = console.desk
    boss = desk.has_agent("Boss", Role.MANAGER)
    desk.accepts(*(email(f"a{n}@example.com", at=NOON) for n in range(120)))
    with desk.transaction() as session:
        terms = saved_views.ViewTerms("All", sharing=Sharing.EVERYONE)
        view = saved_views.save(session, boss.principal("test"), terms, at=NOON)
    browser = console.browser(boss)

    seen: list[str] = []
    page = browser.get(f"/views/{view.id}")
    while True:
        seen += tree(page).xpath("//a[@class='cover']/@href")
        following = tree(page).xpath("//a[@rel='next']/@href")
        if not following:
            break
        page = browser.get(f"/views/{view.id}{following[0]}")

    assert len(seen) == len(set(seen)) == desk.count(Case) == 120


def test_a_case_is_handed_to_a_team_and_its_reasons_are_told(console: Console) -> None:
    desk = console.desk
    ana = desk.has_agent("Ana")
    crew = Team(name="Crew", created_at=NOON)
    spanish = skills.Skill(name="Spanish")
    with desk.transaction() as session:
        session.add_all((crew, spanish))
    [case] = [receipt.case for receipt in desk.accepts(email())]
    assert case is not None
    browser = console.browser(ana)

    def does(act: str, **said: str) -> None:
        answer = browser.post(
            f"/cases/{case.number}/{act}", data={"version": str(desk.case(1001).version), **said}
        )
        assert answer.status_code == 303, words(answer)

    does("assign", agent=f"team {crew.id}")
    does("skills", **{f"skill.{spanish.id}": "3"})
    waiting = words(browser.get(f"/cases/{case.number}"))
    does("assign", agent=str(ana.id))
    does("unqueue")
    with desk.transaction() as session:
        events.record(
            session, "case.assigned", at=NOW, actor=SYSTEM, case_id=case.id, name="Ana",
            why="3 of 5 units free",
        )  # fmt: skip
    page = words(browser.get(f"/cases/{case.number}"))

    assert "Waits for one of Crew" in waiting
    assert "Skills Spanish 3" in waiting
    assert "Ana gave the case to Crew" in page
    assert "took the case out of Support" in page
    assert "Waits in no queue" in page
    assert "Deskbell gave the case to Ana: 3 of 5 units free" in page
