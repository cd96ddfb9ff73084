"""Which SLA a case has: by hand, by rule, by what covers it, or the default; and when none is."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from intake import work
from intake.agents import Principal, Role
from intake.cases import Priority, Reason
from intake.messages import Automatic
from intake.sla import From, Kpi, KpiState, Sla, activation, defining
from intake.sla.checking import NotAnSla
from intake.sla.trying import try_out
from tests.desk import NOON, DeskUnderTest
from tests.promised import PRESSING, clocks, has_sla, item, open_case, the_clock

HOUR = timedelta(hours=1)


@pytest.fixture
def ada(desk: DeskUnderTest) -> Principal:
    return desk.principal("Ada", role=Role.ADMINISTRATOR)


def act(
    desk: DeskUnderTest, by: Principal, case_id: UUID, what: Any, *said: Any, **more: Any
) -> None:
    with desk.transaction() as session:
        what(session, by, case_id, *said, at=NOON + HOUR, **more)


Act = Callable[[DeskUnderTest, Principal, UUID], None]


@pytest.mark.parametrize(
    ("when", "change"),
    [
        (
            {"field": "priority", "op": "is", "value": "high"},
            lambda d, by, case: act(d, by, case, work.prioritise, Priority.HIGH),
        ),
        (
            {"field": "escalated", "op": "is", "value": True},
            lambda d, by, case: act(d, by, case, work.escalate, "Now"),
        ),
        (
            {"field": "reason", "op": "is", "value": "researching"},
            lambda d, by, case: act(d, by, case, work.set_reason, Reason.RESEARCHING),
        ),
        (
            {"field": "owner", "op": "is set"},
            lambda d, by, case: act(d, by, case, work.assign, by.id),
        ),
    ],
    ids=["priority", "escalated", "status", "assigned"],
)
@pytest.mark.parametrize("default", [True, False], ids=["after the default", "after none"])
def test_every_act_asks_again_which_sla_applies(
    desk: DeskUnderTest, ada: Principal, when: dict[str, Any], change: Act, default: bool
) -> None:
    if default:
        has_sla(desk, item(fail=600))
    urgent = has_sla(desk, item(fail=240), name="Urgent", is_default=False, chosen_when=when)
    case_id = open_case(desk)
    assert desk.case(1001).sla_id != urgent.id

    change(desk, ada, case_id)

    assert desk.case(1001).sla_id == urgent.id
    assert the_clock(desk).fail_at == NOON + 4 * HOUR


def test_a_case_that_nothing_was_promised_gets_the_default_that_came_later(
    desk: DeskUnderTest, ada: Principal
) -> None:
    case_id, machines = open_case(desk), open_case(desk, automatic=Automatic.BULK)
    has_sla(desk, item(fail=240))

    act(desk, ada, case_id, work.note, "Looking.")
    act(desk, ada, machines, work.note, "A newsletter.")

    assert desk.case(1001).deadline_at == NOON + 4 * HOUR
    assert desk.case(1002).sla_id is None


def test_a_rule_that_holds_no_more_promises_no_more(desk: DeskUnderTest, ada: Principal) -> None:
    has_sla(desk, item(fail=60), is_default=False, chosen_when=PRESSING)
    case_id = open_case(desk)
    act(desk, ada, case_id, work.prioritise, Priority.HIGH)
    assert the_clock(desk).state is KpiState.IN_PROGRESS

    act(desk, ada, case_id, work.prioritise, Priority.LOW)

    assert (desk.case(1001).sla_id, desk.case(1001).deadline_at) == (None, None)
    assert [clock.state for clock in clocks(desk)] == [KpiState.CANCELLED]


def test_an_sla_by_hand_that_is_given_back_is_taken_off_where_nothing_takes_its_place(
    desk: DeskUnderTest, ada: Principal
) -> None:
    gold = has_sla(desk, item(fail=600), is_default=False)
    case_id = open_case(desk)
    act(desk, ada, case_id, work.choose_sla, gold.id)
    assert desk.case(1001).sla_id == gold.id

    act(desk, ada, case_id, work.choose_sla, None)

    assert (desk.case(1001).sla_id, desk.case(1001).deadline_at) == (None, None)


def test_the_version_that_takes_the_place_of_the_default_is_the_default(
    desk: DeskUnderTest, ada: Principal
) -> None:
    a = has_sla(desk, item(fail=60), name="A", is_default=False)
    b = has_sla(desk, item(fail=90), name="B")
    with desk.transaction() as session:
        of_a = activation.revise(session, ada, a.id, at=NOON).id
        of_b = activation.revise(session, ada, b.id, at=NOON).id

    with desk.transaction() as session:
        activation.make_default(session, ada, a.id, at=NOON)
        activation.activate(session, ada, of_a, at=NOON)
        activation.activate(session, ada, of_b, at=NOON)

    assert [s.id for s in desk.all(Sla) if s.is_default] == [of_a]


def test_what_a_kpi_says_anew_reaches_the_next_version(desk: DeskUnderTest, ada: Principal) -> None:
    own = item(Kpi.FOLLOW_UP, applicable_from=From.FOLLOW_UP, pauses=[])
    with desk.transaction() as session:
        first = activation.draft(session, ada, "K", [item(), own], at=NOON).id
        activation.activate(session, ada, first, at=NOON)
        for kpi in (Kpi.RESOLVE_BY, Kpi.FOLLOW_UP):
            defining.define(
                session, ada, kpi, applicable_from=From.ESCALATED, pauses=["on hold"], at=NOON
            )

    with desk.transaction() as session:
        second = activation.revise(session, ada, first, at=NOON)
        activation.activate(session, ada, second.id, at=NOON)
        said = [(each.applicable_from, each.pauses) for each in second.items]

    assert said == [(From.ESCALATED, ["on hold"]), (From.FOLLOW_UP, [])]


def test_a_time_that_ends_before_it_begins_is_no_time_to_try_an_sla_on(
    desk: DeskUnderTest, ada: Principal
) -> None:
    agreed = has_sla(desk, item())

    with desk.db.reading() as session, pytest.raises(NotAnSla, match="until: it ends before"):
        try_out(session, ada, agreed.id, since=NOON, until=NOON, at=NOON)
