"""Hours and SLAs change under running clocks: first shown, then done for all or for new cases."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from intake import sla, work
from intake.agents import NotAllowed, Principal, Role
from intake.calendars import BadCalendar
from intake.db import Database, new_id
from intake.sla import (
    Kpi,
    KpiState,
    ServiceCalendar,
    Sla,
    SlaItem,
    activation,
    changing,
    rehearsing,
)
from intake.sla.changing import Scope
from intake.sla.explaining import Stretch, explain
from intake.sla.rehearsing import Move
from tests.desk import NOON, DeskUnderTest
from tests.promised import OFFICE, clocks, has_sla, item, march, open_case, the_clock, tick, told
from tests.test_cli import deskbell

__all__ = ["deskbell"]
HOUR = timedelta(hours=1)
HOLIDAY = OFFICE | {"holidays": {"2026-03-03": "Carnival"}}


@pytest.fixture
def ada(desk: DeskUnderTest) -> Principal:
    return desk.principal("Ada", Role.ADMINISTRATOR)


def hours_of(desk: DeskUnderTest) -> UUID:
    [found] = [each for each in desk.all(ServiceCalendar) if each.current_id is None]
    return found.id


def rehearsed(desk: DeskUnderTest, hours: dict[str, Any]) -> list[Move]:
    with desk.db.reading() as session:
        return list(rehearsing.moved_by_hours(session, hours_of(desk), hours, at=march(2, 16)))


def changed(desk: DeskUnderTest, by: Principal, hours: dict[str, Any], scope: Scope) -> int:
    calendar_id = hours_of(desk)
    with desk.transaction() as session:
        return changing.change_hours(session, by, calendar_id, hours, scope, at=march(2, 16))


def test_a_rehearsal_lists_each_deadline_that_would_move_and_moves_none(
    desk: DeskUnderTest, ada: Principal
) -> None:
    has_sla(desk, item(fail=240), item(Kpi.FIRST_RESPONSE, fail=60), hours=OFFICE)
    open_case(desk, at=march(2, 15))
    held = open_case(desk, at=march(2, 15))
    with desk.transaction() as session:
        work.hold(session, ada, held, at=march(2, 15, 30))

    moves = rehearsed(desk, HOLIDAY)

    assert moves == [Move(1001, Kpi.RESOLVE_BY, march(3, 11), march(4, 11))]
    assert the_clock(desk, Kpi.RESOLVE_BY).fail_at == march(3, 11)


def test_a_change_for_all_moves_what_the_rehearsal_said(
    desk: DeskUnderTest, ada: Principal
) -> None:
    has_sla(desk, item(fail=240), item(Kpi.FIRST_RESPONSE, fail=30, warn=15), hours=OFFICE)
    open_case(desk, at=march(2, 15))
    [foreseen] = rehearsed(desk, HOLIDAY)

    changed(desk, ada, HOLIDAY, Scope.ALL)

    assert the_clock(desk, Kpi.RESOLVE_BY).fail_at == foreseen.becomes
    assert desk.case(1001).deadline_at == foreseen.becomes
    late = the_clock(desk, Kpi.FIRST_RESPONSE)
    assert (late.state, late.failed_at) == (KpiState.NONCOMPLIANT, march(2, 15, 30))
    tick(desk, march(2, 16))
    assert told(desk) == ["sla.nearing", "sla.noncompliant"]


def test_a_change_for_new_cases_leaves_running_clocks_in_the_hours_they_started_in(
    desk: DeskUnderTest, ada: Principal
) -> None:
    has_sla(desk, item(fail=240), hours=OFFICE)
    case_id = open_case(desk, at=march(2, 15))

    changed(desk, ada, HOLIDAY, Scope.NEW)
    with desk.transaction() as session:
        work.hold(session, ada, case_id, at=march(2, 16))
    with desk.transaction() as session:
        work.resume(session, ada, case_id, at=march(2, 16, 30))
    open_case(desk, at=march(2, 16))

    assert desk.case(1001).deadline_at == march(3, 11, 30)
    assert desk.case(1002).deadline_at == march(4, 12)
    versions = {each.version: each.current_id is None for each in desk.all(ServiceCalendar)}
    assert versions == {1: False, 2: True}


@pytest.mark.parametrize("scope", Scope)
def test_a_clock_that_ended_is_explained_by_the_hours_it_counted_in(
    desk: DeskUnderTest, ada: Principal, scope: Scope
) -> None:
    has_sla(desk, item(fail=60), hours=OFFICE)
    open_case(desk, at=march(2, 14))
    tick(desk, march(2, 15))

    changed(desk, ada, OFFICE | {"holidays": {"2026-03-02": "After the fact"}}, scope)

    said = explain(the_clock(desk), [], march(2, 16))
    assert said.total(Stretch.COUNTING) == HOUR
    assert the_clock(desk).failed_at == march(2, 15)


def test_hours_that_cannot_be_read_change_nothing(desk: DeskUnderTest, ada: Principal) -> None:
    has_sla(desk, item(fail=60), hours=OFFICE)
    twice = OFFICE | {"weekly": {"mon": [["09:00", "12:00"], ["11:00", "17:00"]]}}

    for try_it in (lambda: rehearsed(desk, twice), lambda: changed(desk, ada, twice, Scope.ALL)):
        with pytest.raises(BadCalendar, match=r"weekly\.mon"):
            try_it()

    assert [each.version for each in desk.all(ServiceCalendar)] == [1]


def test_only_administrators_change_hours(desk: DeskUnderTest) -> None:
    has_sla(desk, item(fail=60), hours=OFFICE)

    with pytest.raises(NotAllowed):
        changed(desk, desk.principal("Grace"), HOLIDAY, Scope.ALL)


def next_version(desk: DeskUnderTest, by: Principal, first: Sla, *items: SlaItem) -> Sla:
    with desk.transaction() as session:
        draft = activation.revise(session, by, first.id, at=NOON)
        return activation.rewrite(session, by, draft.id, items, at=NOON)


def test_a_new_version_is_rehearsed_and_adopted_by_running_cases(
    desk: DeskUnderTest, ada: Principal
) -> None:
    first = has_sla(desk, item(fail=240), item(Kpi.FIRST_RESPONSE, fail=60))
    case_id = open_case(desk)
    with desk.transaction() as session:
        work.hold(session, ada, case_id, at=NOON)
    with desk.transaction() as session:
        work.resume(session, ada, case_id, at=NOON + 0.25 * HOUR)
    tick(desk, NOON + 2 * HOUR)
    draft = next_version(desk, ada, first, item(fail=180), item(Kpi.FIRST_RESPONSE, fail=600))

    with desk.transaction() as session:
        moves = rehearsing.moved_by_version(session, draft.id, at=NOON + 2 * HOUR)
    untouched = desk.case(1001).deadline_at, len(clocks(desk))
    with desk.transaction() as session:
        adopted = changing.put_in_force(session, ada, draft.id, Scope.ALL, at=NOON + 2 * HOUR)

    expected = Move(1001, Kpi.RESOLVE_BY, NOON + 4.25 * HOUR, NOON + 3.25 * HOUR)
    assert (moves, untouched, adopted) == ([expected], (NOON + 4.25 * HOUR, 2), 1)
    assert desk.case(1001).deadline_at == NOON + 3.25 * HOUR
    assert the_clock(desk, Kpi.FIRST_RESPONSE).state is KpiState.NONCOMPLIANT
    assert desk.case(1001).sla_id == draft.id
    assert sla.SlaState.ACTIVE in {each.state for each in desk.all(Sla)}


def test_public_holidays_are_added_by_command(tmp_path: Path, deskbell: Any) -> None:
    deskbell("db", "upgrade")
    db = Database(f"sqlite:///{next(tmp_path.rglob('*.db'))}")
    with db.transaction() as session:
        session.add(ServiceCalendar(id=new_id(), name="Madrid", hours=OFFICE))

    ahead = deskbell("calendar", "holidays", "Madrid", "--country", "ES", "--dry-run")
    between = deskbell("calendar", "list")
    deskbell("calendar", "holidays", "Madrid", "--country", "ES", "--region", "MD")
    after = deskbell("calendar", "list")

    assert re.search(r"\d\d holidays would be added; 0 deadlines", ahead)
    assert "holidays" not in between
    assert re.search(r"Madrid: Mon–Fri 09:00–17:00 \(UTC\), \d\d holidays", after)
    assert "unknown country" in deskbell(
        "calendar", "holidays", "Madrid", "--country", "EZ", code=1
    )
    assert "there is “Madrid”" in deskbell(
        "calendar", "holidays", "Lisbon", "--country", "PT", code=1
    )
    db.close()
