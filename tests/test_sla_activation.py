"""From draft to promise: what is refused, and what a new version leaves alone."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from intake import sla, work
from intake.agents import NotAllowed, Principal, Role
from intake.cases import Priority, Reason
from intake.db import new_id
from intake.entitlements import Entitlement
from intake.errors import IntakeError
from intake.sla import (
    From,
    Kpi,
    KpiDefinition,
    KpiState,
    ServiceCalendar,
    Sla,
    SlaItem,
    SlaState,
    activation,
)
from intake.sla.checking import NotAnSla
from tests.desk import NOON, DeskUnderTest
from tests.promised import OFFICE, PRESSING, clocks, has_sla, item, open_case, the_clock

HOUR = timedelta(hours=1)
MAIL = {"on": "failure", "do": "mail", "to": ["owner"], "subject": "Late", "text": "{number}"}
SOLVED = {"field": "state", "op": "is", "value": "resolved"}


@pytest.fixture
def ada(desk: DeskUnderTest) -> Principal:
    return desk.principal("Ada", Role.ADMINISTRATOR)


def drafted(desk: DeskUnderTest, by: Principal, *items: SlaItem, **more: Any) -> Sla:
    with desk.transaction() as session:
        return activation.draft(session, by, "Gold", items, at=NOON, **more)


def activated(desk: DeskUnderTest, by: Principal, draft: Sla) -> Sla:
    with desk.transaction() as session:
        return activation.activate(session, by, draft.id, at=NOON)


WRONG: dict[str, tuple[Callable[[], list[SlaItem]], str]] = {
    "nothing in it": (list, "items: there is nothing in it"),
    "warns after it fails": (
        lambda: [item(fail=60, warn=60)],
        r"items\[0\].warn_after_minutes: the warning must come before",
    ),
    "no time": (lambda: [item(fail=0)], r"items\[0\].fail_after_minutes: must be longer"),
    "time backwards": (lambda: [item(fail=-5)], r"items\[0\].fail_after_minutes: must be longer"),
    "a warning before the start": (
        lambda: [item(fail=5, warn=0)],
        r"items\[0\].warn_after_minutes: must be longer",
    ),
    "10,000 days": (
        lambda: [item(), item(fail=10_000 * 24 * 60)],
        r"items\[1\].fail_after_minutes: must be 3653 days at most",
    ),
    "an unknown field": (
        lambda: [item(applicable_when={"field": "prioritty", "op": "is", "value": "high"})],
        r'items\[0\].applicable_when: .*unknown field "prioritty", did you mean "priority"',
    ),
    "an unknown field of success": (
        lambda: [item(success_when={"field": "mood", "op": "is", "value": "good"})],
        r'items\[0\].success_when: .*unknown field "mood"',
    ),
    "success that cancels": (
        lambda: [item(applicable_when=SOLVED, success_when={"not": SOLVED})],
        r"items\[0\].applicable_when: state changes when the promise is kept",
    ),
    "the usual success that cancels": (
        lambda: [item(Kpi.RESOLVE_BY, applicable_when={"not": SOLVED})],
        r"items\[0\].applicable_when: state changes when the promise is kept",
    ),
    "a promise that time alone would end": (
        lambda: [
            item(applicable_when={"field": "opened", "op": "is in the last", "value": "2 days"})
        ],
        r"items\[0\].applicable_when: .*opened is in the last 2 days” changes as time passes",
    ),
    "a solution by messages": (
        lambda: [item(applicable_from=From.LAST_MESSAGE)],
        r"items\[0\].applicable_from: “resolve by” cannot count from “last message”",
    ),
    "a next response from the opening": (
        lambda: [item(Kpi.NEXT_RESPONSE, applicable_from=From.CREATED)],
        r"items\[0\].applicable_from: “next response” cannot count from “created”",
    ),
    "a solution from the solution": (
        lambda: [item(applicable_from=From.RESOLVED)],
        r"items\[0\].applicable_from: “resolved” is what keeps “resolve by”",
    ),
    "an unknown status": (
        lambda: [item(pauses=["asleep"])],
        r"items\[0\].pauses: “asleep” is none of",
    ),
    "stopped while it is worked on": (
        lambda: [item(pauses=["in progress"])],
        r"items\[0\].pauses: “in progress” is none of on hold, ",
    ),
    "a field that nobody made": (
        lambda: [item(applicable_when={"field": "number.nope", "op": "is", "value": 1})],
        r'items\[0\].applicable_when: there is no custom field "number.nope"',
    ),
    "kept at once": (
        lambda: [item(success_when={"all": []})],
        r"items\[0\].success_when: asks for nothing",
    ),
    "an unknown recipient": (
        lambda: [item(actions=[MAIL | {"to": ["boss"]}])],
        r"items\[0\].actions\[0\]: to: 'boss' is neither agent, owner, followers, customer nor",
    ),
    "an unknown placeholder": (
        lambda: [item(actions=[MAIL | {"text": "{password}"}])],
        r"items\[0\].actions\[0\]: text: {password} cannot be filled here",
    ),
    "a stranger's words to the customer": (
        lambda: [item(actions=[MAIL | {"to": ["customer"], "text": "{subject}"}])],
        r"items\[0\].actions\[0\]: text: {subject} cannot be filled here",
    ),
    "a header of one's own": (
        lambda: [item(actions=[MAIL | {"subject": "Late\r\nBcc: all@example.com"}])],
        r"items\[0\].actions\[0\]: subject: one line",
    ),
    "an action on a warning that never comes": (
        lambda: [item(actions=[MAIL | {"on": "warning"}])],
        r"items\[0\].actions\[0\].on: this item never warns",
    ),
    "hours that do not exist": (
        lambda: [item(calendar_id=new_id())],
        r"items\[0\].calendar: there is no such calendar",
    ),
    "a queue that does not exist": (
        lambda: [item(actions=[{"on": "failure", "do": "move", "queue": str(new_id())}])],
        r"items\[0\].actions\[0\].queue: there is no such queue",
    ),
    "an endpoint that does not exist": (
        lambda: [item(actions=[{"on": "failure", "do": "webhook", "endpoint": str(new_id())}])],
        r"items\[0\].actions\[0\].endpoint: there is no such endpoint",
    ),
    "a field nobody knows": (
        lambda: [item(actions=[MAIL | {"cc": ["x@example.com"]}])],
        r"items\[0\].actions\[0\]: cc: unknown field",
    ),
}


@pytest.mark.parametrize(("items", "message"), WRONG.values(), ids=WRONG)
def test_a_draft_that_cannot_be_kept_is_refused_and_the_field_is_named(
    desk: DeskUnderTest, ada: Principal, items: Callable[[], list[SlaItem]], message: str
) -> None:
    with pytest.raises(NotAnSla, match=message):
        activated(desk, ada, drafted(desk, ada, *items()))

    assert SlaState.ACTIVE not in {each.state for each in desk.all(Sla)}
    assert desk.all(SlaItem) == []


def test_a_post_in_slack_is_refused_while_none_is_connected(
    desk: DeskUnderTest, ada: Principal
) -> None:
    post = {"on": "failure", "do": "slack", "channel": "#late"}

    with pytest.raises(NotAnSla, match=r"items\[0\]\.actions\[0\]\.do: Slack is not connected"):
        drafted(desk, ada, item(actions=[post]))

    draft = drafted(desk, ada, item(actions=[post]), slack=True)
    with pytest.raises(NotAnSla, match="Slack is not connected"):
        activated(desk, ada, draft)


def test_hours_too_few_for_the_promise_are_refused(desk: DeskUnderTest, ada: Principal) -> None:
    an_hour_a_week = OFFICE | {"weekly": {"mon": [["09:00", "10:00"]]}}
    calendar = ServiceCalendar(id=new_id(), name="Mondays", hours=an_hour_a_week)
    with desk.transaction() as session:
        session.add(calendar)

    with pytest.raises(NotAnSla, match=r"items\[0\].calendar: the desk does not open"):
        drafted(desk, ada, item(fail=20_000 * 60, calendar_id=calendar.id))


def test_what_is_in_force_is_not_edited(desk: DeskUnderTest, ada: Principal) -> None:
    agreed = activated(desk, ada, drafted(desk, ada, item()))

    with (
        pytest.raises(activation.InForce, match="“Gold” is active: revise it"),
        desk.transaction() as session,
    ):
        activation.rewrite(session, ada, agreed.id, [item(fail=1)], at=NOON)

    assert [each.fail_after_minutes for each in desk.all(SlaItem)] == [240]


def test_only_administrators_make_promises(desk: DeskUnderTest) -> None:
    with pytest.raises(NotAllowed):
        drafted(desk, desk.principal("Grace"), item())


def test_a_draft_promises_nothing(desk: DeskUnderTest, ada: Principal) -> None:
    drafted(desk, ada, item())

    open_case(desk)

    assert clocks(desk) == []


def test_a_draft_is_rewritten_as_a_whole(desk: DeskUnderTest, ada: Principal) -> None:
    draft = drafted(desk, ada, item(), item(Kpi.FIRST_RESPONSE))

    with desk.transaction() as session:
        activation.rewrite(session, ada, draft.id, [item(fail=30)], at=NOON)

    assert [each.fail_after_minutes for each in desk.all(SlaItem)] == [30]


def test_a_running_clock_keeps_the_version_it_started_with(
    desk: DeskUnderTest, ada: Principal
) -> None:
    first = activated(desk, ada, drafted(desk, ada, item(fail=240)))
    with desk.transaction() as session:
        activation.make_default(session, ada, first.id, at=NOON)
    case_id = open_case(desk)

    with desk.transaction() as session:
        second = activation.revise(session, ada, first.id, at=NOON)
        activation.rewrite(session, ada, second.id, [item(fail=60)], at=NOON)
        activation.activate(session, ada, second.id, at=NOON)
    with desk.transaction() as session:
        work.note(session, ada, case_id, "touched", at=NOON)
        work.prioritise(session, ada, case_id, Priority.HIGH, at=NOON)
    open_case(desk)

    assert desk.case(1001).deadline_at == NOON + 4 * HOUR
    assert desk.case(1002).deadline_at == NOON + HOUR
    states = {each.version: (each.state, each.is_default) for each in desk.all(Sla)}
    assert states == {1: (SlaState.RETIRED, False), 2: (SlaState.ACTIVE, True)}


def test_entitlements_follow_to_the_new_version(desk: DeskUnderTest, ada: Principal) -> None:
    first = activated(desk, ada, drafted(desk, ada, item()))
    desk.has_customer("ada@example.com", allotment=5, sla_id=first.id)

    with desk.transaction() as session:
        second = activation.revise(session, ada, first.id, at=NOON)
        activation.activate(session, ada, second.id, at=NOON)

    assert [each.sla_id for each in desk.all(Entitlement)] == [second.id]


def test_an_sla_has_one_draft_at_a_time(desk: DeskUnderTest, ada: Principal) -> None:
    first = activated(desk, ada, drafted(desk, ada, item()))

    with desk.transaction() as session:
        activation.revise(session, ada, first.id, at=NOON)

    with (
        pytest.raises(activation.InForce, match="has a draft already"),
        desk.transaction() as session,
    ):
        activation.revise(session, ada, first.id, at=NOON)


def test_a_draft_is_discarded_and_what_was_in_force_is_not(
    desk: DeskUnderTest, ada: Principal
) -> None:
    first = activated(desk, ada, drafted(desk, ada, item()))
    with desk.transaction() as session:
        second = activation.revise(session, ada, first.id, at=NOON)

    with desk.transaction() as session:
        activation.discard(session, ada, second.id, at=NOON)

    assert [each.id for each in desk.all(Sla)] == [first.id]
    assert len(desk.all(SlaItem)) == 1
    with pytest.raises(activation.InForce, match="is active"), desk.transaction() as session:
        activation.discard(session, ada, first.id, at=NOON)


def test_there_is_one_default(desk: DeskUnderTest, ada: Principal) -> None:
    has_sla(desk, item(), name="Old")
    new = activated(desk, ada, drafted(desk, ada, item()))

    with desk.transaction() as session:
        activation.make_default(session, ada, new.id, at=NOON)

    assert [each.name for each in desk.all(Sla) if each.is_default] == ["Gold"]


def test_a_retired_sla_starts_nothing_and_lets_its_clocks_run(
    desk: DeskUnderTest, ada: Principal
) -> None:
    agreed = has_sla(desk, item())
    open_case(desk)

    with desk.transaction() as session:
        activation.retire(session, ada, agreed.id, at=NOON)
    open_case(desk)

    assert the_clock(desk).state is KpiState.IN_PROGRESS
    assert clocks(desk, number=1002) == []
    with pytest.raises(IntakeError, match="only an active SLA"), desk.transaction() as session:
        activation.make_default(session, ada, agreed.id, at=NOON)


def test_items_take_what_the_kpi_says_unless_they_say_otherwise(
    desk: DeskUnderTest, ada: Principal
) -> None:
    with desk.transaction() as session:
        session.add(
            KpiDefinition(
                kpi=Kpi.RESOLVE_BY, applicable_from=From.ESCALATED, pauses=[Reason.RESEARCHING]
            )
        )
    draft = drafted(desk, ada, item(), item(applicable_from=From.CREATED, pauses=[]))
    activated(desk, ada, draft)

    with desk.db.reading() as session:
        plain, own = sla.with_items(session, draft.id).items
    assert (plain.starts_from, plain.pauses) == (From.ESCALATED, ["researching"])
    assert (own.starts_from, own.pauses) == (From.CREATED, [])


def test_a_condition_of_an_sla_chooses_it_before_the_entitlement_does(
    desk: DeskUnderTest, ada: Principal
) -> None:
    has_sla(desk, item(fail=480))
    premium = has_sla(desk, item(fail=240), name="Premium", is_default=False)
    urgent = has_sla(desk, item(fail=60), name="Urgent", is_default=False, chosen_when=PRESSING)
    desk.has_customer("ada@example.com", allotment=5, sla_id=premium.id)
    case_id = open_case(desk)
    assert desk.case(1001).sla_id == premium.id

    with desk.transaction() as session:
        work.prioritise(session, ada, case_id, Priority.HIGH, at=NOON)

    assert desk.case(1001).sla_id == urgent.id
    assert desk.case(1001).deadline_at == NOON + HOUR
