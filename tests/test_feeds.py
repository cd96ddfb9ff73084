"""Holidays by URL: fetched by themselves, taken as the feed's option says, kept when it fails."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from typer.testing import CliRunner

import graph.cli
from channels import feeds as fetching
from channels import guarded
from channels.feeds import Unusable
from channels.sandbox import Sandbox
from graph import worker
from intake import feeds, migrations
from intake.agents import NotAllowed, Principal, Role
from intake.db import Database, new_id
from intake.endpoints import WrongEndpoint
from intake.events import Delivery, Event
from intake.feeds import Call, Change, FeedChanged, HolidayFeed, WrongFeed
from intake.sla import ServiceCalendar
from intake.sla.changing import Scope
from tests.desk import DESK, NOON, DeskUnderTest
from tests.office import Office
from tests.promised import OFFICE, has_sla, item, march, open_case
from tests.publisher import Publisher, publishing

OURS = replace(DESK, webhook_hosts=("127.0.0.1",))
HOUR = timedelta(hours=1)
BEFORE, AFTER = march(3, 12), march(4, 12)
"""The deadline of the case, and where Carnival moves it."""


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(faults=True, cpu_seconds=1, memory_bytes=256 << 20) as box:
        yield box


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    with publishing() as found:
        found.publishes(Carnival="20260303")
        yield found


@pytest.fixture
def desk(desk: DeskUnderTest) -> DeskUnderTest:
    """Its own network begins and ends with this machine; one case counts eight office hours."""
    desk.settings = replace(desk.settings, webhook_hosts=("127.0.0.1",))
    has_sla(desk, item(fail=480), hours=OFFICE)
    open_case(desk)
    return desk


@pytest.fixture
def root(desk: DeskUnderTest) -> Principal:
    return desk.principal("Root", Role.ADMINISTRATOR)


def calendar_id(desk: DeskUnderTest) -> UUID:
    [found] = [each for each in desk.all(ServiceCalendar) if each.current_id is None]
    return found.id


def holidays(desk: DeskUnderTest) -> dict[str, str]:
    with desk.db.reading() as session:
        hours = session.get_one(ServiceCalendar, calendar_id(desk)).hours
    found: dict[str, str] = hours.get("holidays", {})
    return found


def follow(
    desk: DeskUnderTest, by: Principal, url: str, scope: Scope | None = Scope.ALL, **more: Any
) -> UUID:
    calendar = calendar_id(desk)
    with desk.transaction() as session:
        return feeds.add(
            session, by, calendar, url, scope=scope, desk=desk.settings, at=NOON, **more
        ).id


def fetch(desk: DeskUnderTest, sandbox: Sandbox, at: datetime = NOON) -> int:
    return fetching.fetch_due(desk.db, sandbox, desk.settings, at=at)


def the_feed(desk: DeskUnderTest) -> HolidayFeed:
    [found] = desk.all(HolidayFeed)
    return found


def said(desk: DeskUnderTest) -> list[tuple[str, dict[str, Any]]]:
    """What the history says of calendars, in order."""
    return [
        (e.kind.removeprefix("calendar."), e.data)
        for e in desk.all(Event)
        if e.kind.startswith("calendar.")
    ]


@pytest.mark.parametrize(
    ("scope", "deadline", "moved"), [(Scope.ALL, AFTER, 1), (Scope.NEW, BEFORE, 0)]
)
def test_a_feed_brings_holidays_and_moves_deadlines_as_its_option_says(
    desk: DeskUnderTest,
    root: Principal,
    publisher: Publisher,
    sandbox: Sandbox,
    scope: Scope,
    deadline: datetime,
    moved: int,
) -> None:
    follow(desk, root, publisher.url, scope)

    fetched = fetch(desk, sandbox)
    open_case(desk)

    assert fetched == 1
    assert holidays(desk) == {"2026-03-03": "Carnival", "2028-12-31": "Jubilee"}
    assert desk.case(1001).deadline_at == deadline
    assert desk.case(1002).deadline_at == AFTER
    assert [kind for kind, _ in said(desk)] == ["feed_added", "changed", "fed"]
    fed = said(desk)[-1][1]
    assert fed["added"] == {"2026-03-03": "Carnival", "2028-12-31": "Jubilee"}
    assert (fed["removed"], fed["scope"], fed["clocks"]) == ({}, scope.value, moved)
    assert "secret" not in str(said(desk))  # the path of a feed may be one


def test_one_that_waits_for_a_yes_is_offered_rehearsed_and_taken(
    desk: DeskUnderTest, root: Principal, publisher: Publisher, sandbox: Sandbox
) -> None:
    id = follow(desk, root, publisher.url, None)
    fetch(desk, sandbox)
    fetch(desk, sandbox, NOON + 25 * HOUR)  # and nothing more is said of the same
    offered, untouched = the_feed(desk), (holidays(desk), desk.case(1001).deadline_at)

    with pytest.raises(FeedChanged), desk.transaction() as session:
        feeds.take(session, root, id, Scope.ALL, at=NOON, version=offered.version - 1)
    with desk.transaction() as session:
        feeds.take(session, root, id, Scope.ALL, at=NOON, version=offered.version)

    assert offered.offered == {"2026-03-03": "Carnival", "2028-12-31": "Jubilee"}
    assert untouched == ({}, BEFORE)
    assert desk.case(1001).deadline_at == AFTER
    assert [kind for kind, _ in said(desk)] == ["feed_added", "feed_offered", "changed", "fed"]
    with pytest.raises(WrongFeed, match="nothing of it waits"), desk.transaction() as session:
        feeds.take(session, root, id, Scope.ALL, at=NOON)


def test_only_what_changed_in_the_feed_changes_the_hours(
    desk: DeskUnderTest, root: Principal, publisher: Publisher, sandbox: Sandbox
) -> None:
    """By hand a day was taken out, and one added; and what is over stays as it was worked."""
    publisher.publishes(Past="20260301", Carnival="20260303", Fair="20260310", Lent="20260311")
    follow(desk, root, publisher.url)
    fetch(desk, sandbox)
    first = holidays(desk)
    with desk.transaction() as session:
        calendar = session.get_one(ServiceCalendar, calendar_id(desk))
        kept = {day: name for day, name in first.items() if name != "Fair"}
        calendar.hours = {**calendar.hours, "holidays": {**kept, "2026-03-12": "By hand"}}

    publisher.publishes(Fair="20260310", Ash="20260311", Easter="20260406")
    fetch(desk, sandbox, march(4, 12))

    assert list(first.values()) == ["Carnival", "Fair", "Lent", "Jubilee"]
    assert holidays(desk) == {
        "2026-03-03": "Carnival",
        "2026-03-11": "Ash",
        "2026-03-12": "By hand",
        "2026-04-06": "Easter",
        "2028-12-31": "Jubilee",
    }
    publisher.publishes(Ash="20260311")
    fetch(desk, sandbox, march(6, 12))
    assert said(desk)[-1][1]["removed"] == {"2026-04-06": "Easter"}


def test_what_has_not_changed_is_not_sent_again_until_a_new_year(
    desk: DeskUnderTest, root: Principal, publisher: Publisher, sandbox: Sandbox
) -> None:
    follow(desk, root, publisher.url, every_hours=24)

    counts = [fetch(desk, sandbox, NOON + hours * HOUR) for hours in (0, 1, 23, 24, 49, 24 * 310)]

    assert counts == [1, 0, 0, 1, 1, 1]
    assert publisher.answered == [200, 304, 304, 200]
    assert [kind for kind, _ in said(desk)] == ["feed_added", "changed", "fed"]
    assert the_feed(desk).next_at == NOON + 24 * 311 * HOUR


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ((404, {}, b"gone"), "it answered 404"),
        ((304, {}, b""), "it answered 304"),
        ((200, {}, b""), "it answered with nothing"),
        ((200, {}, b"<html>Sign in</html>"), "this is no iCalendar; it says “<html>Sign in"),
        ((200, {}, b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nDTSTART:20260303"), "it breaks off"),
        ((200, {}, b"BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n"), "no event in 2026 to 2028"),
        ((200, {}, b"BEGIN:VCALENDAR\r\n" + b"x" * 2_000_000), "too long: more than 2,000,000"),
        ((302, {"location": "https://10.0.0.8/a.ics"}, b""), "10.0.0.8 is an address of a private"),
        ((302, {"location": "file:///etc/passwd"}, b""), "write it out"),
        ((302, {"location": "/secret/again"}, b""), "it sends us on more than 4 times"),
        (
            (200, {}, b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nDTSTART:20260303\r\n"
             b"RRULE:FREQ=WEEKLY\r\nSUMMARY:Gym\r\nEND:VEVENT\r\nEND:VCALENDAR"),
            "“Gym” repeats in a way other than each year",
        ),
    ],
    ids=[
        *("missing", "unchanged from nothing", "empty", "a page", "cut", "no events", "huge"),
        *("sent inside", "sent to a file", "sent around", "a rule"),
    ],
)  # fmt: skip
def test_what_is_no_calendar_is_refused_with_the_reason(
    publisher: Publisher, sandbox: Sandbox, answer: Any, why: str
) -> None:
    publisher.instead = [answer] * 5
    call = Call(new_id(), publisher.url, range(2026, 2029), "UTC")

    with pytest.raises(Unusable) as refused:
        fetching.found_at(call, sandbox, OURS)

    assert why in str(refused.value)


def test_a_calendar_that_kills_its_reader_costs_one_fetch(
    publisher: Publisher, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    call, read = Call(new_id(), publisher.url, range(2026, 2029), "UTC"), sandbox.holidays

    with monkeypatch.context() as patched:
        patched.setattr(sandbox, "holidays", partial(read, fault="segfault"))
        with pytest.raises(Unusable, match="crashed"):
            fetching.found_at(call, sandbox, OURS)

    assert fetching.found_at(call, sandbox, OURS)


def test_a_redirect_is_followed_to_where_we_may_go(publisher: Publisher, sandbox: Sandbox) -> None:
    publisher.instead = [(301, {"location": "/secret/moved.ics"}, b"")]
    call = Call(new_id(), publisher.url, range(2026, 2029), "UTC")

    assert fetching.found_at(call, sandbox, OURS)


def test_a_fetch_that_fails_keeps_the_holidays_and_says_why(
    desk: DeskUnderTest, root: Principal, publisher: Publisher, sandbox: Sandbox
) -> None:
    follow(desk, root, publisher.url)
    fetch(desk, sandbox)
    publisher.instead = [(404, {}, b"")]

    fetch(desk, sandbox, NOON + 24 * HOUR)

    failed = the_feed(desk)
    assert (failed.error, failed.failures) == ("it answered 404", 1)
    assert (failed.failed_at, failed.fetched_at) == (NOON + 24 * HOUR, NOON)
    assert holidays(desk) == {"2026-03-03": "Carnival", "2028-12-31": "Jubilee"}
    assert said(desk)[-1][0] == "feed_failed"


def test_one_that_keeps_failing_is_tried_less_and_less_and_its_administrators_told(
    desk: DeskUnderTest, root: Principal, publisher: Publisher, sandbox: Sandbox
) -> None:
    follow(desk, root, publisher.url)
    publisher.instead = [(500, {}, b"")] * 7
    waits, at = [], NOON
    for _ in range(7):
        fetch(desk, sandbox, at)
        waits.append(the_feed(desk).next_at - at)
        at += waits[-1]

    fetch(desk, sandbox, at)

    assert [wait // timedelta(minutes=1) for wait in waits] == [5, 15, 60, 180, 360, 360, 360]
    mended = the_feed(desk)
    assert (mended.failures, mended.error, mended.next_at) == (0, "", at + 24 * HOUR)
    kinds = [kind for kind, _ in said(desk)]
    assert kinds == ["feed_added", "feed_failed", "feed_recovered", "changed", "fed"]
    [told] = [d for d in desk.all(Delivery) if d.kind == "notice"]
    assert told.target == "root@desk.example"
    assert "at 127.0.0.1 cannot be fetched" in told.payload["subject"]


def test_no_feed_is_fetched_inside_our_network(
    desk: DeskUnderTest, root: Principal, publisher: Publisher, sandbox: Sandbox
) -> None:
    """The address is checked when it is called, and not only when it was typed."""
    follow(desk, root, publisher.url)
    desk.settings = replace(desk.settings, webhook_hosts=())

    fetch(desk, sandbox)

    assert publisher.asked == []
    assert "begin with https://" in the_feed(desk).error
    with pytest.raises(guarded.Forbidden):
        guarded.get(publisher.url, {}, most_bytes=100)
    # The one thing that keeps it out is the guard:
    assert guarded.get(publisher.url, {}, most_bytes=10_000, own_hosts=("127.0.0.1",)).content


def test_the_worker_fetches_what_is_due_and_no_more(
    desk: DeskUnderTest, root: Principal, publisher: Publisher, sandbox: Sandbox
) -> None:
    house = Office(desk, sandbox).house
    idle = worker._fetch(house)
    follow(desk, root, publisher.url)

    fetched, rested = worker._fetch(house), worker._fetch(house)

    assert (idle, fetched, rested) == (False, True, False)
    assert holidays(desk)["2028-12-31"] == "Jubilee"


def test_two_workers_fetch_it_once_and_a_crash_gives_it_back(
    desk: DeskUnderTest, root: Principal, publisher: Publisher, sandbox: Sandbox
) -> None:
    follow(desk, root, publisher.url)
    with desk.transaction() as session:
        claimed = feeds.claim(session, at=NOON, limit=5)  # and then it crashed

    meanwhile = fetch(desk, sandbox, NOON + timedelta(minutes=1))
    later = fetch(desk, sandbox, NOON + timedelta(minutes=2))

    assert (len(claimed), meanwhile, later) == (1, 0, 1)
    # What comes of a claim that was lost says the same once more, and changes nothing.
    with desk.transaction() as session:
        days = {date(2026, 3, 3): "Carnival", date(2028, 12, 31): "Jubilee"}
        again = feeds.note_days(session, claimed[0], days, etag="", last_modified="", at=NOON)
    assert again is None


def test_a_feed_is_fetched_on_demand_changed_and_removed(
    desk: DeskUnderTest, root: Principal, publisher: Publisher, sandbox: Sandbox
) -> None:
    id = follow(desk, root, publisher.url, None)
    fetch(desk, sandbox)
    with desk.transaction() as session:
        feeds.change(session, root, id, scope=Scope.ALL, every_hours=1, at=NOON)
    publisher.publishes(Easter="20260406")
    with desk.transaction() as session:
        feeds.refresh(session, root, id, at=NOON + HOUR / 4)
    fetched = fetch(desk, sandbox, NOON + HOUR / 4)
    publisher.publishes(Fair="20260310", Easter="20260406")

    now = fetching.fetch_now(desk.db, sandbox, desk.settings, id, at=NOON + HOUR / 2)
    publisher.instead = [(500, {}, b"")]
    with pytest.raises(Unusable, match="it answered 500"):
        fetching.fetch_now(desk.db, sandbox, desk.settings, id, at=NOON + HOUR)
    with desk.transaction() as session:
        feeds.remove(session, root, id, at=NOON + HOUR)

    assert fetched == 1
    assert now == Change({"2026-03-10": "Fair"}, {}, waits=False)
    assert desk.all(HolidayFeed) == []
    assert list(holidays(desk).values()) == ["Fair", "Easter", "Jubilee"]
    with pytest.raises(Unusable, match="removed"):
        fetching.fetch_now(desk.db, sandbox, desk.settings, id, at=NOON + HOUR)


@pytest.mark.parametrize(
    ("address", "every_hours", "error", "message"),
    [
        ("ftp://x.example/a.ics", 24, WrongEndpoint, "url: begin with https://"),
        ("http://x.example/a.ics", 24, WrongEndpoint, "url: begin with https://"),
        ("webcal://10.0.0.8/a.ics", 24, WrongEndpoint, "url: 10.0.0.8 is an address of a private"),
        ("https://me:pw@x.example/", 24, WrongEndpoint, "url: without a user"),
        ("https://x.example/a.ics", 0, WrongFeed, "every_hours: from 1 to 720"),
        ("https://x.example/a.ics", 721, WrongFeed, "every_hours: from 1 to 720"),
        ("WEBCAL://twice.example/a.ics", 24, WrongFeed, "url: .* follows that feed already"),
    ],
)
def test_a_feed_that_cannot_be_meant_names_the_field(
    desk: DeskUnderTest, root: Principal, address: str, every_hours: int, error: Any, message: str
) -> None:
    follow(desk, root, "webcal://twice.example/a.ics")

    with pytest.raises(error, match=message):
        follow(desk, root, address, every_hours=every_hours)

    assert [feed.url for feed in desk.all(HolidayFeed)] == ["https://twice.example/a.ics"]


def test_only_administrators_touch_feeds(desk: DeskUnderTest, root: Principal) -> None:
    id = follow(desk, root, "https://x.example/a.ics")
    mara = desk.principal("Mara", Role.MANAGER)

    for act in (feeds.refresh, feeds.remove):
        with pytest.raises(NotAllowed), desk.transaction() as session:
            act(session, mara, id, at=NOON)
    with pytest.raises(NotAllowed):
        follow(desk, mara, "https://y.example/a.ics")


def test_feeds_are_followed_by_command(
    publisher: Publisher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(graph.cli.ground.out, "_width", 300)
    monkeypatch.setenv("DESKBELL_WEBHOOK_HOSTS", '["127.0.0.1"]')
    monkeypatch.setattr(graph.cli.feeds, "now", lambda: NOON)
    db = Database(f"sqlite:///{tmp_path}/var/desk.db")
    migrations.upgrade(db)
    with db.transaction() as session:
        session.add(ServiceCalendar(id=new_id(), name="Madrid", hours=OFFICE))
    db.close()

    def deskbell(*words: str, code: int = 0) -> str:
        done = CliRunner().invoke(graph.cli.app, ["calendar", "feed", *words])
        assert done.exit_code == code, done.output
        return done.output

    added = deskbell("add", "Madrid", publisher.url)
    same = deskbell("refresh", "Madrid", publisher.url)
    publisher.instead = [(404, {}, b"")]
    failed = deskbell("refresh", "Madrid", publisher.url, code=1)
    listed = deskbell("list")
    deskbell("remove", "Madrid", publisher.url)

    assert "+ 2026-03-03 Carnival" in added
    assert "nothing changed" in same
    assert "not fetched: it answered 404" in failed
    assert f"Madrid    {publisher.url}  2026-03-02 12:00" in listed
    assert publisher.url not in deskbell("list")


FEED = """{ __typename ... on Problem { code } ... on WrongInput { field }
    ... on HolidayFeedChanged { calendar { version } feed {
        id url host scope everyHours version error days { day name } offered { name } } } }"""


def test_feeds_are_followed_by_graphql(
    desk: DeskUnderTest, publisher: Publisher, sandbox: Sandbox
) -> None:
    office, calendar = Office(desk, sandbox), calendar_id(desk)
    ada, grace = desk.has_agent("Ada", Role.ADMINISTRATOR), desk.has_agent("Grace")

    def does(act: str) -> Any:
        return next(iter(office.asks(f"mutation {{ {act} {FEED} }}", by=ada).values()))

    where = f'calendar: "{calendar}"'
    wrong = does(f'addHolidayFeed({where}, url: "http://10.0.0.8/x")')
    seldom = does(f'addHolidayFeed({where}, url: "https://x.example/", everyHours: 0)')
    added = does(f'addHolidayFeed({where}, url: "{publisher.url}", scope: null)')["feed"]
    one = f'"{added["id"]}"'
    fetching.fetch_due(desk.db, sandbox, desk.settings, at=datetime.now(UTC))
    stale = does(f"takeHolidays(feed: {one}, scope: ALL, expectedVersion: 1)")
    rehearsed = office.asks(f"{{ rehearseHolidays(feed: {one}) {{ more }} }}", by=ada)
    taken = does(f"takeHolidays(feed: {one}, scope: ALL, expectedVersion: 2)")
    changed = does(f"changeHolidayFeed(id: {one}, scope: NEW, everyHours: 12)")["feed"]
    refreshed = does(f"refreshHolidayFeed(id: {one})")["feed"]
    with office.counts_statements() as statements:
        seen = office.asks("{ calendars { name feeds { host url } } }", by=grace)["calendars"]
    removed = does(f"removeHolidayFeed(id: {one})")

    assert [(bad["__typename"], bad["field"]) for bad in (wrong, seldom)] == [
        ("WrongInput", "url"),
        ("WrongInput", "everyHours"),
    ]
    assert (added["scope"], added["everyHours"], added["url"]) == (None, 24, publisher.url)
    assert (stale["__typename"], rehearsed) == (
        "StaleVersion",
        {"rehearseHolidays": {"more": False}},
    )
    assert [day["name"] for day in taken["feed"]["days"]] == ["Carnival", "Jubilee"]
    assert (taken["feed"]["offered"], taken["calendar"]) == (None, {"version": 2})
    assert (changed["scope"], changed["everyHours"], refreshed["error"]) == ("NEW", 12, "")
    assert seen[0]["feeds"] == [{"host": "127.0.0.1", "url": None}]
    assert len([each for each in statements if "holiday_feeds" in each]) == 1
    assert removed["feed"] is None
