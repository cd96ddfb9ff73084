"""Figures over all cases: what they count, and for whom."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from intake import clock, reports, work
from intake.agents import SYSTEM, Role
from intake.cases import State
from intake.reports import Share, SlaWeek
from tests.desk import DESK, NOON, DeskUnderTest, email

MONDAY = NOON.date()


def weeks(desk: DeskUnderTest, count: int, at: datetime, zone: str = "UTC") -> list[SlaWeek]:
    with desk.db.reading() as session:
        return reports.sla_weeks(session, SYSTEM, weeks=count, at=at, zone=zone)


def test_the_case_summary_counts_by_state_and_channel(desk: DeskUnderTest) -> None:
    grace = desk.principal()
    desk.accepts(
        *[email(f"a{n}@example.com") for n in range(5)], email("b@x.example", channel="web")
    )
    with desk.transaction() as session:
        for number in (1001, 1002):
            work.resolve(session, grace, desk.case(number).id, "", desk=desk.settings, at=NOON)

    with desk.db.reading() as session:
        shares = reports.case_summary(session, SYSTEM)

    assert shares == [
        Share(State.ACTIVE, "email", 3, 50.0),
        Share(State.ACTIVE, "web", 1, 16.7),
        Share(State.RESOLVED, "email", 2, 33.3),
    ]


def test_a_desk_without_cases_has_an_empty_summary(desk: DeskUnderTest) -> None:
    with desk.db.reading() as session:
        assert reports.case_summary(session, SYSTEM) == []
    assert weeks(desk, 1, NOON) == [
        SlaWeek(MONDAY, near_deadline=0, in_time=0, in_work=0, missed=0, without=0)
    ]


def test_each_case_counts_once_in_the_week_it_was_opened_by_its_worst_clock(
    desk: DeskUnderTest,
) -> None:
    grace = desk.principal(role=Role.MANAGER)
    desk.accepts(email("nobody@promised.example", "without", at=NOON - timedelta(days=7)))
    desk.has_sla(first_response=timedelta(hours=4), resolve_by=timedelta(hours=8))
    desk.accepts(
        email("a@x.example", "missed", at=NOON - timedelta(days=7)),
        email("b@x.example", "in time"),
        email("c@x.example", "near", at=NOON + timedelta(hours=1)),
        email("d@x.example", "in work", at=NOON + timedelta(hours=4)),
    )
    with desk.transaction() as session:
        done = desk.case(1003).id
        work.reply(session, grace, done, "Yes", desk=desk.settings, at=NOON)
        work.resolve(session, grace, done, "", desk=desk.settings, at=NOON)
    now = NOON + timedelta(hours=4, minutes=30)
    with desk.transaction() as session:
        clock.tick(session, desk.settings, at=now)

    assert weeks(desk, 3, now) == [
        SlaWeek(date(2026, 2, 16), near_deadline=0, in_time=0, in_work=0, missed=0, without=0),
        SlaWeek(date(2026, 2, 23), near_deadline=0, in_time=0, in_work=0, missed=1, without=1),
        SlaWeek(MONDAY, near_deadline=1, in_time=1, in_work=1, missed=0, without=0),
    ]


def test_a_week_begins_on_monday_midnight_of_the_desk(desk: DeskUnderTest) -> None:
    sunday_evening = datetime(2026, 3, 1, 23, 30, tzinfo=UTC)  # Monday already in Madrid
    desk.accepts(email(at=sunday_evening))

    in_utc = weeks(desk, 2, NOON)
    in_madrid = weeks(desk, 2, NOON, zone="Europe/Madrid")

    assert [week.without for week in in_utc] == [1, 0]
    assert [week.without for week in in_madrid] == [0, 1]


def test_figures_leave_out_what_who_asks_may_not_see(desk: DeskUnderTest) -> None:
    desk.has_queue("Secret", members=(desk.has_agent("Linus"),), address="secret@desk.example")
    desk.accepts(email("a@x.example"), email("b@x.example", mailbox="secret@desk.example"))
    outside = desk.principal("Grace")

    with desk.db.reading() as session:
        shares = reports.case_summary(session, outside)
        [week] = reports.sla_weeks(session, outside, weeks=1, at=NOON, zone="UTC")

    assert [share.count for share in shares] == [1]
    assert week.without == 1


def test_a_case_that_was_corrected_counts_by_the_promise_that_holds_now(
    desk: DeskUnderTest,
) -> None:
    grace = desk.principal(role=Role.MANAGER)
    desk.has_sla(first_response=timedelta(hours=1))
    gold = desk.has_sla(first_response=timedelta(hours=8), name="Gold", is_default=False)
    desk.accepts(email("held@x.example"), email("gold@x.example"), email("spam@x.example"))
    held, corrected, spam = (desk.case(number).id for number in (1001, 1002, 1003))
    with desk.transaction() as session:
        work.hold(session, grace, held, at=NOON)
        work.cancel(session, grace, spam, "spam", desk=DESK, at=NOON)
    with desk.transaction() as session:
        clock.tick(session, desk.settings, at=NOON + timedelta(hours=2))
    [before] = weeks(desk, 1, NOON)

    with desk.transaction() as session:
        later = NOON + timedelta(hours=2)
        work.choose_sla(session, grace, corrected, gold.id, at=later)
    [after] = weeks(desk, 1, NOON)

    assert (before.in_work, before.missed, before.without) == (1, 1, 1)
    assert (after.in_work, after.missed, after.without) == (2, 0, 1)


def test_a_case_that_is_worked_on_is_not_resolved_in_time_however_soon_it_was_answered(
    desk: DeskUnderTest,
) -> None:
    grace = desk.principal()
    desk.has_sla(first_response=timedelta(hours=4))
    desk.accepts(email("a@x.example"), email("b@x.example"), email("c@x.example"))
    with desk.transaction() as session:
        for number in (1001, 1002):
            case = desk.case(number).id
            work.reply(session, grace, case, "Hello", desk=desk.settings, at=NOON)
        work.resolve(session, grace, case, "", desk=desk.settings, at=NOON)

    # Nothing moved the clock of the third one since.
    assert weeks(desk, 1, NOON + timedelta(hours=5)) == [
        SlaWeek(MONDAY, near_deadline=0, in_time=1, in_work=1, missed=1, without=0)
    ]
