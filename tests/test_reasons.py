"""Which status reason may follow which, as an administrator narrowed it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from intake import reasons, work
from intake.agents import NotAllowed, Principal, Role
from intake.cases import REASONS, Case, Reason, State
from intake.reasons import FOLLOWS, NotReachable
from intake.sla import KpiInstance, KpiState
from intake.work import WrongReason
from tests.desk import NOON, DeskUnderTest, email
from tests.office import Office


@pytest.fixture
def admin(desk: DeskUnderTest) -> Principal:
    return desk.principal("Ada", Role.ADMINISTRATOR)


def opened(desk: DeskUnderTest, **fields: object) -> Case:
    [receipt] = desk.accepts(email(**fields))  # type: ignore[arg-type]
    assert receipt.case
    return receipt.case


def limit(desk: DeskUnderTest, admin: Principal, was: Reason, *allowed: Reason) -> None:
    with desk.transaction() as session:
        reasons.allow(session, admin, was, allowed, at=NOON)


def test_a_desk_that_narrows_nothing_lets_every_act_do_what_it_does(
    desk: DeskUnderTest,
) -> None:
    with desk.db.reading() as session:
        table = reasons.table(session)

    assert {was: set(follows) for was, follows in table.items()} == {
        was: set(follows) - {was} for was, follows in FOLLOWS.items()
    }
    assert set(table) == set(Reason)
    for was in REASONS[State.ACTIVE]:
        assert set(table[was]) == set(Reason) - {was, Reason.MERGED}


ACTS: dict[str, tuple[Reason, Callable[[Session, Principal, Case, DeskUnderTest], object]]] = {
    "hold": (
        Reason.ON_HOLD,
        lambda s, by, c, d: work.hold(s, by, c.id, reason=Reason.ON_HOLD, at=NOON),
    ),
    "set": (
        Reason.RESEARCHING,
        lambda s, by, c, d: work.set_reason(s, by, c.id, Reason.RESEARCHING, at=NOON),
    ),
    "resolve": (
        Reason.PROBLEM_SOLVED,
        lambda s, by, c, d: work.resolve(s, by, c.id, "ok", desk=d.settings, at=NOON),
    ),
    "cancel": (
        Reason.CANCELLED,
        lambda s, by, c, d: work.cancel(s, by, c.id, "Spam", desk=d.settings, at=NOON),
    ),
}


@pytest.mark.parametrize("act", ACTS)
def test_a_barred_move_is_refused_and_says_what_is_allowed(
    desk: DeskUnderTest, admin: Principal, act: str
) -> None:
    case, (becomes, do) = opened(desk), ACTS[act]
    others = [e for e in FOLLOWS[Reason.IN_PROGRESS] if e not in (becomes, Reason.IN_PROGRESS)]
    limit(desk, admin, Reason.IN_PROGRESS, *others)

    with desk.transaction() as session, pytest.raises(NotReachable) as refused:
        do(session, admin, case, desk)
    assert str(refused.value) == (
        f"“{becomes}” may not follow “in progress” on this desk; what may is "
        + ", ".join(f"“{each}”" for each in others)
    )
    assert desk.case(case.number).reason is Reason.IN_PROGRESS

    limit(desk, admin, Reason.IN_PROGRESS, becomes)
    with desk.transaction() as session:
        do(session, admin, case, desk)
    assert desk.case(case.number).reason is becomes


def test_a_message_of_the_customer_ends_a_wait_whatever_the_table_says(
    desk: DeskUnderTest, admin: Principal
) -> None:
    case = opened(desk, message_id="q@x")
    limit(desk, admin, Reason.ON_HOLD, Reason.CANCELLED)
    with desk.transaction() as session:
        work.hold(session, admin, case.id, reason=Reason.ON_HOLD, at=NOON)
    with desk.transaction() as session, pytest.raises(NotReachable):
        work.resume(session, admin, case.id, at=NOON)

    desk.accepts(email(in_reply_to="q@x", at=NOON + timedelta(hours=1)))

    assert desk.case(case.number).reason is Reason.IN_PROGRESS


def test_going_from_one_pause_to_work_moves_the_clock_by_the_time_on_hold(
    desk: DeskUnderTest, admin: Principal
) -> None:
    desk.has_sla(first_response=timedelta(hours=4))
    case = opened(desk)
    for reason, hours in ((Reason.ON_HOLD, 0), (Reason.RESEARCHING, 1), (Reason.IN_PROGRESS, 2)):
        with desk.transaction() as session:
            at = NOON + timedelta(hours=hours)
            work.set_reason(session, admin, case.id, reason, at=at)

    [clock] = desk.all(KpiInstance)
    assert clock.state is KpiState.IN_PROGRESS
    assert clock.fail_at == NOON + timedelta(hours=5), "researching stops no clock by itself"


def test_what_can_never_follow_is_not_allowed_by_anybody(
    desk: DeskUnderTest, admin: Principal
) -> None:
    case, grace = opened(desk), desk.principal("Grace")
    with desk.transaction() as session:
        with pytest.raises(NotReachable, match="“merged” can never follow “in progress”"):
            reasons.allow(session, admin, Reason.IN_PROGRESS, [Reason.MERGED], at=NOON)
        with pytest.raises(NotAllowed):
            reasons.allow(session, grace, Reason.IN_PROGRESS, [], at=NOON)
        with pytest.raises(WrongReason, match="resolve or cancel it instead"):
            work.set_reason(session, grace, case.id, Reason.PROBLEM_SOLVED, at=NOON)


def test_graphql_shows_and_narrows_the_table(desk: DeskUnderTest) -> None:
    office, ada = Office(desk), desk.has_agent("Ada", Role.ADMINISTRATOR)
    opened(desk)
    narrowed = office.asks(
        """mutation { allowTransitions(
        reason: {given: IN_PROGRESS}, allowed: [{given: RESEARCHING}]) {
        ... on StatusReasonChanged { reason { mayFollow { kindOf } } } } }""", by=ada,
    )["allowTransitions"]  # fmt: skip
    refused = office.asks(
        """mutation { resolve(caseNumber: 1001, text: "ok") {
        __typename ... on Problem { message } } }""", by=ada,
    )["resolve"]  # fmt: skip
    table = office.asks("{ statusReasons { name mayFollow { name } } }", by=ada)["statusReasons"]

    assert narrowed["reason"]["mayFollow"] == [{"kindOf": "RESEARCHING"}]
    assert refused["__typename"] == "TransitionNotAllowed"
    assert refused["message"].endswith("what may is “researching”")
    assert {"name": "in progress", "mayFollow": [{"name": "researching"}]} in table
    assert {"name": "merged", "mayFollow": []} in table
