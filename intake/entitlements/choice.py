"""Which entitlement applies: every candidate is asked every question, and the answers are kept.

A refusal is a value, never an exception: the case is kept whatever the answer, with the answers
to every test, so that agent and customer can be told why.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from intake.entitlements.bought import DecreaseOn, Entitlement, State, Unlisted


class Refusal(StrEnum):
    """Why an entitlement does not cover a case, the most telling reason first."""

    NONE_BOUGHT = "none-bought"
    NOT_STARTED = "not-started"
    EXPIRED = "expired"
    NOT_ACTIVE = "not-active"
    NOT_THEIRS = "not-theirs"
    CONTACT_NOT_COVERED = "contact-not-covered"
    PRODUCT_NOT_COVERED = "product-not-covered"
    CHANNEL_NOT_COVERED = "channel-not-covered"
    CHANNEL_USED_UP = "channel-used-up"
    USED_UP = "used-up"
    NOT_CHOSEN = "not-chosen"


class ChosenBy(StrEnum):
    """Who put the entitlement on a case, or took it off."""

    RULE = "rule"
    HAND = "hand"
    OVERRIDE = "override"  # a manager, against the rules and with a reason


@dataclass(frozen=True, slots=True)
class Taken:
    """What a case has of an entitlement already, and so need not be free for it."""

    entitlement_id: UUID
    units: int
    channel: str = ""
    """The channel whose own balance it is of too; '' for none."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a case asks an entitlement for."""

    case_id: UUID
    channel: str
    contact_id: UUID | None
    account_id: UUID | None
    product_id: UUID | None
    on: date
    at: datetime
    has: Taken | None = None


@dataclass(frozen=True, slots=True)
class Test:
    """One question put to one entitlement, its answer and the answer in words."""

    name: str
    passed: bool
    words: str
    refusal: Refusal | None = None

    __test__ = False  # pytest would collect it by its name


@dataclass(frozen=True, slots=True)
class Decision:
    """Which entitlement covers a case, or why none does. Stored on the case as JSON."""

    entitlement: Entitlement | None
    refusal: Refusal | None
    words: str
    answers: tuple[tuple[Entitlement, tuple[Test, ...]], ...] = ()
    chosen_by: ChosenBy = ChosenBy.RULE

    def as_json(self) -> dict[str, Any]:
        """The decision as the case keeps it: the picked one, and every answer in words."""
        return {
            "entitlement": str(self.entitlement.id) if self.entitlement else None,
            "name": self.entitlement.name if self.entitlement else None,
            "refusal": self.refusal,
            "words": self.words,
            "chosen_by": self.chosen_by,
            "candidates": [
                {
                    "entitlement": str(entitlement.id),
                    "name": entitlement.name,
                    "tests": [
                        {"name": t.name, "passed": t.passed, "words": t.words} for t in tests
                    ],
                }
                for entitlement, tests in self.answers
            ],
        }


def decide(candidates: Sequence[Entitlement], asked: Asked, *, apply: bool = True) -> Decision:
    """Which of these covers what is asked; changes nothing.

    The customer's default comes first; then the one that ends soonest, then the one with the
    least left, then the oldest. `candidates` may hold other customers' entitlements. Without
    `apply` the answers are given and nobody is chosen.
    """
    answers = tuple((e, tuple(_tests(e, asked))) for e in _in_order(candidates, asked))
    if not answers:
        return Decision(None, Refusal.NONE_BOUGHT, "This customer has bought no entitlement.")
    covering = [entitlement for entitlement, tests in answers if _passed(tests)]
    if covering and not apply:
        names = ", ".join(entitlement.name for entitlement in covering)
        return Decision(None, Refusal.NOT_CHOSEN, f"To be chosen by hand: {names}.", answers)
    if covering:
        return Decision(covering[0], None, _covered(covering[0], asked), answers)
    # The nearest miss explains best: the entitlement that passed the most tests.
    entitlement, tests = max(answers, key=lambda a: sum(test.passed for test in a[1]))
    failed = next(test for test in tests if not test.passed)
    return Decision(None, failed.refusal, f"{entitlement.name}: {failed.words}", answers)


def decide_on(chosen: Entitlement, candidates: Sequence[Entitlement], asked: Asked) -> Decision:
    """Whether the one chosen by hand covers what is asked; nobody is put in its place."""
    tests = tuple(_tests(chosen, asked))
    others = (e for e in _in_order(candidates, asked) if e.id != chosen.id)
    answers = ((chosen, tests), *((e, tuple(_tests(e, asked))) for e in others))
    if _passed(tests):
        words = _covered(chosen, asked)
        return Decision(chosen, None, words, answers, ChosenBy.HAND)
    failed = next(test for test in tests if not test.passed)
    words = f"{chosen.name}: {failed.words}"
    return Decision(None, failed.refusal, words, answers, ChosenBy.HAND)


def is_theirs(entitlement: Entitlement, asked: Asked) -> bool:
    """Whether it is the contact's own or the account's."""
    if entitlement.contact_id is not None:
        return entitlement.contact_id == asked.contact_id
    return entitlement.account_id is not None and entitlement.account_id == asked.account_id


def _in_order(candidates: Sequence[Entitlement], asked: Asked) -> list[Entitlement]:
    return sorted(
        (e for e in candidates if is_theirs(e, asked)),
        key=lambda e: (not e.is_default, e.ends_on, e.remaining, e.created_at, e.id),
    )


def _passed(tests: Iterable[Test]) -> bool:
    return all(test.passed for test in tests)


def _tests(entitlement: Entitlement, asked: Asked) -> Iterable[Test]:
    # Whoever chooses by hand may name anybody's; candidates are the customer's own already.
    if not is_theirs(entitlement, asked):
        yield Test("customer", False, "belongs to another customer", Refusal.NOT_THEIRS)
    yield _in_force(entitlement, entitlement.day(asked.at, asked.on))
    yield _listed(
        "contact",
        {row.contact_id for row in entitlement.contacts},
        asked.contact_id,
        Refusal.CONTACT_NOT_COVERED,
    )
    yield _listed(
        "product",
        {row.product_id for row in entitlement.products},
        asked.product_id,
        Refusal.PRODUCT_NOT_COVERED,
    )
    yield _channel_covered(entitlement, asked.channel)
    yield from _terms_left(entitlement, asked)


def state_on(entitlement: Entitlement, on: date) -> State:
    """The state an entitlement in force has on a day, by its dates."""
    if entitlement.ends_on < on:
        return State.EXPIRED
    return State.WAITING if entitlement.starts_on > on else State.ACTIVE


def _in_force(entitlement: Entitlement, on: date) -> Test:
    state = entitlement.state
    if state in (State.WAITING, State.ACTIVE, State.EXPIRED):
        state = state_on(entitlement, on)  # the clock may not have moved it yet
    words = {
        State.ACTIVE: f"active until {entitlement.ends_on:%d %b %Y}",
        State.WAITING: f"starts on {entitlement.starts_on:%d %b %Y}",
        State.EXPIRED: f"expired on {entitlement.ends_on:%d %b %Y}",
    }.get(state, f"is {state}")  # a draft, cancelled, or on hold with its contract
    refusal = {
        State.WAITING: Refusal.NOT_STARTED,
        State.EXPIRED: Refusal.EXPIRED,
    }.get(state, Refusal.NOT_ACTIVE)
    return Test("in force", state is State.ACTIVE, words, refusal)


def _listed(name: str, listed: set[UUID], asked: UUID | None, refusal: Refusal) -> Test:
    if not listed:
        return Test(name, True, f"covers every {name}", refusal)
    return Test(name, asked in listed, f"limited to certain {name}s", refusal)


def _channel_covered(entitlement: Entitlement, channel: str) -> Test:
    row = entitlement.allotment(channel)
    if row is None:
        allowed = entitlement.unlisted is Unlisted.ALLOW
        words = f"{channel} is not listed" + (", which is allowed" if allowed else "")
        return Test("channel", allowed, words, Refusal.CHANNEL_NOT_COVERED)
    closed = row.total == 0 and entitlement.restricted
    words = f"{channel} is closed" if closed else f"{channel} is covered"
    return Test("channel", not closed, words, Refusal.CHANNEL_NOT_COVERED)


def _terms_left(entitlement: Entitlement, asked: Asked) -> Iterable[Test]:
    has = asked.has if asked.has and asked.has.entitlement_id == entitlement.id else None
    channel = asked.channel
    row = entitlement.allotment(channel)
    if row is not None and (row.total > 0 or not entitlement.restricted):
        free = row.free + (has.units if has and has.channel == channel else 0)
        words = f"{entitlement.number(free)} of {entitlement.terms(row.total)} by {channel}"
        yield _enough("channel terms", entitlement, free, words, Refusal.CHANNEL_USED_UP)
    free = entitlement.free + (has.units if has else 0)
    yield _enough("terms", entitlement, free, entitlement.left(free), Refusal.USED_UP)


def _enough(name: str, entitlement: Entitlement, free: int, words: str, refusal: Refusal) -> Test:
    enough = free >= needed(entitlement)
    words += " left"
    if not enough and not entitlement.restricted:
        words += ", goes below zero"
    return Test(name, enough or not entitlement.restricted, words, refusal)


def needed(entitlement: Entitlement) -> int:
    """How many units must be free for one more case.

    On creation it takes one. Else it holds some back; that nothing is left is a no in any case.
    """
    if entitlement.decrease_on is DecreaseOn.CREATION:
        return 1
    return max(1, entitlement.reserve)


def _covered(entitlement: Entitlement, asked: Asked) -> str:
    has = asked.has is not None and asked.has.entitlement_id == entitlement.id
    spent = 1 if entitlement.decrease_on is DecreaseOn.CREATION and not has else 0
    words = f"{entitlement.name}: {entitlement.left(entitlement.remaining - spent)} left"
    if row := entitlement.allotment(asked.channel):
        own = entitlement.number(row.remaining - spent)
        words += f", {own} of {entitlement.number(row.total)} by {asked.channel}"
    return words + "."
