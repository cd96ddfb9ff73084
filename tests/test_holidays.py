"""Holidays of countries and from iCalendar files, as the dates they are."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intake.calendars import BadCalendar
from intake.calendars.public import of_country, of_icalendar

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
    found = of_icalendar(
        ics(
            "DTSTART;VALUE=DATE:20261224\r\nDTEND;VALUE=DATE:20261227\r\nSUMMARY:Works\r\n  closed",
            "DTSTART:20270105T090000Z\r\nSUMMARY:Stocktaking\\, all day",
            "DTSTART;VALUE=DATE:20300101\r\nSUMMARY:Far away",
        ),
        YEARS,
    )

    assert found == {
        date(2026, 12, 24): "Works closed",
        date(2026, 12, 25): "Works closed",
        date(2026, 12, 26): "Works closed",
        date(2027, 1, 5): "Stocktaking, all day",
    }


def test_yearly_events_come_each_year_until_they_end() -> None:
    found = of_icalendar(
        ics(
            "DTSTART;VALUE=DATE:20200501\r\nRRULE:FREQ=YEARLY\r\nSUMMARY:May Day",
            "DTSTART;VALUE=DATE:20200229\r\nRRULE:FREQ=YEARLY\r\nSUMMARY:Leap",
            "DTSTART;VALUE=DATE:20200601\r\nRRULE:FREQ=YEARLY;UNTIL=20261231\r\nSUMMARY:June",
        ),
        YEARS,
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
        (
            "DTSTART;VALUE=DATE:20260101\r\nDTEND;VALUE=DATE:20990101\r\nSUMMARY:Ever",
            "“Ever” lasts longer than 92 days",
        ),
    ],
    ids=["weekly", "by weekday", "no date", "nothing", "doomsday", "a lifetime"],
)
def test_what_is_not_understood_is_refused_by_name(event: str, message: str) -> None:
    with pytest.raises(BadCalendar, match=message):
        of_icalendar(ics(event), YEARS)


def test_a_file_without_events_of_those_years_is_refused() -> None:
    with pytest.raises(BadCalendar, match="no event in 2026 to 2027"):
        of_icalendar(ics("DTSTART;VALUE=DATE:20300101"), YEARS)


@given(st.text(), st.lists(st.sampled_from(["BEGIN:VEVENT", "END:VEVENT", "DTSTART:2", "RRULE:="])))
def test_any_text_is_read_or_refused(text: str, lines: list[str]) -> None:
    for form in (text, "\n".join([*lines, text])):
        with pytest.raises(BadCalendar):
            of_icalendar(form, YEARS)
