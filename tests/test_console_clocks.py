"""The strip of a clock on the page of its case: every minute is in it, once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from channels.sandbox import Sandbox
from graph.console import strips
from graph.console.strips import Strip
from graph.console.words import Times
from intake import sla, work
from intake.cases import Reason
from intake.db import Database
from tests.console import Console, tree, words
from tests.desk import NOON, DeskUnderTest, email

NOW = datetime.now(UTC).replace(microsecond=0)
NINE_TO_FIVE = {
    "zone": "Europe/Madrid",
    "weekly": {day: [["09:00", "17:00"]] for day in ("mon", "tue", "wed", "thu", "fri")},
    "holidays": {"2026-03-03": "Fiesta"},
}


@pytest.fixture
def console(sqlite_url: str) -> Iterator[Console]:
    with Sandbox() as sandbox:
        db = Database(sqlite_url)
        yield Console(DeskUnderTest(db), sandbox)
        db.close()


def held(desk: DeskUnderTest, since: timedelta, until: timedelta) -> int:
    """The number of a case opened at NOON that was on hold from then until then."""
    [receipt] = desk.accepts(email(at=NOON))
    assert receipt.case is not None
    luis = desk.principal(f"Luis{receipt.case.number}")
    with desk.transaction() as session:
        work.hold(
            session, luis, receipt.case.id, at=NOON + since, reason=Reason.WAITING_FOR_DETAILS
        )
    with desk.transaction() as session:
        work.resume(session, luis, receipt.case.id, at=NOON + until)
    return receipt.case.number


def strip_of(desk: DeskUnderTest, number: int, at: datetime) -> Strip:
    case = desk.case(number)
    with desk.db.reading() as session:
        [instance] = sla.of_case(session, case)
        holds = sla.holds_of(session, [case.id])[case.id]
        found = strips.strip(instance, holds, at=at, times=Times(at, ZoneInfo("UTC")))
    assert found is not None
    return found


def test_a_strip_says_what_counted_and_what_did_not(console: Console) -> None:
    console.desk.has_sla(first_response=timedelta(hours=6), hours=NINE_TO_FIVE)
    # A Monday at 13:00 in Madrid; Tuesday is a holiday.
    number = held(console.desk, timedelta(hours=1), timedelta(hours=2))

    found = strip_of(console.desk, number, NOON + timedelta(hours=3))

    assert [part.kind for part in found.parts] == [
        "counting", "on-hold", "counting", "counting", "closed", "holiday", "closed", "counting",
    ]  # fmt: skip
    assert [part.ahead for part in found.parts] == [False] * 3 + [True] * 5
    assert found.totals == (
        ("counting", "Counting", "6 h"),
        ("closed", "Closed", "16 h"),
        ("holiday", "Holiday", "1 d"),
        ("on-hold", "On hold", "1 h"),
    )
    assert found.whole == "1 d 23 h"
    assert found.sentence.startswith("2 h of 6 h counted")
    assert any("Fiesta" in part.words for part in found.parts)


@given(
    since=st.integers(0, 60 * 24 * 6), lasts=st.integers(1, 60 * 24 * 3),
    later=st.integers(0, 60 * 24 * 12),
)  # fmt: skip
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_parts_of_a_strip_fill_it_and_never_overlap(
    console: Console, since: int, lasts: int, later: int
) -> None:
    if not console.desk.all(sla.Sla):
        console.desk.has_sla(first_response=timedelta(hours=30), hours=NINE_TO_FIVE)
    number = held(console.desk, timedelta(minutes=since), timedelta(minutes=since + lasts))

    found = strip_of(console.desk, number, NOON + timedelta(minutes=later))

    end = 0.0
    for part in found.parts:
        assert part.start == pytest.approx(end, abs=0.001)
        assert part.size > 0
        end = part.start + part.size
    assert end == pytest.approx(100, abs=0.01)
    if found.now is not None:
        ahead = min(part.start for part in found.parts if part.ahead)
        assert ahead == pytest.approx(found.now, abs=0.001)


def test_the_page_of_a_case_shows_the_strip_with_its_legend(console: Console) -> None:
    console.desk.has_sla(first_response=timedelta(hours=4))
    [receipt] = console.desk.accepts(email(at=NOW - timedelta(hours=2)))
    assert receipt.case is not None
    luis = console.desk.principal("Luis")
    with console.desk.transaction() as session:
        work.hold(
            session, luis, receipt.case.id, at=NOW - timedelta(hours=1),
            reason=Reason.WAITING_FOR_DETAILS,
        )  # fmt: skip

    page = console.browser(console.desk.has_agent()).get(f"/cases/{receipt.case.number}")

    [drawn] = tree(page).xpath("//*[@class='strip']")
    assert "1 h of 4 h counted; on hold since" in drawn.get("aria-label")
    assert "1 h of 4 h counted; on hold since" in words(page)
    [legend] = tree(page).xpath("//div[@class='taken-apart']/ul[@class='legend']")
    assert [entry.text_content().strip() for entry in legend] == ["Counting", "On hold"]
    assert "style=" not in page.text


def test_a_clock_without_end_is_told_in_a_sentence_alone(console: Console) -> None:
    # One hour of opening a week: the strip would have more than a thousand parts.
    hours = {"zone": "UTC", "weekly": {"mon": [["12:00", "13:00"]]}}
    console.desk.has_sla(first_response=timedelta(hours=600), hours=hours)
    [receipt] = console.desk.accepts(email(at=NOON))
    assert receipt.case is not None

    found = strip_of(console.desk, receipt.case.number, NOON + timedelta(minutes=30))

    assert found.parts == ()
    assert found.sentence == "30 min of 600 h counted"


@pytest.mark.parametrize(
    ("length", "said"),
    [
        (timedelta(), "0 s"),
        (timedelta(seconds=61), "1 min 1 s"),
        (timedelta(days=2, hours=3), "2 d 3 h"),
        (timedelta(hours=1, microseconds=999), "1 h"),
    ],
)
def test_a_length_is_said_to_the_second(length: timedelta, said: str) -> None:
    assert strips.exactly(length) == said
