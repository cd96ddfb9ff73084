"""SLAs and business hours in the console: read as sentences, written by forms, rehearsed first."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from httpx2 import Response
from starlette.testclient import TestClient

from channels import feeds
from channels.sandbox import Sandbox
from graph.console import actions_form
from graph.console.filling import Misfilled
from intake.agents import SYSTEM, Role
from intake.feeds import HolidayFeed
from intake.fields import FieldKind, case_types, custom
from intake.sla import From, Kpi, KpiDefinition, ServiceCalendar, Sla, SlaItem, SlaState
from tests.console import Console, filled_in, tree, words
from tests.desk import NOON, DeskUnderTest
from tests.promised import OFFICE, PRESSING, has_sla, item, open_case, the_clock
from tests.publisher import publishing

ALWAYS = {
    "zone": "UTC",
    "weekly": {d: [["00:00", "24:00"]] for d in ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]},
}


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def console(desk: DeskUnderTest, sandbox: Sandbox) -> Console:
    return Console(desk, sandbox)


@pytest.fixture
def ada(console: Console) -> TestClient:
    return console.browser(console.desk.has_agent("Ada", Role.ADMINISTRATOR))


def posted(browser: TestClient, page: Response, act: str, **typed: str) -> Response:
    """The answer to the page's form for that act, with those fields typed otherwise."""
    given = filled_in(page, act) | typed
    given = {name: value for name, value in given.items() if value != "None"}
    return browser.post(page.url.join(_target(page, act)), data=given)


def _target(page: Response, act: str) -> str:
    return next(
        str(f.action) for f in tree(page).forms if f.action and f.action.endswith(f"/{act}")
    )


def followed(browser: TestClient, answer: Response) -> Response:
    assert answer.status_code == 303, words(answer)
    return browser.get(answer.headers["location"])


def test_an_sla_is_made_of_forms_alone(desk: DeskUnderTest, ada: TestClient) -> None:
    page = followed(ada, posted(ada, ada.get("/slas"), "new", name="Gold"))
    assert "cannot be activated yet" in words(page)
    address = str(page.url)
    form = ada.get(f"{address}/items/new")
    for button, more in (
        ("applicable_when:add", {"applicable_when.new": "priority"}),
        ("actions:add", {"actions.new": "mail", "applicable_when.0.value.2": "high"}),
    ):
        form = posted(ada, form, "new", build=button, **more)
        assert form.status_code == 200
    given = {"kpi": "resolve by", "fail_after_minutes": "1 d 4 h", "warn_after_minutes": "90 min"}
    assert desk.count(SlaItem) == 0

    page = followed(ada, posted(ada, form, "new", **given))
    active = followed(ada, posted(ada, ada.get(f"{address}/activate"), "activate"))

    [written] = desk.all(SlaItem)
    assert (written.fail_after_minutes, written.warn_after_minutes) == (28 * 60, 90)
    assert written.applicable_when == {"all": [PRESSING]}
    [mail] = written.actions
    assert (mail["on"], mail["do"], mail["to"]) == ("failure", "mail", ["agent"])
    sentence = words(active)
    assert "For priority is high , within 1 d 4 h around the clock" in sentence
    assert "It warns after 1 h 30 min" in sentence
    assert "When it is missed : mail to agent" in sentence
    assert [each.state for each in desk.all(Sla)] == [SlaState.ACTIVE]


WRONG_ITEM: list[tuple[dict[str, str], str, str]] = [
    ({"fail_after_minutes": "soon"}, "fail_after_minutes", "write a span"),
    ({"fail_after_minutes": ""}, "fail_after_minutes", "longer than nothing"),
    ({"warn_after_minutes": "4 h"}, "warn_after_minutes", "before the failure"),
    ({"applicable_from": "resolved"}, "applicable_from", "is what keeps"),
    ({"applicable_when.0.value.2": ""}, "applicable_when.0", "say what it is compared with"),
    ({"actions.0.text": "{password}"}, "actions.0", "cannot be filled here"),
    ({"actions.0.to_agent": "", "actions.0.addresses": "boss"}, "actions.0", "mail address"),
]


def test_what_an_item_cannot_mean_is_said_at_its_field(
    desk: DeskUnderTest, ada: TestClient
) -> None:
    mail = {"on": "failure", "do": "mail", "to": ["agent"], "subject": "Late", "text": "{number}"}
    draft = has_sla(
        desk, item(fail=240, applicable_when=PRESSING, actions=[mail]), state=SlaState.DRAFT
    )
    form = ada.get(f"/slas/{draft.id}/items/1")

    for typed, field, why in WRONG_ITEM:
        refused = posted(ada, form, "1", **typed)
        assert refused.status_code == 422
        assert why in words(refused)
        assert refused.text.count(f'href="#f-{field}"') == 1
    assert [each.fail_after_minutes for each in desk.all(SlaItem)] == [240]


def test_a_version_is_rehearsed_before_running_cases_take_it(
    desk: DeskUnderTest, ada: TestClient
) -> None:
    at = datetime.now(UTC).replace(microsecond=0)
    first = has_sla(desk, item(fail=600))
    open_case(desk, at=at)
    draft = followed(ada, posted(ada, ada.get(f"/slas/{first.id}"), "revise"))
    address = str(draft.url)
    followed(ada, posted(ada, ada.get(f"{address}/items/1"), "1", fail_after_minutes="2 h"))

    rehearsal = ada.get(f"{address}/activate")
    assert the_clock(desk).fail_at == at + timedelta(hours=10)
    followed(ada, posted(ada, rehearsal, "activate", scope="all"))

    assert "1 open deadline moves" in words(rehearsal)
    assert "8 h earlier" in words(rehearsal)
    assert the_clock(desk).fail_at == at + timedelta(hours=2)


def test_items_change_their_order_and_the_choice_is_a_condition(
    desk: DeskUnderTest, ada: TestClient
) -> None:
    draft = has_sla(desk, item(fail=600), item(fail=60), state=SlaState.DRAFT)
    address = f"/slas/{draft.id}"
    assert "this one is not tried" in words(ada.get(address))

    posted(ada, ada.get(address), "up")
    form = posted(
        ada, ada.get(f"{address}/chosen"), "chosen",
        **{"build": "chosen_when:add", "chosen_when.new": "subject"},
    )  # fmt: skip
    empty = posted(ada, form, "chosen")
    page = followed(ada, posted(ada, form, "chosen", **{"chosen_when.0.value": "outage"}))
    gone = followed(ada, posted(ada, page, "discard"))

    assert "say what it is compared with" in words(empty)
    assert 'Whenever subject is "outage"' in words(page)
    assert words(page).index("Solution within 1 h") < words(page).index("Solution within 10 h")
    assert "Nothing is promised yet" in words(gone)


@pytest.mark.parametrize("scope", ["all", "new cases only"])
def test_hours_change_after_the_page_said_which_deadlines_move(
    desk: DeskUnderTest, ada: TestClient, scope: str
) -> None:
    has_sla(desk, item(fail=240), hours=ALWAYS)
    # Never at the end of a day, so that the holiday of tomorrow is always in the way.
    at = datetime.now(UTC).replace(microsecond=0)
    open_case(desk, at=at)
    before = the_clock(desk).fail_at
    [calendar] = desk.all(ServiceCalendar)
    days = "\n".join(f"{(at + timedelta(days=n)).date()} Closed" for n in range(-1, 3))

    rehearsal = posted(ada, ada.get(f"/calendars/{calendar.id}/edit"), "edit", holidays=days)
    assert [each.version for each in desk.all(ServiceCalendar)] == [1]
    page = followed(ada, posted(ada, rehearsal, "change", scope=scope))
    stale = posted(ada, rehearsal, "change", scope=scope)

    assert "1 open deadline moves" in words(rehearsal)
    assert (the_clock(desk).fail_at == before) == (scope != "all")
    assert "Closed" in words(page)
    assert "changed since you read it" in words(stale)
    present = [each for each in desk.all(ServiceCalendar) if each.current_id is None]
    assert [each.version for each in present] == [2]


WRONG_HOURS: dict[str, tuple[dict[str, str], str, str]] = {
    "no hours": ({"weekly.mon": ""}, "weekly", "no day has opening hours"),
    "no times": ({"weekly.mon": "early"}, "weekly.mon", "write times"),
    "overlap": ({"weekly.mon": "9-12, 11:30–14"}, "weekly.mon", "overlaps"),
    "zone": ({"zone": "Europe/Madird"}, "zone", 'did you mean "Europe/Madrid"'),
    "name": ({"name": " "}, "name", "has one of"),
    "exception": ({"exceptions": "2026-13-01 9-12"}, "exceptions", "is not a date"),
    "holiday": ({"holidays": "Christmas"}, "holidays", "is not a day and a name"),
    "change": ({"changes.0.from": "2030-01-01", "changes.0.tue": "8"}, "changes.0.tue", "write"),
}


def test_hours_that_cannot_be_meant_are_said_at_their_field(
    desk: DeskUnderTest, ada: TestClient
) -> None:
    form = ada.get("/calendars/new")
    good = {"name": "Office", "zone": "UTC", "weekly.mon": "9–17"}
    good |= {f"weekly.{day}": "" for day in ("tue", "wed", "thu", "fri")}

    for typed, field, why in WRONG_HOURS.values():
        refused = posted(ada, form, "new", **good | typed)
        assert refused.status_code == 422
        assert why in words(refused)
        assert f'href="#f-{field}"' in refused.text
    assert desk.count(ServiceCalendar) == 0

    night = {"weekly.fri": "22-6", "changes.0.from": "2030-01-01", "changes.0.mon": "24 h"}
    page = followed(ada, posted(ada, form, "new", **good | night))
    [made] = desk.all(ServiceCalendar)
    assert made.hours["weekly"] == {"mon": [["09:00", "17:00"]], "fri": [["22:00", "06:00"]]}
    assert made.hours["changes"][0]["weekly"] == {"mon": [["00:00", "24:00"]]}
    assert "From 1 Jan 2030" in words(page)
    assert "Office" in words(ada.get("/calendars"))


def test_public_holidays_are_seen_before_they_are_added(
    desk: DeskUnderTest, ada: TestClient
) -> None:
    has_sla(desk, item(), hours=OFFICE)
    [calendar] = desk.all(ServiceCalendar)
    page = ada.get(f"/calendars/{calendar.id}")

    wrong = posted(ada, page, "holidays", country="ES", region="XX")
    neither = posted(ada, page, "holidays")
    followed(ada, posted(ada, posted(ada, page, "holidays", country="ES"), "change"))

    assert "unknown region" in words(wrong)
    assert "say a country" in words(neither)
    present = next(each for each in desk.all(ServiceCalendar) if each.current_id is None)
    assert len(present.hours["holidays"]) > 20


def test_a_feed_of_holidays_is_followed_looked_at_taken_and_removed(
    desk: DeskUnderTest, sandbox: Sandbox
) -> None:
    desk.settings = replace(desk.settings, webhook_hosts=("127.0.0.1",))
    ada = Console(desk, sandbox).browser(desk.has_agent("Ada", Role.ADMINISTRATOR))
    has_sla(desk, item(fail=240), hours=ALWAYS)
    [calendar] = desk.all(ServiceCalendar)
    at = datetime.now(UTC).replace(microsecond=0)
    open_case(desk, at=at)
    before, address = the_clock(desk).fail_at, f"/calendars/{calendar.id}"

    def fetched() -> Any:
        feeds.fetch_due(desk.db, sandbox, desk.settings, at=datetime.now(UTC))
        return ada.get(address)

    with publishing() as publisher:
        publisher.publishes(**{f"Day {n}": f"{at + timedelta(days=n):%Y%m%d}" for n in range(4)})
        publisher.instead = [(403, {}, b"")]
        refused = posted(ada, ada.get(address), "feeds", url="http://10.0.0.8/a.ics")
        terms = {"url": publisher.url, "scope": "when somebody takes it"}
        fresh = followed(ada, posted(ada, ada.get(address), "feeds", **terms))
        failed = fetched()
        followed(ada, posted(ada, failed, "refresh"))
        offered = fetched()
    [feed] = desk.all(HolidayFeed)
    rehearsal = ada.get(f"{address}/feeds/{feed.id}")
    taken = followed(ada, posted(ada, rehearsal, "take", scope="all"))
    removed = followed(ada, posted(ada, taken, "remove"))

    assert "begin with https://" in words(refused)
    assert "Not fetched yet" in words(fresh)
    assert "it answered 403. The holidays stay as they were" in words(failed)
    assert "Waits for you" in words(offered)
    assert "1 open deadline moves" in words(rehearsal)
    assert re.search(r"New \S+ \w+ 20\d\d Day 0, ", words(rehearsal))
    assert the_clock(desk).fail_at != before
    assert "Up to date" in words(taken)
    assert "Feeds of holidays" not in words(removed)
    assert "Day 3" in words(removed)


def test_those_who_may_not_write_promises_read_them(desk: DeskUnderTest, console: Console) -> None:
    made = has_sla(desk, item(), item(Kpi.FIRST_RESPONSE), hours=OFFICE)
    [calendar] = desk.all(ServiceCalendar)
    grace = console.browser(desk.has_agent("Grace"))

    seen: list[Any] = [
        grace.get(path) for path in ("/slas", f"/slas/{made.id}", f"/calendars/{calendar.id}")
    ]

    assert [page.status_code for page in seen] == [200, 200, 200]
    assert all('<form method="post" action="/slas' not in page.text for page in seen)
    for path in (f"/slas/{made.id}/revise", "/slas/new", f"/calendars/{calendar.id}/change"):
        assert grace.post(path, data={"name": "x", "scope": "all"}).status_code == 403
    for path in (f"/slas/{made.id}/items/new", f"/calendars/{calendar.id}/edit"):
        assert grace.get(path).status_code == 403


def test_a_version_is_tried_on_past_cases_and_drawn(desk: DeskUnderTest, console: Console) -> None:
    first = has_sla(desk, item(fail=240))
    open_case(desk, at=datetime.now(UTC) - timedelta(days=2))
    mara = console.browser(desk.has_agent("Mara", Role.MANAGER))

    page = mara.get(f"/slas/{first.id}/try")

    said = words(page)
    assert "Tried on 1 case opened in the last 30 days" in said
    assert "0 % kept, 1 broken" in said
    assert "running broken" in said
    assert len(tree(page).xpath("//li[contains(@class, 'panel')]//*[local-name() = 'svg']")) == 2


def test_a_kpi_is_defined_in_its_form(desk: DeskUnderTest, ada: TestClient) -> None:
    form = ada.get("/slas/kpis")
    given = {"kpi": "resolve by", "applicable_from": "escalated", "pauses": "these"}

    done = ada.post("/slas/kpis/define", data=given | {"pauses.researching": "yes"})
    refused = ada.post("/slas/kpis/define", data=given | {"applicable_from": "last message"})

    assert "What promises mean" in words(form)
    assert done.status_code == 303
    assert "cannot count from" in words(refused)
    [definition] = desk.all(KpiDefinition)
    assert (definition.applicable_from, definition.pauses) == (From.ESCALATED, ["researching"])


def test_a_post_in_slack_is_written_in_a_row_of_the_form() -> None:
    typed = {"on": "failure", "do": "slack", "channel": " #late ", "text": ""}
    rows = actions_form.typed({f"actions.0.{name}": value for name, value in typed.items()})

    assert rows[0].known
    assert actions_form.actions_in(rows) == [{"on": "failure", "do": "slack", "channel": "#late"}]
    with pytest.raises(Misfilled, match="is no channel of Slack"):
        actions_form.actions_in(actions_form.of([{"on": "failure", "do": "slack", "channel": "x"}]))


def test_a_promise_counts_from_a_date_that_is_chosen_among_the_instants(
    desk: DeskUnderTest, ada: TestClient
) -> None:
    with desk.transaction() as session:
        custom.add_field(
            session, SYSTEM, key="installed_on", label="Installed", kind=FieldKind.DAY, at=NOON
        )
    draft = has_sla(desk, item(fail=60), state=SlaState.DRAFT)
    form = ada.get(f"/slas/{draft.id}/items/1")

    page = followed(ada, posted(ada, form, "1", applicable_from="day.installed_on"))
    refused = posted(ada, form, "1", applicable_from="day.nope")
    ada.post("/slas/kpis/define", data={"kpi": "follow up", "applicable_from": "day.installed_on"})
    with desk.transaction() as session:
        custom.archive_field(session, SYSTEM, "installed_on", at=NOON)
    kept = ada.get(f"/slas/{draft.id}/items/1")

    assert "counted since the date “Installed”" in words(page)
    assert 'href="#f-applicable_from"' in refused.text
    assert "no date is asked in “day.nope”" in words(refused)
    assert filled_in(kept, "1")["applicable_from"] == "day.installed_on"
    [definition] = desk.all(KpiDefinition)
    assert (definition.applicable_from, definition.from_field) == (
        From.DATE_FIELD,
        "day.installed_on",
    )


def test_what_a_case_becomes_is_written_in_the_form(desk: DeskUnderTest, ada: TestClient) -> None:
    with desk.transaction() as session:
        complaint = case_types.add_type(session, SYSTEM, "Complaint", at=NOON)
        for key, kind in (("seats", FieldKind.NUMBER), ("site", FieldKind.TEXT)):
            custom.add_field(session, SYSTEM, key=key, label=key.title(), kind=kind, at=NOON)
    change = {"on": "failure", "do": "change", "priority": "high", "text.site": "Madrid"}
    draft = has_sla(desk, item(fail=60, actions=[change]), state=SlaState.DRAFT)
    typed = {
        "reason": "on hold", "type": str(complaint.id), "tags": "late, look at it",
        "field_1": "number.seats", "value_1": "5",
    }  # fmt: skip

    form = ada.get(f"/slas/{draft.id}/items/1")
    more = {f"actions.0.{name}": value for name, value in typed.items()}
    page = followed(ada, posted(ada, form, "1", **more))
    refused = posted(ada, form, "1", **more | {"actions.0.value_1": "many"})

    [written] = desk.all(SlaItem)
    assert written.actions == [
        change
        | {"reason": "on hold", "type": str(complaint.id), "tags": ["late", "look at it"]}
        | {"number.seats": "5"}
    ]
    assert (
        "the priority becomes high, the status reason becomes on hold, Seats becomes 5, "
        "Site becomes Madrid, type becomes Complaint, it is tagged late, look at it"
    ) in words(page)
    assert "write a number" in words(refused)
