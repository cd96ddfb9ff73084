"""Promises that count from a date of the desk's own, on both databases."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from intake import work
from intake.agents import SYSTEM, Principal, Role
from intake.fields import FieldKind, custom
from intake.sla import From, Kpi, KpiState, SlaItem, activation, defining, with_items
from intake.sla.checking import NotAnSla
from tests.desk import NOON, DeskUnderTest
from tests.office import Office
from tests.promised import OFFICE, clocks, has_sla, item, march, open_case, the_clock

HOUR = timedelta(hours=1)
MADRID = OFFICE | {"zone": "Europe/Madrid"}


@pytest.fixture
def ada(desk: DeskUnderTest) -> Principal:
    for key, kind in (
        ("install_at", FieldKind.INSTANT),
        ("installed_on", FieldKind.DAY),
        ("seats", FieldKind.NUMBER),
        ("gone_on", FieldKind.DAY),
    ):
        has_field(desk, key, kind)
    with desk.transaction() as session:
        custom.archive_field(session, SYSTEM, "gone_on", at=NOON)
    return desk.principal("Ada", Role.ADMINISTRATOR)


def has_field(desk: DeskUnderTest, key: str, kind: FieldKind) -> None:
    label = key.replace("_", " ").capitalize()
    with desk.transaction() as session:
        custom.add_field(session, SYSTEM, key=key, label=label, kind=kind, at=NOON)


def counted(field: str, **more: Any) -> SlaItem:
    return item(applicable_from=From.DATE_FIELD, from_field=field, **more)


def says(desk: DeskUnderTest, by: Principal, case_id: UUID, **said: object) -> None:
    named = {name.replace("__", "."): value for name, value in said.items()}
    with desk.transaction() as session:
        work.change_fields(session, by, case_id, named, desk=desk.settings, at=NOON)


def test_a_clock_counts_from_the_instant_of_a_field_and_moves_with_it(
    desk: DeskUnderTest, ada: Principal
) -> None:
    has_sla(desk, counted("instant.install_at", fail=60))
    case_id = open_case(desk)
    assert clocks(desk) == []

    deadlines = []
    for day in (5, 9, None):
        said = march(day, 10).isoformat() if day else None
        says(desk, ada, case_id, instant__install_at=said)
        deadlines.append(desk.case(1001).deadline_at)

    assert deadlines == [march(5, 11), march(9, 11), None]
    assert [clock.state for clock in clocks(desk)] == [KpiState.CANCELLED]


@pytest.mark.parametrize(
    ("day", "hours", "began", "due"),
    [
        # Madrid is an hour ahead of UTC until 29 March.
        ("2026-03-05", MADRID, march(4, 23), march(5, 9)),
        ("2026-03-07", MADRID, march(6, 23), march(9, 9)),
        ("2026-03-30", MADRID, march(29, 22), march(30, 8)),
        ("2026-03-07", None, march(7, 0), march(7, 1)),
    ],
    ids=["a working day", "a saturday", "in summer", "around the clock"],
)
def test_a_day_begins_at_its_midnight_in_the_zone_of_the_hours(
    desk: DeskUnderTest,
    ada: Principal,
    day: str,
    hours: dict[str, Any] | None,
    began: datetime,
    due: datetime,
) -> None:
    has_sla(desk, counted("day.installed_on", fail=60), hours=hours)

    says(desk, ada, open_case(desk), day__installed_on=day)

    assert (the_clock(desk).started_at, the_clock(desk).fail_at) == (began, due)


def test_a_date_beyond_every_calendar_promises_nothing(desk: DeskUnderTest, ada: Principal) -> None:
    has_sla(desk, counted("day.installed_on"), item(Kpi.RESOLVE_BY, fail=60))
    case_id = open_case(desk)

    for day in ("0001-01-01", "9999-12-31"):
        says(desk, ada, case_id, day__installed_on=day)

        assert the_clock(desk).started_at == NOON  # by the item below it


@pytest.mark.parametrize(
    ("start", "field", "why"),
    [
        (From.DATE_FIELD, None, "no date is asked in “”; there is instant.install_at"),
        (From.DATE_FIELD, "day.install_at", "no date is asked in “day.install_at”"),
        (From.DATE_FIELD, "number.seats", "no date is asked in “number.seats”"),
        (From.DATE_FIELD, "day.gone_on", "no date is asked in “day.gone_on”"),
        (From.CREATED, "day.installed_on", "only what counts from a “date field” has one"),
        (None, "day.installed_on", "only what counts from a “date field” has one"),
    ],
)
def test_a_field_without_a_date_is_refused_by_its_name(
    desk: DeskUnderTest, ada: Principal, start: From | None, field: str | None, why: str
) -> None:
    wrong = item(applicable_from=start, from_field=field)

    with pytest.raises(NotAnSla, match=why) as refused, desk.transaction() as session:
        activation.draft(session, ada, "Gold", [wrong], at=NOON)

    assert str(refused.value).startswith("items[0].from_field: ")


def test_a_field_that_is_retired_after_the_draft_is_refused_when_it_is_activated(
    desk: DeskUnderTest, ada: Principal
) -> None:
    with desk.transaction() as session:
        draft = activation.draft(session, ada, "Gold", [counted("day.installed_on")], at=NOON)
        custom.archive_field(session, SYSTEM, "installed_on", at=NOON)

    with pytest.raises(NotAnSla, match=r"“day\.installed_on”"), desk.transaction() as session:
        activation.activate(session, ada, draft.id, at=NOON)


def test_a_kpi_may_count_from_a_field_and_its_items_with_it(
    desk: DeskUnderTest, ada: Principal
) -> None:
    with desk.transaction() as session:
        define = {"applicable_from": From.DATE_FIELD, "pauses": None, "at": NOON}
        with pytest.raises(NotAnSla, match=r"^from_field: no date is asked"):
            defining.define(session, ada, Kpi.RESOLVE_BY, from_field="number.seats", **define)
        defining.define(session, ada, Kpi.RESOLVE_BY, from_field="day.installed_on", **define)
        items = [item(), item(applicable_from=From.CREATED)]
        draft = activation.draft(session, ada, "Gold", items, at=NOON)
        activation.activate(session, ada, draft.id, at=NOON)
        revised = activation.revise(session, ada, draft.id, at=NOON)

    with desk.db.reading() as session:
        said = [(each.starts_from, each.from_field) for each in with_items(session, draft.id).items]
        again = with_items(session, revised.id).items[0]
    assert said == [(From.DATE_FIELD, "day.installed_on"), (From.CREATED, None)]
    assert (again.applicable_from, again.from_field) == (None, None)


def test_a_field_is_named_in_graphql(desk: DeskUnderTest, ada: Principal) -> None:
    office = Office(desk)
    act = """mutation ($items: [SlaItemInput!]!) { draftSla(name: "Gold", items: $items) {
        ... on SlaChanged { sla { items { startsFrom fromField } } }
        ... on WrongInput { field } } }"""
    clause = {"kpi": "RESOLVE_BY", "failAfterMinutes": 60, "startsFrom": "DATE_FIELD"}
    by = desk.has_agent("Bo", Role.ADMINISTRATOR)

    wrong, done = (
        office.asks(act, by=by, items=[clause | {"fromField": field}])["draftSla"]
        for field in ("day.nope", "day.installed_on")
    )

    assert wrong == {"field": "items[0].fromField"}
    assert done["sla"]["items"] == [{"startsFrom": "DATE_FIELD", "fromField": "day.installed_on"}]
