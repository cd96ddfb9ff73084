"""Events in any order, alone and from several threads, leave the balances a plain count has."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some
from sqlalchemy import select
from sqlalchemy.orm import Session

from intake import covering, entitlements, merging, work
from intake.agents import Principal, Role
from intake.cases import Case, State
from intake.db import new_id
from intake.entitlements import DecreaseOn, Entitlement, Unlisted
from intake.errors import IntakeError
from tests.desk import NOON, DeskUnderTest, email
from tests.test_entitlement_events import must_balance

CHANNELS = ("email", "phone")
ACTS = (
    "open", "resolve", "reopen", "cancel", "reactivate", "spare", "charge", "take off",
    "put on first", "put on second", "move to email", "move to phone", "ask again",
    "merge",
)  # fmt: skip


@dataclass(eq=False)
class Counted:
    """A case as the plain count knows it: where it stands and the term it has taken."""

    channel: str
    state: str = "active"
    on: str | None = None
    by_hand: bool = False
    spared: bool = False
    taken: tuple[str, str] | None = None
    into: Counted | None = None

    @property
    def end(self) -> Counted:
        """Where work on it goes on."""
        return self.into.end if self.into else self


@dataclass
class Count:
    """Two entitlements counted on one's fingers, by the table of events and nothing else.

    The first takes on creation and is restricted, the second on resolution and is not.
    """

    whole: int
    left: dict[str, int] = field(default_factory=dict)
    of_channel: dict[str, int] = field(default_factory=dict)
    cases: list[Counted] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.left = {"first": self.whole, "second": 50}
        self.of_channel = dict.fromkeys(CHANNELS, 2)

    def do(self, act: str, case: Counted | None, channel: str) -> None:
        """Raises Refused where the service must refuse."""
        if act == "open":
            case = Counted(channel)
            self.cases.append(case)
            self._choose(case)
            return
        assert case is not None
        getattr(self, "_" + act.replace(" ", "_"))(case)

    def _take(self, case: Counted) -> None:
        if case.spared or case.on is None or case.taken:
            return
        if case.on == "first" and not self._covers(case, case.channel):
            raise Refused
        self.left[case.on] -= 1
        if case.on == "first":
            self.of_channel[case.channel] -= 1
        case.taken = (case.on, case.channel)

    def _give_back(self, case: Counted) -> None:
        if case.taken:
            name, channel = case.taken
            self.left[name] += 1
            if name == "first":
                self.of_channel[channel] += 1
        case.taken = None

    def _covers(self, case: Counted, channel: str) -> bool:
        own = case.taken is not None and case.taken[0] == "first"
        same = own and case.taken == ("first", channel)
        return self.left["first"] + own >= 1 and self.of_channel[channel] + same >= 1

    def _choose(self, case: Counted) -> None:
        case.by_hand = False
        self._put(case, "first" if self._covers(case, case.channel) else "second")

    def _put(self, case: Counted, name: str | None) -> None:
        self._give_back(case)
        case.on = name
        if (name == "first" and case.state != "cancelled") or case.state == "resolved":
            self._take(case)

    def _resolve(self, case: Counted) -> None:
        must(case.state == "active")
        case.state = "resolved"
        self._take(case)

    def _reopen(self, case: Counted) -> None:
        must(case.state != "cancelled")
        case.state = "active"
        if case.on == "second":
            self._give_back(case)

    def _cancel(self, case: Counted) -> None:
        must(case.state == "active")
        case.state = "cancelled"
        self._give_back(case)

    def _reactivate(self, case: Counted) -> None:
        must(case.state == "cancelled" and case.into is None)
        case.state = "active"
        self._ask(case)

    def _merge(self, case: Counted) -> None:
        survivor = self.cases[beside(self.cases, case)].end
        must(survivor is not case and case.state == survivor.state == "active")
        case.state, case.into = "cancelled", survivor
        self._give_back(case)

    def _spare(self, case: Counted) -> None:
        case.spared = True
        self._give_back(case)

    def _charge(self, case: Counted) -> None:
        if not case.spared:
            return
        case.spared = False
        try:
            self._put(case, case.on)
        except Refused:
            case.spared = True
            raise

    def _take_off(self, case: Counted) -> None:
        case.by_hand = True
        self._put(case, None)

    def _put_on_first(self, case: Counted) -> None:
        must(self._covers(case, case.channel))
        case.by_hand = True
        self._put(case, "first")

    def _put_on_second(self, case: Counted) -> None:
        case.by_hand = True
        self._put(case, "second")

    def _move_to_email(self, case: Counted) -> None:
        self._move(case, "email")

    def _move_to_phone(self, case: Counted) -> None:
        self._move(case, "phone")

    def _move(self, case: Counted, channel: str) -> None:
        must(case.state == "active")
        case.channel = channel
        self._ask(case)

    def _ask_again(self, case: Counted) -> None:
        self._choose(case)

    def _ask(self, case: Counted) -> None:
        if not case.by_hand:
            self._choose(case)
        elif case.on == "first" and not self._covers(case, case.channel):
            case.by_hand = False
            self._put(case, None)
        else:
            self._put(case, case.on)


def beside(cases: Sequence[object], case: object) -> int:
    """Which case another is merged into: the first, or of the first the second if there is one."""
    first = next(number for number, each in enumerate(cases) if each == case) == 0
    return 1 if first and len(cases) > 1 else 0


class Refused(Exception):
    """The plain count says no."""


def must(true: bool) -> None:
    if not true:
        raise Refused


class Real:
    """The same acts done by the service."""

    def __init__(self, desk: DeskUnderTest, whole: int) -> None:
        self.desk = desk
        self.address = f"{new_id().hex}@{new_id().hex}.example"
        account = desk.has_customer(self.address).account_id
        self.first = desk.has_entitlement(
            account,
            total=whole,
            channels=dict.fromkeys(CHANNELS, 2),
            unlisted=Unlisted.ALLOW,
            name="first",
            ends_on=date(2026, 6, 30),
        )
        self.second = desk.has_entitlement(
            account, total=50, name="second", decrease_on=DecreaseOn.RESOLUTION, restricted=False
        )
        self.cases: list[UUID] = []

    def do(self, by: Principal, act: str, case_id: UUID | None, channel: str) -> None:
        if act == "open":
            [receipt] = self.desk.accepts(email(self.address, channel=channel))
            assert receipt.case is not None
            self.cases.append(receipt.case.id)
            return
        more: dict[str, Any] = {"desk": self.desk.settings}
        acts: dict[str, tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]] = {
            "resolve": (work.resolve, ("done",), more),
            "reopen": (work.reopen, (), more),
            "cancel": (work.cancel, ("no",), more),
            "reactivate": (covering.reactivate, (), more),
            "spare": (covering.set_no_decrement, (True,), more),
            "charge": (covering.set_no_decrement, (False,), more),
            "take off": (covering.set_entitlement, (None,), more),
            "put on first": (covering.set_entitlement, (self.first.id,), more),
            "put on second": (covering.set_entitlement, (self.second.id,), more),
            "move to email": (covering.change_channel, ("email",), more),
            "move to phone": (covering.change_channel, ("phone",), more),
            "ask again": (covering.choose_again, (), more),
            "merge": (self._merge, (), more),
        }
        call, words, more = acts[act]
        with self.desk.transaction() as session:
            call(session, by, case_id, *words, at=NOON, **more)

    def _merge(self, session: Session, by: Principal, case_id: UUID, **more: Any) -> None:
        survivor_id = self.cases[beside(self.cases, case_id)]
        merging.merge(session, by, survivor_id, [case_id], **more)

    def left(self) -> tuple[dict[str, int], dict[str, int]]:
        with self.desk.db.reading() as session:
            first = session.get_one(Entitlement, self.first.id)
            second = session.get_one(Entitlement, self.second.id)
            return (
                {"first": first.remaining, "second": second.remaining},
                {row.channel: row.remaining for row in first.channels},
            )


@pytest.fixture
def boss(desk: DeskUnderTest) -> Principal:
    return desk.principal("Marta", Role.MANAGER)


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    whole=some.integers(1, 4),
    story=some.lists(
        some.tuples(some.sampled_from(ACTS), some.integers(0, 9), some.sampled_from(CHANNELS)),
        min_size=4,
        max_size=25,
    ),
)
def test_any_order_of_events_leaves_what_a_plain_count_leaves(
    desk: DeskUnderTest, boss: Principal, whole: int, story: list[tuple[str, int, str]]
) -> None:
    real, count = Real(desk, whole), Count(whole)

    for act, which, channel in [("open", 0, "email"), *story]:
        number = which % len(count.cases) if count.cases else 0
        counted = count.cases[number] if act != "open" else None
        case_id = real.cases[number] if act != "open" else None
        try:
            count.do(act, counted, channel)
        except Refused:
            with pytest.raises(IntakeError):
                real.do(boss, act, case_id, channel)
        else:
            real.do(boss, act, case_id, channel)
        assert real.left() == (count.left, count.of_channel), act

    with desk.db.reading() as session:
        held = entitlements.held_by(session, {(None, real.first.account_id)})
        assert entitlements.unbalanced(session, held) == []


def test_threads_that_do_everything_at_once_leave_the_balances_right(
    desk: DeskUnderTest, boss: Principal
) -> None:
    real = Real(desk, 6)
    for channel in (*CHANNELS, *CHANNELS):
        real.do(boss, "open", None, channel)
    starting = threading.Barrier(6)
    failures: list[Exception] = []

    def live(seed: int) -> None:
        dice = random.Random(seed)
        starting.wait()
        for _ in range(25):
            act, case_id = dice.choice(ACTS), dice.choice(real.cases)
            try:
                real.do(boss, act, case_id, dice.choice(CHANNELS))
            except IntakeError:
                continue  # refused, as the rules say
            except Exception as error:  # noqa: BLE001  told to the main thread
                failures.append(error)

    threads = [threading.Thread(target=live, args=(seed,)) for seed in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []
    must_balance(desk)
    with desk.db.reading() as session:
        cases = session.scalars(select(Case)).all()
    assert real.left()[0] == {
        "first": 6 - sum(map(takes, [c for c in cases if c.entitlement_id == real.first.id])),
        "second": 50
        - sum(
            takes(case) and case.state is State.RESOLVED
            for case in cases
            if case.entitlement_id == real.second.id
        ),
    }


def takes(case: Case) -> bool:
    """Whether a case that stands like this has a term, apart from when it is taken."""
    return case.state is not State.CANCELLED and not case.no_decrement


def test_replies_that_reopen_and_agents_who_resolve_wait_for_each_other(
    desk: DeskUnderTest, boss: Principal
) -> None:
    account = desk.has_customer().account_id
    desk.has_entitlement(account, total=50, decrease_on=DecreaseOn.RESOLUTION)
    for number in range(3):
        desk.accepts(email(message_id=f"{number}@example.com"))
    ids = [case.id for case in desk.all(Case)]
    starting = threading.Barrier(4)
    failures: list[Exception] = []

    def live(step: Callable[[int], object]) -> None:
        starting.wait()
        for turn in range(15):
            try:
                step(turn)
            except IntakeError:
                continue  # it is resolved already
            except Exception as error:  # noqa: BLE001  told to the main thread
                failures.append(error)

    def write(turn: int) -> None:
        desk.accepts(
            *(email(in_reply_to=f"{(turn + n) % 3}@example.com", text="Again.") for n in (0, 1)),
            email(message_id=f"{new_id().hex}@example.com"),
        )

    def resolve(turn: int) -> None:
        with desk.transaction() as session:
            work.resolve(session, boss, ids[turn % 3], "done", desk=desk.settings, at=NOON)

    threads = [threading.Thread(target=live, args=(step,)) for step in (write, resolve) * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []
    must_balance(desk)
    [plan] = desk.all(Entitlement)
    resolved = [case for case in desk.all(Case) if case.state is State.RESOLVED]
    assert plan.remaining == 50 - len(resolved)
