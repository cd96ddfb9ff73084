"""Working time, against hand-made examples and against a clock that is walked minute by minute."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import groupby, pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from intake.calendars import (
    ALWAYS,
    BadCalendar,
    Calendar,
    Interval,
    Kind,
    NeverOpen,
    OutOfReach,
    Slot,
)

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
WORKWEEK, EVERY_DAY = range(5), range(7)


def slots(*times: str) -> tuple[Slot, ...]:
    """slots("09:00-13:00", "14:00-17:00")"""
    return tuple(Slot.of(*each.split("-")) for each in times)


def desk(*times: str, days: Any = WORKWEEK, zone: str = "Europe/Madrid", **more: Any) -> Calendar:
    """A calendar with the same slots on each of `days`."""
    return Calendar(zone, {day: slots(*times) for day in days}, **more)


def wall(text: str, zone: str = "Europe/Madrid") -> datetime:
    """The instant at which the clocks of `zone` first show "2026-11-09 23:00"."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


OFFICE = desk("09:00-17:00")
NIGHTS = desk("22:00-06:00", days=EVERY_DAY)
FEAST = desk("09:00-21:00", days=EVERY_DAY, holidays={date(2016, 11, 13): "Volkstrauertag"})
FEASTS = replace(FEAST, holidays={**FEAST.holidays, date(2016, 11, 11): "St. Martin"})


@pytest.mark.parametrize(
    ("calendar", "start", "worked", "end"),
    [
        pytest.param(OFFICE, "2026-11-13 16:30", 1, "2026-11-16 09:30", id="over-the-weekend"),
        pytest.param(FEAST, "2016-11-09 23:00", 48, "2016-11-14 21:00", id="one-holiday"),
        # zammad#390 counts to the 14th here too, but works through the first of the holidays.
        pytest.param(FEASTS, "2016-11-09 23:00", 48, "2016-11-15 21:00", id="two-holidays"),
        pytest.param(
            desk("08:00-12:00", "13:30-18:00"),
            "2026-11-09 12:30",
            0.5,
            "2026-11-09 14:00",
            id="lunch-break",
        ),
        pytest.param(OFFICE, "2026-11-09 09:00", 8, "2026-11-09 17:00", id="ends-at-closing"),
        pytest.param(OFFICE, "2026-11-07 12:00", 0, "2026-11-07 12:00", id="nothing-to-work"),
        pytest.param(NIGHTS, "2026-03-28 22:00", 8, "2026-03-29 23:00", id="short-spring-night"),
        pytest.param(NIGHTS, "2026-10-24 22:00", 9, "2026-10-25 06:00", id="long-autumn-night"),
        pytest.param(ALWAYS, "2026-11-09 23:00", 48, "2026-11-11 23:00", id="always-open"),
    ],
)
def test_working_time_ends_when_people_would_say(
    calendar: Calendar, start: str, worked: float, end: str
) -> None:
    due = calendar.add(wall(start), worked * HOUR)

    assert due == wall(end)
    assert due.tzinfo is UTC
    assert calendar.open_between(wall(start), due) == worked * HOUR


@pytest.mark.parametrize(
    ("night", "hours"),
    [("2026-03-28", 7), ("2026-06-01", 8), ("2026-10-24", 9)],
    ids=["spring", "summer", "autumn"],
)
def test_a_night_shift_is_as_long_as_its_night(night: str, hours: int) -> None:
    evening = wall(f"{night} 18:00")

    assert NIGHTS.open_between(evening, evening + 20 * HOUR) == hours * HOUR


def test_hours_that_pass_on_the_wall_are_not_hours_that_pass() -> None:
    """In one zone, Python adds and subtracts what the clocks show: the trap this module is for."""
    berlin = ZoneInfo("Europe/Berlin")
    before = datetime(2026, 10, 25, 1, 30, tzinfo=berlin)
    first, second = (datetime(2026, 10, 25, 2, 30, tzinfo=berlin, fold=fold) for fold in (0, 1))
    assert second - first == timedelta(0)
    assert (before + 2 * HOUR).astimezone(UTC) - before.astimezone(UTC) == 3 * HOUR

    always = replace(ALWAYS, zone="Europe/Berlin")

    assert always.open_between(first, second) == HOUR
    assert always.add(before, 2 * HOUR) == before.astimezone(UTC) + 2 * HOUR


def test_a_time_that_the_clocks_skip_is_the_moment_they_jump() -> None:
    jump = datetime(2026, 3, 29, 1, tzinfo=UTC)
    calendar = desk("02:15-02:45", "02:50-03:15", days=[6])

    sunday = list(calendar.intervals(jump - 12 * HOUR, jump + 12 * HOUR))

    assert [each[:2] for each in sunday if each.kind is Kind.OPEN] == [(jump, jump + 15 * MINUTE)]


def test_a_time_that_occurs_twice_is_the_first_one() -> None:
    first = datetime(2026, 10, 25, 0, 15, tzinfo=UTC)
    calendar = desk("02:15-02:45", days=[6])

    sunday = list(calendar.intervals(first - 12 * HOUR, first + 12 * HOUR))

    assert [each[:2] for each in sunday if each.kind is Kind.OPEN] == [(first, first + 30 * MINUTE)]


def test_the_friday_that_samoa_skipped_was_not_worked_on_saturday() -> None:
    calendar = desk("09:00-17:00", zone="Pacific/Apia", holidays={date(2011, 12, 30): "Skipped"})
    thursday = wall("2011-12-29 09:00", "Pacific/Apia")

    week = list(calendar.intervals(thursday, thursday + 3 * DAY))

    assert [each.kind for each in week] == [Kind.OPEN, Kind.CLOSED]
    assert calendar.add(thursday, 9 * HOUR) == wall("2012-01-02 10:00", "Pacific/Apia")


def test_a_holiday_takes_its_day_from_midnight_to_midnight() -> None:
    calendar = replace(NIGHTS, holidays={date(2026, 12, 25): "Christmas"})

    found = list(calendar.intervals(wall("2026-12-24 20:00"), wall("2026-12-26 20:00")))

    assert found == [
        Interval(wall("2026-12-24 20:00"), wall("2026-12-24 22:00"), Kind.CLOSED),
        Interval(wall("2026-12-24 22:00"), wall("2026-12-25 00:00"), Kind.OPEN),
        Interval(wall("2026-12-25 00:00"), wall("2026-12-26 00:00"), Kind.HOLIDAY, "Christmas"),
        Interval(wall("2026-12-26 00:00"), wall("2026-12-26 06:00"), Kind.OPEN),
        Interval(wall("2026-12-26 06:00"), wall("2026-12-26 20:00"), Kind.CLOSED),
    ]


def test_an_exception_replaces_the_slots_that_open_on_its_day() -> None:
    calendar = replace(NIGHTS, exceptions={date(2026, 12, 24): slots("08:00-12:00")})

    assert calendar.is_open(wall("2026-12-24 05:00")), "last night's shift ends as ever"
    assert calendar.is_open(wall("2026-12-24 08:00"))
    assert not calendar.is_open(wall("2026-12-24 12:00"))
    assert not calendar.is_open(wall("2026-12-25 03:00")), "tonight's does not begin"


def test_an_exception_opens_a_holiday() -> None:
    christmas = date(2026, 12, 25)
    calendar = replace(
        OFFICE, holidays={christmas: "Christmas"}, exceptions={christmas: slots("10:00-11:00")}
    )

    assert calendar.open_between(wall("2026-12-25 00:00"), wall("2026-12-26 00:00")) == HOUR


def test_a_change_holds_from_its_day_on() -> None:
    calendar = replace(
        OFFICE,
        changes={
            date(2027, 1, 4): {0: slots("08:00-12:00")},
            date(2026, 12, 28): {0: slots("08:00-10:00")},
        },
    )

    hours = [
        calendar.open_between(wall(f"{monday} 00:00"), wall(f"{monday} 00:00") + 7 * DAY) / HOUR
        for monday in ("2026-12-21", "2026-12-28", "2027-01-04", "2033-05-02")
    ]

    assert hours == [40, 2, 4, 4]


def test_neighbours_of_one_kind_are_one_interval_even_over_new_year() -> None:
    a, b = datetime(2026, 12, 1, tzinfo=UTC), datetime(2028, 2, 1, tzinfo=UTC)

    assert list(ALWAYS.intervals(a, b)) == [Interval(a, b, Kind.OPEN)]
    assert list(ALWAYS.intervals(b, a)) == []


@pytest.mark.parametrize("zone", ["Pacific/Pago_Pago", "Europe/Madrid", "Pacific/Kiritimati"])
def test_new_year_is_worked_where_it_is_yet_the_old_or_already_the_new(zone: str) -> None:
    nights = desk("20:00-04:00", days=EVERY_DAY, zone=zone)
    noon = wall("2026-12-31 12:00", zone)

    worked = [each for each in nights.intervals(noon, noon + DAY) if each.kind is Kind.OPEN]

    assert worked == [Interval(noon + 8 * HOUR, noon + 16 * HOUR, Kind.OPEN)]


def test_nothing_lies_between_an_instant_and_an_earlier_one() -> None:
    monday = wall("2026-11-09 12:00")

    assert OFFICE.open_between(monday, monday - DAY) == timedelta(0)


def test_instants_of_other_zones_are_the_same_instants() -> None:
    tokyo = datetime(2026, 11, 10, 1, 30, tzinfo=ZoneInfo("Asia/Tokyo"))

    assert OFFICE.add(tokyo, HOUR) == OFFICE.add(tokyo.astimezone(UTC), HOUR)
    assert OFFICE.add(tokyo, timedelta(0)).tzinfo is UTC


CLOSED_FOR_GOOD = {date(2026, 12, 31): {}}


@pytest.mark.parametrize(
    "calendar",
    [
        pytest.param(replace(OFFICE, changes=CLOSED_FOR_GOOD), id="closes-for-good"),
        pytest.param(
            Calendar("UTC", {}, exceptions={date(2026, 11, 10): slots("09:00-10:00")}),
            id="only-an-exception",
        ),
        pytest.param(
            desk(
                "09:00-17:00",
                days=[0],
                holidays={date(2026, 11, 2) + week * 7 * DAY: "Closed" for week in range(9_100)},
            ),
            id="holidays-swallow-everything",
        ),
    ],
)
def test_a_calendar_that_stops_opening_says_so(calendar: Calendar) -> None:
    with pytest.raises(NeverOpen, match="does not open for 100 days"):
        calendar.add(wall("2026-11-02 12:00"), 100 * DAY)


@pytest.mark.parametrize(
    ("calendar", "message"),
    [
        (replace(OFFICE, changes=CLOSED_FOR_GOOD), "changes.2026-12-31: from then on no day"),
        (Calendar("UTC", {}, exceptions={date(2026, 11, 10): slots("09:00-10:00")}), "weekly: no"),
        (replace(OFFICE, changes=CLOSED_FOR_GOOD | {date(2027, 2, 1): OFFICE.weekly}), ""),
    ],
)
def test_hours_that_end_are_not_written(calendar: Calendar, message: str) -> None:
    with pytest.raises(NeverOpen, match=message) if message else nullcontext():
        calendar.must_stay_open()


def test_working_time_far_away_is_found() -> None:
    one_hour_a_week = desk("09:00-10:00", days=[0], zone="UTC")
    monday = datetime(2026, 11, 2, 9, tzinfo=UTC)

    assert one_hour_a_week.add(monday, 5_200 * HOUR) == monday + 5_199 * 7 * DAY + HOUR


def test_working_time_does_not_run_backwards() -> None:
    with pytest.raises(ValueError, match="backwards"):
        OFFICE.add(wall("2026-11-02 12:00"), -MINUTE)


@pytest.mark.parametrize(
    "at",
    [
        datetime(1, 1, 1, tzinfo=UTC),
        datetime(9999, 12, 31, 23, tzinfo=ZoneInfo("America/New_York")),
        datetime(2200, 1, 1, tzinfo=UTC),
    ],
    ids=str,
)
def test_years_that_nobody_works_in_are_refused(at: datetime) -> None:
    with pytest.raises(OutOfReach, match="from 1900 to 2199"):
        OFFICE.add(at, HOUR)
    with pytest.raises(OutOfReach):
        list(OFFICE.intervals(at, at))


def test_an_instant_without_a_zone_is_a_bug() -> None:
    naive = datetime(2026, 11, 9, 12)  # noqa: DTZ001

    with pytest.raises(TypeError, match="no time zone"):
        OFFICE.is_open(naive)


WEEKLY = {"mon": [["09:00", "17:00"]]}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"zone": "Europe/Madird"}, 'zone: unknown zone "Europe/Madird", did you mean "Europe/Mad'),
        ({"zone": "Europe"}, 'zone: unknown zone "Europe"'),
        ({"zone": "../../etc/passwd"}, "zone: unknown zone"),
        ({"zone": ""}, 'zone: unknown zone ""'),
        ({"zone": None}, "zone: must be a text, not None"),
        ({"weekly": {}}, "weekly: no day has opening hours"),
        ({"weekly": {"mon": []}, "exceptions": {"2026-12-24": []}}, "weekly: no day has opening"),
        ({"weekly": [1]}, "weekly: must be an object"),
        ({"weekly": {"monday": []}}, 'weekly: unknown "monday"; did you mean "mon"?'),
        ({"weekly": {"mon": {}}}, "weekly.mon: must be a list"),
        ({"weekly": {"mon": [["09:00"]]}}, "weekly.mon[0]: a slot is two times of day"),
        ({"weekly": {"mon": [["9:00", "17:00"]]}}, 'weekly.mon[0]: "9:00" is not a time of day'),
        ({"weekly": {"mon": [["09:00", "24:30"]]}}, 'weekly.mon[0]: "24:30" is not a time of day'),
        ({"weekly": {"mon": [["٠٩:٠٠", "17:00"]]}}, "weekly.mon[0]: "),
        ({"weekly": {"mon": [["09:00", "09:00"]]}}, "weekly.mon[0]: opens and closes at 09:00"),
        ({"weekly": {"mon": [["24:00", "09:00"]]}}, "weekly.mon[0]: 24:00 can only close"),
        (
            {"weekly": {"mon": [["09:00", "13:00"], ["12:00", "17:00"]]}},
            "weekly.mon: 09:00–13:00 overlaps 12:00–17:00",
        ),
        (
            {"weekly": {"sun": [["22:00", "06:00"]], "mon": [["05:00", "12:00"]]}},
            "weekly.sun: 22:00–06:00 overlaps 05:00–12:00 of mon",
        ),
        (
            {"weekly": {"mon": [[f"{h:02}:{m}", f"{h:02}:{m}5"] for h in range(9) for m in "024"]}},
            "weekly.mon[0]",
        ),
        ({"holidays": {"2026-13-25": "?"}}, 'holidays: "2026-13-25" is not a date'),
        ({"holidays": {"2026-12-25": 7}}, "holidays.2026-12-25: must be a text, not 7"),
        ({"holidays": ["2026-12-25"]}, "holidays: must be an object"),
        ({"exceptions": {"2026-12-24": [["a", "b"]]}}, "exceptions.2026-12-24[0]: "),
        (
            {"exceptions": {"2026-12-24": [["09:00", "11:00"], ["10:00", "12:00"]]}},
            "exceptions.2026-12-24: 09:00–11:00 overlaps 10:00–12:00",
        ),
        ({"changes": [{"from": "2027-01-01"}]}, "changes[0]: weekly is missing"),
        ({"changes": [{"from": 7, "weekly": {}}]}, "changes[0].from: must be a text"),
        (
            {"changes": [{"from": "2027-01-01", "weekly": WEEKLY}] * 2},
            "changes[1].from: 2027-01-01 has a change already",
        ),
        (
            {"changes": [{"from": "2027-01-01", "weekly": {"tue": [["1", "2"]]}}]},
            "changes[0].weekly.tue[0]: ",
        ),
        ({"closures": {}}, 'calendar: unknown "closures"; there is zone, weekly, holidays'),
    ],
    ids=lambda value: value[:40] if isinstance(value, str) else "",
)
def test_a_bad_calendar_is_refused_by_the_name_of_the_field(
    change: dict[str, Any], message: str
) -> None:
    form = {"zone": "Europe/Madrid", "weekly": WEEKLY, **change}

    with pytest.raises((BadCalendar, NeverOpen)) as refused:
        Calendar.from_json(form)

    assert str(refused.value).startswith(message)


def test_a_day_has_a_bounded_number_of_slots() -> None:
    many = tuple(Slot(minute, minute + 1) for minute in range(0, 100, 2))

    with pytest.raises(BadCalendar, match=r"weekly\.mon: 50 slots; a day has 24 at most"):
        Calendar("UTC", {0: many})


def test_a_calendar_is_described_in_one_line() -> None:
    calendar = Calendar(
        "Europe/Madrid",
        {**{day: slots("09:00-13:00", "14:00-17:00") for day in range(4)}, 4: slots("22:00-06:00")},
        holidays={date(2026, 12, 25): "Christmas"},
        exceptions={date(2026, 12, 24): (), date(2026, 12, 31): slots("09:00-12:00")},
        changes={date(2027, 1, 1): {}, date(2027, 2, 1): {0: slots("10:00-11:00")}},
    )

    assert calendar.in_words() == (
        "Mon–Thu 09:00–13:00 and 14:00–17:00, Fri 22:00–06:00 (Europe/Madrid), "
        "1 holiday, 2 exceptions, from 2027-01-01 closed, from 2027-02-01 Mon 10:00–11:00"
    )
    assert ALWAYS.in_words() == "always open (UTC)"


# Against a clock that is walked.

ODD_DAYS = [
    ("Europe/Madrid", date(2026, 3, 29)),
    ("Europe/Madrid", date(2026, 10, 25)),
    ("Europe/Madrid", date(1943, 4, 17)),
    ("America/New_York", date(2026, 3, 8)),
    ("America/New_York", date(2026, 11, 1)),
    ("Australia/Lord_Howe", date(2026, 4, 5)),
    ("Australia/Lord_Howe", date(2026, 10, 4)),
    ("Africa/Casablanca", date(2026, 2, 15)),
    ("Africa/Casablanca", date(2026, 3, 22)),
    ("America/Havana", date(2026, 3, 8)),
    ("America/Havana", date(2026, 11, 1)),
    ("Asia/Beirut", date(2026, 3, 29)),
    ("America/St_Johns", date(2006, 10, 29)),
    ("Pacific/Apia", date(2011, 12, 30)),
    ("Pacific/Kiritimati", date(1994, 12, 31)),
    ("Pacific/Kiritimati", date(2027, 1, 1)),
    ("Pacific/Pago_Pago", date(2026, 12, 31)),
    ("Asia/Kathmandu", date(2026, 1, 1)),
]


@st.composite
def weeks(draw: st.DrawFn) -> dict[int, tuple[Slot, ...]]:
    """A weekly pattern cut at random minutes; nights, Sunday's too, run into the next day."""
    minutes = st.integers(0, 7 * 1440 - 1) | st.integers(0, 7 * 24 - 1).map(lambda hour: hour * 60)
    cuts = sorted(draw(st.sets(minutes, min_size=2, max_size=24)))
    if draw(st.booleans()):
        cuts = [*cuts[1:], cuts[0] + 7 * 1440]
    days: dict[int, tuple[Slot, ...]] = {}
    for opens, closes in zip(cuts[::2], cuts[1::2], strict=False):
        if closes - opens < 1440:
            day, minute = divmod(opens, 1440)
            days[day] = (*days.get(day, ()), Slot(minute, minute + closes - opens))
    return days


@st.composite
def calendars(draw: st.DrawFn) -> tuple[Calendar, datetime]:
    """A calendar with things that happen around an odd day of its zone, and that day."""
    zone, odd = draw(st.sampled_from(ODD_DAYS))
    near = st.integers(-3, 3).map(lambda days: odd + days * DAY)
    one_day = weeks().map(lambda week: week.get(0, ()))
    try:
        calendar = Calendar(
            zone,
            draw(weeks()),
            draw(st.dictionaries(near, st.sampled_from(["Feast", "Fast"]), max_size=2)),
            draw(st.dictionaries(near, one_day, max_size=2)),
            draw(st.dictionaries(near, weeks(), max_size=1)),
        )
    except NeverOpen:
        calendar = Calendar(zone, {2: (Slot(60, 600),)})
    return calendar, datetime(odd.year, odd.month, odd.day, tzinfo=UTC)


def walk(calendar: Calendar, a: datetime, b: datetime) -> Iterator[tuple[datetime, Kind, str]]:
    """What each minute of [a, b) is, from the rules as written, going from UTC to the wall only.

    The clock on the wall is one that waits when it is turned back: it shows a time as soon as
    that or a later one is reached, and never an earlier one again.
    """
    zone, shown = ZoneInfo(calendar.zone), datetime(1, 1, 1)  # noqa: DTZ001
    minute = a - 3 * DAY
    while minute < b:
        shown = max(shown, minute.astimezone(zone).replace(tzinfo=None, fold=0))
        if minute >= a:
            yield minute, *_what_it_is(calendar, shown)
        minute += MINUTE


def _what_it_is(calendar: Calendar, shown: datetime) -> tuple[Kind, str]:
    today = shown.date()
    if today in calendar.holidays and today not in calendar.exceptions:
        return Kind.HOLIDAY, calendar.holidays[today]
    for day in (today - DAY, today):
        pattern = calendar.weekly
        for begins_on in sorted(calendar.changes):
            pattern = calendar.changes[begins_on] if begins_on <= day else pattern
        minute = (shown - datetime(day.year, day.month, day.day)) // MINUTE  # noqa: DTZ001
        of_day = calendar.exceptions.get(day, pattern.get(day.weekday(), ()))
        if any(slot.opens <= minute < slot.closes for slot in of_day):
            return Kind.OPEN, ""
    return Kind.CLOSED, ""


@given(calendars(), st.integers(-2 * 1440, 1440), st.integers(1, 3 * 1440), st.data())
@settings(deadline=None, max_examples=120, suppress_health_check=[HealthCheck.too_slow])
def test_every_minute_is_what_a_walked_clock_finds(
    drawn: tuple[Calendar, datetime], offset: int, length: int, data: st.DataObject
) -> None:
    calendar, odd = drawn
    a = odd + offset * MINUTE
    b = a + length * MINUTE

    minutes = list(walk(calendar, a, b))

    runs = [list(run) for _, run in groupby(minutes, key=lambda minute: minute[1:])]
    assert list(calendar.intervals(a, b)) == [
        Interval(run[0][0], run[-1][0] + MINUTE, *run[0][1:]) for run in runs
    ]
    worked = [minute for minute, kind, _ in minutes if kind is Kind.OPEN]
    assert calendar.open_between(a, b) == len(worked) * MINUTE
    if worked:
        place = data.draw(st.integers(0, len(worked) - 1))
        assert calendar.add(a, (place + 1) * MINUTE) == worked[place] + MINUTE
        assert calendar.is_open(worked[place])


SPANS = st.timedeltas(timedelta(0), 40 * DAY)


@given(calendars(), SPANS, SPANS, SPANS)
@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow])
def test_working_time_adds_up(
    drawn: tuple[Calendar, datetime], before: timedelta, first: timedelta, second: timedelta
) -> None:
    calendar, odd = drawn
    a = odd - before
    b = a + first
    c = b + second

    total = calendar.open_between(a, c)
    assert calendar.open_between(a, b) + calendar.open_between(b, c) == total
    assert total <= c - a
    tiles = list(calendar.intervals(a, c))
    assert all(left.end == right.start for left, right in pairwise(tiles))
    assert all(left[2:] != right[2:] for left, right in pairwise(tiles))
    assert sum((t.end - t.start for t in tiles), timedelta(0)) == c - a
    assert sum((t.end - t.start for t in tiles if t.kind is Kind.OPEN), timedelta(0)) == total


@given(calendars(), SPANS, SPANS, SPANS)
@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow])
def test_the_moment_found_is_the_earliest_after_that_much_work(
    drawn: tuple[Calendar, datetime], before: timedelta, worked: timedelta, more: timedelta
) -> None:
    calendar, odd = drawn
    t = odd - before
    try:
        due = calendar.add(t, worked + more)
    except NeverOpen:
        return  # It was checked above that only calendars that stop opening say so.

    halfway = calendar.add(t, worked)
    assert t <= halfway <= due
    assert calendar.open_between(t, due) == worked + more
    assert calendar.add(halfway, more) == due
    if worked + more:
        assert calendar.is_open(due - timedelta(microseconds=1))
    assert calendar.add(t + more, worked) >= halfway


@given(calendars())
@settings(deadline=None)
def test_a_calendar_that_is_stored_comes_back_equal(drawn: tuple[Calendar, datetime]) -> None:
    calendar, _ = drawn

    again = Calendar.from_json(calendar.as_json())

    assert again == calendar
    assert hash(again) == hash(calendar)
