"""An SLA run against last month: what it would have kept and broken, and nothing is touched."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from intake import work
from intake.agents import NotAllowed, Principal, Role
from intake.cases import Priority
from intake.sla import From, Kpi, KpiInstance, Sla, SlaItem, SlaState
from intake.sla.trying import Outcome, Trial, try_out
from tests.desk import DeskUnderTest, email
from tests.promised import OFFICE, PRESSING, has_sla, item, march, open_case
from tests.statements import statements_of

LATER = march(20, 12)
KEPT, BROKEN, RUNNING, NONE = Outcome.KEPT, Outcome.BROKEN, Outcome.RUNNING, Outcome.NONE


@pytest.fixture
def grace(desk: DeskUnderTest) -> Principal:
    return desk.principal("Grace", Role.MANAGER)


def draft(desk: DeskUnderTest, *items: SlaItem, of: Sla | None = None, **more: Any) -> Sla:
    """A draft of those items: another version of an SLA, or one of its own."""
    if of is not None:
        more |= {"name": of.name, "family_id": of.id}
    return has_sla(desk, *items, state=SlaState.DRAFT, is_default=False, **{"name": "New"} | more)


def tried(desk: DeskUnderTest, by: Principal, sla: Sla, at: datetime = LATER) -> Trial:
    with desk.db.reading() as session:
        return try_out(session, by, sla.id, since=march(1, 0), until=march(15, 0), at=at)


def answers(desk: DeskUnderTest, by: Principal, case_id: Any, at: datetime) -> None:
    with desk.transaction() as session:
        work.reply(session, by, case_id, "We look into it.", desk=desk.settings, at=at)


def resolves(desk: DeskUnderTest, by: Principal, case_id: Any, at: datetime) -> None:
    with desk.transaction() as session:
        work.resolve(session, by, case_id, "Done.", desk=desk.settings, at=at)


def verdicts(trial: Trial) -> dict[tuple[int, Kpi], tuple[Outcome, Outcome]]:
    return {(each.case_number, each.kpi): (each.was, each.would) for each in trial.verdicts}


def test_a_stricter_promise_shows_what_it_would_have_broken(
    desk: DeskUnderTest, grace: Principal
) -> None:
    old = has_sla(desk, item(fail=480), item(Kpi.FIRST_RESPONSE, fail=240), hours=OFFICE)
    slow, quick, waits = (open_case(desk, at=march(2, 9)) for _ in range(3))
    answers(desk, grace, slow, march(2, 12))
    resolves(desk, grace, slow, march(2, 16))
    answers(desk, grace, quick, march(2, 9, 30))
    resolves(desk, grace, quick, march(2, 10))
    new = draft(desk, item(fail=120), item(Kpi.FIRST_RESPONSE, fail=60), of=old, version=2)

    found = verdicts(tried(desk, grace, new, at=march(2, 10, 30)))

    assert found == {
        (1001, Kpi.FIRST_RESPONSE): (KEPT, BROKEN),
        (1001, Kpi.RESOLVE_BY): (KEPT, BROKEN),
        (1002, Kpi.FIRST_RESPONSE): (KEPT, KEPT),
        (1002, Kpi.RESOLVE_BY): (KEPT, KEPT),
        (1003, Kpi.FIRST_RESPONSE): (RUNNING, BROKEN),
        (1003, Kpi.RESOLVE_BY): (RUNNING, RUNNING),
    }
    assert waits


def test_holds_hours_and_conditions_count_as_they_would_have(
    desk: DeskUnderTest, grace: Principal
) -> None:
    held, pressing, night = (
        open_case(desk, at=at) for at in (march(2, 9), march(2, 9), march(2, 16, 30))
    )
    with desk.transaction() as session:
        work.hold(session, grace, held, at=march(2, 10))
        work.prioritise(session, grace, pressing, Priority.HIGH, at=march(2, 9))
    with desk.transaction() as session:
        work.resume(session, grace, held, at=march(2, 15))
    resolves(desk, grace, held, march(2, 15, 45))
    resolves(desk, grace, pressing, march(2, 10, 30))
    resolves(desk, grace, night, march(3, 9, 15))
    new = draft(desk, item(fail=60, applicable_when=PRESSING), item(fail=120), hours=OFFICE)

    found = verdicts(tried(desk, grace, new))

    assert [would for _was, would in found.values()] == [KEPT, BROKEN, KEPT]
    assert {was for was, _would in found.values()} == {NONE}


def test_every_answer_to_the_customer_is_a_promise_of_its_own(
    desk: DeskUnderTest, grace: Principal
) -> None:
    case_id = open_case(desk, at=march(2, 9), message_id="a@ada")
    answers(desk, grace, case_id, march(2, 10))
    for hour in (11, 13):  # before the clock that the first began would have ended
        desk.accepts(email(at=march(2, hour), in_reply_to="a@ada"))
    answers(desk, grace, case_id, march(2, 14))
    last, oldest = (
        draft(desk, item(Kpi.NEXT_RESPONSE, fail=150, applicable_from=start), name=start.value)
        for start in (From.LAST_MESSAGE, From.UNANSWERED)
    )

    assert list(verdicts(tried(desk, grace, last)).values()) == [(NONE, KEPT)]
    assert list(verdicts(tried(desk, grace, oldest)).values()) == [(NONE, BROKEN)]


def test_success_of_its_own_and_what_cannot_be_known(desk: DeskUnderTest, grace: Principal) -> None:
    case_id = open_case(desk, at=march(2, 9))
    answers(desk, grace, case_id, march(2, 12))
    answered = {"field": "answered", "op": "is", "value": True}
    own = draft(desk, item(fail=120, success_when=answered))
    changed = draft(desk, item(applicable_from=From.CHANGED), name="Changed")
    unanswered = draft(desk, item(Kpi.FIRST_RESPONSE, fail=600), name="Closed")
    resolves(desk, grace, open_case(desk, at=march(3, 9)), march(3, 10))

    assert verdicts(tried(desk, grace, own))[1001, Kpi.RESOLVE_BY] == (NONE, BROKEN)
    assert {v.would for v in tried(desk, grace, changed).verdicts} == {Outcome.UNKNOWN}
    assert [v.case_number for v in tried(desk, grace, unanswered).verdicts] == [1001]


def test_a_version_is_tried_on_the_cases_of_its_sla_and_a_condition_chooses_more(
    desk: DeskUnderTest, grace: Principal
) -> None:
    old = has_sla(desk, item())
    open_case(desk, at=march(2, 9))
    with desk.transaction() as session:
        session.get_one(Sla, old.id).is_default = False
    other = open_case(desk, at=march(2, 9))
    with desk.transaction() as session:
        work.prioritise(session, grace, other, Priority.HIGH, at=march(2, 9))
    open_case(desk, at=march(20, 9))
    version = draft(desk, item(), of=old, version=2)
    choosing = draft(desk, item(), chosen_when=PRESSING)
    for_all = draft(desk, item(), name="All")

    assert {v.case_number for v in tried(desk, grace, version).verdicts} == {1001}
    assert {v.case_number for v in tried(desk, grace, choosing).verdicts} == {1002}
    assert {v.case_number for v in tried(desk, grace, for_all).verdicts} == {1001, 1002}


def test_trying_costs_no_statement_per_case_and_leaves_no_trace(
    desk: DeskUnderTest, grace: Principal
) -> None:
    old = has_sla(desk, item(fail=240), hours=OFFICE)
    new = draft(desk, item(fail=60), item(Kpi.FIRST_RESPONSE, fail=60), of=old, version=2)

    open_case(desk, at=march(2, 9))
    with statements_of(desk.db) as for_one:
        tried(desk, grace, new)
    for minute in range(12):
        open_case(desk, at=march(2, 10, minute))
    with statements_of(desk.db) as for_many:
        tried(desk, grace, new)

    assert len(for_many) == len(for_one)
    assert not [one for one in for_many if one.startswith(("INSERT", "UPDATE", "DELETE"))]
    assert desk.count(KpiInstance) == 13


def test_only_managers_try_an_sla(desk: DeskUnderTest) -> None:
    with pytest.raises(NotAllowed):
        tried(desk, desk.principal("Luis"), draft(desk, item()))
