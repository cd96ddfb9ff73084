"""The hours in which a customer is served: clocks count in them, and days begin and end by them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from intake import agree, clock, covering, sla
from intake.agents import Principal, Role
from intake.cases import Case
from intake.contracts import LineTerms, Terms
from intake.db import new_id
from intake.entitlements import Entitlement, State
from intake.messages import Automatic
from intake.sla import KpiInstance, KpiState, ServiceCalendar
from intake.sla.changing import Scope, change_hours
from tests.desk import NOON, DeskUnderTest, email

DAY = {"zone": "UTC", "weekly": {"mon": [["09:00", "17:00"]], "tue": [["09:00", "17:00"]]}}
EVENING = {"zone": "UTC", "weekly": {"mon": [["18:00", "22:00"]], "tue": [["18:00", "22:00"]]}}


@pytest.fixture
def boss(desk: DeskUnderTest) -> Principal:
    return desk.principal("Marta", Role.MANAGER)


@pytest.fixture
def evening(desk: DeskUnderTest) -> ServiceCalendar:
    calendar = ServiceCalendar(id=new_id(), name="Evenings", hours=EVENING)
    with desk.transaction() as session:
        session.add(calendar)
    return calendar


def deadlines(desk: DeskUnderTest) -> list[datetime | None]:
    found = [i for i in desk.all(KpiInstance) if i.state is not KpiState.CANCELLED]
    return [instance.fail_at for instance in found]


def test_the_clocks_of_a_contracts_cases_count_in_its_covered_hours(
    desk: DeskUnderTest, boss: Principal, evening: ServiceCalendar
) -> None:
    desk.has_sla(first_response=timedelta(hours=2), hours=DAY)
    terms = Terms(
        name="Evening care", starts_on=NOON.date(), ends_on=date(2026, 12, 31), currency="EUR",
        account_id=desk.has_customer().account_id, bill_to="Main St 1", calendar_id=evening.id,
    )  # fmt: skip
    with desk.transaction() as session:
        made = agree.draft(
            session, boss, terms, LineTerms("Cases", total=5), desk=desk.settings, at=NOON
        )
        agree.invoice(session, boss, made.id, desk=desk.settings, at=NOON)

    desk.accepts(email())
    desk.accepts(email("else@other.example"))

    assert deadlines(desk) == [NOON.replace(hour=20), NOON.replace(hour=14)]
    with desk.db.reading() as session:
        [case, _other] = desk.all(Case)
        [instance] = sla.of_case(session, case)
        said = sla.explain(instance, [], NOON).sentence
    assert said.startswith("0 min of 2 h counted in the covered hours, “Evenings”")


def test_a_case_that_changes_its_entitlement_changes_its_hours_and_back(
    desk: DeskUnderTest, boss: Principal, evening: ServiceCalendar
) -> None:
    desk.has_sla(first_response=timedelta(hours=2), hours=DAY)
    plan = desk.has_entitlement(desk.has_customer().account_id, total=5, calendar_id=evening.id)
    desk.accepts(email())
    [case] = desk.all(Case)
    seen = deadlines(desk)

    for entitlement_id in (None, plan.id):
        with desk.transaction() as session:
            covering.set_entitlement(
                session, boss, case.id, entitlement_id, desk=desk.settings, at=NOON
            )
        seen += deadlines(desk)

    assert seen == [NOON.replace(hour=20), NOON.replace(hour=14), NOON.replace(hour=20)]


def test_hours_that_changed_for_new_cases_only_stay_with_a_clock_that_runs(
    desk: DeskUnderTest, evening: ServiceCalendar
) -> None:
    root = desk.principal("Root", Role.ADMINISTRATOR)
    desk.has_sla(first_response=timedelta(hours=2))
    desk.has_entitlement(desk.has_customer().account_id, total=5, calendar_id=evening.id)
    desk.accepts(email())
    [case] = desk.all(Case)

    with desk.transaction() as session:
        change_hours(session, root, evening.id, DAY | {"zone": "Asia/Tokyo"}, Scope.NEW, at=NOON)
    with desk.transaction() as session:
        held = session.get_one(Case, case.id)
        sla.reconsider(session, held, at=NOON)

    assert deadlines(desk) == [NOON.replace(hour=20)]
    [plan] = desk.all(Entitlement)
    assert plan.zone == "Asia/Tokyo"


def test_a_case_that_gains_an_entitlement_is_promised_what_it_brings(
    desk: DeskUnderTest, boss: Principal
) -> None:
    premium = desk.has_sla(first_response=timedelta(hours=1), name="Premium", is_default=False)
    ada = desk.has_customer()
    desk.accepts(email())
    [case] = desk.all(Case)
    none = deadlines(desk)
    plan = desk.has_entitlement(ada.account_id, total=5, sla_id=premium.id)

    with desk.transaction() as session:
        covering.set_entitlement(session, boss, case.id, plan.id, desk=desk.settings, at=NOON)

    assert none == []
    assert deadlines(desk) == [NOON + timedelta(hours=1)]
    assert desk.case(case.number).sla_id == premium.id


def test_a_machines_case_is_promised_nothing_also_when_it_gains_an_entitlement(
    desk: DeskUnderTest, boss: Principal
) -> None:
    premium = desk.has_sla(name="Premium", is_default=False)
    ada = desk.has_customer()
    desk.accepts(email(automatic=Automatic.AUTO_REPLY))
    [case] = desk.all(Case)
    plan = desk.has_entitlement(ada.account_id, total=5, sla_id=premium.id)

    with desk.transaction() as session:
        covering.set_entitlement(session, boss, case.id, plan.id, desk=desk.settings, at=NOON)

    assert deadlines(desk) == []


@pytest.mark.parametrize(
    ("zone", "begins"),
    [
        ("", datetime(2026, 3, 9, 23, 0, tzinfo=UTC)),  # the desk is in Madrid
        ("Pacific/Auckland", datetime(2026, 3, 9, 11, 0, tzinfo=UTC)),
        ("America/Los_Angeles", datetime(2026, 3, 10, 7, 0, tzinfo=UTC)),
    ],
)
def test_an_entitlement_begins_and_ends_by_the_days_of_where_it_is_served(
    desk: DeskUnderTest, zone: str, begins: datetime
) -> None:
    desk.settings = replace(desk.settings, zone="Europe/Madrid")
    moment = timedelta(minutes=1)
    plan = desk.has_entitlement(
        desk.has_customer().account_id, total=9, zone=zone,
        starts_on=date(2026, 3, 10), ends_on=date(2026, 3, 10),
    )  # fmt: skip
    one_day = timedelta(days=1)

    def covered_and_state(at: datetime) -> tuple[bool, State]:
        with desk.transaction() as session:
            clock.tick(session, desk.settings, at=at)
        assert not clock_is_due(desk, at)
        [receipt] = desk.accepts(email(at=at))
        assert receipt.case is not None
        [kept] = desk.all(Entitlement)
        assert kept.id == plan.id
        return receipt.case.entitlement_id is not None, kept.state

    assert covered_and_state(begins - moment) == (False, State.WAITING)
    assert covered_and_state(begins) == (True, State.ACTIVE)
    assert covered_and_state(begins + one_day - moment) == (True, State.ACTIVE)
    assert covered_and_state(begins + one_day) == (False, State.EXPIRED)


def clock_is_due(desk: DeskUnderTest, at: datetime) -> bool:
    with desk.db.reading() as session:
        return clock.any_due(session, desk.settings, at=at)
