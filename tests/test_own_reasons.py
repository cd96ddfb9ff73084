"""Status reasons that a desk adds: kinds of the given ones, called as people there call them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update
from sqlalchemy.exc import IntegrityError

from channels.sandbox import Sandbox
from intake import bulk, history, merging, reasons, work
from intake.agents import NotAllowed, Principal, Role
from intake.automation import actions, checking
from intake.automation.doing import Doing, do_all
from intake.automation.triggers import WrongRule
from intake.bulk import Bulk, What
from intake.cases import Case, OwnReason, Reason, Resolution, StaleVersion
from intake.events import Event
from intake.facts import CASE_COLUMNS, facts_of, read_condition
from intake.fields import WrongField
from intake.naming import names_in
from intake.reasons import NotReachable, WrongReason
from intake.sla import KpiInstance, KpiState
from intake.visibility import visible_to
from tests.console import Console, words
from tests.desk import NOON, DeskUnderTest, email
from tests.office import Office
from tests.promised import tick

HOUR = timedelta(hours=1)
PARTS, TESTS, FIXED = "Waiting for DHL", "Being tested", "Part replaced"


@pytest.fixture
def ada(desk: DeskUnderTest) -> Principal:
    return desk.principal("Ada", Role.ADMINISTRATOR)


@pytest.fixture
def own(desk: DeskUnderTest, ada: Principal) -> dict[str, OwnReason]:
    """One that waits, one that goes on, one that ends."""
    kinds = {
        PARTS: Reason.ON_HOLD, TESTS: Reason.IN_PROGRESS, FIXED: Reason.PROBLEM_SOLVED,
    }  # fmt: skip
    with desk.transaction() as session:
        return {n: reasons.add(session, ada, n, kind, at=NOON) for n, kind in kinds.items()}


@pytest.fixture
def console(desk: DeskUnderTest) -> Console:
    return Console(desk, Sandbox())


def opened(desk: DeskUnderTest, sender: str = "ada@example.com", **fields: object) -> Case:
    [receipt] = desk.accepts(email(sender, **fields))  # type: ignore[arg-type]
    assert receipt.case
    return receipt.case


def status_of(desk: DeskUnderTest, number: int = 1001) -> tuple[Reason, str]:
    with desk.db.reading() as session:
        case = session.query(Case).filter_by(number=number).one()
        return case.reason, str(case.status)


def test_an_own_reason_means_what_the_given_one_means(
    desk: DeskUnderTest, ada: Principal, own: dict[str, OwnReason]
) -> None:
    desk.has_sla(first_response=4 * HOUR)
    case = opened(desk, message_id="q@x")

    with desk.transaction() as session:
        work.set_reason(session, ada, case.id, own[TESTS].id, at=NOON)
    [clock] = desk.all(KpiInstance)
    assert status_of(desk) == (Reason.IN_PROGRESS, TESTS)
    assert clock.state is KpiState.IN_PROGRESS, "a kind of in progress stops no clock"

    with desk.transaction() as session:
        work.hold(session, ada, case.id, reason=own[PARTS].id, at=NOON)
    [clock] = desk.all(KpiInstance)
    assert status_of(desk) == (Reason.ON_HOLD, PARTS)
    assert clock.state is KpiState.PAUSED

    desk.accepts(email(in_reply_to="q@x", at=NOON + HOUR))
    [clock] = desk.all(KpiInstance)
    assert status_of(desk) == (Reason.IN_PROGRESS, "in progress"), "who writes ends the wait"
    assert clock.fail_at == NOON + 5 * HOUR


def test_history_and_events_tell_the_name_and_the_kind(
    desk: DeskUnderTest, ada: Principal, own: dict[str, OwnReason]
) -> None:
    case = opened(desk)
    with desk.transaction() as session:
        work.hold(session, ada, case.id, reason=own[PARTS].id, at=NOON)
        work.resolve(
            session, ada, case.id, "", kind=own[FIXED].id, desk=desk.settings, at=NOON + HOUR
        )

    with desk.db.reading() as session:
        told = [(c.field, c.old, c.new) for c in history.of_case(session, case.id)]
    assert [each for each in told if each[0] == "own_reason"] == [
        ("own_reason", PARTS, FIXED), ("own_reason", None, PARTS),
    ]  # fmt: skip
    assert ("reason", "in progress", "on hold") in told
    held = next(each for each in desk.all(Event) if each.kind == "case.held")
    assert (held.data["reason"], held.data["called"]) == ("on hold", PARTS)
    [resolution] = desk.all(Resolution)
    assert (resolution.kind, resolution.called) == (Reason.PROBLEM_SOLVED, FIXED)


def test_conditions_ask_for_the_kind_or_for_the_very_reason(
    desk: DeskUnderTest, ada: Principal, own: dict[str, OwnReason]
) -> None:
    here, there = opened(desk), opened(desk, "linus@example.com")
    with desk.transaction() as session:
        work.hold(session, ada, here.id, reason=own[PARTS].id, at=NOON)
        work.hold(session, ada, there.id, reason=Reason.ON_HOLD, at=NOON)
    kind = read_condition({"field": "reason", "op": "is", "value": "on hold"})
    very = read_condition({"field": "own_reason", "op": "is", "value": str(own[PARTS].id)})

    with desk.db.reading() as session:
        for condition, expected in ((kind, {here.number, there.number}), (very, {here.number})):
            found = session.query(Case).filter(condition.as_sql(CASE_COLUMNS, at=NOON)).all()
            asked = [c for c in session.query(Case) if condition.holds(facts_of(c, at=NOON))]
            assert {c.number for c in found} == {c.number for c in asked} == expected
        words = very.in_words(names_in(session, [very]))
    assert words == f"own status reason is {PARTS}"


def test_names_are_unique_and_only_administrators_lay_out(
    desk: DeskUnderTest, ada: Principal, own: dict[str, OwnReason]
) -> None:
    grace = desk.principal("Grace")
    with desk.transaction() as session:
        for taken in ("  waiting   FOR dhl ", "On Hold"):
            with pytest.raises(WrongField, match="is there already"):
                reasons.add(session, ada, taken, Reason.ON_HOLD, at=NOON)
        with pytest.raises(WrongField, match="kindOf"):
            reasons.add(session, ada, "Gone", Reason.MERGED, at=NOON)
        with pytest.raises(NotAllowed):
            reasons.add(session, grace, "Mine", Reason.ON_HOLD, at=NOON)

    with desk.transaction() as session:
        reasons.rename(session, ada, own[PARTS].id, "Parts", at=NOON, version=1)
    with desk.transaction() as session, pytest.raises(StaleVersion, match="“Parts” changed"):
        reasons.retire(session, ada, own[PARTS].id, at=NOON, version=1)


def test_a_retired_reason_stays_where_it_is_and_is_chosen_no_more(
    desk: DeskUnderTest, ada: Principal, own: dict[str, OwnReason]
) -> None:
    case, other = opened(desk), opened(desk, "linus@example.com")
    with desk.transaction() as session:
        work.hold(session, ada, case.id, reason=own[PARTS].id, at=NOON)
        reasons.retire(session, ada, own[PARTS].id, at=NOON)

    with desk.transaction() as session:
        with pytest.raises(WrongReason, match="retired"):
            work.hold(session, ada, other.id, reason=own[PARTS].id, at=NOON)
        assert own[PARTS].id not in {getattr(s, "id", None) for s in reasons.every(session)}
    assert status_of(desk) == (Reason.ON_HOLD, PARTS)
    with desk.transaction() as session:
        work.resume(session, ada, case.id, at=NOON)
    assert status_of(desk)[0] is Reason.IN_PROGRESS


def test_moves_of_an_own_reason_are_barred_by_themselves_and_begin_as_its_kind_has_them(
    desk: DeskUnderTest, ada: Principal, own: dict[str, OwnReason]
) -> None:
    case = opened(desk)
    with desk.transaction() as session:
        tests = reasons.choose(session, own[TESTS].id)
        reasons.allow(session, ada, tests, [Reason.PROBLEM_SOLVED], at=NOON)
        reasons.allow(session, ada, Reason.IN_PROGRESS, [tests], at=NOON)
        again = reasons.add(session, ada, "Tested again", Reason.IN_PROGRESS, at=NOON)
        assert reasons.may_follow(session, again) == [Reason.IN_PROGRESS, tests]

    with desk.transaction() as session, pytest.raises(NotReachable, match=f"what may is “{TESTS}”"):
        work.hold(session, ada, case.id, reason=own[PARTS].id, at=NOON)
    with desk.transaction() as session:
        work.set_reason(session, ada, case.id, own[TESTS].id, at=NOON)
    with (
        desk.transaction() as session,
        pytest.raises(NotReachable, match="what may is “problem solved”"),
    ):
        work.set_reason(session, ada, case.id, Reason.IN_PROGRESS, at=NOON)
    with desk.transaction() as session:
        work.resolve(session, ada, case.id, "ok", desk=desk.settings, at=NOON)
        with pytest.raises(NotReachable, match="can never follow"):
            reasons.allow(session, ada, Reason.PROBLEM_SOLVED, [again], at=NOON)


def test_no_case_stands_in_an_own_reason_of_another_kind(
    desk: DeskUnderTest, ada: Principal, own: dict[str, OwnReason]
) -> None:
    case = opened(desk)
    wrong = {"reason": Reason.RESEARCHING, "own_reason_id": own[PARTS].id}
    with pytest.raises(IntegrityError), desk.transaction() as session:
        session.execute(update(Case).where(Case.id == case.id).values(**wrong))


def test_bulk_undo_and_unmerge_put_the_own_reason_back(
    desk: DeskUnderTest, ada: Principal, own: dict[str, OwnReason]
) -> None:
    case, survivor = opened(desk), opened(desk, "linus@example.com")
    with desk.transaction() as session:
        work.set_reason(session, ada, case.id, own[TESTS].id, at=NOON)
        chosen = visible_to(ada).where(Case.id == case.id)
        change = Bulk(What.HOLD, reason=own[PARTS].id)
        operation = bulk.start(session, ada, change, chosen, at=NOON)
    assert operation.words == f"put on hold, {PARTS}"

    while tick(desk, NOON + HOUR).more:
        pass
    assert status_of(desk) == (Reason.ON_HOLD, PARTS)
    with desk.transaction() as session:
        bulk.undo(session, ada, operation.id, at=NOON)
    while tick(desk, NOON + HOUR).more:
        pass
    assert status_of(desk) == (Reason.IN_PROGRESS, TESTS)

    with desk.transaction() as session:
        merging.merge(session, ada, survivor.id, [case.id], desk=desk.settings, at=NOON)
    assert status_of(desk) == (Reason.MERGED, "merged")
    with desk.transaction() as session:
        merging.unmerge(session, ada, case.id, desk=desk.settings, at=NOON)
    assert status_of(desk) == (Reason.IN_PROGRESS, TESTS)


def test_rules_and_macros_set_an_own_reason_of_the_right_kind(
    desk: DeskUnderTest, ada: Principal, own: dict[str, OwnReason]
) -> None:
    case = opened(desk)
    hold = {"do": "hold", "reason": own[PARTS].key}
    forms = [{"do": "set", "field": "reason", "value": own[TESTS].key}, hold]
    wrong = [{"do": "hold", "reason": own[TESTS].key}]

    with desk.transaction() as session:
        with pytest.raises(WrongRule, match="no such status reason that puts a case on hold"):
            checking.check(session, actions.read(wrong), by_itself=True)
        with pytest.raises(WrongRule, match=r"actions\[0\].reason: one of .* of your own"):
            actions.read([{"do": "hold", "reason": "someday"}])
        read = actions.read(forms)
        checking.check(session, read, by_itself=True)
        named = checking.names_in(session, read)
        doing = Doing(session, ada, desk.settings, NOON, "test")
        told = do_all(doing, session.get_one(Case, case.id), read)

    assert [each.in_words(named) for each in read] == [
        f"set the status reason to {TESTS}", f"put it on hold: {PARTS}",
    ]  # fmt: skip
    assert told == [f"status reason set: {TESTS}", f"put on hold, {PARTS}"]
    assert status_of(desk) == (Reason.ON_HOLD, PARTS)


def test_graphql_adds_shows_and_sets_them(desk: DeskUnderTest) -> None:
    office, ada = Office(desk), desk.has_agent("Ada", Role.ADMINISTRATOR)
    opened(desk)
    opened(desk, "linus@example.com")

    def does(act: str) -> Any:
        shown = "... on StatusReasonChanged { reason { ownId name kindOf version } }"
        if act.startswith("hold"):
            shown = "... on CaseChanged { case { reason statusReason { name } } }"
        query = f"mutation {{ {act} {{ __typename {shown} ... on Problem {{ message }} }} }}"
        [result] = office.asks(query.replace("'", '"'), by=ada).values()
        return result

    added = does(f"addStatusReason(name: '{PARTS}', kindOf: WAITING_FOR_DETAILS)")["reason"]
    taken = does("addStatusReason(name: 'waiting for dhl', kindOf: ON_HOLD)")
    id = added["ownId"]
    held = does(f"hold(caseNumber: 1001, reason: {{own: '{id}'}})")
    does(f"renameStatusReason(id: '{id}', name: 'Parts', expectedVersion: 1)")
    stale = does(f"retireStatusReason(id: '{id}', expectedVersion: 1)")
    listed = office.asks(
        "{ statusReasons { ownId name retired mayFollow { name } } }", by=ada
    )["statusReasons"]  # fmt: skip
    with office.counts_statements() as one:
        office.asks("{ cases(first: 1) { nodes { statusReason { name } } } }", by=ada)
    with office.counts_statements() as two:
        cases = office.asks("{ cases { nodes { statusReason { name } } } }", by=ada)
    both = "reason: {given: ON_HOLD, own: null}"
    both = f"mutation {{ setReason(caseNumber: 1001, {both}) {{ __typename }} }}"

    assert held["case"] == {"reason": "WAITING_FOR_DETAILS", "statusReason": {"name": PARTS}}
    assert (taken["__typename"], stale["__typename"]) == ("WrongInput", "StaleVersion")
    mine = next(each for each in listed if each["ownId"] == id)
    assert mine["name"] == "Parts"
    assert {"name": "waiting for details"} in mine["mayFollow"]
    assert {case["statusReason"]["name"] for case in cases["cases"]["nodes"]} == {
        "Parts", "in progress",
    }  # fmt: skip
    assert len(two) == len(one) + 1, "one statement for all, and none where it is a given one"
    [refused] = office.posts({"query": both}, by=ada).json()["errors"]
    assert "must specify exactly one key" in refused["message"]


def test_the_console_adds_one_and_shows_it_where_a_reason_is_chosen(
    console: Console, desk: DeskUnderTest
) -> None:
    ada = desk.has_agent("Ada", Role.ADMINISTRATOR)
    opened(desk)
    browser = console.browser(ada)

    browser.post("/fields/reasons", data={"name": PARTS, "kind": "on hold"})
    taken = browser.post("/fields/reasons", data={"name": "waiting for dhl", "kind": "on hold"})
    browser.post("/fields/reasons", data={"name": FIXED, "kind": "problem solved"})
    [parts, fixed] = desk.all(OwnReason)
    page = words(browser.get("/cases/1001"))
    browser.post("/cases/1001/hold", data={"reason": parts.key})
    held = words(browser.get("/cases/1001"))
    browser.post(f"/fields/reasons/{parts.id}", data={"do": "archive", "version": "1"})
    without = words(browser.get("/bulk?cases=1001"))
    browser.post("/cases/1001/resolve", data={"kind": fixed.key, "text": "New drum"})
    resolved = words(browser.get("/cases/1001"))

    assert "“Waiting for DHL” is there already" in words(taken)
    assert PARTS in page
    assert FIXED in page
    assert f"put the case on hold: {PARTS}" in held
    assert PARTS not in without
    assert FIXED in without
    assert f"{FIXED} : New drum" in resolved
    assert status_of(desk) == (Reason.PROBLEM_SOLVED, FIXED)


def test_the_table_of_moves_leaves_alone_what_it_did_not_show(
    console: Console, desk: DeskUnderTest, own: dict[str, OwnReason]
) -> None:
    browser = console.browser(desk.has_agent("Ann", Role.ADMINISTRATOR))
    shown = ",".join([*Reason, own[TESTS].key])
    ticked = {f"in progress>{own[TESTS].key}": "yes"}

    browser.post("/fields/reasons/moves", data={"shown": shown, **ticked})

    with desk.db.reading() as session:
        table = {str(was): [*map(str, follows)] for was, follows in reasons.table(session).items()}
    assert table["in progress"] == [TESTS, PARTS, FIXED]
    assert table[TESTS] == [PARTS, FIXED]
    assert "researching" in table[PARTS]
