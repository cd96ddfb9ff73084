"""The third door: what is due is found by index, moved in turn, and can be foreseen."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import select, text

from graph.due import ABOVE
from intake import clock
from intake.db import new_id
from intake.entitlements import Entitlement, State
from intake.events import Delivery, Event
from intake.sla import KpiInstance, KpiState
from intake.sla.rehearsing import live_in
from tests.desk import NOON, DeskUnderTest, email
from tests.plans import plan
from tests.promised import has_sla, item, open_case, tick
from tests.test_cli import deskbell

HOUR = timedelta(hours=1)
MAIL = {"on": "failure", "do": "mail", "to": ["x@desk.example"], "subject": "Late", "text": "!"}
__all__ = ["deskbell"]


def test_due_clocks_are_found_by_the_index_of_what_is_due(desk: DeskUnderTest) -> None:
    [clocks] = [work for work in clock.WORK if work.name == "clocks"]

    found = plan(desk, clocks.due(desk.settings, NOON).order_by(KpiInstance.next_at).limit(200))

    assert "ix_kpi_instances_due" in found
    assert "TEMP B-TREE" not in found, "read in order, so that a batch reads no more than itself"
    assert "Sort" not in found


def test_a_change_of_hours_looks_through_live_clocks_only(desk: DeskUnderTest) -> None:
    found = plan(desk, select(KpiInstance.id).where(live_in(new_id())))

    assert "ix_kpi_instances_live" in found


def test_the_index_of_what_is_due_holds_nothing_that_has_ended(desk: DeskUnderTest) -> None:
    has_sla(desk, item(fail=60))
    desk.accepts(*(email(sender=f"c{n}@example.com") for n in range(5)))

    tick(desk, NOON + HOUR)

    assert {i.next_at for i in desk.all(KpiInstance)} == {None}


def test_every_kind_of_due_work_is_found_by_an_index(desk: DeskUnderTest) -> None:
    settings = replace(
        desk.settings, keep_filtered_days=1, keep_closed_mail_days=1, keep_sent_days=1,
        keep_calls_days=1,
    )  # fmt: skip

    for work in (*clock.WORK, *ABOVE):
        found = plan(desk, work.due(settings, NOON).limit(1), bitmaps=True)
        scans = re.findall(r"(?:SCAN|Seq Scan on) (\w+)\b(?! USING)", found)
        # Few rows, whatever the history.
        assert {*scans} <= {"automation_rules", "automation_position"}, f"{work.name}: {found}"


def test_a_kind_of_due_work_is_one_line(desk: DeskUnderTest) -> None:
    names = [work.name for work in clock.WORK]

    moved = tick(desk, NOON)

    assert list(moved.moved) == names
    assert len(names) == len(set(names))


def test_looking_ahead_shows_all_and_changes_nothing(desk: DeskUnderTest) -> None:
    account = desk.has_customer().account_id
    desk.has_entitlement(account, total=1, ends_on=date(2026, 3, 3))
    has_sla(desk, item(fail=60, warn=30, actions=[MAIL]))
    open_case(desk)
    before = desk.count(Event), desk.count(Delivery)

    with desk.transaction() as session:
        seen = clock.foresee(session, desk.settings, at=NOON + 48 * HOUR)
        said = [clock.in_words(row) for row in seen]
        session.rollback()

    assert (desk.count(Event), desk.count(Delivery)) == before
    assert [i.state for i in desk.all(KpiInstance)] == [KpiState.IN_PROGRESS]
    assert [e.state for e in desk.all(Entitlement)] == [State.ACTIVE]
    assert said == [
        "sla.nearing case 1001: kpi resolve by, due_at 2026-03-02T12:30:00+00:00",
        "sla.noncompliant case 1001: kpi resolve by, due_at 2026-03-02T13:00:00+00:00",
        "email sla to x@desk.example: Late",
        said[3],
    ]
    assert said[3].startswith("entitlement.expired")


def test_looking_ahead_tells_what_a_later_failure_overtakes(desk: DeskUnderTest) -> None:
    warn = {**MAIL, "on": "warning"}
    has_sla(desk, item(fail=60, warn=30, actions=[warn]))
    open_case(desk)

    with desk.transaction() as session:
        later = NOON + 48 * HOUR
        passing = clock.foresee(session, desk.settings, at=later, since=NOON)
        session.rollback()
    with desk.transaction() as session:
        after_a_pause = clock.foresee(session, desk.settings, at=later)
        session.rollback()

    assert [row.kind for row in passing] == ["sla.nearing", "warning", "sla.noncompliant"]
    assert NOON + HOUR / 2 <= passing[0].at <= NOON + HOUR  # type: ignore[union-attr]
    assert [row.kind for row in after_a_pause] == ["sla.nearing", "sla.noncompliant"]


def test_a_batch_leaves_the_rest_to_the_next_tick(desk: DeskUnderTest) -> None:
    has_sla(desk, item(fail=60))
    desk.accepts(*(email(sender=f"c{n}@example.com") for n in range(clock.BATCH + 1)))

    first, second = (tick(desk, NOON + HOUR) for _ in range(2))

    assert (first.moved["clocks"], first.more) == (clock.BATCH, True)
    assert (second.moved["clocks"], second.more) == (1, False)


def test_a_case_that_somebody_holds_is_left_for_the_next_tick(
    request: pytest.FixtureRequest,
) -> None:
    from intake.db import Database
    from tests.conftest import fresh_postgres

    db = Database(fresh_postgres(request.getfixturevalue("postgres_url")))
    desk = DeskUnderTest(db)
    has_sla(desk, item(fail=60))
    desk.accepts(email(), email(sender="bob@example.com"))

    with desk.transaction() as agent:
        agent.execute(text("SELECT 1 FROM cases WHERE number = 1001 FOR UPDATE"))
        held = tick(desk, NOON + HOUR).moved["clocks"]
    free = tick(desk, NOON + HOUR).moved["clocks"]
    db.close()

    assert (held, free) == (1, 1)


def test_the_command_shows_what_would_happen(deskbell: Any) -> None:
    deskbell("db", "upgrade")

    ahead = deskbell("clock", "--at", "2030-01-01T00:00+01:00", "--dry-run")

    assert "0 things would happen by 2029-12-31 23:00 UTC" in ahead
    assert "not yet" in deskbell("clock", "--at", "2099-01-01", code=1)
    assert "--at: 'tomorrow' is not an instant" in deskbell("clock", "--at", "tomorrow", code=1)
    assert "0 things happened" in deskbell("clock")
