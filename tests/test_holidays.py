"""Holidays of countries and from iCalendar files, as the dates they are."""

from __future__ import annotations

from datetime import date, datetime, time

import pytest
from dateutil.rrule import rrulestr
from hypothesis import given
from hypothesis import strategies as st

from intake.calendars import BadCalendar
from intake.calendars.icalendar import holidays
from intake.calendars.public import of_country

YEARS = range(2026, 2028)


def ics(*events: str) -> str:
    body = "".join(f"BEGIN:VEVENT\r\n{event}\r\nEND:VEVENT\r\n" for event in events)
    return f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\n{body}END:VCALENDAR\r\n"


def test_a_country_and_its_region_have_their_own_days() -> None:
    spain, madrid = (of_country("ES", region, range(2026, 2027)) for region in ("", "MD"))

    assert date(2026, 12, 25) in spain
    assert date(2026, 5, 2) in madrid
    assert date(2026, 5, 2) not in spain


@pytest.mark.parametrize(
    ("country", "region", "message"),
    [
        ("XX", "", 'country: unknown country "XX"'),
        ("ES", "ZZ", 'region: unknown region "ZZ" of ES'),
    ],
)
def test_a_place_that_is_not_known_is_named(country: str, region: str, message: str) -> None:
    with pytest.raises(BadCalendar, match=message):
        of_country(country, region, YEARS)


def test_events_of_days_are_holidays() -> None:
    found = holidays(
        ics(
            "DTSTART;VALUE=DATE:20261224\r\nDTEND;VALUE=DATE:20261227\r\nSUMMARY:Works\r\n  closed",
            "DTSTART:20270105T090000Z\r\nSUMMARY:Stocktaking\\, all day",
            "DTSTART;VALUE=DATE:20300101\r\nSUMMARY:Far away",
        ),
        YEARS,
        zone="UTC",
    )

    assert found == {
        date(2026, 12, 24): "Works closed",
        date(2026, 12, 25): "Works closed",
        date(2026, 12, 26): "Works closed",
        date(2027, 1, 5): "Stocktaking, all day",
    }


def test_yearly_events_come_each_year_until_they_end() -> None:
    found = holidays(
        ics(
            "DTSTART;VALUE=DATE:20200501\r\nRRULE:FREQ=YEARLY\r\nSUMMARY:May Day",
            "DTSTART;VALUE=DATE:20200229\r\nRRULE:FREQ=YEARLY\r\nSUMMARY:Leap",
            "DTSTART;VALUE=DATE:20200601\r\nRRULE:FREQ=YEARLY;UNTIL=20261231\r\nSUMMARY:June",
        ),
        YEARS,
        zone="UTC",
    )

    assert list(found) == [date(2026, 5, 1), date(2026, 6, 1), date(2027, 5, 1)]


@pytest.mark.parametrize(
    ("event", "message"),
    [
        ("DTSTART;VALUE=DATE:20260101\r\nRRULE:FREQ=WEEKLY\r\nSUMMARY:Gym", "“Gym” repeats"),
        (
            "DTSTART;VALUE=DATE:20260101\r\nRRULE:FREQ=YEARLY;BYDAY=1MO\r\nSUMMARY:First",
            "“First” repeats",
        ),
        ("DTSTART:soon\r\nSUMMARY:Party", "“Party” has no date"),
        ("SUMMARY:Never", "“Never” has no date"),
        ("DTSTART:99991231\r\nSUMMARY:Doom", "“Doom” has no date"),
        ("DTSTART:20260231\r\nSUMMARY:Leap", "“Leap” has no date"),
        ("DTSTART:20260101\r\nDURATION:soon\r\nSUMMARY:Short", "“Short” has no duration"),
        ("DTSTART:20260101\r\nRRULE:FREQ=YEARLY;BYMONTH=13\r\nSUMMARY:Smarch", "“Smarch” repeats"),
        (
            "DTSTART:20260101\r\nRRULE:FREQ=YEARLY;BYMONTH=1;BYDAY=MO\r\nSUMMARY:Mondays",
            "“Mondays” repeats",
        ),
        (
            "DTSTART;VALUE=DATE:20260101\r\nDTEND;VALUE=DATE:20990101\r\nSUMMARY:Ever",
            "“Ever” lasts longer than 92 days",
        ),
    ],
    ids=[
        "weekly",
        "by weekday",
        "no date",
        "nothing",
        "doomsday",
        "no such day",
        "no such duration",
        "no such month",
        "every Monday",
        "a lifetime",
    ],
)
def test_what_is_not_understood_is_refused_by_name(event: str, message: str) -> None:
    with pytest.raises(BadCalendar, match=message):
        holidays(ics(event), YEARS, zone="UTC")


def test_events_begin_on_the_day_that_our_clocks_show() -> None:
    text = ics(
        "DTSTART:20260105T233000Z\r\nDTEND:20260106T060000Z\r\nSUMMARY:Night",
        "DTSTART;TZID=America/New_York:20260201T200000\r\nDURATION:PT1H\r\nSUMMARY:Evening there",
        "DTSTART;TZID=Romance Standard Time:20260301T230000\r\nSUMMARY:As written",
        "DTSTART;VALUE=DATE:20260401\r\nDURATION:P2D\r\nSUMMARY:Two days\r\n"
        "BEGIN:VALARM\r\nDURATION:P9D\r\nEND:VALARM",
    )

    assert [f"{day:%m-%d}" for day in holidays(text, YEARS, zone="Europe/Madrid")] == [
        *("01-06", "02-02", "03-01", "04-01", "04-02"),
    ]
    assert f"{next(iter(holidays(text, YEARS, zone='UTC'))):%m-%d}" == "01-05"


def test_what_was_cancelled_or_moved_is_not_where_it_was() -> None:
    text = ics(
        "DTSTART:20260101\r\nSTATUS:CANCELLED\r\nSUMMARY:Called off",
        "UID:fair\r\nDTSTART:20250610\r\nRRULE:FREQ=YEARLY\r\nSUMMARY:Fair",
        "UID:fair\r\nRECURRENCE-ID:20260610\r\nDTSTART:20260617\r\nSUMMARY:Fair, later",
        "UID:run\r\nDTSTART:20250901\r\nRRULE:FREQ=YEARLY\r\nEXDATE:20260901\r\nSUMMARY:Run",
    )

    assert {f"{day}": name for day, name in holidays(text, YEARS, zone="UTC").items()} == {
        "2026-06-17": "Fair, later",
        "2027-06-10": "Fair",
        "2027-09-01": "Run",
    }


RULES = [
    *("", ";INTERVAL=2", ";COUNT=3", ";UNTIL=20270101", ";BYMONTH=11;BYDAY=4TH", ";BYMONTHDAY=-1"),
    *(";BYMONTH=5;BYMONTHDAY=18,19,20,21,22,23,24;BYDAY=MO", ";BYMONTH=5;BYDAY=-1MO"),
    *(";BYMONTH=1,7;BYDAY=1MO,3WE;COUNT=9", ";BYMONTH=2;BYMONTHDAY=29;INTERVAL=4"),
]


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("first", [date(2019, 3, 31), date(2020, 2, 29), date(2026, 6, 1)])
def test_what_comes_each_year_comes_when_the_standard_says(rule: str, first: date) -> None:
    event = f"DTSTART;VALUE=DATE:{first:%Y%m%d}\r\nRRULE:FREQ=YEARLY{rule}"
    said = rrulestr(f"FREQ=YEARLY{rule}", dtstart=datetime.combine(first, time()))
    span = (datetime.combine(date(year, 1, 1), time()) for year in (2026, 2030))
    wanted = [day.date() for day in said.between(*span, inc=True)]
    # One more, so that there is always a day to find.
    text = ics(event, "DTSTART:20300101")

    found = [day for day in holidays(text, range(2026, 2031), zone="UTC") if day.year < 2030]

    assert found == [day for day in wanted if day.year < 2030]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<!doctype html><title>Sign in</title>", "this is no iCalendar; it says “<!doctype"),
        (ics("DTSTART:20260101")[:-20], "breaks off before END:VCALENDAR"),
        ("x" * 2_000_001, "more than 2,000,000 characters"),
        (ics(*["DTSTART:20260101"] * 5_001), "more than 5,000 events"),
        (ics(*(f"DTSTART:{y}0101\r\nDURATION:P92D" for y in range(2026, 2100))), "5,000 days"),
    ],
    ids=["a page", "cut", "long", "events", "days"],
)
def test_what_is_no_calendar_is_refused_whole(text: str, message: str) -> None:
    with pytest.raises(BadCalendar, match=message):
        holidays(text, YEARS, zone="UTC")


def test_a_file_without_events_of_those_years_is_refused() -> None:
    with pytest.raises(BadCalendar, match="no event in 2026 to 2027"):
        holidays(ics("DTSTART;VALUE=DATE:20300101"), YEARS, zone="UTC")


@given(st.text(), st.lists(st.sampled_from(["BEGIN:VEVENT", "END:VEVENT", "DTSTART:2", "RRULE:="])))
def test_any_text_is_read_or_refused(text: str, lines: list[str]) -> None:
    for form in (text, "\n".join([*lines, text])):
        with pytest.raises(BadCalendar):
            holidays(form, YEARS, zone="UTC")
