"""Contracts: what is allowed in which state, and what time does."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from intake import agree, clock
from intake import entitlements as bought
from intake.contracts import Act, Contract, LineTerms, NotInThisState, State, WrongTerm, transitions
from intake.events import Event
from tests.agreements import TODAY, Sold, in_state, noon_of
from tests.desk import NOON, DeskUnderTest, email


@pytest.fixture
def sold(desk: DeskUnderTest) -> Sold:
    return Sold(desk)


ACTS: dict[Act, Any] = {
    Act.EDIT: lambda s, c: s.does(agree.redraft, c.id, s.terms(name="Other")),
    Act.DELETE: lambda s, c: s.does(agree.delete, c.id),
    Act.INVOICE: lambda s, c: s.does(agree.invoice, c.id),
    Act.ADD_LINE: lambda s, c: s.does(
        agree.add_line, c.id, LineTerms("More", total=1, starts_on=c.ends_on)
    ),
    Act.CANCEL_LINE: lambda s, c: s.does(agree.cancel_line, c.id, c.lines[0].id),
    Act.HOLD: lambda s, c: s.does(agree.hold, c.id),
    Act.RELEASE: lambda s, c: s.does(agree.release, c.id),
    Act.CANCEL: lambda s, c: s.does(agree.cancel, c.id),
    Act.CANCEL_LATER: lambda s, c: s.does(agree.cancel, c.id, on=s.at.date() + timedelta(days=1)),
    Act.RENEW: lambda s, c: s.does(agree.renew, c.id),
    Act.COPY: lambda s, c: s.does(agree.copy, c.id),
}
# Written out again, so that a slip in the code's own table does not go unseen.
TABLE = """
    act                         draft  invoiced  active  on-hold  cancelled  expired
    edit                        yes    no        no      no       no         no
    delete                      yes    no        no      no       no         no
    invoice                     yes    no        no      no       no         no
    add-a-line-to               yes    yes       yes     no       no         no
    cancel-a-line-of            no     yes       yes     no       no         no
    log-a-case-against          no     no        yes     no       no         no
    hold                        no     yes       yes     no       no         no
    release                     no     no        no      yes      no         no
    cancel                      no     yes       yes     no       no         no
    cancel-on-a-later-day       no     no        yes     no       no         no
    renew                       no     no        yes     no       yes        yes
    copy                        yes    yes       yes     yes      yes        yes
"""
HEAD, *ROWS = [line.split() for line in TABLE.strip().splitlines()]
CELLS = [
    (Act(act.replace("-", " ")), State(state.replace("-", " ")), answer == "yes")
    for act, *answers in ROWS
    for state, answer in zip(HEAD[1:], answers, strict=True)
]
LEADS_TO = {
    Act.INVOICE: State.ACTIVE,
    Act.HOLD: State.ON_HOLD,
    Act.RELEASE: State.ACTIVE,
    Act.CANCEL: State.CANCELLED,
}


@pytest.mark.parametrize(
    ("act", "state", "allowed"), CELLS, ids=[f"{a} it: {s}" for a, s, _ in CELLS]
)
def test_every_act_is_allowed_in_exactly_the_states_of_the_table(
    sold: Sold, act: Act, state: State, allowed: bool
) -> None:
    contract = in_state(sold, state)
    assert contract.state is state

    if act is Act.LOG_CASE:
        answer = log_a_case(sold, contract)
    else:
        answer = attempt(lambda: ACTS[act](sold, contract))

    assert (answer == "") is allowed, answer
    if not allowed:
        assert f"contract {contract.number} is {state}, you cannot {act} it" in answer
        assert sold.contract(contract.id).state is state
    elif act in LEADS_TO:
        assert sold.contract(contract.id).state is LEADS_TO[act]


def attempt(act: Any) -> str:
    try:
        act()
    except NotInThisState as error:
        return str(error)
    return ""


def log_a_case(sold: Sold, contract: Contract) -> str:
    [receipt] = sold.desk.accepts(email(at=sold.at))
    assert receipt.case is not None
    case_id = receipt.case.id
    return attempt(lambda: sold.does(agree.tie, case_id, contract.id))


def test_a_table_of_states_and_acts_has_every_cell() -> None:
    assert len(CELLS) == len(State) * len(Act)
    assert set(transitions.ALLOWED) == set(State)


def test_time_starts_and_ends_a_contract_on_its_days(sold: Sold) -> None:
    contract = sold.active(days=(date(2026, 3, 3), date(2026, 3, 5)))
    states = [contract.state]
    for day in (2, 3, 5, 6):
        sold.on(date(2026, 3, day))
        states.append(sold.contract(contract.id).state)

    assert states == [
        State.INVOICED,
        State.INVOICED,
        State.ACTIVE,
        State.ACTIVE,
        State.EXPIRED,
    ]
    kinds = [e.kind for e in sold.desk.all(Event) if e.kind.startswith("contract.")]
    assert kinds == [
        "contract.drafted",
        "contract.invoiced",
        "contract.active",
        "contract.expired",
    ]


@pytest.mark.parametrize("held", [State.INVOICED, State.ACTIVE, State.ON_HOLD])
def test_a_contract_expires_whatever_it_waits_for(sold: Sold, held: State) -> None:
    contract = in_state(sold, held)

    sold.on(date(2027, 12, 31))

    assert sold.contract(contract.id).state is State.EXPIRED


def test_a_draft_never_starts_by_itself(sold: Sold) -> None:
    contract = sold.draft()

    sold.on(date(2026, 6, 1))

    assert sold.contract(contract.id).state is State.DRAFT


def test_a_tick_with_nothing_due_moves_nothing(sold: Sold) -> None:
    sold.active()
    sold.on(TODAY)

    with sold.desk.db.reading() as session:
        assert not clock.any_due(session, sold.desk.settings, at=NOON)


def test_cancelling_on_a_later_day_covers_until_the_day_before(sold: Sold) -> None:
    contract = sold.active()
    sold.does(agree.cancel, contract.id, on=date(2026, 3, 10))
    states = []
    for day in (9, 10):
        sold.on(date(2026, 3, day))
        states.append((sold.contract(contract.id).state, sold.entitlements()[0].state))

    assert states == [
        (State.ACTIVE, bought.State.ACTIVE),
        (State.CANCELLED, bought.State.CANCELLED),
    ]


def test_a_planned_cancellation_comes_true_on_hold_too(sold: Sold) -> None:
    contract = sold.active()
    sold.does(agree.cancel, contract.id, on=date(2026, 3, 10))
    sold.does(agree.hold, contract.id)

    sold.on(date(2026, 3, 10))

    assert sold.contract(contract.id).state is State.CANCELLED


@pytest.mark.parametrize(
    ("on", "words"),
    [
        (date(2026, 3, 1), "on: 2026-03-01 is past"),
        (date(2027, 1, 1), "on: the contract ends on 2026-12-31 by itself"),
    ],
)
def test_a_contract_cannot_be_cancelled_on_a_day_that_makes_no_sense(
    sold: Sold, on: date, words: str
) -> None:
    contract = sold.active()

    with pytest.raises(WrongTerm, match=words):
        sold.does(agree.cancel, contract.id, on=on)


@pytest.mark.parametrize(
    ("day", "state"),
    [(date(2026, 6, 1), State.ACTIVE), (date(2027, 1, 1), State.EXPIRED)],
    ids=["before the end", "after the end"],
)
def test_a_released_contract_is_where_its_dates_put_it(sold: Sold, day: date, state: State) -> None:
    contract = in_state(sold, State.ON_HOLD)
    sold.at = noon_of(day)  # and the clock has not ticked

    released = sold.does(agree.release, contract.id)

    assert released.state is state


def test_a_contract_held_before_its_start_waits_for_it_again(sold: Sold) -> None:
    contract = in_state(sold, State.INVOICED)
    sold.does(agree.hold, contract.id)

    assert sold.does(agree.release, contract.id).state is State.INVOICED
